//! The language in a whole server, beside Lua: `cargo bench -p moor-tests --bench loops [-- NAME]`.
//!
//! In: `loops.toml` of the machine's benchmark; `lua5.4`, if it is installed; LambdaCore, if the folder `shared` lies beside
//! the checkout (or MOOR_LAMBDACORE_DB names it), without which its rows are left out. Out: one table, in nanoseconds of processor time for each
//! turn of a loop.
//!
//! The server is a runtime with a world, a store and one worker thread in this process, and the loops are verbs of an object. A row is
//! measured in turn here and in Lua, [`ROUNDS`] times; the table has the medians. Both must return the same value. Under `cargo test`
//! each is run once with a small argument.

#[path = "../local/mod.rs"]
mod local;
mod lua;
#[path = "../../../crates/vm/benches/loops/rows.rs"]
mod rows;
mod server;

use std::path::{Path, PathBuf};
use std::time::Duration;

use lua::Lua;
use rows::{Loops, Room, Row};
use server::Server;

/// How often a row is measured.
const ROUNDS: usize = 5;

/// A measurement is at least this long: a loop that is shorter is run again.
const LENGTH: Duration = Duration::from_millis(60);

/// The largest argument when nothing is to be measured.
const SMALL: i64 = 1_000;

/// One run of a loop.
struct Run {
    /// Processor time.
    time: Duration,
    /// What the loop returned, as both languages write it.
    value: String,
}

/// What a row gave.
struct Measured<'a> {
    row: &'a Row,
    /// Nanoseconds a turn.
    ours: f64,
    /// The same of Lua, where there is Lua.
    lua: Option<f64>,
}

/// How thoroughly.
#[derive(Clone, Copy)]
struct Effort {
    rounds: usize,
    length: Duration,
    argument_max: i64,
}

fn main() {
    let measures = std::env::args().any(|word| word == "--bench");
    let only = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let loops = Loops::read();
    let core = lambdacore();
    let mut server = Server::start(core.as_deref(), &loops.verbs);
    let lua = Lua::find(&loops.lua.methods);
    let effort = match measures {
        true => Effort {
            rounds: ROUNDS,
            length: LENGTH,
            argument_max: i64::MAX,
        },
        false => Effort {
            rounds: 1,
            length: Duration::ZERO,
            argument_max: SMALL,
        },
    };
    let wanted = loops.rows.iter().filter(|row| {
        only.as_deref().is_none_or(|only| only == row.name)
            && (core.is_some() || row.room != Room::Core)
    });
    let rows = wanted.map(|row| measure(row, effort, &mut server, lua.as_ref()));
    if !measures {
        println!("{} loops ran", rows.count());
        return;
    }
    println!("| loop | moor ns | Lua 5.4 ns | moor / Lua | limit ns | moor / limit |");
    println!("|---|---|---|---|---|---|");
    let all: Vec<Measured<'_>> = rows.inspect(Measured::print).collect();
    summarize(&all);
}

/// LambdaCore, where it is found.
fn lambdacore() -> Option<PathBuf> {
    let default =
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/LambdaCore-latest.db");
    let database = std::env::var_os("MOOR_LAMBDACORE_DB").map_or_else(default, PathBuf::from);
    database.is_file().then_some(database)
}

/// Ours, Lua's, ours, Lua's and so on, so that what else the machine does falls on both.
fn measure<'a>(
    row: &'a Row,
    effort: Effort,
    server: &mut Server,
    lua: Option<&Lua>,
) -> Measured<'a> {
    let n = row.n.min(effort.argument_max);
    let verb = server.add_loop(row);
    let lua = lua.zip(row.lua.as_deref());
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..effort.rounds {
        let run = server.run(&verb, n, effort.length);
        ours.push(row.per_turn(run.time));
        if let Some((lua, body)) = lua {
            let other = lua.run(body, n, effort.length);
            assert_eq!(
                run.value, other.value,
                "{}: the algorithms differ",
                row.name
            );
            theirs.push(row.per_turn(other.time));
        }
    }
    Measured {
        row,
        ours: median(ours).expect("a round"),
        lua: median(theirs),
    }
}

impl Measured<'_> {
    fn print(&self) {
        let lua = self.lua.map_or("-".into(), |lua| format!("{lua:.1}"));
        let ratio = self
            .ratio()
            .map_or("-".into(), |ratio| format!("{ratio:.2}"));
        println!(
            "| {} | {:.1} | {lua} | {ratio} | {} | {:.2} |",
            self.row.name,
            self.ours,
            self.row.limit,
            self.ours / self.row.limit
        );
    }

    fn ratio(&self) -> Option<f64> {
        self.lua.map(|lua| self.ours / lua)
    }

    /// How much slower Lua is now than it was on the machine of the limits.
    fn slowness(&self) -> Option<f64> {
        Some(self.lua? / self.row.lua_then?)
    }
}

/// What all rows say together.
fn summarize(all: &[Measured<'_>]) {
    println!();
    let Some(ratio) = geometric_mean(all.iter().filter_map(Measured::ratio)) else {
        println!("lua5.4 is not installed: there is nothing to compare with");
        return;
    };
    println!("moor / Lua, geometric mean: {ratio:.2}");
    if let Some(slowness) = geometric_mean(all.iter().filter_map(Measured::slowness)) {
        println!("Lua now / Lua when the limits were set, geometric mean: {slowness:.2}");
        let limits = all
            .iter()
            .filter(|row| row.ours > row.row.limit * slowness)
            .map(|row| row.row.name.as_str());
        let over: Vec<&str> = limits.collect();
        println!("above the limit times that: {}", over.join(", "));
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn geometric_mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let logarithms: Vec<f64> = values.map(f64::ln).collect();
    let count = logarithms.len() as f64;
    (!logarithms.is_empty()).then(|| (logarithms.iter().sum::<f64>() / count).exp())
}
