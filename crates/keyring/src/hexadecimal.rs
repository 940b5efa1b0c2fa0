//! Hexadecimal digits of digests and of keys in file names.
//!
//! In: bytes, or text. Out: the other; 64 lower-case digits are 32 bytes, and nothing else is.

/// Two lower-case digits for each byte.
pub(crate) fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of 64 lower-case digits.
pub(crate) fn bytes(text: &str) -> Option<[u8; 32]> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != 64 || !text.bytes().all(is_digit) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, place) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[place..place + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_survive_their_text(bytes: [u8; 32]) {
            prop_assert_eq!(super::bytes(&super::text(&bytes)), Some(bytes));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,70}") {
            let _ = super::bytes(&text);
        }
    }
}
