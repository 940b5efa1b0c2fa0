//! Object numbers. In: an integer. Out: the id, its `#5` text and the ids with a fixed meaning.
//! Whether an object of that number exists is the world's knowledge.

use std::fmt;

/// The number of a permanent object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ObjId(pub i64);

impl ObjId {
    /// `#0`, the system object.
    pub const SYSTEM: Self = Self(0);
    /// `#-1`, no object.
    pub const NOTHING: Self = Self(-1);
    /// `#-2`, a name that matches several objects.
    pub const AMBIGUOUS: Self = Self(-2);
    /// `#-3`, a name that matches no object.
    pub const FAILED: Self = Self(-3);
}

impl fmt::Display for ObjId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_as_in_source() {
        assert_eq!(ObjId(5).to_string(), "#5");
        assert_eq!(ObjId::FAILED.to_string(), "#-3");
    }
}
