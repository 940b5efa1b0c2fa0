//! Values to CBOR.
//! In: a value. Out: bytes, given up as soon as they are too many.

use std::io::Error;

use ciborium_io::Write as _;
use ciborium_ll::{Encoder, Header};
use moor_value::{Binary, ErrorCode, Flyweight, List, Map, Value};

use super::{DEPTH_MAX, ERR, FALSE, FLY, IDENTIFIER, OBJ, OBJECT, TRUE};
use crate::builtins::{Call, Raise};

/// `encode_cbor(value)`.
pub(super) fn encode_cbor(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let mut bytes = Vec::new();
    Writer {
        call,
        bytes: &mut bytes,
    }
    .value(&args[0], 0)?;
    Ok(Binary::from_vec(bytes).into())
}

/// Bytes on their way.
struct Writer<'a, 'c> {
    call: &'a mut Call<'c>,
    bytes: &'a mut Vec<u8>,
}

impl Writer<'_, '_> {
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Raise> {
        if depth > DEPTH_MAX {
            return Err(ErrorCode::Quota.into());
        }
        match value {
            Value::Int(n) => self.int(*n),
            Value::Float(n) => self.head(Header::Float(*n)),
            Value::Bool(is_so) => self.head(Header::Simple(if *is_so { TRUE } else { FALSE })),
            Value::Str(text) => self.text(text.as_str()),
            Value::Binary(bytes) => {
                self.head(Header::Bytes(Some(bytes.len())))?;
                self.raw(bytes.as_slice())
            }
            Value::List(list) => self.list(list, depth),
            Value::Map(map) => self.map(map, depth),
            Value::Sym(name) => {
                self.head(Header::Tag(IDENTIFIER))?;
                self.text(name.as_str())
            }
            Value::Obj(object) => {
                self.object(OBJ, 1)?;
                self.int(object.0)
            }
            Value::Err(_) | Value::Error(_) => self.error(value),
            Value::Fly(flyweight) => self.flyweight(flyweight, depth),
            Value::None | Value::Anon(_) | Value::Waif(_) | Value::Lambda(_) => {
                Err(ErrorCode::InvArg.into())
            }
        }
    }

    fn list(&mut self, list: &List, depth: usize) -> Result<(), Raise> {
        self.head(Header::Array(Some(list.len())))?;
        list.iter().try_for_each(|item| self.value(item, depth + 1))
    }

    fn map(&mut self, map: &Map, depth: usize) -> Result<(), Raise> {
        self.head(Header::Map(Some(map.len())))?;
        map.iter().try_for_each(|(key, value)| {
            self.value(key, depth + 1)?;
            self.value(value, depth + 1)
        })
    }

    fn error(&mut self, error: &Value) -> Result<(), Raise> {
        let name = error.error_name().ok_or(ErrorCode::InvArg)?;
        let message = match error {
            Value::Error(error) => error.own_message(),
            _ => None,
        };
        self.object(ERR, 1 + usize::from(message.is_some()))?;
        self.text(name.as_str())?;
        message.map_or(Ok(()), |message| self.text(message.as_str()))
    }

    fn flyweight(&mut self, flyweight: &Flyweight, depth: usize) -> Result<(), Raise> {
        self.object(FLY, 3)?;
        self.int(flyweight.delegate().0)?;
        if depth >= DEPTH_MAX {
            return Err(ErrorCode::Quota.into());
        }
        self.map(flyweight.slots(), depth + 1)?;
        self.list(flyweight.contents(), depth + 1)
    }

    /// An object of the language takes so many items.
    fn object(&mut self, name: &str, items: usize) -> Result<(), Raise> {
        self.head(Header::Tag(OBJECT))?;
        self.head(Header::Array(Some(1 + items)))?;
        self.text(name)
    }

    fn int(&mut self, n: i64) -> Result<(), Raise> {
        self.head(match u64::try_from(n) {
            Ok(n) => Header::Positive(n),
            // CBOR counts from -1 downwards.
            Err(_) => Header::Negative((!n).cast_unsigned()),
        })
    }

    fn text(&mut self, text: &str) -> Result<(), Raise> {
        self.head(Header::Text(Some(text.len())))?;
        self.raw(text.as_bytes())
    }

    fn head(&mut self, header: Header) -> Result<(), Raise> {
        self.call.charge(1)?;
        self.call.allow_string(self.bytes.len())?;
        let pushed = Encoder::from(&mut *self.bytes).push(header);
        pushed.map_err(|_: Error| ErrorCode::Quota.into())
    }

    fn raw(&mut self, bytes: &[u8]) -> Result<(), Raise> {
        self.call.charge(bytes.len())?;
        self.call.allow_string(self.bytes.len() + bytes.len())?;
        let written = Encoder::from(&mut *self.bytes).write_all(bytes);
        written.map_err(|_: Error| ErrorCode::Quota.into())
    }
}
