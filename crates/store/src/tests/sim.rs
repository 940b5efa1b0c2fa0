//! A disk and an engine in memory that break where a test says and forget what was not synced.
//!
//! One [`Machine`] counts every call to its disk and its engine. At chosen calls it refuses, leaving a part of a write
//! behind. [`Machine::kill`] ends the process (files stay as they look), [`Machine::power_loss`] ends the machine:
//! of every byte, name and change that no successful sync covers, chance decides what is left.
//!
//! A failed sync drops its bytes from later syncs although they can still be read, as Linux does.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::ops::RangeBounds;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::batch::{Batch, Op, Seq, Table};
use crate::disk::{Disk, DiskFile};
use crate::error::StateError;
use crate::frame::Group;
use crate::state::{KeyRange, RowVisitor, State, StateView};

/// Bytes that reach the disk together. Real ones are 512 or more; like theirs, the first holds the header of a segment
/// and the beginning of its first group.
const SECTOR_BYTES: usize = 32;

pub(super) type Rows = BTreeMap<(u8, Vec<u8>), Vec<u8>>;

/// What a batch does to rows.
pub(super) fn apply(rows: &mut Rows, batch: &Batch) {
    for op in batch.ops() {
        match op {
            Op::Put { table, key, value } => rows.insert((table.0, key.to_vec()), value.to_vec()),
            Op::Delete { table, key } => rows.remove(&(table.0, key.to_vec())),
        };
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Byte {
    Dirty,
    Durable,
    /// Readable, but a sync of it failed.
    Lost,
}

#[derive(Clone, Default)]
struct SimFile {
    bytes: Vec<u8>,
    fate: Vec<Byte>,
    name_durable: bool,
}

#[derive(Default)]
struct Inside {
    files: BTreeMap<String, SimFile>,
    /// Removed since the last sync of the folder: may come back.
    removed: BTreeMap<String, SimFile>,
    rows_durable: Rows,
    seq_durable: Seq,
    /// Applied since the last persist.
    journal: Vec<Group>,
    calls: u64,
    failing: Range<u64>,
    life: u64,
    chance: u64,
}

impl Inside {
    /// Counts a call; true when it is to fail.
    fn fails(&mut self) -> bool {
        self.calls += 1;
        self.failing.contains(&(self.calls - 1))
    }

    fn call(&mut self) -> io::Result<()> {
        if self.fails() {
            Err(io::Error::from(io::ErrorKind::StorageFull))
        } else {
            Ok(())
        }
    }

    /// A number below `bound` (xorshift).
    fn random(&mut self, bound: usize) -> usize {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        (self.chance % bound as u64) as usize
    }

    fn lose_state(&mut self) {
        let kept = self.random(self.journal.len() + 1);
        self.journal.truncate(kept);
    }

    fn lose_files(&mut self) {
        for (name, file) in std::mem::take(&mut self.removed) {
            if self.random(2) == 0 {
                self.files.entry(name).or_insert(file);
            }
        }
        let mut files = std::mem::take(&mut self.files);
        files.retain(|_, file| file.name_durable || self.random(2) == 0);
        for file in files.values_mut() {
            self.lose_bytes(file);
        }
        self.files = files;
    }

    fn lose_bytes(&mut self, file: &mut SimFile) {
        let durable = file
            .fate
            .iter()
            .rposition(|fate| *fate == Byte::Durable)
            .map_or(0, |at| at + 1);
        let length = durable + self.random(file.bytes.len() - durable + 1);
        file.bytes.truncate(length);
        file.fate.truncate(length);
        for start in (0..length).step_by(SECTOR_BYTES) {
            let lost = self.random(2) == 0;
            for at in start..length.min(start + SECTOR_BYTES) {
                if lost && file.fate[at] != Byte::Durable {
                    file.bytes[at] = 0;
                }
            }
        }
        file.fate.fill(Byte::Durable);
        file.name_durable = true;
    }

    fn rows(&self) -> (Rows, Seq) {
        let mut rows = self.rows_durable.clone();
        self.journal
            .iter()
            .flat_map(|group| &group.batches)
            .for_each(|batch| apply(&mut rows, batch));
        (
            rows,
            self.journal.last().map_or(self.seq_durable, Group::last),
        )
    }
}

/// The simulated machine; clones are the same machine.
#[derive(Clone)]
pub(super) struct Machine(Arc<Mutex<Inside>>);

impl Machine {
    pub(super) fn new(seed: u64) -> Machine {
        Machine(Arc::new(Mutex::new(Inside {
            chance: seed | 1,
            ..Inside::default()
        })))
    }

    /// Calls to the disk and the engine so far.
    pub(super) fn calls(&self) -> u64 {
        self.0.lock().calls
    }

    /// Makes the calls with these numbers fail.
    pub(super) fn fail(&self, calls: Range<u64>) {
        self.0.lock().failing = calls;
    }

    /// Ends the process: the engine may lose what it had not written, files stay as they look.
    pub(super) fn kill(&self) {
        let mut inside = self.0.lock();
        inside.life += 1;
        inside.failing = 0..0;
        inside.lose_state();
    }

    /// Ends the machine: whatever no sync covers is lost by chance.
    pub(super) fn power_loss(&self) {
        self.kill();
        self.0.lock().lose_files();
    }

    pub(super) fn file_names(&self) -> Vec<String> {
        self.0.lock().files.keys().cloned().collect()
    }

    /// Changes a file under the store.
    pub(super) fn edit(&self, name: &str, edit: impl FnOnce(&mut Vec<u8>)) {
        let mut inside = self.0.lock();
        let file = inside.files.entry(name.to_owned()).or_default();
        edit(&mut file.bytes);
        file.fate = vec![Byte::Durable; file.bytes.len()];
    }

    pub(super) fn rows(&self) -> Rows {
        self.0.lock().rows().0
    }
}

impl Disk for Machine {
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut inside = self.0.lock();
        inside.call()?;
        if inside.files.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        inside.files.insert(name.to_owned(), SimFile::default());
        Ok(Box::new(Handle {
            machine: self.clone(),
            name: name.to_owned(),
            life: inside.life,
        }))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.0.lock().call()?;
        Ok(self.file_names())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut inside = self.0.lock();
        inside.call()?;
        inside
            .files
            .get(name)
            .map(|file| file.bytes.clone())
            .ok_or(io::ErrorKind::NotFound.into())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut inside = self.0.lock();
        inside.call()?;
        let file = inside.files.remove(name).ok_or(io::ErrorKind::NotFound)?;
        inside.removed.insert(name.to_owned(), file);
        Ok(())
    }

    fn sync_folder(&self) -> io::Result<()> {
        let mut inside = self.0.lock();
        inside.call()?;
        inside.removed.clear();
        inside
            .files
            .values_mut()
            .for_each(|file| file.name_durable = true);
        Ok(())
    }
}

struct Handle {
    machine: Machine,
    name: String,
    life: u64,
}

impl Handle {
    fn with_file<T>(
        &self,
        act: impl FnOnce(&mut Inside, &mut SimFile) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut inside = self.machine.0.lock();
        assert_eq!(
            inside.life, self.life,
            "a file of an earlier process is used"
        );
        // A removed file can still be written through an open handle; nobody will read it.
        let mut file = inside.files.remove(&self.name).unwrap_or_default();
        let result = act(&mut inside, &mut file);
        inside.files.insert(self.name.clone(), file);
        result
    }
}

impl DiskFile for Handle {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.with_file(|inside, file| {
            let failed = inside.call();
            let count = if failed.is_err() {
                inside.random(bytes.len() + 1)
            } else {
                bytes.len()
            };
            file.bytes.extend_from_slice(&bytes[..count]);
            file.fate.resize(file.bytes.len(), Byte::Dirty);
            failed
        })
    }

    fn sync(&mut self) -> io::Result<()> {
        self.with_file(|inside, file| {
            let failed = inside.call();
            let fate = if failed.is_err() {
                Byte::Lost
            } else {
                Byte::Durable
            };
            file.fate
                .iter_mut()
                .filter(|byte| **byte == Byte::Dirty)
                .for_each(|byte| *byte = fate);
            failed
        })
    }
}

impl State for Machine {
    fn applied(&self) -> Result<Seq, StateError> {
        Ok(self.0.lock().rows().1)
    }

    fn apply(&self, group: &Group) -> Result<(), StateError> {
        let mut inside = self.0.lock();
        if inside.fails() {
            return Err(StateError::Injected);
        }
        inside.journal.push(group.clone());
        Ok(())
    }

    fn persist(&self) -> Result<(), StateError> {
        let mut inside = self.0.lock();
        if inside.fails() {
            return Err(StateError::Injected);
        }
        (inside.rows_durable, inside.seq_durable) = inside.rows();
        inside.journal.clear();
        Ok(())
    }

    fn reopen(&self) -> Result<(), StateError> {
        let mut inside = self.0.lock();
        if inside.fails() {
            return Err(StateError::Injected);
        }
        inside.lose_state();
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn StateView>, StateError> {
        let (rows, seq) = self.0.lock().rows();
        Ok(Box::new(SimView { rows, seq }))
    }
}

struct SimView {
    rows: Rows,
    seq: Seq,
}

impl StateView for SimView {
    fn seq(&self) -> Result<Seq, StateError> {
        Ok(self.seq)
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.rows.get(&(table.0, key.to_vec())).cloned())
    }

    fn scan(
        &self,
        table: Table,
        keys: KeyRange<'_>,
        visit: RowVisitor<'_>,
    ) -> Result<(), StateError> {
        let rows = self
            .rows
            .iter()
            .filter(|((at, key), _)| *at == table.0 && keys.contains(key.as_slice()));
        for ((_, key), value) in rows {
            if !visit(key, value) {
                break;
            }
        }
        Ok(())
    }
}

impl Machine {
    pub(super) fn disk(&self) -> Arc<dyn Disk> {
        Arc::new(self.clone())
    }

    pub(super) fn state(&self) -> Arc<dyn State> {
        Arc::new(self.clone())
    }
}
