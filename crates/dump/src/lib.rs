//! Textdumps: the database files of LambdaMOO (formats 0 to 4) and ToastStunt (formats 5 to 17), read and written.
//!
//! In: the bytes of a file. Out: first a [`TextDump`], everything that the file says and no more; then, with every
//! program in its canonical layout, an [`Import`], whose [`WorldImage`](moor_world::WorldImage) fills a new world.
//! The other way: a [`WorldSource`], such as a snapshot of a world that is used, and a file of format 4 or 17.
//! The file format is described in docs/formats/textdump.md.
//!
//! | part | files |
//! |---|---|
//! | what a dump holds | `model`, `task` |
//! | reading it: lines, values, objects, tasks, the whole | `read` |
//! | programs to canonical source | `programs` |
//! | writing one: what the world uses, then the same parts | `write`, `source`, `newer`, `source_text` |
//! | a world as a folder of source files | `objdir` |
//! | faults and how they are told | `error` |
//! | handles of anonymous objects and waifs | `handles` |
//!
//! It knows nothing of the store, of running tasks, of the network, or of which builtin functions there are.

mod error;
mod handles;
mod kind;
mod model;
mod newer;
pub mod objdir;
mod programs;
mod read;
mod source;
mod source_text;
mod task;
mod write;

pub use error::{Mismatch, Place, ReadError};
pub use handles::DumpHandles;
pub use model::{Connection, Encoding, Holder, Program, Progress, Repair, TextDump};
pub use programs::{CompileOptions, Fault, Import, OnFault, ProgramErrors, Warning};
pub use read::{FORMAT_MAX, read, read_file};
pub use source::{ImageSource, WorldSource};
pub use task::{
    Activation, ForkedTask, Frame, LeftOut, Slot, StoppedTask, Tasks, TwinTask, Variable,
};
pub use write::{
    Contents, Format, Stopped, Unfit, UnfitParts, UnfitPlace, WriteError, Written, write,
};
