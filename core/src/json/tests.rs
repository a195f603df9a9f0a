//! Byte for byte what `serde_json` writes.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use super::*;

fn text(value: &impl Serialize) -> String {
    let mut out = b"before".to_vec();
    write(&mut out, value).unwrap();
    String::from_utf8(out.split_off(6)).unwrap()
}

fn assert_same(value: &impl Serialize) {
    assert_eq!(text(value), serde_json::to_string(value).unwrap());
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
enum Shape {
    UnitLike,
    Newtype(i8),
    Tuple(u8, f32),
    Struct { one_field: char, other: Option<Box<Shape>> },
}

#[derive(Serialize)]
struct Unit;

#[derive(Serialize)]
struct Wrapper(u32);

#[derive(Serialize)]
struct Pair(u32, i64);

#[derive(Serialize)]
struct Flat {
    first: u128,
    #[serde(flatten)]
    rest: BTreeMap<String, i128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    none: Option<u16>,
    #[serde(rename = "a \"name\" \n")]
    odd: (),
}

#[test]
fn every_shape_of_serde_is_written_alike() {
    let shapes = [
        Shape::UnitLike,
        Shape::Newtype(-1),
        Shape::Tuple(2, 0.1),
        Shape::Struct { one_field: '"', other: Some(Box::new(Shape::UnitLike)) },
        Shape::Struct { one_field: 'é', other: None },
    ];
    assert_same(&shapes.to_vec());
    assert_same(&shapes);
    assert_same(&(Unit, Wrapper(1), Pair(2, -3), true, false, (), Some(1_u64), None::<u64>));
    let rest = BTreeMap::from([("x".to_owned(), -1), ("\u{1f}".to_owned(), i128::MIN)]);
    assert_same(&Flat { first: u128::MAX, rest, none: None, odd: () });
    assert_same(&(Vec::<u8>::new(), BTreeMap::<String, u8>::new(), [0; 0]));
    assert_same(&BTreeMap::from([(crate::ids::RunId::from("r\\"), "")]));
}

#[test]
fn every_byte_is_escaped_alike_wherever_it_stands() {
    for code in 0..=0x17f_u32 {
        let letter = char::from_u32(code).unwrap();
        for at in 0..17 {
            let mut text = "0123456789abcdef".to_owned();
            text.insert(at, letter);
            assert_same(&text);
        }
        assert_same(&letter);
    }
}

#[test]
fn numbers_are_written_alike() {
    for number in [0.0, -0.0, 0.1 + 0.2, 1e300, 5e-324, 1e21, 12.5, 4e9, f64::NAN, f64::INFINITY] {
        assert_same(&number);
    }
    assert_same(&(u64::MAX, i64::MIN, u8::MAX, i16::MIN));
}

#[test]
fn what_cannot_be_written_alike_is_refused() {
    assert!(write(&mut Vec::new(), &BTreeMap::from([(1, 2)])).is_err(), "a number as a key");
    let raw = serde_json::value::RawValue::from_string("[]".to_owned()).unwrap();
    assert!(write(&mut Vec::new(), &raw).is_err(), "raw JSON");
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        any::<String>().prop_map(Value::from),
        "[ -~\\n]{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_is_written_alike(value in values()) {
        prop_assert_eq!(text(&value), serde_json::to_string(&value).unwrap());
    }
}
