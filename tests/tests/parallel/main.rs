//! What holds for tasks that run at the same time: none starves, nothing is lost, and who only reads never loses.
//!
//! In: a server in this process with more worker threads than processors, so that tasks are interrupted anywhere. Out: what all tasks
//! returned, and how many attempts lost a conflict. No time is measured here; the benchmark `parallel` does.

#[path = "../../benches/local/mod.rs"]
mod local;

use std::sync::mpsc::{Receiver, Sender, channel};

use local::{Local, least_world};
use moor_runtime::Evaluated;
use moor_value::Value;

const THREADS: usize = 8;
/// Tasks of each kind.
const TASKS: i64 = 400;

/// Objects with two properties whose sum no task changes, and a counter.
const PREPARE: &str = r#"
    class = create(#1);
    for property in ({"left", "right", "count"})
        add_property(class, property, 0, {player, "rw"});
    endfor
    pairs = {};
    for number in [1..40]
        pairs = {@pairs, create(class)};
    endfor
    add_property(#0, "pairs", pairs, {player, "r"});
    add_property(#0, "counter", create(class), {player, "r"});"#;

/// Moves something from one property to the other, with enough between the two for others to come.
fn transfer(task: i64) -> String {
    format!(
        "pair = #0.pairs[{}];
         pair.left = pair.left + {task};
         for turn in [1..200] turn * turn; endfor
         pair.right = pair.right - {task};
         return 0;",
        task % 40 + 1
    )
}

/// Reads everything, and returns the sum, which is 0 in every state that there ever was.
const AUDIT: &str = "sum = 0;
     for pair in (#0.pairs) sum = sum + pair.left; endfor
     for turn in [1..2000] turn * turn; endfor
     for pair in (#0.pairs) sum = sum + pair.right; endfor
     return sum;";

/// Reads the counter, computes, and writes it: whoever runs beside it loses.
const COUNT: &str = "count = #0.counter.count;
     for turn in [1..500] turn * turn; endfor
     return #0.counter.count = count + 1;";

fn start() -> Local {
    let server = Local::start(least_world(), THREADS);
    server.value(PREPARE);
    server
}

/// Begins a task whose value is sent.
fn begin(server: &Local, code: &str, answers: &Sender<Value>) {
    let answers = answers.clone();
    server.begin(
        code,
        Box::new(move |ended| match ended {
            // The test listens until all have answered.
            Evaluated::Value(value) => drop(answers.send(value)),
            other => panic!("{other:?}"),
        }),
    );
}

/// What every task returned; each of them must.
fn all(answers: &Receiver<Value>) -> Vec<i64> {
    let answer = |_| answers.recv_timeout(moor_tests::PATIENCE);
    let values = (0..TASKS)
        .map(answer)
        .map(|value| value.expect("no task starves"));
    values
        .map(|value| value.as_int().expect("a number"))
        .collect()
}

#[test]
fn every_task_that_wants_the_same_counter_gets_it_once() {
    let server = start();
    let (answers, counted) = channel();
    (0..TASKS).for_each(|_| begin(&server, COUNT, &answers));
    let mut counts = all(&counted);
    counts.sort_unstable();
    assert_eq!(counts, (1..=TASKS).collect::<Vec<_>>());
    assert_eq!(server.value("return #0.counter.count;"), Value::Int(TASKS));
}

#[test]
fn a_reader_of_everything_never_loses_and_makes_nobody_lose() {
    let server = start();
    // Writers of one pair at a time do not meet, so that every conflict would be of a reader's making.
    let (answers, moved) = channel();
    let (sums, audited) = channel();
    let before = server.world().counters().conflicts();
    for task in (0..TASKS).step_by(40) {
        (task..task + 40).for_each(|task| {
            begin(&server, &transfer(task), &answers);
            begin(&server, AUDIT, &sums);
        });
        (task..task + 40).for_each(|_| {
            moved
                .recv_timeout(moor_tests::PATIENCE)
                .expect("a writer ends");
        });
    }
    assert!(
        all(&audited).iter().all(|sum| *sum == 0),
        "each saw one state"
    );
    assert_eq!(server.world().counters().conflicts(), before);
    assert_eq!(server.value(AUDIT), Value::Int(0));
    let moved =
        server.value("sum = 0; for pair in (#0.pairs) sum = sum + pair.left; endfor return sum;");
    assert_eq!(moved, Value::Int((0..TASKS).sum()));
}

/// Who sees what a task has written before it waited finds it waiting.
#[test]
fn a_task_that_is_known_to_wait_can_be_resumed() {
    const TURNS: i64 = 2000;
    let server = start();
    server.value("return add_property(#0, \"waiter\", 0, {player, \"rw\"});");
    let (answers, ended) = channel();
    let waits = format!(
        "sum = 0; for turn in [1..{TURNS}] #0.waiter = task_id(); sum = sum + suspend(); endfor return sum;"
    );
    let wakes = format!(
        "for turn in [1..{TURNS}] while (!#0.waiter) suspend(0); endwhile
         task = #0.waiter; #0.waiter = 0; resume(task, turn); suspend(0); endfor return 0;"
    );
    begin(&server, &waits, &answers);
    begin(&server, &wakes, &answers);
    let next = || {
        let value = ended.recv_timeout(moor_tests::PATIENCE);
        value.expect("both end").as_int().expect("a number")
    };
    let mut sums = [next(), next()];
    sums.sort_unstable();
    assert_eq!(sums, [0, TURNS * (TURNS + 1) / 2]);
}
