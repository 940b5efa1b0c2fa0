//! Random changes of structure by many threads, compared with the model that runs them one after the other in the
//! order of commits: same answers, same sights, same end. And the proof that leaving validation out is noticed.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::model::{Answer, Model, NAMES, NUMBERS, Step, apply, compare, step};
use super::*;

/// What a program could ask about one object.
#[derive(Debug, PartialEq)]
struct Glance {
    children: Vec<i64>,
    contents: Vec<i64>,
    values: Vec<Option<i64>>,
    verbs: Vec<Option<i64>>,
    players: Vec<i64>,
    last: i64,
}

fn glance_at_world(tx: &mut Transaction, id: i64) -> Option<Glance> {
    let object = ObjId(id);
    let children = objects(&tx.children(object.into()).ok()?);
    Some(Glance {
        children,
        contents: objects(&tx.contents(object)),
        values: NAMES
            .map(|name| tx.get(object, name).ok().and_then(|value| value.as_int()))
            .into(),
        verbs: NAMES
            .map(|name| tx.calls(object, name).map(|id| id.0))
            .into(),
        players: objects(&tx.players()),
        last: tx.max_object().0,
    })
}

fn glance_at_model(model: &Model, id: i64) -> Option<Glance> {
    let thing = model.things.get(&id)?;
    let value = |name| model.find(id, name).map(|def| model.value(id, def));
    let definer = |name| {
        let mut line = model.line(id).into_iter();
        line.find(|holder| model.things[holder].verbs.contains(&name))
    };
    Some(Glance {
        children: thing.children.clone(),
        contents: thing.contents.clone(),
        values: (0..NAMES.len()).map(value).collect(),
        verbs: (0..NAMES.len()).map(definer).collect(),
        players: model.players.clone(),
        last: model.last,
    })
}

/// A committed transaction: its place in the serial order, and what it did and saw.
struct Committed {
    place: (u64, bool),
    steps: Vec<(Step, Answer)>,
    glances: Vec<(i64, Option<Glance>)>,
}

/// One random transaction, run again until it commits.
fn one_transaction(world: &Arc<World>, steps: &[Step], looked_at: &[i64]) -> Committed {
    for attempt in 0.. {
        let mut tx = if attempt < 20 {
            world.begin()
        } else {
            world.begin_exclusive()
        };
        let mut glances = Vec::new();
        let mut done = Vec::new();
        for (step, id) in steps.iter().zip(looked_at) {
            glances.push((*id, glance_at_world(&mut tx, *id)));
            done.push((step.clone(), apply(&mut tx, step)));
            std::thread::yield_now();
        }
        if let Ok(receipt) = tx.commit() {
            // What only read comes after the commit that its snapshot contains.
            return Committed {
                place: (receipt.ts, !receipt.wrote),
                steps: done,
                glances,
            };
        }
    }
    unreachable!("an exclusive transaction commits")
}

/// Runs `transactions` random ones, of `allowed` steps, on each of some threads; answers all in serial order.
fn run_in_parallel(
    world: &Arc<World>,
    transactions: usize,
    allowed: fn(&Step) -> bool,
) -> Vec<Committed> {
    let share = |seed: u8| {
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let whole = prop::collection::vec((step(), 0..NUMBERS), 1..4);
        let mut committed = Vec::new();
        for _ in 0..transactions {
            let tree = whole.new_tree(&mut runner).expect("nothing is filtered");
            let steps = tree.current().into_iter().filter(|(step, _)| allowed(step));
            let (steps, ids): (Vec<_>, Vec<_>) = steps.unzip();
            committed.push(one_transaction(world, &steps, &ids));
        }
        committed
    };
    let mut all: Vec<Committed> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..6u8)
            .map(|seed| scope.spawn(move || share(seed)))
            .collect();
        let finished = running
            .into_iter()
            .map(|thread| thread.join().expect("no thread fails"));
        finished.flatten().collect()
    });
    all.sort_by_key(|committed| committed.place);
    all
}

/// The first thing in a parallel run that a serial run in the order of timestamps would have answered otherwise.
fn first_difference(all: &[Committed], model: &mut Model) -> Option<String> {
    for committed in all {
        for ((step, answer), (id, glance)) in committed.steps.iter().zip(&committed.glances) {
            let expected = glance_at_model(model, *id);
            if *glance != expected {
                return Some(format!("#{id} looked like {glance:?}, not {expected:?}"));
            }
            let expected = model.apply(step);
            if *answer != expected {
                return Some(format!("{step:?} answered {answer:?}, not {expected:?}"));
            }
        }
    }
    None
}

#[test]
fn parallel_changes_of_structure_equal_the_serial_run_in_commit_order() {
    let (world, log) = small_world();
    let mut all = Vec::new();
    let mut rounds = 0;
    // On a busy machine one thread may be done before the next one begins.
    while rounds == 0 || (world.counters().conflicts() <= 100 && rounds < 20) {
        all.extend(run_in_parallel(&world, 700, |_| true));
        rounds += 1;
    }
    let mut model = Model::new();
    assert_eq!(first_difference(&all, &mut model), None);
    assert!(
        world.counters().conflicts() > 100,
        "the threads must have met"
    );
    compare(&mut world.begin(), &model);
    compare(&mut reloaded(&log).begin(), &model);
}

/// Random transactions by one thread, several of them open at any time and each taking its next step in turn: the same
/// interleaving in every run. Answers the committed ones in serial order.
fn run_interleaved(
    world: &Arc<World>,
    transactions: usize,
    allowed: fn(&Step) -> bool,
) -> Vec<Committed> {
    struct Open {
        tx: Transaction,
        left: Vec<(Step, i64)>,
        steps: Vec<(Step, Answer)>,
        glances: Vec<(i64, Option<Glance>)>,
    }
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let whole = prop::collection::vec((step(), 0..NUMBERS), 1..6);
    let mut open: std::collections::VecDeque<Open> = std::collections::VecDeque::new();
    let mut committed = Vec::new();
    let mut begun = 0;
    while begun < transactions || !open.is_empty() {
        while open.len() < 6 && begun < transactions {
            let tree = whole.new_tree(&mut runner).expect("nothing is filtered");
            let mut left = tree.current();
            left.retain(|(step, _)| allowed(step));
            let (steps, glances) = (Vec::new(), Vec::new());
            let tx = world.begin();
            open.push_back(Open {
                tx,
                left,
                steps,
                glances,
            });
            begun += 1;
        }
        let Some(mut next) = open.pop_front() else {
            break;
        };
        if let Some((step, id)) = next.left.pop() {
            next.glances.push((id, glance_at_world(&mut next.tx, id)));
            let answer = apply(&mut next.tx, &step);
            next.steps.push((step, answer));
            open.push_back(next);
        } else if let Ok(receipt) = next.tx.commit() {
            committed.push(Committed {
                place: (receipt.ts, !receipt.wrote),
                steps: next.steps,
                glances: next.glances,
            });
        }
    }
    committed.sort_by_key(|committed| committed.place);
    committed
}

#[test]
fn interleaved_changes_of_structure_equal_the_serial_run_in_commit_order() {
    let (world, _) = small_world();
    let all = run_interleaved(&world, 3_000, |_| true);
    assert!(all.len() > 300, "some must commit: {}", all.len());
    assert!(world.counters().conflicts() > 300, "and some must not");
    let mut model = Model::new();
    assert_eq!(first_difference(&all, &mut model), None);
    compare(&mut world.begin(), &model);
}

#[test]
fn without_validation_structure_shows_the_anomaly() {
    let (world, _) = small_world();
    world
        .validation_off
        .store(true, std::sync::atomic::Ordering::Relaxed);
    let all = run_interleaved(&world, 1_000, |step| {
        // Without validation these can make circles (the number of a recycled parent is given to its own child, say),
        // in which no lookup would end.
        !matches!(
            step,
            Step::Chparent(..) | Step::Move(..) | Step::Create(..) | Step::Recycle(..)
        )
    });
    assert!(first_difference(&all, &mut Model::new()).is_some());
}
