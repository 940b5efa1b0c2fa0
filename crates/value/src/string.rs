//! MOO strings: UTF-8 text, indexed from 1 by character, compared without regard to case (see `fold`).
//!
//! In: text. Out: text, slices, positions in characters. Short strings live inside the value;
//! longer ones are counted and changed in place while nobody else holds them. A cached character
//! count makes pure ASCII strings index in O(1).

mod inline;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Range;

use triomphe::Arc;

use crate::Value;
use crate::fold::{self, Case};
pub use inline::INLINE_BYTES_MAX;
use inline::Inline;

/// Smallest capacity of a string that grows out of its inline form, in bytes.
const HEAP_BYTES_MIN: usize = 32;

const INVARIANT: &str = "inline bytes are copied from text";

/// A MOO string.
pub struct Str(Repr);

enum Repr {
    Inline(Inline),
    Heap(Arc<HeapStr>),
}

#[derive(Clone)]
struct HeapStr {
    text: String,
    chars: usize,
}

#[inline]
fn char_count(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.chars().count()
    }
}

impl Str {
    /// The empty string.
    pub const EMPTY: Self = Self(Repr::Inline(Inline::EMPTY));

    /// A string with that text.
    pub fn new(text: &str) -> Self {
        if text.len() > INLINE_BYTES_MAX {
            return Self::from_heap(text.to_owned());
        }
        let mut inline = Inline::EMPTY;
        inline.push(text.as_bytes(), char_count(text));
        Self(Repr::Inline(inline))
    }

    fn from_heap(text: String) -> Self {
        let chars = char_count(&text);
        Self(Repr::Heap(Arc::new(HeapStr { text, chars })))
    }

    /// The text.
    #[inline]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Inline(inline) => std::str::from_utf8(inline.as_bytes()).expect(INVARIANT),
            Repr::Heap(heap) => &heap.text,
        }
    }

    /// The text's UTF-8 bytes; cheaper than [`as_str`](Self::as_str) for short strings.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline(inline) => inline.as_bytes(),
            Repr::Heap(heap) => heap.text.as_bytes(),
        }
    }

    /// The text, copied only if it is short or shared.
    pub fn into_string(self) -> String {
        match self.0 {
            Repr::Inline(_) => self.as_str().to_owned(),
            Repr::Heap(heap) => {
                Arc::try_unwrap(heap).map_or_else(|heap| heap.text.clone(), |heap| heap.text)
            }
        }
    }

    /// Length in characters: what `length()` gives.
    #[inline]
    pub fn len_chars(&self) -> usize {
        match &self.0 {
            Repr::Inline(inline) => inline.chars(),
            Repr::Heap(heap) => heap.chars,
        }
    }

    /// Length in UTF-8 bytes.
    #[inline]
    pub fn len_bytes(&self) -> usize {
        match &self.0 {
            Repr::Inline(inline) => inline.len(),
            Repr::Heap(heap) => heap.text.len(),
        }
    }

    /// Whether the string is empty.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len_bytes() == 0
    }

    /// Whether every character is one byte, so that positions in bytes and characters agree. O(1).
    #[inline]
    pub fn is_ascii(&self) -> bool {
        self.len_bytes() == self.len_chars()
    }

    /// Whether changing this string copies nothing.
    pub fn is_unique(&self) -> bool {
        match &self.0 {
            Repr::Inline(_) => true,
            Repr::Heap(heap) => heap.is_unique(),
        }
    }

    /// Appends `text`: amortised O(length of `text`) while nobody else holds the string.
    pub fn push_str(&mut self, text: &str) {
        match &mut self.0 {
            Repr::Inline(inline) => {
                let fits = text.len() <= INLINE_BYTES_MAX
                    && inline.push(text.as_bytes(), char_count(text));
                if !fits {
                    *self = Self::joined(self.as_str(), text);
                }
            }
            Repr::Heap(heap) => match Arc::get_mut(heap) {
                Some(own) => {
                    own.text.push_str(text);
                    own.chars += char_count(text);
                }
                None if text.is_empty() => {}
                None => *self = Self::joined(&heap.text, text),
            },
        }
    }

    /// Appends another string; cheaper than [`push_str`](Self::push_str), as nothing is counted again.
    #[inline]
    pub fn push(&mut self, other: &Str) {
        if let Repr::Inline(inline) = &mut self.0
            && inline.push(other.as_bytes(), other.len_chars())
        {
            return;
        }
        self.push_str(other.as_str());
    }

    /// A copy as a value. Each form is made where it is wanted: one expression for both would copy a short string in
    /// parts, which then have to be put together when it is read.
    #[inline(always)]
    pub(crate) fn to_value(&self) -> Value {
        match &self.0 {
            Repr::Inline(inline) => Value::Str(Self(Repr::Inline(*inline))),
            Repr::Heap(heap) => Value::Str(Self(Repr::Heap(share(heap)))),
        }
    }

    /// Two texts in a heap string with room to grow by half its length.
    fn joined(first: &str, second: &str) -> Self {
        let len = first.len() + second.len();
        let mut text = String::with_capacity((len + len / 2).max(HEAP_BYTES_MIN));
        text.push_str(first);
        text.push_str(second);
        Self::from_heap(text)
    }

    /// The `index`-th character, from 1.
    #[inline]
    pub fn char_at(&self, index: usize) -> Option<Str> {
        if self.is_ascii() {
            let byte = self.as_bytes().get(index.wrapping_sub(1))?;
            return Some(Self(Repr::Inline(Inline::of_ascii(*byte))));
        }
        self.wide_char_at(index)
    }

    fn wide_char_at(&self, index: usize) -> Option<Str> {
        if index == 0 || index > self.len_chars() {
            return None;
        }
        Some(self.slice(index, index))
    }

    /// Characters `from..=to`, from 1. Empty when `from > to`; positions past the ends are clamped.
    pub fn slice(&self, from: usize, to: usize) -> Str {
        let range = self.byte_range(from, to);
        if range.len() == self.len_bytes() {
            return self.clone();
        }
        if !self.is_ascii() {
            return Str::new(&self.as_str()[range]);
        }
        let mut inline = Inline::EMPTY;
        if inline.push(&self.as_bytes()[range.clone()], range.len()) {
            return Str(Repr::Inline(inline));
        }
        Str(Repr::Heap(Arc::new(HeapStr {
            chars: range.len(),
            text: self.as_str()[range].to_owned(),
        })))
    }

    /// Keeps characters `from..=to` only, as [`slice`](Self::slice), in place while nobody else holds the string.
    pub fn keep(&mut self, from: usize, to: usize) {
        let range = self.byte_range(from, to);
        let is_ascii = self.is_ascii();
        match &mut self.0 {
            Repr::Heap(heap) if range.len() > INLINE_BYTES_MAX => {
                if let Some(own) = Arc::get_mut(heap) {
                    own.text.truncate(range.end);
                    own.text.drain(..range.start);
                    own.chars = match is_ascii {
                        true => range.len(),
                        false => own.text.chars().count(),
                    };
                    return;
                }
            }
            _ => {}
        }
        *self = self.slice(from, to);
    }

    /// Where characters `from..=to` (from 1, clamped) lie in bytes.
    #[inline]
    pub fn byte_range(&self, from: usize, to: usize) -> Range<usize> {
        if self.is_ascii() {
            let start = (from.max(1) - 1).min(self.len_bytes());
            return start..to.min(self.len_bytes()).max(start);
        }
        self.wide_byte_range(from, to)
    }

    fn wide_byte_range(&self, from: usize, to: usize) -> Range<usize> {
        let from = from.max(1);
        let to = to.min(self.len_chars());
        if from > to {
            let at = self.byte_of_char(from);
            return at..at;
        }
        let start = self.byte_of_char(from);
        let rest = &self.as_str()[start..];
        start..start + nth_char(rest, to + 1 - from)
    }

    /// Where the `index`-th character (from 1) begins, in bytes; the end for positions past it.
    #[inline]
    pub fn byte_of_char(&self, index: usize) -> usize {
        let before = index.max(1) - 1;
        if self.is_ascii() {
            return before.min(self.len_bytes());
        }
        nth_char(self.as_str(), before)
    }

    /// Which character (from 1) the byte position `at` belongs to; `at` lies on a boundary.
    pub fn char_of_byte(&self, at: usize) -> usize {
        if self.is_ascii() {
            return at + 1;
        }
        let starts = self.as_bytes()[..at]
            .iter()
            .filter(|b| !is_continuation(**b));
        starts.count() + 1
    }

    /// Replaces characters `from..=to` (from 1; `to` may be `from - 1`) by `text`.
    /// Positions past the ends are clamped.
    pub fn set_range(&mut self, from: usize, to: usize, text: &str) {
        let range = self.byte_range(from, to);
        if let Repr::Heap(heap) = &mut self.0
            && let Some(own) = Arc::get_mut(heap)
        {
            let removed = char_count(&own.text[range.clone()]);
            own.text.replace_range(range, text);
            own.chars = own.chars - removed + char_count(text);
            return;
        }
        let old = self.as_str();
        let len = old.len() - range.len() + text.len();
        let mut new = String::with_capacity(len);
        new.push_str(&old[..range.start]);
        new.push_str(text);
        new.push_str(&old[range.end..]);
        *self = Str::from(new);
    }

    /// Whether both have the same text when case is ignored.
    #[inline]
    pub fn eq_fold(&self, other: &Str) -> bool {
        self.is_same(other) || fold::eq(self.as_bytes(), other.as_bytes(), Case::Fold)
    }

    /// Whether both have exactly the same text.
    #[inline]
    pub fn eq_exact(&self, other: &Str) -> bool {
        self.is_same(other) || self.as_bytes() == other.as_bytes()
    }

    /// Order by lower-cased bytes.
    pub fn cmp_fold(&self, other: &Str) -> Ordering {
        if self.is_same(other) {
            return Ordering::Equal;
        }
        fold::cmp(self.as_bytes(), other.as_bytes(), Case::Fold)
    }

    /// Order by bytes: what `strcmp()` gives.
    pub fn cmp_exact(&self, other: &Str) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }

    /// Hashes so that strings equal under [`eq_fold`](Self::eq_fold) hash alike.
    pub fn hash_fold<H: Hasher>(&self, state: &mut H) {
        fold::hash(self.as_bytes(), state);
    }

    /// The character position (from 1) of the first occurrence of `needle`.
    pub fn find(&self, needle: &Str, case: Case) -> Option<usize> {
        let at = fold::find(self.as_bytes(), needle.as_bytes(), case)?;
        Some(self.char_of_byte(at))
    }

    /// The character position (from 1) of the last occurrence of `needle`.
    pub fn rfind(&self, needle: &Str, case: Case) -> Option<usize> {
        fold::rfind(self.as_bytes(), needle.as_bytes(), case).map(|at| self.char_of_byte(at))
    }

    /// [`find`](Self::find) without regard to case.
    pub fn find_fold(&self, needle: &Str) -> Option<usize> {
        self.find(needle, Case::Fold)
    }

    #[inline]
    fn is_same(&self, other: &Str) -> bool {
        matches!((&self.0, &other.0), (Repr::Heap(a), Repr::Heap(b)) if Arc::ptr_eq(a, b))
    }
}

/// Where the `count`-th character (from 0) of `text` begins, or its end.
fn nth_char(text: &str, count: usize) -> usize {
    text.char_indices()
        .nth(count)
        .map_or(text.len(), |(at, _)| at)
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

impl Clone for Str {
    #[inline]
    fn clone(&self) -> Self {
        match &self.0 {
            Repr::Inline(inline) => Self(Repr::Inline(*inline)),
            Repr::Heap(heap) => Self(Repr::Heap(share(heap))),
        }
    }
}

#[inline(never)]
fn share(heap: &Arc<HeapStr>) -> Arc<HeapStr> {
    Arc::clone(heap)
}

impl Default for Str {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl From<&str> for Str {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Str {
    fn from(text: String) -> Self {
        if text.len() <= INLINE_BYTES_MAX {
            Self::new(&text)
        } else {
            Self::from_heap(text)
        }
    }
}

/// Equality of MOO's `==`: without regard to case.
impl PartialEq for Str {
    fn eq(&self, other: &Self) -> bool {
        self.eq_fold(other)
    }
}

impl Eq for Str {}

impl Hash for Str {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash_fold(state);
    }
}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests;
