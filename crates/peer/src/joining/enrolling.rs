//! Enrolling: for the first time, or again when the daemon's key or its memory has changed.
//!
//! In: a token that an operator left, the enrollment addresses. Out: the key of the daemon that knows us now. A daemon
//! that is not there is waited for, with pauses that grow and are drawn at random, so that many hosts do not come back
//! at the same moment. A program that stops waits for nothing.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{bounded, select};
use moor_keyring::{KeyPair, PublicKey, Token};
use moor_link::enrollment::{EnrollError, Enrolled, enroll};
use moor_link::{Address, Retry};
use moor_node::Exit;

use super::ear::{News, Rejection};
use super::end::End;
use super::{Joining, TICK, list};
use crate::credentials::{TokenPlace, find_token};
use crate::identity::Known;

/// How long one attempt may take, look-up of names apart.
const ATTEMPT_TIME_MAX: Duration = Duration::from_secs(5);

/// How often in a row something else than an enrollment endpoint may answer: a daemon that stops in the middle of an
/// attempt looks like that.
const STRANGE_ANSWERS_MAX: u32 = 3;

impl Joining {
    /// The key of the daemon to begin with: the one that knows us, or (`true`) one that we enroll with now.
    pub(super) fn first_daemon(&self) -> Result<(PublicKey, bool), End> {
        match self.identity.known().map_err(End::broken)? {
            Some(known) => Ok((known.daemon, false)),
            None => Ok((self.enroll(None)?, true)),
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
        let (mut failures, mut strange) = (0, 0);
        let mut told = String::new();
        loop {
            // Looked for each time: an operator may have put a new one there.
            let token = self.token(stale)?;
            let error = match self.enroll_somewhere(pair, &token)? {
                Ok(known) => {
                    self.identity.keep(known).map_err(End::broken)?;
                    tracing::info!(uuid = %known.uuid, daemon = %known.daemon, token = %token.id(), "enrolled");
                    return Ok(known.daemon);
                }
                Err(error) => error,
            };
            let is_strange = matches!(error, EnrollError::NotEnrollment(_));
            strange = if is_strange { strange + 1 } else { 0 };
            let is_final = strange >= STRANGE_ANSWERS_MAX || !(is_strange || error.is_passing());
            if is_final {
                return Err(End::of_enrollment(&error));
            }
            let text = error.to_string();
            if told != text {
                let addresses = list(&self.config.args.enrollment_address);
                tracing::info!(why = %text, %addresses, "waiting to be enrolled");
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

    /// Tries every address. What a daemon with the right key answers is its last word; otherwise a failure that may
    /// pass counts before one that does not, because another address may be the right one.
    fn enroll_somewhere(
        &self,
        pair: &Arc<KeyPair>,
        token: &Token,
    ) -> Result<Result<Known, EnrollError>, End> {
        let mut failure = None;
        for address in &self.config.args.enrollment_address {
            match self.ask(address, pair, token)? {
                Ok(enrolled) => {
                    let (daemon, uuid) = (enrolled.daemon_key, enrolled.uuid);
                    return Ok(Ok(Known { daemon, uuid }));
                }
                Err(error @ EnrollError::Refused(_)) => return Ok(Err(error)),
                Err(error) if error.is_passing() || failure.is_none() => failure = Some(error),
                Err(_) => {}
            }
        }
        match failure {
            Some(error) => Ok(Err(error)),
            None => Err(End::new(
                Exit::Usage,
                "--enrollment-address is needed to enroll again; write tcp://HOST:7900",
            )),
        }
    }

    /// Asks at one address, on a thread that is left alone with its question if the program stops meanwhile.
    fn ask(
        &self,
        address: &Address,
        pair: &Arc<KeyPair>,
        token: &Token,
    ) -> Result<Result<Enrolled, EnrollError>, End> {
        let (address, pair, token) = (address.clone(), Arc::clone(pair), token.clone());
        let service = self.service.clone();
        let hostname = rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned();
        let (sender, answer) = bounded(1);
        let ask = move || {
            let service = service.as_str();
            let enrolled = enroll(
                &address,
                &token,
                &pair,
                service,
                &hostname,
                ATTEMPT_TIME_MAX,
            );
            // Nobody listens any more when the program stops.
            let _ = sender.send(enrolled);
        };
        let thread = std::thread::Builder::new().name("enrolling".into());
        thread.spawn(ask).map_err(End::broken)?;
        loop {
            select! {
                recv(answer) -> answer => return answer.map_err(|_| {
                    End::new(Exit::Panic, "the enrollment ended without an answer")
                }),
                recv(self.news) -> news => if matches!(news, Ok(News::Stop) | Err(_)) {
                    return Err(End::Stopped);
                },
                default(TICK) => if self.drain.is_draining() {
                    return Err(End::Stopped);
                },
            }
        }
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
