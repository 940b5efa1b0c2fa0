//! Object numbers, and the unique ids that stand in their place. In: an integer, or text. Out: the id, its text and the
//! ids with a fixed meaning. Whether an object of that id exists is the world's knowledge.
//!
//! A unique id is a number from 2^62 on, so that it is kept, compared and stored as numbers are: its 62 bits are 16 of a
//! counter, 6 of chance, and 40 of the time in milliseconds. It is written as `#048D05-1234567890`: counter and chance,
//! then the time, in hexadecimal digits.

use std::fmt;

/// The number of a permanent object, or its unique id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ObjId(pub i64);

/// The first number that is a unique id. The largest number is none, which programs use for the largest number.
const UNIQUE_MIN: i64 = 1 << 62;
/// Digits before and behind the hyphen.
const HEAD_DIGITS: usize = 6;
const TIME_DIGITS: usize = 10;
const TIME_BITS: u32 = 40;
const CHANCE_BITS: u32 = 6;

impl ObjId {
    /// `#0`, the system object.
    pub const SYSTEM: Self = Self(0);
    /// `#-1`, no object.
    pub const NOTHING: Self = Self(-1);
    /// `#-2`, a name that matches several objects.
    pub const AMBIGUOUS: Self = Self(-2);
    /// `#-3`, a name that matches no object.
    pub const FAILED: Self = Self(-3);

    /// The unique id of a counter, of chance (of which 6 bits count) and of a time in milliseconds (of which 40 bits
    /// count).
    pub fn unique(counter: u16, chance: u8, time_ms: u64) -> Self {
        let chance = i64::from(chance) & ((1 << CHANCE_BITS) - 1);
        let head = i64::from(counter) << CHANCE_BITS | chance;
        let time = (time_ms & ((1 << TIME_BITS) - 1)).cast_signed();
        let id = UNIQUE_MIN | head << TIME_BITS | time;
        // The largest is no unique id; the one before it is as good.
        Self(id.min(i64::MAX - 1))
    }

    /// Whether it is a unique id.
    pub const fn is_unique(self) -> bool {
        self.0 >= UNIQUE_MIN && self.0 < i64::MAX
    }

    /// The time at which a unique id was made, in milliseconds; 40 bits of it.
    pub const fn time_ms(self) -> i64 {
        self.0 & ((1 << TIME_BITS) - 1)
    }

    /// The unique id that stands at the beginning of a text behind its `#`, and what follows it. None when there is
    /// none, or a letter, a digit or an underscore follows.
    pub fn split_unique(text: &str) -> Option<(Self, &str)> {
        let (head, rest) = split_hex(text, HEAD_DIGITS)?;
        let (time, rest) = split_hex(rest.strip_prefix('-')?, TIME_DIGITS)?;
        if rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
            return None;
        }
        let id = head.checked_shl(TIME_BITS)? | time;
        let id = Self(UNIQUE_MIN.checked_add(id)?);
        id.is_unique().then_some((id, rest))
    }
}

/// So many hexadecimal digits and what follows them.
fn split_hex(text: &str, digits: usize) -> Option<(i64, &str)> {
    let (number, rest) = text.split_at_checked(digits)?;
    if !number.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    Some((i64::from_str_radix(number, 16).ok()?, rest))
}

impl fmt::Display for ObjId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_unique() {
            return write!(f, "#{}", self.0);
        }
        let head = (self.0 - UNIQUE_MIN) >> TIME_BITS;
        write!(f, "#{head:06X}-{:010X}", self.time_ms())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn displays_as_in_source() {
        assert_eq!(ObjId(5).to_string(), "#5");
        assert_eq!(ObjId::FAILED.to_string(), "#-3");
        assert_eq!(ObjId(i64::MAX).to_string(), format!("#{}", i64::MAX));
        let unique = ObjId::unique(0x1234, 5, 0x12_3456_7890);
        assert_eq!(unique.to_string(), "#048D05-1234567890");
        assert_eq!(unique.time_ms(), 0x12_3456_7890);
    }

    #[test]
    fn texts_that_are_no_unique_id() {
        for text in [
            "048D05-123456789",
            "048D05-12345678901",
            "048D05-1234567890_",
            "048D0-1234567890",
            "048D05 1234567890",
            "048D0x-1234567890",
            "+48D05-1234567890",
            "FFFFFF-FFFFFFFFFF",
            "3FFFFF-FFFFFFFFFF",
            "é48D05-1234567890",
            "",
        ] {
            assert_eq!(ObjId::split_unique(text), None, "{text}");
        }
        let (id, rest) = ObjId::split_unique("048d05-12345678aB.name").expect("an id");
        assert_eq!(
            (id.to_string().as_str(), rest),
            ("#048D05-12345678AB", ".name")
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(counter in any::<u16>(), chance in any::<u8>(), time in any::<u64>()) {
            let id = ObjId::unique(counter, chance, time);
            prop_assert!(id.is_unique() && id > ObjId(i64::from(u32::MAX)));
            let text = id.to_string();
            prop_assert_eq!(ObjId::split_unique(&text[1..]), Some((id, "")));
        }
    }
}
