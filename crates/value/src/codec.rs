//! Values as bytes, for records of the store and of suspended tasks (docs/formats/value.md).
//!
//! In: a value, or bytes that may be damaged or hostile. Out: bytes, or a value whose handles a
//! [`HandleResolver`] supplied. Decoding never panics, nests no deeper than `DEPTH_MAX` and
//! allocates no more than a fixed multiple of the input's length.

use thiserror::Error;

use crate::{
    AnonRef, Binary, DEPTH_MAX, ErrorCode, ErrorName, ErrorValue, Flyweight, Lambda, List, Map,
    MapKey, ObjId, Origin, Str, Sym, Value, WaifRef,
};

/// Supplies the world's handles for the ids that an encoding names.
pub trait HandleResolver {
    /// The handle of the anonymous object with that id, if there is one.
    fn anon(&mut self, id: u64) -> Option<AnonRef>;
    /// The handle of the waif with that id, if there is one.
    fn waif(&mut self, id: u64, class: ObjId, owner: ObjId) -> Option<WaifRef>;
}

/// A resolver for data that has no handles: every id is unknown.
pub struct NoHandles;

impl HandleResolver for NoHandles {
    fn anon(&mut self, _: u64) -> Option<AnonRef> {
        None
    }

    fn waif(&mut self, _: u64, _: ObjId, _: ObjId) -> Option<WaifRef> {
        None
    }
}

/// Why bytes are not a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end inside a value.
    #[error("the value is cut short")]
    Truncated,
    /// A tag that no kind of value has.
    #[error("unknown value tag {0}")]
    Tag(u8),
    /// A number that takes more than 64 bits.
    #[error("a number does not fit in 64 bits")]
    Number,
    /// A string that is not UTF-8.
    #[error("a string is not UTF-8")]
    Text,
    /// A number that no error code has.
    #[error("unknown error code {0}")]
    ErrorCode(u8),
    /// A map key that is a list, a map, a flyweight or no value, or occurs twice; so too the name of a slot.
    #[error("a map key is repeated or of a kind that cannot be one")]
    Key,
    /// The name of an error or of a slot that cannot be one.
    #[error("the name of an error or of a slot is none")]
    Name,
    /// Lists and maps nest deeper than `DEPTH_MAX`.
    #[error("lists and maps nest too deeply")]
    Depth,
    /// An id that the resolver does not know.
    #[error("unknown anonymous object or waif {0}")]
    Handle(u64),
}

mod tag {
    pub(super) const NONE: u8 = 0;
    pub(super) const INT: u8 = 1;
    pub(super) const FLOAT: u8 = 2;
    pub(super) const OBJ: u8 = 3;
    pub(super) const ERR: u8 = 4;
    pub(super) const FALSE: u8 = 5;
    pub(super) const TRUE: u8 = 6;
    pub(super) const STR: u8 = 7;
    pub(super) const LIST: u8 = 8;
    pub(super) const MAP: u8 = 9;
    pub(super) const ANON: u8 = 10;
    pub(super) const WAIF: u8 = 11;
    pub(super) const SYM: u8 = 12;
    pub(super) const ERROR: u8 = 13;
    pub(super) const BINARY: u8 = 14;
    pub(super) const FLYWEIGHT: u8 = 15;
    pub(super) const LAMBDA: u8 = 16;
}

/// Stands for the number of an error that a world has named itself.
const CUSTOM: u8 = 255;

/// Appends the value's bytes.
pub fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::None => out.push(tag::NONE),
        Value::Int(n) => tagged_signed(tag::INT, *n, out),
        Value::Float(x) => {
            out.push(tag::FLOAT);
            out.extend_from_slice(&x.to_bits().to_le_bytes());
        }
        Value::Obj(id) => tagged_signed(tag::OBJ, id.0, out),
        Value::Err(code) => out.extend_from_slice(&[tag::ERR, code.number()]),
        Value::Bool(false) => out.push(tag::FALSE),
        Value::Bool(true) => out.push(tag::TRUE),
        Value::Str(s) => {
            tagged(tag::STR, s.len_bytes() as u64, out);
            out.extend_from_slice(s.as_bytes());
        }
        Value::List(list) => {
            tagged(tag::LIST, list.len() as u64, out);
            list.iter().for_each(|item| encode(item, out));
        }
        Value::Map(map) => {
            tagged(tag::MAP, map.len() as u64, out);
            for (key, value) in map {
                encode(key, out);
                encode(value, out);
            }
        }
        Value::Anon(anon) => tagged(tag::ANON, anon.id(), out),
        Value::Waif(waif) => {
            tagged(tag::WAIF, waif.id(), out);
            put_signed(waif.class().0, out);
            put_signed(waif.owner().0, out);
        }
        Value::Sym(symbol) => {
            out.push(tag::SYM);
            put_text(symbol.as_str(), out);
        }
        Value::Error(error) => put_error(error, out),
        Value::Binary(bytes) => {
            tagged(tag::BINARY, bytes.len() as u64, out);
            out.extend_from_slice(bytes.as_slice());
        }
        Value::Fly(flyweight) => put_flyweight(flyweight, out),
        Value::Lambda(function) => put_lambda(function, out),
    }
}

fn put_error(error: &ErrorValue, out: &mut Vec<u8>) {
    out.push(tag::ERROR);
    match error.name() {
        ErrorName::Known(code) => out.push(code.number()),
        ErrorName::Custom(name) => {
            out.push(CUSTOM);
            put_text(name.as_str(), out);
        }
    }
    out.push(u8::from(error.own_message().is_some()));
    if let Some(message) = error.own_message() {
        put_text(message.as_str(), out);
    }
}

fn put_flyweight(flyweight: &Flyweight, out: &mut Vec<u8>) {
    tagged_signed(tag::FLYWEIGHT, flyweight.delegate().0, out);
    put_unsigned(flyweight.slots().len() as u64, out);
    for (name, value) in flyweight.slots() {
        put_text(name.name_text().unwrap_or_default(), out);
        encode(value, out);
    }
    put_unsigned(flyweight.contents().len() as u64, out);
    flyweight
        .contents()
        .iter()
        .for_each(|item| encode(item, out));
}

fn put_lambda(function: &Lambda, out: &mut Vec<u8>) {
    out.push(tag::LAMBDA);
    put_text(function.source().as_str(), out);
    put_unsigned(function.captured().len() as u64, out);
    for (name, value) in function.captured() {
        put_text(name.as_str(), out);
        encode(value, out);
    }
    let origin = function.origin();
    encode(&origin.this, out);
    put_signed(origin.programmer.0, out);
    encode(&origin.definer, out);
    put_text(origin.verb_names.as_str(), out);
    out.push(u8::from(origin.debug));
    put_unsigned(u64::from(origin.line), out);
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    put_unsigned(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

/// Takes one value off the front of `input`.
///
/// # Errors
/// Each [`DecodeError`] as its own description says; `input` is then somewhere inside the value.
pub fn decode(input: &mut &[u8], resolver: &mut dyn HandleResolver) -> Result<Value, DecodeError> {
    decode_nested(input, resolver, DEPTH_MAX)
}

fn decode_nested(
    input: &mut &[u8],
    resolver: &mut dyn HandleResolver,
    depth_left: u32,
) -> Result<Value, DecodeError> {
    Ok(match take_byte(input)? {
        tag::NONE => Value::None,
        tag::INT => Value::Int(take_signed(input)?),
        tag::FLOAT => Value::Float(take_float(input)?),
        tag::OBJ => Value::Obj(ObjId(take_signed(input)?)),
        tag::ERR => Value::Err(error_code(take_byte(input)?)?),
        tag::FALSE => Value::Bool(false),
        tag::TRUE => Value::Bool(true),
        tag::STR => Value::Str(take_str(input)?),
        tag::LIST => Value::List(take_list(input, resolver, depth_left)?),
        tag::MAP => Value::Map(take_map(input, resolver, depth_left)?),
        tag::ANON => {
            let id = take_unsigned(input)?;
            Value::Anon(resolver.anon(id).ok_or(DecodeError::Handle(id))?)
        }
        tag::WAIF => Value::Waif(take_waif(input, resolver)?),
        tag::SYM => Value::Sym(Sym::new(take_text(input)?)),
        tag::ERROR => take_error(input)?,
        tag::BINARY => Value::Binary(Binary::from_vec(take_run(input)?.to_vec())),
        tag::FLYWEIGHT => Value::Fly(take_flyweight(input, resolver, depth_left)?),
        tag::LAMBDA => Value::Lambda(take_lambda(input, resolver, depth_left)?),
        unknown => return Err(DecodeError::Tag(unknown)),
    })
}

fn take_list(
    input: &mut &[u8],
    resolver: &mut dyn HandleResolver,
    depth_left: u32,
) -> Result<List, DecodeError> {
    let depth_left = depth_left.checked_sub(1).ok_or(DecodeError::Depth)?;
    let count = take_count(input, 1)?;
    let mut items = Vec::with_capacity(count);
    for _ in 0..count {
        items.push(decode_nested(input, resolver, depth_left)?);
    }
    Ok(List::from_vec(items))
}

fn take_map(
    input: &mut &[u8],
    resolver: &mut dyn HandleResolver,
    depth_left: u32,
) -> Result<Map, DecodeError> {
    let depth_left = depth_left.checked_sub(1).ok_or(DecodeError::Depth)?;
    let count = take_count(input, 2)?;
    let mut map = Map::new();
    for _ in 0..count {
        let key = decode_nested(input, resolver, depth_left)?;
        let key = MapKey::new(key).ok_or(DecodeError::Key)?;
        let value = decode_nested(input, resolver, depth_left)?;
        if map.insert(key, value).is_some() {
            return Err(DecodeError::Key);
        }
    }
    Ok(map)
}

fn take_lambda(
    input: &mut &[u8],
    resolver: &mut dyn HandleResolver,
    depth_left: u32,
) -> Result<Lambda, DecodeError> {
    let depth_left = depth_left.checked_sub(1).ok_or(DecodeError::Depth)?;
    let source = take_str(input)?;
    let count = take_count(input, 2)?;
    let mut captured = Vec::with_capacity(count);
    for _ in 0..count {
        captured.push((
            take_str(input)?,
            decode_nested(input, resolver, depth_left)?,
        ));
    }
    let origin = Origin {
        this: decode_nested(input, resolver, depth_left)?,
        programmer: ObjId(take_signed(input)?),
        definer: decode_nested(input, resolver, depth_left)?,
        verb_names: take_str(input)?,
        debug: take_byte(input)? != 0,
        line: u32::try_from(take_unsigned(input)?).map_err(|_| DecodeError::Number)?,
    };
    Lambda::new(source, captured, origin).ok_or(DecodeError::Depth)
}

fn take_waif(input: &mut &[u8], resolver: &mut dyn HandleResolver) -> Result<WaifRef, DecodeError> {
    let id = take_unsigned(input)?;
    let class = ObjId(take_signed(input)?);
    let owner = ObjId(take_signed(input)?);
    resolver
        .waif(id, class, owner)
        .ok_or(DecodeError::Handle(id))
}

/// A count of elements of at least `element_bytes_min` each, so never more than the input holds.
fn take_count(input: &mut &[u8], element_bytes_min: usize) -> Result<usize, DecodeError> {
    let count = take_unsigned(input)?;
    let count = usize::try_from(count).map_err(|_| DecodeError::Truncated)?;
    if count > input.len() / element_bytes_min {
        return Err(DecodeError::Truncated);
    }
    Ok(count)
}

fn take_error(input: &mut &[u8]) -> Result<Value, DecodeError> {
    let name = match take_byte(input)? {
        CUSTOM => ErrorName::custom(take_text(input)?).ok_or(DecodeError::Name)?,
        number => ErrorName::Known(error_code(number)?),
    };
    let message = match take_byte(input)? {
        0 => None,
        1 => Some(take_str(input)?),
        other => return Err(DecodeError::Tag(other)),
    };
    Ok(ErrorValue::make(name, message))
}

/// A flyweight nests two deep itself: see [`Value::depth`].
fn take_flyweight(
    input: &mut &[u8],
    resolver: &mut dyn HandleResolver,
    depth_left: u32,
) -> Result<Flyweight, DecodeError> {
    let depth_left = depth_left.checked_sub(2).ok_or(DecodeError::Depth)?;
    let delegate = ObjId(take_signed(input)?);
    let mut slots = Map::new();
    for _ in 0..take_count(input, 2)? {
        let name = Sym::new(take_text(input)?);
        let value = decode_nested(input, resolver, depth_left)?;
        let key = MapKey::new(name.into()).ok_or(DecodeError::Key)?;
        if slots.insert(key, value).is_some() {
            return Err(DecodeError::Key);
        }
    }
    let count = take_count(input, 1)?;
    let mut contents = Vec::with_capacity(count);
    for _ in 0..count {
        contents.push(decode_nested(input, resolver, depth_left)?);
    }
    Flyweight::with_slots(delegate, &slots, List::from_vec(contents)).ok_or(DecodeError::Name)
}

fn take_str(input: &mut &[u8]) -> Result<Str, DecodeError> {
    take_text(input).map(Str::new)
}

fn take_text<'i>(input: &mut &'i [u8]) -> Result<&'i str, DecodeError> {
    std::str::from_utf8(take_run(input)?).map_err(|_| DecodeError::Text)
}

/// A count and as many bytes.
fn take_run<'i>(input: &mut &'i [u8]) -> Result<&'i [u8], DecodeError> {
    let len = take_count(input, 1)?;
    let (bytes, rest) = input.split_at(len);
    *input = rest;
    Ok(bytes)
}

fn take_float(input: &mut &[u8]) -> Result<f64, DecodeError> {
    let (bytes, rest) = input.split_first_chunk().ok_or(DecodeError::Truncated)?;
    *input = rest;
    Ok(f64::from_bits(u64::from_le_bytes(*bytes)))
}

fn error_code(number: u8) -> Result<ErrorCode, DecodeError> {
    ErrorCode::from_number(number.into()).ok_or(DecodeError::ErrorCode(number))
}

fn take_byte(input: &mut &[u8]) -> Result<u8, DecodeError> {
    let (byte, rest) = input.split_first().ok_or(DecodeError::Truncated)?;
    *input = rest;
    Ok(*byte)
}

fn tagged(tag: u8, number: u64, out: &mut Vec<u8>) {
    out.push(tag);
    put_unsigned(number, out);
}

fn tagged_signed(tag: u8, number: i64, out: &mut Vec<u8>) {
    out.push(tag);
    put_signed(number, out);
}

/// Seven bits a byte, least significant first, the high bit set on all but the last.
fn put_unsigned(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Zigzag: 0, -1, 1, -2 ... become 0, 1, 2, 3 ...
fn put_signed(number: i64, out: &mut Vec<u8>) {
    put_unsigned(((number << 1) ^ (number >> 63)) as u64, out);
}

fn take_unsigned(input: &mut &[u8]) -> Result<u64, DecodeError> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = take_byte(input)?;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return Err(DecodeError::Number);
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(DecodeError::Number)
}

fn take_signed(input: &mut &[u8]) -> Result<i64, DecodeError> {
    let number = take_unsigned(input)?;
    Ok((number >> 1) as i64 ^ -((number & 1) as i64))
}

#[cfg(test)]
mod tests;
