//! DNS rebinding (W-S20).

use actix_web::http::header::AUTHORIZATION;
use actix_web::test::TestRequest;
use patze_server::guard::Allowed;

use super::app::Scene;
use super::{TOKEN, mode_none, mode_token, reader};

fn named(host: &str) -> TestRequest {
    TestRequest::get().uri("/read").insert_header(("host", host))
}

#[actix_web::test]
async fn w_s20_in_mode_none_a_foreign_name_reads_nothing() {
    let hosts = "control.lan".parse().unwrap();
    let scene = Scene::with(mode_none(), Allowed { hosts, ..Allowed::default() });
    for host in ["localhost:9700", "127.0.0.1:9700", "[::1]:9700", "192.168.1.5", "control.lan:9700"] {
        assert_eq!(scene.ask(named(host)).await.status.as_u16(), 200, "{host}");
    }
    for path in ["/read", "/health", "/nothing"] {
        let request = TestRequest::get().uri(path).insert_header(("host", "evil.example:9700"));
        // As the page of a rebound name asks: of its own origin.
        let request = request.insert_header(("origin", "http://evil.example:9700"));
        let answer = scene.ask(request).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "host_not_allowed"), "{path}");
        assert!(answer.body.contains("PATZE_ALLOWED_HOSTS"), "names the remedy: {}", answer.body);
    }
}

#[actix_web::test]
async fn w_s20_every_name_that_a_request_gives_must_be_allowed() {
    let scene = Scene::new(mode_none());
    let two = named("localhost").append_header(("host", "evil.example"));
    assert_eq!(scene.ask(two).await.code(), "host_not_allowed");
    // HTTP/2's authority, or HTTP/1.1's absolute form.
    let absolute = TestRequest::get().uri("http://evil.example/read").insert_header(("host", "localhost"));
    assert_eq!(scene.ask(absolute).await.code(), "host_not_allowed");
    let absolute = TestRequest::get().uri("http://localhost/read");
    assert_eq!(scene.ask(absolute).await.status.as_u16(), 200);
    // HTTP/1.0 health checks; a browser always names a host.
    assert_eq!(scene.ask(TestRequest::get().uri("/health")).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn w_s20_a_known_token_passes_under_every_name() {
    let scene = Scene::new(mode_none());
    let header = reader();
    let known = named("evil.example").insert_header((AUTHORIZATION, header.clone()));
    assert_eq!(scene.ask(known).await.status.as_u16(), 200);
    let guess = named("evil.example").insert_header((AUTHORIZATION, format!("{header}x")));
    assert_eq!(scene.ask(guess).await.code(), "host_not_allowed");
}

#[actix_web::test]
async fn in_mode_token_the_name_does_not_matter() {
    let scene = Scene::new(mode_token());
    let header = (AUTHORIZATION, format!("Bearer {TOKEN}"));
    assert_eq!(scene.ask(named("anything.example").insert_header(header)).await.status.as_u16(), 200);
    assert_eq!(scene.ask(named("anything.example")).await.status.as_u16(), 401);
}
