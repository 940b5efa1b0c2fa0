//! What a text says of an object that exists, laid over what the object is: where both have something and not the same,
//! that is a conflict.
//!
//! In: two descriptions, and what holds in a conflict. Out: the description that holds, and the conflicts. What is only
//! on the object stays; what is only in the text is added. It knows nothing of the world and of the text.

use moor_value::{DEPTH_MAX, ErrorCode, Map, ObjId, Str, Value};
use moor_world::{
    Access, ObjectFlags, ObjectSpec, OverrideSpec, PropFlags, PropertyName, PropertySpec,
    VerbFlags, VerbSpec,
};

use crate::builtins::Raise;

/// Values that nest deeper are not shown as they are: what conflicts are told in goes around them.
const SHOWN_DEPTH_MAX: u32 = DEPTH_MAX - 10;

/// Which part of an object a conflict is about.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// `object_flags`.
    Flags,
    /// `builtin_props`: name, owner, location, last move, orders of contents and children.
    Builtins,
    /// `parentage`.
    Parents,
    /// `property_def`: value, owner and permissions.
    Property(Str),
    /// `property_value`.
    Value(Str),
    /// `property_flag`: owner and permissions.
    Access(Str),
    /// `verb_def`: owner, permissions and arguments.
    Verb(Str),
    /// `verb_program`.
    Program(Str),
}

/// The names of the parts that are of the whole object.
const WHOLE: [(&str, Part); 3] = [
    ("object_flags", Part::Flags),
    ("builtin_props", Part::Builtins),
    ("parentage", Part::Parents),
];

/// Names of the parts that have a name of their own.
type Named = (&'static str, fn(Str) -> Part);
const NAMED: [Named; 5] = [
    ("property_def", Part::Property),
    ("property_value", Part::Value),
    ("property_flag", Part::Access),
    ("verb_def", Part::Verb),
    ("verb_program", Part::Program),
];

/// The letters of an object's flags in conflicts.
const LETTERS: [(ObjectFlags, char); 7] = [
    (ObjectFlags::PLAYER, 'u'),
    (ObjectFlags::PROGRAMMER, 'p'),
    (ObjectFlags::WIZARD, 'w'),
    (ObjectFlags::READ, 'r'),
    (ObjectFlags::WRITE, 'W'),
    (ObjectFlags::FERTILE, 'f'),
    (ObjectFlags::ANONYMOUS, 'a'),
];

impl Part {
    /// From its name, or a list of that and the name of a property or the names of a verb.
    ///
    /// # Errors
    /// E_INVARG for another name, E_TYPE for another value.
    pub(super) fn read(value: &Value) -> Result<Self, Raise> {
        if let Some(name) = value.name_text() {
            let found = WHOLE.iter().find(|(known, _)| is_called(known, name));
            return found
                .map(|(_, part)| part.clone())
                .ok_or_else(|| ErrorCode::InvArg.into());
        }
        let [kind, of] = value.as_list().ok_or(ErrorCode::Type)?.as_slice() else {
            return Err(ErrorCode::InvArg.into());
        };
        let kind = kind.name_text().ok_or(ErrorCode::Type)?;
        let found = NAMED.iter().find(|(known, _)| is_called(known, kind));
        let (_, part) = found.ok_or(ErrorCode::InvArg)?;
        Ok(part(names(of)?))
    }

    /// As programs see it; `name` makes names of strings.
    pub(super) fn shown(&self, name: &dyn Fn(&str) -> Value) -> Value {
        let words = |of: &Str| of.as_str().split_whitespace().map(name).collect::<Vec<_>>();
        let (kind, of) = match self {
            Self::Flags => return name("object_flags"),
            Self::Builtins => return name("builtin_props"),
            Self::Parents => return name("parentage"),
            Self::Property(of) => ("property_def", name(of.as_str())),
            Self::Value(of) => ("property_value", name(of.as_str())),
            Self::Access(of) => ("property_flag", name(of.as_str())),
            Self::Verb(of) => ("verb_def", Value::from(words(of))),
            Self::Program(of) => ("verb_program", Value::from(words(of))),
        };
        Value::from(vec![name(kind), of])
    }

    /// Whether whoever names this part means the other one.
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Flags, Self::Flags)
            | (Self::Builtins, Self::Builtins)
            | (Self::Parents, Self::Parents) => true,
            (Self::Property(own), Self::Value(of) | Self::Access(of))
            | (Self::Value(own), Self::Value(of))
            | (Self::Access(own), Self::Access(of)) => own.eq_fold(of),
            (Self::Verb(own), Self::Verb(of)) | (Self::Program(own), Self::Program(of)) => {
                same_words(own, of)
            }
            _ => false,
        }
    }
}

fn is_called(known: &str, name: &str) -> bool {
    known.eq_ignore_ascii_case(name)
}

/// One name, or those of a list with spaces between.
fn names(value: &Value) -> Result<Str, Raise> {
    if let Some(name) = value.name_text() {
        return Ok(Str::new(name));
    }
    let list = value.as_list().ok_or(ErrorCode::Type)?;
    let words: Option<Vec<&str>> = list.iter().map(Value::name_text).collect();
    Ok(words.ok_or(ErrorCode::Type)?.join(" ").into())
}

/// Whether the names of verbs are the same, in any order and case.
fn same_words(one: &Str, other: &Str) -> bool {
    let words = |names: &Str| {
        let mut words: Vec<String> = names
            .as_str()
            .split_whitespace()
            .map(str::to_lowercase)
            .collect();
        words.sort_unstable();
        words
    };
    words(one) == words(other)
}

/// Where object and text are not the same.
#[derive(Clone, Debug)]
pub(super) struct Conflict {
    /// Which part.
    pub(super) part: Part,
    /// How it is.
    pub(super) now: Value,
    /// What the text says.
    pub(super) text: Value,
}

/// What holds in a conflict.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    /// The text, unless the object.
    pub(super) text_holds: bool,
    /// For which parts the text holds in any case.
    pub(super) overrides: Vec<Part>,
}

/// The text laid over the object: what holds, and the conflicts.
pub(super) fn laid_over(
    now: &ObjectSpec,
    text: &ObjectSpec,
    policy: &Policy,
) -> (ObjectSpec, Vec<Conflict>) {
    let mut judge = Judge {
        policy,
        conflicts: Vec::new(),
    };
    let mut spec = judge.whole(now, text);
    spec.properties = judge.properties(&now.properties, &text.properties);
    spec.overrides = judge.overrides(&now.overrides, &text.overrides);
    spec.verbs = judge.verbs(&now.verbs, &text.verbs);
    (spec, judge.conflicts)
}

struct Judge<'p> {
    policy: &'p Policy,
    conflicts: Vec<Conflict>,
}

impl Judge<'_> {
    /// Whether the text holds for a part that is as `now` and is to be as `text`: nothing is noted where these are the
    /// same.
    fn text_holds(&mut self, part: Part, now: Value, text: Value) -> bool {
        if now.equal_case_sensitive(&text) {
            return true;
        }
        let Policy {
            text_holds,
            overrides,
        } = self.policy;
        let holds = *text_holds || overrides.iter().any(|one| one.covers(&part));
        self.conflicts.push(Conflict { part, now, text });
        holds
    }

    fn whole(&mut self, now: &ObjectSpec, text: &ObjectSpec) -> ObjectSpec {
        let mut spec = now.clone();
        spec.place = text.place;
        if self.text_holds(Part::Flags, letters(now.flags), letters(text.flags)) {
            spec.flags = text.flags;
        }
        let (old, new) = builtins(now, text);
        if self.text_holds(Part::Builtins, old, new) {
            spec.name = text.name.clone();
            spec.owner = text.owner;
            spec.location = text.location;
            if !text.last_move.is_none() {
                spec.last_move = text.last_move.clone();
            }
            spec.contents = text.contents.clone();
            spec.children = text.children.clone();
        } else {
            // An order that the object has is not one to be made.
            (spec.contents, spec.children) = (None, None);
        }
        if self.text_holds(Part::Parents, objects(&now.parents), objects(&text.parents)) {
            spec.parents.clone_from(&text.parents);
        }
        spec
    }

    fn properties(&mut self, now: &[PropertySpec], text: &[PropertySpec]) -> Vec<PropertySpec> {
        let same = |one: &PropertySpec, other: &PropertySpec| one.name.eq_fold(&other.name);
        joined(now, text, same, |now, text| {
            let (old, new) = (setting(now.value.as_ref()), setting(text.value.as_ref()));
            let value_holds = self.text_holds(Part::Value(now.name.clone()), old, new);
            let (old, new) = (property_access(now.access), property_access(text.access));
            let access_holds = self.text_holds(Part::Access(now.name.clone()), old, new);
            let of_value = if value_holds { text } else { now };
            let of_access = if access_holds { text } else { now };
            PropertySpec {
                name: of_value.name.clone(),
                access: of_access.access,
                value: of_value.value.clone(),
                place: text.place,
            }
        })
    }

    fn overrides(&mut self, now: &[OverrideSpec], text: &[OverrideSpec]) -> Vec<OverrideSpec> {
        let same = |one: &OverrideSpec, other: &OverrideSpec| {
            same_property(&one.property, &other.property)
        };
        joined(now, text, same, |now, text| {
            let name = || now.property.name.clone();
            // A value that is clear is nothing that could be lost.
            let value_holds = now.value.is_none() || {
                let (old, new) = (setting(now.value.as_ref()), setting(text.value.as_ref()));
                self.text_holds(Part::Value(name()), old, new)
            };
            let access = match (now.access, text.access) {
                (Some(old), Some(new)) => {
                    let (shown, wanted) = (property_access(old), property_access(new));
                    let holds = self.text_holds(Part::Access(name()), shown, wanted);
                    Some(if holds { new } else { old })
                }
                (old, new) => new.or(old),
            };
            let of_value = if value_holds { text } else { now };
            OverrideSpec {
                property: text.property.clone(),
                access,
                value: of_value.value.clone(),
                place: text.place,
            }
        })
    }

    fn verbs(&mut self, now: &[VerbSpec], text: &[VerbSpec]) -> Vec<VerbSpec> {
        let same = |one: &VerbSpec, other: &VerbSpec| one.names.eq_fold(&other.names);
        joined(now, text, same, |now, text| {
            let names = || now.names.clone();
            let head_holds = self.text_holds(Part::Verb(names()), verb_head(now), verb_head(text));
            let (old, new) = (lines(&now.source), lines(&text.source));
            let code_holds = self.text_holds(Part::Program(names()), old, new);
            let of_head = if head_holds { text } else { now };
            let of_code = if code_holds { text } else { now };
            VerbSpec {
                source: of_code.source.clone(),
                place: text.place,
                ..of_head.clone()
            }
        })
    }
}

/// The old ones, each with the first new one that is the same, then the new ones that there was none of.
fn joined<T: Clone>(
    now: &[T],
    text: &[T],
    same: impl Fn(&T, &T) -> bool,
    mut both: impl FnMut(&T, &T) -> T,
) -> Vec<T> {
    let mut open: Vec<Option<&T>> = text.iter().map(Some).collect();
    let mut all = Vec::new();
    for old in now {
        let found = open
            .iter_mut()
            .find(|new| new.is_some_and(|new| same(old, new)));
        let new = found.and_then(Option::take);
        all.push(new.map_or_else(|| old.clone(), |new| both(old, new)));
    }
    all.extend(open.into_iter().flatten().cloned());
    all
}

/// Whether two names of inherited properties are of the same one; the definer need not be told.
pub(super) fn same_property(one: &PropertyName, other: &PropertyName) -> bool {
    let same_definer = match (one.definer, other.definer) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    same_definer && one.name.eq_fold(&other.name)
}

/// The built-in properties that are not the same, by name: as they are and as the text says.
fn builtins(now: &ObjectSpec, text: &ObjectSpec) -> (Value, Value) {
    let (mut old, mut new) = (Map::new(), Map::new());
    let mut compare = |name: &str, was: Value, wanted: Value| {
        if !was.equal_case_sensitive(&wanted) {
            old.insert_value(name.into(), was);
            new.insert_value(name.into(), wanted);
        }
    };
    let name = |one: &ObjectSpec| Value::Str(one.name.clone());
    compare("name", name(now), name(text));
    compare("owner", Value::Obj(now.owner), Value::Obj(text.owner));
    let location = |one: &ObjectSpec| Value::Obj(one.location);
    compare("location", location(now), location(text));
    if !text.last_move.is_none() {
        let was = Some(&now.last_move).filter(|was| !was.is_none());
        compare("last_move", setting(was), setting(Some(&text.last_move)));
    }
    let mut order = |name: &str, was: &Option<Vec<ObjId>>, wanted: &Option<Vec<ObjId>>| {
        if let Some(wanted) = wanted {
            let was = was.as_deref().unwrap_or_default();
            compare(name, objects(was), objects(wanted));
        }
    };
    order("contents", &now.contents, &text.contents);
    order("children", &now.children, &text.children);
    (Value::Map(old), Value::Map(new))
}

fn letters(flags: ObjectFlags) -> Value {
    let set = LETTERS.iter().filter(|(flag, _)| flags.has(*flag));
    let letters: String = set.map(|(_, letter)| *letter).collect();
    Value::from(letters.as_str())
}

fn objects(ids: &[ObjId]) -> Value {
    Value::from(ids.iter().copied().map(Value::Obj).collect::<Vec<_>>())
}

/// A value, in a list; an empty list for one that is clear. One that nests so deep that no list could hold it is its literal.
fn setting(value: Option<&Value>) -> Value {
    let shown = |value: &Value| match value.depth() < SHOWN_DEPTH_MAX {
        true => value.clone(),
        false => Value::from(value.to_literal()),
    };
    Value::from(value.map(shown).into_iter().collect::<Vec<_>>())
}

/// Owner and permissions as `property_info()` has them.
fn property_access(access: Access<PropFlags>) -> Value {
    let flags = access.flags.to_string();
    Value::from(vec![Value::Obj(access.owner), Value::from(flags.as_str())])
}

/// Owner and permissions as in `verb_info()`, then the arguments.
fn verb_head(verb: &VerbSpec) -> Value {
    let Access { owner, flags }: Access<VerbFlags> = verb.access;
    let args = [
        verb.args.dobj.name(),
        verb.args.prep.name(),
        verb.args.iobj.name(),
    ];
    let args: Vec<Value> = args.into_iter().map(Value::from).collect();
    let flags = flags.to_string();
    Value::from(vec![
        Value::Obj(owner),
        Value::from(flags.as_str()),
        Value::from(args),
    ])
}

fn lines(source: &str) -> Value {
    Value::from(source.lines().map(Value::from).collect::<Vec<_>>())
}
