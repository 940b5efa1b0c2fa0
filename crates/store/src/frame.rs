//! The bytes of the log: segment headers and groups.
//!
//! In come groups of batches, out go bytes, and back. Layout and reasons are in `docs/formats/commit-log.md`:
//!
//! ```text
//! segment = header group*
//! header  = magic "MOORLOG\0" [8], version u32, crc32c u32, first_seq u64            (24 bytes)
//! group   = magic "GRP1" [4], crc32c u32, body_len u32, count u32, first_seq u64, body  (24 bytes + body)
//! body    = (batch_len u32, batch)*                                                (numbers little-endian)
//! ```
//!
//! A header's checksum covers magic, version and first_seq; a group's covers everything after the checksum. The group
//! is the unit of writing and of the checksum, because it is the unit of the sync: a crash can spoil only the last one.

use std::sync::Arc;

use crate::batch::{Batch, Seq};
use crate::error::DecodeError;

/// Version written into new segments, and the newest one read.
pub(crate) const SEGMENT_VERSION: u32 = 1;
/// Bytes before the first group.
pub(crate) const HEADER_BYTES: usize = 24;
const GROUP_HEADER_BYTES: usize = 24;
const SEGMENT_MAGIC: [u8; 8] = *b"MOORLOG\0";
const GROUP_MAGIC: [u8; 4] = *b"GRP1";

/// Batches written with one sync: the batch at index `i` has the number `first + i`. Never empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Group {
    pub(crate) first: Seq,
    pub(crate) batches: Vec<Arc<Batch>>,
}

impl Group {
    pub(crate) fn last(&self) -> Seq {
        Seq(self.first.0 + self.batches.len() as u64 - 1)
    }

    /// The part of the group that comes after `seq`.
    pub(crate) fn after(self, seq: Seq) -> Option<Group> {
        if seq < self.first {
            return Some(self);
        }
        let held = (seq.0 - self.first.0 + 1) as usize;
        let batches = self.batches.get(held..)?.to_vec();
        (!batches.is_empty()).then_some(Group {
            first: seq.next(),
            batches,
        })
    }

    /// Encoded bytes of all batches, without framing.
    pub(crate) fn bytes(&self) -> usize {
        self.batches
            .iter()
            .map(|batch| batch.as_bytes().len())
            .sum()
    }
}

pub(crate) fn write_header(out: &mut Vec<u8>, first: Seq) {
    out.extend_from_slice(&SEGMENT_MAGIC);
    out.extend_from_slice(&SEGMENT_VERSION.to_le_bytes());
    out.extend_from_slice(&header_checksum(SEGMENT_VERSION, first).to_le_bytes());
    out.extend_from_slice(&first.0.to_le_bytes());
}

fn header_checksum(version: u32, first: Seq) -> u32 {
    let crc = crc32c::crc32c(&SEGMENT_MAGIC);
    let crc = crc32c::crc32c_append(crc, &version.to_le_bytes());
    crc32c::crc32c_append(crc, &first.0.to_le_bytes())
}

/// A valid header: its version and the number of the first batch that the segment was made for.
pub(crate) fn read_header(bytes: &[u8]) -> Option<(u32, Seq)> {
    if bytes.get(..8)? != SEGMENT_MAGIC {
        return None;
    }
    let version = u32_at(bytes, 8)?;
    let first = Seq(u64_at(bytes, 16)?);
    (u32_at(bytes, 12)? == header_checksum(version, first)).then_some((version, first))
}

/// Appends a group. Its size is bounded by the writer (one batch at least, `GROUP_BYTES_MAX` otherwise).
pub(crate) fn write_group(out: &mut Vec<u8>, group: &Group) {
    let start = out.len();
    out.extend_from_slice(&GROUP_MAGIC);
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&u32_of(group.batches.len()).to_le_bytes());
    out.extend_from_slice(&group.first.0.to_le_bytes());
    for batch in &group.batches {
        out.extend_from_slice(&u32_of(batch.as_bytes().len()).to_le_bytes());
        out.extend_from_slice(batch.as_bytes());
    }
    let body_len = u32_of(out.len() - start - GROUP_HEADER_BYTES);
    out[start + 8..start + 12].copy_from_slice(&body_len.to_le_bytes());
    let crc = crc32c::crc32c(&out[start + 8..]);
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
}

/// A group whose checksum holds, still encoded.
pub(crate) struct RawGroup<'a> {
    pub(crate) first: Seq,
    count: u32,
    body: &'a [u8],
    /// Bytes from the start of this group to the next.
    pub(crate) size: usize,
}

/// The group at the start of `bytes`, if it is whole and its checksum holds.
pub(crate) fn read_group(bytes: &[u8]) -> Option<RawGroup<'_>> {
    if bytes.get(..4)? != GROUP_MAGIC {
        return None;
    }
    let body_len = u32_at(bytes, 8)? as usize;
    let size = GROUP_HEADER_BYTES.checked_add(body_len)?;
    let covered = bytes.get(8..size)?;
    let body = bytes.get(GROUP_HEADER_BYTES..size)?;
    (u32_at(bytes, 4)? == crc32c::crc32c(covered)).then_some(RawGroup {
        first: Seq(u64_at(bytes, 16)?),
        count: u32_at(bytes, 12)?,
        body,
        size,
    })
}

impl RawGroup<'_> {
    /// Decodes every batch; the error carries the number of the malformed one.
    pub(crate) fn decode(&self) -> Result<Group, (Seq, DecodeError)> {
        let mut group = Group {
            first: self.first,
            batches: Vec::new(),
        };
        let mut rest = self.body;
        for index in 0..u64::from(self.count) {
            let batch =
                take_batch(&mut rest).map_err(|error| (Seq(self.first.0 + index), error))?;
            group.batches.push(Arc::new(batch));
        }
        Ok(group)
    }
}

fn take_batch(rest: &mut &[u8]) -> Result<Batch, DecodeError> {
    let (len, tail) = rest.split_first_chunk::<4>().ok_or(DecodeError::Short)?;
    let (bytes, tail) = tail
        .split_at_checked(u32::from_le_bytes(*len) as usize)
        .ok_or(DecodeError::Short)?;
    *rest = tail;
    Batch::decode(bytes.to_vec())
}

/// Where the next valid group numbered at least `expected` begins, at any byte from `from` on. Distinguishes the torn
/// tail of a crash (nothing valid follows) from damage in the middle.
pub(crate) fn find_group(bytes: &[u8], from: usize, expected: Seq) -> Option<usize> {
    let candidates = bytes.get(from..)?.windows(GROUP_MAGIC.len()).enumerate();
    candidates
        .filter(|(_, window)| *window == GROUP_MAGIC)
        .map(|(offset, _)| from + offset)
        .find(|&at| read_group(&bytes[at..]).is_some_and(|group| group.first >= expected))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Lengths here are bounded far below 4 GiB by `BATCH_BYTES_MAX` and `GROUP_BYTES_MAX`.
fn u32_of(length: usize) -> u32 {
    u32::try_from(length).expect("groups are bounded")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Table;

    fn group(first: u64, count: u8) -> Group {
        let batch = |i: u8| {
            let mut batch = Batch::new();
            batch.put(Table(i), &[i + 1], b"value");
            Arc::new(batch)
        };
        Group {
            first: Seq(first),
            batches: (0..count).map(batch).collect(),
        }
    }

    #[test]
    fn headers_and_groups_come_back() {
        let mut bytes = Vec::new();
        write_header(&mut bytes, Seq(7));
        assert_eq!(bytes.len(), HEADER_BYTES);
        assert_eq!(read_header(&bytes), Some((SEGMENT_VERSION, Seq(7))));
        write_group(&mut bytes, &group(7, 3));
        let raw = read_group(&bytes[HEADER_BYTES..]).expect("whole");
        assert_eq!(raw.size, bytes.len() - HEADER_BYTES);
        assert_eq!(raw.decode(), Ok(group(7, 3)));
        assert_eq!(group(7, 3).last(), Seq(9));
        assert_eq!(group(7, 3).after(Seq(6)), Some(group(7, 3)));
        assert_eq!(
            group(7, 3)
                .after(Seq(8))
                .map(|rest| (rest.first, rest.batches.len())),
            Some((Seq(9), 1))
        );
        assert_eq!(group(7, 3).after(Seq(9)), None);
        assert_eq!(group(7, 3).after(Seq(90)), None);
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_seen() {
        let mut bytes = Vec::new();
        write_group(&mut bytes, &group(1, 2));
        for cut in 0..bytes.len() {
            assert!(read_group(&bytes[..cut]).is_none(), "cut at {cut}");
        }
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(read_group(&bytes).is_none(), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(read_group(&bytes).is_some());
    }

    #[test]
    fn a_group_is_found_after_rubbish_unless_it_is_older() {
        let mut bytes = b"GRP1 rubbish".to_vec();
        let at = bytes.len();
        write_group(&mut bytes, &group(5, 1));
        assert_eq!(find_group(&bytes, 0, Seq(5)), Some(at));
        assert_eq!(find_group(&bytes, 0, Seq(6)), None);
        assert_eq!(find_group(&bytes, at + 1, Seq(1)), None);
    }
}
