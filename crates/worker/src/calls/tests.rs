//! The state machine alone: each rule, and random histories against what must hold of all of them.

use std::collections::HashSet;

use moor_rpc::decode;
use proptest::prelude::*;

use super::ended::{ANSWER_BYTES_MAX, ENDED_MAX, GRACE};
use super::*;

const MINUTE_MS: u32 = 60_000;

fn id(number: u64) -> WorkerRequestId {
    WorkerRequestId(number)
}

fn daemon(number: u8) -> InstanceId {
    InstanceId([number; 16])
}

fn call(number: u64) -> WorkerCall {
    WorkerCall {
        id: id(number),
        deadline_ms: MINUTE_MS,
        args: WireValue::Int(7),
    }
}

fn ok(number: i64) -> Result<WireValue, WorkerError> {
    Ok(WireValue::Int(number))
}

fn answer(number: u64, value: i64) -> WorkerReport {
    WorkerReport::Answer {
        id: id(number),
        result: Ok(WireValue::Int(value)),
    }
}

/// A worker with a clock of its own.
struct Bench {
    calls: Calls,
    now: Instant,
}

impl Bench {
    /// Connected, with the first report read.
    fn new(running_max: usize) -> Self {
        let mut bench = Self {
            calls: Calls::new(running_max),
            now: Instant::now(),
        };
        bench.up(1);
        let ready = WorkerReport::Ready {
            concurrency_max: running_max as u32,
        };
        assert_eq!(bench.reports(), [ready]);
        bench
    }

    fn up(&mut self, number: u8) {
        self.calls.up(daemon(number), self.now);
    }

    fn arrive(&mut self, number: u64) {
        self.calls.arrived(call(number), self.now);
    }

    fn finish(&mut self, number: u64, value: i64) {
        self.calls.finished(id(number), ok(value), self.now);
    }

    /// Reads all reports, as a link does that is up.
    fn reports(&mut self) -> Vec<WorkerReport> {
        let mut reports = Vec::new();
        while let Some(payload) = self.calls.report(self.now) {
            reports.push(decode(&payload).expect("a report"));
            self.calls.reported();
        }
        reports
    }

    fn begun(&mut self) -> Vec<u64> {
        let steps = self.calls.steps();
        let begun = steps.into_iter().filter_map(|step| match step {
            Step::Begin(begin) => Some(begin.id.0),
            Step::Abort(_) => None,
        });
        begun.collect()
    }
}

#[test]
fn a_call_is_accepted_run_and_answered() {
    let mut bench = Bench::new(2);
    bench.arrive(1);
    let deadline = bench.now + Duration::from_secs(60);
    let begin = Begin {
        id: id(1),
        deadline,
        args: WireValue::Int(7),
    };
    assert_eq!(bench.calls.steps(), [Step::Begin(begin)]);
    assert_eq!(bench.reports(), [WorkerReport::Accepted(id(1))]);
    bench.finish(1, 5);
    assert_eq!(bench.reports(), [answer(1, 5)]);
    assert!(bench.calls.is_idle());
}

#[test]
fn so_many_run_so_many_wait_and_one_more_is_rejected() {
    let mut bench = Bench::new(2);
    for number in 1..=5 {
        bench.arrive(number);
    }
    assert_eq!(bench.begun(), [1, 2]);
    let expected: Vec<_> = (1..=4)
        .map(|number| WorkerReport::Accepted(id(number)))
        .collect();
    let reports = bench.reports();
    assert_eq!(reports[..4], expected);
    assert_eq!(reports[4..], [WorkerReport::Rejected(id(5))]);
    bench.finish(2, 0);
    assert_eq!(bench.begun(), [3]);
    bench.arrive(5);
    assert_eq!(
        bench.reports(),
        [answer(2, 0), WorkerReport::Accepted(id(5))]
    );
}

#[test]
fn a_repeated_call_is_run_once_and_answered_with_the_same() {
    let mut bench = Bench::new(1);
    bench.arrive(1);
    bench.arrive(2);
    bench.arrive(1);
    bench.arrive(2);
    assert_eq!(bench.begun(), [1]);
    bench.reports();
    bench.finish(1, 5);
    bench.finish(1, 6);
    bench.arrive(1);
    assert_eq!(bench.begun(), [2]);
    assert_eq!(bench.reports(), [answer(1, 5), answer(1, 5)]);
}

#[test]
fn a_call_outlives_a_break_and_its_answer_is_sent_when_the_link_is_back() {
    let mut bench = Bench::new(1);
    bench.arrive(1);
    bench.arrive(2);
    bench.begun();
    bench.reports();
    bench.calls.down();
    bench.finish(1, 5);
    assert_eq!(bench.begun(), [2], "what was accepted goes on");
    assert_eq!(bench.reports(), []);
    bench.up(1);
    let ready = WorkerReport::Ready { concurrency_max: 1 };
    assert_eq!(
        bench.reports(),
        [ready, WorkerReport::Accepted(id(2)), answer(1, 5)]
    );
}

#[test]
fn an_answer_that_may_be_lost_is_sent_again_until_its_deadline() {
    let mut bench = Bench::new(1);
    bench.arrive(1);
    bench.finish(1, 5);
    bench.reports();
    bench.calls.down();
    bench.up(1);
    assert_eq!(bench.reports()[1..], [answer(1, 5)]);
    bench.calls.down();
    bench.now += Duration::from_millis(u64::from(MINUTE_MS) + 1) + GRACE;
    bench.up(1);
    assert_eq!(bench.reports().len(), 1, "only that it is ready");
}

#[test]
fn another_run_of_the_daemon_wants_nothing_of_the_former() {
    let mut bench = Bench::new(1);
    bench.arrive(1);
    bench.finish(1, 5);
    bench.arrive(2);
    bench.arrive(3);
    bench.begun();
    bench.calls.down();
    bench.up(2);
    assert_eq!(bench.calls.steps(), [Step::Abort(id(2))]);
    assert_eq!(
        bench.reports(),
        [WorkerReport::Ready { concurrency_max: 1 }]
    );
    bench.finish(2, 6);
    assert_eq!(bench.reports(), [], "an end that comes too late");
}

#[test]
fn a_cancelled_call_is_stopped_and_never_answered() {
    let mut bench = Bench::new(1);
    for number in 1..=2 {
        bench.arrive(number);
    }
    bench.begun();
    bench.reports();
    bench.calls.cancelled(id(2), bench.now);
    bench.calls.cancelled(id(1), bench.now);
    bench.calls.cancelled(id(9), bench.now);
    assert_eq!(bench.calls.steps(), [Step::Abort(id(1))]);
    bench.finish(1, 5);
    for number in 1..=2 {
        bench.arrive(number);
    }
    assert_eq!(bench.begun(), [0; 0]);
    assert_eq!(bench.reports(), []);
    assert!(bench.calls.is_idle());
}

#[test]
fn a_call_whose_time_is_over_is_answered_and_not_run() {
    let mut bench = Bench::new(1);
    bench.arrive(1);
    bench.arrive(2);
    assert_eq!(bench.begun(), [1]);
    bench.now += Duration::from_millis(u64::from(MINUTE_MS));
    bench.finish(1, 5);
    assert_eq!(bench.begun(), [0; 0]);
    let reports = bench.reports();
    let WorkerReport::Answer {
        result: Err(error), ..
    } = &reports[reports.len() - 1]
    else {
        panic!("{reports:?}");
    };
    assert_eq!(*error, late());
}

#[test]
fn a_draining_worker_finishes_and_takes_nothing_new() {
    let mut bench = Bench::new(1);
    bench.arrive(1);
    bench.arrive(2);
    bench.reports();
    bench.calls.drain();
    bench.arrive(3);
    let ready = WorkerReport::Ready { concurrency_max: 0 };
    assert_eq!(bench.reports(), [ready, WorkerReport::Rejected(id(3))]);
    bench.finish(1, 5);
    assert!(!bench.calls.is_idle());
    bench.reports();
    bench
        .calls
        .abandon(&failure("E_QUOTA", "stopped"), bench.now);
    let told = bench.reports();
    assert!(
        matches!(
            &told[..],
            [WorkerReport::Answer {
                id: WorkerRequestId(2),
                result: Err(_)
            }]
        ),
        "{told:?}"
    );
    assert!(bench.calls.is_idle());
}

#[test]
fn an_answer_that_fits_no_message_becomes_an_error() {
    let deep = (0..200).fold(WireValue::Int(0), |value, _| WireValue::List(vec![value]));
    let long = WireValue::Str("x".repeat(moor_rpc::MESSAGE_BYTES_MAX));
    for (number, value) in [(1, deep), (2, long)] {
        let mut bench = Bench::new(1);
        bench.arrive(number);
        bench.calls.finished(id(number), Ok(value), bench.now);
        let told = bench.reports();
        let [
            _,
            WorkerReport::Answer {
                result: Err(error), ..
            },
        ] = &told[..]
        else {
            panic!("{told:?}")
        };
        assert_eq!(error.code, "E_QUOTA");
        assert!(error.message.starts_with("too large"), "{error}");
    }
}

#[test]
fn what_is_remembered_is_bounded_by_number_and_bytes() {
    let now = Instant::now();
    let later = now + Duration::from_secs(60);
    let mut ended = Ended::default();
    for number in 0..=ENDED_MAX as u64 {
        ended.remember(id(number), Some(vec![0]), later, now);
    }
    assert!(
        !ended.knows(id(0)) && ended.knows(id(1)),
        "the oldest is forgotten"
    );
    for number in 0..=2 {
        ended.remember(
            id(100_000 + number),
            Some(vec![0; ANSWER_BYTES_MAX / 2]),
            later,
            now,
        );
    }
    assert_eq!(ended.answered(now).count(), 2);
    let mut ended = Ended::default();
    ended.remember(id(1), Some(vec![1]), now, now);
    ended.remember(
        id(2),
        Some(vec![2]),
        later,
        now + GRACE + Duration::from_millis(1),
    );
    assert!(!ended.knows(id(1)), "what nobody wants is forgotten first");
}

#[derive(Debug, Clone)]
enum Move {
    Arrive(u64),
    Finish(u64),
    Cancel(u64),
    Break,
    Report,
    Wait,
    Drain,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        8 => (0_u64..12).prop_map(Move::Arrive),
        8 => (0_u64..12).prop_map(Move::Finish),
        2 => (0_u64..12).prop_map(Move::Cancel),
        2 => Just(Move::Break),
        4 => Just(Move::Report),
        1 => Just(Move::Wait),
        1 => Just(Move::Drain),
    ];
    prop::collection::vec(one, 0..80)
}

proptest! {
    /// Whatever happens: no call is begun twice, never more run than may, every answer of a call is the same, and in the
    /// end everything that was begun and not cancelled has been answered.
    #[test]
    fn every_call_is_run_at_most_once_and_answered_with_one_answer(moves in moves(), running_max in 1_usize..4) {
        let mut bench = Bench::new(running_max);
        let (mut begun, mut open, mut wanted) = (HashSet::new(), HashSet::new(), HashSet::new());
        let mut answers = HashMap::new();
        let mut value = 0;
        let end = [Move::Break, Move::Report];
        let finish_all = (0..2).flat_map(|_| (0..12).map(Move::Finish));
        for step in moves.into_iter().chain(finish_all).chain(end) {
            match step {
                Move::Arrive(number) => bench.arrive(number),
                Move::Finish(number) => {
                    value += 1;
                    bench.finish(number, value);
                    open.remove(&number);
                }
                Move::Cancel(number) => {
                    bench.calls.cancelled(id(number), bench.now);
                    open.remove(&number);
                    wanted.remove(&number);
                }
                Move::Break => {
                    bench.calls.down();
                    bench.up(1);
                }
                Move::Wait => bench.now += Duration::from_millis(1),
                Move::Drain => bench.calls.drain(),
                Move::Report => {
                    for report in bench.reports() {
                        if let WorkerReport::Answer { id, result } = report {
                            let first = answers.entry(id.0).or_insert_with(|| result.clone());
                            prop_assert_eq!(&*first, &result, "two answers of {:?}", id);
                        }
                    }
                }
            }
            for number in bench.begun() {
                prop_assert!(begun.insert(number), "{} was begun twice", number);
                open.insert(number);
                wanted.insert(number);
            }
            prop_assert!(open.len() <= running_max);
            prop_assert_eq!(bench.calls.running(), open.len());
        }
        for number in wanted {
            prop_assert!(answers.contains_key(&number), "{} was never answered", number);
        }
    }
}
