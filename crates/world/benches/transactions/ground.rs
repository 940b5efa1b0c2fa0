//! A world for measurements, and a log that only counts, so that the disk is not measured.
//!
//! In: how many things there are. Out: a loaded world: a wizard, a line of classes of which the first defines everything, and things
//! of the last.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moor_store::{
    AppendError, Batch, CommitLog, DurableCallback, LogStatus, Seq, Table, WaitError,
};
use moor_value::{ObjId, Value};
use moor_world::{
    Loader, ObjectFlags, ObjectImage, PropFlags, PropImage, VerbArgs, VerbFlags, VerbImage, World,
    WorldImage,
};

/// Who does everything.
pub(crate) const WIZARD: ObjId = ObjId(0);
/// The end of the line of classes; things come after it.
pub(crate) const CLASS: ObjId = ObjId(6);
/// Defined by the first class: `p0`, `p1` and so on.
pub(crate) const PROPERTIES: usize = 150;

/// A thing of the world, by its number from 0.
pub(crate) fn thing(number: usize) -> ObjId {
    ObjId(CLASS.0 + 1 + number as i64)
}

/// A world with so many things.
pub(crate) fn world(things: usize) -> Arc<World> {
    load(&image(things))
}

/// The world that a store would give.
pub(crate) fn load(image: &WorldImage) -> Arc<World> {
    let mut loader = Loader::new(Arc::new(CountingLog::default()), Table(0));
    let checked = image.check().expect("the image is right");
    checked
        .rows(|key, value| loader.row(key, value))
        .expect("own rows decode");
    loader.finish().expect("own rows are whole")
}

/// All objects of a world with so many things.
pub(crate) fn image(things: usize) -> WorldImage {
    let prop = |value| PropImage {
        value,
        owner: WIZARD,
        flags: PropFlags::from_bits(5),
    };
    let mut objects: Vec<ObjectImage> = (0..thing(things).0)
        .map(|id| ObjectImage::new(ObjId(id), "thing", WIZARD))
        .collect();
    objects[0].flags = ObjectFlags::WIZARD.with(ObjectFlags::PROGRAMMER, true);
    for object in &mut objects[2..] {
        object.parents = vec![ObjId((object.id.0 - 1).min(CLASS.0))];
        object.propvals = vec![prop(None); PROPERTIES];
    }
    let names = (0..PROPERTIES).map(|number| format!("p{number}").into());
    objects[1].propdefs = names.collect();
    objects[1].propvals = vec![prop(Some(Value::Int(1))); PROPERTIES];
    objects[1].verbs = vec![VerbImage {
        names: "v".into(),
        owner: WIZARD,
        flags: VerbFlags::EXEC,
        args: VerbArgs::METHOD,
        source: String::new(),
    }];
    WorldImage::from_objects(objects)
}

#[derive(Default)]
struct CountingLog(AtomicU64);

impl CommitLog for CountingLog {
    fn append(&self, _: Batch) -> Result<Seq, AppendError> {
        Ok(Seq(self.0.fetch_add(1, Ordering::Relaxed) + 1))
    }

    fn accepted(&self) -> Seq {
        Seq(self.0.load(Ordering::Relaxed))
    }

    fn durable(&self) -> Seq {
        self.accepted()
    }

    fn wait_durable(&self, _: Seq, _: Duration) -> Result<(), WaitError> {
        Ok(())
    }

    fn on_durable(&self, _: DurableCallback) {}

    fn status(&self) -> LogStatus {
        LogStatus::Ok
    }
}
