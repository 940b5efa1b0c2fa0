//! Any bytes as a textdump: refused with a line, or a world that is whole or says why not, and can be written again or
//! says why not. Its tasks are refused, or stored so that they begin or go on.
#![no_main]

use libfuzzer_sys::fuzz_target;
use moor_dump::{
    CompileOptions, Contents, DumpHandles, ImageSource, OnFault, Stopped, WriteError, read, write,
};
use moor_fuzz::{Resolver, features, go_on, is_builtin};

fuzz_target!(|data: &[u8]| {
    let mut handles = DumpHandles::default();
    let Ok(dump) = read("fuzzed", data, &mut handles, &mut |_| ()) else {
        return;
    };
    let format = dump.version;
    let options = CompileOptions {
        is_builtin: &is_builtin,
        features: features(),
        on_fault: OnFault::Keep,
    };
    let import = dump.compile(&options).expect("nothing is refused");
    if import.world.check().is_err() {
        return;
    }
    go_on(&import.tasks, format, &mut Resolver(&mut handles));
    let mut bytes = Vec::new();
    let contents = Contents {
        world: &ImageSource::from(&import.world),
        forked: &import.tasks.forked,
        stopped: &|_| Stopped::default(),
        connections: &import.connections,
    };
    match write(contents, None, &mut bytes) {
        Ok(_) => {
            let again = read(
                "written",
                &bytes[..],
                &mut DumpHandles::default(),
                &mut |_| (),
            );
            again.unwrap_or_else(|error| panic!("{error}\n{}", String::from_utf8_lossy(&bytes)));
        }
        Err(WriteError::Unfit { .. }) => {}
        Err(error) => panic!("{error}"),
    }
});
