//! Builtins that are handed more work than a task has time for.
//!
//! In: programs, and a clock that goes on whenever somebody looks at it. Out: that the task has ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::fixture::{Ended, Server, Silent, Who};
use crate::clock::Clock;

/// A clock on which a hundredth of a second passes between two looks.
#[derive(Default)]
struct Watched(AtomicU64);

impl Clock for Watched {
    fn wall(&self) -> Duration {
        self.steady()
    }

    fn steady(&self) -> Duration {
        Duration::from_millis(10 * self.0.fetch_add(1, Ordering::Relaxed))
    }
}

#[test]
fn names_are_compared_as_long_as_there_is_time() {
    let server = Server::with(Arc::new(Silent), Arc::new(Watched::default()));
    let names = "n = {\"lantern\"}; for i in [1..19] n = {@n, @n}; endfor ";
    for call in [
        "complex_match(\"latnern\", {1}, {n}, 1.0)",
        "complex_matches(\"latnern\", {1}, {n}, 1.0)",
        "parse_command(\"look latnern\", {{#1, @n}}, 1)",
    ] {
        let ended = server.run(Who::Wizard, &format!("{names} {call}; return 1;"));
        assert!(!matches!(ended, Ended::Returned(_)), "{call}");
    }
}
