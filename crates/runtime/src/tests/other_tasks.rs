//! Tasks that wait for others, are seen at work, and take back what they did.

use std::time::Duration;

use super::fixture::Who;
use super::listening::{Listening, answer, literal};
use crate::Evaluated;

/// A task that waits until it is resumed, and its number.
fn sleeper(world: &Listening, who: Who) -> String {
    world.value(who, "fork t (0) suspend(); endfork suspend(0); return t;")
}

#[test]
fn an_error_that_a_task_is_given_is_raised_where_it_waits() {
    let world = Listening::new();
    let source = "add_property(#5, \"n\", {}, {#2, \"r\"}); fork t (0) try 1 + suspend(); except e (E_QUOTA) \
                  #5.n = {@#5.n, e[1], e[2]}; endtry try suspend(); except e (ANY) #5.n = {@#5.n, e[2]}; endtry endfork \
                  suspend(0); resume(t, E_QUOTA); suspend(0); suspend(0); resume(t, E_PERM(\"said\")); \
                  while (length(#5.n) < 3) suspend(0); endwhile return #5.n;";
    assert_eq!(
        world.value(Who::Wizard, source),
        "{E_QUOTA, \"Resource limit exceeded\", \"said\"}"
    );
}

#[test]
fn a_task_waits_until_another_has_ended() {
    let world = Listening::new();
    let source = "add_property(#5, \"n\", 0, {#2, \"r\"}); fork t (0) suspend(0); #5.n = 1; endfork \
                  before = valid_task(t); return {wait_task(t), #5.n, before, valid_task(t), wait_task(t), wait_task(t, 1.5)};";
    assert_eq!(world.value(Who::Wizard, source), "{1, 1, 1, 0, 1, 1}");
}

#[test]
fn the_wait_ends_with_its_time_or_with_the_other_task_s_violent_end() {
    let world = Listening::new();
    let sleeping = sleeper(&world, Who::Programmer);
    assert_eq!(
        world.value(
            Who::Programmer,
            &format!("return wait_task({sleeping}, 0);")
        ),
        "0"
    );
    let timed = world.eval(
        Who::Programmer,
        &format!("return wait_task({sleeping}, 30);"),
    );
    let listed = "return {length(queued_tasks()), length(active_tasks())};";
    assert_eq!(world.value(Who::Programmer, listed), "{2, 1}");
    world.pass(Duration::from_secs(31));
    assert_eq!(literal(&answer(&timed)), "0");
    let endless = world.eval(Who::Programmer, &format!("return wait_task({sleeping});"));
    assert_eq!(world.value(Who::Programmer, listed), "{2, 1}");
    world.value(
        Who::Programmer,
        &format!("kill_task({sleeping}); return 0;"),
    );
    assert_eq!(literal(&answer(&endless)), "1");
}

#[test]
fn one_that_waits_can_be_killed_and_is_forgotten() {
    let world = Listening::new();
    let sleeping = sleeper(&world, Who::Programmer);
    let source = format!(
        "fork w (0) wait_task({sleeping}); endfork suspend(0); kill_task(w); return {{w, wait_task(w)}};"
    );
    let killed = world.value(Who::Programmer, &source);
    assert!(killed.ends_with(", 1}"), "{killed}");
    let both = "return length(queued_tasks());";
    assert_eq!(world.value(Who::Programmer, both), "1");
    world.value(
        Who::Programmer,
        &format!("kill_task({sleeping}); return 0;"),
    );
    assert_eq!(world.value(Who::Programmer, both), "0");
}

#[test]
fn who_may_wait_and_for_whom() {
    let world = Listening::new();
    let sleeping = sleeper(&world, Who::Wizard);
    let tried = |who: Who, code: &str| world.value(who, &format!("return `{code} ! ANY';"));
    let wait = format!("wait_task({sleeping}, 0)");
    assert_eq!(tried(Who::Programmer, &wait), "E_PERM");
    assert_eq!(tried(Who::Wizard, &wait), "0");
    assert_eq!(tried(Who::Programmer, "wait_task(task_id())"), "E_INVARG");
    assert_eq!(
        tried(Who::Programmer, &format!("wait_task({sleeping}, -1)")),
        "E_INVARG"
    );
    assert_eq!(tried(Who::Programmer, "wait_task(0)"), "1");
    assert_eq!(tried(Who::Programmer, "valid_task(task_id())"), "1");
    assert_eq!(
        tried(Who::Programmer, &format!("valid_task({sleeping})")),
        "1"
    );
    assert_eq!(tried(Who::Programmer, "valid_task(0)"), "0");
}

#[test]
fn a_restart_takes_nothing_from_those_that_wait() {
    let mut world = Listening::new();
    world.value(
        Who::Wizard,
        "add_property(#5, \"n\", 0, {#2, \"r\"}); return 0;",
    );
    let sleeping = sleeper(&world, Who::Wizard);
    let waiting = world.value(
        Who::Wizard,
        &format!("fork w (0) #5.n = wait_task({sleeping}) + 1; endfork suspend(0); return w;"),
    );
    world.restart();
    let asleep = format!("return {{valid_task({sleeping}), valid_task({waiting}), #5.n}};");
    assert_eq!(world.value(Who::Wizard, &asleep), "{1, 1, 0}");
    let end = format!("kill_task({sleeping}); wait_task({waiting}); return #5.n;");
    assert_eq!(world.value(Who::Wizard, &end), "2");
}

#[test]
fn tasks_at_work_are_their_owner_s_business() {
    let world = Listening::new();
    let own = world.value(
        Who::Programmer,
        "t = active_tasks(); return {length(t), t[1][1] == task_id(), t[1][5], length(t[1])};",
    );
    assert_eq!(own, "{1, 1, #3, 10}");
    let of_others = "set_task_perms(#4); return active_tasks();";
    assert_eq!(world.value(Who::Wizard, of_others), "{}");
}

#[test]
fn what_is_rolled_back_has_not_happened() {
    let world = Listening::new();
    world.value(
        Who::Wizard,
        "add_property(#5, \"n\", 0, {#2, \"r\"}); return 0;",
    );
    let undone = world.eval(
        Who::Wizard,
        "#5.n = 1; suspend(0); #5.n = 2; o = create(#1); fork (0) #5.n = 3; endfork rollback(); #5.n = 4;",
    );
    assert!(matches!(answer(&undone), Evaluated::Aborted(_)));
    let left = "return {#5.n, max_object(), queued_tasks()};";
    assert_eq!(world.value(Who::Wizard, left), "{1, #5, {}}");
    let refused = "return `rollback() ! ANY';";
    assert_eq!(world.value(Who::Programmer, refused), "E_PERM");
}

#[test]
fn a_stretch_that_holds_the_commit_turn_is_rolled_back_too() {
    let world = Listening::new();
    let source = "f = file_open(\"kept\", \"w-tn\"); file_writeline(f, \"kept\"); file_close(f); #5.name = \"changed\"; rollback();";
    assert!(matches!(
        answer(&world.eval(Who::Wizard, source)),
        Evaluated::Aborted(_)
    ));
    let left = "return {#5.name, file_list(\".\")};";
    assert_eq!(
        world.value(Who::Wizard, left),
        "{\"Server Options\", {\"kept\"}}"
    );
}

#[test]
fn a_task_commits_when_few_ticks_are_left() {
    let world = Listening::new();
    let source = "n = 0; while (n < 5) n = n + suspend_if_needed(); endwhile \
                  return {n, suspend_if_needed(1), `suspend_if_needed(-1) ! E_INVARG => 2', commit(\"x\"), commit()};";
    assert_eq!(world.value(Who::Programmer, source), "{5, 0, 2, \"x\", 0}");
}

/// The runs that have ended since the world began to ask, but for the last ones that `skip` says.
#[test]
fn what_is_over_is_told_to_a_world_that_asks() {
    let world = Listening::new();
    let source = "add_verb(#5, {#3, \"xd\", \"wai*t sleep\"}, {\"this\", \"none\", \"this\"}); \
                  set_verb_code(#5, \"wait\", {\"suspend(0);\"}); return finished_tasks();";
    assert_eq!(world.value(Who::Wizard, source), "{}");
    let denied = world.value(Who::Programmer, "return `finished_tasks() ! ANY';");
    assert_eq!(denied, "E_PERM");
    let ask = "add_property($server_options, \"finished_tasks_limit\", 3, {#2, \"\"}); load_server_options(); return 0;";
    world.value(Who::Wizard, ask);
    world.value(Who::Programmer, "#5:wai(); return 0;");
    let told = "l = {}; for t in (finished_tasks()) l = {@l, {t[\"verb\"], t[\"fullverb\"], t[\"object\"], t[\"this\"], \
                t[\"receiver\"], t[\"player\"], t[\"programmer\"], t[\"foreground\"], t[\"suspended\"], t[\"time\"] >= 0.0}}; endfor \
                return l;";
    let shown = world.value(Who::Wizard, told);
    let first = "\"N/A\", \"N/A\", #-1, #3, #3, #3, #3, 1, 1, ";
    let second = "\"wai\", \"wai*t sleep\", #5, #5, #5, #3, #3, 0, 0, ";
    assert_eq!(shown, format!("{{{{{first}1}}, {{{second}1}}}}"));
}

#[test]
fn the_oldest_of_what_is_over_gives_way_and_a_world_may_stop_asking() {
    let world = Listening::new();
    let limited = |limit: i64| {
        let source = format!(
            "add_property($server_options, \"finished_tasks_limit\", 0, {{#2, \"\"}}) ! ANY'; \
             $server_options.finished_tasks_limit = {limit}; load_server_options(); return 0;"
        );
        world.value(Who::Wizard, &source.replacen("add_", "`add_", 1));
    };
    limited(2);
    for code in ["1 / 0;", "return 5;", "while (1) endwhile"] {
        super::listening::answer(&world.eval(Who::Programmer, code));
    }
    let count = "return length(finished_tasks());";
    assert_eq!(world.value(Who::Wizard, count), "2");
    limited(1_000_000);
    assert_eq!(world.server.runtime.options().finished_tasks_max, 1_000);
    limited(0);
    assert_eq!(world.value(Who::Wizard, count), "0");
    limited(-1);
    assert_eq!(world.value(Who::Wizard, count), "0");
}
