//! Any program, run: it ends within its ticks and its memory, whatever it does.
#![no_main]

use libfuzzer_sys::fuzz_target;
use moor_fuzz::{World, program, run};

fuzz_target!(|data: &[u8]| {
    if let Some(program) = program(&String::from_utf8_lossy(data)) {
        run(World::new(program));
    }
});
