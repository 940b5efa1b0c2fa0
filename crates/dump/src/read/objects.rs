//! Objects of a textdump.
//! In: lines, in LambdaMOO's layout or that of the next generation. Out: images, with LambdaMOO's links beside them.

use moor_value::{ObjId, Str, Value};
use moor_world::{
    ArgSpec, ObjectFlags, ObjectImage, PrepSpec, PropFlags, PropImage, VerbArgs, VerbFlags,
    VerbImage,
};

use super::format;
use super::lines::{Line, LineReader};
use super::values::ValueReader;
use crate::error::{Place, ReadError};
use crate::task::Slot;

/// The highest number of a verb's permissions: four flags and two argument specifiers.
const VERB_BITS_MAX: i64 = 0xff;
const DOBJ_SHIFT: u32 = 4;
const IOBJ_SHIFT: u32 = 6;
const SPEC_MASK: u8 = 3;

/// Contents and children as LambdaMOO keeps them: the first in the object, the next in the one before.
#[derive(Clone, Copy)]
pub(crate) struct Links {
    pub(crate) contents: ObjId,
    pub(crate) next: ObjId,
    pub(crate) child: ObjId,
    pub(crate) sibling: ObjId,
}

/// An object as read.
pub(crate) struct ReadObject<'a> {
    /// The line of its number.
    pub(crate) line: Line<'a>,
    /// The number in the file; that of the image is the same.
    pub(crate) number: i64,
    /// `None` for a recycled one.
    pub(crate) image: Option<ObjectImage>,
    /// In LambdaMOO's formats.
    pub(crate) links: Option<Links>,
}

/// Reads the next object.
pub(crate) fn object<'a>(
    lines: &mut LineReader<'a>,
    values: &mut ValueReader<'_>,
    version: u8,
    place: fn(i64) -> Place,
) -> Result<ReadObject<'a>, ReadError> {
    let line = lines.next("`#` and the number of an object")?;
    let Some((number, recycled)) = object_line(line) else {
        return Err(lines.unexpected(line, "`#` and the number of an object"));
    };
    let mut read = ReadObject {
        line,
        number,
        image: None,
        links: None,
    };
    if !recycled {
        lines.place = place(number);
        let mut image = ObjectImage::new(ObjId(number), "", ObjId::NOTHING);
        image.name = lines.string("the name")?;
        match version < format::NEXT_GENERATION {
            true => read.links = Some(linked_body(lines, &mut image)?),
            false => listed_body(lines, values, version, &mut image)?,
        }
        definitions(lines, values, &mut image)?;
        read.image = Some(image);
    }
    Ok(read)
}

/// `#12` or `#12 recycled`. ToastStunt writes a space after the `#` of recycled objects.
fn object_line(line: Line<'_>) -> Option<(i64, bool)> {
    let text = std::str::from_utf8(line.bytes).ok()?.strip_prefix('#')?;
    let (digits, recycled) = match text.strip_suffix(" recycled") {
        Some(digits) => (digits.trim_start(), true),
        None => (text, false),
    };
    let number = digits.parse().ok().filter(|number| *number >= 0)?;
    Some((number, recycled))
}

fn linked_body(lines: &mut LineReader<'_>, image: &mut ObjectImage) -> Result<Links, ReadError> {
    lines.string("the old handles")?;
    image.flags = ObjectFlags::from_bits(lines.int("the flags")?);
    image.owner = lines.obj("the owner")?;
    image.location = lines.obj("the location")?;
    let contents = lines.obj("the first of the contents")?;
    let next = lines.obj("the next in the same location")?;
    let parent = lines.obj("the parent")?;
    if parent != ObjId::NOTHING {
        image.parents.push(parent);
    }
    Ok(Links {
        contents,
        next,
        child: lines.obj("the first child")?,
        sibling: lines.obj("the next child of the same parent")?,
    })
}

fn listed_body(
    lines: &mut LineReader<'_>,
    values: &mut ValueReader<'_>,
    version: u8,
    image: &mut ObjectImage,
) -> Result<(), ReadError> {
    image.flags = ObjectFlags::from_bits(lines.int("the flags")?);
    image.owner = lines.obj("the owner")?;
    image.location = location(lines, values)?;
    if version >= format::LAST_MOVE {
        image.last_move = last_move(lines, values)?;
    }
    image.contents = objects(lines, values, "the contents (a list of objects)")?;
    image.parents = objects(
        lines,
        values,
        "the parents (an object or a list of objects)",
    )?;
    image.children = objects(lines, values, "the children (a list of objects)")?;
    Ok(())
}

fn location(lines: &mut LineReader<'_>, values: &mut ValueReader<'_>) -> Result<ObjId, ReadError> {
    let line = lines.next("the location (an object)")?;
    let [kind] = line
        .numbers()
        .ok_or_else(|| lines.unexpected(line, "the location (an object)"))?;
    match values.value_of_kind(lines, line, kind)? {
        Value::Obj(id) => Ok(id),
        // An anonymous object that never was anywhere.
        Value::None => Ok(ObjId::NOTHING),
        _ => Err(lines.unexpected(line, "the location (an object)")),
    }
}

/// A map of when and whence; something else for an object that never moved.
fn last_move(lines: &mut LineReader<'_>, values: &mut ValueReader<'_>) -> Result<Value, ReadError> {
    Ok(match values.value(lines)? {
        Value::Map(map) if !map.is_empty() => Value::Map(map),
        _ => Value::None,
    })
}

fn objects(
    lines: &mut LineReader<'_>,
    values: &mut ValueReader<'_>,
    expected: &'static str,
) -> Result<Vec<ObjId>, ReadError> {
    let line = lines.next(expected)?;
    let [kind] = line
        .numbers()
        .ok_or_else(|| lines.unexpected(line, expected))?;
    let ids = match values.value_of_kind(lines, line, kind)? {
        Value::Obj(ObjId::NOTHING) | Value::None => Some(Vec::new()),
        Value::Obj(id) => Some(vec![id]),
        Value::List(list) => list.iter().map(Value::as_obj).collect(),
        _ => None,
    };
    ids.ok_or_else(|| lines.unexpected(line, expected))
}

fn definitions(
    lines: &mut LineReader<'_>,
    values: &mut ValueReader<'_>,
    image: &mut ObjectImage,
) -> Result<(), ReadError> {
    for _ in 0..lines.count("how many verbs there are")? {
        image.verbs.push(verb(lines)?);
    }
    for _ in 0..lines.count("how many properties it defines")? {
        image.propdefs.push(lines.string("the name of a property")?);
    }
    for _ in 0..lines.count("how many property values there are")? {
        image.propvals.push(property(lines, values)?);
    }
    Ok(())
}

fn verb(lines: &mut LineReader<'_>) -> Result<VerbImage, ReadError> {
    let names: Str = lines.string("the names of a verb")?;
    let owner = lines.obj("the owner of a verb")?;
    let line = lines.next("the permissions of a verb")?;
    let bits = line.numbers::<1>().and_then(|[bits]| verb_bits(bits));
    let (flags, dobj, iobj) =
        bits.ok_or_else(|| lines.unexpected(line, "the permissions of a verb (a number)"))?;
    let line = lines.next("the preposition of a verb")?;
    let prep = line
        .numbers::<1>()
        .and_then(|[number]| PrepSpec::from_number(number));
    let prep = prep.ok_or_else(|| {
        lines.unexpected(line, "the preposition of a verb (a number from -2 to 14)")
    })?;
    Ok(VerbImage {
        names,
        owner,
        flags,
        args: VerbArgs { dobj, prep, iobj },
        source: String::new(),
    })
}

fn verb_bits(bits: i64) -> Option<(VerbFlags, ArgSpec, ArgSpec)> {
    let bits = u8::try_from(bits)
        .ok()
        .filter(|bits| i64::from(*bits) <= VERB_BITS_MAX)?;
    let dobj = ArgSpec::from_bits(bits >> DOBJ_SHIFT & SPEC_MASK)?;
    let iobj = ArgSpec::from_bits(bits >> IOBJ_SHIFT & SPEC_MASK)?;
    Some((VerbFlags::from_bits(bits), dobj, iobj))
}

fn property(
    lines: &mut LineReader<'_>,
    values: &mut ValueReader<'_>,
) -> Result<PropImage, ReadError> {
    let line = lines.peek();
    let value = match (values.slot(lines)?, line) {
        (Slot::Clear, _) => None,
        (Slot::Value(value), _) if !value.is_none() => Some(value),
        (_, Some(line)) => {
            return Err(lines.unexpected(line, "the type of a property's value"));
        }
        (_, None) => None,
    };
    let owner = lines.obj("the owner of a property")?;
    let bits = lines.number_to(i64::from(u8::MAX), "the permissions of a property")?;
    Ok(PropImage {
        value,
        owner,
        flags: PropFlags::from_bits(bits as u8),
    })
}
