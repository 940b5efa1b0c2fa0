//! Any bytes as a stored program: refused, or verified, and then it runs to some end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use moor_bytecode::{Listing, Program};
use moor_fuzz::{World, number_of_builtin, run};

fuzz_target!(|data: &[u8]| {
    if let Ok(program) = Program::decode(&mut &*data, &number_of_builtin) {
        let bytes = program.encode();
        let again = Program::decode(&mut bytes.as_slice(), &number_of_builtin);
        assert_eq!(again.expect("what was verified decodes").encode(), bytes);
        let _ = Listing(&program).to_string();
        run(World::new(program));
    }
});
