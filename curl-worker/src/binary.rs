//! Bytes as binary strings of the language, and back.
//!
//! In: bytes, or a string whose `~XX` are bytes. Out: the other. The form is that of `encode_binary()`: printable
//! ASCII stands for itself, `~` and all else is written as `~` and two hexadecimal digits.

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// The binary string of `bytes`: at most three times as long.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte != b'~' && (byte == b' ' || byte.is_ascii_graphic()) {
            text.push(char::from(byte));
        } else {
            text.push('~');
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    text
}

/// The bytes of a binary string; `None` where a `~` is not followed by two hexadecimal digits. A character beyond
/// ASCII, which no binary string has, is taken as its UTF-8.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'~' => digit(rest.next()?)? << 4 | digit(rest.next()?)?,
            byte => byte,
        });
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytes_are_written_as_the_language_writes_them() {
        assert_eq!(encode(b"a ~\r\n\0\xff"), "a ~7E~0D~0A~00~FF");
        assert_eq!(decode("~0d~0A~7e~FF"), Some(b"\r\n~\xff".to_vec()));
        assert_eq!(decode("é"), Some("é".as_bytes().to_vec()));
        for text in ["~", "~1", "~G0", "~0G", "~é"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }
    }
}
