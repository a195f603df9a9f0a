//! The rows of an order that a view asks for, kept up to date by what has changed since it last asked.
//!
//! A filter over 20,000 rows is not run again at every event: what came is looked at, what went is taken out.

use imbl::ordset::DiffItem;
use patze_core::time::Timestamp;

use super::Order;

/// Some rows of an order. `Q` is the question that they answer.
pub struct Picked<K, Q> {
    question: Option<Q>,
    since: Option<Timestamp>,
    seen: Order<K>,
    rows: Order<K>,
}

impl<K, Q> Default for Picked<K, Q> {
    fn default() -> Self {
        Self { question: None, since: None, seen: Order::default(), rows: Order::default() }
    }
}

impl<K: Ord + Clone, Q: PartialEq + Clone> Picked<K, Q> {
    /// The rows of `order` that are not older than `since` and that `fits` takes, in its order. `fits` is a function of the
    /// question and the row's key; it is asked of each row once, as long as the question stays.
    pub fn follow(
        &mut self,
        order: &Order<K>,
        question: &Q,
        since: Option<Timestamp>,
        fits: impl Fn(&K) -> bool,
    ) -> Order<K> {
        let is_within = |time: Timestamp| since.is_none_or(|since| time >= since);
        // A bound that moves on takes rows away; one that moves back would bring some.
        if self.question.as_ref() == Some(question) && since >= self.since {
            for change in self.seen.diff(order) {
                match change {
                    DiffItem::Add(row) if is_within(row.0.0) && fits(&row.1) => {
                        self.rows.insert(row.clone());
                    }
                    DiffItem::Add(_) => {}
                    DiffItem::Remove(row) => {
                        self.rows.remove(row);
                    }
                }
            }
            // The oldest stand last.
            while self.rows.get_max().is_some_and(|row| !is_within(row.0.0)) {
                self.rows.remove_max();
            }
        } else {
            let within = order.iter().take_while(|row| is_within(row.0.0));
            self.rows = within.filter(|row| fits(&row.1)).cloned().collect();
            self.question = Some(question.clone());
        }
        self.since = since;
        self.seen = order.clone();
        self.rows.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::cmp::Reverse;

    use super::*;

    fn order(rows: impl IntoIterator<Item = i64>) -> Order<i64> {
        rows.into_iter().map(|n| (Reverse(Timestamp::from_millis(n)), n)).collect()
    }

    fn keys(rows: &Order<i64>) -> Vec<i64> {
        rows.iter().map(|(_, n)| *n).collect()
    }

    #[test]
    fn only_what_changed_is_looked_at() {
        let asked = Cell::new(0);
        let is_even = |n: &i64| {
            asked.set(asked.get() + 1);
            n % 2 == 0
        };
        let mut picked = Picked::default();
        let first = order(0..100);
        let rows = picked.follow(&first, &"even", None, is_even);
        assert_eq!((rows.len(), asked.get()), (50, 100));
        let mut second = first.clone();
        second.insert((Reverse(Timestamp::from_millis(200)), 200));
        second.insert((Reverse(Timestamp::from_millis(201)), 201));
        second.remove(&(Reverse(Timestamp::from_millis(98)), 98));
        let rows = picked.follow(&second, &"even", None, is_even);
        assert_eq!(keys(&rows)[..3], [200, 96, 94]);
        assert_eq!(asked.get(), 102);
        assert_eq!(picked.follow(&second, &"all", None, |_| true).len(), 101, "another question");
    }

    #[test]
    fn the_old_leave_and_come_back_with_an_earlier_bound() {
        let at = |ms| Some(Timestamp::from_millis(ms));
        let mut picked = Picked::default();
        let all = order(0..10);
        assert_eq!(keys(&picked.follow(&all, &(), at(7), |_| true)), [9, 8, 7]);
        assert_eq!(keys(&picked.follow(&all, &(), at(9), |_| true)), [9]);
        assert_eq!(keys(&picked.follow(&all, &(), at(8), |_| true)), [9, 8]);
        assert_eq!(picked.follow(&all, &(), None, |_| true).len(), 10);
        assert_eq!(keys(&picked.follow(&order([3, 12]), &(), at(5), |_| true)), [12], "another fleet");
    }
}
