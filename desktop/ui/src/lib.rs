//! The page of Patze Control (design §13): seven live views, folded by `patze-core`, the same code as the server's.
//!
//! Data flows one way: `client` (bytes) → `fleet` (what is) → `world` (which moment is shown) → `shell`, `rail`, `views`
//! (what is drawn), made of `parts`. What somebody does goes back as a route (`route`) or a question (`client::ask`).
//!
//! | to find out | open |
//! |---|---|
//! | how the page stays up to date | [`client`] |
//! | what a view can ask of the state | [`fleet`] |
//! | where somebody is, and what the address says | [`route`] |
//! | how numbers and times are written | [`say`] |
//! | the frame around each view | [`shell`], [`rail`] |
//! | a view | [`views`] |
//! | a component in all its states | [`parts`], and `#/gallery` |
//!
//! **The page's rules.** No style attribute and no inline script (the server's policy forbids both): geometry is SVG
//! attributes, or set through the object model. Nothing is fetched from elsewhere. Text from outside is text, never markup.

#![allow(
    clippy::redundant_clone,
    reason = "handles are cloned into each closure alike; which closure is the last one is nobody's concern"
)]

pub mod app;
pub mod client;
pub mod fleet;
#[cfg(feature = "gallery")]
pub mod gallery;
pub mod parts;
pub mod rail;
pub mod route;
pub mod say;
pub mod shell;
pub mod views;
pub mod world;

/// Draws the page into the document.
pub fn start() {
    std::panic::set_hook(Box::new(|panic| {
        web_sys::console::error_1(&panic.to_string().into());
        shell::fault::show(&panic.to_string());
    }));
    yew::Renderer::<app::App>::new().render();
}
