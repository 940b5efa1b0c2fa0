//! Options of builtins: a map whose keys are names.
//! In: the map of a call, the names that there are. Out: numbers within their bounds, truth, words.

use std::ops::RangeInclusive;

use moor_value::{ErrorCode, Map, Value};

use super::Raise;

/// The options of one call, all of whose names are known.
#[derive(Clone, Copy)]
pub(super) struct Options<'a>(Option<&'a Map>);

impl<'a> Options<'a> {
    /// The options that an argument holds, if it was given.
    ///
    /// # Errors
    /// E_TYPE for what is no map and for keys that are no names; E_INVARG for a name that there is not.
    pub(super) fn read(given: Option<&'a Value>, known: &[&str]) -> Result<Self, Raise> {
        let Some(given) = given else {
            return Ok(Self(None));
        };
        let map = given.as_map().ok_or(ErrorCode::Type)?;
        for key in map.keys() {
            let name = key.name_text().ok_or(ErrorCode::Type)?;
            if !known.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                return Err(ErrorCode::InvArg.into());
            }
        }
        Ok(Self(Some(map)))
    }

    /// A whole number, or what holds without one.
    ///
    /// # Errors
    /// E_TYPE for another value, E_RANGE for one beyond the bounds.
    pub(super) fn number(
        self,
        name: &str,
        default: usize,
        bounds: RangeInclusive<usize>,
    ) -> Result<usize, Raise> {
        let Some(value) = self.get(name) else {
            return Ok(default);
        };
        let number = usize::try_from(value.as_int().ok_or(ErrorCode::Type)?);
        let number = number.ok().filter(|number| bounds.contains(number));
        number.ok_or_else(|| ErrorCode::Range.into())
    }

    /// Whether a value is true, or what holds without one.
    pub(super) fn flag(self, name: &str, default: bool) -> bool {
        self.get(name).map_or(default, Value::is_true)
    }

    /// The place of a word, a symbol or string, among those that there are; the first where none is given.
    ///
    /// # Errors
    /// E_TYPE for another value, E_INVARG for another word.
    pub(super) fn word(self, name: &str, words: &[&str]) -> Result<usize, Raise> {
        let Some(value) = self.get(name) else {
            return Ok(0);
        };
        let given = value.name_text().ok_or(ErrorCode::Type)?;
        let found = words
            .iter()
            .position(|word| word.eq_ignore_ascii_case(given));
        found.ok_or_else(|| ErrorCode::InvArg.into())
    }

    /// The value of a name, which may be a symbol or a string.
    pub(super) fn get(self, name: &str) -> Option<&'a Value> {
        let is_it = |key: &Value| {
            key.name_text()
                .is_some_and(|key| key.eq_ignore_ascii_case(name))
        };
        let found = self.0?.iter().find(|(key, _)| is_it(key));
        found.map(|(_, value)| value)
    }
}
