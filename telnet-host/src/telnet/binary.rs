//! MOO binary strings: how bytes are written in a line.
//!
//! In: bytes. Out: text in which every byte that is no printable ASCII character, and the tilde, is
//! `~XX` with two upper-case hexadecimal digits (as ToastStunt writes them).

/// Appends `bytes` as a binary string.
pub(super) fn push_binary(text: &mut String, bytes: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        if byte == b' ' || (byte.is_ascii_graphic() && byte != b'~') {
            text.push(char::from(byte));
        } else {
            text.push('~');
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::push_binary;

    #[test]
    fn printable_characters_stay_and_the_rest_is_hexadecimal() {
        let mut text = String::new();
        push_binary(&mut text, b"a b~\t\r\n\x00\xff\x7f!");
        assert_eq!(text, "a b~7E~09~0D~0A~00~FF~7F!");
    }
}
