//! Light, dark or as the system says; and the paper of the past.

use wasm_bindgen::JsCast as _;

const KEY: &str = "patze-theme";

/// What the user chose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Theme {
    /// As the system says.
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme of this word.
    pub fn of(word: &str) -> Self {
        match word {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }
}

/// The choice. It is no secret, and outlives the tab.
pub fn chosen() -> Theme {
    let word = web_sys::window()
        .and_then(|window| window.local_storage().ok().flatten())
        .and_then(|storage| storage.get_item(KEY).ok().flatten());
    Theme::of(word.as_deref().unwrap_or_default())
}

/// Chooses.
pub fn choose(theme: Theme) {
    if let Some(storage) = web_sys::window().and_then(|window| window.local_storage().ok().flatten()) {
        let _ = storage.set_item(KEY, theme.word());
    }
    apply();
}

/// The other one of light and dark.
pub fn toggle() {
    choose(if is_dark() { Theme::Light } else { Theme::Dark });
}

/// Dresses the document, now and whenever the system changes its mind.
pub fn apply() {
    set("data-theme", if is_dark() { "dark" } else { "light" });
    thread_local! {
        static WATCH: std::cell::OnceCell<Option<gloo_events::EventListener>> = const { std::cell::OnceCell::new() };
    }
    WATCH.with(|watch| {
        watch.get_or_init(|| {
            let query = system()?;
            Some(gloo_events::EventListener::new(query.unchecked_ref(), "change", |_| {
                set("data-theme", if is_dark() { "dark" } else { "light" });
            }))
        });
    });
}

/// Turns the frame to the paper of the past, or back.
pub fn set_time(past: bool) {
    set("data-time", if past { "past" } else { "live" });
}

fn is_dark() -> bool {
    match chosen() {
        Theme::Light => false,
        Theme::Dark => true,
        Theme::System => system().is_some_and(|query| query.matches()),
    }
}

fn system() -> Option<web_sys::MediaQueryList> {
    web_sys::window()?.match_media("(prefers-color-scheme: dark)").ok().flatten()
}

fn set(name: &str, value: &str) {
    let root = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.document_element());
    if let Some(root) = root {
        let _ = root.set_attribute(name, value);
    }
}
