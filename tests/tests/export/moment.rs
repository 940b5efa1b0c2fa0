//! An export is one moment: what tasks have done and what they have yet to do fit together, whatever runs meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use moor_dump::{DumpHandles, TextDump};
use moor_tests::Session;
use moor_value::Value;

use crate::server;

/// How many users make and run tasks.
const USERS: usize = 4;
/// How many files are looked at; more, if no task was under way in any of them.
const FILES: usize = 25;
/// How many files are looked at for a task that is under way.
const FILES_MAX: usize = 1_000;

/// Each call owes the world one task, which pays the debt when it runs. Both are one transaction each.
const OWE: &str = "#0.debt = #0.debt + 1; fork (0) #0.debt = #0.debt - 1; endfork";

#[test]
fn debts_and_tasks_are_those_of_one_commit() {
    let flags = [
        "--checkpoint-interval",
        "0.001",
        "--checkpoint-export",
        "moment.db",
    ];
    let mut server = server(&flags);
    let mut wizard = server.log_in("wizard");
    wizard.value("return add_property(#0, \"debt\", 0, {#3, \"\"});");
    wizard.value("return add_verb(#0, {#3, \"xd\", \"owe\"}, {\"this\", \"none\", \"this\"});");
    let compiled = wizard.value(&format!("return set_verb_code(#0, \"owe\", {{{OWE:?}}});"));
    assert_eq!(compiled, "{}");
    let users: Vec<Session> = (0..USERS).map(|_| server.log_in("wizard")).collect();
    let file = server.folder().join("moment.db");
    let mut debts = Vec::new();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for mut user in users {
            let done = &done;
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    user.value("for i in [1..20] #0:owe(); #0:owe(); suspend(0); endfor return 1;");
                }
            });
        }
        let _stop = Stop(&done);
        let is_under_way = |(debt, _): &(i64, i64)| *debt > 0;
        while debts.len() < FILES || !debts.iter().any(is_under_way) {
            assert!(debts.len() < FILES_MAX, "nothing was ever under way");
            server.daemon.line("exported");
            let mut handles = DumpHandles::default();
            let dump = moor_dump::read_file(&file, &mut handles, &mut |_| ());
            let dump = dump.unwrap_or_else(|error| panic!("{error}"));
            debts.push((debt(&dump), dump.tasks.forked.len() as i64));
        }
    });
    for (debt, tasks) in &debts {
        assert_eq!(debt, tasks, "{debts:?}");
    }
}

/// Has the users come to an end, also when a file is wrong.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn debt(dump: &TextDump) -> i64 {
    let system = &dump.world.objects[0];
    let mut properties = system.propdefs.iter().zip(&system.propvals);
    let found = properties.find(|(name, _)| name.as_str() == "debt");
    let value = found.and_then(|(_, property)| property.value.as_ref());
    // The first file may be older than the property.
    value.and_then(Value::as_int).unwrap_or(0)
}
