//! Keys, values and removal of map entries.
//! In: maps, which change in place where nobody else holds them. Out: lists, maps, truth.

use moor_value::{ErrorCode, Value};

use super::arg::Args;
use super::spec::pure;
use super::{BuiltinSpec, Call, Raise};

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!("mapdelete", 2..=2, [Map, Any], ToastStunt, mapdelete)
        .doc("map key", "MAP", "The map without the entry of `key`.")
        .raises("E_RANGE if there is no such key; E_TYPE if the key is a list or a map"),
    pure!("maphaskey", 2..=3, [Map, Any, Int], ToastStunt, maphaskey)
        .truth()
        .doc(
            "map key case_matters",
            "INT",
            "1 if the map has the key, else 0. Upper and lower case are the same unless \
             `case_matters` is true.",
        )
        .raises("E_TYPE if the key is a list or a map"),
    pure!("mapkeys", 1..=1, [Map], ToastStunt, mapkeys).doc(
        "map",
        "LIST",
        "The keys in the map's order: by type, and within a type ascending.",
    ),
    pure!("mapvalues", 1.., [Map], ToastStunt, mapvalues)
        .doc(
            "map keys...",
            "LIST",
            "The values in the order of their keys; or those of the keys given, in that \
             order, where upper and lower case differ.",
        )
        .raises("E_RANGE if one of the keys is not there"),
];

fn mapkeys(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let map = args.map(0)?;
    call.collect_list(map.keys().cloned())
}

/// All values, or those of the keys given; the case of letters in a key then counts.
fn mapvalues(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let map = args.map(0)?;
    let keys = &args[1..];
    if keys.is_empty() {
        return call.collect_list(map.values().cloned());
    }
    call.charge(keys.len())?;
    let values = keys.iter().map(|key| map.get_exact(key).cloned());
    let values: Option<Vec<Value>> = values.collect();
    call.list(values.ok_or(ErrorCode::Range)?)
}

fn mapdelete(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    scalar(&args[1])?;
    let mut map = args.take_map(0)?;
    if !map.is_unique() {
        call.charge(map.len())?;
    }
    map.remove(&args[1]).ok_or(ErrorCode::Range)?;
    call.map(map)
}

fn maphaskey(_: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    scalar(&args[1])?;
    let map = args.map(0)?;
    let found = match args.flag(2) {
        true => map.get_exact(&args[1]),
        false => map.get(&args[1]),
    };
    Ok(i64::from(found.is_some()).into())
}

/// E_TYPE for the values that can never be keys.
fn scalar(key: &Value) -> Result<(), Raise> {
    match key {
        value if value.has_parts() => Err(ErrorCode::Type.into()),
        _ => Ok(()),
    }
}
