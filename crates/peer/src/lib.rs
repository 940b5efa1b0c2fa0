//! What every program that joins a daemon shares: the flags, the identity and its key, enrollment, and a link that is
//! kept up for the life of the program.
//!
//! In: addresses and a token as an operator gives them, the folder of the program. Out: a [`Link`] for payloads, the
//! recency of the daemon's pings, and at the end an exit code that says what an operator must mend. It deliberately
//! does not know what a payload means.
//!
//! | part | files |
//! |---|---|
//! | flags | `args` |
//! | who we are, with our key and the daemon's | `identity`, `home` |
//! | where the token is | `credentials` |
//! | enrolling, connecting, enrolling again | `joining`, `link` |

mod args;
mod credentials;
mod home;
mod identity;
mod joining;
mod link;

pub use args::PeerArgs;
pub use credentials::{TokenPlace, find_token};
pub use home::{Home, HomeError, home};
pub use identity::{IDENTITIES_MAX, Identity, IdentityError, Known};
pub use joining::{JoinError, Joined, PeerConfig};
pub use link::Link;
