//! The loops as verbs of an object in a server of this process.
//!
//! In: a textdump; verbs and loops. Out: the processor time of a loop and what it returned.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::Run;
use crate::local::{Local, least_world};
use crate::rows::Row;

/// Makes the object of the loops, and returns it.
const PREPARE: &str = r#"
    object = create(#1);
    add_property(object, "count", 0, {player, "rw"});
    return object;"#;

/// A running world.
pub(crate) struct Server {
    local: Local,
    /// The object of the loops, as a literal.
    object: String,
}

impl Server {
    /// Starts with LambdaCore, or with the least world of the tests.
    pub(crate) fn start(core: Option<&Path>, verbs: &BTreeMap<String, String>) -> Self {
        let local = Local::start(core.unwrap_or(least_world()), 1);
        let object = local.value(PREPARE).to_literal();
        for (name, code) in verbs {
            local.add_verb(&object, name, code);
        }
        Self { local, object }
    }

    /// Makes a loop a verb, and returns the verb's name.
    pub(crate) fn add_loop(&mut self, row: &Row) -> String {
        let name = format!("loop_{}", row.name);
        self.local.add_verb(&self.object, &name, &row.source());
        name
    }

    /// Runs a loop as often as makes `length`, and at least once: the time of one run.
    pub(crate) fn run(&self, verb: &str, n: i64, length: Duration) -> Run {
        let once = self.run_times(verb, n, 1);
        let runs = length.as_secs_f64() / once.time.as_secs_f64().max(1e-9);
        match runs.ceil() as u32 {
            0 | 1 => once,
            runs => self.run_times(verb, n, runs),
        }
    }

    fn run_times(&self, verb: &str, n: i64, runs: u32) -> Run {
        let code = format!(
            "for run in [1..{runs}] value = {}:{verb}({n}); endfor return value;",
            self.object
        );
        let begin = processor_time();
        let value = self.local.value(&code).to_literal();
        Run {
            time: (processor_time() - begin) / runs,
            value,
        }
    }
}

/// Time that this process has spent on processors.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
