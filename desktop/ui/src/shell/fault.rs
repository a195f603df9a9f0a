//! What stands there when the page itself fails: a fault in it ends the module, so nothing can be drawn but this.

/// Says so, with what to report and a way on.
pub fn show(details: &str) {
    let Some(document) = web_sys::window().and_then(|window| window.document()) else { return };
    let Some(body) = document.body() else { return };
    let make = |name: &str, class: &str, text: &str| {
        let element = document.create_element(name).ok()?;
        element.set_class_name(class);
        element.set_text_content(Some(text));
        Some(element)
    };
    let draw = || {
        let plate = make("div", "page-fault", "")?;
        let _ = plate.set_attribute("role", "alert");
        for part in [
            make("h1", "", "The page has stopped."),
            make(
                "p",
                "",
                "Its server goes on, and nothing is lost. Load the page anew to go on; if it stops again, report this:",
            ),
            make("pre", "", details),
        ] {
            let part = part?;
            plate.append_child(&part).ok()?;
        }
        let again = make("a", "button primary", "Load the page anew")?;
        again.set_attribute("href", "./").ok()?;
        plate.append_child(&again).ok()?;
        body.append_child(&plate).ok()
    };
    let _ = draw();
}
