//! What a program vouches for: named checks, asked when somebody wants to know.
//!
//! In: checks that the parts of a program register: the recency of the daemon's pings, loops that must turn, things that
//! must have happened once. Out: a [`Report`] of all of them, or of the loops alone. It opens no socket and does not know
//! what a check means.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::RwLock;

use crate::Liveness;

/// What one check found.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "admin", derive(serde::Serialize, serde::Deserialize))]
pub struct Check {
    /// Whether all is well.
    pub ok: bool,
    /// Seconds since the last sign of life, where the check knows one.
    #[cfg_attr(
        feature = "admin",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub age_s: Option<f64>,
    /// What is wrong, or what is worth knowing. Never a secret: anybody who reaches the admin listener reads it.
    #[cfg_attr(
        feature = "admin",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub detail: Option<String>,
}

impl Check {
    /// All is well.
    pub fn passing() -> Self {
        Self::of(true)
    }

    /// Something is wrong, and what.
    pub fn failing(detail: impl Into<String>) -> Self {
        Self::of(false).with_detail(detail)
    }

    /// Well or not, without a word.
    pub fn of(ok: bool) -> Self {
        Self {
            ok,
            age_s: None,
            detail: None,
        }
    }

    /// The same with the time since the last sign of life.
    #[must_use]
    pub fn with_age(mut self, age: Duration) -> Self {
        self.age_s = Some((age.as_secs_f64() * 1e3).round() / 1e3);
        self
    }

    /// The same with a word.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// What all checks found.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Whether every check is well.
    pub ok: bool,
    /// Each check by its name.
    pub checks: BTreeMap<Cow<'static, str>, Check>,
}

type Ask = Arc<dyn Fn() -> Check + Send + Sync>;

struct Entry {
    name: Cow<'static, str>,
    /// Whether a failure means that the process itself is stuck.
    is_loop: bool,
    ask: Ask,
}

/// The checks of a program. Clones share them.
#[derive(Clone, Default)]
pub struct Health {
    entries: Arc<RwLock<Vec<Entry>>>,
}

impl std::fmt::Debug for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let entries = self.entries.read();
        f.debug_set()
            .entries(entries.iter().map(|entry| &entry.name))
            .finish()
    }
}

impl Health {
    /// No checks yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a check; one of the same name is replaced. `ask` is called for every probe, on the thread of the admin
    /// listener: it must neither block nor panic.
    pub fn check(
        &self,
        name: impl Into<Cow<'static, str>>,
        ask: impl Fn() -> Check + Send + Sync + 'static,
    ) {
        self.register(name.into(), false, Arc::new(ask));
    }

    /// Registers the recency of the daemon's pings.
    pub fn pings(&self, name: impl Into<Cow<'static, str>>, liveness: Liveness) {
        self.check(name, move || match liveness.age() {
            None => Check::failing("no ping of the daemon yet"),
            Some(age) if liveness.is_healthy() => Check::passing().with_age(age),
            Some(age) => Check::failing("the daemon is silent").with_age(age),
        });
    }

    /// Registers something that must happen once, such as the end of starting; it fails until then.
    pub fn latch(&self, name: impl Into<Cow<'static, str>>) -> Latch {
        let latch = Latch::default();
        let seen = Arc::clone(&latch.open);
        self.check(name, move || match seen.load(Ordering::Relaxed) {
            true => Check::passing(),
            false => Check::failing("not yet"),
        });
        latch
    }

    /// Registers a loop that turns at least every `interval_max`, which it proves by [`Heartbeat::beat`]. The first turn
    /// counts from now. A loop that stands still means that the process is stuck.
    pub fn heartbeat(
        &self,
        name: impl Into<Cow<'static, str>>,
        interval_max: Duration,
    ) -> Heartbeat {
        let heartbeat = Heartbeat::new();
        let heard = heartbeat.clone();
        let ask = move || {
            let age = heard.age();
            let check = match age <= interval_max {
                true => Check::passing(),
                false => Check::failing("stands still"),
            };
            check.with_age(age)
        };
        self.register(name.into(), true, Arc::new(ask));
        heartbeat
    }

    /// What all checks find now. A program that vouches for nothing is not well: it has not come that far.
    pub fn report(&self) -> Report {
        let checks = self.ask(|_| true);
        Report {
            ok: !checks.is_empty() && checks.values().all(|check| check.ok),
            checks,
        }
    }

    /// What the loops alone find now: whether the process is alive.
    pub fn report_loops(&self) -> Report {
        let checks = self.ask(|entry| entry.is_loop);
        Report {
            ok: checks.values().all(|check| check.ok),
            checks,
        }
    }

    /// Asks without holding the lock, so that a check may itself look at the registry.
    fn ask(&self, chosen: impl Fn(&Entry) -> bool) -> BTreeMap<Cow<'static, str>, Check> {
        let asked: Vec<(Cow<'static, str>, Ask)> = self
            .entries
            .read()
            .iter()
            .filter(|entry| chosen(entry))
            .map(|entry| (entry.name.clone(), Arc::clone(&entry.ask)))
            .collect();
        asked.into_iter().map(|(name, ask)| (name, ask())).collect()
    }

    fn register(&self, name: Cow<'static, str>, is_loop: bool, ask: Ask) {
        let mut entries = self.entries.write();
        entries.retain(|entry| entry.name != name);
        entries.push(Entry { name, is_loop, ask });
    }
}

/// Something that happens once. Clones share one state.
#[derive(Clone, Debug, Default)]
pub struct Latch {
    open: Arc<AtomicBool>,
}

impl Latch {
    /// It happened.
    pub fn open(&self) {
        self.open.store(true, Ordering::Relaxed);
    }
}

/// The turns of a loop. Clones share one state.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    since: Instant,
    /// Milliseconds from `since` to the last turn.
    last_ms: Arc<AtomicU64>,
}

impl Heartbeat {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            last_ms: Arc::new(AtomicU64::new(0)),
        }
    }

    /// The loop turned now.
    pub fn beat(&self) {
        self.last_ms.fetch_max(self.now_ms(), Ordering::Relaxed);
    }

    fn age(&self) -> Duration {
        let last = self.last_ms.load(Ordering::Relaxed);
        Duration::from_millis(self.now_ms().saturating_sub(last))
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_vouches_for_nothing_is_alive_and_not_well() {
        let health = Health::new();
        assert!(!health.report().ok);
        assert!(health.report_loops().ok);
    }

    #[test]
    fn every_check_must_be_well() {
        let health = Health::new();
        let started = health.latch("started");
        health.check("store", || Check::passing().with_detail("writable"));
        assert!(!health.report().ok);
        started.open();
        assert!(health.report().ok);
        health.check("store", || Check::failing("read-only"));
        let report = health.report();
        assert!(!report.ok, "{report:?}");
        assert_eq!(report.checks["store"].detail.as_deref(), Some("read-only"));
        assert_eq!(report.checks.len(), 2, "a check was not replaced");
        assert!(health.report_loops().ok, "a failing check is no stuck loop");
    }

    #[test]
    fn pings_have_an_age() {
        let (health, liveness) = (Health::new(), Liveness::new());
        health.pings("daemon_ping", liveness.clone());
        let before = health.report().checks["daemon_ping"].clone();
        assert_eq!((before.ok, before.age_s), (false, None));
        liveness.ping();
        let after = health.report().checks["daemon_ping"].clone();
        assert!(
            after.ok && after.age_s.is_some_and(|age| age < 30.0),
            "{after:?}"
        );
    }

    #[test]
    fn a_daemon_that_fell_silent_is_told_with_the_age_of_its_last_ping() {
        let (health, liveness) = (Health::new(), Liveness::with_window(Duration::ZERO));
        health.pings("daemon_ping", liveness.clone());
        liveness.ping_at(Instant::now() - Duration::from_secs(60));
        let check = health.report().checks["daemon_ping"].clone();
        assert!(
            !check.ok && check.age_s.is_some_and(|age| age >= 60.0),
            "{check:?}"
        );
    }

    #[test]
    fn a_loop_that_stands_still_is_noticed_until_it_turns() {
        let health = Health::new();
        let heartbeat = health.heartbeat("main", Duration::from_millis(20));
        let began = Instant::now();
        while health.report_loops().ok {
            assert!(began.elapsed() < Duration::from_secs(10), "never noticed");
            std::thread::yield_now();
        }
        assert!(!health.report().ok);
        heartbeat.beat();
        let age_ms = heartbeat.age().as_millis();
        assert!(age_ms < 10_000, "{age_ms}");
        assert!(began.elapsed() >= Duration::from_millis(20));
    }
}
