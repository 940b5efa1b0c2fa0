//! The starter world as a textdump of format 4.
//!
//! In: objects as people wrote them. Out: the text of the file (docs/formats/textdump.md), or what does not fit. It
//! knows nothing of the language: programs are copied as they are.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::source::{Definition, Literal, Object, Verb};

/// The prepositions by number, each with the one word that the sources use.
const PREPOSITIONS: [&str; 15] = [
    "with",
    "at",
    "in-front-of",
    "in",
    "on",
    "from",
    "over",
    "through",
    "under",
    "behind",
    "beside",
    "for",
    "is",
    "as",
    "off",
];

/// Names that mean something built in on every object, so that no property can have them.
const BUILT_IN: [&str; 10] = [
    "name",
    "owner",
    "programmer",
    "wizard",
    "r",
    "w",
    "f",
    "a",
    "location",
    "contents",
];

struct World<'a> {
    objects: &'a BTreeMap<i64, Object>,
    labels: BTreeMap<&'a str, i64>,
    out: String,
}

/// Writes the file.
pub(crate) fn write(objects: &BTreeMap<i64, Object>) -> Result<String, String> {
    let labels = objects
        .values()
        .map(|object| (object.label.as_str(), object.number))
        .collect();
    let mut world = World {
        objects,
        labels,
        out: String::new(),
    };
    world.all()?;
    Ok(world.out)
}

impl World<'_> {
    fn line(&mut self, text: impl std::fmt::Display) {
        let _ = writeln!(self.out, "{text}");
    }

    fn all(&mut self) -> Result<(), String> {
        let objects = self.objects;
        if objects.keys().copied().ne(0..objects.len() as i64) {
            return Err("the numbers of the objects have gaps".to_owned());
        }
        let programs: usize = objects.values().map(|object| object.verbs.len()).sum();
        let players: Vec<i64> = objects
            .values()
            .filter(|object| has(object, "player"))
            .map(|object| object.number)
            .collect();
        self.line("** LambdaMOO Database, Format Version 4 **");
        self.line(objects.len());
        self.line(programs);
        self.line(0);
        self.line(players.len());
        players.iter().for_each(|player| self.line(player));
        objects
            .values()
            .try_for_each(|object| self.object(object))?;
        objects.values().for_each(|object| self.programs(object));
        self.line("0 clocks\n0 queued tasks\n0 suspended tasks");
        Ok(())
    }

    fn object(&mut self, object: &Object) -> Result<(), String> {
        self.line(format_args!("#{}\n{}\n", object.number, object.name));
        self.line(
            object
                .flags
                .iter()
                .map(|flag| flag_bit(flag))
                .sum::<Result<i64, _>>()?,
        );
        for number in self.places(object)? {
            self.line(number);
        }
        self.line(object.verbs.len());
        let owner = self.number(&object.owner)?;
        object
            .verbs
            .iter()
            .try_for_each(|verb| self.verb(verb, owner))?;
        let defined = self.defined(object)?;
        if let Some(clash) = defined
            .iter()
            .find(|definition| BUILT_IN.contains(&definition.0.as_str()))
        {
            return Err(format!(
                "#{} cannot define the property {}",
                object.number, clash.0
            ));
        }
        self.line(defined.len());
        defined
            .iter()
            .for_each(|definition| self.line(&definition.0));
        self.values(object)
    }

    /// Owner, location, first content, next in the location, parent, first child, next child.
    fn places(&self, object: &Object) -> Result<[i64; 7], String> {
        let location = self.number(&object.location)?;
        let parent = self.number(&object.parent)?;
        Ok([
            self.number(&object.owner)?,
            location,
            self.first(object.number, -1, |other| &other.location)?,
            self.first(location, object.number, |other| &other.location)?,
            parent,
            self.first(object.number, -1, |other| &other.parent)?,
            self.first(parent, object.number, |other| &other.parent)?,
        ])
    }

    /// The first object after number `after` that is in `place`, by the relation `of`.
    fn first(&self, place: i64, after: i64, of: fn(&Object) -> &String) -> Result<i64, String> {
        if place < 0 {
            return Ok(-1);
        }
        for object in self.objects.values().filter(|object| object.number > after) {
            if self.number(of(object))? == place {
                return Ok(object.number);
            }
        }
        Ok(-1)
    }

    fn verb(&mut self, verb: &Verb, owner: i64) -> Result<(), String> {
        let [dobj, prep, iobj] = &verb.args;
        let letters = bits(&verb.permissions, "rwxd")?;
        let permissions = letters | arg_bits(dobj)? << 4 | arg_bits(iobj)? << 6;
        let prep = match prep.as_str() {
            "any" => -2,
            "none" => -1,
            word => PREPOSITIONS
                .iter()
                .position(|known| *known == word)
                .ok_or_else(|| format!("no such preposition: {word}"))? as i64,
        };
        self.line(format_args!(
            "{}\n{owner}\n{permissions}\n{prep}",
            verb.names
        ));
        Ok(())
    }

    /// Names, values, owner and permissions of what an object defines; the system object knows every `$` label too.
    fn defined(&self, object: &Object) -> Result<Vec<(String, Literal, i64)>, String> {
        let labels = self
            .objects
            .values()
            .filter_map(|other| other.label.strip_prefix('$'));
        let named = labels.filter(|_| object.number == 0).map(|label| {
            Ok((
                label.to_owned(),
                Literal::Object(format!("${label}")),
                bits("r", "rwc")?,
            ))
        });
        let written = object.definitions.iter().map(
            |Definition {
                 name,
                 permissions,
                 value,
             }| { Ok((name.clone(), copy(value), bits(permissions, "rwc")?)) },
        );
        named.chain(written).collect()
    }

    fn values(&mut self, object: &Object) -> Result<(), String> {
        let own = self.number(&object.owner)?;
        let mut from = Some(object);
        let mut lines = Vec::new();
        let mut unused: Vec<&str> = object.values.keys().map(String::as_str).collect();
        while let Some(definer) = from {
            let definer_owner = self.number(&definer.owner)?;
            for (name, value, permissions) in self.defined(definer)? {
                let is_own = definer.number == object.number;
                let value = if is_own {
                    Some(&value)
                } else {
                    object.values.get(&name)
                };
                unused.retain(|unused| *unused != name);
                let owner = if permissions & 4 != 0 {
                    own
                } else {
                    definer_owner
                };
                lines.push((value.map(copy), owner, permissions));
            }
            from = self.objects.get(&self.number(&definer.parent)?);
        }
        if let Some(name) = unused.first() {
            return Err(format!("#{} inherits no property {name}", object.number));
        }
        self.line(lines.len());
        for (value, owner, permissions) in lines {
            match value {
                Some(value) => self.literal(&value)?,
                None => self.line(5),
            }
            self.line(format_args!("{owner}\n{permissions}"));
        }
        Ok(())
    }

    fn literal(&mut self, value: &Literal) -> Result<(), String> {
        match value {
            Literal::Int(number) => self.line(format_args!("0\n{number}")),
            Literal::Str(text) => self.line(format_args!("2\n{text}")),
            Literal::Object(name) => {
                let number = self.number(name)?;
                self.line(format_args!("1\n{number}"));
            }
            Literal::List(items) => {
                self.line(format_args!("4\n{}", items.len()));
                items.iter().try_for_each(|item| self.literal(item))?;
            }
        }
        Ok(())
    }

    fn programs(&mut self, object: &Object) {
        for (index, verb) in object.verbs.iter().enumerate() {
            self.line(format_args!("#{}:{index}", object.number));
            verb.code.iter().for_each(|line| self.line(line));
            self.line(".");
        }
    }

    /// `#12`, `$label` or `@label` as a number.
    fn number(&self, name: &str) -> Result<i64, String> {
        let found = match name.strip_prefix('#') {
            Some(digits) => digits.parse().ok(),
            None => self
                .labels
                .get(name.strip_prefix('@').unwrap_or(name))
                .copied(),
        };
        found.ok_or_else(|| format!("no such object: {name}"))
    }
}

fn has(object: &Object, flag: &str) -> bool {
    object.flags.iter().any(|known| known == flag)
}

fn flag_bit(flag: &str) -> Result<i64, String> {
    match flag {
        "player" => Ok(1),
        "programmer" => Ok(2),
        "wizard" => Ok(4),
        "readable" => Ok(16),
        "writable" => Ok(32),
        "fertile" => Ok(128),
        _ => Err(format!("no such flag: {flag}")),
    }
}

fn arg_bits(word: &str) -> Result<i64, String> {
    let known = ["none", "any", "this"]
        .iter()
        .position(|known| *known == word);
    known
        .map(|at| at as i64)
        .ok_or_else(|| format!("no such argument: {word}"))
}

/// The sum of the bits of letters, the first of `known` being 1.
fn bits(letters: &str, known: &str) -> Result<i64, String> {
    let letters = letters.chars().filter(|letter| *letter != '-');
    letters
        .map(|letter| {
            known
                .find(letter)
                .map(|at| 1 << at)
                .ok_or_else(|| format!("no such permission: {letter}"))
        })
        .sum()
}

fn copy(value: &Literal) -> Literal {
    match value {
        Literal::Int(number) => Literal::Int(*number),
        Literal::Str(text) => Literal::Str(text.clone()),
        Literal::Object(name) => Literal::Object(name.clone()),
        Literal::List(items) => Literal::List(items.iter().map(copy).collect()),
    }
}
