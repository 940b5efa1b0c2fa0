//! Little-endian numbers and length-prefixed parts, written to and read from bytes that may be damaged.
//!
//! The building blocks of the program format and of the task format that builds upon it. It knows nothing of
//! what the parts mean.

use moor_value::codec::{self, HandleResolver};
use moor_value::{Str, Value};
use thiserror::Error;

/// Why bytes are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The bytes end too early.
    #[error("the bytes end too early")]
    Truncated,
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    Text,
    /// A tag that no case has.
    #[error("unknown tag {tag} for {what}")]
    Tag {
        /// What was being read.
        what: &'static str,
        /// The tag.
        tag: u8,
    },
    /// A value is damaged.
    #[error(transparent)]
    Value(#[from] codec::DecodeError),
}

/// Appends parts to bytes.
#[derive(Debug, Default)]
pub struct Writer {
    /// What was written.
    pub out: Vec<u8>,
}

impl Writer {
    /// One byte.
    pub fn u8(&mut self, n: u8) {
        self.out.push(n);
    }

    /// Two bytes.
    pub fn u16(&mut self, n: u16) {
        self.out.extend_from_slice(&n.to_le_bytes());
    }

    /// Four bytes.
    pub fn u32(&mut self, n: u32) {
        self.out.extend_from_slice(&n.to_le_bytes());
    }

    /// Eight bytes.
    pub fn i64(&mut self, n: i64) {
        self.out.extend_from_slice(&n.to_le_bytes());
    }

    /// A count, as four bytes.
    ///
    /// # Panics
    /// When it exceeds 32 bits, which nothing that fits in memory in these formats does.
    pub fn count(&mut self, n: usize) {
        self.u32(u32::try_from(n).expect("a count fits in 32 bits"));
    }

    /// Bytes with their count in front.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.out.extend_from_slice(bytes);
    }

    /// A value in its own encoding.
    pub fn value(&mut self, value: &Value) {
        codec::encode(value, &mut self.out);
    }
}

/// Takes parts off the front of bytes.
#[derive(Debug)]
pub struct Reader<'a> {
    /// What is left.
    pub input: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let (head, rest) = self.input.split_first_chunk().ok_or(ReadError::Truncated)?;
        self.input = rest;
        Ok(*head)
    }

    /// One byte.
    ///
    /// # Errors
    /// [`ReadError::Truncated`], as for all numbers.
    pub fn u8(&mut self) -> Result<u8, ReadError> {
        Ok(self.take::<1>()?[0])
    }

    /// Two bytes.
    ///
    /// # Errors
    /// [`ReadError::Truncated`].
    pub fn u16(&mut self) -> Result<u16, ReadError> {
        self.take().map(u16::from_le_bytes)
    }

    /// Four bytes.
    ///
    /// # Errors
    /// [`ReadError::Truncated`].
    pub fn u32(&mut self) -> Result<u32, ReadError> {
        self.take().map(u32::from_le_bytes)
    }

    /// Eight bytes.
    ///
    /// # Errors
    /// [`ReadError::Truncated`].
    pub fn i64(&mut self) -> Result<i64, ReadError> {
        self.take().map(i64::from_le_bytes)
    }

    /// Eight bytes that stand for an instruction.
    ///
    /// # Errors
    /// [`ReadError::Truncated`].
    pub fn word(&mut self) -> Result<[u8; 8], ReadError> {
        self.take()
    }

    /// Bytes with their count in front.
    ///
    /// # Errors
    /// [`ReadError::Truncated`].
    pub fn bytes(&mut self) -> Result<&'a [u8], ReadError> {
        let count = self.u32()? as usize;
        let (head, rest) = self
            .input
            .split_at_checked(count)
            .ok_or(ReadError::Truncated)?;
        self.input = rest;
        Ok(head)
    }

    /// A text.
    ///
    /// # Errors
    /// [`ReadError::Truncated`], [`ReadError::Text`].
    pub fn text(&mut self) -> Result<Str, ReadError> {
        let text = str::from_utf8(self.bytes()?).map_err(|_| ReadError::Text)?;
        Ok(Str::new(text))
    }

    /// A value.
    ///
    /// # Errors
    /// [`ReadError::Value`].
    pub fn value(&mut self, handles: &mut dyn HandleResolver) -> Result<Value, ReadError> {
        Ok(codec::decode(&mut self.input, handles)?)
    }

    /// A count of items that `item` then reads. Memory grows with what was read, not with the count.
    ///
    /// # Errors
    /// The item's errors.
    pub fn many<T, E: From<ReadError>>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, E>,
    ) -> Result<Vec<T>, E> {
        let count = self.u32()?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }
}
