//! The fixed set of prepositions.
//!
//! In: words of a command, or the preposition argument of a verb. Out: a [`Preposition`].

/// One of the fifteen prepositions of the LambdaMOO manual ("The built-in command parser"),
/// numbered from 0 in the order in which database files number them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Preposition(u8);

/// Where a preposition stands among the words of a command: `first..=last`, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrepositionSpan {
    /// Which preposition it is.
    pub preposition: Preposition,
    /// Its first word.
    pub first: usize,
    /// Its last word.
    pub last: usize,
}

/// Every preposition with its spellings, as `verb_args()` shows it.
const SPELLINGS: [&str; 15] = [
    "with/using",
    "at/to",
    "in front of",
    "in/inside/into",
    "on top of/on/onto/upon",
    "out of/from inside/from",
    "over",
    "through",
    "under/underneath/beneath",
    "behind",
    "beside",
    "for/about",
    "is",
    "as",
    "off/off of",
];

impl Preposition {
    /// The preposition with this number in a database file, if there is one.
    pub fn from_number(number: i64) -> Option<Self> {
        let index = u8::try_from(number).ok()?;
        (usize::from(index) < SPELLINGS.len()).then_some(Self(index))
    }

    /// Its number in a database file, 0 to 14.
    pub fn number(self) -> u8 {
        self.0
    }

    /// All its spellings, separated by slashes: `"in/inside/into"`.
    pub fn spellings(self) -> &'static str {
        SPELLINGS[usize::from(self.0)]
    }

    /// The preposition that a verb's argument specification names: one spelling (`"inside"`),
    /// several (`"in/inside"`: the first counts), or a number (`"3"`, `"#3"`).
    pub fn from_specification(text: &str) -> Option<Self> {
        let bare = text.strip_prefix('#').unwrap_or(text);
        if let Ok(number) = bare.parse::<i64>() {
            return Self::from_number(number);
        }
        let first = bare.split('/').next().unwrap_or(bare);
        let words = crate::words(first);
        Self::at(&words, 0).map(|(preposition, _)| preposition)
    }

    /// The first preposition among `words`, longest spellings as the manual's table orders them.
    pub fn find(words: &[String]) -> Option<PrepositionSpan> {
        (0..words.len()).find_map(|first| {
            Self::at(words, first).map(|(preposition, length)| PrepositionSpan {
                preposition,
                first,
                last: first + length - 1,
            })
        })
    }

    /// The preposition whose spelling begins at word `first`, and how many words it has.
    fn at(words: &[String], first: usize) -> Option<(Self, usize)> {
        (0u8..).zip(SPELLINGS).find_map(|(number, spellings)| {
            spellings
                .split('/')
                .find_map(|spelling| spelled_at(words, first, spelling))
                .map(|length| (Self(number), length))
        })
    }
}

/// How many words `spelling` has when it stands at word `first` of `words`.
fn spelled_at(words: &[String], first: usize, spelling: &str) -> Option<usize> {
    let wanted: Vec<&str> = spelling.split(' ').collect();
    let found = words.get(first..first + wanted.len())?;
    let same = found
        .iter()
        .zip(&wanted)
        .all(|(word, want)| word.eq_ignore_ascii_case(want));
    same.then_some(wanted.len())
}
