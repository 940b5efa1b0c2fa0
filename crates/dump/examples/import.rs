//! How long the import of a textdump takes: `cargo run --release -p moor-dump --example import FILE`.
//! In: a file. Out: counts, the time of each step, and everything that deserves a look.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use moor_dump::{CompileOptions, DumpHandles, OnFault, read_file};

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: import FILE");
        return ExitCode::from(2);
    };
    match import(&path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn import(path: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
    let start = Instant::now();
    let mut handles = DumpHandles::default();
    let dump = read_file(path, &mut handles, &mut |_| ())?;
    println!(
        "format {} ({:?}), read in {:?}",
        dump.version,
        dump.encoding,
        start.elapsed()
    );
    for repair in &dump.repairs {
        println!("repaired: {repair}");
    }
    let start = Instant::now();
    let import = dump.compile(&CompileOptions {
        is_builtin: &|_| true,
        on_fault: OnFault::Keep,
        features: Default::default(),
    })?;
    println!("compiled in {:?}", start.elapsed());
    for warning in &import.warnings {
        println!("warning: {warning}");
    }
    let start = Instant::now();
    let mut rows = 0_usize;
    import.world.check()?.rows(|_, _| {
        rows += 1;
        Ok::<(), std::convert::Infallible>(())
    })?;
    println!("checked and made into {rows} rows in {:?}", start.elapsed());
    let verbs: usize = import
        .world
        .objects
        .iter()
        .map(|object| object.verbs.len())
        .sum();
    println!("{} objects, {verbs} verbs", import.world.objects.len());
    Ok(())
}
