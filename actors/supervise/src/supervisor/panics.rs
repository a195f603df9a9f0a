//! Catching the panic of an actor, with its message and place.
//!
//! The payload of a caught panic holds the message and not where it happened, and "called `Option::unwrap()` on a
//! `None` value" alone helps nobody. Only the panic hook is told the place. So one hook is put before whatever hook
//! there is, once a process: it notes the panic for the thread that is running an actor, and then calls the former
//! one.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    static NOTED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `work`; if it panics, says why and where instead.
///
/// Whatever `work` had in hand may be half changed afterwards: callers must only drop it.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    install();
    let outer = WATCHED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    WATCHED.set(outer);
    // Taken in any case: `work` may have caught a panic of its own.
    let noted = NOTED.take();
    result.map_err(|payload| {
        let reason = noted.unwrap_or_else(|| message(&*payload).to_owned());
        // A payload whose own drop panics is nobody's data: better leaked than unwound from here.
        if let Err(second) = panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(second);
        }
        reason
    })
}

fn install() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let former = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            note(panic);
            former(panic);
        }));
    });
}

fn note(panic: &PanicHookInfo<'_>) {
    // Not `with`: the thread may be ending, and a panic in a panic hook aborts the process.
    if !WATCHED.try_with(Cell::get).unwrap_or(false) {
        return;
    }
    let message = message(panic.payload());
    let text = match panic.location() {
        Some(place) => format!("{message} (at {}:{})", place.file(), place.line()),
        None => message.to_owned(),
    };
    let _ = NOTED.try_with(|noted| noted.replace(Some(text)));
}

fn message(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "a panic without a message"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_and_place_are_kept() {
        let line = line!() + 1;
        let reason = caught(|| panic!("out of {}", "cheese")).unwrap_err();
        assert_eq!(reason, format!("out of cheese (at {}:{line})", file!()));
        assert_eq!(caught(|| 7), Ok(7));
    }

    #[test]
    fn a_payload_of_any_kind_is_survived() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("dropped");
            }
        }
        let reason = caught(|| panic::panic_any(Bomb)).unwrap_err();
        assert!(reason.starts_with("a panic without a message (at "), "{reason}");
        // Without a call of the hook only the payload speaks.
        assert_eq!(caught(|| panic::resume_unwind(Box::new("quietly"))), Err::<(), _>("quietly".to_owned()));
    }

    #[test]
    fn a_panic_that_was_caught_within_is_not_blamed_later() {
        assert_eq!(
            caught(|| {
                caught(|| panic!("inner")).unwrap_err();
            }),
            Ok(())
        );
        assert!(caught(|| panic::catch_unwind(|| panic!("inner")).is_err()).unwrap());
        assert_eq!(caught(|| panic::resume_unwind(Box::new("outer"))), Err::<(), _>("outer".to_owned()));
    }

    #[test]
    fn a_thread_that_runs_no_actor_notes_nothing() {
        caught(|| ()).unwrap();
        std::thread::spawn(|| {
            panic::catch_unwind(|| panic!("not an actor")).unwrap_err();
            assert_eq!(NOTED.take(), None);
        })
        .join()
        .unwrap();
    }
}
