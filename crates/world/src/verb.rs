//! What a verb is: names with abbreviations, owner, permissions, argument specifiers, code.
//! In: names, letters, specifiers. Out: the ordered verb table of an object and its code cells.
//! How source becomes a program is the caller's knowledge: a compiled program is kept here as an opaque value.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use moor_command::Preposition;
use moor_value::{ObjId, Str};

use crate::ids::{Entity, VerbId};

/// Permissions of a verb: any of `r`, `w`, `x`, `d`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct VerbFlags(u8);

impl VerbFlags {
    /// Everyone may list the code.
    pub const READ: Self = Self(1);
    /// Everyone may change the verb.
    pub const WRITE: Self = Self(2);
    /// Programs may call the verb.
    pub const EXEC: Self = Self(4);
    /// Errors in the verb's code are raised rather than returned.
    pub const DEBUG: Self = Self(8);

    /// From the bits of a textdump (`r` 1, `w` 2, `x` 4, `d` 8); other bits are dropped.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 15)
    }

    /// The bits of a textdump.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether every flag of `other` is set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Reads letters in any order and case; `None` when there is another letter.
    pub fn parse(letters: &str) -> Option<Self> {
        letters.chars().try_fold(Self(0), |flags, letter| {
            let bit = match letter.to_ascii_lowercase() {
                'r' => Self::READ.0,
                'w' => Self::WRITE.0,
                'x' => Self::EXEC.0,
                'd' => Self::DEBUG.0,
                _ => return None,
            };
            Some(Self(flags.0 | bit))
        })
    }
}

impl fmt::Display for VerbFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = [
            (Self::READ, "r"),
            (Self::WRITE, "w"),
            (Self::EXEC, "x"),
            (Self::DEBUG, "d"),
        ];
        letters
            .iter()
            .filter(|(flag, _)| self.has(*flag))
            .try_for_each(|(_, letter)| f.write_str(letter))
    }
}

/// What a verb wants as direct or indirect object. The numbers are those of textdumps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum ArgSpec {
    /// No object.
    None = 0,
    /// Any object or none.
    Any = 1,
    /// The object that has the verb.
    This = 2,
}

impl ArgSpec {
    /// From the number of a textdump.
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0 => Some(Self::None),
            1 => Some(Self::Any),
            2 => Some(Self::This),
            _ => None,
        }
    }

    /// `none`, `any` or `this`, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::None, Self::Any, Self::This]
            .into_iter()
            .find(|spec| text.eq_ignore_ascii_case(spec.name()))
    }

    /// `none`, `any` or `this`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Any => "any",
            Self::This => "this",
        }
    }

    fn admits(self, given: Self) -> bool {
        self == Self::Any || self == given
    }
}

/// What a verb wants as preposition.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PrepSpec {
    /// No preposition.
    None,
    /// Any preposition or none.
    Any,
    /// This one.
    Is(Preposition),
}

impl PrepSpec {
    /// From the number of a textdump: -1 none, -2 any, else the preposition's.
    pub fn from_number(number: i64) -> Option<Self> {
        match number {
            -1 => Some(Self::None),
            -2 => Some(Self::Any),
            _ => Preposition::from_number(number).map(Self::Is),
        }
    }

    /// The number of a textdump.
    pub fn number(self) -> i64 {
        match self {
            Self::None => -1,
            Self::Any => -2,
            Self::Is(preposition) => i64::from(preposition.number()),
        }
    }

    /// `none`, `any`, a preposition's spelling or its number.
    pub fn parse(text: &str) -> Option<Self> {
        match () {
            () if text.eq_ignore_ascii_case("none") => Some(Self::None),
            () if text.eq_ignore_ascii_case("any") => Some(Self::Any),
            () => Preposition::from_specification(text).map(Self::Is),
        }
    }

    /// `none`, `any` or all spellings of the preposition.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Any => "any",
            Self::Is(preposition) => preposition.spellings(),
        }
    }

    fn admits(self, given: Self) -> bool {
        self == Self::Any || self == given
    }
}

/// The argument specifiers of a verb; of a command when matching one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct VerbArgs {
    /// Direct object.
    pub dobj: ArgSpec,
    /// Preposition.
    pub prep: PrepSpec,
    /// Indirect object.
    pub iobj: ArgSpec,
}

impl VerbArgs {
    /// `this none this`, as methods have.
    pub const METHOD: Self = Self {
        dobj: ArgSpec::This,
        prep: PrepSpec::None,
        iobj: ArgSpec::This,
    };

    /// From the three words of `add_verb()`.
    pub fn parse(dobj: &str, prep: &str, iobj: &str) -> Option<Self> {
        Some(Self {
            dobj: ArgSpec::parse(dobj)?,
            prep: PrepSpec::parse(prep)?,
            iobj: ArgSpec::parse(iobj)?,
        })
    }

    /// Whether a verb with these specifiers takes a command that has `given`.
    pub fn admit(self, given: Self) -> bool {
        self.dobj.admits(given.dobj) && self.prep.admits(given.prep) && self.iobj.admits(given.iobj)
    }
}

/// A verb as defined on an object, without its code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verb {
    /// Its identity.
    pub id: VerbId,
    /// The names as written, separated by spaces, with `*` for abbreviations.
    pub names: Str,
    /// Whose permissions the code has.
    pub owner: ObjId,
    /// Permissions.
    pub flags: VerbFlags,
    /// Argument specifiers.
    pub args: VerbArgs,
}

impl Verb {
    /// Whether one of the names matches `word`.
    pub fn matches(&self, word: &str) -> bool {
        names_match(self.names.as_str(), word)
    }

    /// Whether one of the names matches `word` and only so many others as it has letters.
    pub(crate) fn lists(&self, word: &str) -> bool {
        let names = self.names.as_str().split(' ');
        let mut bounded = names.filter(|name| !name.ends_with('*'));
        bounded.any(|name| names_match(name, word))
    }
}

/// The verbs of an object in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct VerbTable(pub(crate) Vec<Verb>);

impl VerbTable {
    pub(crate) fn callable(&self, word: &str) -> Option<&Verb> {
        self.0
            .iter()
            .find(|verb| verb.flags.has(VerbFlags::EXEC) && verb.matches(word))
    }

    pub(crate) fn command(&self, word: &str, given: VerbArgs) -> Option<&Verb> {
        self.0
            .iter()
            .find(|verb| verb.matches(word) && verb.args.admit(given))
    }

    pub(crate) fn position(&self, id: VerbId) -> Option<usize> {
        self.0.iter().position(|verb| verb.id == id)
    }
}

/// A compiled program as the runtime keeps it.
pub type Compiled = Arc<dyn Any + Send + Sync>;

/// The code of a verb: its source and, once something has run it, what the runtime compiled from that.
#[derive(Default)]
pub struct VerbCode {
    source: Str,
    compiled: OnceLock<Compiled>,
}

impl VerbCode {
    /// Code that is not compiled yet.
    pub fn new(source: impl Into<Str>) -> Arc<Self> {
        Arc::new(Self {
            source: source.into(),
            compiled: OnceLock::new(),
        })
    }

    /// Code whose program is already there.
    pub fn with_compiled(source: impl Into<Str>, compiled: Compiled) -> Arc<Self> {
        Arc::new(Self {
            source: source.into(),
            compiled: OnceLock::from(compiled),
        })
    }

    /// The canonical source, lines separated by `\n`, without a final one.
    pub fn source(&self) -> &Str {
        &self.source
    }

    /// The compiled program, made with `compile` by the first who asks.
    pub fn compiled(&self, compile: impl FnOnce(&Str) -> Compiled) -> &Compiled {
        self.compiled.get_or_init(|| compile(&self.source))
    }
}

impl PartialEq for VerbCode {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl fmt::Debug for VerbCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VerbCode").field(&self.source).finish()
    }
}

/// A verb that a lookup found, with everything that a call needs.
#[derive(Clone, Debug)]
pub struct ResolvedVerb {
    /// The object that defines it.
    pub definer: Entity,
    /// The definition.
    pub verb: Verb,
    /// The code.
    pub code: Arc<VerbCode>,
    prepared: OnceLock<Compiled>,
}

impl ResolvedVerb {
    /// A verb that a lookup has found.
    pub(crate) fn new(definer: Entity, verb: Verb, code: Arc<VerbCode>) -> Self {
        Self {
            definer,
            verb,
            code,
            prepared: OnceLock::new(),
        }
    }

    /// What the runtime makes of the verb to run it, made with `prepare` by the first who asks. It lives as long as
    /// this outcome of the lookup: a change of the verb gives another one.
    pub fn prepared(&self, prepare: impl FnOnce(&Self) -> Compiled) -> &Compiled {
        self.prepared.get_or_init(|| prepare(self))
    }
}

impl PartialEq for ResolvedVerb {
    fn eq(&self, other: &Self) -> bool {
        let same_code = Arc::ptr_eq(&self.code, &other.code) || self.code == other.code;
        self.definer == other.definer && self.verb == other.verb && same_code
    }
}

/// Whether one of the space-separated `names` matches `word`, without regard to ASCII case.
///
/// In a name, `foo*bar` matches every beginning of `foobar` that is at least `foo`; a `*` at the end matches any
/// continuation, so that `*` alone matches everything.
pub fn names_match(names: &str, word: &str) -> bool {
    names
        .split(' ')
        .filter(|name| !name.is_empty())
        .any(|name| name_matches(name.as_bytes(), word.as_bytes()))
}

fn name_matches(name: &[u8], word: &[u8]) -> bool {
    let (mut rest, mut starred) = (name, false);
    let mut word = word;
    loop {
        while let Some((b'*', tail)) = rest.split_first() {
            (rest, starred) = (tail, true);
        }
        match (rest.split_first(), word.split_first()) {
            (Some((expected, tail)), Some((given, word_tail)))
                if expected.eq_ignore_ascii_case(given) =>
            {
                (rest, word) = (tail, word_tail);
            }
            (Some(_), None) => return starred,
            (None, None) => return true,
            (None, Some(_)) => return name.last() == Some(&b'*'),
            (Some(_), Some(_)) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_lambdamoo_matches_them() {
        let cases: &[(&str, &str, bool)] = &[
            ("foo", "foo", true),
            ("foo", "FOO", true),
            ("foo", "fo", false),
            ("foo", "foob", false),
            ("foo*bar", "foo", true),
            ("foo*bar", "foob", true),
            ("foo*bar", "foobar", true),
            ("foo*bar", "foobarx", false),
            ("foo*bar", "fo", false),
            ("foo*bar", "fooc", false),
            ("foo*", "foo", true),
            ("foo*", "foozle", true),
            ("foo*", "fo", false),
            ("*", "anything", true),
            ("*", "", true),
            ("*foo", "f", true),
            ("*foo", "", true),
            ("a*b*c", "a", true),
            ("a*b*c", "ab", true),
            ("a*b*", "abz", true),
            ("foo bar", "bar", true),
            ("foo  bar", "bar", true),
            ("foo bar", "foo bar", false),
            ("", "", false),
        ];
        for (names, word, expected) in cases {
            assert_eq!(
                names_match(names, word),
                *expected,
                "{names:?} against {word:?}"
            );
        }
    }

    #[test]
    fn specifiers_parse_and_print() {
        let args = VerbArgs::parse("ANY", "in/inside/into", "this").expect("all three are known");
        assert_eq!((args.dobj, args.iobj), (ArgSpec::Any, ArgSpec::This));
        assert_eq!(args.prep.name(), "in/inside/into");
        assert_eq!(PrepSpec::from_number(args.prep.number()), Some(args.prep));
        assert_eq!(VerbArgs::parse("any", "nonsense", "any"), None);
        assert_eq!(
            VerbFlags::parse("DXrw")
                .map(|flags| flags.to_string())
                .as_deref(),
            Some("rwxd")
        );
    }
}
