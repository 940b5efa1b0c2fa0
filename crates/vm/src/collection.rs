//! Indexing, ranges and changes in place of lists, strings, maps and binaries, and reading of flyweights' contents.
//!
//! Whatever changes a value changes it where it stands while nobody else holds it. Every check comes before the
//! first change, so that an error leaves the value as it was.

use moor_value::{Binary, ErrorCode, List, Map, MapKey, Str, Value, ValueType};

use crate::outcome::{LIST_HEAD_BYTES, SLOT_BYTES, SizeLimits, TaskLimits};
use crate::raise::Raise;

type Computed = Result<Value, Box<Raise>>;
type Changed = Result<(), Box<Raise>>;

const CONTAINERS: &[ValueType] = &[ValueType::List, ValueType::Map, ValueType::Str];

#[cold]
fn key_mismatch(key: &Value) -> Box<Raise> {
    use ValueType as T;
    Raise::type_mismatch(
        key,
        &[
            T::Str,
            T::Int,
            T::Obj,
            T::Err,
            T::Float,
            T::Anon,
            T::Waif,
            T::Bool,
        ],
    )
}

#[cold]
fn range_error() -> Box<Raise> {
    Raise::new(ErrorCode::Range)
}

#[cold]
fn type_error() -> Box<Raise> {
    Raise::new(ErrorCode::Type)
}

/// The 0-based place of 1-based `index` among `len`, if there is one.
#[inline]
pub(crate) fn place(index: i64, len: usize) -> Option<usize> {
    let at = (index as u64).wrapping_sub(1);
    (at < len as u64).then_some(at as usize)
}

/// `a[i]`; waifs are the caller's business.
pub(crate) fn get(a: &Value, i: &Value) -> Computed {
    match (a, i) {
        (Value::List(list), Value::Int(i)) => {
            let at = place(*i, list.len()).ok_or_else(range_error)?;
            Ok(list.as_slice()[at].clone())
        }
        (Value::Str(text), Value::Int(i)) => {
            let index = usize::try_from(*i).map_err(|_| range_error())?;
            text.char_at(index).map(Value::Str).ok_or_else(range_error)
        }
        (Value::Map(_), key) if key.has_parts() => Err(type_error()),
        (Value::Map(map), key) => map.get(key).cloned().ok_or_else(range_error),
        (Value::Binary(bytes), Value::Int(i)) => {
            let at = place(*i, bytes.len()).ok_or_else(range_error)?;
            Ok(Value::Int(bytes.as_slice()[at].into()))
        }
        (Value::Fly(flyweight), Value::Int(i)) => {
            let contents = flyweight.contents();
            let at = place(*i, contents.len()).ok_or_else(range_error)?;
            Ok(contents.as_slice()[at].clone())
        }
        _ => Err(type_error()),
    }
}

/// `a[from..to]`.
pub(crate) fn range(a: &Value, from: &Value, to: &Value) -> Computed {
    match a {
        Value::Map(map) => map_range(map, from, to),
        Value::List(list) => list_range(list, from, to),
        Value::Fly(flyweight) => list_range(flyweight.contents(), from, to),
        Value::Binary(bytes) => {
            let (from, to) = bounds(from, to)?;
            if from > to {
                return Ok(Value::Binary(Binary::default()));
            }
            let (start, end) = within(from, to, bytes.len())?;
            Ok(Value::Binary(bytes.slice(start..end)))
        }
        Value::Str(text) => {
            let (from, to) = bounds(from, to)?;
            if from > to {
                return Ok(Value::EMPTY_STR);
            }
            let (start, end) = within(from, to, text.len_chars())?;
            Ok(Value::Str(text.slice(start + 1, end)))
        }
        _ => Err(Raise::type_mismatch(a, CONTAINERS)),
    }
}

fn list_range(list: &List, from: &Value, to: &Value) -> Computed {
    let (from, to) = bounds(from, to)?;
    if from > to {
        return Ok(Value::List(List::new()));
    }
    let (start, end) = within(from, to, list.len())?;
    Ok(Value::List(list.slice(start..end)))
}

fn bounds(from: &Value, to: &Value) -> Result<(i64, i64), Box<Raise>> {
    match (from, to) {
        (Value::Int(from), Value::Int(to)) => Ok((*from, *to)),
        (_, Value::Int(_)) => Err(Raise::type_mismatch(from, &[ValueType::Int])),
        _ => Err(Raise::type_mismatch(to, &[ValueType::Int])),
    }
}

fn within(from: i64, to: i64, len: usize) -> Result<(usize, usize), Box<Raise>> {
    match (place(from, len), place(to, len)) {
        (Some(start), Some(last)) => Ok((start, last + 1)),
        _ => Err(range_error()),
    }
}

fn map_keys(from: &Value, to: &Value) -> Result<(MapKey, MapKey), Box<Raise>> {
    let key = |value: &Value| MapKey::new(value.clone()).ok_or_else(|| key_mismatch(value));
    Ok((key(from)?, key(to)?))
}

fn map_range(map: &Map, from: &Value, to: &Value) -> Computed {
    let (first, last) = map_keys(from, to)?;
    if first > last {
        return Ok(Value::Map(Map::new()));
    }
    if map.get(from).is_none() || map.get(to).is_none() {
        return Err(range_error());
    }
    Ok(Value::Map(map.range(from, to)))
}

/// What `^` means in `a[^]`.
pub(crate) fn first(a: &Value) -> Computed {
    match a {
        Value::Str(text) => Ok(Value::Int(i64::from(!text.is_empty()))),
        Value::List(list) => Ok(Value::Int(i64::from(!list.is_empty()))),
        Value::Map(map) => Ok(edge(map.first())),
        _ => length(a)
            .map(|length| Value::Int(length.min(1)))
            .ok_or_else(|| Raise::type_mismatch(a, CONTAINERS)),
    }
}

/// What `$` means in `a[$]`.
pub(crate) fn last(a: &Value) -> Computed {
    match a {
        Value::Map(map) => Ok(edge(map.last())),
        _ => length(a)
            .map(Value::Int)
            .ok_or_else(|| Raise::type_mismatch(a, CONTAINERS)),
    }
}

/// The first or last key. An empty map has none, and no index can stand for it: 0 is one that no map of
/// this emptiness holds, so indexing answers E_RANGE.
fn edge(entry: Option<(&Value, &Value)>) -> Value {
    entry.map_or(Value::ZERO, |(key, _)| key.clone())
}

/// `length(a)` of what has one.
#[inline]
pub(crate) fn length(a: &Value) -> Option<i64> {
    match a {
        Value::Str(text) => Some(text.len_chars() as i64),
        Value::List(list) => Some(list.len() as i64),
        Value::Map(map) => Some(map.len() as i64),
        Value::Binary(bytes) => Some(bytes.len() as i64),
        Value::Fly(flyweight) => Some(flyweight.contents().len() as i64),
        _ => None,
    }
}

/// `$` of a string or list.
#[inline]
pub(crate) fn last_index(a: &Value) -> Option<i64> {
    match a {
        Value::Str(text) => Some(text.len_chars() as i64),
        Value::List(list) => Some(list.len() as i64),
        _ => None,
    }
}

#[inline]
fn check_list(a: &Value, more: usize, limits: &TaskLimits) -> Changed {
    if a.bytes().saturating_add(more) > limits.list_bytes() {
        return Err(limits.quota());
    }
    Ok(())
}

/// What the items of a list count for in the list that they come into.
#[inline]
fn item_bytes(list: &Value) -> usize {
    list.bytes().saturating_sub(LIST_HEAD_BYTES)
}

#[inline]
fn check_nestable(value: &Value) -> Changed {
    if value.nestable() {
        Ok(())
    } else {
        Err(Raise::new(ErrorCode::Quota))
    }
}

/// Whether a value that is no container can be appended without a look at anything but sizes.
#[inline]
pub(crate) fn has_room(list: &List, value: &Value, limits: &TaskLimits) -> bool {
    list.bytes().saturating_add(SLOT_BYTES + value.bytes()) <= limits.list_bytes()
}

/// Whether an integer can take the place of an element, whatever that was.
#[inline]
pub(crate) fn has_room_for_int(list: &List, limits: &TaskLimits) -> bool {
    list.bytes().saturating_add(SLOT_BYTES) <= limits.list_bytes()
}

/// `a = {@a, value}`.
#[inline]
pub(crate) fn push(a: &mut Value, value: Value, limits: &TaskLimits) -> Changed {
    check_nestable(&value)?;
    check_list(a, value.bytes(), limits)?;
    match a {
        Value::List(list) => {
            list.push(value);
            Ok(())
        }
        _ => Err(Raise::type_mismatch(a, &[ValueType::List])),
    }
}

/// `a = {@a, @b}`.
pub(crate) fn extend(a: &mut Value, b: &Value, limits: &TaskLimits) -> Changed {
    check_list(a, item_bytes(b), limits)?;
    joined(a, b)
}

/// `a + b` of lists, which the world's limit of lists does not concern.
pub(crate) fn join(a: &mut Value, b: &Value, limits: &TaskLimits) -> Changed {
    if a.bytes().saturating_add(item_bytes(b)) > SizeLimits::LIST_BYTES_MAX {
        return Err(limits.quota());
    }
    joined(a, b)
}

/// `a + value`, where `a` is a list and `value` is not; as [`join`].
pub(crate) fn append(a: &mut Value, value: Value, limits: &TaskLimits) -> Changed {
    check_nestable(&value)?;
    if a.bytes().saturating_add(value.bytes()) > SizeLimits::LIST_BYTES_MAX {
        return Err(limits.quota());
    }
    if let Value::List(list) = a {
        list.push(value);
    }
    Ok(())
}

fn joined(a: &mut Value, b: &Value) -> Changed {
    match (&mut *a, b) {
        (Value::List(list), Value::List(more)) => {
            list.append(more.clone());
            Ok(())
        }
        (Value::List(_), _) => Err(Raise::type_mismatch(b, &[ValueType::List])),
        _ => Err(Raise::type_mismatch(a, &[ValueType::List])),
    }
}

/// `a[key] = value` of a map.
pub(crate) fn insert(a: &mut Value, key: &Value, value: Value, limits: &TaskLimits) -> Changed {
    let Value::Map(map) = a else {
        return Err(Raise::type_mismatch(a, &[ValueType::Map]));
    };
    let key = MapKey::new(key.clone()).ok_or_else(|| key_mismatch(key))?;
    check_nestable(&value)?;
    check_map(map, &key, &value, limits)?;
    map.insert(key, value);
    Ok(())
}

fn check_map(map: &Map, key: &MapKey, value: &Value, limits: &TaskLimits) -> Changed {
    let bytes = map_bytes(map);
    let added = Map::entry_bytes(key.value(), value);
    // Only near the limit is it worth finding what the new entry replaces.
    if bytes.saturating_add(added) <= limits.map_bytes() {
        return Ok(());
    }
    match map.get(key.value()) {
        Some(old)
            if bytes
                .saturating_sub(old.bytes())
                .saturating_add(value.bytes())
                <= limits.map_bytes() =>
        {
            Ok(())
        }
        _ => Err(limits.quota()),
    }
}

fn map_bytes(map: &Map) -> usize {
    SLOT_BYTES.saturating_add(map.bytes())
}

/// `a[i] = value`; waifs are the caller's business.
pub(crate) fn set_index(a: &mut Value, i: &Value, value: Value, limits: &TaskLimits) -> Changed {
    match (&mut *a, i) {
        (Value::List(list), Value::Int(i)) => {
            let at = place(*i, list.len()).ok_or_else(range_error)?;
            check_nestable(&value)?;
            let rest = SLOT_BYTES
                .saturating_add(list.bytes())
                .saturating_sub(list.as_slice()[at].bytes());
            if rest.saturating_add(value.bytes()) > limits.list_bytes() {
                return Err(limits.quota());
            }
            list.set(at, value);
            Ok(())
        }
        (Value::Str(text), Value::Int(i)) => {
            let Value::Str(one) = &value else {
                return Err(type_error());
            };
            let at = place(*i, text.len_chars()).ok_or_else(range_error)?;
            if one.len_chars() != 1 {
                return Err(Raise::new(ErrorCode::InvArg));
            }
            text.set_range(at + 1, at + 1, one.as_str());
            Ok(())
        }
        (Value::Map(_), key) if key.has_parts() => Err(type_error()),
        (Value::Map(_), key) => insert(a, key, value, limits),
        (Value::Binary(bytes), Value::Int(i)) => {
            let Value::Int(byte) = value else {
                return Err(type_error());
            };
            let at = place(*i, bytes.len()).ok_or_else(range_error)?;
            let byte = u8::try_from(byte).map_err(|_| Raise::new(ErrorCode::InvArg))?;
            bytes.splice(at..at + 1, &[byte]);
            Ok(())
        }
        _ => Err(type_error()),
    }
}

/// Does `change` to the value at the end of a path of indices into `a`. Each container on the way is moved out of
/// the one around it while the change is made, so that nobody else holds it, and put back whatever happens.
pub(crate) fn change_at(
    a: &mut Value,
    path: &[Value],
    change: &mut dyn FnMut(&mut Value) -> Changed,
) -> Changed {
    let Some((key, rest)) = path.split_first() else {
        return change(a);
    };
    match (&mut *a, key) {
        (Value::List(list), Value::Int(i)) => {
            let at = place(*i, list.len()).ok_or_else(range_error)?;
            let mut inner = list.take(at);
            let done = change_at(&mut inner, rest, change);
            let depth_fits = check_nestable(&inner);
            list.set(at, inner);
            done.and(depth_fits)
        }
        (Value::List(_), key) => Err(Raise::type_mismatch(key, &[ValueType::Int])),
        (Value::Map(_), key) if key.has_parts() => Err(key_mismatch(key)),
        (Value::Map(map), key) => {
            let (own_key, _) = map.get_entry(key).ok_or_else(range_error)?;
            let own_key = MapKey::new(own_key.clone()).ok_or_else(|| key_mismatch(key))?;
            let mut inner = map.take(key).ok_or_else(range_error)?;
            let done = change_at(&mut inner, rest, change);
            let depth_fits = check_nestable(&inner);
            map.insert(own_key, inner);
            done.and(depth_fits)
        }
        _ => Err(Raise::type_mismatch(a, &[ValueType::List, ValueType::Map])),
    }
}

/// `a[from..to] = value`.
pub(crate) fn set_range(
    a: &mut Value,
    from: &Value,
    to: &Value,
    value: &Value,
    limits: &TaskLimits,
) -> Changed {
    let kind = a.value_type();
    match (&mut *a, value) {
        (Value::List(list), Value::List(with)) => {
            let (left, right) = cut(from, to, list.len())?;
            set_list_range(list, left, right, with, limits)
        }
        (Value::Str(text), Value::Str(with)) => {
            let (left, right) = cut(from, to, text.len_chars())?;
            let kept = left + text.len_chars() - right;
            let ascii_bytes = kept + with.len_bytes();
            let bytes = if text.is_ascii() {
                ascii_bytes
            } else {
                text.len_bytes() + with.len_bytes()
            };
            if bytes > limits.string_bytes() {
                return Err(limits.quota());
            }
            if left <= right {
                text.set_range(left + 1, right, with.as_str());
            } else {
                let mut built = text.slice(1, left);
                built.push_str(with.as_str());
                built.push_str(text.slice(right + 1, usize::MAX).as_str());
                *text = built;
            }
            Ok(())
        }
        (Value::Map(map), Value::Map(with)) => set_map_range(map, from, to, with, limits),
        (Value::Binary(bytes), Value::Binary(with)) => {
            let (left, right) = cut(from, to, bytes.len())?;
            set_bytes(bytes, left, right, with, limits)
        }
        _ if kind != value.value_type() => Err(Raise::type_mismatch(value, &[kind])),
        _ => Err(Raise::type_mismatch(a, CONTAINERS)),
    }
}

/// How many elements stay on the left, and from which on the right. The left may reach beyond the right: then
/// elements between stand in the result twice, as ToastStunt has it.
fn cut(from: &Value, to: &Value, len: usize) -> Result<(usize, usize), Box<Raise>> {
    let (from, to) = bounds(from, to)?;
    if from > len as i64 + 1 || to < 0 {
        return Err(range_error());
    }
    let left = from.saturating_sub(1).max(0) as usize;
    Ok((left, (to as u64).min(len as u64) as usize))
}

/// Puts the items of `with` between the first `left` and those from `right` on.
fn set_list_range(
    list: &mut List,
    left: usize,
    right: usize,
    with: &List,
    limits: &TaskLimits,
) -> Changed {
    let sum = |items: &[Value]| {
        items
            .iter()
            .map(Value::bytes)
            .fold(0, usize::saturating_add)
    };
    let bytes = (SLOT_BYTES + with.bytes()).saturating_add(list.bytes().saturating_sub(SLOT_BYTES));
    let bytes = if left <= right {
        bytes.saturating_sub(sum(&list.as_slice()[left..right]))
    } else {
        bytes.saturating_add(sum(&list.as_slice()[right..left]))
    };
    if bytes > limits.list_bytes() {
        return Err(limits.quota());
    }
    if left <= right {
        list.splice_range(left..right, with);
    } else {
        let mut built = list.slice(0..left);
        built.extend_from_slice(with.as_slice());
        built.extend_from_slice(&list.as_slice()[right..]);
        *list = built;
    }
    Ok(())
}

/// Puts the bytes of `with` between the first `left` and those from `right` on.
fn set_bytes(
    bytes: &mut Binary,
    left: usize,
    right: usize,
    with: &Binary,
    limits: &TaskLimits,
) -> Changed {
    if left + with.len() + bytes.len() - right > limits.string_bytes() {
        return Err(limits.quota());
    }
    if left <= right {
        bytes.splice(left..right, with.as_slice());
    } else {
        let mut built = bytes.slice(0..left);
        built.extend(with.as_slice());
        built.extend(&bytes.as_slice()[right..]);
        *bytes = built;
    }
    Ok(())
}

/// `map[from..to] = with`: what lies behind `to` stays as it is, even where `with` has the same key.
fn set_map_range(
    map: &mut Map,
    from: &Value,
    to: &Value,
    with: &Map,
    limits: &TaskLimits,
) -> Changed {
    let (first, last) = map_keys(from, to)?;
    if map.get(from).is_none() || map.get(to).is_none() {
        return Err(range_error());
    }
    let removed = if first <= last {
        map.range(from, to)
    } else {
        Map::new()
    };
    let mut built = map.clone();
    for key in removed.keys() {
        built.remove(key);
    }
    for (key, value) in with {
        let stays =
            MapKey::new(key.clone()).is_some_and(|key| key > last) && map.get(key).is_some();
        if !stays {
            built.insert_value(key.clone(), value.clone());
        }
    }
    if map_bytes(&built) > limits.map_bytes() {
        return Err(limits.quota());
    }
    *map = built;
    Ok(())
}

/// The element after position `at` (how many came before) of a string, list, binary or flyweight.
#[inline]
pub(crate) fn element(a: &Value, at: usize) -> Option<Value> {
    match a {
        Value::List(list) => list.get(at).cloned(),
        Value::Str(text) => char_of(text, at),
        Value::Fly(flyweight) => flyweight.contents().get(at).cloned(),
        Value::Binary(bytes) => bytes.as_slice().get(at).map(|byte| i64::from(*byte).into()),
        _ => None,
    }
}

fn char_of(text: &Str, at: usize) -> Option<Value> {
    text.char_at(at + 1).map(Value::Str)
}
