//! A shared value that equals itself alone: what `use_memo` asks whether an answer is still the same one, without comparing it.

use std::rc::Rc;

/// The value, equal by its place in memory. Holding it keeps the place from being used again.
#[derive(Debug)]
pub struct Same<T>(pub Rc<T>);

impl<T> Clone for Same<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T> PartialEq for Same<T> {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_at_two_places_differ() {
        let one = Same(Rc::new(1));
        assert!(one == one.clone());
        assert!(one != Same(Rc::new(1)));
    }
}
