//! A link to another place of the page; the moment that is shown goes with it.

use yew::prelude::*;

use crate::route::Route;
use crate::world::use_place;

/// A link's properties.
#[derive(Properties, PartialEq)]
pub struct LinkProps {
    /// Where to.
    pub to: Route,
    /// Its text.
    pub children: Html,
    /// More classes.
    #[prop_or_default]
    pub class: Classes,
}

/// A link.
#[component]
pub fn Link(props: &LinkProps) -> Html {
    let place = use_place();
    html! { <a class={classes!("link", props.class.clone())} href={place.href(props.to.clone())}>{ props.children.clone() }</a> }
}
