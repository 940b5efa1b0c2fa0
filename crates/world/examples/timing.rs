//! What the commonest operations cost: `cargo run --release -p moor-world --example timing`.
//!
//! In: nothing. Out: one line per operation, in nanoseconds. The log is one that only counts, so that the disk is not
//! measured.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moor_store::{
    AppendError, Batch, CommitLog, DurableCallback, LogStatus, Seq, Table, WaitError,
};
use moor_value::{ObjId, Symbol, Value};
use moor_world::{
    Entity, Loader, ObjectFlags, ObjectImage, PropFlags, PropImage, VerbArgs, VerbFlags, VerbImage,
    World, WorldImage,
};

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

const WIZARD: ObjId = ObjId(0);
const PROPERTIES: usize = 150;
/// The end of a line of classes.
const CLASS: ObjId = ObjId(6);

/// A wizard, a line of six classes of which the first defines everything, and `instances` of the last.
fn image(instances: i64) -> WorldImage {
    let clear = PropImage {
        value: None,
        owner: WIZARD,
        flags: PropFlags::from_bits(5),
    };
    let mut objects: Vec<ObjectImage> = (0..=CLASS.0 + instances)
        .map(|id| ObjectImage::new(ObjId(id), "thing", WIZARD))
        .collect();
    objects[0].flags = ObjectFlags::WIZARD.with(ObjectFlags::PROGRAMMER, true);
    for object in &mut objects[2..] {
        object.parents = vec![ObjId((object.id.0 - 1).min(CLASS.0))];
        object.propvals = vec![clear.clone(); PROPERTIES];
    }
    objects[1].propdefs = (0..PROPERTIES)
        .map(|number| format!("p{number}").into())
        .collect();
    objects[1].propvals = vec![
        PropImage {
            value: Some(Value::Int(1)),
            ..clear
        };
        PROPERTIES
    ];
    objects[1].verbs = vec![VerbImage {
        names: "v".into(),
        owner: WIZARD,
        flags: VerbFlags::EXEC,
        args: VerbArgs::METHOD,
        source: String::new(),
    }];
    WorldImage::from_objects(objects)
}

fn load(image: &WorldImage) -> Arc<World> {
    let mut loader = Loader::new(Arc::new(CountingLog::default()), Table(0));
    let checked = image.check().expect("the image is right");
    checked
        .rows(|key, value| loader.row(key, value))
        .expect("own rows decode");
    loader.finish().expect("own rows are whole")
}

fn time(what: &str, count: u64, mut work: impl FnMut(u64)) {
    let start = Instant::now();
    (0..count).for_each(&mut work);
    println!(
        "{what:45} {:10.1} ns",
        start.elapsed().as_nanos() as f64 / count as f64
    );
}

fn main() {
    let world = load(&image(1_000));
    let (own, inherited) = (Symbol::intern("p0"), Symbol::intern("p1"));
    let verb = Symbol::intern("v");
    let thing = Entity::object(ObjId(10));
    let mut tx = world.begin();
    tx.set_property(WIZARD, thing, own, Value::Int(5))
        .expect("the wizard may");
    time("repeated read of an own property", 20_000_000, |_| {
        black_box(tx.get_property(WIZARD, black_box(thing), own).is_ok());
    });
    time("repeated read of an inherited property", 20_000_000, |_| {
        black_box(tx.get_property(WIZARD, black_box(thing), inherited).is_ok());
    });
    time("repeated lookup of a verb", 20_000_000, |_| {
        black_box(tx.find_callable_verb(black_box(thing), verb).is_some());
    });
    time("repeated write of a property", 5_000_000, |number| {
        black_box(
            tx.set_property(WIZARD, thing, own, Value::Int(number as i64))
                .is_ok(),
        );
    });
    drop(tx);
    time("begin and end of an empty transaction", 2_000_000, |_| {
        drop(black_box(world.begin()))
    });
    time("transaction: one inherited read", 1_000_000, |number| {
        let thing = Entity::object(ObjId(7 + number as i64 % 1_000));
        black_box(world.begin().get_property(WIZARD, thing, inherited).is_ok());
    });
    time("transaction: read, write, commit", 500_000, |number| {
        let thing = Entity::object(ObjId(7 + number as i64 % 1_000));
        let mut tx = world.begin();
        let value = tx.get_property(WIZARD, thing, own).expect("there");
        let value = Value::Int(value.as_int().unwrap_or(0) + 1);
        tx.set_property(WIZARD, thing, own, value)
            .expect("the wizard may");
        tx.commit().expect("there is nobody else");
    });
    time("transaction: create with 150 properties", 200_000, |_| {
        let mut tx = world.begin();
        tx.create(WIZARD, &[CLASS], WIZARD).expect("the wizard may");
        tx.commit().expect("there is nobody else");
    });
    let many = image(200_000);
    let start = Instant::now();
    let world = load(&many);
    println!(
        "{:45} {:10.1} ms",
        "import and load of 200,000 objects",
        start.elapsed().as_secs_f64() * 1e3
    );
    black_box(world.begin().max_object());
}
