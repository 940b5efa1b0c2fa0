//! Documents: XML as a tree of elements, and pages of HTML that are looked through.
//!
//! In: text, trees. Out: the other, within the limits of values and the task's time. What a tree becomes in the language is not known
//! here.

#[cfg(any(test, fuzzing))]
mod again;
mod html;
mod read;
mod write;

use moor_value::Str;

#[cfg(fuzzing)]
pub(crate) use again::rewritten_xml;
pub(super) use html::SPECS;
pub(super) use read::parse;
pub(super) use write::Writer;

/// Elements within one another; more are E_QUOTA.
pub(super) const DEPTH_MAX: usize = 500;

/// What an element holds.
#[derive(Debug)]
pub(super) enum Node {
    /// An element.
    Element(Element),
    /// Text between elements.
    Text(Str),
}

/// An element of a document.
#[derive(Debug, Default)]
pub(super) struct Element {
    /// Its name, with its prefix.
    pub(super) name: Str,
    /// Names and values, as they come.
    pub(super) attributes: Vec<(Str, Str)>,
    /// What is in it.
    pub(super) contents: Vec<Node>,
}
