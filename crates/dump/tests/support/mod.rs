//! What the tests share: files, reading and compiling them, damage.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test file uses a part of this"
)]

pub mod generated;

use std::path::PathBuf;

use moor_dump::{
    CompileOptions, Connection, Contents, DumpHandles, ForkedTask, Format, ImageSource, Import,
    OnFault, ProgramErrors, ReadError, Stopped, TextDump, WriteError, Written, read, write,
};
use moor_value::{ObjId, Value};
use moor_world::{ObjectImage, WorldImage};

/// Numbers that look random and are the same on every run.
pub struct Random(pub u64);

impl Random {
    /// One of them, below a bound.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// Reads the bytes of a dump called `file`.
pub fn try_read(file: &str, bytes: &[u8]) -> Result<TextDump, ReadError> {
    read(file, bytes, &mut DumpHandles::default(), &mut |_| ())
}

/// The bytes of a dump of the folder tests/data.
pub fn data_bytes(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name);
    std::fs::read(path).expect("the file belongs to the tests")
}

/// A dump of the folder tests/data.
pub fn data(name: &str) -> TextDump {
    try_read(name, &data_bytes(name)).unwrap_or_else(|error| panic!("{error}"))
}

/// The bytes of a dump that is not part of the repository, from the folder that `MOOR_SHARED_DATA` names, or
/// `../shared/data` beside the checkout. Where it is absent, that is said.
pub fn shared(name: &str) -> Option<Vec<u8>> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("MOOR_SHARED_DATA").map_or_else(beside, PathBuf::from);
    let path = folder.join(name);
    let read = std::fs::read(&path);
    read.inspect_err(|error| println!("skipped: {}: {error}", path.display()))
        .ok()
}

/// The bytes of a textdump, and what was written; with what does not fit, nothing.
pub fn written(
    world: &WorldImage,
    forked: &[ForkedTask],
    connections: &[Connection],
    format: Option<Format>,
) -> Result<(Vec<u8>, Written), WriteError> {
    let world = ImageSource::from(world);
    let contents = Contents {
        world: &world,
        forked,
        stopped: &|_| Stopped::default(),
        connections,
    };
    let mut bytes = Vec::new();
    let result = write(contents, format, &mut bytes);
    let expected = result.as_ref().map_or(0, |written| written.bytes);
    assert_eq!(expected, bytes.len() as u64);
    Ok((bytes, result?))
}

/// Compiles with every function known but `unknown`.
pub fn compile(dump: TextDump, on_fault: OnFault) -> Result<Import, ProgramErrors> {
    dump.compile(&CompileOptions {
        is_builtin: &|name| name != "unknown",
        on_fault,
        features: Default::default(),
    })
}

/// Compiles and checks that what comes out is a world.
pub fn import(dump: TextDump) -> Import {
    let import = compile(dump, OnFault::Refuse).unwrap_or_else(|errors| panic!("{errors}"));
    let checked = import.world.check();
    checked.unwrap_or_else(|error| panic!("{error}"));
    import
}

/// The object of that number.
pub fn object(dump: &TextDump, id: i64) -> &ObjectImage {
    let mut objects = dump.world.objects.iter();
    objects
        .find(|object| object.id == ObjId(id))
        .expect("the object is in the dump")
}

/// The literals of an object's property values; `clear` for clear ones.
pub fn literals(object: &ObjectImage) -> Vec<String> {
    let values = object.propvals.iter().map(|prop| prop.value.as_ref());
    values
        .map(|value| value.map_or_else(|| "clear".to_owned(), Value::to_literal))
        .collect()
}

/// An image as text in which anonymous objects and waifs are named in the order of first mention, so that the texts of
/// two images are the same when the worlds are.
pub fn normal(image: &WorldImage) -> String {
    let mut names = Names {
        image,
        known: Vec::new(),
        text: format!("{:?} {:?}\n", image.max_object, image.players),
    };
    let mut objects: Vec<&ObjectImage> = image.objects.iter().collect();
    objects.sort_by_key(|object| object.id);
    objects.into_iter().for_each(|object| names.object(object));
    let anons = image.anons.iter().map(|anon| ('a', anon.id));
    let waifs = image.waifs.iter().map(|waif| ('w', waif.id));
    let mut lost: Vec<(char, u64)> = anons.chain(waifs).collect();
    lost.sort_unstable();
    let mut at = 0;
    loop {
        while let Some(&(kind, id)) = names.known.get(at) {
            names.body(kind, id);
            at += 1;
        }
        match lost.iter().find(|one| !names.known.contains(one)) {
            Some(one) => names.known.push(*one),
            None => return names.text,
        }
    }
}

struct Names<'a> {
    image: &'a WorldImage,
    /// What was mentioned, `a` for anonymous objects and `w` for waifs.
    known: Vec<(char, u64)>,
    text: String,
}

impl Names<'_> {
    fn object(&mut self, object: &ObjectImage) {
        let mut rest = object.clone();
        let propvals = std::mem::take(&mut rest.propvals);
        let last_move = std::mem::replace(&mut rest.last_move, Value::None);
        self.text += &format!("{rest:?}");
        self.value(&last_move);
        for property in &propvals {
            self.text += &format!(" {} {}:", property.owner, property.flags);
            match &property.value {
                Some(value) => self.value(value),
                None => self.text += "clear",
            }
        }
        self.text.push('\n');
    }

    fn body(&mut self, kind: char, id: u64) {
        let image = self.image;
        self.text += &format!("{kind}: ");
        if kind == 'a' {
            let anon = image.anons.iter().find(|anon| anon.id == id);
            let mut object = anon.expect("it was looked for").object.clone();
            object.id = ObjId(0);
            self.object(&object);
        } else {
            let waif = image.waifs.iter().find(|waif| waif.id == id);
            let waif = waif.expect("it was looked for");
            self.text += &format!("{} {}", waif.class, waif.owner);
            for (place, value) in &waif.values {
                self.text += &format!(" {place}:");
                self.value(value);
            }
            self.text.push('\n');
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Float(number) => self.text += &format!("{number:?}"),
            Value::List(list) => {
                self.text.push('{');
                for item in list.iter() {
                    self.value(item);
                    self.text.push(',');
                }
                self.text.push('}');
            }
            Value::Map(map) => {
                self.text.push('[');
                for (key, value) in map.iter() {
                    self.value(key);
                    self.text += "->";
                    self.value(value);
                    self.text.push(',');
                }
                self.text.push(']');
            }
            Value::Anon(anon) => {
                let is_there = self.image.anons.iter().any(|one| one.id == anon.id());
                match is_there {
                    true => self.name('a', anon.id()),
                    false => self.text += "gone",
                }
            }
            Value::Waif(waif) => self.name('w', waif.id()),
            other => self.text += &other.to_literal(),
        }
    }

    fn name(&mut self, kind: char, id: u64) {
        let known = self.known.iter().position(|one| *one == (kind, id));
        let place = known.unwrap_or_else(|| {
            self.known.push((kind, id));
            self.known.len() - 1
        });
        self.text += &format!("{kind}{place}");
    }
}
