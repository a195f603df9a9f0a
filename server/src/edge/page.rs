//! `GET /` and `GET /page/{file}`: the page, as `scripts/build-web` has packed it and this program holds it.
//!
//! Open in every mode, for it holds nothing of anybody's. Files have names with hashes and may be kept for ever; `/` is asked
//! for again each time. Their compressed forms were made when they were packed. Where no page was built, `/` is
//! the [plain one](super::landing). In debug builds the files are read from their folder, so that a page that was built again is
//! there at once.

use actix_web::http::header::{self, ContentEncoding, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use rust_embed::{Embed, EmbeddedFile};
use std::borrow::Cow;

use super::{Edge, answer, landing};
use crate::error::Error;

/// The page's files and what it may do: nothing from elsewhere, no inline script, no style attribute.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; font-src 'self'; \
                      img-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";
const FOR_EVER: &str = "public, max-age=31536000, immutable";

#[derive(Embed)]
#[folder = "../desktop/ui/dist"]
#[allow_missing = true]
struct Files;

/// The page, or the plain one.
pub async fn page(edge: web::Data<Edge>, request: HttpRequest) -> HttpResponse {
    let Some(index) = find("index.html", &request) else { return landing::page(edge, request).await };
    let tag = header::EntityTag::new_weak(hex(&index.file.metadata.sha256_hash()[..8]));
    if answer::is_known(&request, &tag) {
        return HttpResponse::NotModified().insert_header(header::ETag(tag)).finish();
    }
    send(index, "text/html; charset=utf-8", "no-cache", Some(tag))
}

/// One of the page's files.
pub async fn file(name: web::Path<String>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let kind = kind(&name).ok_or(Error::NotFound)?;
    let found = find(&name, &request).ok_or(Error::NotFound)?;
    Ok(send(found, kind, FOR_EVER, None))
}

/// A file in the form that the client takes.
struct Found {
    file: EmbeddedFile,
    coding: Option<ContentEncoding>,
}

fn find(name: &str, request: &HttpRequest) -> Option<Found> {
    let takes =
        request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("");
    let takes = |coding: &str| takes.split(',').any(|one| is_taken(one, coding));
    for (coding, extension) in [(ContentEncoding::Brotli, "br"), (ContentEncoding::Gzip, "gz")] {
        if takes(coding.as_str())
            && let Some(file) = Files::get(&format!("{name}.{extension}"))
        {
            return Some(Found { file, coding: Some(coding) });
        }
    }
    Files::get(name).map(|file| Found { file, coding: None })
}

/// Whether `br;q=0.5` means that `br` is taken (RFC 9110 §12.5.3). What weighs more is ours to say.
fn is_taken(one: &str, coding: &str) -> bool {
    let mut parts = one.split(';').map(str::trim);
    parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding))
        && parts.all(|part| part.strip_prefix("q=").and_then(|q| q.parse().ok()).is_none_or(|q: f32| q > 0.0))
}

fn send(
    found: Found,
    kind: &'static str,
    cache: &'static str,
    tag: Option<header::EntityTag>,
) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response
        .content_type(kind)
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, cache))
        .append_header((header::VARY, "accept-encoding"))
        // What has no form of its own is packed already: `identity` keeps the compression layer away.
        .insert_header((
            header::CONTENT_ENCODING,
            found.coding.map_or(HeaderValue::from_static("identity"), |coding| {
                HeaderValue::from_static(coding.as_str())
            }),
        ));
    if let Some(tag) = tag {
        response.insert_header(header::ETag(tag));
    }
    response.body(match found.file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    })
}

/// The type of a file that is the page's. Compressed forms are not asked for by name.
fn kind(name: &str) -> Option<&'static str> {
    Some(match name.rsplit_once('.')?.1 {
        "js" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coding_is_taken_unless_its_weight_is_nothing() {
        for (one, taken) in
            [("br", true), (" BR ; q=0.1", true), ("br;q=0", false), ("br;q=0.0", false), ("gzip", false)]
        {
            assert_eq!(is_taken(one, "br"), taken, "{one}");
        }
    }

    #[test]
    fn only_the_pages_own_files_are_served() {
        assert_eq!(kind("app-1.wasm"), Some("application/wasm"));
        for name in ["app-1.js.br", "index.html", "a/LICENSE", "", ".env"] {
            assert_eq!(kind(name), None, "{name}");
        }
    }
}
