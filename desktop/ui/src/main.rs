//! The page's entry: what the browser runs once the module is loaded.

fn main() {
    patze_ui::start();
}
