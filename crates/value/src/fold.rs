//! UTF-8 compared and searched with or without regard to case.
//!
//! A letter folds to its lower case where that is one letter of as many bytes, so folding never changes a
//! length or a position: all of Latin, Greek and Cyrillic, not the Kelvin sign. ASCII goes by bytes, without
//! decoding. In: byte slices. Out: order, equality, positions in bytes.

mod pair;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::hash::Hasher;

/// Whether letters that differ only in case are the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Case {
    /// `a` equals `A`.
    Fold,
    /// Every byte counts.
    Exact,
}

impl Case {
    /// The meaning of a builtin's `case-matters` argument.
    pub fn from_matters(case_matters: bool) -> Self {
        if case_matters {
            Self::Exact
        } else {
            Self::Fold
        }
    }
}

/// Whether the two are equal.
#[inline]
pub fn eq(a: &[u8], b: &[u8], case: Case) -> bool {
    match (a, b) {
        (&[x], &[y]) if case == Case::Fold => x.eq_ignore_ascii_case(&y),
        _ if a.len() != b.len() => false,
        _ => starts_agree(a, b) && (a == b || (case == Case::Fold && eq_folded(a, b))),
    }
}

/// Whether the first bytes leave open that two texts are equal: an ASCII character folds to ASCII, and nothing else does.
#[inline]
fn starts_agree(a: &[u8], b: &[u8]) -> bool {
    match (a.first(), b.first()) {
        (Some(x), Some(y)) => x.eq_ignore_ascii_case(y) || x & y >= 0x80,
        _ => true,
    }
}

fn eq_folded(a: &[u8], b: &[u8]) -> bool {
    a.eq_ignore_ascii_case(b) || (!a.is_ascii() && !b.is_ascii() && lower(a) == lower(b))
}

/// The text in lower case, of the same length.
fn lower(text: &[u8]) -> Vec<u8> {
    let mut folded = text.to_ascii_lowercase();
    if folded.is_ascii() {
        return folded;
    }
    let letters = std::str::from_utf8(text).unwrap_or("").char_indices();
    for (at, letter) in letters.filter(|(_, letter)| !letter.is_ascii()) {
        let mut small = letter.to_lowercase();
        if let (Some(small), None) = (small.next(), small.next())
            && small.len_utf8() == letter.len_utf8()
        {
            small.encode_utf8(&mut folded[at..]);
        }
    }
    folded
}

/// The order of the two; folding compares as if all letters were lower case.
pub fn cmp(a: &[u8], b: &[u8], case: Case) -> Ordering {
    if case == Case::Exact {
        return a.cmp(b);
    }
    if !a.is_ascii() || !b.is_ascii() {
        return lower(a).cmp(&lower(b));
    }
    let differing = a
        .iter()
        .zip(b)
        .map(|(x, y)| x.to_ascii_lowercase().cmp(&y.to_ascii_lowercase()))
        .find(|order| order.is_ne());
    differing.unwrap_or_else(|| a.len().cmp(&b.len()))
}

/// Feeds the folded bytes to a hasher, so that equal-when-folded means equal hash.
pub fn hash<H: Hasher>(bytes: &[u8], hasher: &mut H) {
    let bytes = match bytes.is_ascii() {
        true => Cow::Borrowed(bytes),
        false => Cow::Owned(lower(bytes)),
    };
    let mut block = [0u8; 32];
    for chunk in bytes.chunks(block.len()) {
        let folded = &mut block[..chunk.len()];
        folded.copy_from_slice(chunk);
        folded.make_ascii_lowercase();
        hasher.write(folded);
    }
    hasher.write_u8(0xff);
}

/// Needles up to this long are looked for in place; for longer ones that could take time in
/// proportion to both lengths, so both are copied in lower case and searched in linear time.
const IN_PLACE_MAX: usize = 32;

/// Where `needle` first occurs in `haystack`, in bytes. An empty needle occurs at 0.
pub fn find(haystack: &[u8], needle: &[u8], case: Case) -> Option<usize> {
    if case == Case::Exact {
        return memchr::memmem::find(haystack, needle);
    }
    if needle.len() > IN_PLACE_MAX || !needle.is_ascii() {
        return memchr::memmem::find(&lower(haystack), &lower(needle));
    }
    match *needle {
        [] => Some(0),
        [byte] if !byte.is_ascii_alphabetic() => memchr::memchr(byte, haystack),
        [letter] => memchr::memchr2(
            letter.to_ascii_lowercase(),
            letter.to_ascii_uppercase(),
            haystack,
        ),
        _ => pair::find(haystack, needle),
    }
}

/// Where `needle` last occurs in `haystack`, in bytes. An empty needle occurs at the end.
pub fn rfind(haystack: &[u8], needle: &[u8], case: Case) -> Option<usize> {
    if case == Case::Exact {
        return memchr::memmem::rfind(haystack, needle);
    }
    if needle.len() > IN_PLACE_MAX || !needle.is_ascii() {
        return memchr::memmem::rfind(&lower(haystack), &lower(needle));
    }
    let Some((&first, rest)) = needle.split_first() else {
        return Some(haystack.len());
    };
    let last_start = haystack.len().checked_sub(needle.len())?;
    let starts = &haystack[..=last_start];
    memchr::memrchr2_iter(
        first.to_ascii_lowercase(),
        first.to_ascii_uppercase(),
        starts,
    )
    .find(|&at| haystack[at + 1..at + needle.len()].eq_ignore_ascii_case(rest))
}

/// Visits every place, in bytes, where `needle` occurs in `haystack`, from the left and without
/// overlap. Takes linear time in all, besides what the visits take.
///
/// # Errors
/// The first error of a visit, which ends the search.
pub fn find_each<E>(
    haystack: &[u8],
    needle: &[u8],
    case: Case,
    visit: impl FnMut(usize) -> Result<(), E>,
) -> Result<(), E> {
    match case {
        Case::Exact => memchr::memmem::find_iter(haystack, needle).try_for_each(visit),
        Case::Fold => {
            let (haystack, needle) = (lower(haystack), lower(needle));
            memchr::memmem::find_iter(&haystack, &needle).try_for_each(visit)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_folds_letters_to_lower_case() {
        assert_eq!(cmp(b"Abc", b"aBC", Case::Fold), Ordering::Equal);
        assert_eq!(cmp(b"B", b"_", Case::Fold), Ordering::Greater);
        assert_eq!(cmp(b"B", b"_", Case::Exact), Ordering::Less);
        assert_eq!(cmp(b"ab", b"abc", Case::Fold), Ordering::Less);
    }

    #[test]
    fn letters_fold_where_their_length_stays() {
        let fold = |a: &str, b: &str| eq(a.as_bytes(), b.as_bytes(), Case::Fold);
        assert!(fold("ÀÉ ΣЖ", "àé σж"));
        assert!(!fold("À", "É") && !fold("À", "A"));
        // The Kelvin sign has three bytes, its lower case has one.
        assert!(!fold("\u{212a}", "k"));
        assert_eq!(
            cmp("É".as_bytes(), "é".as_bytes(), Case::Fold),
            Ordering::Equal
        );
        assert_eq!(
            cmp("É".as_bytes(), "ç".as_bytes(), Case::Fold),
            Ordering::Greater
        );
        let (text, part) = ("xÉaéA".as_bytes(), "éa".as_bytes());
        assert_eq!(
            (find(text, part, Case::Fold), rfind(text, part, Case::Fold)),
            (Some(1), Some(4))
        );
        assert_eq!(find(text, part, Case::Exact), None);
        // Bytes that are no UTF-8 compare as they are.
        assert!(eq(b"\xffA", b"\xffa", Case::Fold) && !eq(b"\xff", b"\xfe", Case::Fold));
    }

    #[test]
    fn search_finds_first_and_last() {
        assert_eq!(find(b"xxFoOfoo", b"foo", Case::Fold), Some(2));
        assert_eq!(find(b"xxFoOfoo", b"foo", Case::Exact), Some(5));
        assert_eq!(rfind(b"fooFOOx", b"foo", Case::Fold), Some(3));
        assert_eq!(rfind(b"fooFOOx", b"foo", Case::Exact), Some(0));
        assert_eq!(find(b"ab", b"abc", Case::Fold), None);
        assert_eq!(find(b"ab", b"", Case::Fold), Some(0));
        assert_eq!(rfind(b"ab", b"", Case::Fold), Some(2));
        let dots = b"...".repeat(70);
        for at in 0..dots.len() - 6 {
            let mut text = dots.clone();
            text[at..at + 6].copy_from_slice(b"nEEdLe");
            text[at + 3] = b'D';
            assert_eq!(find(&text, b"NeEdle", Case::Fold), Some(at));
            assert_eq!(find(&text, b"E", Case::Fold), Some(at + 1));
            assert_eq!(find(&text, b"NeEd.le", Case::Fold), None);
            assert_eq!(find(&text[..at + 5], b"needle", Case::Fold), None);
        }
        // A character that differs from another in the bit of letters' case only is another character.
        assert_eq!(find(b"[{@`ab", b"{`", Case::Fold), None);
        assert_eq!(find(b"[{{@`ab", b"@`a", Case::Fold), Some(3));
        let long = [b"xy".repeat(30), b"XYz".to_vec(), b"xy".repeat(30)].concat();
        let needle = [b"yX".repeat(20), b"yZ".to_vec()].concat();
        assert_eq!(find(&long, &needle, Case::Fold), Some(21));
        assert_eq!(rfind(&long, &needle, Case::Fold), Some(21));
        for (needle, case) in [(b"aa", Case::Fold), (b"aA", Case::Exact)] {
            let mut found = Vec::new();
            let visit = |at| -> Result<(), ()> {
                found.push(at);
                Ok(())
            };
            assert_eq!(find_each(b"aAaAa", needle, case, visit), Ok(()));
            assert_eq!(found, [0, 2]);
        }
    }
}
