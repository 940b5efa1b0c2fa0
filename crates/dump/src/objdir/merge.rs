//! A directory put into a world that has objects already.
//! In: descriptions of both, and what happens to an object that both have and that is not the same. Out: the description
//! of the world as it will be, with every difference in words; or, if that was asked for, the conflicts.

use std::collections::BTreeMap;
use std::fmt;

use moor_value::{ObjId, Str, Value};

use crate::error::write_lines;

use super::describe::FLAGS;
use super::spec::{
    Access, ObjectSpec, OverrideSpec, PropertyName, PropertySpec, VerbSpec, WaifSpec, WorldSpec,
};
use super::{Named, literal};

/// What happens to an object that is in the world and, not the same, in the directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnConflict {
    /// Nothing is done at all.
    #[default]
    Fail,
    /// It stays as it is in the world.
    Skip,
    /// It becomes as it is in the directory.
    Overwrite,
    /// What the directory says of it holds; properties and verbs that only the world's has stay.
    Merge,
}

/// An object that is not the same in both.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conflict {
    /// The object, as `#12`, `anonymous 3` or `waif 4`.
    pub subject: String,
    /// What differs, a line each.
    pub differences: Vec<String>,
}

/// Objects that are not the same in both; never empty. As text: a line for each difference.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conflicts(pub Vec<Conflict>);

impl fmt::Display for Conflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_lines(f, self.0.iter().flat_map(|conflict| &conflict.differences))
    }
}

impl std::error::Error for Conflicts {}

/// What becomes of a world.
#[derive(Clone, Debug)]
pub struct Merged {
    /// The world as it will be.
    pub world: WorldSpec,
    /// How it will differ.
    pub changes: Changes,
}

/// How a world will differ. As text: a line for each difference.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// Objects that are new.
    pub added: u64,
    /// Objects that change.
    pub changed: u64,
    /// Objects that are not the same in both and stay as they are.
    pub kept: u64,
    /// The differences in words.
    pub lines: Vec<String>,
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines
            .iter()
            .try_for_each(|line| writeln!(f, "{line}"))?;
        let Self {
            added,
            changed,
            kept,
            ..
        } = self;
        write!(
            f,
            "{added} added, {changed} changed, {kept} kept as they are"
        )
    }
}

pub(crate) fn merge(
    into: WorldSpec,
    from: WorldSpec,
    on_conflict: OnConflict,
) -> Result<Merged, Conflicts> {
    let mut merger = Merger {
        on_conflict,
        changes: Changes::default(),
        conflicts: Vec::new(),
    };
    let mut world = into;
    world.max_object = world.max_object.max(from.max_object);
    world.players = from.players.or(world.players);
    merger.part(&mut world.objects, from.objects, &|id: &ObjId| {
        id.to_string()
    });
    merger.part(&mut world.anons, from.anons, &|id| {
        format!("anonymous {id}")
    });
    merger.part(&mut world.waifs, from.waifs, &|id| format!("waif {id}"));
    match merger.conflicts.is_empty() {
        true => Ok(Merged {
            world,
            changes: merger.changes,
        }),
        false => Err(Conflicts(merger.conflicts)),
    }
}

struct Merger {
    on_conflict: OnConflict,
    changes: Changes,
    conflicts: Vec<Conflict>,
}

/// What there is one of under each number.
trait Part: PartialEq + Clone {
    /// A word about it when it is new.
    fn title(&self) -> String;
    /// What would be different, in words that begin with the subject.
    fn differences(&self, new: &Self, subject: &str) -> Vec<String>;
    /// This, with what the other says.
    fn with(self, new: Self) -> Self;
}

impl Merger {
    fn part<K: Ord, P: Part>(
        &mut self,
        into: &mut BTreeMap<K, P>,
        from: BTreeMap<K, P>,
        subject: &dyn Fn(&K) -> String,
    ) {
        for (id, new) in from {
            let subject = subject(&id);
            let merged = match into.get(&id) {
                None => {
                    self.changes.added += 1;
                    let line = format!("{subject}: new: {}", new.title());
                    self.changes.lines.push(line);
                    Some(new)
                }
                Some(old) => self.decide(&subject, old, new),
            };
            if let Some(merged) = merged {
                into.insert(id, merged);
            }
        }
    }

    /// What an object becomes; `None` where it stays.
    fn decide<P: Part>(&mut self, subject: &str, old: &P, new: P) -> Option<P> {
        let wanted = match self.on_conflict {
            OnConflict::Merge => old.clone().with(new),
            _ => new,
        };
        let differences = old.differences(&wanted, subject);
        if differences.is_empty() {
            return None;
        }
        match self.on_conflict {
            OnConflict::Fail => self.conflicts.push(Conflict {
                subject: subject.to_owned(),
                differences,
            }),
            OnConflict::Skip => self.changes.kept += 1,
            OnConflict::Overwrite | OnConflict::Merge => {
                self.changes.changed += 1;
                self.changes.lines.extend(differences);
                return Some(wanted);
            }
        }
        None
    }
}

impl Part for ObjectSpec {
    fn title(&self) -> String {
        literal(&Value::Str(self.name.clone()))
    }

    fn differences(&self, new: &Self, subject: &str) -> Vec<String> {
        let mut lines = Vec::new();
        let mut field = |name: &str, old: String, new: String| {
            if old != new {
                lines.push(format!("{subject}: {name} {old} -> {new}"));
            }
        };
        field("name", self.title(), new.title());
        field("owner", self.owner.to_string(), new.owner.to_string());
        field("flags", flags(self), flags(new));
        field("parents", objects(&self.parents), objects(&new.parents));
        let location = |one: &Self| one.location.to_string();
        field("location", location(self), location(new));
        field(
            "last_move",
            literal(&self.last_move),
            literal(&new.last_move),
        );
        let order = |one: &Option<Vec<ObjId>>| objects(one.as_deref().unwrap_or_default());
        field("contents", order(&self.contents), order(&new.contents));
        field("children", order(&self.children), order(&new.children));
        let name = |property: &PropertySpec| property.name.as_str().to_owned();
        let text = |property: &PropertySpec| owned(property.access, property.value.as_ref());
        let dot = |name: &str| format!("{subject}.{name}");
        compare(
            &mut lines,
            (&self.properties, &new.properties),
            name,
            text,
            dot,
        );
        let name = |property: &OverrideSpec| property_name(&property.property);
        let dot = |name: &str| format!("{subject}.{name} (inherited)");
        compare(
            &mut lines,
            (&self.overrides, &new.overrides),
            name,
            overridden,
            dot,
        );
        compare_verbs(&mut lines, subject, (&self.verbs, &new.verbs));
        lines
    }

    fn with(self, new: Self) -> Self {
        let name = |property: &PropertySpec| property.name.as_str().to_lowercase();
        let properties = laid_over(self.properties, new.properties, name);
        let name = |property: &OverrideSpec| property_name(&property.property).to_lowercase();
        let overrides = laid_over(self.overrides, new.overrides, name);
        let name = |verb: &VerbSpec| verb.names.as_str().to_lowercase();
        let verbs = laid_over(self.verbs, new.verbs, name);
        Self {
            properties,
            overrides,
            verbs,
            last_move: match new.last_move.is_none() {
                true => self.last_move,
                false => new.last_move.clone(),
            },
            contents: new.contents.clone().or(self.contents),
            children: new.children.clone().or(self.children),
            ..new
        }
    }
}

impl Part for WaifSpec {
    fn title(&self) -> String {
        format!("of {}", self.class)
    }

    fn differences(&self, new: &Self, subject: &str) -> Vec<String> {
        let mut lines = Vec::new();
        if (self.class, self.owner) != (new.class, new.owner) {
            let one = |waif: &Self| format!("of {} and {}", waif.class, waif.owner);
            lines.push(format!("{subject}: {} -> {}", one(self), one(new)));
        }
        let name = |(name, _): &(PropertyName, Value)| property_name(name);
        let text = |(_, value): &(PropertyName, Value)| literal(value);
        let dot = |name: &str| format!("{subject}.{name}");
        compare(&mut lines, (&self.values, &new.values), name, text, dot);
        lines
    }

    fn with(self, new: Self) -> Self {
        let name = |(name, _): &(PropertyName, Value)| property_name(name).to_lowercase();
        Self {
            values: laid_over(self.values, new.values, name),
            ..new
        }
    }
}

/// The old ones, each replaced by the new one of its name, then the new ones that there was none of.
fn laid_over<T>(old: Vec<T>, new: Vec<T>, name: impl Fn(&T) -> String) -> Vec<T> {
    let mut open: Vec<Option<T>> = new.into_iter().map(Some).collect();
    let mut take = |wanted: &str| {
        let is = |one: &Option<T>| one.as_ref().is_some_and(|one| name(one) == wanted);
        let place = open.iter().position(is)?;
        open[place].take()
    };
    let mut all: Vec<T> = Vec::new();
    for one in old {
        let name = name(&one);
        all.push(take(&name).unwrap_or(one));
    }
    all.extend(open.into_iter().flatten());
    all
}

/// Lines for what has another text, is new or is gone; and for another order.
fn compare<T>(
    lines: &mut Vec<String>,
    (old, new): (&[T], &[T]),
    name: impl Fn(&T) -> String,
    text: impl Fn(&T) -> String,
    subject: impl Fn(&str) -> String,
) {
    let named =
        |all: &[T]| -> Named<String> { all.iter().map(|one| (name(one), text(one))).collect() };
    let (before, after) = (named(old), named(new));
    let count = lines.len();
    for (name, old) in &before {
        match after.get(name) {
            None => lines.push(format!("{}: gone: {old}", subject(name))),
            Some(new) if new != old => lines.push(format!("{}: {old} -> {new}", subject(name))),
            Some(_) => {}
        }
    }
    for (name, new) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
        lines.push(format!("{}: new: {new}", subject(name)));
    }
    let order = |all: &[T]| -> Vec<String> { all.iter().map(&name).collect() };
    if lines.len() == count && order(old) != order(new) {
        let order = order(new).join(", ");
        lines.push(format!("{}: another order: {order}", subject("*")));
    }
}

fn compare_verbs(lines: &mut Vec<String>, subject: &str, (old, new): (&[VerbSpec], &[VerbSpec])) {
    let head = |verb: &VerbSpec| {
        let args = verb.args;
        let (dobj, prep, iobj) = (args.dobj.name(), args.prep.name(), args.iobj.name());
        let access = verb.access;
        format!(
            "({dobj} {prep} {iobj}) ({}, \"{}\")",
            access.owner, access.flags
        )
    };
    let (old, new) = (told_apart(old), told_apart(new));
    let name = |(name, _): &(String, &VerbSpec)| name.clone();
    let text = |(_, verb): &(String, &VerbSpec)| head(verb);
    let colon = |name: &str| format!("{subject}:{name}");
    compare(lines, (&old, &new), name, text, colon);
    for (name, verb) in &new {
        let before = old.iter().find(|(before, _)| before == name);
        if let Some((_, before)) = before.filter(|(_, before)| before.source != verb.source) {
            lines.push(format!("{}: code", colon(name)));
            lines.extend(changed_lines(&before.source, &verb.source));
        }
    }
}

/// Each verb with what it is called here: its names, and which one it is if others before it have the same.
fn told_apart(verbs: &[VerbSpec]) -> Vec<(String, &VerbSpec)> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let told = verbs.iter().map(|verb| {
        let names = verb.names.as_str();
        let nth = seen.entry(names).or_default();
        *nth += 1;
        let name = match *nth {
            1 => names.to_owned(),
            nth => format!("{names} (number {nth} of this name)"),
        };
        (name, verb)
    });
    told.collect()
}

/// The lines between what both begin with and what both end with, as `- old` and `+ new`.
fn changed_lines(old: &str, new: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let pairs = old.iter().zip(&new);
    let begin = pairs.take_while(|(one, other)| one == other).count();
    let rest = (old.len() - begin).min(new.len() - begin);
    let pairs = old.iter().rev().zip(new.iter().rev()).take(rest);
    let end = pairs.take_while(|(one, other)| one == other).count();
    let removed = old[begin..old.len() - end].iter();
    let added = new[begin..new.len() - end].iter();
    removed
        .map(|line| format!("  - {line}"))
        .chain(added.map(|line| format!("  + {line}")))
        .collect()
}

fn flags(object: &ObjectSpec) -> String {
    let set = FLAGS.iter().filter(|(flag, _)| object.flags.has(*flag));
    let words: Vec<&str> = set.map(|(_, word)| *word).collect();
    format!("\"{}\"", words.join(" "))
}

fn objects(ids: &[ObjId]) -> String {
    let ids: Vec<String> = ids.iter().map(ObjId::to_string).collect();
    format!("{{{}}}", ids.join(", "))
}

fn owned(access: Access<moor_world::PropFlags>, value: Option<&Value>) -> String {
    let value = value.map_or_else(|| "clear".to_owned(), literal);
    format!("({}, \"{}\") {value}", access.owner, access.flags)
}

fn overridden(property: &OverrideSpec) -> String {
    let value = property.value.as_ref();
    match property.access {
        Some(access) => owned(access, value),
        None => value.map_or_else(|| "clear".to_owned(), literal),
    }
}

fn property_name(called: &PropertyName) -> String {
    let name: &Str = &called.name;
    match called.definer {
        Some(definer) => format!("{name} of {definer}"),
        None => name.as_str().to_owned(),
    }
}
