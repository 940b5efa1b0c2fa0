//! Clock, chance and deadline as the pure builtins see them.

use std::time::Duration;

use crate::builtins::Surroundings;
use crate::stretch::Stretch;

/// The surroundings that a stretch gives to the builtins that it runs.
pub(crate) struct Around<'a, 'r> {
    pub(crate) stretch: &'a Stretch<'r>,
}

impl Surroundings for Around<'_, '_> {
    fn now(&self) -> Duration {
        self.stretch.runtime.clock.wall()
    }

    fn monotonic(&self) -> Duration {
        self.stretch.runtime.clock.steady()
    }

    fn random(&mut self, buffer: &mut [u8]) {
        rand::fill(buffer);
    }

    fn reseed(&mut self) {
        // The generator of the operating system's making seeds itself.
    }

    fn time_is_up(&mut self) -> bool {
        self.stretch.is_late()
    }
}
