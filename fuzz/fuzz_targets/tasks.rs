//! Any bytes as a stored task: refused, or a task that encodes to what decodes again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use moor_fuzz::{Resolver, round_trip};
use moor_value::codec::NoHandles;
use moor_vm::Vm;

fuzz_target!(|data: &[u8]| {
    let resolver = &mut Resolver(&mut NoHandles);
    if let Ok(task) = Vm::decode(data, resolver) {
        round_trip(&task, resolver);
    }
});
