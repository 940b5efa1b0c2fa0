//! Reading the log after a stop of any kind.
//!
//! In come the segment files and the last batch that the state remembers; out go the groups to apply, in order and
//! without gaps, or a refusal. It changes nothing: the caller applies the groups, makes the state durable, and only
//! then removes the files.
//!
//! The rules, with their reasons in `docs/formats/commit-log.md`:
//! - a bad stretch at the end of the last segment, nothing valid after it, is the torn tail of a crash: dropped;
//! - a segment that begins at a number already read replaces what was read from there on (the writer gave the earlier
//!   file up after a failure and wrote the group again), and so excuses a bad tail before it;
//! - everything before a segment whose predecessors the state holds is left over from an unfinished removal;
//! - anything else is damage, and refused.

use crate::batch::Seq;
use crate::disk::Disk;
use crate::error::RecoveryError;
use crate::frame::{Group, HEADER_BYTES, SEGMENT_VERSION, find_group, read_group, read_header};

/// What the log holds.
pub(crate) struct Recovered {
    /// All groups to apply again, in order; also those that the state may already hold.
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
    let last = chain.groups.last().map(Group::last);
    if let Some(log) = last.filter(|last| *last < applied) {
        return Err(RecoveryError::Behind {
            log,
            state: applied,
        });
    }
    Ok(Recovered {
        groups: chain.groups,
        names,
    })
}

fn segment_names(disk: &dyn Disk) -> Result<Vec<String>, RecoveryError> {
    let mut names = disk.list().map_err(|source| RecoveryError::Io {
        segment: "*".to_owned(),
        source,
    })?;
    names.retain(|name| name.ends_with(".log"));
    names.sort();
    Ok(names)
}

/// The segments read so far, joined.
struct Chain {
    groups: Vec<Group>,
    /// Unexcused damage in the segment read last.
    damage: Option<RecoveryError>,
    applied: Seq,
}

impl Chain {
    fn add(&mut self, segment: Segment) -> Result<(), RecoveryError> {
        match segment.first {
            // A file whose creation failed; whatever comes next must join to what came before.
            None => self.check_damage()?,
            Some(first) => self.join(first, &segment.name)?,
        }
        self.damage = segment
            .damage
            .map(|(offset, valid_again)| RecoveryError::Corrupt {
                segment: segment.name,
                offset: offset as u64,
                valid_again: valid_again as u64,
            });
        self.groups.extend(segment.groups);
        Ok(())
    }

    /// Makes the end of the chain meet a segment that begins at `first`.
    fn join(&mut self, first: Seq, name: &str) -> Result<(), RecoveryError> {
        let expected = self.groups.last().map(|group| group.last().next());
        if first <= self.applied.next() && expected.is_none_or(|expected| first > expected) {
            self.groups.clear();
        } else if first > expected.unwrap_or(self.applied.next()) {
            self.check_damage()?;
            let expected = expected.unwrap_or(self.applied.next());
            return Err(RecoveryError::Gap {
                segment: name.to_owned(),
                expected,
                found: first,
            });
        }
        self.groups.retain(|group| group.first < first);
        if let Some(group) = self.groups.last_mut() {
            group.batches.truncate((first.0 - group.first.0) as usize);
        }
        self.damage = None;
        Ok(())
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
