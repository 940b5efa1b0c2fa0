//! Calls, inheritance, tracebacks, forks, limits: what takes more than one verb.

mod world;

use moor_value::{ObjId, Value};
use moor_vm::{Outcome, SizeLimits, TaskLimits};
use world::{World, show, verb};

fn lines(outcome: &Outcome<Value>) -> Vec<String> {
    let list = match outcome {
        Outcome::Raised(error) => &error.traceback,
        Outcome::Aborted(abort) => &abort.traceback,
        other => panic!("{other:?} has no traceback"),
    };
    list.iter().map(Value::to_text).collect()
}

#[test]
fn arguments_reach_the_callee_in_every_form() {
    let mut world = World::default();
    world.add_verb(2, "echo", "return args;");
    world.add_verb(2, "window", "{a, ?b = 9, @c} = args; return {a, b, c, a};");
    world.add_verb(
        2,
        "elements",
        "return {length(args), args[1], `args[9] ! E_RANGE'};",
    );
    for (source, expected) in [
        ("return this:echo();", "{}"),
        ("return this:echo(1, {2}, \"x\");", "{1, {2}, \"x\"}"),
        ("return this:echo(1, @{2, 3}, 4);", "{1, 2, 3, 4}"),
        ("return this:(\"EC\" + \"ho\")(1);", "{1}"),
        ("return this:(\"echo\")(@{1, 2});", "{1, 2}"),
        ("return this:window({1}, 2, 3);", "{{1}, 2, {3}, {1}}"),
        ("return this:window(5);", "{5, 9, {}, 5}"),
        ("return this:elements(5, 6);", "{2, 5, E_RANGE}"),
        (
            "return this:echo(this:echo(1)[1], this:echo(2, 3));",
            "{1, {2, 3}}",
        ),
        ("return this:echo(@args)[2];", "8"),
        (
            "return \"str\":echo();",
            "! E_VERBNF Verb not found: \"str\":echo()",
        ),
        ("return (5):echo();", "! E_TYPE Type mismatch"),
        ("return this:(5)();", "! E_TYPE Type mismatch"),
        (
            "return undefined:echo();",
            "! E_VARNF Variable not found: undefined",
        ),
    ] {
        let outcome = world.run(source, vec![Value::Int(7), Value::Int(8)]);
        assert_eq!(show(&outcome), expected, "{source}");
    }
}

#[test]
fn a_call_with_more_arguments_than_registers_hold_goes_as_a_list() {
    let mut world = World::default();
    world.add_verb(2, "count", "return {length(args), args[300]};");
    let args: Vec<String> = (1..=300).map(|n| format!("x + {n}")).collect();
    let outcome = world.run(
        &format!("x = 1; return this:count({});", args.join(", ")),
        Vec::new(),
    );
    assert_eq!(show(&outcome), "{300, 301}");
}

#[test]
fn a_callee_inherits_the_command_and_a_wizards_player() {
    let mut world = World::default();
    world.add_verb(
        2,
        "see",
        "return {argstr, dobj, player, caller, verb, caller_perms()};",
    );
    world.add_verb(2, "plain", "return this:see();");
    let outcome = world.run("return this:plain();", Vec::new());
    assert_eq!(show(&outcome), "{\"the args\", #-1, #3, #2, \"see\", #3}");
    let source =
        "argstr = \"new\"; dobj = #7; player = #5; x = this:plain(); return {x, this:see()[3]};";
    let outcome = world.run(source, Vec::new());
    assert_eq!(show(&outcome), "{{\"new\", #7, #5, #2, \"see\", #3}, #5}");
    let outcome = world.run(
        "set_task_perms(#4); player = #5; return this:see()[3];",
        Vec::new(),
    );
    assert_eq!(
        show(&outcome),
        "#3",
        "only a wizard's verb changes who is playing"
    );
}

#[test]
fn pass_calls_the_parents_verb_in_the_builtins_place() {
    let mut world = World::default();
    world.add_verb(
        1,
        "greet",
        "return {\"parent\", this, @args, length(callers())};",
    );
    world.add_verb(2, "greet", "return {\"child\", pass(@args)};");
    let outcome = world.run("return this:greet(5);", Vec::new());
    assert_eq!(show(&outcome), "{\"child\", {\"parent\", #2, 5, 2}}");
}

#[test]
fn tracebacks_read_as_lambdamoos() {
    let mut world = World::default();
    world.add_verb(1, "deep er", "x = 1;\nreturn x[2];");
    world.verbs.insert(
        (2, moor_value::Symbol::intern("fail")),
        verb(ObjId(1), "fail f*oo", "1;\n2;\n1 / 0;"),
    );
    let outcome = world.run("x = 1;\nreturn relay(#2, \"fail\");", Vec::new());
    assert_eq!(
        lines(&outcome),
        [
            "#1:fail f*oo (this == #2), line 3:  Division by zero",
            "... called from built-in function relay()",
            "... called from #2:test, line 2",
            "(End of traceback)",
        ]
    );
    assert_eq!(
        world.unwound, 1,
        "the builtin function was told that its verb failed"
    );
    let outcome = world.run("return eval(\"return 1 / 0;\");", Vec::new());
    assert_eq!(
        lines(&outcome)[0],
        "#-1:Input to EVAL, line 1:  Division by zero"
    );
}

#[test]
fn the_stack_of_an_exception_ends_at_the_frame_that_takes_it() {
    let mut world = World::default();
    world.add_verb(2, "fail", "x = 0;\nraise(E_PERM);");
    world.add_verb(
        2,
        "catcher",
        "try\nthis:fail();\nexcept e (E_PERM)\nreturn e[4];\nendtry",
    );
    let outcome = world.run("return this:catcher();", Vec::new());
    assert_eq!(
        show(&outcome),
        "{{#2, \"fail\", #3, #2, #3, 2}, {#2, \"catcher\", #3, #2, #3, 2}}"
    );
    let outcome = world.run("return relay(#2, \"caller_list\");", Vec::new());
    assert_eq!(show(&outcome), "! E_VERBNF Verb not found");
    world.add_verb(2, "caller_list", "return callers(1);");
    let outcome = world.run("return relay(#2, \"caller_list\")[3];", Vec::new());
    assert_eq!(
        show(&outcome),
        "{{#-1, \"relay\", #-1, #-1, #3, 1}, {#2, \"test\", #3, #2, #3, 1}}"
    );
}

#[test]
fn an_uncaught_error_that_passes_a_finally_tells_where_it_was_raised() {
    let mut world = World::default();
    world.add_verb(2, "fail", "1 / 0;");
    let outcome = world.run(
        "try\nthis:fail();\nfinally\nx = 5;\nthis.count = 3;\nendtry",
        Vec::new(),
    );
    assert_eq!(lines(&outcome)[0], "#2:fail, line 1:  Division by zero");
    assert_eq!(lines(&outcome)[1], "... called from #2:test, line 2");
    assert_eq!(show(&world.run("return this.count;", Vec::new())), "3");
}

#[test]
fn recursion_ends_at_the_stack_depth_and_ticks_at_their_number() {
    let mut world = World::default();
    world.add_verb(
        2,
        "down",
        "return `this:down(args[1] + 1) ! E_MAXREC => args[1]';",
    );
    let outcome = world.run("return this:down(2);", Vec::new());
    assert_eq!(show(&outcome), "50");
    let mut vm = world.task(verb(ObjId(2), "test", "while (1)\nendwhile"), Vec::new());
    let outcome = vm.run(&mut world, &TaskLimits::default());
    assert_eq!(
        lines(&outcome),
        [
            "#2:test, line 1:  Task ran out of ticks",
            "(End of traceback)"
        ]
    );
    assert!(vm.is_finished());
    world.interrupted = true;
    let outcome = world.run("while (1) endwhile", Vec::new());
    assert_eq!(show(&outcome), "aborted: Task ran out of seconds");
}

#[test]
fn sizes_end_at_their_limits() {
    let mut world = World::default();
    let sizes = SizeLimits {
        list_bytes: 1000,
        string_bytes: 100,
        map_bytes: 1000,
        quota_catchable: true,
    };
    let limits = TaskLimits {
        sizes: sizes.into(),
        ..TaskLimits::default()
    };
    for source in [
        "l = {}; while (1) l = {@l, 1}; endwhile",
        "l = {1}; while (1) l = {@l, @l}; endwhile",
        "s = \"x\"; while (1) s = s + s; endwhile",
        "m = []; i = 0; while (1) m[i] = 1; i = i + 1; endwhile",
        "s = \"x\"; while (1) s[1..0] = s; endwhile",
        "l = {1}; while (1) l[1..0] = l; endwhile",
        "l = {1}; while (1) l = {l, l}; endwhile",
    ] {
        let mut vm = world.task(verb(ObjId(2), "test", source), Vec::new());
        assert_eq!(
            show(&vm.run(&mut world, &limits)),
            "! E_QUOTA Resource limit exceeded",
            "{source}"
        );
        let fatal = TaskLimits::default();
        fatal.sizes.set(SizeLimits {
            quota_catchable: false,
            ..sizes
        });
        let mut vm = world.task(verb(ObjId(2), "test", source), Vec::new());
        let outcome = show(&vm.run(&mut world, &fatal));
        assert_eq!(outcome, "aborted: Task ran out of seconds", "{source}");
    }
}

#[test]
fn nesting_ends_at_its_limit() {
    let source = "l = {}; i = 0; try while (1) l = {l}; i = i + 1; endwhile except (E_QUOTA) return i > 100; endtry";
    assert_eq!(show(&World::default().run(source, Vec::new())), "1");
}

#[test]
fn a_forked_task_has_a_copy_of_everything_and_its_own_id() {
    let mut world = World::default();
    let source = "x = {1}; fork t (2.5) x = {@x, t, args[1], this, player, argstr}; this.list = x; endfork \
        x = {@x, 2}; return {x, t};";
    let outcome = world.run(source, vec![Value::from("arg")]);
    assert_eq!(show(&outcome), "{{1, 2}, 100}");
    let (child, delay) = world.forked.pop().expect("a task was forked");
    assert_eq!(delay, 2.5);
    let outcome = world.finish(*child, &mut |vm| vm);
    assert_eq!(show(&outcome), "0");
    let outcome = world.run("return this.list;", Vec::new());
    assert_eq!(show(&outcome), "{1, 100, \"arg\", #2, #3, \"the args\"}");
}

#[test]
fn waifs_are_indexed_by_their_verbs() {
    let mut world = World::default();
    world.add_verb(9, "_index", "return {\"get\", @args};");
    world.add_verb(9, "_set_index", "#2.list = args; return this;");
    let outcome = world.run(
        "w = waif(); w[\"k\"] = 5; return {w[3], typeof(w), #2.list};",
        Vec::new(),
    );
    assert_eq!(show(&outcome), "{{\"get\", 3}, 13, {\"k\", 5}}");
}

#[test]
fn appending_takes_time_in_proportion() {
    let mut world = World::default();
    let mut time = |n: i64| {
        let start = std::time::Instant::now();
        let source = "l = {}; for i in [1..args[1]] l = {@l, i}; endfor return length(l);";
        let outcome = world.run(source, vec![Value::Int(n)]);
        assert_eq!(show(&outcome), n.to_string());
        start.elapsed()
    };
    time(1_000);
    let (small, large) = (time(20_000), time(400_000));
    // Twenty times the work; quadratic growth would be four hundred times.
    assert!(
        large < small * 150,
        "20,000 took {small:?}, 400,000 took {large:?}"
    );
}

/// Limits of lists and maps of 1,000 bytes.
fn small_limits() -> TaskLimits {
    let sizes = SizeLimits {
        list_bytes: 1000,
        map_bytes: 1000,
        ..SizeLimits::default()
    };
    TaskLimits {
        sizes: sizes.into(),
        ..TaskLimits::default()
    }
}

#[test]
fn sizes_count_what_the_change_leaves() {
    const QUOTA: &str = "! E_QUOTA Resource limit exceeded";
    let ninety_nine = format!("return {{{}}};", "1, ".repeat(98) + "1");
    let ninety_nine = ninety_nine.as_str();
    for (source, expected) in [
        // A list of 60 counts for 992 bytes, with one more for 1,008.
        (
            "l = {}; for i in [1..60] l = {@l, i}; endfor return length(l);",
            "60",
        ),
        (
            "l = {}; for i in [1..61] l = {@l, i}; endfor return length(l);",
            QUOTA,
        ),
        // Joining with `+` is not limited; changing what is too large is, whatever it is changed to.
        (
            "l = {}; for i in [1..99] l = l + i; endfor return length(l + l);",
            "198",
        ),
        (
            "l = {}; for i in [1..99] l = l + i; endfor l[1] = 1; return l;",
            QUOTA,
        ),
        (
            "l = {}; for i in [1..99] l = l + i; endfor l[1..99] = {1}; return l;",
            "{1}",
        ),
        (
            "l = {}; for i in [1..99] l = l + i; endfor l[1..2] = {1}; return l;",
            QUOTA,
        ),
        // Arguments are a list too, unless there is but one.
        (
            "l = {}; for i in [1..60] l = {@l, i}; endfor return #2:noop(l, 1);",
            QUOTA,
        ),
        (
            "l = {}; for i in [1..60] l = {@l, i}; endfor return length({l}[1]);",
            "60",
        ),
        (
            "s = \"x\"; for i in [1..11] s = s + s; endfor return #2:noop(s, s);",
            "0",
        ),
        (
            "s = \"x\"; for i in [1..11] s = s + s; endfor return {s, s};",
            QUOTA,
        ),
        (ninety_nine, QUOTA),
        (
            "m = []; for i in [1..17] m[i] = i; endfor m[1] = 2; return length(m);",
            "17",
        ),
        (
            "m = []; for i in [1..18] m[i] = i; endfor return length(m);",
            QUOTA,
        ),
    ] {
        let mut world = World::default();
        world.add_verb(2, "noop", "return 0;");
        let mut vm = world.task(verb(ObjId(2), "test", source), Vec::new());
        assert_eq!(
            show(&vm.run(&mut world, &small_limits())),
            expected,
            "{source}"
        );
    }
}
