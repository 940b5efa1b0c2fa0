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

/// Whether a name may be that of an element or attribute (XML 1.0, productions 4 and 5).
fn is_name(name: &str) -> bool {
    let is_start = |c: char| {
        matches!(c, ':' | '_' | 'A'..='Z' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
            | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
            | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}'
            | '\u{10000}'..='\u{effff}')
    };
    let is_inner = |c: char| {
        is_start(c)
            || matches!(c, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
    };
    name.starts_with(is_start) && name.chars().all(is_inner)
}

/// Whether a document may hold the text, as it is or escaped (production 2): no control characters but those of lines and tabs.
fn is_text(text: &str) -> bool {
    text.chars().all(|c| {
        matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
    })
}

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
