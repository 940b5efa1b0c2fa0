//! Data directories of benchmarks: a world into a new store, a store into memory.
//!
//! In: a textdump or an image, a vacant path. Out: an open store, a world.

use std::path::Path;
use std::sync::Arc;

use moor_dump::{CompileOptions, DumpHandles, OnFault};
use moor_runtime::{TABLES, WORLD, is_builtin};
use moor_store::{Options, Store};
use moor_value::STACK_BYTES_MIN;
use moor_world::{Loader, World, WorldImage};

/// Fills a new store from a textdump. Deeply nested values need a deep stack.
pub(crate) fn import(textdump: &Path, to: &Path) -> Store {
    let bytes = std::fs::read(textdump).expect("a textdump");
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(STACK_BYTES_MIN)
            .spawn_scoped(scope, || fill(&compiled(&bytes), to));
        thread.expect("a thread").join().expect("it is imported")
    })
}

fn compiled(bytes: &[u8]) -> WorldImage {
    let options = CompileOptions {
        is_builtin: &is_builtin,
        on_fault: OnFault::Refuse,
        features: Default::default(),
    };
    let dump = moor_dump::read("world", bytes, &mut DumpHandles::default(), &mut |_| {});
    let import = dump.expect("a textdump").compile(&options);
    import.expect("every program compiles").world
}

/// Fills a new store from an image.
pub(crate) fn fill(image: &WorldImage, to: &Path) -> Store {
    let image = image.check().expect("a consistent world");
    let new = Store::create(to, Options::new(&TABLES)).expect("a vacant path");
    new.bulk(|writer| image.rows(|key, value| writer.put(WORLD, key, value)))
        .expect("rows");
    new.finish().expect("a store")
}

/// Reads a world into memory.
pub(crate) fn load(store: &Store) -> Arc<World> {
    let mut loader = Loader::new(store.log(), WORLD);
    let rows = store.snapshot().expect("a snapshot");
    loader.read(&rows).expect("own rows");
    loader.finish().expect("a world")
}
