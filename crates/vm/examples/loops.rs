//! The loops of the language benchmark on the machine alone: nanoseconds per iteration, the best of seven runs.
//!
//! `cargo run --release -p moor-vm --example loops [name]`. The world behind it is a hash table, so rows that read
//! properties or call verbs show the machine plus a plain lookup.

#[path = "../tests/world/mod.rs"]
mod world;

use std::time::Instant;

use moor_value::{ObjId, Value};
use moor_vm::{Outcome, TaskLimits};
use world::{World, show, verb};

const SIEVE: &str = "n = args[1]; l = {1}; while (length(l) < n) l = {@l, @l}; endwhile l = l[1..n]; c = 0; i = 2; \
    while (i <= n) if (l[i]) c = c + 1; j = i * 2; while (j <= n) l[j] = 0; j = j + i; endwhile endif \
    i = i + 1; endwhile return c;";

/// Name, argument, iterations, source.
fn loops() -> Vec<(&'static str, i64, i64, &'static str)> {
    vec![
        (
            "for_empty",
            5_000_000,
            5_000_000,
            "n = args[1]; for i in [1..n] endfor return n;",
        ),
        (
            "while_arith",
            5_000_000,
            5_000_000,
            "n = args[1]; x = 0; i = 0; while (i < n) x = x + i * 3 % 7; i = i + 1; endwhile return x;",
        ),
        (
            "for_arith",
            5_000_000,
            5_000_000,
            "n = args[1]; x = 0; for i in [1..n] x = x + i * 3 % 7; endfor return x;",
        ),
        (
            "float_arith",
            2_000_000,
            2_000_000,
            "n = args[1]; x = 0.0; for i in [1..n] x = x * 0.5 + 1.25; endfor return x;",
        ),
        ("fib", 27, 832_039, "return this:fib(args[1]);"),
        (
            "verbcall",
            1_000_000,
            1_000_000,
            "n = args[1]; for i in [1..n] this:noop(); endfor return n;",
        ),
        (
            "verbcall_args",
            1_000_000,
            1_000_000,
            "n = args[1]; x = 0; for i in [1..n] x = x + this:add3(i, 2, 3) % 3; endfor return x;",
        ),
        (
            "prop_rw",
            2_000_000,
            2_000_000,
            "n = args[1]; this.count = 0; for i in [1..n] this.count = this.count + 1; endfor return this.count;",
        ),
        (
            "append_100k",
            100_000,
            100_000,
            "n = args[1]; l = {}; for i in [1..n] l = {@l, i}; endfor return length(l);",
        ),
        (
            "list_index",
            2_000_000,
            2_000_000,
            "n = args[1]; l = {}; x = 0; for i in [1..1000] l = {@l, i}; endfor \
             for i in [1..n] x = x + l[i % 1000 + 1] % 5; endfor return x;",
        ),
        (
            "for_list",
            2_000_000,
            2_000_000,
            "n = args[1]; x = 0; l = {}; for i in [1..1000] l = {@l, i}; endfor \
             for k in [1..n / 1000] for e in (l) x = x + e % 5; endfor endfor return x;",
        ),
        (
            "list_set",
            500_000,
            500_000,
            "n = args[1]; l = {}; for i in [1..1000] l = {@l, i}; endfor \
             for i in [1..n] l[i % 1000 + 1] = i; endfor return l[1];",
        ),
        (
            "str_concat",
            50_000,
            50_000,
            "n = args[1]; s = \"\"; for i in [1..n] s = s + \"x\"; endfor return length(s);",
        ),
        (
            "str_eq",
            2_000_000,
            2_000_000,
            "n = args[1]; a = \"The quick brown fox\"; b = \"the quick brown FOX\"; x = 0; \
             for i in [1..n] if (a == b) x = x + 1; endif endfor return x;",
        ),
        (
            "str_slice",
            1_000_000,
            1_000_000,
            "n = args[1]; s = \"abcdefghijklmnopqrstuvwxyz\"; x = 0; \
             for i in [1..n] if (s[i % 26 + 1] == \"q\") x = x + 1; endif endfor return x;",
        ),
        (
            "bi_abs",
            2_000_000,
            2_000_000,
            "n = args[1]; x = 0; for i in [1..n] x = abs(i); endfor return x;",
        ),
        (
            "bi_length",
            2_000_000,
            2_000_000,
            "n = args[1]; x = 0; l = {1, 2, 3}; for i in [1..n] x = x + length(l); endfor return x;",
        ),
        (
            "catch_ok",
            1_000_000,
            1_000_000,
            "n = args[1]; x = 0; for i in [1..n] x = x + `i % 3 ! ANY => 0'; endfor return x;",
        ),
        (
            "catch_err",
            1_000_000,
            1_000_000,
            "n = args[1]; x = 0; l = {1}; for i in [1..n] x = x + `l[5] ! ANY => 2'; endfor return x;",
        ),
        (
            "try_raise",
            500_000,
            500_000,
            "n = args[1]; x = 0; for i in [1..n] try raise(E_PERM, \"no\"); except e (E_PERM) \
             x = x + length(e) % 3; endtry endfor return x;",
        ),
        ("sieve_20k", 20_000, 20_000, SIEVE),
        ("sieve_200k", 200_000, 200_000, SIEVE),
        (
            "nested",
            1_000,
            1_000_000,
            "n = args[1]; c = 0; for i in [1..n] for j in [1..n] if (i > j) c = c + 1; endif endfor endfor return c;",
        ),
        (
            "bubble",
            1_000,
            999_000,
            "n = args[1]; l = {}; s = 0; for i in [1..n] l = {@l, i * 7919 % 10007}; endfor \
             for i in [1..n] for j in [1..n - 1] if (l[j] > l[j + 1]) t = l[j]; l[j] = l[j + 1]; l[j + 1] = t; \
             s = s + 1; endif endfor endfor return s;",
        ),
    ]
}

fn main() {
    let only = std::env::args().nth(1);
    let mut world = World::default();
    world.add_verb(2, "noop", "return 0;");
    world.add_verb(2, "add3", "{a, b, ?c = 0} = args; return a + b + c;");
    world.add_verb(
        2,
        "fib",
        "n = args[1]; if (n < 2) return n; endif return this:fib(n - 1) + this:fib(n - 2);",
    );
    let limits = TaskLimits {
        ticks: i64::MAX,
        ..TaskLimits::default()
    };
    for (name, n, iterations, source) in loops() {
        if only.as_deref().is_some_and(|only| only != name) {
            continue;
        }
        let code = verb(ObjId(2), name, source);
        let mut times: Vec<f64> = Vec::new();
        let mut answer = String::new();
        for _ in 0..7 {
            let mut vm = world.task(code.clone(), vec![Value::Int(n)]);
            let start = Instant::now();
            let outcome: Outcome<Value> = vm.run(&mut world, &limits);
            times.push(start.elapsed().as_nanos() as f64 / iterations as f64);
            answer = show(&outcome);
        }
        times.sort_by(f64::total_cmp);
        println!("{name:14} {:8.1} ns  {answer}", times[0]);
    }
}
