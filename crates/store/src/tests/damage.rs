//! Logs that are cut, flipped and mixed up by hand: what is dropped, what is refused, and with which words.

use std::sync::Arc;

use super::sim::Machine;
use crate::batch::{Batch, Seq, Table};
use crate::error::{OpenError, RecoveryError};
use crate::frame::{Group, HEADER_BYTES, write_group, write_header};
use crate::log::CommitLog;
use crate::store::{Options, Parts};
use crate::writer::segment_name;

const OPTIONS: Options = Options::new(&["a"]);

fn group(first: u64, count: u64) -> Group {
    let batch = |n: u64| {
        let mut batch = Batch::new();
        batch.put(Table(0), &n.to_be_bytes(), b"a value of some length");
        Arc::new(batch)
    };
    Group {
        first: Seq(first),
        batches: (first..first + count).map(batch).collect(),
    }
}

/// A segment with groups of the given first numbers and counts.
fn segment(groups: &[(u64, u64)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_header(&mut bytes, Seq(groups[0].0));
    groups
        .iter()
        .for_each(|&(first, count)| write_group(&mut bytes, &group(first, count)));
    bytes
}

/// Opens a store whose log folder holds these segments, in order; answers with the last batch it has.
fn open(segments: &[Vec<u8>]) -> Result<u64, RecoveryError> {
    let machine = Machine::new(1);
    for (ordinal, bytes) in (1..).zip(segments) {
        machine.edit(&segment_name(ordinal), |file| *file = bytes.clone());
    }
    machine.edit("notes.txt", |file| *file = b"not a segment".to_vec());
    match Parts::open(machine.disk(), machine.state(), &OPTIONS) {
        Ok(parts) => {
            let last = parts.queue.durable().0;
            assert_eq!(machine.rows().len() as u64, last);
            assert_eq!(machine.file_names(), ["notes.txt"]);
            Ok(last)
        }
        Err(OpenError::Recovery(error)) => {
            assert_eq!(
                machine.file_names().len(),
                segments.len() + 1,
                "a refusal changes nothing"
            );
            Err(error)
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_torn_tail_is_dropped_at_every_byte() {
    let whole = segment(&[(1, 2), (3, 1), (4, 3)]);
    let two_groups = segment(&[(1, 2), (3, 1)]).len();
    for cut in two_groups..whole.len() {
        assert_eq!(
            open(&[whole[..cut].to_vec()]).expect("opens"),
            3,
            "cut at {cut}"
        );
        let mut zeroed = whole.clone();
        zeroed[cut..].fill(0);
        assert_eq!(open(&[zeroed]).expect("opens"), 3, "zeros from {cut}");
    }
    assert_eq!(open(&[whole]).expect("opens"), 6);
    let second = segment(&[(4, 3)]);
    for cut in 0..second.len() {
        let first = segment(&[(1, 2), (3, 1)]);
        assert_eq!(
            open(&[first, second[..cut].to_vec()]).expect("opens"),
            3,
            "second segment cut at {cut}"
        );
    }
}

#[test]
fn damage_with_valid_groups_after_it_is_refused_at_every_byte() {
    let whole = segment(&[(1, 2), (3, 1), (4, 3)]);
    let last_group = segment(&[(1, 2), (3, 1)]).len() as u64;
    let second_group = segment(&[(1, 2)]).len() as u64;
    for at in 0..last_group {
        let mut damaged = whole.clone();
        damaged[at as usize] ^= 0x10;
        let (begin, again) = match at {
            0..24 => (0, HEADER_BYTES as u64),
            at if at < second_group => (HEADER_BYTES as u64, second_group),
            _ => (second_group, last_group),
        };
        match open(&[damaged]) {
            Err(RecoveryError::Corrupt {
                offset,
                valid_again,
                ..
            }) => {
                assert_eq!((offset, valid_again), (begin, again), "byte {at}");
            }
            other => panic!("byte {at}: {other:?}"),
        }
    }
}

#[test]
fn missing_segments_and_foreign_numbers_are_refused() {
    let gap = open(&[segment(&[(1, 2)]), segment(&[(5, 1)])]);
    assert!(
        matches!(
            gap,
            Err(RecoveryError::Gap {
                expected: Seq(3),
                found: Seq(5),
                ..
            })
        ),
        "{gap:?}"
    );
    let late = open(&[segment(&[(2, 2)])]);
    assert!(
        matches!(
            late,
            Err(RecoveryError::Gap {
                expected: Seq(1),
                found: Seq(2),
                ..
            })
        ),
        "{late:?}"
    );
    let torn_between = open(&[
        segment(&[(1, 2), (3, 1)])[..90].to_vec(),
        segment(&[(4, 1)]),
    ]);
    assert!(
        matches!(torn_between, Err(RecoveryError::Gap { .. })),
        "{torn_between:?}"
    );
    let inside = open(&[segment(&[(1, 2), (4, 1)])]);
    assert!(
        matches!(inside, Err(RecoveryError::Corrupt { .. })),
        "{inside:?}"
    );
}

#[test]
fn a_newer_segment_is_refused_by_its_version() {
    let mut bytes = segment(&[(1, 1)]);
    bytes[8..12].copy_from_slice(&2_u32.to_le_bytes());
    let mut covered = bytes[..12].to_vec();
    covered.extend_from_slice(&bytes[16..24]);
    bytes[12..16].copy_from_slice(&crc32c::crc32c(&covered).to_le_bytes());
    let newer = open(&[bytes]);
    assert!(
        matches!(
            newer,
            Err(RecoveryError::NewerVersion {
                found: 2,
                supported: 1,
                ..
            })
        ),
        "{newer:?}"
    );
}

#[test]
fn a_group_written_again_in_a_new_segment_counts_once() {
    let written_again = [segment(&[(1, 2), (3, 2)]), segment(&[(3, 2), (5, 1)])];
    assert_eq!(open(&written_again).expect("opens"), 5);
    let mut torn = segment(&[(1, 2), (3, 2)]);
    torn.truncate(torn.len() - 5);
    assert_eq!(
        open(&[torn.clone(), segment(&[(3, 2), (5, 1)])]).expect("opens"),
        5
    );
    // The second file was begun and not finished either; the third has it all.
    let begun = segment(&[(3, 2)])[..40].to_vec();
    assert_eq!(
        open(&[torn, begun, segment(&[(3, 2), (5, 1)])]).expect("opens"),
        5
    );
}

#[test]
fn segments_that_the_state_holds_already_need_not_be_whole() {
    let machine = Machine::new(1);
    let mut parts = Parts::open(machine.disk(), machine.state(), &OPTIONS).expect("opens");
    for n in 1..=6 {
        let batch = Batch::clone(&group(n, 1).batches[0]);
        parts.queue.append(batch).expect("accepted");
        parts.writer.step();
    }
    assert!(parts.materialiser.finish());
    machine.kill();
    // Removals undone by a power loss bring back any of the old files; one is damaged as well.
    let mut damaged = segment(&[(1, 1), (2, 1), (3, 1)]);
    damaged[HEADER_BYTES + 30] ^= 1;
    machine.edit(&segment_name(1), |file| *file = damaged);
    machine.edit(&segment_name(2), |file| *file = segment(&[(5, 2), (7, 1)]));
    let parts = Parts::open(machine.disk(), machine.state(), &OPTIONS).expect("opens");
    assert_eq!(parts.queue.durable(), Seq(7));
}
