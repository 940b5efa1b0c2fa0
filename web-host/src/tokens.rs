//! What this host knows of tokens: which have been good here, and which it takes no more.
//!
//! In: holders of tokens that the daemon vouched for, and of tokens that were signed out. Out: whether a token still
//! counts. Anybody may sign out any text: what nobody vouched for has a list of its own, so that a flood of such texts
//! does not push out a real one, which would count again. It does not know what is in a token, nor when it expires.

use std::collections::{HashSet, VecDeque};

use moor_rpc::AuthToken;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

/// Tokens in each list; beyond it the oldest are forgotten.
pub const LISTED_MAX: usize = 100_000;

/// The holder of a token, by a digest of it: the token itself is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owner([u8; 32]);

impl Owner {
    /// The holder of `token`.
    #[must_use]
    pub fn of(token: &AuthToken) -> Self {
        Self(Sha256::digest(token.0.as_bytes()).into())
    }
}

/// The tokens of this host.
#[derive(Debug, Default)]
pub struct Tokens(Mutex<Lists>);

#[derive(Debug, Default)]
struct Lists {
    /// The daemon has vouched for them.
    good: List,
    /// Good ones that were signed out.
    ended: List,
    /// Texts that were signed out, and may never have been tokens.
    unproven: List,
}

impl Tokens {
    /// The daemon has vouched for a token.
    pub fn vouch(&self, owner: Owner) {
        self.0.lock().good.add(owner);
    }

    /// Takes a token no more.
    pub fn end(&self, owner: Owner) {
        let lists = &mut *self.0.lock();
        match lists.good.known.contains(&owner) {
            true => lists.ended.add(owner),
            false => lists.unproven.add(owner),
        }
    }

    /// Whether it was ended.
    #[must_use]
    pub fn has_ended(&self, owner: &Owner) -> bool {
        let lists = self.0.lock();
        lists.ended.known.contains(owner) || lists.unproven.known.contains(owner)
    }
}

/// Those that were added last.
#[derive(Debug, Default)]
struct List {
    known: HashSet<Owner>,
    order: VecDeque<Owner>,
}

impl List {
    fn add(&mut self, owner: Owner) {
        if self.known.insert(owner) {
            self.order.push_back(owner);
        }
        if self.order.len() > LISTED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(n: usize) -> Owner {
        Owner::of(&AuthToken(n.to_string()))
    }

    #[test]
    fn ended_tokens_are_remembered_up_to_a_bound() {
        let tokens = Tokens::default();
        (0..=LISTED_MAX).for_each(|n| tokens.end(owner(n)));
        assert!(!tokens.has_ended(&owner(0)));
        assert!(tokens.has_ended(&owner(1)) && tokens.has_ended(&owner(LISTED_MAX)));
        tokens.end(owner(1));
        assert_eq!(tokens.0.lock().unproven.order.len(), LISTED_MAX);
    }

    #[test]
    fn a_flood_of_other_texts_gives_no_token_its_life_back() {
        let tokens = Tokens::default();
        tokens.vouch(owner(0));
        assert!(!tokens.has_ended(&owner(0)));
        tokens.end(owner(0));
        (1..=LISTED_MAX + 1).for_each(|n| tokens.end(owner(n)));
        assert!(tokens.has_ended(&owner(0)));
    }
}
