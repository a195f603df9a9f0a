//! Failed credentials (W-S24, W-S8).

use actix_web::http::header::AUTHORIZATION;
use actix_web::test::TestRequest;
use patze_server::guard::Allowed;

use super::app::{Answer, Scene};
use super::{TOKEN, mode_token};

async fn try_token(scene: &Scene, peer: &str, token: &str) -> Answer {
    let request = TestRequest::get().uri("/read").insert_header((AUTHORIZATION, format!("Bearer {token}")));
    scene.ask_from(peer, request).await
}

#[actix_web::test]
async fn w_s24_the_eleventh_failure_in_a_minute_is_429() {
    let scene = Scene::new(mode_token());
    for n in 0..10 {
        assert_eq!(try_token(&scene, "192.0.2.1:1", "wrong").await.status.as_u16(), 401, "{n}");
    }
    let answer = try_token(&scene, "192.0.2.1:2", "wrong").await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (429, "too_many_failures"));
    assert_eq!(answer.header("retry-after"), Some("60"));
    scene.wait(59).await;
    assert_eq!(try_token(&scene, "192.0.2.1:1", "wrong").await.header("retry-after"), Some("1"));
    scene.wait(1).await;
    assert_eq!(try_token(&scene, "192.0.2.1:1", "wrong").await.status.as_u16(), 401);
}

#[actix_web::test]
async fn w_s24_one_wrong_token_from_127_0_0_1_locks_nobody_else_out() {
    let scene = Scene::new(mode_token());
    for _ in 0..50 {
        try_token(&scene, "127.0.0.1:1", "wrong").await;
    }
    assert_eq!(try_token(&scene, "127.0.0.1:1", "wrong").await.status.as_u16(), 429);
    assert_eq!(try_token(&scene, "127.0.0.1:1", TOKEN).await.status.as_u16(), 200);
    assert_eq!(try_token(&scene, "127.0.0.1:1", "another").await.status.as_u16(), 401);
    assert_eq!(try_token(&scene, "127.0.0.2:1", "wrong").await.status.as_u16(), 401);
    // A page that waits for its user's token is no guesser.
    for _ in 0..400 {
        let answer = scene.ask(TestRequest::get().uri("/read")).await;
        assert_eq!(answer.status.as_u16(), 401);
    }
}

#[actix_web::test]
async fn w_s24_a_guesser_of_many_tokens_is_stopped_and_a_valid_token_still_passes() {
    let scene = Scene::new(mode_token());
    for n in 0..300 {
        assert_eq!(try_token(&scene, "192.0.2.1:1", &format!("guess {n}")).await.status.as_u16(), 401);
    }
    assert_eq!(try_token(&scene, "192.0.2.1:1", "guess 300").await.status.as_u16(), 429);
    assert_eq!(try_token(&scene, "192.0.2.1:1", TOKEN).await.status.as_u16(), 200);
    assert_eq!(try_token(&scene, "192.0.2.2:1", "guess 300").await.status.as_u16(), 401);
}

#[actix_web::test]
async fn w_s8_a_forged_x_forwarded_for_does_not_escape_and_a_trusted_proxys_tells_clients_apart() {
    let proxies = "10.0.0.1".parse().unwrap();
    let scene = Scene::with(mode_token(), Allowed { proxies, ..Allowed::default() });
    let through = async |socket: &str, client: &str| {
        let request = TestRequest::get()
            .uri("/read")
            .insert_header((AUTHORIZATION, "Bearer wrong"))
            .insert_header(("x-forwarded-for", client));
        scene.ask_from(socket, request).await.status.as_u16()
    };
    for n in 0..10 {
        assert_eq!(through("192.0.2.1:1", &format!("198.51.100.{n}")).await, 401);
        assert_eq!(through("10.0.0.1:1", "203.0.113.1").await, 401);
    }
    assert_eq!(through("192.0.2.1:1", "198.51.100.99").await, 429, "forged");
    assert_eq!(through("10.0.0.1:1", "203.0.113.1").await, 429);
    assert_eq!(through("10.0.0.1:1", "203.0.113.2").await, 401, "another client of the proxy");
}
