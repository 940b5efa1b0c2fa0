//! The numbers of the types of values in a textdump.

pub(crate) const ANY: i64 = -1;
pub(crate) const INT: i64 = 0;
pub(crate) const OBJ: i64 = 1;
pub(crate) const STR: i64 = 2;
pub(crate) const ERR: i64 = 3;
pub(crate) const LIST: i64 = 4;
pub(crate) const CLEAR: i64 = 5;
pub(crate) const NONE: i64 = 6;
pub(crate) const CATCH: i64 = 7;
pub(crate) const FINALLY: i64 = 8;
pub(crate) const FLOAT: i64 = 9;
pub(crate) const MAP: i64 = 10;
pub(crate) const ITER: i64 = 11;
pub(crate) const ANON: i64 = 12;
pub(crate) const WAIF: i64 = 13;
pub(crate) const BOOL: i64 = 14;

/// The number of an anonymous object that is no more.
pub(crate) const NO_OBJECT: i64 = -1;
