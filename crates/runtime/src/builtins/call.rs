//! What a builtin may use besides its arguments: limits, a budget of steps, the clock and chance.
//! In: these, from whoever runs the task. Out: checks that a builtin makes while it works.

use std::time::Duration;

use moor_value::{ErrorCode, List, Map, Str, Value};

use super::{Raise, json_parser, pcre};

/// How many steps of work pass between two questions whether the task's time is up. A step is
/// about the work of handling one byte, so a poll comes every millisecond or less.
pub(crate) const STEPS_BETWEEN_POLLS: u64 = 1 << 16;

/// What a list counts for besides its items.
const SLOT_BYTES: usize = 16;

/// The largest values that builtins may build, in `value_bytes()` measure, and other bounds of their work (`$server_options`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// `max_string_concat`, in bytes of UTF-8.
    pub(crate) string_bytes_max: usize,
    /// `max_list_value_bytes`.
    pub(crate) list_bytes_max: usize,
    /// `max_map_value_bytes`.
    pub(crate) map_bytes_max: usize,
    /// `json_max_parse_depth`: arrays and objects in one another that `parse_json()` takes.
    pub(crate) json_depth_max: u32,
    /// `pcre_match_max_iterations`: places that one call of `pcre_match()` or `pcre_replace()` may find.
    pub(crate) pcre_matches_max: usize,
}

impl Default for Limits {
    /// ToastStunt's values where `$server_options` says nothing.
    fn default() -> Self {
        Self {
            string_bytes_max: 33_554_423,
            list_bytes_max: 64_537_861,
            map_bytes_max: 64_537_861,
            json_depth_max: json_parser::DEPTH_MAX,
            pcre_matches_max: pcre::MATCHES_MAX,
        }
    }
}

/// The world outside a builtin, so that a run can be repeated exactly.
pub(crate) trait Surroundings {
    /// The time since 1970-01-01 00:00 UTC.
    fn now(&self) -> Duration;

    /// The time since some moment that does not change while the server runs.
    fn monotonic(&self) -> Duration;

    /// Fills the buffer with bytes that nobody can guess.
    fn random(&mut self, buffer: &mut [u8]);

    /// Takes a new seed where one is used.
    fn reseed(&mut self);

    /// Whether the task has used up its time.
    fn time_is_up(&mut self) -> bool;

    /// Whether the code that calls has a wizard's power. Few builtins ask.
    fn is_wizard(&mut self) -> bool;
}

/// One call of a pure builtin.
pub(crate) struct Call<'a> {
    /// What may be built.
    pub(crate) limits: &'a Limits,
    /// Clock, chance and the deadline.
    pub(crate) surroundings: &'a mut dyn Surroundings,
    steps: u64,
}

impl<'a> Call<'a> {
    /// A call whose budget is full.
    #[inline]
    pub(crate) fn new(limits: &'a Limits, surroundings: &'a mut dyn Surroundings) -> Self {
        Self {
            limits,
            surroundings,
            steps: 0,
        }
    }

    /// Accounts for work that is about to be done, of about `steps` bytes handled.
    ///
    /// # Errors
    /// E_QUOTA when the task's time is up; the task then ends at its next tick.
    #[inline]
    pub(crate) fn charge(&mut self, steps: usize) -> Result<(), Raise> {
        self.steps = self.steps.saturating_add(steps as u64);
        if self.steps < STEPS_BETWEEN_POLLS {
            return Ok(());
        }
        self.steps = 0;
        if self.surroundings.time_is_up() {
            return Err(ErrorCode::Quota.into());
        }
        Ok(())
    }

    /// E_QUOTA unless a string of that many bytes may be built.
    pub(crate) fn allow_string(&self, bytes: usize) -> Result<(), Raise> {
        quota(bytes <= self.limits.string_bytes_max)
    }

    /// The string as a value.
    ///
    /// # Errors
    /// E_QUOTA when it is longer than is allowed.
    pub(crate) fn string(&self, text: impl Into<Str>) -> Result<Value, Raise> {
        let text = text.into();
        self.allow_string(text.len_bytes())?;
        Ok(Value::Str(text))
    }

    /// E_QUOTA when the list is larger than is allowed.
    pub(crate) fn allow_list(&self, list: &List) -> Result<(), Raise> {
        quota(list.bytes() + SLOT_BYTES <= self.limits.list_bytes_max)
    }

    /// The list as a value.
    ///
    /// # Errors
    /// E_QUOTA when it is larger than is allowed.
    pub(crate) fn list(&self, list: impl Into<List>) -> Result<Value, Raise> {
        let list = list.into();
        self.allow_list(&list)?;
        Ok(list.into())
    }

    /// A list of all these values, given up as soon as it is too large.
    ///
    /// # Errors
    /// E_QUOTA when it is larger than is allowed.
    pub(crate) fn collect_list(
        &mut self,
        items: impl Iterator<Item = Value>,
    ) -> Result<Value, Raise> {
        let mut list = List::new();
        for item in items {
            self.charge(SLOT_BYTES)?;
            list.push(item);
            self.allow_list(&list)?;
        }
        Ok(list.into())
    }

    /// The map as a value.
    ///
    /// # Errors
    /// E_QUOTA when it is larger than is allowed.
    pub(crate) fn map(&self, map: Map) -> Result<Value, Raise> {
        let map = Value::Map(map);
        quota(map.bytes() <= self.limits.map_bytes_max)?;
        Ok(map)
    }

    /// E_PERM unless a wizard calls.
    pub(crate) fn wizard_only(&mut self) -> Result<(), Raise> {
        if self.surroundings.is_wizard() {
            Ok(())
        } else {
            Err(ErrorCode::Perm.into())
        }
    }

    /// A number that every value below 2^64 is equally likely for.
    pub(crate) fn random_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.surroundings.random(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A number from 0 to `bound - 1`, each equally likely.
    ///
    /// # Panics
    /// When `bound` is 0.
    pub(crate) fn random_below(&mut self, bound: u64) -> u64 {
        // Numbers in the last, incomplete run of `bound` would favour small results.
        let unfair = (u64::MAX - bound + 1) % bound;
        loop {
            let number = self.random_u64();
            if number <= u64::MAX - unfair {
                return number % bound;
            }
        }
    }
}

fn quota(within: bool) -> Result<(), Raise> {
    if within {
        Ok(())
    } else {
        Err(ErrorCode::Quota.into())
    }
}
