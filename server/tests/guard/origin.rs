//! Which pages may use the server (contract §2.2).

use actix_web::http::Method;
use actix_web::test::TestRequest;
use patze_server::guard::Allowed;

use super::app::{Answer, Scene};
use super::mode_token;

fn scene() -> Scene {
    let origins = "https://patze.example.org:8443, app://patze".parse().unwrap();
    Scene::with(mode_token(), Allowed { origins, ..Allowed::default() })
}

/// Asks `/health` under this host from a page of this origin.
async fn ask(scene: &Scene, host: &str, origin: &str) -> Answer {
    let request = TestRequest::get().uri("/health").insert_header(("host", host));
    scene.ask(request.insert_header(("origin", origin))).await
}

#[actix_web::test]
async fn origins_that_are_allowed_and_not() {
    let scene = scene();
    for (origin, allowed) in [
        ("http://localhost", true),
        ("https://localhost", true),
        ("http://localhost:1420", true),
        ("http://127.0.0.1:5173", true),
        ("https://127.0.0.1", true),
        ("http://[::1]", true),
        ("http://[::1]:9700", true),
        ("tauri://localhost", true),
        ("http://tauri.localhost", true),
        ("https://patze.example.org:8443", true),
        ("HTTPS://Patze.Example.Org:8443", true),
        ("app://patze", true),
        ("null", false),
        ("", false),
        ("http://evil.example", false),
        ("http://localhost.evil.example", false),
        ("http://localhost:80.evil.example", false),
        ("http://localhost:", false),
        ("http://localhost:+80", false),
        ("http://localhost:99999", false),
        ("http://localhost:80/", false),
        ("http://localhost@evil.example", false),
        ("http://127.0.0.1.evil.example", false),
        ("http://[::1].evil.example", false),
        ("http://evil.example/http://localhost", false),
        ("ftp://localhost", false),
        ("http:localhost", false),
        ("http://tauri.localhost.evil.example", false),
        ("http://tauri.localhost:1", false),
        ("xtauri://localhost", false),
        ("https://patze.example.org", false),
        ("https://patze.example.org:8443.evil.example", false),
        ("http://patze.example.org:8443", false),
    ] {
        let answer = ask(&scene, "control.lan:9700", origin).await;
        assert!(answer.list("vary").contains(&"origin".to_owned()), "{origin}: on every answer");
        if allowed {
            assert_eq!(answer.status.as_u16(), 200, "{origin}");
            assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        } else {
            assert_eq!(
                (answer.status.as_u16(), answer.code().as_str()),
                (403, "origin_not_allowed"),
                "{origin}"
            );
            assert!(answer.body.contains("PATZE_ALLOWED_ORIGINS"), "names the remedy: {}", answer.body);
            assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
        }
    }
}

#[actix_web::test]
async fn a_page_that_this_server_served_is_allowed() {
    let scene = scene();
    for (host, origin, allowed) in [
        ("control.lan:9700", "http://control.lan:9700", true),
        ("Control.LAN:9700", "http://control.lan:9700", true),
        ("control.lan", "http://control.lan", true),
        ("control.lan:80", "http://control.lan", true),
        // A proxy took TLS away.
        ("control.lan", "https://control.lan", true),
        ("control.lan:443", "https://control.lan", true),
        ("control.lan:443", "http://control.lan", false),
        ("control.lan:9700", "http://control.lan", false),
        ("control.lan", "http://control.lan:9700", false),
        ("control.lan", "http://evil.control.lan", false),
        ("", "http://", false),
    ] {
        let answer = ask(&scene, host, origin).await;
        assert_eq!(answer.status.as_u16() == 200, allowed, "{origin} on {host}");
    }
}

#[actix_web::test]
async fn without_an_origin_nothing_is_restricted() {
    let scene = scene();
    let answer = scene.ask(TestRequest::get().uri("/health")).await;
    assert_eq!(answer.status.as_u16(), 200);
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert!(answer.list("vary").contains(&"origin".to_owned()));
}

fn options(path: &str) -> TestRequest {
    TestRequest::default().method(Method::OPTIONS).uri(path)
}

/// Contract §16.2 step 7, and that neither a token nor a known path is needed.
#[actix_web::test]
async fn preflights_are_answered_as_the_contract_says() {
    let scene = scene();
    for path in ["/read", "/write", "/nothing"] {
        let request = options(path)
            .insert_header(("origin", "http://localhost:1420"))
            .insert_header(("access-control-request-method", "GET"))
            .insert_header(("access-control-request-headers", "authorization,last-event-id"));
        let answer = scene.ask(request).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (204, ""), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("http://localhost:1420"));
        assert_eq!(answer.header("access-control-allow-headers"), Some("authorization,last-event-id"));
        let methods = answer.list("access-control-allow-methods");
        assert_eq!(methods, ["get", "head", "put", "patch", "post", "delete", "options"]);
        assert_eq!(answer.list("vary"), ["access-control-request-headers", "origin"]);
        for absent in ["allow-credentials", "max-age", "expose-headers"] {
            assert_eq!(answer.header(&format!("access-control-{absent}")), None);
        }
    }
}

#[actix_web::test]
async fn options_that_are_no_preflight() {
    let scene = scene();
    let method = ("access-control-request-method", "GET");
    for request in [
        options("/read"),
        options("/read").insert_header(method),
        options("/read").insert_header(("origin", "http://localhost")),
    ] {
        let answer = scene.ask(request).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (400, "Invalid Preflight Request"));
    }
    let foreign = options("/read").insert_header(("origin", "http://evil.example")).insert_header(method);
    let answer = scene.ask(foreign).await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-methods")), (403, None));
}

#[actix_web::test]
async fn a_page_can_read_every_answer_errors_included() {
    let scene = scene();
    for (path, status) in [("/read", 401), ("/nothing", 404), ("/broken", 418)] {
        let request = TestRequest::get().uri(path).insert_header(("origin", "http://localhost"));
        let answer = scene.ask(request).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("http://localhost"), "{path}");
        assert!(answer.list("vary").contains(&"origin".to_owned()), "{path}");
    }
}
