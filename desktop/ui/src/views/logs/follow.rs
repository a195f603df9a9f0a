//! Following: what is newer is asked for soon after it was heard of, and what failed once there is a connection.

use gloo_timers::callback::Timeout;
use patze_core::time::SECOND;
use yew::prelude::*;

use super::newer::LineKey;
use super::paging::Ask;
use crate::client::live::Link;
use crate::world::use_now_by;

/// While the newest is followed, it is asked for so long after it was heard of, ms.
const FOLLOW_MS: u32 = 400;
/// Lines of gateways are not in the live fleet: while the newest is followed, they are looked for this often.
const LOOK: i64 = 5 * SECOND;
/// Asks for what is newer soon after it was heard of, as long as the newest is followed.
#[hook]
pub fn use_follow(follow: bool, newest: Option<LineKey>, ask: &Ask) {
    let look = use_now_by(LOOK);
    let soon = use_mut_ref(|| None::<Timeout>);
    let newer = ask.newer.clone();
    use_effect_with((follow, newest, look), move |(follow, ..)| {
        if !*follow {
            soon.borrow_mut().take();
        } else if soon.borrow().is_none() {
            let waiting = soon.clone();
            *soon.borrow_mut() = Some(Timeout::new(FOLLOW_MS, move || {
                waiting.borrow_mut().take();
                newer.emit(());
            }));
        }
    });
}

/// What did not arrive is asked for again once there is a connection.
#[hook]
pub fn use_again(link: &Link, failed: bool, ask: &Ask) {
    let anew = ask.anew.clone();
    use_effect_with(matches!(link, Link::Live), move |live| {
        if *live && failed {
            anew.emit(());
        }
    });
}
