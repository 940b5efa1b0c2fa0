//! Tokens with which a user comes back without a password, and sessions that are opened by one.
//!
//! In: logged-in sessions; tokens that hosts pass on. Out: tokens, and who their holder is. The daemon keeps the key
//! and nothing of any token; where the key is kept is not known here.
//!
//! A token is base64url of 25 bytes and a tag: version 1, player (i64), issued and expires (u64 seconds since 1970),
//! integers big-endian, then HMAC-SHA256 over these bytes and the literal of the player's property `password`.
//! So it ends when it expires, when the player is no player any more, and when the password changes; and an object
//! that gets the number of a recycled player does not get its tokens.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use moor_value::{ObjId, Symbol};
use moor_world::{Entity, Transaction};
use sha2::Sha256;

use crate::hosts::{NewSession, OpenError};
use crate::ids::{HostId, SessionId};
use crate::login;
use crate::runtime::Runtime;
use crate::session::{InputQueue, Outbox, Session};
use crate::task::Job;

/// How long a token is valid, unless the daemon is told otherwise.
pub(crate) const LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);
/// The layout.
const VERSION: u8 = 1;
/// Bytes before the tag.
const BODY_BYTES: usize = 25;
/// Bytes of the tag.
const TAG_BYTES: usize = 32;
/// Characters that a token may have; what is longer is none.
const TOKEN_CHARS_MAX: usize = 128;

/// The key that signs tokens: 32 random bytes that the daemon keeps.
#[derive(Clone)]
pub struct TokenKey([u8; 32]);

impl TokenKey {
    /// A key that was kept.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A key of its own: tokens that it signs end with this process.
    #[must_use]
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// A key for another use, which tells nothing of this one.
    pub(crate) fn derived(&self, purpose: &[u8]) -> [u8; 32] {
        let mac = Hmac::<Sha256>::new(&padded(self).into());
        mac.chain_update(purpose).finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKey(..)")
    }
}

/// A token, as its user gets it.
#[derive(Clone)]
pub struct IssuedToken {
    /// The token: a secret.
    pub token: String,
    /// Whose it is.
    pub player: ObjId,
    /// When it expires: time since 1970.
    pub expires_at: Duration,
}

impl std::fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedToken")
            .field("player", &self.player)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Why there is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// The host holds no such session.
    #[error("unknown session")]
    UnknownSession,
    /// Nobody has logged in on it.
    #[error("the session has not logged in")]
    NotLoggedIn,
}

impl Runtime {
    /// A token for the player of a session that this host holds.
    ///
    /// # Errors
    /// See [`IssueError`].
    pub fn issue_token(&self, host: HostId, id: SessionId) -> Result<IssuedToken, IssueError> {
        let session = self.held_by(host, id).ok_or(IssueError::UnknownSession)?;
        let player = {
            let state = session.lock();
            state.record.player()
        };
        let issued = self.token_of(player).ok_or(IssueError::NotLoggedIn)?;
        tracing::info!(target: "moor_audit", action = "issue_token", player = player.0, session = ?id, "a user's token");
        Ok(issued)
    }

    /// A token for a player; `None` when it is none.
    pub(crate) fn token_of(&self, player: ObjId) -> Option<IssuedToken> {
        let mut txn = self.world.begin();
        if !txn.is_player(player) {
            return None;
        }
        let now = self.clock.wall();
        let expires_at = Duration::from_secs((now + self.limits.token_lifetime).as_secs());
        let body = Body {
            player,
            issued_s: now.as_secs(),
            expires_s: expires_at.as_secs(),
        };
        let token = self.sign(&mut txn, &body);
        Some(IssuedToken {
            token,
            player,
            expires_at,
        })
    }

    /// The player of a token that is valid now.
    pub(crate) fn holder(&self, token: &str) -> Option<ObjId> {
        if token.len() > TOKEN_CHARS_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (body, tag) = bytes.split_at_checked(BODY_BYTES)?;
        let parsed = Body::parse(body)?;
        let mut txn = self.world.begin();
        let mac = self.mac(&mut txn, body, parsed.player);
        // Compares in constant time, and before anything of the token is believed.
        mac.verify_slice(tag).ok()?;
        let now = self.clock.wall().as_secs();
        let is_current = now < parsed.expires_s && parsed.issued_s <= parsed.expires_s;
        (is_current && txn.is_player(parsed.player)).then_some(parsed.player)
    }

    /// Opens a session that is its player's from the beginning: no welcome, the hooks of a log-in.
    pub(crate) fn open_signed_in(
        &self,
        host: HostId,
        new: NewSession,
        token: &str,
    ) -> Result<(), OpenError> {
        let player = self.holder(token).ok_or(OpenError::BadToken)?;
        let id = new.id;
        let record = self.record_of(host, new);
        tracing::info!(session = ?id, connection = record.connection, player = player.0, "connected by a token");
        let now = self.clock.steady();
        let session = Session::new(id, record, InputQueue::default(), Outbox::new(), now);
        // Lines wait until the log-in is committed. Its commit is also the first that stores the session: a daemon
        // that is killed before does not know it, and the host hears so.
        session.lock().busy = true;
        let session = Arc::new(session);
        self.sessions.insert(Arc::clone(&session));
        self.queue.submit(player, Job::SignIn(session, player));
        Ok(())
    }

    /// Logs a new session in.
    pub(crate) fn sign_in(&self, session: &Arc<Session>, player: ObjId) {
        let done = self.run_stretch(self.new_task_id(), false, |stretch| {
            if stretch.txn.is_player(player) {
                login::connect(stretch, session, player, false);
            }
        });
        let is_signed_in = done.is_some() && session.lock().record.is_logged_in();
        self.follow_up(done);
        if is_signed_in {
            self.line_is_over(session);
        } else {
            self.session_lost(session);
        }
    }

    /// A token's text.
    fn sign(&self, txn: &mut Transaction, body: &Body) -> String {
        let mut bytes = body.bytes();
        let tag = self.mac(txn, &bytes, body.player).finalize().into_bytes();
        bytes.extend_from_slice(&tag);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a token's tag is made of.
    fn mac(&self, txn: &mut Transaction, body: &[u8], player: ObjId) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(&padded(&self.limits.token_key).into());
        mac.update(body);
        let password = txn.property_value(Entity::object(player), Symbol::intern("password"));
        mac.update(
            password
                .map(|value| value.to_literal())
                .unwrap_or_default()
                .as_bytes(),
        );
        mac
    }
}

/// The key at the length that the algorithm works with: filled up with zeros, as HMAC itself does.
fn padded(key: &TokenKey) -> [u8; 64] {
    let mut block = [0; 64];
    block[..key.0.len()].copy_from_slice(&key.0);
    block
}

/// What a token says.
#[derive(Debug, PartialEq, Eq)]
struct Body {
    player: ObjId,
    issued_s: u64,
    expires_s: u64,
}

impl Body {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BODY_BYTES + TAG_BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.player.0.to_be_bytes());
        bytes.extend_from_slice(&self.issued_s.to_be_bytes());
        bytes.extend_from_slice(&self.expires_s.to_be_bytes());
        bytes
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (player, rest) = rest.split_first_chunk()?;
        let (issued, rest) = rest.split_first_chunk()?;
        let (expires, rest) = rest.split_first_chunk()?;
        (*version == VERSION && rest.is_empty()).then(|| Self {
            player: ObjId(i64::from_be_bytes(*player)),
            issued_s: u64::from_be_bytes(*issued),
            expires_s: u64::from_be_bytes(*expires),
        })
    }
}
