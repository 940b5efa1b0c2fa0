//! Who may come in over a network: key pairs, enrollment tokens, the registry of enrolled peers, and the desk that
//! turns a token into an entry of the registry.
//!
//! In: folders, keys that a connection has proved, tokens as text, the time. Out: decisions, and files that only this
//! user may open. It opens no socket, starts no thread, and reads the clock only to date a revocation: the same folders
//! serve a running daemon and an operator's command at the same time, kept apart by a lock.
//!
//! | part | files |
//! |---|---|
//! | keys and their text | `keys` |
//! | tokens as an operator carries them, and as the daemon keeps them | `token`, `tokens` |
//! | who is enrolled, who was thrown out | `registry`, `peer`, `known_keys` |
//! | which door is whose | `domain` |
//! | an attempt to enroll, from its arrival to its audit line | `desk`, `limiter` |
//!
//! docs/formats/keys-and-tokens.md has the layout of every file.

mod desk;
mod domain;
mod files;
mod hexadecimal;
mod keys;
mod known_keys;
mod limiter;
mod peer;
mod registry;
mod token;
mod tokens;

pub use desk::{Attempt, Desk, EnrollRefusal};
pub use domain::{Domain, is_known_service, may_enter};
pub use files::FileError;
pub use keys::{KeyError, KeyPair, KeyTextError, PublicKey};
pub use peer::Peer;
pub use registry::{EnrollError, Registry};
pub use token::{Token, TokenError, TokenId, TokenSecret, read_token_file};
pub use tokens::{RedeemError, TokenRecord, TokenSpec, TokenStore};
