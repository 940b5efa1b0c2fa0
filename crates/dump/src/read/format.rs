//! The formats of textdumps, by what each brought.

/// Without a header line.
pub(crate) const PREHISTORY: u8 = 0;
/// Suspended programs name the version of their language.
pub(crate) const FLOAT: u8 = 3;
/// Objects with lists in place of links, several parents.
pub(crate) const NEXT_GENERATION: u8 = 5;
/// Suspended tasks have a local value.
pub(crate) const TASK_LOCAL: u8 = 6;
/// Maps.
pub(crate) const MAP: u8 = 7;
/// A list of interrupted tasks.
pub(crate) const INTERRUPT: u8 = 10;
/// `this` of an activation is a value.
pub(crate) const THIS: u8 = 11;
/// Anonymous objects; tasks and connections come before the objects.
pub(crate) const ANONYMOUS: u8 = 13;
/// Objects have `last_move`.
pub(crate) const LAST_MOVE: u8 = 15;
/// Activations have a thread mode.
pub(crate) const THREADED: u8 = 16;

/// The newest format that can be read.
pub const FORMAT_MAX: u8 = 17;
