//! A task that is written down and read back at every suspension gives the same result; damaged bytes are errors.

mod world;

use moor_value::{ObjId, Value};
use moor_vm::{TaskLimits, Vm};
use proptest::prelude::*;
use world::{Resolver, World, show, verb};

const PROGRAMS: &[&str] = &[
    "x = suspend(1); y = {x, suspend(2)}; return {@y, suspend(3)};",
    "l = {}; for i in [1..5] l = {@l, suspend(i)}; endfor return l;",
    "l = {}; for v, k in ([\"a\" -> 1, \"b\" -> 2]) l = {@l, k, suspend(v)}; endfor return l;",
    "l = {}; for c in (\"abc\") l = {@l, c + suspend(\"x\")}; endfor return l;",
    "try suspend(E_PERM); except e (E_PERM) return {e[1], suspend(4)}; endtry",
    "try try suspend(E_DIV); finally suspend(1); endtry except (ANY) return suspend(\"done\"); endtry",
    "for i in [1..3] try if (i == 2) return suspend(i); endif finally suspend(0); endtry endfor",
    "return this:deep(3) + suspend(1);",
    "return relay(#2, \"deep\", 2);",
    "return `suspend(E_RANGE) ! ANY => suspend(7)';",
    "w = waif(); suspend(1); return typeof(w);",
    "argstr = \"mine\"; return this:ask();",
    "return eval(\"return suspend(5) + 1;\");",
    "n = 2; fn deep(k) if (k) return deep(k - 1) + n; endif return suspend(1); endfn return deep(3);",
    "n = 2; f = {x} => suspend(x) + n; return {f(1), f(2), f == f};",
    "f = {l} => {suspend(x) for x in (l)}; return f({1, 2});",
];

fn world() -> World {
    let mut world = World::default();
    world.add_verb(
        2,
        "deep",
        "{n} = args; if (n == 0) return suspend(10); endif return this:deep(n - 1) + 1;",
    );
    world.add_verb(
        2,
        "ask",
        "suspend(0); return {argstr, player, caller, verb};",
    );
    world
}

fn restored(vm: &Vm) -> Vm {
    let bytes = vm.encode();
    let vm = Vm::decode(&bytes, &mut Resolver(&World::default())).expect("an encoded task decodes");
    assert_eq!(vm.encode(), bytes, "the same task has the same bytes");
    vm
}

#[test]
fn every_suspension_survives_being_written_down() {
    for source in PROGRAMS {
        let straight = show(&world().run(source, Vec::new()));
        let mut world = world();
        let vm = world.task(verb(ObjId(2), "test", source), Vec::new());
        let mut suspensions = 0;
        let outcome = world.finish(vm, &mut |vm| {
            suspensions += 1;
            restored(&vm)
        });
        assert_eq!(show(&outcome), straight, "{source}");
        assert!(suspensions > 0, "{source} never suspends");
        assert!(!straight.starts_with('!'), "{source}: {straight}");
    }
}

#[test]
fn a_forked_task_survives_being_written_down() {
    let mut world = world();
    let source = "x = {1}; fork t (1) return {x, t, this}; endfork return 0;";
    assert_eq!(show(&world.run(source, Vec::new())), "0");
    let (child, _) = world.forked.pop().expect("a task was forked");
    let child = restored(&child);
    assert_eq!(show(&world.finish(child, &mut |vm| vm)), "{{1}, 100, #2}");
}

fn some_task() -> Vec<u8> {
    let mut world = world();
    let mut vm = world.task(
        verb(ObjId(2), "test", PROGRAMS[1]),
        vec![Value::from("argument")],
    );
    let _ = vm.run(&mut world, &TaskLimits::default());
    vm.encode()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn damaged_bytes_are_an_error_or_a_task_that_runs(at in 0..2_000_usize, byte: u8, cut in 0..4_000_usize) {
        let mut bytes = some_task();
        let len = bytes.len();
        bytes[at % len] = byte;
        bytes.truncate(if cut < len { cut.max(1) } else { len });
        if let Ok(mut vm) = Vm::decode(&bytes, &mut Resolver(&World::default())) {
            vm.resume(Value::Int(1));
            let limits = TaskLimits { ticks: 2_000, ..TaskLimits::default() };
            let _ = vm.run(&mut world(), &limits);
        }
    }
}
