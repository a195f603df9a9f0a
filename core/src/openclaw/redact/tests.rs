use std::path::Path;

use proptest::prelude::*;

use super::*;

fn home(text: &str) -> String {
    redact(text, Some(Path::new("/srv/people/ada")))
}

#[test]
fn secrets_go() {
    for (text, left) in [
        ("Authorization: Bearer abc.def-123", "Authorization: [redacted]"),
        ("got Bearer aaaaaaaaaa, sorry", "got Bearer [redacted], sorry"),
        ("Basic dXNlcjpwYXNz failed", "Basic [redacted] failed"),
        ("Incorrect API key provided: sk-proj-abcd1234efgh.", "Incorrect API key provided: [redacted]"),
        ("key ghp_0123456789abcdef", "key [redacted]"),
        ("AKIAIOSFODNN7EXAMPLE denied", "[redacted] denied"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln expired", "[redacted] expired"),
        ("password=hunter2 user=ada", "password=[redacted] user=ada"),
        ("?api_key=abc&x=1", "?api_key=[redacted]&x=1"),
        (r#"{"apiKey":"a b c","model":"m"}"#, r#"{"apiKey":"[redacted]","model":"m"}"#),
        (r#"{\"client_secret\": \"x y\"}"#, r#"{\"client_secret\": \"[redacted]\"}"#),
        (r#"{"secret":"a\"b","x":1}"#, r#"{"secret":"[redacted]","x":1}"#),
        ("curl --token abcdef https://x", "curl --token [redacted] https://x"),
        ("Set-Cookie: a=b; c=d\nnext", "Set-Cookie: [redacted]\nnext"),
        ("https://ada:pa55@example.com/x?y", "https://[redacted]@example.com/x?y"),
        ("postgres://u:p@ss@db/x", "postgres://[redacted]@db/x"),
        ("/bot123456789:AAabcdefghijklmnopqrstuvwxyz0123456/getMe", "/[redacted]/getMe"),
        ("0123456789abcdef0123456789abcdef", "[redacted]"),
        ("x TGlrZVRoaXNPbmVUaGF0SXNMb25nMTIzNDU2 y", "x [redacted] y"),
        ("QUJD/0FCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFla/abcd+efg==", "[redacted]"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- tail", "[redacted] tail"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nMII", "[redacted]"),
    ] {
        assert_eq!(redact(text, None), left);
    }
}

#[test]
fn what_people_need_stays() {
    for text in [
        "500 mock failure 500",
        "File not found: notes/today.txt",
        "max_tokens=4096 is too much, total tokens: 12",
        "token: 12",
        "run 7d8449ca-5576-4823-96a2-f00a1f698839 was cancelled",
        "https://example.com:8443/a?b=c#d and user@example.com",
        "Command exited with code 3",
        "é漢🦀 text",
        "/etc/passwd: permission denied",
        "-----BEGIN CERTIFICATE-----",
    ] {
        assert_eq!(redact(text, None), text);
    }
}

#[test]
fn home_paths_become_tilde() {
    for (text, left) in [
        ("no /srv/people/ada/x here", "no ~/x here"),
        ("/srv/people/adabelle/x", "/srv/people/adabelle/x"),
        ("open '/home/oclaw1/.openclaw/a'", "open '~/.openclaw/a'"),
        ("/Users/ada.l/x, /root/y, /root", "~/x, ~/y, ~"),
        ("/mnt/home/ada /rooted", "/mnt/home/ada /rooted"),
        (r"C:\Users\Ada\x and D:\\Users\\bob\\y", r"~\x and ~\\y"),
    ] {
        assert_eq!(home(text), left);
    }
}

#[test]
fn an_error_has_at_most_300_characters() {
    let long = format!("{}é", "word ".repeat(5_000));
    assert_eq!(error_text(&long, None).chars().count(), MAX_ERROR_CHARS);
    // A secret at the cut is taken out before the cut.
    let secret = format!("{} sk-{}", "x".repeat(290), "a1B2".repeat(10));
    assert!(!error_text(&secret, None).contains("sk-a1B2"));
}

proptest! {
    #[test]
    fn any_text_can_be_redacted(text in any::<String>()) {
        let _ = error_text(&text, Some(Path::new("/home/ada")));
    }

    #[test]
    fn a_secret_is_found_between_any_neighbours(
        before in "[ -~é]{0,40}[ \\n(]", secret in "sk-[A-Za-z0-9]{20,60}", after in "[ ,)\\n][ -~é]{0,40}",
    ) {
        let left = redact(&format!("{before}{secret}{after}"), None);
        prop_assert!(!left.contains(&secret), "{left}");
    }
}
