//! Commands in the hands of programs: a line taken apart, the verb that it means, and that verb run as the server runs it.
//!
//! In: lines, objects in reach, what a line was taken apart into. Out: maps, verbs, calls. Words and prepositions are the `command`
//! crate's knowledge, and which verb fits is that of [`crate::command`], which runs users' own lines.

use moor_command::{ParsedCommand, Preposition, Ranking, Tier, literal_match, split_ordinal};
use moor_value::{ErrorCode, List, Map, ObjId, Str, Sym, Symbol, Value};
use moor_vm::{Call, Command};
use moor_world::{Entity, PrepSpec, ResolvedVerb, VerbFlags};
use rustc_hash::FxHashSet;

use super::likeness::Pace;
use super::target::object;
use crate::builtins::arg::Args;
use crate::builtins::env::{Answer, Env, Reply, named_map, value};
use crate::builtins::spec::world;
use crate::builtins::{BuiltinSpec, Raise};
use crate::command::{find_on, names, spelled};

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!("parse_command", 2..=3, [Str, List, Any], MooR, parse_command)
        .doc(
            "line environment leniently",
            "MAP",
            "A line taken apart as the server does it: `verb`, `argstr`, `args`, `dobjstr`, `dobj`, `prepstr`, `prep` (its number, \
             -1 for none), `iobjstr`, `iobj`, and in `ambiguous_dobj` and `ambiguous_iobj` the objects among which the command does \
             not choose. Objects are looked for among those of the environment, each an object or a list of one and its names; \
             then in the player and the player's location, where these are among them. `leniently` looks for them in the ways of \
             `complex_match()`, with slips of the pen.",
        )
        .raises(
            "E_PERM unless a wizard calls; E_INVARG if the line has no word; E_TYPE if something else is in the environment",
        )
        .permission("wizards"),
    world!("find_command_verb", 2..=2, [Map, List], MooR, find_command_verb)
        .doc(
            "parsed environment",
            "LIST",
            "The verb that a line means which `parse_command()` has taken apart, looked for on the objects of the environment, then \
             on the direct and the indirect object: `{{object, {owner, permissions, names, word}}}`, or `{}`. Verbs that the caller \
             may not read are passed over.",
        )
        .raises("E_INVARG if an entry of the map is missing; E_TYPE if one is of another type, or something else is in the environment"),
    world!("dispatch_command_verb", 3..=3, [Obj, Name, Map], MooR, dispatch_command_verb)
        .doc(
            "object verb parsed",
            "value",
            "Runs a verb of an object as the server runs that of a command: callable or not, with the variables of the command that \
             `parse_command()` has taken apart, the player as `caller`, and #-1 as `caller_perms()`. Returns what it returns.",
        )
        .raises(
            "E_PERM unless a wizard calls; E_INVARG if the object is gone or an entry of the map is missing; E_VERBNF if there is \
             no such verb; E_MAXREC if the calls are too deep already",
        )
        .permission("wizards"),
    world!("prepositions", 0..=0, [], MooR, prepositions).doc(
        "",
        "LIST",
        "Every preposition as `{number, first spelling, {spellings, ...}}`, numbered from 1.",
    ),
];

/// How far a name may be from what was typed, where slips of the pen are allowed.
const FUZZINESS: f64 = 0.5;

/// An object in reach, with names of its own where the program says which.
struct Candidate {
    object: ObjId,
    names: Option<List>,
}

/// What a string of a command means.
struct Meaning {
    object: ObjId,
    /// The objects that it may mean, if it is ambiguous.
    among: List,
}

/// Where strings of a command are looked for.
struct Reach {
    player: ObjId,
    here: ObjId,
    candidates: Vec<Candidate>,
    is_lenient: bool,
}

fn prepositions(_: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    let row = |preposition: Preposition| {
        let spellings = preposition.spellings().split('/').map(Value::from);
        let spellings: Vec<Value> = spellings.collect();
        Value::from(vec![
            Value::Int(i64::from(preposition.number()) + 1),
            spellings[0].clone(),
            Value::from(spellings),
        ])
    };
    let all = (0..).map_while(Preposition::from_number);
    value(all.map(row).collect::<List>())
}

fn parse_command(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let parsed = ParsedCommand::parse(args.str(0)?.as_str()).ok_or(ErrorCode::InvArg)?;
    let reach = Reach::read(env, args.list(1)?, args.flag(2))?;
    let dobj = reach.meaning(env, &parsed.dobjstr)?;
    let iobj = reach.meaning(env, &parsed.iobjstr)?;
    let prep = parsed.preposition.map_or(PrepSpec::None, PrepSpec::Is);
    let words: List = parsed
        .args
        .iter()
        .map(|word| word.as_str().into())
        .collect();
    Ok(Answer::Value(named_map([
        ("verb", Value::from(parsed.verb)),
        ("argstr", Value::from(parsed.argstr)),
        ("args", Value::List(words)),
        ("dobjstr", Value::from(parsed.dobjstr)),
        ("dobj", Value::Obj(dobj.object)),
        ("ambiguous_dobj", Value::List(dobj.among)),
        ("prepstr", Value::from(parsed.prepstr)),
        ("prep", Value::Int(prep.number())),
        ("iobjstr", Value::from(parsed.iobjstr)),
        ("iobj", Value::Obj(iobj.object)),
        ("ambiguous_iobj", Value::List(iobj.among)),
    ])))
}

impl Reach {
    fn read(env: &mut Env<'_, '_, '_>, list: &List, is_lenient: bool) -> Result<Self, Raise> {
        let player = env.context.frame().player();
        let candidates = list.iter().map(Candidate::read).collect::<Result<_, _>>()?;
        Ok(Self {
            player,
            here: env.stretch.txn.location(Entity::object(player)),
            candidates,
            is_lenient,
        })
    }

    /// What a string means: an object by number or by `me` and `here`, one of the candidates, or one in the player or the player's
    /// location.
    fn meaning(&self, env: &mut Env<'_, '_, '_>, text: &str) -> Result<Meaning, Raise> {
        let txn = &mut env.stretch.txn;
        let literal = literal_match(text, self.player, self.here, |id| txn.valid_object(id));
        if let Some(object) = literal {
            return Ok(Meaning::of(object));
        }
        let among_them = self.search(env, text, &self.candidates)?;
        if among_them.object != ObjId::FAILED {
            return Ok(among_them);
        }
        let places = [self.player, self.here];
        let places = places
            .into_iter()
            .filter(|place| self.candidates.iter().any(|one| one.object == *place));
        let inside: Vec<Candidate> = places
            .flat_map(|place| env.stretch.txn.contents(place).into_vec())
            .filter_map(|thing| Candidate::read(&thing).ok())
            .collect();
        self.search(env, text, &inside)
    }

    fn search(
        &self,
        env: &mut Env<'_, '_, '_>,
        text: &str,
        candidates: &[Candidate],
    ) -> Result<Meaning, Raise> {
        let whole = self.rank(env, text, candidates)?;
        let object = |at: usize| candidates[at].object;
        if !self.is_lenient {
            let tiers = [Tier::Exact, Tier::Prefix].map(|tier| whole.of(tier));
            let best = tiers.into_iter().find(|tier| !tier.is_empty());
            return Ok(Meaning::among(
                best.unwrap_or_default().iter().map(|at| object(*at)),
            ));
        }
        match split_ordinal(text) {
            Some((ordinal, name)) if whole.of(Tier::Exact).is_empty() => {
                let ranking = self.rank(env, name, candidates)?;
                let mut seen = FxHashSet::default();
                let mut all = ranking.all().map(object).filter(|id| seen.insert(*id));
                Ok(Meaning::among(all.nth(ordinal - 1)))
            }
            _ => Ok(Meaning::among(whole.best().iter().map(|at| object(*at)))),
        }
    }

    fn rank<'a>(
        &self,
        env: &mut Env<'_, '_, '_>,
        text: &'a str,
        candidates: &[Candidate],
    ) -> Result<Ranking<'a>, Raise> {
        let mut ranking = Ranking::new(text, if self.is_lenient { FUZZINESS } else { 0.0 });
        let mut pace = Pace::default();
        for (at, candidate) in candidates.iter().enumerate() {
            pace.step(env.stretch, "")?;
            if !env.stretch.txn.valid_object(candidate.object) {
                continue;
            }
            match &candidate.names {
                Some(own) => {
                    let names = own.iter().filter_map(Value::as_str).map(Str::as_str);
                    ranking.consider(at, names.map(|name| pace.step(env.stretch, name)))?;
                }
                None => {
                    let (name, aliases) = names(&mut env.stretch.txn, candidate.object);
                    let names = spelled(&name, &aliases);
                    ranking.consider(at, names.map(|name| pace.step(env.stretch, name)))?;
                }
            }
        }
        Ok(ranking)
    }
}

impl Candidate {
    /// `object` or `{object, names...}`.
    fn read(value: &Value) -> Result<Self, Raise> {
        let (object, names) = match value {
            Value::List(list) => match list.as_slice() {
                [first, names @ ..] => (first, Some(names.iter().cloned().collect())),
                [] => return Err(ErrorCode::Type.into()),
            },
            one => (one, None),
        };
        let object = object.as_obj().ok_or(ErrorCode::Type)?;
        Ok(Self { object, names })
    }
}

impl Meaning {
    fn of(object: ObjId) -> Self {
        let among = List::new();
        Self { object, among }
    }

    /// None, one, or one of several.
    fn among(objects: impl IntoIterator<Item = ObjId>) -> Self {
        let mut seen = FxHashSet::default();
        let mut objects: Vec<ObjId> = objects.into_iter().collect();
        objects.retain(|object| seen.insert(*object));
        match objects.as_slice() {
            [] => Self::of(ObjId::FAILED),
            [one] => Self::of(*one),
            several => Self {
                object: ObjId::AMBIGUOUS,
                among: several.iter().copied().map(Value::Obj).collect(),
            },
        }
    }
}

/// The entry of a map that `parse_command()` has made; its name may be a symbol.
fn entry<'a>(map: &'a Map, name: &str) -> Result<&'a Value, Raise> {
    let found = map.get(&Value::from(name));
    let found = found.or_else(|| map.get(&Value::Sym(Sym::new(name))));
    found.ok_or_else(|| ErrorCode::InvArg.into())
}

/// An entry of a map, read by one of `Value`'s accessors.
fn read<'a, T>(
    map: &'a Map,
    name: &str,
    accessor: impl FnOnce(&'a Value) -> Option<T>,
) -> Result<T, Raise> {
    accessor(entry(map, name)?).ok_or_else(|| ErrorCode::Type.into())
}

/// Direct object, preposition and indirect object of a map.
fn objects(map: &Map) -> Result<(ObjId, PrepSpec, ObjId), Raise> {
    let prep = PrepSpec::from_number(read(map, "prep", Value::as_int)?).ok_or(ErrorCode::InvArg)?;
    let dobj = read(map, "dobj", Value::as_obj)?;
    Ok((dobj, prep, read(map, "iobj", Value::as_obj)?))
}

fn find_command_verb(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let parsed = args.map(0)?;
    let word = read(parsed, "verb", Value::name_text)?;
    let objects = objects(parsed)?;
    let places = args.list(1)?.iter().map(Candidate::read);
    let mut places: Vec<ObjId> = places
        .map(|place| place.map(|place| place.object))
        .collect::<Result<_, _>>()?;
    places.extend([objects.0, objects.2]);
    for place in places {
        if env.stretch.is_late() {
            return Err(ErrorCode::Quota.into());
        }
        let found = find_on(&mut env.stretch.txn, place, word, objects);
        if let Some(found) = found.filter(|found| is_readable(env, found)) {
            let verb = &found.verb;
            let info = vec![
                Value::Obj(verb.owner),
                Value::from(verb.flags.to_string()),
                Value::Str(verb.names.clone()),
                Value::from(word),
            ];
            let row = vec![Value::Obj(place), Value::from(info)];
            return value(vec![Value::from(row)]);
        }
    }
    value(List::new())
}

fn is_readable(env: &mut Env<'_, '_, '_>, found: &ResolvedVerb) -> bool {
    found.verb.flags.has(VerbFlags::READ) || found.verb.owner == env.perms() || env.is_wizard()
}

fn dispatch_command_verb(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let (target, name, parsed) = (object(args, 0)?, args.str(1)?.clone(), args.map(2)?);
    if !env.stretch.txn.valid_object(target) {
        return Err(ErrorCode::InvArg.into());
    }
    let objects = objects(parsed)?;
    let command = command(parsed)?;
    let words = read(parsed, "args", Value::as_list)?.clone();
    let txn = &mut env.stretch.txn;
    let found = find_on(txn, target, name.as_str(), objects)
        .or_else(|| txn.find_callable_verb(Entity::object(target), Symbol::intern(name.as_str())));
    let found = found.ok_or(ErrorCode::VerbNf)?;
    if env.context.depth() >= env.stretch.limits.stack_depth {
        return Err(ErrorCode::MaxRec.into());
    }
    Ok(Answer::Call(Box::new(Call {
        verb: env.stretch.ready_verb(&found),
        this: Value::Obj(target),
        called_as: name,
        args: words.into_vec(),
        command: Some(command),
        as_command: true,
        then: None,
    })))
}

/// The variables of a command.
fn command(parsed: &Map) -> Result<Command, Raise> {
    let text = |name| read(parsed, name, Value::as_str).map(|text| Value::Str(text.clone()));
    Ok(Command {
        argstr: text("argstr")?,
        dobj: entry(parsed, "dobj")?.clone(),
        dobjstr: text("dobjstr")?,
        prepstr: text("prepstr")?,
        iobj: entry(parsed, "iobj")?.clone(),
        iobjstr: text("iobjstr")?,
    })
}
