//! The token: in memory, and in this tab's session storage only if the user ticks that; never in local storage.

use std::cell::RefCell;

const KEY: &str = "patze-token";

thread_local! {
    static TOKEN: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The token, if there is one.
pub fn get() -> Option<String> {
    TOKEN.with_borrow_mut(|token| {
        if token.is_none() {
            *token = storage().and_then(|storage| storage.get_item(KEY).ok().flatten());
        }
        token.clone()
    })
}

/// Whether this tab keeps it until it is closed.
pub fn is_kept() -> bool {
    storage().and_then(|storage| storage.get_item(KEY).ok().flatten()).is_some()
}

/// Takes a token; `keep` puts it into this tab's session storage as well. An empty one forgets it.
pub fn set(token: &str, keep: bool) {
    TOKEN.set(Some(token.to_owned()).filter(|token| !token.is_empty()));
    // Where storage is switched off, it stays in memory.
    if let Some(storage) = storage() {
        let _ =
            if keep && !token.is_empty() { storage.set_item(KEY, token) } else { storage.remove_item(KEY) };
    }
}

fn storage() -> Option<web_sys::Storage> {
    web_sys::window()?.session_storage().ok().flatten()
}
