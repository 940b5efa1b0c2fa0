//! What one commit writes: a self-contained list of puts and deletes in numbered tables.
//!
//! In come keys and values as bytes; out goes one buffer in the layout of `docs/formats/commit-log.md`, which is what
//! the log stores and what another store can replay. It knows neither files nor what the bytes mean.
//!
//! ```text
//! op     = kind u8 (0 delete, 1 put), table u8, key_len u32, [value_len u32 if put], key, [value if put]
//! batch  = op*            (numbers little-endian)
//! ```

use std::fmt;

use crate::error::{AppendError, DecodeError};

/// Longest key in bytes (a limit of the engine under the state). Keys of length 0 are refused too.
pub const KEY_BYTES_MAX: usize = 65_535;
/// Largest encoded batch in bytes; a larger one is refused by `append`.
pub const BATCH_BYTES_MAX: usize = 256 * 1024 * 1024;

const KIND_DELETE: u8 = 0;
const KIND_PUT: u8 = 1;

/// The number of a table: an index into the names given to the opener of the store.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Table(pub u8);

/// The place of a batch in the log: 1 for the first batch ever, without gaps. `Seq(0)` means "none yet".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Seq(pub u64);

impl Seq {
    /// Before the first batch.
    pub const ZERO: Seq = Seq(0);

    /// The number after this one.
    #[must_use]
    pub fn next(self) -> Seq {
        Seq(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One change of one row, borrowed from its batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op<'a> {
    /// The row has this value from now on.
    Put {
        /// Where the row lives.
        table: Table,
        /// 1 to [`KEY_BYTES_MAX`] bytes.
        key: &'a [u8],
        /// Any bytes, also none.
        value: &'a [u8],
    },
    /// The row is gone; deleting an absent row is allowed.
    Delete {
        /// Where the row lived.
        table: Table,
        /// 1 to [`KEY_BYTES_MAX`] bytes.
        key: &'a [u8],
    },
}

/// The writes of one commit, applied in order and all or nothing.
///
/// Rows are encoded as they are added, so that neither the log nor the queue allocates per row.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    ops: u32,
    table_max: u8,
    bad_key_bytes: Option<usize>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Batch {
        Batch::default()
    }

    /// An empty batch with room for `bytes` encoded bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Batch {
        Batch {
            bytes: Vec::with_capacity(bytes),
            ..Batch::default()
        }
    }

    /// Sets a row. A key that is empty or too long is reported by `append`, where errors are handled anyway.
    pub fn put(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.header(KIND_PUT, table, key);
        self.bytes.extend_from_slice(&length(value).to_le_bytes());
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
    }

    /// Removes a row, present or not.
    pub fn delete(&mut self, table: Table, key: &[u8]) {
        self.header(KIND_DELETE, table, key);
        self.bytes.extend_from_slice(key);
    }

    fn header(&mut self, kind: u8, table: Table, key: &[u8]) {
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            self.bad_key_bytes = Some(key.len());
        }
        self.ops += 1;
        self.table_max = self.table_max.max(table.0);
        self.bytes.extend_from_slice(&[kind, table.0]);
        self.bytes.extend_from_slice(&length(key).to_le_bytes());
    }

    /// Adds every row of `other` after the rows of this batch.
    pub fn extend(&mut self, other: &Batch) {
        self.bytes.extend_from_slice(&other.bytes);
        self.ops += other.ops;
        self.table_max = self.table_max.max(other.table_max);
        self.bad_key_bytes = self.bad_key_bytes.or(other.bad_key_bytes);
    }

    /// The number of puts and deletes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ops as usize
    }

    /// True when nothing is written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ops == 0
    }

    /// The encoded batch.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The rows in the order in which they were added.
    pub fn ops(&self) -> impl Iterator<Item = Op<'_>> {
        // The bytes were written by `put` and `delete` or checked by `decode`, so that no row is malformed here.
        OpReader { rest: &self.bytes }.map_while(Result::ok)
    }

    /// Reads an encoded batch back.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not whole, well-formed rows.
    pub fn decode(bytes: Vec<u8>) -> Result<Batch, DecodeError> {
        let (mut ops, mut table_max) = (0, 0);
        for op in (OpReader { rest: &bytes }) {
            let (Op::Put { table, .. } | Op::Delete { table, .. }) = op?;
            ops += 1;
            table_max = table.0.max(table_max);
        }
        Ok(Batch {
            bytes,
            ops,
            table_max,
            bad_key_bytes: None,
        })
    }

    /// Checks the limits that `put` and `delete` do not.
    pub(crate) fn check(&self, tables: usize) -> Result<(), AppendError> {
        if let Some(bytes) = self.bad_key_bytes {
            return Err(AppendError::KeyLength {
                bytes,
                max: KEY_BYTES_MAX,
            });
        }
        if self.bytes.len() > BATCH_BYTES_MAX {
            return Err(AppendError::TooLarge {
                bytes: self.bytes.len(),
                max: BATCH_BYTES_MAX,
            });
        }
        if !self.is_empty() && usize::from(self.table_max) >= tables {
            return Err(AppendError::UnknownTable {
                table: self.table_max,
                tables,
            });
        }
        Ok(())
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ops()).finish()
    }
}

/// Lengths above 4 GiB saturate: such a batch is far above [`BATCH_BYTES_MAX`] and never leaves `append`.
fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

struct OpReader<'a> {
    rest: &'a [u8],
}

impl<'a> OpReader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or(DecodeError::Short)?;
        self.rest = rest;
        Ok(head)
    }

    fn u32(&mut self) -> Result<usize, DecodeError> {
        let bytes = self.take(4)?.first_chunk::<4>().ok_or(DecodeError::Short)?;
        Ok(u32::from_le_bytes(*bytes) as usize)
    }

    fn op(&mut self) -> Result<Op<'a>, DecodeError> {
        let [kind, table] = *self.take(2)?.first_chunk::<2>().ok_or(DecodeError::Short)?;
        let table = Table(table);
        let key_len = self.u32()?;
        if key_len == 0 || key_len > KEY_BYTES_MAX {
            return Err(DecodeError::KeyLength { bytes: key_len });
        }
        match kind {
            KIND_DELETE => Ok(Op::Delete {
                table,
                key: self.take(key_len)?,
            }),
            KIND_PUT => {
                let value_len = self.u32()?;
                Ok(Op::Put {
                    table,
                    key: self.take(key_len)?,
                    value: self.take(value_len)?,
                })
            }
            _ => Err(DecodeError::Kind { kind }),
        }
    }
}

impl<'a> Iterator for OpReader<'a> {
    type Item = Result<Op<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.rest.is_empty()).then(|| self.op())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_in_order() {
        let mut batch = Batch::new();
        batch.put(Table(1), b"k", b"");
        batch.delete(Table(0), b"gone");
        batch.put(Table(2), b"key", b"value");
        let decoded = Batch::decode(batch.as_bytes().to_vec()).expect("own bytes decode");
        assert_eq!(decoded, batch);
        let ops: Vec<Op<'_>> = decoded.ops().collect();
        assert_eq!(ops.len(), 3);
        assert_eq!(
            ops[1],
            Op::Delete {
                table: Table(0),
                key: b"gone"
            }
        );
        assert_eq!(
            ops[2],
            Op::Put {
                table: Table(2),
                key: b"key",
                value: b"value"
            }
        );
    }

    #[test]
    fn every_cut_and_unknown_kind_is_refused() {
        let mut batch = Batch::new();
        batch.put(Table(1), b"key", b"value");
        for cut in 1..batch.as_bytes().len() {
            assert_eq!(
                Batch::decode(batch.as_bytes()[..cut].to_vec()),
                Err(DecodeError::Short),
                "cut at {cut}"
            );
        }
        let mut bytes = batch.as_bytes().to_vec();
        bytes[0] = 7;
        assert_eq!(Batch::decode(bytes), Err(DecodeError::Kind { kind: 7 }));
    }

    #[test]
    fn limits_hold_at_the_bound_and_one_past() {
        let mut batch = Batch::new();
        batch.put(Table(1), &vec![1; KEY_BYTES_MAX], b"");
        assert_eq!(batch.check(2), Ok(()));
        assert_eq!(
            batch.check(1),
            Err(AppendError::UnknownTable {
                table: 1,
                tables: 1
            })
        );
        batch.put(Table(1), &vec![1; KEY_BYTES_MAX + 1], b"");
        assert!(matches!(batch.check(2), Err(AppendError::KeyLength { .. })));
        let mut empty_key = Batch::new();
        empty_key.delete(Table(0), b"");
        assert!(matches!(
            empty_key.check(1),
            Err(AppendError::KeyLength { bytes: 0, .. })
        ));
    }
}
