//! The pure builtins from outside, for the fuzz targets; compiled for them only.
//!
//! In: a name and arguments. Out: what a program that calls it gets. The world outside stands still, and no wizard calls.

use std::time::Duration;

use moor_value::{Str, Value};

use crate::builtins::{Call, Limits, Run, Surroundings, check_args, pure_builtins};

/// Where it is always the same second, and chance counts upwards.
struct Still {
    chance: u8,
    polls_left: u32,
}

impl Surroundings for Still {
    fn now(&self) -> Duration {
        Duration::from_secs(1_000_000_000)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(1)
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
        false
    }
}

/// The names of all pure builtins, in order.
#[must_use]
pub fn pure_builtin_names() -> Vec<&'static str> {
    let mut names: Vec<_> = pure_builtins().map(|spec| spec.name).collect();
    names.sort_unstable();
    names
}

/// Calls a pure builtin: its value, or the code and message of its error. `None` where there is none of that name. After so
/// many polls its time is up.
pub fn call_pure_builtin(
    name: &str,
    args: &mut [Value],
    polls: u32,
) -> Option<Result<Value, (Value, Str)>> {
    /// Bytes of a value that it may build.
    const BYTES_MAX: usize = 1 << 20;
    let spec = pure_builtins().find(|spec| spec.name == name)?;
    let Run::Pure(run) = spec.run else {
        return None;
    };
    let limits = Limits {
        string_bytes_max: BYTES_MAX,
        list_bytes_max: BYTES_MAX,
        map_bytes_max: BYTES_MAX,
    };
    let mut still = Still {
        chance: 0,
        polls_left: polls,
    };
    let result =
        check_args(spec, args).and_then(|()| run(&mut Call::new(&limits, &mut still), args));
    Some(result.map_err(|raise| (raise.code, raise.message)))
}
