//! Binary values: counted bytes that change in place while nobody else holds them.
//!
//! In: bytes, or their text in base 64. Out: bytes, parts of them, the literal's text. Positions are 0-based and the
//! caller's to check, as those of lists are.

use std::fmt;
use std::ops::Range;

use base64::Engine;
use base64::display::Base64Display;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use triomphe::Arc;

/// Bytes as a value.
#[derive(Clone, Default)]
pub struct Binary(Option<Arc<Vec<u8>>>);

const _: () = assert!(size_of::<Binary>() == 8);

impl Binary {
    /// A binary of these bytes.
    pub fn from_vec(bytes: Vec<u8>) -> Self {
        Self((!bytes.is_empty()).then(|| Arc::new(bytes)))
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |bytes| bytes.as_slice())
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The bytes in `range`.
    ///
    /// # Panics
    /// When the range is not within the binary.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        if range.len() == self.len() {
            return self.clone();
        }
        Self::from_vec(self.as_slice()[range].to_vec())
    }

    /// Appends bytes, in place while nobody else holds the binary.
    pub fn extend(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            Arc::make_mut(self.0.get_or_insert_default()).extend_from_slice(bytes);
        }
    }

    /// Puts `with` in place of the bytes in `range`, in place while nobody else holds the binary.
    ///
    /// # Panics
    /// When the range is not within the binary.
    pub fn splice(&mut self, range: Range<usize>, with: &[u8]) {
        let bytes = Arc::make_mut(self.0.get_or_insert_default());
        bytes.splice(range, with.iter().copied());
        if bytes.is_empty() {
            self.0 = None;
        }
    }

    /// The bytes in base 64 (RFC 4648, section 4), padded.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.as_slice())
    }

    /// Writes the bytes in base 64, padded.
    ///
    /// # Errors
    /// When `out` refuses.
    pub fn write_base64(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write!(out, "{}", Base64Display::new(self.as_slice(), &STANDARD))
    }

    /// The binary of a text in base 64: either alphabet of RFC 4648, with or without the padding. None when it is
    /// neither, or has bits that belong to no byte.
    pub fn from_base64(text: &str) -> Option<Self> {
        let standard = text.replace('-', "+").replace('_', "/");
        let engine = match standard.ends_with('=') {
            true => STANDARD,
            false => STANDARD_NO_PAD,
        };
        engine.decode(standard).ok().map(Self::from_vec)
    }
}

impl PartialEq for Binary {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Binary {}

impl fmt::Debug for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Binary({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn base64(bytes: &[u8]) -> String {
        Binary::from_vec(bytes.to_vec()).to_base64()
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        let cases: [(&[u8], &str); 7] = [
            (b"", ""),
            (b"f", "Zg=="),
            (b"fo", "Zm8="),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg=="),
            (b"fooba", "Zm9vYmE="),
            (b"\xfb\xff\xbf", "+/+/"),
        ];
        for (bytes, text) in cases {
            assert_eq!(base64(bytes), text);
            for form in [text, text.trim_end_matches('=')] {
                let read = Binary::from_base64(form).expect("base 64");
                assert_eq!(read.as_slice(), bytes);
            }
        }
        let other = Binary::from_base64("-_-_").expect("base 64");
        assert_eq!(other.as_slice(), b"\xfb\xff\xbf");
        for wrong in ["A", "Zg=", "Zh==", "====", "Z===", "Zm9 ", "Zé=="] {
            assert_eq!(Binary::from_base64(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn copies_do_not_change_with_each_other() {
        let mut one = Binary::from_vec(b"abc".to_vec());
        let kept = one.clone();
        one.extend(b"d");
        one.splice(1..3, b"");
        assert_eq!(one.as_slice(), b"ad");
        assert_eq!(kept.as_slice(), b"abc");
        one.splice(0..2, b"");
        assert!(one.is_empty() && one == Binary::default());
        assert_eq!(kept.slice(1..2).as_slice(), b"b");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let read = Binary::from_base64(&base64(&bytes)).expect("own text is read");
            prop_assert_eq!(read.as_slice(), &bytes[..]);
        }

        #[test]
        fn no_text_panics(text in ".{0,30}") {
            let _ = Binary::from_base64(&text);
        }
    }
}
