//! A listing against the plain list that it stands for.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;

use super::*;

/// A row of this table: by its weight, heaviest first; of equal names the heaviest is shown.
#[derive(Clone, Debug)]
struct Weighed {
    id: u16,
    weight: u8,
    length: usize,
}

struct ByWeight;

impl Order for ByWeight {
    type Row = Weighed;
    type Place = Reverse<u8>;
    const SHEET: usize = 64;

    fn place(row: &Weighed) -> Option<Reverse<u8>> {
        (row.weight > 0).then_some(Reverse(row.weight))
    }
    fn then(a: &Weighed, b: &Weighed) -> Ordering {
        a.id.cmp(&b.id)
    }
    fn write(row: &Weighed, out: &mut Vec<u8>) -> Result<()> {
        let Weighed { id, weight, length } = row;
        out.extend_from_slice(format!("{id}/{weight}{}", "x".repeat(*length)).as_bytes());
        Ok(())
    }
}

struct FirstOfTen;

impl Order for FirstOfTen {
    type Row = Weighed;
    type Place = u16;
    const SHEET: usize = 64;

    fn place(row: &Weighed) -> Option<u16> {
        Some(row.id / 10)
    }
    fn then(a: &Weighed, b: &Weighed) -> Ordering {
        (Reverse(a.weight), a.id).cmp(&(Reverse(b.weight), b.id))
    }
    fn is_same(a: &Weighed, b: &Weighed) -> bool {
        a.id / 10 == b.id / 10
    }
    fn write(row: &Weighed, out: &mut Vec<u8>) -> Result<()> {
        ByWeight::write(row, out)
    }
}

fn text<O: Order>(listing: &Listing<O>) -> String {
    listing.texts().map(|text| String::from_utf8(text.to_vec()).unwrap()).collect()
}

/// What a list of these rows is.
fn plain<O: Order<Row = Weighed>>(rows: &BTreeMap<u16, Arc<Weighed>>) -> String {
    let mut listed: Vec<_> = rows.values().filter_map(|row| Some((O::place(row)?, row))).collect();
    listed.sort_by(|a, b| order::<O>((a.0, a.1), (b.0, b.1)));
    listed.dedup_by(|b, a| O::is_same(a.1, b.1));
    let texts = listed.iter().map(|(_, row)| {
        let mut out = Vec::new();
        O::write(row, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    });
    texts.collect::<Vec<_>>().join(",")
}

/// Rows that are put in the place of others, or removed where there is no weight and length.
type Steps = Vec<Vec<(u16, Option<(u8, usize)>)>>;

fn steps() -> impl Strategy<Value = Steps> {
    let row = prop::option::weighted(0.8, (0..6_u8, prop_oneof![9 => 0..20_usize, 1 => 0..200_usize]));
    prop::collection::vec(prop::collection::vec((0..300_u16, row), 0..60), 1..12)
}

fn follow<O: Order<Row = Weighed>>(steps: &Steps) -> std::result::Result<(), TestCaseError> {
    let (mut rows, mut listing) = (BTreeMap::new(), Listing::<O>::default());
    for step in steps {
        let before: BTreeMap<u16, Arc<Weighed>> = rows.clone();
        for (id, row) in step {
            match row {
                Some((weight, length)) => {
                    rows.insert(*id, Arc::new(Weighed { id: *id, weight: *weight, length: *length }))
                }
                None => rows.remove(id),
            };
        }
        let stands = |rows: &BTreeMap<u16, Arc<Weighed>>, id: &u16, row| {
            rows.get(id).is_some_and(|other| Arc::ptr_eq(other, row))
        };
        let go = before.iter().filter(|(id, row)| !stands(&rows, id, row));
        let come = rows.iter().filter(|(id, row)| !stands(&before, id, row));
        listing.change(go.map(|(_, row)| row), come.map(|(_, row)| row)).unwrap();
        prop_assert_eq!(text(&listing), plain::<O>(&rows));
        let listed = rows.values().filter(|row| O::place(row).is_some());
        prop_assert_eq!(listing.len(), listed.count());
        // Constraint 3, and no crumbling into little sheets.
        let sizes: Vec<_> = listing.sheets.iter().map(|sheet| sheet.text.len()).collect();
        prop_assert!(listing.sheets.iter().all(|sheet| !sheet.lines.is_empty()), "{:?}", sizes);
        let pairs = sizes.windows(2).filter(|pair| pair[0] + pair[1] < O::SHEET / 4).count();
        prop_assert_eq!(pairs, 0, "{:?}", sizes);
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_listing_is_the_plain_list(steps in steps()) {
        follow::<ByWeight>(&steps)?;
        follow::<FirstOfTen>(&steps)?;
    }
}

#[test]
fn one_changed_row_leaves_the_other_sheets_alone() {
    let row = |id, length| Arc::new(Weighed { id, weight: 1, length });
    let mut rows: Vec<_> = (0..1_000).map(|id| row(id, 3)).collect();
    let mut listing = Listing::<ByWeight>::default();
    listing.change([], &rows).unwrap();
    let before: HashSet<_> = listing.texts().map(|text| text.as_ptr()).collect();
    assert!(before.len() > 100, "{} sheets", before.len());
    let old = std::mem::replace(&mut rows[500], row(500, 4));
    listing.change([&old], [&rows[500]]).unwrap();
    let new = listing.texts().filter(|text| !before.contains(&text.as_ptr())).count();
    assert!((1..=2).contains(&new), "{new} sheets were written");
    assert_eq!(Arc::strong_count(&old), 1, "a row that was replaced is dropped");
}

#[test]
fn a_row_that_was_never_listed_cannot_go() {
    let mut listing = Listing::<ByWeight>::default();
    let row = Arc::new(Weighed { id: 1, weight: 1, length: 0 });
    assert!(listing.change([&row], []).is_err());
}
