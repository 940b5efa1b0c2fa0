//! Copies that share no memory with what they are copied from.
//!
//! In: a value. Out: its copy, or, where that would be long, itself once more. For values that several threads use again and again: each use
//! changes reference counts, for which processors wait for each other.

use crate::{List, Map, Str, Value};

/// Most bytes, in `value_bytes()` measure, of a value that is copied.
const BYTES_MAX: usize = 4096;

impl Value {
    /// A copy that shares no strings, lists and maps with this value, unless that has more than 4 KiB. Other kinds are shared.
    #[must_use]
    pub fn unshared(&self) -> Self {
        match self.bytes() <= BYTES_MAX {
            true => copied(self),
            false => self.clone(),
        }
    }
}

fn copied(value: &Value) -> Value {
    match value {
        Value::Str(text) => Str::new(text.as_str()).into(),
        Value::List(list) => List::from_vec(list.iter().map(copied).collect()).into(),
        Value::Map(map) => {
            let mut copy = Map::new();
            for (key, value) in map {
                copy.insert_value(copied(key), copied(value));
            }
            copy.into()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether two values are held by nobody but their holders.
    fn is_alone(value: &Value) -> bool {
        let mut parts = true;
        value.for_each_part(&mut |part| parts &= is_alone(part));
        let text = matches!(value, Value::Str(text) if !text.is_unique());
        parts && value.is_unique() && !text
    }

    #[test]
    fn a_copy_is_equal_and_nobody_else_has_it() {
        let text = Value::from("a text that is longer than a short one");
        let list = Value::from(vec![text.clone(), Value::Int(1), text.clone()]);
        let mut map = Map::new();
        map.insert_value(text.clone(), list.clone());
        let all = Value::from(vec![Value::Map(map), list, text]);
        assert!(!is_alone(&all));
        let copy = all.unshared();
        assert_eq!(copy, all);
        assert_eq!(copy.bytes(), all.bytes());
        assert!(is_alone(&copy));
    }

    #[test]
    fn what_is_long_stays_shared() {
        let long = Value::from("x".repeat(BYTES_MAX));
        let copy = long.unshared();
        assert!(!is_alone(&copy));
        assert_eq!(copy, long);
    }
}
