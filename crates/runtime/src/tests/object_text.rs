//! A text of objects that says less than the real one: for what the builtins do with any text.
//!
//! In: the lines `object #N` (or `anonymous N`), `name TEXT`, `owner #N`, `flags BITS`, `parents #N`, `value NAME INTEGER`, `texts NAME COUNT`, `verb NAME
//! SOURCE`. Out: descriptions. A property belongs to the object's owner and is readable; what is inherited has no place.

use std::io;

use moor_value::codec::HandleResolver;
use moor_value::{List, ObjId, Str, Value};
use moor_world::{
    Access, At, Entity, ObjectFlags, ObjectImage, ObjectSpec, PropFlags, PropertySpec, VerbArgs,
    VerbFlags, VerbSpec,
};
use rustc_hash::FxHashSet;

use super::fixture::{Server, Who};
use crate::{CompileSource, ObjectText, ReadObject, TextMistake};

/// That text.
#[derive(Debug)]
pub(super) struct FewWords;

fn empty(owner: ObjId) -> ObjectSpec {
    ObjectSpec {
        place: At { line: 1 },
        ..ObjectSpec::new(owner)
    }
}

fn number(word: &str) -> Option<ObjId> {
    word.strip_prefix('#')?.parse().ok().map(ObjId)
}

/// What one line says, if it can be read.
fn take_line(spec: &mut ObjectSpec, line: &str, place: At) -> Option<()> {
    let (word, rest) = line.split_once(' ')?;
    let owner = spec.owner;
    let mut property = |name: &str, value: Value| {
        let flags = PropFlags::READ;
        spec.properties.push(PropertySpec {
            name: Str::new(name),
            access: Access { owner, flags },
            value: Some(value),
            place,
        });
    };
    match word {
        "name" => spec.name = Str::new(rest),
        "owner" => spec.owner = number(rest)?,
        "flags" => spec.flags = ObjectFlags::from_bits(rest.parse().ok()?),
        "parents" => spec.parents.push(number(rest)?),
        "value" => {
            let (name, value) = rest.split_once(' ')?;
            property(name, Value::Int(value.parse().ok()?));
        }
        "texts" => {
            let (name, count) = rest.split_once(' ')?;
            let text = Value::from("x".repeat(1024));
            let texts: List = vec![text; count.parse().ok()?].into();
            property(name, Value::List(texts));
        }
        "verb" => {
            let (names, source) = rest.split_once(' ')?;
            let flags = VerbFlags::parse("rxd")?;
            spec.verbs.push(VerbSpec {
                names: Str::new(names),
                access: Access { owner, flags },
                args: VerbArgs::METHOD,
                source: source.to_owned(),
                place,
            });
        }
        _ => return None,
    }
    Some(())
}

impl ObjectText for FewWords {
    fn describe(&self, image: &ObjectImage, _: Vec<ObjectImage>) -> ObjectSpec {
        let own = image.propdefs.iter().zip(&image.propvals);
        let properties = own.map(|(name, property)| PropertySpec::of(name, property));
        let verbs = image.verbs.iter().map(|verb| VerbSpec {
            names: verb.names.clone(),
            access: Access {
                owner: verb.owner,
                flags: verb.flags,
            },
            args: verb.args,
            source: verb.source.clone(),
            place: At::default(),
        });
        ObjectSpec {
            name: image.name.clone(),
            flags: image.flags,
            parents: image.parents.clone(),
            properties: properties.collect(),
            verbs: verbs.collect(),
            ..empty(image.owner)
        }
    }

    fn write(
        &self,
        entity: Entity,
        object: &ObjectSpec,
        _: &FxHashSet<u64>,
    ) -> io::Result<Vec<String>> {
        let head = match entity.as_object() {
            Some(id) => format!("object {id}"),
            None => format!("anonymous {}", entity.as_anon().unwrap_or_default()),
        };
        let mut lines = vec![
            head,
            format!("name {}", object.name),
            format!("owner {}", object.owner),
            format!("flags {}", object.flags.bits()),
        ];
        lines.extend(object.parents.iter().map(|id| format!("parents {id}")));
        for property in &object.properties {
            let value = property.value.as_ref().map(Value::to_literal);
            let value = value.unwrap_or_default();
            lines.push(format!("value {} {value}", property.name));
        }
        for verb in &object.verbs {
            lines.push(format!("verb {} {}", verb.names, verb.source));
        }
        Ok(lines)
    }

    fn subject(&self, text: &str) -> Option<Entity> {
        let word = text.lines().next()?.strip_prefix("object ")?;
        number(word).map(Entity::object)
    }

    fn read(
        &self,
        text: &str,
        _: &mut (dyn HandleResolver + Send),
        compile: &CompileSource<'_>,
    ) -> io::Result<ReadObject> {
        let wrong = |line: usize, what: String| TextMistake {
            line: line as u32,
            column: 1,
            what,
        };
        let entity = match text.starts_with("anonymous") {
            true => Some(Entity::anon(1)),
            false => self.subject(text),
        };
        let Some(entity) = entity else {
            return Ok(Err(vec![wrong(1, "expected an object".to_owned())]));
        };
        let mut spec = empty(ObjId(2));
        for (at, line) in text.lines().enumerate().skip(1) {
            let place = At {
                line: at as u32 + 1,
            };
            if take_line(&mut spec, line, place).is_none() {
                return Ok(Err(vec![wrong(at + 1, "expected a word".to_owned())]));
            }
        }
        for verb in &mut spec.verbs {
            match compile(&verb.source) {
                Ok(source) => verb.source = source,
                Err(errors) => {
                    let line = verb.place.line as usize;
                    let of_all = errors.messages().into_iter();
                    return Ok(Err(of_all.map(|what| wrong(line, what)).collect()));
                }
            }
        }
        Ok(Ok((entity, spec)))
    }
}

fn shown(server: &Server, source: &str) -> String {
    server.run(Who::Wizard, source).shown()
}

#[test]
fn sizes_are_bounded() {
    let server = Server::new();
    let call = |lines: &str| {
        let caught = format!("`load_object({lines}) ! ANY'");
        shown(&server, &format!("return {caught};"))
    };
    // 16 MiB of text, and a byte more.
    let text = |bytes: usize| {
        let left = bytes - "object #6\nname ".len();
        shown(
            &server,
            &format!(
                "t = \"x\"; for i in [1..24] t = t + t; endfor \
                 return `load_object({{\"object #6\", \"name \" + t[1..{left}]}}) ! ANY';"
            ),
        )
    };
    assert_eq!(text(16 << 20), "#6");
    assert_eq!(text((16 << 20) + 1), "E_QUOTA");
    // A value that programs could not make either.
    let most = 64_537_861 / 1_200;
    assert_eq!(
        call(&format!("{{\"object #8\", \"texts p {most}\"}}")),
        "#8"
    );
    let more = 64_537_861 / 1_000;
    assert_eq!(
        call(&format!("{{\"object #9\", \"texts p {more}\"}}")),
        "E_QUOTA"
    );
    assert_eq!(shown(&server, "return valid(#9);"), "0");
}

#[test]
fn loading_is_serializable_with_what_others_do() {
    let server = Server::new();
    let source = "create($root); return load_object({\"object #6\", \"name six\", \"value p 1\", \"verb v return this.p;\"});";
    assert_eq!(shown(&server, source), "#6");
    let begun = server.runtime.world.begin();
    assert_eq!(shown(&server, "#6.p = 2; return #6:v();"), "2");
    let mut late = begun;
    let entity = Entity::object(ObjId(6));
    let image = late.image(entity).expect("it is there");
    let mut spec = FewWords.describe(&image, Vec::new());
    spec.name = Str::new("late");
    let code = |source: &str| moor_world::VerbCode::new(source);
    late.become_described(ObjId(2), entity, &spec, &code)
        .expect("it may");
    assert!(late.commit().is_err(), "it has not seen the other value");
    assert_eq!(shown(&server, "return {#6.p, #6.name};"), "{2, \"six\"}");
}
