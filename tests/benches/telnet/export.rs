//! Commands while the world is written to a file, again and again without a pause, and while it is not.
//!
//! In: for how long. Out: a table with a pair of rows for each world and number of connections. The larger world is
//! LambdaCore with things in it that nobody uses.

use std::path::{Path, PathBuf};
use std::time::Duration;

use moor_dump::{CompileOptions, Contents, DumpHandles, ImageSource, OnFault, Stopped};
use moor_tests::Database;
use moor_value::{ObjId, Str, Value};
use moor_world::{ObjectImage, PropImage, WorldImage};

use crate::load::Load;
use crate::site::{Site, Transport};
use crate::work::{self, Workload};

/// The class of the things: LambdaCore's generic one.
const THING: ObjId = ObjId(5);

/// The owner of the things: LambdaCore's wizard.
const OWNER: ObjId = ObjId(2);

/// How many of the properties of a thing have values of their own.
const OWN_VALUES: usize = 3;

/// How many connections type at the same time.
const CONNECTIONS: [usize; 2] = [1, 20];

/// Prints the table. `things` are those of the larger world.
pub(crate) fn measure(lambdacore: &Path, things: usize, length: Duration, measures: bool) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let large = with_things(lambdacore, things, folder.path());
    let title = format!("LambdaCore and {things} things");
    let connections: &[usize] = if measures { &CONNECTIONS } else { &[2] };
    let head = Load::HEAD.replace("| command | link |", "| export | command | world |");
    println!("{head}---|");
    for (name, file) in [("LambdaCore", lambdacore), (&title, &large)] {
        pairs(
            name,
            &Database::Textdump(file.to_owned()),
            connections,
            length,
        );
    }
}

/// The same commands with and without an export, taking turns.
fn pairs(name: &str, database: &Database, connections: &[usize], length: Duration) {
    let players = connections.iter().copied().max().unwrap_or(0);
    let never = ["--checkpoint-interval", "0"];
    let always = [
        "--checkpoint-interval",
        "0.001",
        "--checkpoint-export",
        "exported.db",
    ];
    let mut sites = [("no", &never[..]), ("yes", &always)].map(|(word, flags)| {
        let site = Site::start_with(Transport::Ipc, database, flags);
        let players = work::prepare(site.telnet, players);
        (word, site, players)
    });
    for workload in [Workload::Ping, Workload::Look] {
        for count in connections {
            for (word, site, players) in &mut sites {
                if *word == "yes" {
                    // One is over, so the next is under way.
                    site.daemon.line("exported");
                }
                let load = Load::run(site, workload, &players[..*count], length);
                println!(
                    "| {word} | {} | {name} | {count} | {load} |",
                    workload.word()
                );
            }
        }
    }
}

/// A textdump with so many things more.
fn with_things(lambdacore: &Path, things: usize, folder: &Path) -> PathBuf {
    let mut handles = DumpHandles::default();
    let dump = moor_dump::read_file(lambdacore, &mut handles, &mut |_| ()).expect("a textdump");
    let options = CompileOptions {
        is_builtin: &|_| true,
        on_fault: OnFault::Refuse,
        features: Default::default(),
    };
    let mut world = dump.compile(&options).expect("its programs compile").world;
    add_things(&mut world, things);
    let path = folder.join("large.db");
    let mut file = std::fs::File::create(&path).expect("a file");
    let world = ImageSource::from(&world);
    let contents = Contents {
        world: &world,
        forked: &[],
        stopped: &|_| Stopped::default(),
        connections: &[],
    };
    moor_dump::write(contents, None, &mut file).expect("it is written");
    path
}

fn add_things(world: &mut WorldImage, things: usize) {
    let class = world.objects.iter().find(|object| object.id == THING);
    let class = class.expect("LambdaCore has a generic thing").clone();
    let first = world.max_object.0 + 1;
    for number in first..first + things as i64 {
        let mut thing = ObjectImage::new(ObjId(number), &format!("thing {number}"), OWNER);
        thing.parents = vec![THING];
        thing.propvals = class.propvals.iter().enumerate().map(own).collect();
        world.objects.push(thing);
    }
    let class = world.objects.iter_mut().find(|object| object.id == THING);
    let numbers = (first..first + things as i64).map(ObjId);
    class
        .into_iter()
        .for_each(|class| class.children.extend(numbers.clone()));
    world.max_object = ObjId(first + things as i64 - 1);
}

/// A property of a thing: the first ones have values.
fn own((place, of_class): (usize, &PropImage)) -> PropImage {
    let text = format!("This is what a thing has in place {place} of its own.");
    PropImage {
        value: (place < OWN_VALUES).then(|| Value::Str(Str::new(&text))),
        ..of_class.clone()
    }
}
