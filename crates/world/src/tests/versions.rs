//! What transactions see of each other, and which of them conflict.

use moor_value::Str;

use super::*;
use crate::commit::{CommitError, Conflict};

/// A world with a class #1, with a property and a verb, and two instances #2 and #3.
fn populated() -> (Arc<World>, Arc<MemoryLog>) {
    let (world, log) = small_world();
    commit(&world, |tx| {
        let class = tx.child(&[])?;
        tx.add(class, "count", 0)?;
        tx.verb(class, "look")?;
        tx.child(&[class])?;
        tx.child(&[class])
    });
    (world, log)
}

const CLASS: ObjId = ObjId(1);
const A: ObjId = ObjId(2);
const B: ObjId = ObjId(3);

type Work = fn(&mut Transaction) -> MooResult<()>;

/// Runs `first` in a transaction, lets `second` commit, then commits the first after one write of its own.
fn interleave(first: Work, second: Work) -> Result<(), CommitError> {
    let (world, _) = populated();
    let mut tx = world.begin();
    first(&mut tx).expect("the first transaction works");
    commit(&world, second);
    tx.set(B, "name", "written").expect("the wizard may");
    tx.commit().map(|_| ())
}

fn reads_count(tx: &mut Transaction) -> MooResult<()> {
    tx.get(A, "count").map(|_| ())
}

fn misses_property(tx: &mut Transaction) -> MooResult<()> {
    assert_eq!(error(tx.get(A, "absent")), ErrorCode::PropNf);
    Ok(())
}

fn misses_verb(tx: &mut Transaction) -> MooResult<()> {
    assert_eq!(tx.calls(A, "sniff"), None);
    Ok(())
}

fn finds_verb(tx: &mut Transaction) -> MooResult<()> {
    assert_eq!(tx.calls(A, "look"), Some(CLASS));
    Ok(())
}

fn misses_object(tx: &mut Transaction) -> MooResult<()> {
    assert!(!tx.valid_object(ObjId(4)));
    Ok(())
}

fn lists_children(tx: &mut Transaction) -> MooResult<()> {
    tx.children(CLASS.into()).map(|_| ())
}

fn lists_contents(tx: &mut Transaction) -> MooResult<()> {
    assert!(tx.contents(CLASS).is_empty());
    Ok(())
}

fn lists_players(tx: &mut Transaction) -> MooResult<()> {
    assert!(tx.players().is_empty());
    Ok(())
}

fn asks_max_object(tx: &mut Transaction) -> MooResult<()> {
    assert_eq!(tx.max_object(), B);
    Ok(())
}

fn creates(tx: &mut Transaction) -> MooResult<()> {
    tx.child(&[CLASS]).map(|_| ())
}

fn adds_property(tx: &mut Transaction) -> MooResult<()> {
    tx.add(CLASS, "absent", 1)
}

fn adds_verb(tx: &mut Transaction) -> MooResult<()> {
    tx.verb(A, "sn*iff").map(|_| ())
}

fn sets_own(tx: &mut Transaction) -> MooResult<()> {
    tx.set(A, "count", 5)
}

fn sets_inherited(tx: &mut Transaction) -> MooResult<()> {
    tx.set(CLASS, "count", 5)
}

fn sets_other(tx: &mut Transaction) -> MooResult<()> {
    tx.set(B, "count", 5)
}

fn moves_in(tx: &mut Transaction) -> MooResult<()> {
    tx.go(A, CLASS)
}

fn makes_player(tx: &mut Transaction) -> MooResult<()> {
    tx.set_player_flag(WIZARD, A, true)
}

fn changes_code(tx: &mut Transaction) -> MooResult<()> {
    tx.set_verb_code(
        WIZARD,
        CLASS.into(),
        &crate::VerbDesc::Index(1),
        Str::new("return 1;"),
        None,
    )
}

fn changes_parents(tx: &mut Transaction) -> MooResult<()> {
    tx.chparent(A, &[])
}

fn adds_property_below(tx: &mut Transaction) -> MooResult<()> {
    tx.add(A, "absent", 1)
}

fn changes_name(tx: &mut Transaction) -> MooResult<()> {
    tx.set(A, "name", "other")
}

fn recycles(tx: &mut Transaction) -> MooResult<()> {
    tx.raw_destroy(A.into());
    Ok(())
}

#[test]
fn a_commit_conflicts_exactly_when_something_read_has_changed() {
    let cases: &[(&str, Work, Work, bool)] = &[
        ("own value", reads_count, sets_own, true),
        ("inherited value", reads_count, sets_inherited, true),
        ("a sibling's value", reads_count, sets_other, false),
        ("a value written blindly by both", sets_own, sets_own, false),
        (
            "the parents of what was read",
            reads_count,
            changes_parents,
            true,
        ),
        ("what was read is recycled", reads_count, recycles, true),
        (
            "a verb appears on what is recycled",
            recycles,
            adds_verb,
            true,
        ),
        (
            "a property appears on what is recycled",
            recycles,
            adds_property_below,
            true,
        ),
        (
            "a value comes to what is recycled",
            recycles,
            sets_own,
            true,
        ),
        ("what is recycled gets a name", recycles, changes_name, true),
        ("a sibling of what is recycled", recycles, sets_other, false),
        ("a property appears", misses_property, adds_property, true),
        (
            "a property appears beside",
            reads_count,
            adds_property,
            true,
        ),
        ("a verb appears", misses_verb, adds_verb, true),
        ("a verb appears beside", finds_verb, adds_verb, false),
        ("code changes", finds_verb, changes_code, true),
        ("code of another verb", misses_verb, changes_code, false),
        ("an object appears", misses_object, creates, true),
        ("a child appears", lists_children, creates, true),
        ("a content appears", lists_contents, moves_in, true),
        ("a content appears under a mover", moves_in, moves_in, true),
        ("a player appears", lists_players, makes_player, true),
        ("max_object moves", asks_max_object, creates, true),
        ("both create", creates, creates, true),
        ("creation beside a reader", reads_count, creates, false),
    ];
    for (what, first, second, conflicts) in cases {
        let result = interleave(*first, *second);
        assert_eq!(
            matches!(result, Err(CommitError::Conflict(_))),
            *conflicts,
            "{what}: {result:?}"
        );
    }
}

#[test]
fn members_added_side_by_side_do_not_conflict() {
    let (world, log) = populated();
    commit(&world, |tx| tx.go(A, ObjId::NOTHING));
    let mut one = world.begin();
    let mut two = world.begin();
    one.go(A, CLASS).expect("free to go");
    two.go(B, CLASS).expect("free to go");
    two.commit().expect("first to commit");
    one.commit().expect("the two depend on nothing common");
    assert_eq!(
        objects(&world.begin().contents(CLASS)),
        [B.0, A.0],
        "in the order of commits"
    );
    assert_eq!(objects(&reloaded(&log).begin().contents(CLASS)), [B.0, A.0]);
}

#[test]
fn a_snapshot_does_not_move() {
    let (world, _) = populated();
    let mut reader = world.begin();
    commit(&world, |tx| {
        tx.set(A, "count", 9)?;
        tx.go(A, CLASS)?;
        tx.child(&[CLASS])?;
        tx.raw_destroy(B.into());
        Ok(())
    });
    assert_eq!(reader.get(A, "count"), Ok(Value::Int(0)));
    assert_eq!(
        objects(&reader.children(CLASS.into()).expect("it exists")),
        [2, 3]
    );
    assert!(reader.contents(CLASS).is_empty());
    assert!(reader.valid_object(B) && !reader.valid_object(ObjId(4)));
    assert_eq!(reader.get(B, "count"), Ok(Value::Int(0)));
    let receipt = reader.commit().expect("reading never conflicts");
    assert!(!receipt.wrote);
    let mut later = world.begin();
    assert_eq!(later.get(A, "count"), Ok(Value::Int(9)));
    assert_eq!(
        objects(&later.children(CLASS.into()).expect("it exists")),
        [2, 4]
    );
}

#[test]
fn own_writes_are_seen_at_once_and_by_nobody_else() {
    let (world, _) = populated();
    let mut tx = world.begin();
    assert_eq!(tx.get(A, "count"), Ok(Value::Int(0)));
    tx.set(CLASS, "count", 7).expect("the wizard may");
    assert_eq!(
        tx.get(A, "count"),
        Ok(Value::Int(7)),
        "the inherited value follows"
    );
    tx.set(A, "count", 8).expect("the wizard may");
    assert_eq!(tx.get(A, "count"), Ok(Value::Int(8)));
    tx.clear_property(WIZARD, A.into(), symbol("count"))
        .expect("it is inherited");
    assert_eq!(tx.get(A, "count"), Ok(Value::Int(7)));
    tx.add(CLASS, "extra", 1).expect("the name is free");
    assert_eq!(tx.get(A, "extra"), Ok(Value::Int(1)));
    let made = tx.child(&[A]).expect("fertile for wizards");
    assert_eq!(tx.get(made, "extra"), Ok(Value::Int(1)));
    assert_eq!(world.begin().get(A, "count"), Ok(Value::Int(0)));
    assert!(!world.begin().valid_object(made));
    drop(tx);
    assert_eq!(
        world.begin().max_object(),
        B,
        "what was given up left nothing"
    );
}

#[test]
fn an_exclusive_transaction_always_wins() {
    let (world, _) = populated();
    let mut loser = world.begin();
    reads_count(&mut loser).expect("it is there");
    let mut exclusive = world.begin_exclusive();
    reads_count(&mut exclusive).expect("it is there");
    sets_own(&mut exclusive).expect("the wizard may");
    let waiting = {
        let world = world.clone();
        std::thread::spawn(move || commit(&world, |tx| tx.set(B, "count", 1)))
    };
    exclusive.commit().expect("nobody else could commit");
    waiting.join().expect("the other commits after it");
    loser.set(B, "name", "x").expect("the wizard may");
    assert_eq!(
        loser.commit(),
        Err(CommitError::Conflict(Conflict::Cell(A.into())))
    );
    assert_eq!(world.counters().conflicts(), 1);
}

#[test]
fn a_refusing_log_leaves_the_world_as_it_was() {
    let (world, log) = populated();
    let seq = world.seq();
    log.refuse(true);
    let mut tx = world.begin();
    tx.set(A, "count", 1).expect("the wizard may");
    assert!(matches!(tx.commit(), Err(CommitError::Log(_))));
    let mut reader = world.begin();
    assert_eq!(reader.get(A, "count"), Ok(Value::Int(0)));
    assert_eq!(reader.commit().expect("nothing to log").seq, seq);
    log.refuse(false);
    commit(&world, |tx| tx.set(A, "count", 1));
    assert_eq!(world.begin().get(A, "count"), Ok(Value::Int(1)));
}

#[test]
fn rows_of_the_caller_share_the_batch() {
    let (world, log) = populated();
    let reader = world.begin();
    let receipt = reader
        .commit_with(|_, batch| batch.put(Table(0), b"\xffmine", b"1"))
        .expect("no conflict");
    assert!(receipt.wrote && receipt.seq == world.seq());
    assert!(log.rows().contains_key(&b"\xffmine"[..]));
}

#[test]
fn versions_are_trimmed_once_nobody_can_see_them() {
    let (world, _) = populated();
    let reader = world.begin();
    for count in 0..100 {
        commit(&world, |tx| tx.set(A, "count", count));
    }
    let kept = |world: &World| {
        world
            .arena
            .look(A.into(), |cells| cells.history_len())
            .unwrap_or(0)
    };
    assert!(kept(&world) >= 99);
    drop(reader);
    commit(&world, |tx| tx.set(B, "count", 1));
    assert_eq!(kept(&world), 0);
}

#[test]
fn transactions_travel_between_threads() {
    fn assert_send<T: Send>() {}
    fn assert_sync<T: Send + Sync>() {}
    assert_send::<Transaction>();
    assert_sync::<World>();
}

#[test]
fn who_reads_a_value_often_reads_a_copy_of_it() -> MooResult<()> {
    let (world, _) = small_world();
    let text = Value::from("a text that is longer than a short one");
    commit(&world, |tx| tx.add(WIZARD, "p", text.clone()));
    let place = |value: &Value| match value {
        Value::Str(text) => text.as_str().as_ptr(),
        other => panic!("{other:?}"),
    };
    let mut tx = world.begin();
    let first = tx.get(WIZARD, "p")?;
    assert_eq!(place(&first), place(&text), "as it is in the world");
    let mut known = || {
        let known = tx.known_value(WIZARD, WIZARD.into(), symbol("p"));
        known.expect("it has been read").clone()
    };
    for _ in 0..200 {
        assert_eq!(known(), text);
    }
    assert_ne!(place(&known()), place(&text));
    tx.set(WIZARD, "p", 1)?;
    tx.commit().expect("nobody else commits");
    Ok(())
}
