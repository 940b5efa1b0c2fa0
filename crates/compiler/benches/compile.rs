//! What it costs to compile: `cargo bench -p moor-compiler`.
//!
//! In: the programs of the starter world and, where the folder `shared` lies beside the checkout, those of LambdaCore. Out: the
//! time for all programs of a world, and bytes of source a second, to parse them, to make bytecode of their trees, and to write them
//! as `verb_code()` shows them. The textdump is read only as far as its programs are found; every name that is called
//! counts as a builtin function.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use moor_compiler::ast::Ast;
use moor_compiler::{Layout, ParseOptions, compile, parse, unparse};

criterion_group!(benches, worlds);
criterion_main!(benches);

fn worlds(criterion: &mut Criterion) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    world(
        criterion,
        "starter world",
        &root.join("daemon/src/starter.db"),
    );
    let default = || root.join("../shared/data/LambdaCore-latest.db");
    let lambdacore = std::env::var_os("MOOR_LAMBDACORE_DB").map_or_else(default, PathBuf::from);
    if lambdacore.is_file() {
        world(criterion, "LambdaCore", &lambdacore);
    } else {
        println!("no {}: LambdaCore is left out", lambdacore.display());
    }
}

fn world(criterion: &mut Criterion, name: &str, file: &Path) {
    let bytes = std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let sources = programs(&String::from_utf8_lossy(&bytes));
    let trees: Vec<Ast> = sources.iter().map(|source| tree(source)).collect();
    let length: usize = sources.iter().map(String::len).sum();
    println!("{name}: {} programs, {length} bytes", sources.len());
    let mut group = criterion.benchmark_group(name);
    group
        .throughput(Throughput::Bytes(length as u64))
        .sampling_mode(SamplingMode::Flat)
        .sample_size(20)
        .measurement_time(Duration::from_secs(3));
    group.bench_function("parse", |bencher| {
        bencher.iter(|| {
            for source in &sources {
                black_box(tree(black_box(source)));
            }
        });
    });
    group.bench_function("generate", |bencher| {
        bencher.iter(|| {
            for tree in &trees {
                black_box(compile(black_box(tree), &|_| Some(0)).expect("it compiles"));
            }
        });
    });
    group.bench_function("unparse", |bencher| {
        bencher.iter(|| {
            for tree in &trees {
                black_box(unparse(black_box(tree), Layout::CANONICAL));
            }
        });
    });
    group.finish();
}

fn tree(source: &str) -> Ast {
    parse(source, &ParseOptions::new(&|_| true)).unwrap_or_else(|error| panic!("{source}\n{error}"))
}

/// The programs of a textdump: after a line `#OBJECT:VERB`, up to a line with a single dot.
fn programs(textdump: &str) -> Vec<String> {
    let mut programs = Vec::new();
    let mut open: Option<String> = None;
    for line in textdump.lines() {
        match &mut open {
            Some(_) if line == "." => programs.extend(open.take()),
            Some(program) => {
                program.push_str(line);
                program.push('\n');
            }
            None if is_head(line) => open = Some(String::new()),
            None => {}
        }
    }
    assert!(!programs.is_empty(), "a world has programs");
    programs
}

fn is_head(line: &str) -> bool {
    let numbers = line.strip_prefix('#').and_then(|rest| rest.split_once(':'));
    numbers
        .is_some_and(|(object, verb)| object.parse::<u64>().is_ok() && verb.parse::<u64>().is_ok())
}
