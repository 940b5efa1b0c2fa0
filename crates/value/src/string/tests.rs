//! Cases of strings: the inline and the heap form agree, ASCII and UTF-8 agree.

use super::*;

const SAMPLES: &[&str] = &[
    "",
    "a",
    "fourteen bytes",
    "fifteen bytes!!",
    "ünïcödé",
    "a longer string with an é in the middle of it",
    "日本語テキスト",
];

fn chars(text: &str, from: usize, to: usize) -> String {
    let skip = from.max(1) - 1;
    text.chars()
        .skip(skip)
        .take(to.saturating_sub(skip))
        .collect()
}

#[test]
fn is_sixteen_bytes() {
    assert_eq!(size_of::<Str>(), 16);
    assert_eq!(size_of::<Option<Str>>(), 16);
}

#[test]
fn counts_agree_with_text() {
    for text in SAMPLES {
        let s = Str::new(text);
        assert_eq!(s.as_str(), *text);
        assert_eq!(s.len_bytes(), text.len());
        assert_eq!(s.len_chars(), text.chars().count());
        assert_eq!(s.is_ascii(), text.is_ascii());
        assert_eq!(s.into_string(), *text);
    }
}

#[test]
fn slices_agree_with_chars() {
    for text in SAMPLES {
        let s = Str::new(text);
        for from in 0..=s.len_chars() + 2 {
            for to in 0..=s.len_chars() + 2 {
                assert_eq!(
                    s.slice(from, to).as_str(),
                    chars(text, from, to),
                    "{text} {from} {to}"
                );
                for mut kept in [s.clone(), Str::from((*text).to_owned())] {
                    kept.keep(from, to);
                    assert_eq!(kept.as_str(), chars(text, from, to));
                    assert_eq!(kept.len_chars(), kept.as_str().chars().count());
                }
            }
        }
    }
}

#[test]
fn replacing_agrees_with_joining() {
    for text in SAMPLES {
        for with in ["", "x", "é and something long enough"] {
            let len = text.chars().count();
            for from in 1..=len + 1 {
                for to in from - 1..=len {
                    let mut s = Str::new(text);
                    let shared = s.clone();
                    s.set_range(from, to, with);
                    let expected = format!(
                        "{}{with}{}",
                        chars(text, 1, from - 1),
                        chars(text, to + 1, len)
                    );
                    assert_eq!(s.as_str(), expected);
                    assert_eq!(s.len_chars(), expected.chars().count());
                    assert_eq!(shared.as_str(), *text);
                    let mut unique = Str::from(format!("{text}{}", " ".repeat(20)));
                    unique.set_range(from, to, with);
                    assert_eq!(unique.len_chars(), unique.as_str().chars().count());
                }
            }
        }
    }
}

#[test]
fn appending_never_changes_another_holder() {
    let mut s = Str::new("12345678901234");
    let before = s.clone();
    s.push_str("5");
    let longer = s.clone();
    s.push_str("é");
    assert_eq!(before.as_str(), "12345678901234");
    assert_eq!(longer.as_str(), "123456789012345");
    assert_eq!(s.as_str(), "123456789012345é");
    assert_eq!((s.len_chars(), s.is_ascii()), (16, false));
}

#[test]
fn appending_a_string_is_appending_its_text() {
    for first in SAMPLES {
        for second in SAMPLES {
            let mut s = Str::new(first);
            s.push(&Str::new(second));
            assert_eq!(s.as_str(), format!("{first}{second}"));
            assert_eq!(s.len_chars(), s.as_str().chars().count());
        }
    }
}

#[test]
fn appending_in_place_keeps_the_allocation() {
    let mut s = Str::from("x".repeat(100));
    s.push_str("y");
    let mut moves = 0;
    let mut at = s.as_bytes().as_ptr();
    for _ in 0..100_000 {
        s.push_str("y");
        moves += usize::from(at != s.as_bytes().as_ptr());
        at = s.as_bytes().as_ptr();
    }
    assert!(moves < 40, "{moves} reallocations");
}

#[test]
fn positions_are_characters() {
    let s = Str::new("añb ÑAÑb");
    assert_eq!(s.find_fold(&Str::new("B")), Some(3));
    assert_eq!(s.rfind(&Str::new("B"), Case::Fold), Some(8));
    assert_eq!(s.find(&Str::new("A"), Case::Exact), Some(6));
    assert_eq!(s.char_at(2), Some(Str::new("ñ")));
    assert_eq!(s.char_at(0), None);
    assert_eq!(s.char_at(9), None);
}

#[test]
fn equality_ignores_case() {
    assert_eq!(Str::new("Foo"), Str::new("fOO"));
    assert_eq!(Str::new("É"), Str::new("é"));
    assert_ne!(Str::new("É"), Str::new("E"));
    assert!(!Str::new("Foo").eq_exact(&Str::new("foo")));
}
