//! A value of the MOO language on its way to or from a worker or a web page.
//!
//! In: what a program passes, what a worker answers. Out: [`WireValue`], and its encoding as a flat list
//! of parts, so that reading one never recurses deeper than [`WIRE_DEPTH_MAX`]. Anonymous objects and
//! waifs cannot leave the daemon and have no form here. It does not know what the daemon's own values are.
//!
//! # Layout
//! A `u32` count of parts, then the parts in order: a value that is no list and no map is one part; a list
//! is a part with its count of elements, followed by the elements; a map is a part with its count of
//! entries, followed by each key and its value.

use std::cell::Cell;

use wincode::{SchemaRead, SchemaWrite};

/// How deep lists and maps may nest: `{}` has depth 1.
pub const WIRE_DEPTH_MAX: usize = 100;

/// How many values one value may consist of, itself counted.
pub const WIRE_VALUES_MAX: usize = 200_000;

/// A value that can leave the daemon.
#[derive(Clone, Debug, PartialEq)]
pub enum WireValue {
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A string.
    Str(String),
    /// A boolean.
    Bool(bool),
    /// An object number.
    Obj(i64),
    /// An error by its name, such as `E_PERM`.
    Err(String),
    /// The elements in order.
    List(Vec<WireValue>),
    /// Keys with their values; a reader takes the last of equal keys.
    Map(Vec<(WireValue, WireValue)>),
}

impl WireValue {
    /// Whether it nests no deeper than [`WIRE_DEPTH_MAX`] and has no more than [`WIRE_VALUES_MAX`] values:
    /// what holds of every value that was decoded, and must hold of one that is to be encoded.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.count_within(WIRE_DEPTH_MAX, WIRE_VALUES_MAX).is_some()
    }

    /// How many values it has, where it keeps both bounds.
    fn count_within(&self, depth_left: usize, values_left: usize) -> Option<usize> {
        let within = |count: usize, part: &Self| {
            let left = values_left.checked_sub(count)?;
            Some(count + part.count_within(depth_left.checked_sub(1)?, left)?)
        };
        let count = match self {
            Self::List(items) => {
                depth_left.checked_sub(1)?;
                items.iter().try_fold(1, within)?
            }
            Self::Map(entries) => {
                depth_left.checked_sub(1)?;
                let parts = entries.iter().flat_map(|(key, value)| [key, value]);
                parts.into_iter().try_fold(1, within)?
            }
            _ => 1,
        };
        (count <= values_left).then_some(count)
    }
}

/// One part of a value's encoding. Tags are one byte, as numbered here.
#[derive(Clone, Debug, SchemaRead, SchemaWrite)]
enum Part {
    #[wincode(tag = 0)]
    Int(i64),
    #[wincode(tag = 1)]
    Float(f64),
    #[wincode(tag = 2)]
    Str(String),
    #[wincode(tag = 3)]
    Bool(bool),
    #[wincode(tag = 4)]
    Obj(i64),
    #[wincode(tag = 5)]
    Err(String),
    /// So many elements follow.
    #[wincode(tag = 6)]
    List(u32),
    /// So many keys with their values follow.
    #[wincode(tag = 7)]
    Map(u32),
}

/// The encoding of a value: the schema that message fields of type [`WireValue`] name.
#[derive(Clone, Debug, SchemaRead, SchemaWrite)]
pub(crate) struct Parts(Vec<Part>);

thread_local! {
    /// Whether a value that this thread has converted broke a rule. The codec's library has no conversion
    /// that can fail; so the conversions below leave word here, and [`watched`] makes it the error of the
    /// message that it stands in.
    static IS_BROKEN: Cell<bool> = const { Cell::new(false) };
}

/// What `convert` gives, or `None` when a value in it broke a rule.
pub(crate) fn watched<T>(convert: impl FnOnce() -> T) -> Option<T> {
    IS_BROKEN.set(false);
    let converted = convert();
    (!IS_BROKEN.take()).then_some(converted)
}

impl From<&WireValue> for Parts {
    fn from(value: &WireValue) -> Self {
        let mut parts = Vec::new();
        if value.fits() {
            flatten(value, &mut parts);
        } else {
            IS_BROKEN.set(true);
        }
        Self(parts)
    }
}

impl From<Parts> for WireValue {
    fn from(parts: Parts) -> Self {
        let count = parts.0.len();
        let mut rest = parts.0.into_iter();
        let value = (count <= WIRE_VALUES_MAX)
            .then(|| build(&mut rest, WIRE_DEPTH_MAX))
            .flatten()
            .filter(|_| rest.next().is_none());
        value.unwrap_or_else(|| {
            IS_BROKEN.set(true);
            Self::Int(0)
        })
    }
}

/// Appends the parts of a value that keeps the bounds.
fn flatten(value: &WireValue, parts: &mut Vec<Part>) {
    // A value that keeps the bounds has far fewer elements than a `u32` counts.
    let counted = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    parts.push(match value {
        WireValue::Int(number) => Part::Int(*number),
        WireValue::Float(number) => Part::Float(*number),
        WireValue::Str(text) => Part::Str(text.clone()),
        WireValue::Bool(truth) => Part::Bool(*truth),
        WireValue::Obj(number) => Part::Obj(*number),
        WireValue::Err(name) => Part::Err(name.clone()),
        WireValue::List(items) => Part::List(counted(items.len())),
        WireValue::Map(entries) => Part::Map(counted(entries.len())),
    });
    match value {
        WireValue::List(items) => items.iter().for_each(|item| flatten(item, parts)),
        WireValue::Map(entries) => {
            for (key, value) in entries {
                flatten(key, parts);
                flatten(value, parts);
            }
        }
        _ => {}
    }
}

/// The value that the next parts make. `None` when they end inside it or it nests too deep.
fn build(parts: &mut std::vec::IntoIter<Part>, depth_left: usize) -> Option<WireValue> {
    Some(match parts.next()? {
        Part::Int(number) => WireValue::Int(number),
        Part::Float(number) => WireValue::Float(number),
        Part::Str(text) => WireValue::Str(text),
        Part::Bool(truth) => WireValue::Bool(truth),
        Part::Obj(number) => WireValue::Obj(number),
        Part::Err(name) => WireValue::Err(name),
        Part::List(count) => {
            let depth_left = depth_left.checked_sub(1)?;
            // Nothing is reserved by the count: it may be a lie.
            let items = (0..count).map(|_| build(parts, depth_left));
            WireValue::List(items.collect::<Option<_>>()?)
        }
        Part::Map(count) => {
            let depth_left = depth_left.checked_sub(1)?;
            let entries =
                (0..count).map(|_| Some((build(parts, depth_left)?, build(parts, depth_left)?)));
            WireValue::Map(entries.collect::<Option<_>>()?)
        }
    })
}
