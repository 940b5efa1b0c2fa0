//! Values as bytes, for records of the store and of suspended tasks (docs/formats/value.md).
//!
//! In: a value, or bytes that may be damaged or hostile. Out: bytes, or a value whose handles a
//! [`HandleResolver`] supplied. Decoding never panics, nests no deeper than `DEPTH_MAX` and
//! allocates no more than a fixed multiple of the input's length.

use thiserror::Error;

use crate::{AnonRef, DEPTH_MAX, ErrorCode, List, Map, MapKey, ObjId, Str, Value, WaifRef};

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
    /// A map key that is a list, a map or no value, or occurs twice.
    #[error("a map key is repeated or of a kind that cannot be one")]
    Key,
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
}

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
    }
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
        tag::ERR => Value::Err(take_error_code(input)?),
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

fn take_str(input: &mut &[u8]) -> Result<Str, DecodeError> {
    let len = take_count(input, 1)?;
    let (bytes, rest) = input.split_at(len);
    *input = rest;
    let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::Text)?;
    Ok(Str::new(text))
}

fn take_float(input: &mut &[u8]) -> Result<f64, DecodeError> {
    let (bytes, rest) = input.split_first_chunk().ok_or(DecodeError::Truncated)?;
    *input = rest;
    Ok(f64::from_bits(u64::from_le_bytes(*bytes)))
}

fn take_error_code(input: &mut &[u8]) -> Result<ErrorCode, DecodeError> {
    let number = take_byte(input)?;
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
