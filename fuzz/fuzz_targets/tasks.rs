//! Any bytes as a stored task: refused, or a task that encodes to what decodes again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use moor_fuzz::number_of_builtin;
use moor_value::codec::{HandleResolver, NoHandles};
use moor_value::{AnonRef, ObjId, WaifRef};
use moor_vm::{StateResolver, Vm};

struct Resolver;

impl HandleResolver for Resolver {
    fn anon(&mut self, id: u64) -> Option<AnonRef> {
        NoHandles.anon(id)
    }

    fn waif(&mut self, id: u64, class: ObjId, owner: ObjId) -> Option<WaifRef> {
        NoHandles.waif(id, class, owner)
    }
}

impl StateResolver for Resolver {
    fn builtin(&self, name: &str) -> Option<u16> {
        number_of_builtin(name)
    }
}

fuzz_target!(|data: &[u8]| {
    if let Ok(task) = Vm::decode(data, &mut Resolver) {
        let bytes = task.encode();
        let again = Vm::decode(&bytes, &mut Resolver).expect("what was decoded encodes");
        assert_eq!(again.encode(), bytes);
        let _ = (task.stack_rows(), task.variables());
    }
});
