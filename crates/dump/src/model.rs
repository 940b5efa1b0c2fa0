//! What a textdump holds, as plain data.
//! In: what the reader found. Out: the same for whoever imports it. Programs are still as the file has them.

use std::fmt;

use moor_value::{ObjId, Value};
use moor_world::WorldImage;

use crate::task::Tasks;

/// How a file's bytes are text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// The whole file is valid UTF-8 (ASCII included).
    Utf8,
    /// It is not: each byte is one character.
    Latin1,
}

/// A textdump.
#[derive(Clone, Debug)]
pub struct TextDump {
    /// The format: 0 to 4 LambdaMOO, 5 to 17 ToastStunt.
    pub version: u8,
    /// How the file was understood.
    pub encoding: Encoding,
    /// The objects, anonymous objects and waifs. The source of every verb is empty: see [`programs`](Self::programs).
    pub world: WorldImage,
    /// The programs of verbs, in the order of the file.
    pub programs: Vec<Program>,
    /// Queued tasks.
    pub tasks: Tasks,
    /// Anonymous objects and waifs that nothing referred to, whose `:recycle` had not been called yet.
    pub pending: Vec<Value>,
    /// Who was connected.
    pub connections: Vec<Connection>,
    /// References to things that do not exist, which the reader removed as LambdaMOO does.
    pub repairs: Vec<Repair>,
}

/// The program of a verb as the file has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program {
    /// Whose verb: an object's number, or the number that an anonymous object has in the file.
    pub object: ObjId,
    /// Where the object is.
    pub holder: Holder,
    /// Which verb of the object, from 0.
    pub verb: usize,
    /// The line of the file where the text begins, from 1.
    pub line: u64,
    /// The text, its lines separated by `\n`, without a final one.
    pub source: String,
}

/// The place of an object in a [`WorldImage`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Holder {
    /// In `objects`.
    Object(usize),
    /// In `anons`.
    Anon(usize),
}

/// A connection at the time of the dump.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Connection {
    /// The player; negative for one who had not logged in.
    pub player: ObjId,
    /// The object that listened at the port; `#0` where the file does not say.
    pub listener: ObjId,
}

/// A reference to something that does not exist, which was removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Repair {
    /// Who referred; `#-1` for the list of players.
    pub object: ObjId,
    /// As what: "parent", "child", "location", "content", "player" or "unlisted player".
    pub relation: &'static str,
    /// To whom.
    pub missing: ObjId,
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            object,
            relation,
            missing,
        } = self;
        match *relation {
            "player" => write!(f, "{missing} is listed as a player and is none: removed"),
            "unlisted player" => write!(f, "{missing} is a player and is not listed: added"),
            _ => write!(
                f,
                "{object} has the {relation} {missing}, which does not exist: removed"
            ),
        }
    }
}

/// How far the reader is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Objects read, recycled ones included.
    pub objects: u64,
    /// Programs read.
    pub verbs: u64,
    /// Bytes read.
    pub bytes: u64,
    /// The length of the file in bytes.
    pub bytes_total: u64,
}
