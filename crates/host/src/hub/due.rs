//! What the hub does by the clock: acknowledgements, questions asked again, users told.
//!
//! In: the passing of time. Out: requests to the daemon, a word to users who came while it is away.

use std::sync::Arc;

use moor_rpc::{Replay, RequestBody, SessionId};
use tokio::time::Duration;

use super::{Hub, Standing};
use crate::{Connection, DaemonNews, Listeners};

/// Acknowledgements in one message.
const ACKNOWLEDGEMENTS_MAX: usize = 10_000;

/// How long an answer may take before the question is asked again.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

impl<C: Connection, L: Listeners> Hub<C, L> {
    pub(super) fn acknowledge(&mut self) {
        self.acknowledge_at = None;
        let connections = self.sessions.take_to_acknowledge();
        let due: Vec<_> = connections
            .iter()
            .filter_map(|connection| connection.acknowledge())
            .collect();
        for part in due.chunks(ACKNOWLEDGEMENTS_MAX) {
            // What is lost here is made up for by the next acknowledgement or attach.
            self.say(RequestBody::Acknowledge(part.to_vec()));
        }
    }

    /// The daemon said that it would be back by now.
    pub(super) fn reconnect(&mut self) {
        self.reconnect_at = None;
        if self.standing == Standing::Down {
            self.requests.reconnect();
        }
    }

    pub(super) fn tick(&mut self) {
        let (all, ended, behind) = (self.sessions.len(), self.ended.len(), self.behind.len());
        self.meters.sessions(all, ended, behind);
        match self.standing {
            Standing::Down => self.tell_newcomers(),
            Standing::Attaching(since) if since.elapsed() > ANSWER_TIME_MAX => {
                tracing::warn!("the daemon does not answer the attach; asking again");
                self.attach();
            }
            Standing::Attaching(_) if self.attaching.is_empty() => self.attach(),
            Standing::Attaching(_) => {}
            Standing::Up => {
                self.opening.forget_answers_older_than(ANSWER_TIME_MAX);
                self.open_sessions();
                self.report_ended();
                self.ask_for_missing();
            }
        }
    }

    /// Users who came while the daemon is away are told once, after the moment that it may take to
    /// appear.
    fn tell_newcomers(&self) {
        for session in self.opening.all() {
            self.with(session, |connection| connection.hear(DaemonNews::Away));
        }
    }

    pub(super) fn note_missing(&mut self, id: SessionId) {
        let missing = |c: Arc<C>| c.course(|course| course.missing());
        match self.sessions.get(id).and_then(missing) {
            Some(_) => self.behind.insert(id),
            None => self.behind.remove(&id),
        };
    }

    fn ask_for_missing(&mut self) {
        for id in self.behind.iter().copied().collect::<Vec<_>>() {
            let missing = |c: Arc<C>| c.course(|course| course.missing());
            match self.sessions.get(id).and_then(missing) {
                Some(from) => drop(self.say(RequestBody::Replay(Replay { session: id, from }))),
                None => drop(self.behind.remove(&id)),
            }
        }
    }
}
