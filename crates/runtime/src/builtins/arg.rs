//! Reading arguments that the table has already checked.
//! In: the argument values of a call. Out: what they hold.

use moor_value::{ErrorCode, List, Map, Str, Value};

use super::Raise;

/// The arguments of one call, read by position from 0. Each reader's argument has passed the
/// type check of the table; a mismatch (a table that does not fit its code) raises E_TYPE.
pub(super) trait Args {
    /// The argument, if it was given.
    fn given(&self, index: usize) -> Option<&Value>;

    /// Whether an optional argument is given and true.
    fn flag(&self, index: usize) -> bool {
        self.given(index).is_some_and(Value::is_true)
    }

    /// A string.
    fn str(&self, index: usize) -> Result<&Str, Raise> {
        self.read(index, Value::as_str)
    }

    /// An integer.
    fn int(&self, index: usize) -> Result<i64, Raise> {
        self.read(index, Value::as_int)
    }

    /// A float.
    fn float(&self, index: usize) -> Result<f64, Raise> {
        self.read(index, Value::as_float)
    }

    /// A list.
    fn list(&self, index: usize) -> Result<&List, Raise> {
        self.read(index, Value::as_list)
    }

    /// A map.
    fn map(&self, index: usize) -> Result<&Map, Raise> {
        self.read(index, Value::as_map)
    }

    /// An argument read by one of `Value`'s accessors.
    fn read<'a, T>(
        &'a self,
        index: usize,
        accessor: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<T, Raise> {
        let value = self.given(index).and_then(accessor);
        value.ok_or_else(|| ErrorCode::Type.into())
    }

    /// A list moved out of the arguments, so that it can change in place.
    fn take_list(&mut self, index: usize) -> Result<List, Raise>;

    /// A map moved out of the arguments, so that it can change in place.
    fn take_map(&mut self, index: usize) -> Result<Map, Raise>;
}

impl Args for [Value] {
    fn given(&self, index: usize) -> Option<&Value> {
        self.get(index)
    }

    fn take_list(&mut self, index: usize) -> Result<List, Raise> {
        let value = self.get_mut(index).map(Value::take).unwrap_or_default();
        value.into_list().map_err(|_| ErrorCode::Type.into())
    }

    fn take_map(&mut self, index: usize) -> Result<Map, Raise> {
        let value = self.get_mut(index).map(Value::take).unwrap_or_default();
        value.into_map().map_err(|_| ErrorCode::Type.into())
    }
}
