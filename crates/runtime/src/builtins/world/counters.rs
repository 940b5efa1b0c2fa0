//! What the server has counted since its start, and what it keeps to be quick.
//!
//! In: nothing. Out: maps of names to numbers and times.

use moor_value::Value;

use super::server::run_gc;
use crate::builtins::BuiltinSpec;
use crate::builtins::env::{Answer, Env, Reply, named_map, nothing};
use crate::builtins::spec::world;
use crate::tally::{self, Counter};

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!("bf_counters", 0..=0, [], MooR, bf_counters)
        .doc(
            "",
            "MAP",
            "`{calls, nanoseconds}` of each builtin that was called since the server started; the time is what one call in 64 took, \
             times 64. Calls that the machine answers itself, such as those of `length()`, are not among them. Empty unless the daemon runs \
             with `--count-builtins`.",
        )
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
    world!("db_counters", 0..=0, [], MooR, db_counters)
        .doc(
            "",
            "MAP",
            "`{number, nanoseconds}` since the server started: stretches of tasks that were committed (`commits`), that lost a \
             conflict (`conflicts`), that had to run alone (`turns`), and that the disk refused (`refusals`), with the time that this took.",
        )
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
    world!("flush_caches", 0..=0, [], MooR, flush_caches)
        .doc(
            "",
            "INT",
            "Forgets which verbs the calls of this task have found. Nothing that is kept is ever out of date, so it makes no difference.",
        )
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
    world!("gc_collect", 0..=0, [], MooR, run_gc)
        .doc("", "INT", "The same as `run_gc()`.")
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
    world!("sched_counters", 0..=0, [], MooR, sched_counters)
        .doc(
            "",
            "MAP",
            "`{number, nanoseconds}` since the server started: `stretches` that were run, `retries` of these after a conflict, `lines` of \
             users, `tasks` that began or went on, `hooks` that the server called.",
        )
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
    world!("vm_counters", 0..=0, [], MooR, vm_counters)
        .doc(
            "",
            "MAP",
            "`{number, nanoseconds}` since the server started: `runs` of the machine.",
        )
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
];

fn bf_counters(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let counted = tally::builtins().into_iter();
    let entries = counted.map(|(name, count, nanos)| (name, pair((count, nanos))));
    Ok(Answer::Value(named_map(entries)))
}

fn db_counters(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    counters(
        env,
        &[
            ("commits", Counter::Commits),
            ("conflicts", Counter::Conflicts),
            ("turns", Counter::Turns),
            ("refusals", Counter::Refusals),
        ],
    )
}

fn sched_counters(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    counters(
        env,
        &[
            ("stretches", Counter::Stretches),
            ("retries", Counter::Retries),
            ("lines", Counter::Lines),
            ("tasks", Counter::Tasks),
            ("hooks", Counter::Hooks),
        ],
    )
}

fn vm_counters(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    counters(env, &[("runs", Counter::Runs)])
}

fn counters(env: &mut Env<'_, '_, '_>, names: &[(&'static str, Counter)]) -> Reply {
    env.wizard_only()?;
    let entries = names
        .iter()
        .map(|(name, counter)| (*name, pair(tally::of(*counter))));
    Ok(Answer::Value(named_map(entries)))
}

fn pair((count, nanos): (u64, u64)) -> Value {
    let number = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    vec![number(count), number(nanos)].into()
}

fn flush_caches(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    env.wizard_only()?;
    env.stretch.forget_verbs();
    nothing()
}
