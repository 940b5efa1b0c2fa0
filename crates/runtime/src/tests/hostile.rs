//! Programs that want more memory than a task may have, in ways that no single value's limit sees.

use super::fixture::{Server, Who};

/// A string of 16 MiB in `s`.
const LARGE: &str = "s = \"a\"; for i in [1..24] s = s + s; endfor ";

/// Code that holds the string in so many variables, and then works on it.
fn held(variables: usize) -> String {
    let held: String = (0..variables)
        .map(|number| format!("v{number} = s; "))
        .collect();
    format!("{LARGE}{held} for i in [1..3] t = s[1..10]; endfor return 1;")
}

/// A string of 60,000 bytes in `s`, below what is looked at for itself.
const MEDIUM: &str = "s = \"a\"; for i in [1..16] s = s + s; endfor s = s[1..60000]; ";

/// Runs `code` with `s` and a growing `i` until it gets `E_QUOTA`; how often it ran.
fn times_until_quota(code: &str) -> i64 {
    let server = Server::new();
    let program = format!(
        "{MEDIUM} add_property(#5, \"p\", create(#1), {{#2, \"r\"}}); \
         try for i in [1..6000] {code} endfor except (E_QUOTA) return i; endtry return 0;"
    );
    let shown = server.run(Who::Wizard, &program).shown();
    shown.parse().unwrap_or_else(|_| panic!("{code}: {shown}"))
}

#[test]
fn many_small_things_are_counted_as_few_large_ones_are() {
    let codes = [
        "add_property(#5.p, tostr(\"p\", i), s + tostr(i), {#2, \"r\"});",
        "add_verb(#5.p, {#2, \"rxd\", tostr(i)}, {\"this\", \"none\", \"this\"}); \
         set_verb_code(#5.p, tostr(i), {\"\\\"\" + s + \"\\\";\"});",
        "o = create(#1); o.name = s + tostr(i);",
        "fork (1000) s = s; endfork",
    ];
    for code in codes {
        let times = times_until_quota(code);
        assert!((2_900..3_400).contains(&times), "{code}: {times}");
    }
}

#[test]
fn all_variables_of_a_task_together_have_a_bound() {
    let server = Server::new();
    assert_eq!(server.run(Who::Programmer, &held(100)).shown(), "1");
    assert_eq!(server.run(Who::Programmer, &held(140)).shown(), "! aborted");
}

#[test]
fn what_a_stretch_writes_has_a_bound_and_what_it_replaces_does_not_count() {
    let server = Server::new();
    let write = format!(
        "{LARGE} try for i in [1..30] add_property(#4, tostr(\"p\", i), s + tostr(i), {{#2, \"r\"}}); endfor \
         except (E_QUOTA) return i; endtry"
    );
    let written = server.run(Who::Wizard, &write).shown();
    assert!(["11", "12", "13"].contains(&written.as_str()), "{written}");
    let replace = format!(
        "{LARGE} add_property(#5, \"p\", 0, {{#2, \"r\"}}); for i in [1..30] #5.p = s + tostr(i); endfor return length(#5.p);"
    );
    assert_eq!(server.run(Who::Wizard, &replace).shown(), "16777218");
}

#[test]
fn tasks_that_multiply_come_to_an_end() {
    let server = Server::new();
    let forks = |count: i64| {
        format!("for i in [1..{count}] fork (100000) endfork endfor return length(queued_tasks());")
    };
    for (who, more) in [(Who::Programmer, "! E_QUOTA"), (Who::Wizard, "12000")] {
        assert_eq!(server.run(who, &forks(6_000)).shown(), "6000");
        let shown = server.run(who, &forks(6_000)).shown();
        assert!(shown.starts_with(more), "{shown}");
        server.run(
            who,
            "for task in (queued_tasks()) kill_task(task[1]); endfor return 0;",
        );
    }
}
