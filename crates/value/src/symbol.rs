//! Interned names of verbs, properties and variables: one small number per name, whatever the
//! case of its ASCII letters.
//!
//! In: text. Out: a number that compares in one instruction, and its first spelling. Names are
//! kept for the life of the process, so callers intern only what a program or a database names,
//! and use [`Symbol::lookup`] for text that a user chose.

use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;

use hashbrown::HashTable;
use parking_lot::RwLock;
use rustc_hash::FxBuildHasher;

use crate::fold;

/// An interned name. Equal symbols are equal names without regard to ASCII case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(u32);

/// Locks that interning is spread over; a power of two.
const SHARDS: usize = 16;

/// Names are kept in blocks of 64, 64, 128, 256 ... so that none ever moves.
const BLOCKS: usize = 27;
const FIRST_BLOCK_BITS: u32 = 6;

type Block = Box<[OnceLock<&'static str>]>;

struct Interner {
    shards: [RwLock<HashTable<(u64, u32)>>; SHARDS],
    blocks: [OnceLock<Block>; BLOCKS],
    /// How many numbers are given out.
    count: std::sync::atomic::AtomicU32,
}

static INTERNER: Interner = Interner {
    shards: [const { RwLock::new(HashTable::new()) }; SHARDS],
    blocks: [const { OnceLock::new() }; BLOCKS],
    count: std::sync::atomic::AtomicU32::new(0),
};

impl Interner {
    fn find(&self, table: &HashTable<(u64, u32)>, hash: u64, name: &str) -> Option<Symbol> {
        let same =
            |entry: &(u64, u32)| entry.0 == hash && self.name(entry.1).eq_ignore_ascii_case(name);
        table.find(hash, same).map(|entry| Symbol(entry.1))
    }

    fn name(&self, number: u32) -> &'static str {
        let (block, offset) = place(number);
        let slot = self.blocks[block]
            .get()
            .and_then(|names| names[offset].get());
        slot.copied().expect("a symbol is made after its name")
    }

    /// Gives the name a number; the caller holds its shard's write lock.
    fn add(&self, name: &str) -> u32 {
        let number = self
            .count
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        assert!(number < u32::MAX - 64, "the interner is full");
        let (block, offset) = place(number);
        let names = self.blocks[block].get_or_init(|| {
            let len = 1usize << (FIRST_BLOCK_BITS as usize + block.saturating_sub(1));
            (0..len).map(|_| OnceLock::new()).collect()
        });
        names[offset].get_or_init(|| String::leak(name.to_owned()));
        number
    }
}

/// The block and the offset in it where that number's name is kept.
fn place(number: u32) -> (usize, usize) {
    let bits = u32::BITS - (number >> FIRST_BLOCK_BITS).leading_zeros();
    let start = if bits == 0 {
        0
    } else {
        1u32 << (bits + FIRST_BLOCK_BITS - 1)
    };
    (bits as usize, (number - start) as usize)
}

fn hash_of(name: &str) -> u64 {
    let mut hasher = FxBuildHasher.build_hasher();
    fold::hash(name.as_bytes(), &mut hasher);
    hasher.finish()
}

fn shard_of(hash: u64) -> usize {
    (hash >> 57) as usize % SHARDS
}

impl Symbol {
    /// The symbol of `name`, made if it is new. The first spelling is kept.
    pub fn intern(name: &str) -> Symbol {
        let hash = hash_of(name);
        let shard = &INTERNER.shards[shard_of(hash)];
        if let Some(found) = INTERNER.find(&shard.read(), hash, name) {
            return found;
        }
        let mut table = shard.write();
        if let Some(found) = INTERNER.find(&table, hash, name) {
            return found;
        }
        let number = INTERNER.add(name);
        table.insert_unique(hash, (hash, number), |entry| entry.0);
        Symbol(number)
    }

    /// The symbol of `name` if one was made before; never makes one.
    pub fn lookup(name: &str) -> Option<Symbol> {
        let hash = hash_of(name);
        INTERNER.find(&INTERNER.shards[shard_of(hash)].read(), hash, name)
    }

    /// The first spelling. Takes no lock.
    pub fn as_str(self) -> &'static str {
        INTERNER.name(self.0)
    }

    /// The number behind the symbol: dense from 0, valid in this process only.
    pub fn index(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Symbol({:?})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_ignored_and_the_first_spelling_kept() {
        let a = Symbol::intern("Tell_Contents-A");
        assert_eq!(a, Symbol::intern("tell_contents-a"));
        assert_eq!(a.as_str(), "Tell_Contents-A");
        assert_ne!(a, Symbol::intern("tell_contents-b"));
    }

    #[test]
    fn lookup_never_makes_one() {
        assert_eq!(Symbol::lookup("never interned before"), None);
        assert_eq!(Symbol::lookup("never interned before"), None);
        let made = Symbol::intern("now it is made");
        assert_eq!(Symbol::lookup("NOW it is made"), Some(made));
    }

    #[test]
    fn places_are_dense() {
        let mut expected = (0usize, 0);
        for number in 0..5_000 {
            assert_eq!(place(number), expected, "{number}");
            expected.1 += 1;
            let len = 1 << (6 + expected.0.saturating_sub(1));
            if expected.1 == len {
                expected = (expected.0 + 1, 0);
            }
        }
        assert!(place(u32::MAX).0 < BLOCKS);
    }

    #[test]
    fn threads_agree() {
        let names: Vec<String> = (0..2_000).map(|i| format!("shared name {i}")).collect();
        let numbers = |names: &[String]| -> Vec<Symbol> {
            names.iter().map(|name| Symbol::intern(name)).collect()
        };
        let all: Vec<Vec<Symbol>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| numbers(&names))).collect();
            threads
                .into_iter()
                .map(|t| t.join().expect("no panic"))
                .collect()
        });
        assert!(all.iter().all(|one| *one == all[0]));
        for (name, symbol) in names.iter().zip(&all[0]) {
            assert_eq!(symbol.as_str(), name);
        }
    }
}
