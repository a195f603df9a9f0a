//! Who may (contract §2.1, W-S4).

use actix_web::http::header::AUTHORIZATION;
use actix_web::test::TestRequest;
use patze_actors::credentials::{Environment, Published};

use super::app::Scene;
use super::{TOKEN, admin, bridge, expired, mode_none, mode_token, reader, revoked};

fn get(path: &str) -> TestRequest {
    TestRequest::get().uri(path).insert_header(("host", "localhost:9700"))
}

fn post(path: &str) -> TestRequest {
    TestRequest::post().uri(path).insert_header(("host", "localhost:9700"))
}

/// Asks `/read`, `/ingest` and `/write` with this header and gives the statuses.
async fn statuses(scene: &Scene, header: Option<&str>) -> [u16; 3] {
    let mut statuses = [0; 3];
    for (status, request) in statuses.iter_mut().zip([get("/read"), post("/ingest"), post("/write")]) {
        let request = match header {
            Some(header) => request.insert_header((AUTHORIZATION, header)),
            None => request,
        };
        *status = scene.ask(request).await.status.as_u16();
    }
    statuses
}

#[actix_web::test]
async fn authorization_headers_by_mode() {
    let (open, closed) = (Scene::new(mode_none()), Scene::new(mode_token()));
    for (header, lets_in) in [
        (None, false),
        (Some(format!("Bearer {TOKEN}")), true),
        (Some(format!("bearer {TOKEN}")), false),
        (Some(format!("Bearer  {TOKEN}")), false),
        (Some(TOKEN.to_owned()), false),
        (Some("Bearer".to_owned()), false),
        (Some("Bearer wrong".to_owned()), false),
        (Some("Basic dTpw".to_owned()), false),
    ] {
        let expected = if lets_in { 200 } else { 401 };
        assert_eq!(statuses(&closed, header.as_deref()).await, [expected; 3], "mode token, {header:?}");
        assert_eq!(statuses(&open, header.as_deref()).await, [200; 3], "mode none, {header:?}");
    }
}

#[actix_web::test]
async fn a_refusal_is_the_contracts() {
    let scene = Scene::new(mode_token());
    let answer = scene.ask(get("/read")).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (401, r#"{"error":"unauthorized"}"#));
    assert_eq!(answer.header("www-authenticate"), None);
}

#[actix_web::test]
async fn open_routes_and_unknown_paths_need_no_token() {
    let scene = Scene::new(mode_token());
    assert_eq!(scene.ask(get("/health")).await.status.as_u16(), 200);
    assert_eq!(scene.ask(get("/nothing")).await.status.as_u16(), 404);
    // A method that the path does not have is nothing too, and says nothing about tokens.
    assert_eq!(scene.ask(post("/read")).await.status.as_u16(), 404);
}

#[actix_web::test]
async fn w_s4_each_scope_may_what_it_is_for_in_every_mode() {
    for environment in [mode_none(), mode_token()] {
        let scene = Scene::new(environment);
        for (header, expected) in [
            (admin(), [200, 200, 200]),
            (reader(), [200, 403, 403]),
            (bridge(), [403, 200, 403]),
            (revoked(), [401, 401, 401]),
            (expired(), [401, 401, 401]),
        ] {
            let mode = scene.store.mode();
            assert_eq!(statuses(&scene, Some(&header)).await, expected, "{header} in {mode:?}");
        }
    }
}

#[actix_web::test]
async fn a_refused_scope_is_named() {
    let scene = Scene::new(mode_token());
    let header = bridge();
    let answer = scene.ask(get("/read").insert_header((AUTHORIZATION, header))).await;
    assert_eq!(answer.code(), "forbidden");
    assert!(answer.body.contains("scope read"), "{}", answer.body);
}

#[actix_web::test]
async fn the_running_servers_own_token_is_an_admins() {
    let folder = tempfile::tempdir().unwrap();
    for environment in [mode_none(), mode_token()] {
        let scene = Scene::new(environment);
        let published = Published::new(folder.path(), &scene.store, "127.0.0.1:1".parse().unwrap()).unwrap();
        let token = std::fs::read_to_string(folder.path().join("cli-token")).unwrap();
        assert_eq!(statuses(&scene, Some(&format!("Bearer {token}"))).await, [200; 3]);
        drop(published);
    }
}

/// An application without a guard is a mistake of ours; it must not be an open door.
#[actix_web::test]
async fn without_a_guard_nobody_is_let_in() {
    use actix_web::middleware::from_fn;
    use actix_web::{App, HttpResponse, web};
    let handler = || async { HttpResponse::Ok().finish() };
    let app = actix_web::test::init_service(
        App::new()
            .route("/read", web::get().to(handler).wrap(from_fn(patze_server::guard::read)))
            .service(
                web::resource("/host").route(web::get().to(handler)).wrap(from_fn(patze_server::guard::host)),
            )
            .service(
                web::resource("/origin")
                    .route(web::get().to(handler))
                    .wrap(from_fn(patze_server::guard::origin)),
            ),
    )
    .await;
    for path in ["/read", "/host", "/origin"] {
        let answer = actix_web::test::call_service(&app, get(path).to_request()).await;
        assert_eq!(answer.status().as_u16(), 500, "{path}");
    }
}

#[actix_web::test]
async fn the_mode_of_the_environment_is_whole() {
    let scene = Scene::new(Environment::new(Some("none"), Some(TOKEN.to_owned())).unwrap());
    assert_eq!(statuses(&scene, Some(&format!("Bearer {TOKEN}"))).await, [200; 3]);
    assert_eq!(statuses(&scene, None).await, [200; 3]);
}
