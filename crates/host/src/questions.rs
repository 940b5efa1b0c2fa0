//! Those who wait for the daemon's answer to one request.
//!
//! In: request ids, replies. Out: each reply to whoever waits for it. It does not know what is asked, and has no
//! clock: whoever waits has a deadline.

use std::collections::HashMap;

use moor_rpc::{Reply, ReplyBody, RequestId, RpcError};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::UplinkError;

/// Questions that may be open at a time; one more is refused.
pub(crate) const QUESTIONS_MAX: usize = 10_000;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The daemon is away, or went away before it answered.
    #[error("the daemon is away")]
    Away,
    /// Too much is asked or waits to be sent; try again a little later.
    #[error("too much is waiting for the daemon")]
    Full,
    /// The question is longer than a message may be.
    #[error("the request is too long")]
    TooLong,
    /// The daemon refused.
    #[error(transparent)]
    Refused(#[from] RpcError),
}

impl From<UplinkError> for AskError {
    fn from(error: UplinkError) -> Self {
        match error {
            UplinkError::Full => Self::Full,
            UplinkError::Down => Self::Away,
            UplinkError::TooLong => Self::TooLong,
        }
    }
}

type Asker = oneshot::Sender<Result<ReplyBody, RpcError>>;

/// The open questions.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    open: Mutex<HashMap<RequestId, Asker>>,
}

/// A noted question. Dropping it forgets the question.
pub(crate) struct Waiting<'a> {
    questions: &'a Questions,
    id: RequestId,
    answer: oneshot::Receiver<Result<ReplyBody, RpcError>>,
}

impl Questions {
    pub(crate) fn note(&self, id: RequestId) -> Result<Waiting<'_>, AskError> {
        let mut open = self.open.lock();
        if open.len() >= QUESTIONS_MAX {
            return Err(AskError::Full);
        }
        let (asker, answer) = oneshot::channel();
        open.insert(id, asker);
        Ok(Waiting {
            questions: self,
            id,
            answer,
        })
    }

    /// Gives a reply to whoever waits for it; back if nobody does.
    pub(crate) fn answer(&self, reply: Reply) -> Option<Reply> {
        let asker = self.open.lock().remove(&reply.id);
        match asker {
            // Whoever stopped waiting at this moment misses nothing.
            Some(asker) => drop(asker.send(reply.result)),
            None => return Some(reply),
        }
        None
    }

    /// No open question will be answered.
    pub(crate) fn forget_all(&self) {
        self.open.lock().clear();
    }
}

impl Waiting<'_> {
    pub(crate) async fn wait(mut self) -> Result<ReplyBody, AskError> {
        match (&mut self.answer).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(AskError::Away),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.questions.open.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use moor_rpc::SessionId;

    use super::*;

    fn reply(id: u64) -> Reply {
        Reply {
            id: RequestId(id),
            result: Ok(ReplyBody::Opened(SessionId([0; 16]))),
        }
    }

    #[tokio::test]
    async fn an_answer_reaches_whoever_asked_and_nobody_else() {
        let questions = Questions::default();
        let waiting = questions.note(RequestId(1)).expect("room");
        assert_eq!(questions.answer(reply(2)), Some(reply(2)));
        assert_eq!(questions.answer(reply(1)), None);
        assert_eq!(
            waiting.wait().await,
            Ok(ReplyBody::Opened(SessionId([0; 16])))
        );
        assert_eq!(questions.answer(reply(1)), Some(reply(1)), "answered once");
    }

    #[tokio::test]
    async fn when_the_daemon_goes_nobody_waits_on() {
        let questions = Questions::default();
        let waiting = questions.note(RequestId(1)).expect("room");
        questions.forget_all();
        assert_eq!(waiting.wait().await, Err(AskError::Away));
    }

    #[test]
    fn open_questions_are_bounded_and_those_given_up_make_room() {
        let questions = Questions::default();
        let mut waiting: Vec<_> = (0..QUESTIONS_MAX as u64)
            .map(|id| questions.note(RequestId(id)).expect("room"))
            .collect();
        assert!(matches!(
            questions.note(RequestId(u64::MAX)),
            Err(AskError::Full)
        ));
        waiting.pop();
        assert!(questions.note(RequestId(u64::MAX)).is_ok());
    }
}
