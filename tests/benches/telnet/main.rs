//! Commands over telnet, with the daemon and the host on one machine joined by Unix sockets and by encrypted TCP: how
//! many a second, how long one takes, and what it costs; and what connections cost on which nothing happens.
//!
//! `cargo bench -p moor-tests --bench telnet [-- SECONDS] [-- WORD...]` prints two tables, or with `export` one; the words `ping`, `workping`, `eval`,
//! `look`, `idle`, `export`, `ipc` and `curve` choose rows, a number says how long each is measured. Each connection belongs to a player of its own in
//! a room of its own, sends a command and waits for its answer, as fast as it is answered. The two kinds of link take turns.
//!
//! The world is LambdaCore where the folder `shared` lies beside the checkout (or MOOR_LAMBDACORE_DB names it), else the starter
//! world; the first line says which. Daemon, host and connections share the machine, so only the ratios of one run mean something, and
//! a rate is that of the server only as far as the connections' own processor time, in the last column, leaves it room.
//! Under `cargo test` everything is done once, by few connections.

mod export;
mod idle;
mod load;
mod process;
mod site;
mod work;

use std::path::{Path, PathBuf};
use std::time::Duration;

use load::Load;
use moor_tests::Database;
use site::{Site, Transport};
use work::Workload;

/// How long one row is measured, unless an argument says otherwise.
const SECONDS_DEFAULT: f64 = 3.0;

/// How many connections type at the same time.
const CONNECTIONS: [usize; 3] = [1, 10, 100];

/// How many connections are held on which nothing happens.
const IDLE: usize = 10_000;

/// How many things are in a large world.
const THINGS: usize = 100_000;

/// What the command line asks for.
struct Wish {
    /// Whether anything is to be measured, rather than only run.
    measures: bool,
    length: Duration,
    words: Vec<String>,
}

impl Wish {
    fn read() -> Self {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let seconds = words.iter().find_map(|word| word.parse().ok());
        let measures = words.iter().any(|word| word == "--bench");
        let length = match measures {
            true => Duration::from_secs_f64(seconds.unwrap_or(SECONDS_DEFAULT)),
            false => Duration::ZERO,
        };
        Self {
            measures,
            length,
            words,
        }
    }

    /// Those of `all` that were named; all if none was.
    fn chosen<T: Copy>(&self, all: &[T], name: impl Fn(T) -> &'static str) -> Vec<T> {
        let named = |each: &T| self.words.iter().any(|word| word == name(*each));
        match all.iter().any(named) {
            true => all.iter().copied().filter(named).collect(),
            false => all.to_vec(),
        }
    }

    fn has(&self, word: &str) -> bool {
        self.words.iter().any(|other| other == word)
    }
}

fn main() {
    let wish = Wish::read();
    let transports = wish.chosen(&Transport::ALL, Transport::word);
    let workloads = wish.chosen(&Workload::ALL, Workload::word);
    let has_workload = Workload::ALL.iter().any(|work| wish.has(work.word()));
    if has_workload || !(wish.has("idle") || wish.has("export")) {
        commands(&wish, &transports, &workloads);
    }
    let has_everything = workloads.len() == Workload::ALL.len() && !wish.has("export");
    if wish.has("idle") || has_everything {
        println!();
        connections(&wish, &transports);
    }
    if wish.has("export") {
        exports(&wish);
    }
}

fn exports(wish: &Wish) {
    let things = if wish.measures { THINGS } else { 100 };
    match world() {
        (_, Database::Textdump(file)) => {
            export::measure(&file, things, wish.length, wish.measures);
        }
        (name, Database::Starter) => println!("export: {name} is too small"),
    }
}

fn commands(wish: &Wish, transports: &[Transport], workloads: &[Workload]) {
    let (name, database) = world();
    let connections: &[usize] = if wish.measures { &CONNECTIONS } else { &[2] };
    let players = connections.iter().copied().max().unwrap_or(0);
    let mut sites: Vec<(Site, Vec<String>)> = transports
        .iter()
        .map(|transport| {
            let site = Site::start(*transport, &database);
            let players = work::prepare(site.telnet, players);
            (site, players)
        })
        .collect();
    println!("{name}, {:.1} s each", wish.length.as_secs_f64());
    println!();
    println!("{}", Load::HEAD);
    for workload in workloads {
        for connections in connections {
            for (site, players) in &mut sites {
                let load = Load::run(site, *workload, &players[..*connections], wish.length);
                println!(
                    "| {} | {} | {connections} | {load} |",
                    workload.word(),
                    site.transport.name()
                );
            }
        }
    }
}

fn connections(wish: &Wish, transports: &[Transport]) {
    let count = if wish.measures { IDLE } else { 20 };
    println!("{}", idle::HEAD);
    for transport in transports {
        println!("{}", idle::measure(*transport, count));
    }
}

/// A world with rooms, and its name.
fn world() -> (&'static str, Database) {
    let default =
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/LambdaCore-latest.db");
    let database = std::env::var_os("MOOR_LAMBDACORE_DB").map_or_else(default, PathBuf::from);
    match database.is_file() {
        true => ("LambdaCore", Database::Textdump(database)),
        false => ("the starter world", Database::Starter),
    }
}
