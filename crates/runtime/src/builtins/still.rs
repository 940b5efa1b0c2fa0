//! Pure builtins in surroundings where nothing moves, for tests and fuzz targets.
//!
//! In: a name, arguments, limits. Out: what a program that calls it gets, the same each time. There is no world, no clock
//! and no task.

use std::time::Duration;

use moor_value::Value;

use super::{Call, Limits, Raise, Run, Surroundings, check_args, pure_builtins};

/// Where it is always the same second, chance counts upwards, and time ends after a number of polls.
pub(crate) struct Still {
    chance: u8,
    polls_left: u32,
    wizard: bool,
}

impl Still {
    /// The surroundings of one call.
    pub(crate) fn new(polls: u32, wizard: bool) -> Self {
        Self {
            chance: 0,
            polls_left: polls,
            wizard,
        }
    }

    /// Calls a pure builtin. `None` where there is none of that name.
    pub(crate) fn call(
        mut self,
        name: &str,
        args: &mut [Value],
        limits: &Limits,
    ) -> Option<Result<Value, Raise>> {
        let spec = pure_builtins().find(|spec| spec.name == name)?;
        let Run::Pure(run) = spec.run else {
            return None;
        };
        Some(check_args(spec, args).and_then(|()| run(&mut Call::new(limits, &mut self), args)))
    }
}

impl Surroundings for Still {
    fn now(&self) -> Duration {
        Duration::from_secs(1_000_000_000)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(1_500)
    }

    fn random(&mut self, buffer: &mut [u8]) {
        for byte in buffer {
            self.chance = self.chance.wrapping_add(41);
            *byte = self.chance;
        }
    }

    fn reseed(&mut self) {
        self.chance = 0;
    }

    fn time_is_up(&mut self) -> bool {
        self.polls_left = self.polls_left.saturating_sub(1);
        self.polls_left == 0
    }

    fn is_wizard(&mut self) -> bool {
        self.wizard
    }
}
