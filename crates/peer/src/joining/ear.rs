//! The ear on the link: passes everything on to the program, and what concerns the joining to its thread as well.
//!
//! In: the link's events, on its thread. Out: the same for the program; [`News`] without waiting; a line of the log for
//! each reason why there is no link, once. What comes after a connection was given up still passes: the program sees one
//! link.

use std::sync::Arc;

use crossbeam_channel::Sender;
use moor_link::{ClientEvent, ClientHandler, DownReason, RefusalCode};
use parking_lot::Mutex;

/// Why the daemon does not let us in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rejection {
    /// It does not know our key.
    NotEnrolled,
    /// It has another key than the one that we know.
    WrongServerKey,
    /// It has thrown us out.
    Revoked,
}

/// Reasons that are kept in mind so as not to be told twice; several addresses may each have their own.
const REASONS_MAX: usize = 16;

/// What the joining thread hears.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    Up,
    Down,
    Rejected(Rejection),
    Stop,
}

/// The ear. Clones share the program's.
#[derive(Clone)]
pub(super) struct Ear {
    /// Locked while it hears, which nobody waits for: one connection follows the other, none are at the same time.
    program: Arc<Mutex<dyn ClientHandler>>,
    news: Sender<News>,
    /// The daemon's addresses, as the operator wrote them.
    addresses: String,
    /// Why there was no link, since there was one.
    told: Vec<String>,
}

impl Ear {
    pub(super) fn new(program: impl ClientHandler, news: Sender<News>, addresses: String) -> Self {
        let program = Arc::new(Mutex::new(program));
        Self {
            program,
            news,
            addresses,
            told: Vec::new(),
        }
    }

    /// Tells the operator why there is no link, each reason once.
    fn tell(&mut self, reason: &DownReason) {
        let why = reason.to_string();
        if self.told.contains(&why) || self.told.len() >= REASONS_MAX {
            return;
        }
        tracing::info!(%why, addresses = %self.addresses, "no link to the daemon; trying again");
        self.told.push(why);
    }
}

fn rejection(reason: &DownReason) -> Option<Rejection> {
    match reason {
        DownReason::NotEnrolled(_) => Some(Rejection::NotEnrolled),
        DownReason::WrongServerKey(_) => Some(Rejection::WrongServerKey),
        DownReason::Revoked => Some(Rejection::Revoked),
        DownReason::Refused(refusal) if refusal.code == RefusalCode::Revoked => {
            Some(Rejection::Revoked)
        }
        _ => None,
    }
}

impl ClientHandler for Ear {
    fn event(&mut self, event: ClientEvent) -> Result<(), ClientEvent> {
        let news = match &event {
            ClientEvent::Up { .. } => Some(News::Up),
            ClientEvent::Down { reason } => {
                Some(rejection(reason).map_or(News::Down, News::Rejected))
            }
            _ => None,
        };
        let reason = match &event {
            ClientEvent::Down { reason } => Some(reason.clone()),
            _ => None,
        };
        self.program.lock().event(event)?;
        if news == Some(News::Up) {
            self.told.clear();
        }
        if let Some(reason) = reason {
            self.tell(&reason);
        }
        if let Some(news) = news {
            // Where it is full it holds the same already.
            let _ = self.news.try_send(news);
        }
        Ok(())
    }
}
