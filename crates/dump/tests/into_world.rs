//! From a dump into a world that runs, and out of it again: everything is the same.

mod support;

use std::sync::Arc;
use std::time::Duration;

use moor_dump::Import;
use moor_store::{
    AppendError, Batch, CommitLog, DurableCallback, LogStatus, Seq, Table, WaitError,
};
use moor_world::{Loader, World};
use support::{data, import, shared, try_read};

/// The log of a world that nobody changes.
struct NoLog;

impl CommitLog for NoLog {
    fn append(&self, _: Batch) -> Result<Seq, AppendError> {
        Err(AppendError::Closed)
    }

    fn accepted(&self) -> Seq {
        Seq(0)
    }

    fn durable(&self) -> Seq {
        Seq(0)
    }

    fn wait_durable(&self, _: Seq, _: Duration) -> Result<(), WaitError> {
        Ok(())
    }

    fn on_durable(&self, _: DurableCallback) {}

    fn status(&self) -> LogStatus {
        LogStatus::Ok
    }
}

fn world_of(import: &Import) -> Arc<World> {
    let mut loader = Loader::new(Arc::new(NoLog), Table(0));
    let checked = import
        .world
        .check()
        .unwrap_or_else(|error| panic!("{error}"));
    let rows = checked.rows(|key, value| loader.row(key, value));
    rows.unwrap_or_else(|error| panic!("{error}"));
    loader.finish().unwrap_or_else(|error| panic!("{error}"))
}

fn comes_out_the_same(name: &str, import: &Import) {
    let world = world_of(import);
    let snapshot = world.snapshot();
    assert_eq!(snapshot.max_object(), import.world.max_object, "{name}");
    assert_eq!(snapshot.players(), import.world.players, "{name}");
    let objects: Vec<_> = snapshot.objects().collect();
    assert_eq!(objects.len(), import.world.objects.len(), "{name}");
    for (given, found) in import.world.objects.iter().zip(&objects) {
        assert_eq!(format!("{given:?}"), format!("{found:?}"), "{name}");
    }
    let ids: Vec<u64> = snapshot.anons().map(|anon| anon.id).collect();
    let mut given: Vec<u64> = import.world.anons.iter().map(|anon| anon.id).collect();
    given.sort_unstable();
    assert_eq!(ids, given, "{name}");
    for (given, found) in import.world.waifs.iter().zip(snapshot.waifs()) {
        assert_eq!(format!("{given:?}"), format!("{found:?}"), "{name}");
    }
}

#[test]
fn the_small_dumps() {
    for name in [
        "format-0.db",
        "format-1.db",
        "format-4.db",
        "format-7.db",
        "format-17.db",
    ] {
        comes_out_the_same(name, &import(data(name)));
    }
}

#[test]
fn lambdacore() {
    let name = "LambdaCore-latest.db";
    let Some(bytes) = shared(name) else {
        return;
    };
    let dump = try_read(name, &bytes).unwrap_or_else(|error| panic!("{error}"));
    comes_out_the_same(name, &import(dump));
}
