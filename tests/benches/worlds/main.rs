//! How a server grows with its world: `cargo bench -p moor-tests --bench worlds [-- OBJECTS ...]`.
//!
//! In: numbers of objects, 1,000, 100,000 and 1,000,000 unless arguments name others. Out: one table: the time that an import and a start
//! take, the folder on disk, the memory of a running server, and each of them for one object. The worlds are those of `make.rs`.
//!
//! Import and start are processes of their own (this program again), so that memory is that of a server which has just started and nothing
//! else. A start does what the daemon does: it opens the data directory, reads the world and starts the runtime; the links are left out. Under
//! `cargo test` a small world is made and started.

#[path = "../local/mod.rs"]
mod local;
mod make;
mod process;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use moor_runtime::{Runtime, RuntimeConfig, SystemClock, TABLES};
use moor_store::{Options, Store};
use process::{memory, processor_seconds};

/// The worlds that are made unless arguments name others.
const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];
/// The world that is made when nothing is to be measured.
const SMALL: usize = 200;

/// Words by which this program is told to be a part of itself.
const IMPORT: &str = "part-import";
const START: &str = "part-start";

const MIB: f64 = 1024.0 * 1024.0;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [IMPORT, objects, path] => import(objects.parse().expect("a number"), Path::new(path)),
        [START, path] => start(Path::new(path)),
        _ => print_table(&words),
    }
}

fn print_table(words: &[String]) {
    let measures = words.iter().any(|word| word == "--bench");
    let given: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let sizes = match (measures, given.is_empty()) {
        (false, _) => vec![SMALL],
        (true, true) => SIZES.to_vec(),
        (true, false) => given,
    };
    println!(
        "| objects | import s | its processor s | on disk MiB | bytes/object | start s | its processor s | highest MiB | resident MiB | bytes/object |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let empty = measure(0, &folder.path().join("empty"));
    for objects in sizes {
        let path = folder.path().join(objects.to_string());
        let world = measure(objects, &path);
        // The largest ones would fill a small disk together.
        std::fs::remove_dir_all(&path).expect("the folder is removed");
        let each = |bytes: f64, without: f64| (bytes - without) / objects as f64;
        println!(
            "| {objects} | {:.2} | {:.2} | {:.1} | {:.0} | {:.2} | {:.2} | {:.1} | {:.1} | {:.0} |",
            world.import_s,
            world.import_processor_s,
            world.disk / MIB,
            each(world.disk, empty.disk),
            world.start_s,
            world.start_processor_s,
            world.highest / MIB,
            world.resident / MIB,
            each(world.resident, empty.resident),
        );
    }
}

/// One world: seconds and bytes.
struct Measured {
    import_s: f64,
    import_processor_s: f64,
    disk: f64,
    start_s: f64,
    start_processor_s: f64,
    highest: f64,
    resident: f64,
}

fn measure(objects: usize, path: &Path) -> Measured {
    let word = path.to_str().expect("a readable path");
    let [import_s, import_processor_s] = run([IMPORT, &objects.to_string(), word]);
    let disk = folder_bytes(path) as f64;
    let [start_s, start_processor_s, highest, resident] = run(["", START, word]);
    Measured {
        import_s,
        import_processor_s,
        disk,
        start_s,
        start_processor_s,
        highest,
        resident,
    }
}

/// Runs a part of this program, and reads the numbers that it prints.
fn run<const N: usize>(words: [&str; 3]) -> [f64; N] {
    let program = std::env::current_exe().expect("this program has a path");
    let words = words.into_iter().filter(|word| !word.is_empty());
    let output = Command::new(program).args(words).output().expect("it runs");
    let printed = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<f64> = printed
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let error = String::from_utf8_lossy(&output.stderr);
    numbers.try_into().unwrap_or_else(|_| panic!("{error}"))
}

/// Makes a world and imports it; prints the seconds of the import.
fn import(objects: usize, path: &Path) {
    let image = make::world(objects);
    let (begin, before) = (Instant::now(), processor_seconds());
    let store = local::data::fill(&image, path);
    store.close().expect("the store closes");
    println!(
        "{} {}",
        begin.elapsed().as_secs_f64(),
        processor_seconds() - before
    );
}

/// Starts a server; prints seconds, then bytes.
fn start(path: &Path) {
    let (begin, before) = (Instant::now(), processor_seconds());
    let store = Store::open(path, Options::new(&TABLES)).expect("a data directory");
    let world = local::data::load(&store);
    let (outlet, clock) = (local::nobody(), Arc::new(SystemClock::default()));
    let runtime = Runtime::start(RuntimeConfig::default(), world, &store, outlet, clock);
    let runtime = runtime.expect("the runtime starts");
    println!(
        "{} {}",
        begin.elapsed().as_secs_f64(),
        processor_seconds() - before
    );
    let [highest, resident] = memory();
    println!("{highest} {resident}");
    runtime.stop(moor_tests::PATIENCE);
}

/// Bytes of all files in a folder, as they take room on the disk.
fn folder_bytes(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = std::fs::read_dir(path).expect("a folder").flatten();
    let bytes = |path: PathBuf| match path.is_dir() {
        true => folder_bytes(&path),
        false => path.metadata().map_or(0, |file| file.blocks() * 512),
    };
    entries.map(|entry| bytes(entry.path())).sum()
}
