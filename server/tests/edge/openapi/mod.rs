//! `server/openapi.json`, compared with a running server.
//!
//! That it lists the routes, scopes and codes of the program is compared in `server/src/edge/openapi.rs`. Here is what no list
//! can say:
//! 1. [`valid`]: it is OpenAPI, and its examples are what its schemas say.
//! 2. [`answers`]: what is answered, over a fleet with something of everything ([`story`]), is what it says and no more; for
//!    this, objects that the document leaves open are closed.
//! 3. [`inputs`]: what it says is refused is refused, with that code; what it allows is not; it names every parameter.
//! 4. It says no more than what is so: each property, status and code must have been seen above, or stand in [`UNSEEN`].
//! 5. [`client`]: a client that is generated from it works.
//!
//! Whoever adds a route describes it there, with examples: they are sent here, by themselves. What an example alone does not
//! bring about is asked for in [`answers`].

mod answers;
mod client;
mod document;
mod inputs;
mod story;
mod valid;

use document::Document;

/// What this test does not bring about, and what does.
const UNSEEN: [(&str, &str); 6] = [
    ("RetentionRun.error", "actors/tests/log/retention"),
    ("Health.demo", "server/tests/demo.rs"),
    (" overloaded", "ingest.rs fills the queue, bodies.rs the budget"),
    (" too_much", "it takes a question of two seconds"),
    (" too_many_tokens", "it takes 1,000 tokens: actors/src/credentials"),
    (" open_bind", "guard/settings.rs, on a server that others reach"),
];

#[actix_rt::test]
async fn the_program_does_what_it_says() {
    let document = Document::new();
    let (server, time) = story::server(&document).await;
    answers::examples(&server, &document).await;
    answers::everything(&server, &document, &time).await;
    answers::frames(&server, &document).await;
    answers::what_retention_leaves(&server, &document, &time).await;
    inputs::parameters(&server, &document).await;
    inputs::bodies(&server, &document).await;
    inputs::rejections(&server, &document).await;
    inputs::scopes(&server, &document).await;
    answers::when_it_does_not_run(server, &document).await;

    let mut said = document.answerable();
    for operation in document.operations() {
        let statuses =
            operation.json["responses"].as_object().unwrap().keys().filter(|status| *status != "default");
        for status in statuses {
            said.insert(format!("{} {status}", operation.id));
            said.extend(
                document.codes(&operation, status).iter().map(|code| format!("{} {code}", operation.id)),
            );
        }
    }
    let seen = document.seen.borrow();
    let (known, unseen): (Vec<_>, Vec<_>) =
        said.difference(&seen).partition(|what| UNSEEN.iter().any(|(end, _)| what.ends_with(end)));
    assert!(
        unseen.is_empty(),
        "server/openapi.json says what no answer has shown; bring it about in server/tests/edge/openapi/answers.rs or \
         story.rs, or take it out of the document: {unseen:#?}"
    );
    for (end, why) in UNSEEN {
        assert!(
            known.iter().any(|what| what.ends_with(end)),
            "{end:?} was seen, and needs no exception ({why})"
        );
    }
}
