//! CBOR to values.
//! In: bytes. Out: the value that they are, given up as soon as it is too large.

use ciborium_ll::{Decoder, Header};
use moor_value::{
    Binary, ErrorCode, ErrorName, ErrorValue, Flyweight, List, Map, ObjId, Sym, Value,
};

use super::{DEPTH_MAX, ERR, FALSE, FLY, IDENTIFIER, OBJ, OBJECT, TRUE};
use crate::builtins::{Call, Raise};

/// What a value counts for besides its bytes.
const VALUE_BYTES: usize = 16;
/// What an entry of a map counts for besides.
const ENTRY_BYTES: usize = 24;
/// How much of a text is read at once.
const PIECE_BYTES: usize = 1 << 12;

/// `decode_cbor(bytes)`.
pub(super) fn decode_cbor(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let Value::Binary(bytes) = &args[0] else {
        return Err(ErrorCode::Type.into());
    };
    let mut reader = Reader {
        call,
        decoder: Decoder::from(bytes.as_slice()),
        piece: vec![0; PIECE_BYTES],
        bytes: 0,
    };
    let value = reader.value(0)?;
    match reader.decoder.offset() == bytes.len() {
        true => Ok(value),
        false => Err(ErrorCode::InvArg.into()),
    }
}

/// Bytes that are being read.
struct Reader<'a, 'c, 'b> {
    call: &'a mut Call<'c>,
    decoder: Decoder<&'b [u8]>,
    /// Room for a part of a text.
    piece: Vec<u8>,
    /// What has been made counts for so much.
    bytes: usize,
}

impl Reader<'_, '_, '_> {
    fn value(&mut self, depth: usize) -> Result<Value, Raise> {
        let header = self.header()?;
        self.value_of(header, depth)
    }

    fn value_of(&mut self, header: Header, depth: usize) -> Result<Value, Raise> {
        if depth > DEPTH_MAX {
            return Err(ErrorCode::Quota.into());
        }
        self.grow(VALUE_BYTES)?;
        Ok(match header {
            Header::Positive(n) => i64::try_from(n).map_err(|_| ErrorCode::InvArg)?.into(),
            Header::Negative(n) => (!i64::try_from(n).map_err(|_| ErrorCode::InvArg)?).into(),
            Header::Float(n) if n.is_finite() => n.into(),
            Header::Simple(FALSE) => false.into(),
            Header::Simple(TRUE) => true.into(),
            Header::Text(length) => self.text(length)?.into(),
            Header::Bytes(length) => self.raw(length)?.into(),
            Header::Array(length) => self.list(length, depth)?.into(),
            Header::Map(length) => self.map(length, depth)?.into(),
            Header::Tag(IDENTIFIER) => match self.header()? {
                Header::Text(length) => Sym::new(&self.text(length)?).into(),
                _ => return Err(ErrorCode::InvArg.into()),
            },
            Header::Tag(OBJECT) => match self.header()? {
                Header::Array(length) => object(&self.list(length, depth)?)?,
                _ => return Err(ErrorCode::InvArg.into()),
            },
            Header::Float(_) | Header::Simple(_) | Header::Tag(_) | Header::Break => {
                return Err(ErrorCode::InvArg.into());
            }
        })
    }

    fn list(&mut self, length: Option<usize>, depth: usize) -> Result<List, Raise> {
        let mut list = List::new();
        while length.is_none_or(|length| list.len() < length) {
            match self.header()? {
                Header::Break if length.is_none() => break,
                header => list.push(self.value_of(header, depth + 1)?),
            }
        }
        Ok(list)
    }

    fn map(&mut self, length: Option<usize>, depth: usize) -> Result<Map, Raise> {
        let mut map = Map::new();
        while length.is_none_or(|length| map.len() < length) {
            let key = match self.header()? {
                Header::Break if length.is_none() => break,
                header => self.value_of(header, depth + 1)?,
            };
            self.grow(ENTRY_BYTES)?;
            let value = self.value(depth + 1)?;
            let before = map.len();
            // A key that cannot be one, or that was there.
            if !map.insert_value(key, value) || map.len() == before {
                return Err(ErrorCode::InvArg.into());
            }
        }
        Ok(map)
    }

    fn text(&mut self, length: Option<usize>) -> Result<String, Raise> {
        let mut text = String::new();
        let mut segments = self.decoder.text(length);
        while let Some(mut segment) = segments.pull().map_err(|_| ErrorCode::InvArg)? {
            while let Some(part) = segment
                .pull(&mut self.piece)
                .map_err(|_| ErrorCode::InvArg)?
            {
                text.push_str(part);
                self.call.charge(part.len())?;
                self.call.allow_string(text.len())?;
            }
        }
        self.grow(text.len())?;
        Ok(text)
    }

    fn raw(&mut self, length: Option<usize>) -> Result<Binary, Raise> {
        let mut bytes = Vec::new();
        let mut segments = self.decoder.bytes(length);
        while let Some(mut segment) = segments.pull().map_err(|_| ErrorCode::InvArg)? {
            while let Some(part) = segment
                .pull(&mut self.piece)
                .map_err(|_| ErrorCode::InvArg)?
            {
                bytes.extend_from_slice(part);
                self.call.charge(part.len())?;
                self.call.allow_string(bytes.len())?;
            }
        }
        self.grow(bytes.len())?;
        Ok(Binary::from_vec(bytes))
    }

    fn header(&mut self) -> Result<Header, Raise> {
        self.call.charge(1)?;
        self.decoder.pull().map_err(|_| ErrorCode::InvArg.into())
    }

    /// E_QUOTA if with so many more it is too large.
    fn grow(&mut self, bytes: usize) -> Result<(), Raise> {
        self.bytes = self.bytes.saturating_add(bytes);
        match self.bytes <= self.call.limits.list_bytes_max {
            true => Ok(()),
            false => Err(ErrorCode::Quota.into()),
        }
    }
}

/// The value that is named by the first item of a list, and made of the others.
fn object(list: &List) -> Result<Value, Raise> {
    let items = list.as_slice();
    let name = items.first().and_then(Value::as_str);
    let made = match (
        name.map(|name| name.as_str()),
        items.get(1..).unwrap_or(&[]),
    ) {
        (Some(OBJ), [Value::Int(number)]) => Some(ObjId(*number).into()),
        (Some(ERR), [Value::Str(name)]) => {
            ErrorName::from_text(name.as_str()).map(ErrorName::into_value)
        }
        (Some(ERR), [Value::Str(name), Value::Str(message)]) => ErrorName::from_text(name.as_str())
            .map(|name| ErrorValue::make(name, Some(message.clone()))),
        (
            Some(FLY),
            [
                Value::Int(delegate),
                Value::Map(slots),
                Value::List(contents),
            ],
        ) => flyweight(ObjId(*delegate), slots, contents),
        _ => None,
    };
    made.ok_or_else(|| ErrorCode::InvArg.into())
}

/// A flyweight. Names of slots are words, so others are none.
fn flyweight(delegate: ObjId, slots: &Map, contents: &List) -> Option<Value> {
    let is_slot = |key: &Value| key.name_text().is_some_and(Flyweight::is_slot_name);
    let made = slots
        .keys()
        .all(is_slot)
        .then(|| Flyweight::with_slots(delegate, slots, contents.clone()));
    made?.map(Value::from)
}
