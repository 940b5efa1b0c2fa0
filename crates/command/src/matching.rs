//! Which object a string of a command means.
//!
//! In: the string, and the names of each object in reach, one after the other. Out: the object,
//! [`ObjId::AMBIGUOUS`] or [`ObjId::FAILED`]. Knows nothing of where the names come from.

use std::ops::ControlFlow;

use moor_value::ObjId;

/// The object that `name` means without looking at names: nothing for an empty string, `#12` and
/// `#048D05-1234567890` by number (`valid` says whether it exists), `me` and `here`. `None`: look at names.
pub fn literal_match(
    name: &str,
    player: ObjId,
    here: ObjId,
    valid: impl FnOnce(ObjId) -> bool,
) -> Option<ObjId> {
    if name.is_empty() {
        return Some(ObjId::NOTHING);
    }
    if let Some(digits) = name.strip_prefix('#') {
        let object = match ObjId::split_unique(digits) {
            Some((unique, "")) => unique,
            _ => digits.parse().map(ObjId).unwrap_or(ObjId::FAILED),
        };
        return Some(if valid(object) { object } else { ObjId::FAILED });
    }
    if name.eq_ignore_ascii_case("me") {
        return Some(player);
    }
    name.eq_ignore_ascii_case("here").then_some(here)
}

/// A search through the names of the objects in reach. A whole name beats the beginning of a
/// name; two objects with the same whole name are ambiguous, and so are two beginnings when no
/// whole name matches.
#[derive(Debug)]
pub struct ObjectMatch<'a> {
    wanted: &'a str,
    exact: Option<ObjId>,
    partial: ObjId,
}

impl<'a> ObjectMatch<'a> {
    /// A search for `wanted`, which is not empty.
    pub fn new(wanted: &'a str) -> Self {
        Self {
            wanted,
            exact: None,
            partial: ObjId::FAILED,
        }
    }

    /// Looks at one more object. `Break` when the answer cannot change any more: ambiguous.
    pub fn consider<'n>(
        &mut self,
        object: ObjId,
        names: impl IntoIterator<Item = &'n str>,
    ) -> ControlFlow<ObjId> {
        for name in names {
            if !starts_with_fold(name, self.wanted) {
                continue;
            }
            if name.len() > self.wanted.len() {
                let fresh = self.partial == ObjId::FAILED || self.partial == object;
                self.partial = if fresh { object } else { ObjId::AMBIGUOUS };
            } else if self.exact.is_none_or(|found| found == object) {
                self.exact = Some(object);
            } else {
                return ControlFlow::Break(ObjId::AMBIGUOUS);
            }
        }
        ControlFlow::Continue(())
    }

    /// The object found, [`ObjId::AMBIGUOUS`] or [`ObjId::FAILED`].
    pub fn finish(self) -> ObjId {
        self.exact.unwrap_or(self.partial)
    }
}

/// Whether `text` begins with `prefix`, ASCII letters compared without case.
fn starts_with_fold(text: &str, prefix: &str) -> bool {
    text.as_bytes()
        .get(..prefix.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()))
}
