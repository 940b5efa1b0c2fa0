//! Enrolling: for the first time, or again when the daemon's key or its memory has changed.
//!
//! In: a token that an operator left, the enrollment addresses. Out: the key of the daemon that knows us now. A daemon
//! that is not there is waited for, with pauses that grow and are drawn at random, so that many hosts do not come back
//! at the same moment.

use std::time::Duration;

use moor_keyring::{KeyPair, PublicKey, Token};
use moor_link::Retry;
use moor_link::enrollment::{EnrollError, enroll};
use moor_node::Exit;

use super::Joining;
use super::ear::Rejection;
use super::end::End;
use crate::credentials::{TokenPlace, find_token};
use crate::identity::Known;

/// How long one attempt may take, look-up of names apart.
const ATTEMPT_TIME_MAX: Duration = Duration::from_secs(5);

impl Joining {
    /// The key of the daemon to begin with: the one that knows us, or one that we enroll with now.
    pub(super) fn first_daemon(&self) -> Result<PublicKey, End> {
        match self.identity.known().map_err(End::broken)? {
            Some(known) => Ok(known.daemon),
            None => self.enroll(None),
        }
    }

    /// The key of the daemon that will let us in after this rejection.
    pub(super) fn daemon_after(&self, rejection: &Rejection) -> Result<PublicKey, End> {
        let known = self.identity.known().map_err(End::broken)?;
        match rejection {
            Rejection::Revoked => Err(End::new(
                Exit::Revoked,
                "this program's key was revoked; to let it in again, make a new token with moor token create",
            )),
            Rejection::NotEnrolled => {
                tracing::warn!("the daemon does not know this program's key: enrolling again");
                self.enroll(None)
            }
            Rejection::WrongServerKey => {
                tracing::warn!(
                    "the daemon's key has changed: enrolling again, if the token says the same"
                );
                self.enroll(known.map(|known| known.daemon))
            }
        }
    }

    /// Enrolls; `stale` is a daemon's key that is known to be wrong.
    fn enroll(&self, stale: Option<PublicKey>) -> Result<PublicKey, End> {
        let pair = self.pair.as_ref().ok_or(End::Stopped)?;
        let mut failures = 0;
        let mut told = String::new();
        loop {
            // Looked for each time: an operator may have put a new one there.
            let token = self.token(stale)?;
            let error = match self.enroll_somewhere(pair, &token) {
                Ok(known) => {
                    self.identity.keep(known).map_err(End::broken)?;
                    tracing::info!(uuid = %known.uuid, daemon = %known.daemon, token = %token.id(), "enrolled");
                    return Ok(known.daemon);
                }
                Err(error) if error.is_passing() => error,
                Err(error) => return Err(End::of_enrollment(&error)),
            };
            let text = error.to_string();
            if told != text {
                tracing::info!(why = %text, "waiting to be enrolled");
                told = text;
            }
            self.pause(pause_after(failures))?;
            failures += 1;
        }
    }

    fn token(&self, stale: Option<PublicKey>) -> Result<Token, End> {
        let file = self.config.args.enrollment_token_file.as_deref();
        let (place, token) = find_token(file, |name| std::env::var_os(name), &self.paths);
        let token = token.map_err(|error| End::new(Exit::NoToken, format!("{place}: {error}")))?;
        match token {
            Some(token) if Some(token.daemon_key()) == stale => Err(End::new(
                Exit::WrongServerKey,
                format!(
                    "the daemon's key is not the one in the token of {place}; copy a new token from the daemon's machine"
                ),
            )),
            Some(token) => Ok(token),
            None => Err(End::new(Exit::NoToken, no_token(&place))),
        }
    }

    /// Tries every address. A failure that may pass counts before one that does not: another address may be the right
    /// one.
    fn enroll_somewhere(&self, pair: &KeyPair, token: &Token) -> Result<Known, EnrollError> {
        let uname = rustix::system::uname();
        let hostname = uname.nodename().to_string_lossy();
        let mut failure = None;
        for address in &self.config.args.enrollment_address {
            match enroll(
                address,
                token,
                pair,
                self.service.as_str(),
                &hostname,
                ATTEMPT_TIME_MAX,
            ) {
                Ok(enrolled) => {
                    let (daemon, uuid) = (enrolled.daemon_key, enrolled.uuid);
                    return Ok(Known { daemon, uuid });
                }
                Err(error) if error.is_passing() || failure.is_none() => failure = Some(error),
                Err(_) => {}
            }
        }
        Err(failure.unwrap_or_else(|| EnrollError::NotNetwork("no --enrollment-address".into())))
    }
}

fn no_token(place: &TokenPlace) -> String {
    let mend = "make one with moor-daemon --rotate-enrollment-token and copy it here";
    format!("no enrollment token in {place}; {mend}")
}

/// Between nothing and the bound, which doubles with each failure (full jitter).
fn pause_after(failures: u32) -> Duration {
    let Retry { first, max } = Retry::TCP;
    let bound = first.saturating_mul(1 << failures.min(10)).min(max);
    bound.mul_f64(rand::random::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_bound() {
        for failures in [0, 1, 5, 10, 1_000_000] {
            assert!(pause_after(failures) <= Retry::TCP.max);
        }
        let longest = (0..200).map(|_| pause_after(0)).max();
        assert!(longest <= Some(Retry::TCP.first));
    }
}
