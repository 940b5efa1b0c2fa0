//! Keeps the threads of a program that pass messages on together on one processor, as long as that one has time for them.
//!
//! In: the names of threads, and what the system says of how long each has waited for a processor. Out: the processors that each may run
//! on. It does not know what the threads do.
//!
//! A message passes four or five threads of each program, one after the other: never two at a time, as long as there is little to do. The
//! system wakes each of them on a processor that sleeps, which takes longer than what the thread has to do. On one processor, the
//! next goes on where the last one stops. All programs of a user choose the same one, so that the way from program to program is as short.
//! When the threads begin to wait for it, because there is much to do or others use it, they are let go to all processors
//! for a while, or until they have little to do again.

use std::collections::HashMap;
use std::fs;
use std::str::SplitAsciiWhitespace;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, getuid};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// What the names of such threads begin with: ours, and those of libzmq.
const NAMES: [&str; 2] = ["io-", "ZMQbg/IO"];
/// How often it is looked how they fare.
const ROUND: Duration = Duration::from_millis(500);
/// How long a thread may wait for the processor each time it runs, on average.
const WAIT_MAX: Duration = Duration::from_micros(40);
/// From so few times nothing follows.
const RUNS_MIN: u64 = 20;
/// Who uses less of a processor than this, in percent, has little to do.
const CALM_PERCENT: u32 = 50;
/// How long they run anywhere before they are brought together again: at first, and at most.
const APART_MIN: Duration = Duration::from_secs(4);
const APART_MAX: Duration = Duration::from_secs(64);

/// Keeps the threads of this process together from now on. Where the system does not allow that or does not say how threads fare, they
/// run anywhere.
pub(crate) fn keep() {
    let mut keeper = Keeper::default();
    // Without this thread, they run anywhere.
    let _ = thread::Builder::new()
        .name("together".to_owned())
        .spawn(move || {
            while keeper.round().is_some() {
                thread::sleep(ROUND);
            }
        });
}

/// What threads have had of processors: how often and how long they ran, and how long they waited for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Usage {
    runs: u64,
    ran: Duration,
    waited: Duration,
}

/// A thread as it was seen last.
#[derive(Debug)]
struct Seen {
    passes_messages: bool,
    usage: Usage,
    /// Whether it runs where it should.
    is_placed: bool,
}

#[derive(Debug, Default)]
struct Keeper {
    threads: HashMap<Pid, Seen>,
    policy: Policy,
}

impl Keeper {
    /// Looks, and places threads. `None` when that is of no use on this system.
    fn round(&mut self) -> Option<()> {
        // This thread's own, which nobody has placed.
        let anywhere = sched_getaffinity(None).ok()?;
        let usage = self.look()?;
        if self.policy.judge(usage) {
            for seen in self.threads.values_mut() {
                seen.is_placed = !seen.passes_messages;
            }
        }
        let home = home(&anywhere, getuid().as_raw())?;
        for (thread, seen) in &mut self.threads {
            if !seen.is_placed {
                let together = seen.passes_messages && self.policy.is_together();
                let set = if together { &home } else { &anywhere };
                match sched_setaffinity(Some(*thread), set) {
                    // It has ended meanwhile.
                    Ok(()) | Err(rustix::io::Errno::SRCH) => seen.is_placed = true,
                    Err(_) => return None,
                }
            }
        }
        Some(())
    }

    /// Looks at all threads; what those that pass messages on have had since the last look.
    fn look(&mut self) -> Option<Usage> {
        let mut all = Usage::default();
        let mut threads = HashMap::new();
        for entry in fs::read_dir("/proc/self/task").ok()?.flatten() {
            let number = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok());
            let Some(thread) = number.and_then(Pid::from_raw) else {
                continue;
            };
            let mut seen = self.threads.remove(&thread).unwrap_or_else(|| Seen {
                passes_messages: passes_messages(thread),
                usage: Usage::default(),
                // What it has is that of the thread that has started it.
                is_placed: false,
            });
            if seen.passes_messages {
                let path = format!("/proc/self/task/{thread}/schedstat");
                let Some(usage) = fs::read_to_string(path).ok().and_then(|text| usage(&text))
                else {
                    continue;
                };
                all.runs += usage.runs.saturating_sub(seen.usage.runs);
                all.ran += usage.ran.saturating_sub(seen.usage.ran);
                all.waited += usage.waited.saturating_sub(seen.usage.waited);
                seen.usage = usage;
            }
            threads.insert(thread, seen);
        }
        self.threads = threads;
        Some(all)
    }
}

fn passes_messages(thread: Pid) -> bool {
    let name = fs::read_to_string(format!("/proc/self/task/{thread}/comm"));
    name.is_ok_and(|name| NAMES.iter().any(|begin| name.starts_with(begin)))
}

/// Reads `schedstat`: nanoseconds on a processor, nanoseconds of waiting for one, and the number of times.
fn usage(text: &str) -> Option<Usage> {
    fn number(fields: &mut SplitAsciiWhitespace<'_>) -> Option<u64> {
        fields.next()?.parse().ok()
    }
    let fields = &mut text.split_ascii_whitespace();
    let ran = Duration::from_nanos(number(fields)?);
    let waited = Duration::from_nanos(number(fields)?);
    let runs = number(fields)?;
    Some(Usage { runs, ran, waited })
}

/// The one processor of these for the programs of a user. `None` if there is only one, or none.
fn home(anywhere: &CpuSet, user: u32) -> Option<CpuSet> {
    let count = anywhere.count();
    if count < 2 {
        return None;
    }
    let mut all = (0..CpuSet::MAX_CPU).filter(|at| anywhere.is_set(*at));
    let at = all.nth(usize::try_from(user).ok()? % usize::try_from(count).ok()?)?;
    let mut home = CpuSet::new();
    home.set(at);
    Some(home)
}

/// Whether the threads run together, judged by how they fare; in rounds.
#[derive(Debug)]
struct Policy {
    /// How long they are still to run anywhere; none while together.
    apart: Duration,
    /// How long they run anywhere the next time.
    next_apart: Duration,
    /// They were brought together before their time.
    came_early: bool,
    /// That was too early: this time it is waited for.
    is_patient: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            apart: Duration::ZERO,
            next_apart: APART_MIN,
            came_early: false,
            is_patient: false,
        }
    }
}

impl Policy {
    fn is_together(&self) -> bool {
        self.apart.is_zero()
    }

    /// Hears how the threads have fared in the last round. Whether they are to run elsewhere from now on.
    fn judge(&mut self, usage: Usage) -> bool {
        let was_together = self.is_together();
        if !was_together {
            self.wait(usage);
        } else if is_crowded(usage) {
            self.apart = self.next_apart;
            self.next_apart = (self.next_apart * 2).min(APART_MAX);
            self.is_patient = self.came_early;
        } else {
            self.next_apart = self.next_apart.saturating_sub(ROUND / 4).max(APART_MIN);
        }
        was_together != self.is_together()
    }

    /// A round of the time apart is over.
    fn wait(&mut self, usage: Usage) {
        self.apart = self.apart.saturating_sub(ROUND);
        self.came_early = !self.is_together() && !self.is_patient && is_calm(usage);
        if self.came_early {
            self.apart = Duration::ZERO;
        }
    }
}

fn is_calm(usage: Usage) -> bool {
    usage.ran * 100 < ROUND * CALM_PERCENT
}

fn is_crowded(usage: Usage) -> bool {
    let runs = u32::try_from(usage.runs).unwrap_or(u32::MAX);
    usage.runs >= RUNS_MIN && usage.waited > WAIT_MAX * runs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of threads that had much to do.
    fn fared(runs: u64, waited_each: Duration) -> Usage {
        let waited = waited_each * u32::try_from(runs).expect("few");
        let ran = ROUND;
        Usage { runs, ran, waited }
    }

    #[test]
    fn schedstat_is_read_and_nonsense_is_not() {
        let read = usage("123456 40000 7\n").expect("three numbers");
        let [ran, waited] = [123_456, 40_000].map(Duration::from_nanos);
        assert_eq!(
            read,
            Usage {
                runs: 7,
                ran,
                waited
            }
        );
        for nonsense in ["", "1 2", "a b c", "1 2 -3"] {
            assert_eq!(usage(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn who_waits_long_is_let_go_and_comes_back_after_a_time_that_grows() {
        let (crowded, well) = (fared(1_000, WAIT_MAX * 2), fared(1_000, WAIT_MAX / 2));
        let mut policy = Policy::default();
        assert!(policy.is_together() && !policy.judge(well));
        let mut rounds_apart = Vec::new();
        for _ in 0..6 {
            assert!(policy.judge(crowded) && !policy.is_together());
            let rounds = (1..).find(|_| policy.judge(crowded)).expect("it ends");
            rounds_apart.push(ROUND * rounds);
        }
        assert_eq!(rounds_apart[..2], [APART_MIN, APART_MIN * 2]);
        assert_eq!(rounds_apart[4..], [APART_MAX, APART_MAX]);
        // All is forgotten when it has gone well for long.
        (0..10_000).for_each(|_| assert!(!policy.judge(well)));
        assert!(policy.judge(crowded));
        assert_eq!(policy.apart, APART_MIN);
    }

    #[test]
    fn who_has_little_to_do_comes_back_early_unless_that_was_too_early() {
        let crowded = fared(1_000, WAIT_MAX * 2);
        let calm = Usage {
            ran: ROUND * (CALM_PERCENT - 1) / 100,
            ..crowded
        };
        let mut policy = Policy::default();
        assert!(policy.judge(crowded));
        assert!(!policy.judge(crowded) && policy.judge(calm) && policy.is_together());
        assert!(policy.judge(crowded));
        let rounds = (1..).find(|_| policy.judge(calm)).expect("it ends");
        assert_eq!(ROUND * rounds, APART_MIN * 2);
        assert!(policy.judge(crowded));
        assert!(policy.judge(calm), "early again");
    }

    #[test]
    fn a_few_waits_say_nothing() {
        let mut policy = Policy::default();
        assert!(!policy.judge(fared(RUNS_MIN - 1, Duration::from_secs(1))));
        assert!(policy.judge(fared(RUNS_MIN, Duration::from_secs(1))));
    }

    #[test]
    fn a_home_is_one_of_the_processors_and_the_same_for_all_programs_of_a_user() {
        let mut anywhere = CpuSet::new();
        assert_eq!(home(&anywhere, 0), None);
        anywhere.set(3);
        assert_eq!(home(&anywhere, 0), None, "no choice");
        anywhere.set(5);
        for (user, processor) in [(0, 3), (1, 5), (1_000, 3)] {
            let home = home(&anywhere, user).expect("a choice");
            assert!(home.count() == 1 && home.is_set(processor), "{user}");
        }
    }

    #[test]
    fn threads_are_brought_together_and_others_are_not() {
        let anywhere = sched_getaffinity(None).expect("known");
        let Some(home) = home(&anywhere, getuid().as_raw()) else {
            eprintln!("one processor: nothing is tested");
            return;
        };
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let passing = thread::Builder::new().name("io-test".to_owned());
        let passing = passing.spawn(move || {
            tell.send(rustix::thread::gettid()).expect("the test looks");
            let _ = stopped.recv();
        });
        let thread = told.recv().expect("it tells");
        let mut keeper = Keeper::default();
        keeper.round().expect("the system allows it");
        assert_eq!(sched_getaffinity(Some(thread)), Ok(home));
        assert_eq!(sched_getaffinity(None), Ok(anywhere));
        (keeper.policy.apart, keeper.policy.is_patient) = (APART_MIN, true);
        keeper.threads.clear();
        keeper.round().expect("the system allows it");
        assert_eq!(sched_getaffinity(Some(thread)), Ok(anywhere));
        drop(stop);
        passing.expect("a thread").join().expect("it ends");
    }
}
