//! `GET /plain`: address, live counts and links, for who has no scripts; and `GET /` where no page was built (design §18.11).
//!
//! Open in every mode, as a page's files are; where a token is needed it shows no counts. No scripts, no styles, and a
//! policy that allows none.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use patze_actors::credentials::Mode;

use super::{BUILD, Edge};

const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Shows the page.
pub async fn page(edge: web::Data<Edge>, request: HttpRequest) -> HttpResponse {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
    let fleet = edge.log().fleet();
    let facts = fleet.facts();
    let counts = if edge.guard.credentials().mode() == Mode::None {
        format!(
            "<p>{} machines, {} agents, {} sessions, {} runs; {} events stored.</p>",
            facts.machines.len(),
            facts.agents.len(),
            facts.sessions.len(),
            facts.runs.len(),
            fleet.position()
        )
    } else {
        "<p>A token is needed: <code>Authorization: Bearer &lt;token&gt;</code>.</p>".to_owned()
    };
    let text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>Patze Control</title>\n<h1>Patze Control</h1>\n\
         <p>Version {BUILD} at <code>http://{}</code>.</p>\n{counts}\n\
         <p>The page itself is at <a href=\"./\">/</a>, if this program was built after <code>scripts/build-web</code>.</p>\n\
         <ul>\n<li><a href=\"snapshot\">snapshot</a>: all that is\n<li><a href=\"events\">events</a>: all that happens\n\
         <li><a href=\"bridge/connections\">bridge/connections</a>: who reports\n\
         <li><a href=\"actors\">actors</a>, <a href=\"readyz\">readyz</a>, <a href=\"metrics\">metrics</a>, \
         <a href=\"health\">health</a>: how this server fares\n</ul>\n",
        escaped(host)
    );
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(text)
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_host_cannot_bring_markup() {
        assert_eq!(super::escaped("a<b>&\"c"), "a&lt;b&gt;&amp;&quot;c");
    }
}
