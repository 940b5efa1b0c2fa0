//! The rules of workers, one by one, and under histories drawn at random.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

struct Ground {
    dispatcher: Dispatcher,
    now: Instant,
}

fn ground(workers: &[(u64, u32)]) -> Ground {
    let mut ground = Ground {
        dispatcher: Dispatcher::default(),
        now: Instant::now(),
    };
    for &(peer, concurrency_max) in workers {
        ground.join(peer, peer, concurrency_max);
    }
    ground
}

impl Ground {
    fn join(&mut self, peer: u64, node: u64, concurrency_max: u32) {
        let id = NodeId(u128::from(node).to_be_bytes());
        self.dispatcher.joined(PeerId(peer), id, "curl");
        self.report(peer, WorkerReport::Ready { concurrency_max });
    }

    fn wish(&self, id: u64) -> Wish {
        Wish {
            id: WorkerRequestId(id),
            kind: "curl".into(),
            args: WireValue::List(vec![WireValue::Int(7)]),
            deadline: self.now + 30 * SECOND,
            is_idempotent: false,
        }
    }

    fn submit(&mut self, id: u64) {
        let wish = self.wish(id);
        self.dispatcher.submit(wish, self.now);
    }

    fn submit_idempotent(&mut self, id: u64) {
        let is_idempotent = true;
        let wish = Wish {
            is_idempotent,
            ..self.wish(id)
        };
        self.dispatcher.submit(wish, self.now);
    }

    fn report(&mut self, peer: u64, report: WorkerReport) {
        self.dispatcher.report(PeerId(peer), report, self.now);
    }

    fn accept(&mut self, peer: u64, id: u64) {
        self.report(peer, WorkerReport::Accepted(WorkerRequestId(id)));
    }

    fn answer(&mut self, peer: u64, id: u64) {
        let (id, result) = (WorkerRequestId(id), Ok(WireValue::Int(1)));
        self.report(peer, WorkerReport::Answer { id, result });
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.dispatcher.tick(self.now);
    }

    /// The steps in short: `call 1 to 2`, `cancel 1 at 2`, `1 ok`, `1 timeout`, `dropped`.
    fn steps(&mut self) -> Vec<String> {
        let steps = self.dispatcher.take_steps();
        steps.iter().map(short).collect()
    }
}

fn short(step: &Step) -> String {
    match step {
        Step::Order(peer, WorkerOrder::Call(call)) => {
            format!("call {} to {}", call.id.0, peer.0)
        }
        Step::Order(peer, WorkerOrder::Cancel(cancel)) => {
            format!("cancel {} at {}", cancel.id.0, peer.0)
        }
        Step::Answer { id, result, .. } => {
            let word = result.as_ref().map_or_else(Failure::word, |_| "ok");
            format!("{} {word}", id.0)
        }
        Step::Dropped => "dropped".into(),
    }
}

#[test]
fn the_worker_with_the_fewest_requests_gets_the_next() {
    let mut ground = ground(&[(1, 9), (2, 9)]);
    (10..14).for_each(|id| ground.submit(id));
    let mut steps = ground.steps();
    steps.sort();
    let to = |peer: u64| {
        let end = format!("to {peer}");
        steps.iter().filter(|step| step.ends_with(&end)).count()
    };
    assert_eq!((to(1), to(2)), (2, 2), "{steps:?}");
    ground.dispatcher.take_steps();
    let of_one = steps.iter().find(|step| step.ends_with("to 1")).cloned();
    let id = of_one.and_then(|step| step.split(' ').nth(1)?.parse().ok());
    ground.answer(1, id.expect("one went there"));
    ground.steps();
    ground.submit(20);
    assert_eq!(ground.steps(), ["call 20 to 1"]);
}

#[test]
fn nobody_gets_more_than_it_takes_and_a_place_that_frees_is_used() {
    let mut ground = ground(&[(1, 1)]);
    ground.submit(10);
    ground.submit(11);
    assert_eq!(ground.steps(), ["call 10 to 1"]);
    assert_eq!(ground.dispatcher.waiting(), 1);
    ground.accept(1, 10);
    ground.answer(1, 10);
    assert_eq!(ground.steps(), ["10 ok", "call 11 to 1"]);
}

#[test]
fn a_worker_gets_nothing_before_it_is_ready_nor_of_another_kind() {
    let mut ground = ground(&[(1, 0)]);
    let other = NodeId([9; 16]);
    ground.dispatcher.joined(PeerId(2), other, "mail");
    ground.report(2, WorkerReport::Ready { concurrency_max: 9 });
    ground.submit(10);
    assert!(ground.steps().is_empty());
    ground.report(1, WorkerReport::Ready { concurrency_max: 1 });
    assert_eq!(ground.steps(), ["call 10 to 1"]);
}

#[test]
fn a_rejected_call_goes_to_another_worker_and_the_first_rests() {
    let mut ground = ground(&[(1, 9)]);
    ground.submit(10);
    ground.join(2, 2, 9);
    ground.steps();
    ground.report(1, WorkerReport::Rejected(WorkerRequestId(10)));
    assert_eq!(ground.steps(), ["call 10 to 2"]);
    ground.report(2, WorkerReport::Rejected(WorkerRequestId(10)));
    assert!(ground.steps().is_empty());
    let due = ground.dispatcher.next_due().expect("a pause ends");
    assert_eq!(due, ground.now + REJECTION_PAUSE);
    ground.pass(REJECTION_PAUSE);
    assert_eq!(ground.steps(), ["call 10 to 1"]);
}

#[test]
fn a_call_not_begun_survives_its_worker() {
    let mut ground = ground(&[(1, 9)]);
    ground.submit(10);
    ground.submit(11);
    ground.steps();
    ground.dispatcher.gone(PeerId(1), Parting::Left, ground.now);
    assert!(ground.steps().is_empty());
    ground.join(2, 2, 9);
    assert_eq!(ground.steps(), ["call 10 to 2", "call 11 to 2"]);
}

#[test]
fn a_call_whose_fate_nobody_knows_is_not_made_twice() {
    // It may have arrived: a worker that stood still does it when it wakes.
    let mut ground = ground(&[(1, 9)]);
    ground.submit(10);
    ground.submit_idempotent(11);
    ground.join(2, 2, 9);
    ground.steps();
    ground
        .dispatcher
        .gone(PeerId(1), Parting::Broken, ground.now);
    assert_eq!(ground.steps(), ["call 11 to 2"]);
    ground.pass(RETURN_TIME);
    assert_eq!(ground.steps(), ["10 unknown"]);
    ground.submit(12);
    ground.steps();
    ground
        .dispatcher
        .gone(PeerId(2), Parting::ThrownOut, ground.now);
    assert_eq!(ground.steps(), ["12 unknown"]);
}

#[test]
fn a_worker_that_comes_back_goes_on_with_its_calls() {
    let mut ground = ground(&[(1, 1)]);
    ground.submit(10);
    ground.accept(1, 10);
    ground
        .dispatcher
        .gone(PeerId(1), Parting::Broken, ground.now);
    ground.join(2, 1, 1);
    ground.join(3, 3, 0);
    ground.steps();
    ground.accept(3, 10);
    assert_eq!(ground.steps(), ["dropped"], "of another node");
    ground.accept(2, 10);
    ground.submit(11);
    ground.pass(2 * RETURN_TIME);
    assert!(ground.steps().is_empty(), "10 runs, 11 has no place");
    ground.answer(2, 10);
    assert_eq!(ground.steps(), ["10 ok", "call 11 to 2"]);
}

#[test]
fn a_call_begun_is_not_done_twice_unless_that_is_harmless() {
    for parting in [Parting::Left, Parting::ThrownOut, Parting::Broken] {
        let mut ground = ground(&[(1, 9)]);
        ground.submit(10);
        ground.submit_idempotent(11);
        ground.accept(1, 10);
        ground.accept(1, 11);
        ground.join(2, 2, 9);
        ground.steps();
        ground.dispatcher.gone(PeerId(1), parting, ground.now);
        let mut wanted = vec!["call 11 to 2"];
        if parting != Parting::Broken {
            wanted.insert(0, "10 unknown");
        }
        assert_eq!(ground.steps(), wanted);
        if parting == Parting::Broken {
            ground.pass(RETURN_TIME);
            assert_eq!(ground.steps(), ["10 unknown"]);
        }
        ground.answer(2, 10);
        assert_eq!(ground.steps(), ["dropped"], "it was not sent there");
    }
}

#[test]
fn a_worker_that_comes_back_brings_its_answer() {
    let mut ground = ground(&[(1, 9)]);
    ground.submit(10);
    ground.accept(1, 10);
    ground
        .dispatcher
        .gone(PeerId(1), Parting::Broken, ground.now);
    ground.join(2, 1, 9);
    ground.join(3, 3, 9);
    ground.steps();
    ground.answer(3, 10);
    assert_eq!(ground.steps(), ["dropped"], "of another node");
    ground.answer(2, 10);
    ground.answer(2, 10);
    assert_eq!(ground.steps(), ["10 ok", "dropped"]);
}

#[test]
fn answers_of_others_and_late_ones_are_dropped() {
    let mut ground = ground(&[(1, 1)]);
    ground.submit(10);
    ground.join(2, 2, 9);
    ground.steps();
    ground.answer(2, 10);
    ground.answer(1, 99);
    ground.report(2, WorkerReport::Rejected(WorkerRequestId(10)));
    ground.accept(2, 10);
    assert_eq!(ground.steps(), ["dropped"; 4]);
    ground.pass(30 * SECOND);
    assert_eq!(ground.steps(), ["cancel 10 at 1", "10 timeout"]);
    ground.answer(1, 10);
    assert_eq!(ground.steps(), ["dropped"]);
}

#[test]
fn what_nobody_could_do_in_time_says_why() {
    let mut empty = ground(&[]);
    empty.submit(10);
    empty.pass(ARRIVAL_TIME - SECOND);
    assert!(empty.steps().is_empty());
    empty.pass(SECOND);
    assert_eq!(empty.steps(), ["10 no_worker"]);
    let mut full = ground(&[(1, 0)]);
    full.submit(10);
    full.pass(30 * SECOND);
    assert_eq!(full.steps(), ["10 busy"]);
    assert_eq!(full.dispatcher.next_due(), None);
}

#[test]
fn what_waits_has_its_time_while_a_worker_is_there() {
    let mut ground = ground(&[(1, 0)]);
    ground.submit(10);
    ground.pass(ARRIVAL_TIME);
    ground.dispatcher.gone(PeerId(1), Parting::Left, ground.now);
    ground.pass(ARRIVAL_TIME - SECOND);
    ground.join(2, 2, 0);
    ground.pass(ARRIVAL_TIME);
    assert!(ground.steps().is_empty());
    ground.dispatcher.gone(PeerId(2), Parting::Left, ground.now);
    ground.pass(ARRIVAL_TIME);
    assert_eq!(ground.steps(), ["10 no_worker"]);
}

#[test]
fn a_cancelled_request_has_no_answer_and_frees_its_place() {
    let mut ground = ground(&[(1, 1)]);
    ground.submit(10);
    ground.submit(11);
    ground.submit(12);
    ground.steps();
    ground.dispatcher.cancel(WorkerRequestId(11), ground.now);
    ground.dispatcher.cancel(WorkerRequestId(10), ground.now);
    assert_eq!(ground.steps(), ["cancel 10 at 1", "call 12 to 1"]);
    ground.dispatcher.stop();
    assert_eq!(ground.steps(), ["cancel 12 at 1"]);
    ground.pass(60 * SECOND);
    assert!(ground.steps().is_empty());
}

#[test]
fn requests_at_the_bound_and_one_past_it() {
    let mut ground = ground(&[]);
    (0..REQUESTS_MAX as u64).for_each(|id| ground.submit(id));
    assert!(ground.steps().is_empty());
    ground.submit(1 << 40);
    assert_eq!(ground.steps(), [format!("{} refused", 1_u64 << 40)]);
    ground.dispatcher.cancel(WorkerRequestId(0), ground.now);
    ground.submit(1 << 41);
    assert!(ground.steps().is_empty());
}

#[test]
fn bytes_of_arguments_are_bounded() {
    let mut ground = ground(&[]);
    let half =
        WireValue::Str("x".repeat(ARGUMENT_BYTES_MAX / 2 - std::mem::size_of::<WireValue>()));
    for (id, wanted) in [(1, None), (2, None), (3, Some("3 refused"))] {
        let args = half.clone();
        let wish = Wish {
            args,
            ..ground.wish(id)
        };
        ground.dispatcher.submit(wish, ground.now);
        assert_eq!(ground.steps().first().map(String::as_str), wanted);
    }
}

/// A small generator of numbers: the same seed, the same history.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % sides
    }
}

#[test]
fn every_request_has_exactly_one_answer_whatever_workers_do() {
    for seed in 0..200 {
        let (mut dice, mut ground) = (Dice(seed), ground(&[]));
        let (mut answers, mut asked, mut peers) = (HashMap::new(), 0, 0);
        for _ in 0..400 {
            let (peer, id) = (1 + dice.roll(peers + 1), 1 + dice.roll(asked + 1));
            match dice.roll(9) {
                0 => {
                    peers += 1;
                    ground.join(peers, dice.roll(3), dice.roll(4) as u32);
                }
                1 | 2 if dice.roll(2) == 0 => {
                    asked += 1;
                    ground.submit(asked);
                }
                1 | 2 => {
                    asked += 1;
                    ground.submit_idempotent(asked);
                }
                3 => ground.accept(peer, id),
                4 => ground.answer(peer, id),
                5 => ground.report(peer, WorkerReport::Rejected(WorkerRequestId(id))),
                6 => {
                    let partings = [Parting::Left, Parting::ThrownOut, Parting::Broken];
                    let parting = partings[dice.roll(3) as usize];
                    ground.dispatcher.gone(PeerId(peer), parting, ground.now);
                }
                _ => ground.pass(Duration::from_millis(dice.roll(4_000))),
            }
            collect(&mut ground, &mut answers);
        }
        ground.pass(60 * SECOND);
        collect(&mut ground, &mut answers);
        assert_eq!(answers.len() as u64, asked, "seed {seed}");
        assert!(answers.values().all(|count| *count == 1), "seed {seed}");
        let busy = ground.dispatcher.workers().iter().any(|w| w.in_flight > 0);
        assert!(!busy && ground.dispatcher.bytes == 0, "seed {seed}");
        assert!(ground.dispatcher.due.is_empty(), "seed {seed}");
    }
}

/// Counts answers, and checks that no worker is called beyond what it takes. (One that comes back may have more.)
fn collect(ground: &mut Ground, answers: &mut HashMap<u64, u32>) {
    let mut called = HashSet::new();
    for step in ground.dispatcher.take_steps() {
        match step {
            Step::Answer { id, .. } => *answers.entry(id.0).or_default() += 1,
            Step::Order(peer, WorkerOrder::Call(_)) => drop(called.insert(peer)),
            _ => {}
        }
    }
    let mut workers = ground.dispatcher.workers();
    workers.retain(|worker| called.contains(&worker.peer));
    let fits = |worker: &WorkerState| worker.in_flight as u64 <= u64::from(worker.concurrency_max);
    assert!(workers.iter().all(fits), "{workers:?}");
}
