//! Counted handles to things that live in the world without a number: anonymous objects, waifs.
//!
//! In: an id that the world chose, and the graveyard that is to hear of its end. Out: a handle that
//! programs pass around; when the last one drops, the id lies in the graveyard for the world to
//! collect. What the thing is made of is the world's knowledge.

use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use parking_lot::Mutex;
use triomphe::Arc;

use crate::ObjId;

/// A thing whose last handle has dropped.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Dead {
    /// The id of an anonymous object.
    Anon(u64),
    /// The id of a waif.
    Waif(u64),
}

/// Where ids go when nothing refers to them any more. One per world.
///
/// It grows by one entry for each death; whoever owns the world empties it with [`take`](Self::take).
#[derive(Default, Debug)]
pub struct Graveyard {
    dead: Mutex<Vec<Dead>>,
}

impl Graveyard {
    /// An empty graveyard, shared by the handles made with it.
    #[allow(clippy::new_ret_no_self, reason = "it is only of use when shared")]
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Everything that died since the last call, in order of death.
    pub fn take(&self) -> Vec<Dead> {
        std::mem::take(&mut self.dead.lock())
    }

    fn bury(&self, dead: Dead) {
        self.dead.lock().push(dead);
    }
}

struct Anon {
    id: u64,
    graveyard: Arc<Graveyard>,
}

impl Drop for Anon {
    fn drop(&mut self) {
        self.graveyard.bury(Dead::Anon(self.id));
    }
}

/// A reference to an anonymous object.
#[derive(Clone)]
pub struct AnonRef(Arc<Anon>);

impl AnonRef {
    /// The first handle of an anonymous object; the world makes it once per id and clones it after.
    pub fn new(id: u64, graveyard: Arc<Graveyard>) -> Self {
        Self(Arc::new(Anon { id, graveyard }))
    }

    /// A handle of no object at all: it stands where the real one is not to be shown. Its id is one that no world
    /// gives away.
    pub fn nobody() -> Self {
        static NOBODY: OnceLock<AnonRef> = OnceLock::new();
        NOBODY
            .get_or_init(|| Self::new(u64::MAX, Graveyard::new()))
            .clone()
    }

    /// The id that the world chose.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// How many handles there are, this one included.
    pub fn count(&self) -> usize {
        Arc::count(&self.0)
    }
}

struct Waif {
    id: u64,
    class: ObjId,
    owner: ObjId,
    graveyard: Arc<Graveyard>,
}

impl Drop for Waif {
    fn drop(&mut self) {
        self.graveyard.bury(Dead::Waif(self.id));
    }
}

/// A reference to a waif.
#[derive(Clone)]
pub struct WaifRef(Arc<Waif>);

impl WaifRef {
    /// The first handle of a waif; the world makes it once per id and clones it after.
    pub fn new(id: u64, class: ObjId, owner: ObjId, graveyard: Arc<Graveyard>) -> Self {
        Self(Arc::new(Waif {
            id,
            class,
            owner,
            graveyard,
        }))
    }

    /// The id that the world chose.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// The object whose `:` properties and verbs the waif has.
    pub fn class(&self) -> ObjId {
        self.0.class
    }

    /// The programmer who made the waif.
    pub fn owner(&self) -> ObjId {
        self.0.owner
    }

    /// How many handles there are, this one included.
    pub fn count(&self) -> usize {
        Arc::count(&self.0)
    }
}

macro_rules! identity {
    ($handle:ident) => {
        impl PartialEq for $handle {
            fn eq(&self, other: &Self) -> bool {
                Arc::ptr_eq(&self.0, &other.0) || self.id() == other.id()
            }
        }

        impl Eq for $handle {}

        impl Hash for $handle {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.id().hash(state);
            }
        }

        impl std::fmt::Debug for $handle {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({})", stringify!($handle), self.id())
            }
        }
    };
}

identity!(AnonRef);
identity!(WaifRef);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_drop_is_heard_once() {
        let graveyard = Graveyard::new();
        let first = AnonRef::new(7, graveyard.clone());
        let second = first.clone();
        drop(first);
        assert!(graveyard.take().is_empty());
        drop(second);
        drop(WaifRef::new(9, ObjId(1), ObjId(2), graveyard.clone()));
        assert_eq!(graveyard.take(), [Dead::Anon(7), Dead::Waif(9)]);
        assert!(graveyard.take().is_empty());
    }

    #[test]
    fn nobody_is_one_and_never_dies() {
        assert_eq!(AnonRef::nobody(), AnonRef::nobody());
        assert_ne!(AnonRef::nobody(), AnonRef::new(0, Graveyard::new()));
    }

    #[test]
    fn identity_is_the_id() {
        let graveyard = Graveyard::new();
        let a = WaifRef::new(1, ObjId(1), ObjId(2), graveyard.clone());
        let b = WaifRef::new(2, ObjId(1), ObjId(2), graveyard);
        assert_eq!(a, a.clone());
        assert_ne!(a, b);
    }
}
