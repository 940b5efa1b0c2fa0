//! Ordinals before a name: `2.lamp`, `2nd lamp`, `second lamp`, `twenty-first lamp`.
//!
//! In: what somebody wrote for an object. Out: which one of several is meant, and the name without the ordinal.

/// Ordinals up to nineteen, from one.
const UNITS: [&str; 19] = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
];

/// Tens from twenty: alone, and before a hyphen.
const TENS: [(&str, &str); 8] = [
    ("twentieth", "twenty"),
    ("thirtieth", "thirty"),
    ("fortieth", "forty"),
    ("fiftieth", "fifty"),
    ("sixtieth", "sixty"),
    ("seventieth", "seventy"),
    ("eightieth", "eighty"),
    ("ninetieth", "ninety"),
];

/// What digits may end in.
const SUFFIXES: [&str; 4] = ["st", "nd", "rd", "th"];

/// The ordinal before a name, from 1, and the name. `None` where there is no ordinal or nothing behind it.
pub fn split_ordinal(text: &str) -> Option<(usize, &str)> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, behind) = text.split_at(digits);
    let (ordinal, name) = match behind.strip_prefix('.') {
        Some(name) => (number.parse().ok()?, name),
        None => {
            let (word, name) = text.split_once(' ')?;
            (ordinal_word(word)?, name)
        }
    };
    let name = name.trim_start();
    (ordinal > 0 && !name.is_empty()).then_some((ordinal, name))
}

/// `2nd`, `second`, `twenty-second`.
fn ordinal_word(word: &str) -> Option<usize> {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 {
        let (number, suffix) = word.split_at(digits);
        let fits = SUFFIXES
            .iter()
            .any(|known| suffix.eq_ignore_ascii_case(known));
        return fits.then(|| number.parse().ok())?;
    }
    match word.split_once('-') {
        Some((tens, unit)) => {
            let tens = place(TENS.map(|(_, before)| before), tens)?;
            let unit = place(UNITS, unit).filter(|unit| *unit < 9)?;
            Some((tens + 2) * 10 + unit + 1)
        }
        None => place(UNITS, word)
            .map(|unit| unit + 1)
            .or_else(|| place(TENS.map(|(alone, _)| alone), word).map(|tens| (tens + 2) * 10)),
    }
}

/// Where a word is among others.
fn place<const N: usize>(words: [&str; N], word: &str) -> Option<usize> {
    words
        .iter()
        .position(|known| word.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::split_ordinal;

    #[test]
    fn every_way_to_write_an_ordinal() {
        for (text, ordinal) in [
            ("first lamp", 1),
            ("Second lamp", 2),
            ("nineteenth lamp", 19),
            ("twentieth lamp", 20),
            ("thirtieth lamp", 30),
            ("twenty-first lamp", 21),
            ("ninety-ninth lamp", 99),
            ("1st lamp", 1),
            ("22nd  lamp", 22),
            ("103RD lamp", 103),
            ("2.lamp", 2),
            ("10. lamp", 10),
        ] {
            assert_eq!(split_ordinal(text), Some((ordinal, "lamp")), "{text}");
        }
    }

    #[test]
    fn what_is_none() {
        for text in [
            "",
            "lamp",
            "first",
            "2nd",
            "2.",
            "0.lamp",
            "0th lamp",
            "2 lamp",
            "2x lamp",
            "twenty lamp",
            "twenty-tenth lamp",
            "twenty- lamp",
            "-first lamp",
            ".lamp",
            "99999999999999999999.lamp",
            "secondary lamp",
        ] {
            assert_eq!(split_ordinal(text), None, "{text}");
        }
    }
}
