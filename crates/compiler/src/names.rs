//! The variables of one program: a table from spelling to number, without regard to case.
//!
//! In go names as the parser meets them; out come small numbers in order of first appearance. Variables that a block declares
//! have numbers of their own, whatever else has their name; where they are visible is the parser's knowledge. The names that
//! every program begins with (`player`, `args`, `NUM` ...) are recognised and keep their official spelling.
//! It does not know where a variable lives when the program runs.

use std::collections::HashMap;

use moor_value::{Value, ValueType};

use crate::version::LanguageVersion;

/// A variable of one program: its place in [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VarId(pub u32);

/// A variable that has a value before the program's first statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is the variable of its name
pub enum Predefined {
    Num,
    Int,
    Float,
    Obj,
    Str,
    List,
    Err,
    Map,
    Anon,
    Waif,
    Bool,
    True,
    False,
    Player,
    This,
    Caller,
    Verb,
    Args,
    Argstr,
    Dobj,
    Dobjstr,
    Prepstr,
    Iobj,
    Iobjstr,
}

/// The names of the kinds of values, each the number that `typeof()` gives, for programs that assign no variable of the
/// name: one that did so before there were such names means what it meant. Those of ToastStunt are [`Predefined`] too.
const KIND_CONSTANTS: [(&str, ValueType); 16] = [
    ("SYM", ValueType::Sym),
    ("FLYWEIGHT", ValueType::Flyweight),
    ("BINARY", ValueType::Binary),
    ("LAMBDA", ValueType::Lambda),
    ("TYPE_INT", ValueType::Int),
    ("TYPE_OBJ", ValueType::Obj),
    ("TYPE_STR", ValueType::Str),
    ("TYPE_ERR", ValueType::Err),
    ("TYPE_LIST", ValueType::List),
    ("TYPE_FLOAT", ValueType::Float),
    ("TYPE_MAP", ValueType::Map),
    ("TYPE_BOOL", ValueType::Bool),
    ("TYPE_SYM", ValueType::Sym),
    ("TYPE_FLYWEIGHT", ValueType::Flyweight),
    ("TYPE_BINARY", ValueType::Binary),
    ("TYPE_LAMBDA", ValueType::Lambda),
];

/// The kind of values that a name stands for, in any case, where it is no variable.
pub(crate) fn kind_constant(name: &str) -> Option<ValueType> {
    let row = KIND_CONSTANTS
        .iter()
        .find(|(constant, _)| constant.eq_ignore_ascii_case(name));
    row.map(|(_, kind)| *kind)
}

impl Predefined {
    /// Every predefined variable: its official spelling and the version of the language that brought it.
    pub const ALL: [(Predefined, &'static str, LanguageVersion); 24] = [
        (Predefined::Num, "NUM", LanguageVersion::PREHISTORY),
        (Predefined::Int, "INT", LanguageVersion::FLOAT),
        (Predefined::Float, "FLOAT", LanguageVersion::FLOAT),
        (Predefined::Obj, "OBJ", LanguageVersion::PREHISTORY),
        (Predefined::Str, "STR", LanguageVersion::PREHISTORY),
        (Predefined::List, "LIST", LanguageVersion::PREHISTORY),
        (Predefined::Err, "ERR", LanguageVersion::PREHISTORY),
        (Predefined::Map, "MAP", LanguageVersion::MAP),
        (Predefined::Anon, "ANON", LanguageVersion::ANON),
        (Predefined::Waif, "WAIF", LanguageVersion::WAIF),
        (Predefined::Bool, "BOOL", LanguageVersion::BOOL),
        (Predefined::True, "true", LanguageVersion::BOOL),
        (Predefined::False, "false", LanguageVersion::BOOL),
        (Predefined::Player, "player", LanguageVersion::PREHISTORY),
        (Predefined::This, "this", LanguageVersion::PREHISTORY),
        (Predefined::Caller, "caller", LanguageVersion::PREHISTORY),
        (Predefined::Verb, "verb", LanguageVersion::PREHISTORY),
        (Predefined::Args, "args", LanguageVersion::PREHISTORY),
        (Predefined::Argstr, "argstr", LanguageVersion::PREHISTORY),
        (Predefined::Dobj, "dobj", LanguageVersion::PREHISTORY),
        (Predefined::Dobjstr, "dobjstr", LanguageVersion::PREHISTORY),
        (Predefined::Prepstr, "prepstr", LanguageVersion::PREHISTORY),
        (Predefined::Iobj, "iobj", LanguageVersion::PREHISTORY),
        (Predefined::Iobjstr, "iobjstr", LanguageVersion::PREHISTORY),
    ];

    /// The predefined variables of that version of the language in the order in which LambdaMOO and ToastStunt number
    /// them, with their official spellings.
    pub fn in_order(version: LanguageVersion) -> impl Iterator<Item = (Predefined, &'static str)> {
        let rows = ORDER.iter().map(|which| &Self::ALL[*which as usize]);
        let known = rows.filter(move |(.., since)| *since <= version);
        known.map(|&(which, name, _)| (which, name))
    }

    /// The predefined variable of this name, in any case, if that version of the language has it.
    pub fn from_name(name: &str, version: LanguageVersion) -> Option<Predefined> {
        Self::ALL
            .iter()
            .find(|(_, official, since)| *since <= version && official.eq_ignore_ascii_case(name))
            .map(|&(predefined, ..)| predefined)
    }

    /// The value that a predefined variable begins with, when it is the same in every frame.
    pub fn constant(self) -> Option<Value> {
        let kind = match self {
            Self::Num | Self::Int => ValueType::Int,
            Self::Float => ValueType::Float,
            Self::Obj => ValueType::Obj,
            Self::Str => ValueType::Str,
            Self::List => ValueType::List,
            Self::Err => ValueType::Err,
            Self::Map => ValueType::Map,
            Self::Anon => ValueType::Anon,
            Self::Waif => ValueType::Waif,
            Self::Bool => ValueType::Bool,
            Self::True => return Some(Value::Bool(true)),
            Self::False => return Some(Value::Bool(false)),
            _ => return None,
        };
        Some(Value::Int(kind as i64))
    }

    /// The official spelling.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// The predefined variables in the order in which LambdaMOO and ToastStunt number them.
const ORDER: [Predefined; Predefined::ALL.len()] = [
    Predefined::Num,
    Predefined::Obj,
    Predefined::Str,
    Predefined::List,
    Predefined::Err,
    Predefined::Player,
    Predefined::This,
    Predefined::Caller,
    Predefined::Verb,
    Predefined::Args,
    Predefined::Argstr,
    Predefined::Dobj,
    Predefined::Dobjstr,
    Predefined::Prepstr,
    Predefined::Iobj,
    Predefined::Iobjstr,
    Predefined::Int,
    Predefined::Float,
    Predefined::Map,
    Predefined::Anon,
    Predefined::Waif,
    Predefined::Bool,
    Predefined::True,
    Predefined::False,
];

/// The variables of one program, in order of first appearance.
#[derive(Clone, Debug, Default)]
pub struct Names {
    version: LanguageVersion,
    list: Vec<Name>,
    /// From the name in lower case.
    ids: HashMap<Box<str>, VarId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    spelling: Box<str>,
    predefined: Option<Predefined>,
    /// Of a variable of a block.
    slot: Option<u32>,
    is_constant: bool,
}

/// Two tables are equal when they hold the same names in the same order and spelling.
impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list
    }
}

impl Names {
    /// An empty table for a program of that version of the language, which decides what is predefined.
    pub fn new(version: LanguageVersion) -> Self {
        Self {
            version,
            ..Self::default()
        }
    }

    /// The variable of the whole program that has this name, in any case; a new name is added with this spelling.
    pub fn intern(&mut self, name: &str) -> VarId {
        let key = name.to_ascii_lowercase().into_boxed_str();
        if let Some(&id) = self.ids.get(&key) {
            return id;
        }
        let id = VarId(self.list.len() as u32);
        let predefined = Predefined::from_name(name, self.version);
        let spelling = match predefined {
            Some(predefined) => predefined.name().into(),
            None => name.into(),
        };
        self.list.push(Name {
            spelling,
            predefined,
            slot: None,
            is_constant: false,
        });
        self.ids.insert(key, id);
        id
    }

    /// As [`intern`](Self::intern), for a function: the name means a variable around it that is declared, so nothing is
    /// predefined about it.
    pub fn intern_captured(&mut self, name: &str, is_constant: bool) -> VarId {
        let is_new = self.find(name).is_none();
        let id = self.intern(name);
        if is_new {
            let entry = &mut self.list[id.0 as usize];
            entry.spelling = name.into();
            entry.predefined = None;
            entry.is_constant = is_constant;
        }
        id
    }

    /// A new variable of a block: `slot` is its place among the variables that are declared and visible there.
    pub fn declare(&mut self, name: &str, slot: u32, is_constant: bool) -> VarId {
        let id = VarId(self.list.len() as u32);
        self.list.push(Name {
            spelling: name.into(),
            predefined: None,
            slot: Some(slot),
            is_constant,
        });
        id
    }

    /// Makes the variable, which nothing else knows, one of a block; see [`declare`](Self::declare).
    ///
    /// # Panics
    /// When the variable is not of this table.
    pub fn make_local(&mut self, id: VarId, name: &str, slot: u32) {
        self.ids.remove(name.to_ascii_lowercase().as_str());
        self.list[id.0 as usize] = Name {
            spelling: name.into(),
            predefined: None,
            slot: Some(slot),
            is_constant: false,
        };
    }

    /// Of a variable of a block, its place among those that are declared and visible where it is: two of the same place are
    /// never visible at once.
    ///
    /// # Panics
    /// When the variable is not of this table.
    pub fn slot(&self, id: VarId) -> Option<u32> {
        self.list[id.0 as usize].slot
    }

    /// Whether the variable keeps the value of its declaration.
    ///
    /// # Panics
    /// When the variable is not of this table.
    pub fn is_constant(&self, id: VarId) -> bool {
        self.list[id.0 as usize].is_constant
    }

    /// Whether the variable is neither of a block nor predefined.
    ///
    /// # Panics
    /// When the variable is not of this table.
    pub fn is_free(&self, id: VarId) -> bool {
        let name = &self.list[id.0 as usize];
        name.slot.is_none() && name.predefined.is_none()
    }

    /// The variable of the whole program that has this name, in any case.
    pub fn find(&self, name: &str) -> Option<VarId> {
        self.ids.get(name.to_ascii_lowercase().as_str()).copied()
    }

    /// The variable's spelling.
    ///
    /// # Panics
    /// When the variable is not of this table.
    pub fn spelling(&self, id: VarId) -> &str {
        &self.list[id.0 as usize].spelling
    }

    /// What the variable begins with, when it is one that every program has.
    ///
    /// # Panics
    /// When the variable is not of this table.
    pub fn predefined(&self, id: VarId) -> Option<Predefined> {
        self.list[id.0 as usize].predefined
    }

    /// Appends underscores to every name that must go, until no other variable has it.
    pub fn rename(&mut self, must_go: impl Fn(&str) -> bool) {
        for index in 0..self.list.len() {
            let old = self.list[index].spelling.clone();
            if !must_go(&old) {
                continue;
            }
            let mut new = format!("{old}_");
            while self.find(&new).is_some() {
                new.push('_');
            }
            self.ids.remove(old.to_ascii_lowercase().as_str());
            self.ids
                .insert(new.to_ascii_lowercase().into(), VarId(index as u32));
            self.list[index].spelling = new.into();
        }
    }

    /// How many variables there are; ids are below this.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether the program names no variable.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Every variable with its spelling, in order.
    pub fn iter(&self) -> impl Iterator<Item = (VarId, &str)> {
        let ids = (0..).map(VarId);
        ids.zip(self.list.iter().map(|name| &*name.spelling))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_predefined_variables_is_in_order() {
        for (index, (predefined, name, since)) in Predefined::ALL.into_iter().enumerate() {
            assert_eq!(predefined as usize, index);
            assert_eq!(predefined.name(), name);
            let found = Predefined::from_name(&name.to_ascii_lowercase(), since);
            assert_eq!(found, Some(predefined));
        }
    }

    #[test]
    fn names_keep_their_first_spelling_and_order() {
        let mut names = Names::new(LanguageVersion::CURRENT);
        let ids = ["Foo", "PLAYER", "fOO", "bar"].map(|name| names.intern(name));
        assert_eq!(ids, [VarId(0), VarId(1), VarId(0), VarId(2)]);
        let spellings: Vec<&str> = names.iter().map(|(_, name)| name).collect();
        assert_eq!(spellings, ["Foo", "player", "bar"]);
        assert_eq!(names.predefined(VarId(1)), Some(Predefined::Player));
        assert_eq!(names.predefined(VarId(0)), None);
        assert_eq!(names.find("FOO"), Some(VarId(0)));
    }

    #[test]
    fn renaming_avoids_names_that_are_taken() {
        let mut names = Names::new(LanguageVersion::CURRENT);
        for name in ["Try", "try_", "other"] {
            names.intern(name);
        }
        names.rename(|name| name == "Try");
        assert_eq!(names.spelling(VarId(0)), "Try__");
        assert_eq!(names.find("TRY__"), Some(VarId(0)));
        assert_eq!(names.find("try"), None);
    }
}
