//! Reading the log after a stop of any kind.
//!
//! In come the segment files and the last batch that the state remembers; out go the groups to apply, in order and
//! without gaps, or a refusal. Nothing is removed here: the caller applies the groups, makes the state durable, and
//! only then removes the files.
//!
//! The rules, with their reasons in `docs/formats/commit-log.md`:
//! - a bad stretch at the end of the last segment, nothing valid after it, is the torn tail of a crash: dropped;
//! - a segment whose groups begin at a number already read replaces what was read from there on (the writer gave the
//!   earlier file up after a failure and wrote the group again);
//! - what comes before a segment whose predecessors the state holds may be left over from an unfinished removal;
//! - anything else is damage, and refused.

use crate::batch::Seq;
use crate::disk::Disk;
use crate::error::RecoveryError;
use crate::frame::{Group, HEADER_BYTES, SEGMENT_VERSION, find_group, read_group, read_header};
use crate::writer::segment_ordinal;

/// What the log holds.
pub(crate) struct Recovered {
    /// Everything that the state does not hold, in order.
    pub(crate) groups: Vec<Group>,
    /// The files that were read.
    pub(crate) names: Vec<String>,
}

struct Segment {
    name: String,
    first: Option<Seq>,
    groups: Vec<Group>,
    /// A bad stretch with valid groups after it: where it begins and where they do.
    damage: Option<(usize, usize)>,
}

/// Reads every segment of the disk for a state that holds everything up to `applied`.
///
/// The last group may be readable and not durable: its sync may never have happened. That is why the caller makes the
/// state durable before it reports anything as such. A log that ends before `applied` is what a power loss after that
/// leaves behind, and harmless: the state holds the prefix.
pub(crate) fn recover(disk: &dyn Disk, applied: Seq) -> Result<Recovered, RecoveryError> {
    let names = segment_names(disk)?;
    let mut chain = Chain {
        groups: Vec::new(),
        damage: None,
        applied,
    };
    for name in &names {
        chain.add(read_segment(disk, name)?)?;
    }
    chain.check_damage()?;
    let groups = chain
        .groups
        .into_iter()
        .filter_map(|group| group.after(applied))
        .collect();
    Ok(Recovered { groups, names })
}

fn segment_names(disk: &dyn Disk) -> Result<Vec<String>, RecoveryError> {
    let mut names = disk.list().map_err(|source| RecoveryError::Io {
        segment: "*".to_owned(),
        source,
    })?;
    names.retain(|name| segment_ordinal(name) > 0);
    names.sort();
    Ok(names)
}

/// The segments read so far, joined.
struct Chain {
    groups: Vec<Group>,
    /// Damage found and not yet known to be in a part that the state holds anyway.
    damage: Option<RecoveryError>,
    applied: Seq,
}

impl Chain {
    fn add(&mut self, segment: Segment) -> Result<(), RecoveryError> {
        let Segment {
            name,
            first,
            groups,
            damage,
        } = segment;
        if let Some(first) = first {
            self.join(first, &name)?;
        }
        if let Some(group) = groups.first() {
            self.cut(group.first);
        }
        self.groups.extend(groups);
        let corrupt = |(offset, valid_again)| RecoveryError::Corrupt {
            segment: name,
            offset: offset as u64,
            valid_again: valid_again as u64,
        };
        self.damage = self.damage.take().or(damage.map(corrupt));
        Ok(())
    }

    /// Checks that nothing is missing before a segment that begins at `first`.
    fn join(&mut self, first: Seq, name: &str) -> Result<(), RecoveryError> {
        if first <= self.applied.next() {
            // Everything before it is in the state, so the earlier files need not be whole.
            self.damage = None;
        }
        self.check_damage()?;
        let read = self.groups.last().map_or(Seq::ZERO, Group::last);
        let expected = read.max(self.applied).next();
        if first > expected {
            return Err(RecoveryError::Gap {
                segment: name.to_owned(),
                expected,
                found: first,
            });
        }
        Ok(())
    }

    /// Drops everything from `first` on: it was written again. A segment without a valid group replaces nothing.
    fn cut(&mut self, first: Seq) {
        self.groups.retain(|group| group.first < first);
        if let Some(group) = self.groups.last_mut() {
            group.batches.truncate((first.0 - group.first.0) as usize);
        }
    }

    fn check_damage(&mut self) -> Result<(), RecoveryError> {
        self.damage.take().map_or(Ok(()), Err)
    }
}

fn read_segment(disk: &dyn Disk, name: &str) -> Result<Segment, RecoveryError> {
    let io = |source| RecoveryError::Io {
        segment: name.to_owned(),
        source,
    };
    let bytes = disk.read(name).map_err(io)?;
    let mut segment = Segment {
        name: name.to_owned(),
        first: None,
        groups: Vec::new(),
        damage: None,
    };
    let Some((version, first)) = read_header(&bytes) else {
        segment.damage = find_group(&bytes, 0, Seq::ZERO).map(|valid_again| (0, valid_again));
        return Ok(segment);
    };
    if version > SEGMENT_VERSION {
        return Err(RecoveryError::NewerVersion {
            segment: name.to_owned(),
            found: version,
            supported: SEGMENT_VERSION,
        });
    }
    segment.first = Some(first);
    let (mut at, mut expected) = (HEADER_BYTES, first);
    while let Some(raw) = read_group(&bytes[at..]).filter(|raw| raw.first == expected) {
        let malformed = |(seq, source)| RecoveryError::Batch {
            segment: name.to_owned(),
            seq,
            source,
        };
        let group = raw.decode().map_err(malformed)?;
        (at, expected) = (at + raw.size, group.last().next());
        segment.groups.push(group);
    }
    segment.damage = find_group(&bytes, at, expected).map(|valid_again| (at, valid_again));
    Ok(segment)
}
