//! A persistent ordered map of rows that know their key. A clone costs a pointer; a change copies the path to the row,
//! once for all changes between two clones. Serialises as the list of rows in key order, so that equal tables have
//! equal texts.

use std::sync::Arc;

use equivalent::Comparable;
use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A row of a [`Table`].
pub trait Row: Clone {
    /// What identifies the row, and orders the table.
    type Key: Ord + Clone;
    /// The row's key; it never changes while the row stands in a table.
    fn key(&self) -> Self::Key;
}

/// Rows by key, in key order.
#[derive(Clone, Debug)]
pub struct Table<R: Row>(OrdMap<R::Key, Kept<R>>);

/// A row's place in memory. Two are equal if they are the same place: what a comparison of two versions of a table asks.
#[derive(Clone, Debug)]
struct Kept<R>(Arc<R>);

impl<R> PartialEq for Kept<R> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<R: Row> Table<R> {
    /// The number of rows.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The row of this key.
    pub fn get(&self, key: &R::Key) -> Option<&R> {
        self.0.get(key).map(|row| &*row.0)
    }

    /// The rows in key order.
    pub fn iter(&self) -> impl Iterator<Item = &R> {
        self.arcs().map(Arc::as_ref)
    }

    /// The rows in key order, to be kept.
    pub fn arcs(&self) -> impl Iterator<Item = &Arc<R>> {
        self.0.values().map(|row| &row.0)
    }

    /// The rows that stand here and not, or not as they are, in `newer`; and those of `newer` that do not stand here. Both
    /// in key order. What the two share of the tree is not looked at: where one is the other after some changes, it costs
    /// what the changes did.
    pub fn difference<'a>(&'a self, newer: &'a Self) -> (Vec<&'a Arc<R>>, Vec<&'a Arc<R>>) {
        let (mut gone, mut new) = (Vec::new(), Vec::new());
        for change in self.0.diff(&newer.0) {
            match change {
                DiffItem::Add(_, row) => new.push(&row.0),
                DiffItem::Update { old: (_, old), new: (_, row) } => {
                    gone.push(&old.0);
                    new.push(&row.0);
                }
                DiffItem::Remove(_, row) => gone.push(&row.0),
            }
        }
        (gone, new)
    }

    /// The rows from `first` on, in key order.
    pub fn from(&self, first: R::Key) -> impl Iterator<Item = &R> {
        self.0.range(first..).map(|(_, row)| &*row.0)
    }

    pub(super) fn get_mut<Q: Comparable<R::Key> + ?Sized>(&mut self, key: &Q) -> Option<&mut R> {
        self.0.get_mut(key).map(|row| Arc::make_mut(&mut row.0))
    }

    pub(super) fn insert(&mut self, row: R) {
        self.0.insert(row.key(), Kept(Arc::new(row)));
    }

    pub(super) fn remove<Q: Comparable<R::Key> + ?Sized>(&mut self, key: &Q) -> Option<Arc<R>> {
        self.0.remove(key).map(|row| row.0)
    }

    /// Changes the row of this key, or inserts the one that `new` gives and `change` has changed. `change` is told
    /// whether the row is new.
    pub(super) fn change<Q: Comparable<R::Key> + ?Sized, T>(
        &mut self,
        key: &Q,
        new: impl FnOnce() -> R,
        change: impl FnOnce(&mut R, bool) -> T,
    ) -> T {
        if let Some(row) = self.get_mut(key) {
            return change(row, false);
        }
        let mut row = new();
        let changed = change(&mut row, true);
        self.insert(row);
        changed
    }
}

impl<R: Row> Default for Table<R> {
    fn default() -> Self {
        Self(OrdMap::new())
    }
}

impl<R: Row + PartialEq> PartialEq for Table<R> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<R: Row + Serialize> Serialize for Table<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de, R: Row + DeserializeOwned> Deserialize<'de> for Table<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rows = Vec::<R>::deserialize(deserializer)?;
        Ok(Self(rows.into_iter().map(|row| (row.key(), Kept(Arc::new(row)))).collect()))
    }
}
