//! Clock, chance and deadline as the pure builtins see them.

use std::time::Duration;

use moor_value::ObjId;
use moor_world::Transaction;

use crate::builtins::Surroundings;
use crate::runtime::Runtime;

/// The surroundings that a stretch gives to the builtins that it runs.
pub(crate) struct Around<'a> {
    pub(crate) runtime: &'a Runtime,
    pub(crate) txn: &'a mut Transaction,
    /// When the stretch's time is over: time since the daemon's start.
    pub(crate) deadline: Duration,
    /// Whose permissions the calling code has.
    pub(crate) perms: ObjId,
}

impl Surroundings for Around<'_> {
    fn now(&self) -> Duration {
        self.runtime.clock.wall()
    }

    fn monotonic(&self) -> Duration {
        self.runtime.clock.steady()
    }

    fn random(&mut self, buffer: &mut [u8]) {
        rand::fill(buffer);
    }

    fn reseed(&mut self) {
        // The generator of the operating system's making seeds itself.
    }

    fn time_is_up(&mut self) -> bool {
        self.monotonic() >= self.deadline
    }

    fn is_wizard(&mut self) -> bool {
        self.txn.is_wizard(self.perms)
    }
}
