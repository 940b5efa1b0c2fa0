//! Cases of maps: order of keys, spelling, agreement with a sorted vector, sizes.

use proptest::prelude::*;

use super::*;
use crate::{AnonRef, ErrorCode, Graveyard, ObjId, WaifRef};

fn map(entries: &[(Value, Value)]) -> Map {
    let mut map = Map::new();
    for (key, value) in entries {
        assert!(map.insert_value(key.clone(), value.clone()));
    }
    map
}

#[test]
fn keys_come_in_toaststunts_order() {
    let graveyard = Graveyard::new();
    let sorted: Vec<Value> = vec![
        (-1).into(),
        5.into(),
        ObjId(-1).into(),
        ObjId(3).into(),
        ErrorCode::Type.into(),
        ErrorCode::Perm.into(),
        (-0.5).into(),
        2.0.into(),
        false.into(),
        true.into(),
        "".into(),
        "_".into(),
        "B".into(),
        "c".into(),
        AnonRef::new(1, graveyard.clone()).into(),
        WaifRef::new(1, ObjId(1), ObjId(1), graveyard).into(),
    ];
    let mut map = Map::new();
    for key in sorted.iter().rev() {
        map.insert_value(key.clone(), Value::Int(0));
    }
    assert!(map.keys().eq(sorted.iter()));
    assert_eq!(map.first().map(|(key, _)| key), sorted.first());
    assert_eq!(map.last().map(|(key, _)| key), sorted.last());
    let mut at = sorted[0].clone();
    for expected in &sorted[1..] {
        let (next, _) = map.next_after(&at).expect("another key");
        assert_eq!(next, expected);
        at = next.clone();
    }
    assert_eq!(map.next_after(&at), None);
}

#[test]
fn lists_and_maps_are_no_keys() {
    let mut map = Map::new();
    assert!(!map.insert_value(Vec::new().into(), 1.into()));
    assert!(!map.insert_value(Map::new().into(), 1.into()));
    assert!(!map.insert_value(Value::None, 1.into()));
    assert_eq!(map.get(&Vec::new().into()), None);
    assert!(map.is_empty());
}

#[test]
fn the_last_spelling_of_a_key_is_kept() {
    let mut map = map(&[("Foo".into(), 1.into())]);
    let before = map.clone();
    map.insert_value("fOO".into(), 2.into());
    assert_eq!(Value::from(map.clone()).to_literal(), r#"["fOO" -> 2]"#);
    assert_eq!(Value::from(before).to_literal(), r#"["Foo" -> 1]"#);
    assert_eq!(map.get(&"FOO".into()), Some(&2.into()));
    assert_eq!(map.get_exact(&"FOO".into()), None);
    assert_eq!(map.get_exact(&"fOO".into()), Some(&2.into()));
}

#[test]
fn ranges_include_both_ends() {
    let whole = map(&[
        (1.into(), 1.into()),
        (2.into(), 2.into()),
        (3.into(), 3.into()),
    ]);
    assert_eq!(whole.range(&2.into(), &3.into()).len(), 2);
    assert_eq!(whole.range(&3.into(), &2.into()), Map::new());
    assert_eq!(whole.range(&0.into(), &9.into()), whole);
}

fn key() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0..20i64).prop_map(Value::Int),
        "[abAB]{0,2}".prop_map(Value::from),
        (0..4i64).prop_map(|n| Value::Obj(ObjId(n))),
    ]
}

proptest! {
    #[test]
    fn agrees_with_a_sorted_vector(
        steps in prop::collection::vec((key(), 0..4u8, ".{0,20}"), 0..60)
    ) {
        let mut map = Map::new();
        let mut model: Vec<(Value, Value)> = Vec::new();
        for (key, kind, text) in steps {
            let held = map.clone();
            let before: Vec<(Value, Value)> =
                held.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
            let at = model.iter().position(|(k, _)| *k == key);
            match kind {
                0 => {
                    prop_assert_eq!(map.remove(&key), at.map(|at| model.remove(at).1));
                }
                1 => {
                    prop_assert_eq!(map.take(&key), at.map(|at| model[at].1.take()));
                }
                _ => {
                    at.map(|at| model.remove(at));
                    model.push((key.clone(), text.clone().into()));
                    map.insert_value(key, text.into());
                }
            }
            model.sort_by(|(a, _), (b, _)| key_order(a, b));
            let sizes: usize = model.iter().map(|(k, v)| entry_bytes(k, v)).sum();
            prop_assert_eq!(map.bytes(), SLOT_BYTES + sizes);
            prop_assert!(map.iter().eq(model.iter().map(|(k, v)| (k, v))));
            prop_assert!(held.iter().eq(before.iter().map(|(k, v)| (k, v))));
        }
    }
}
