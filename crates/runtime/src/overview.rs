//! What an operator may know of a running world: its size, its users, its tasks.
//!
//! In: the state of the moment. Out: plain numbers and names, gathered without stopping anybody. It changes nothing.

use std::time::Duration;

use moor_value::ObjId;

use crate::ids::{HostId, SessionId};
use crate::runtime::Runtime;
use crate::task::TaskStatus;

/// How large the world is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorldOverview {
    /// Objects that exist.
    pub objects: usize,
    /// Those that are players.
    pub players: usize,
}

/// Tasks by what they do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskOverview {
    /// Those that were suspended before and that a thread runs now.
    pub running: usize,
    /// Those that wait for a thread.
    pub ready: usize,
    /// Those that wait for a time, a line, an answer or another task.
    pub suspended: usize,
}

/// A user's session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionOverview {
    /// The host's name for it.
    pub id: SessionId,
    /// Whose it is: a player, or the connection's own negative number.
    pub player: ObjId,
    /// The player's name; empty before log-in.
    pub name: String,
    /// Whether it is a player's.
    pub is_logged_in: bool,
    /// The host that holds its socket.
    pub host: HostId,
    /// Whether that host is out of touch.
    pub is_host_away: bool,
    /// Where the user comes from.
    pub address: String,
    /// Since when: since 1970.
    pub since: Duration,
    /// How long ago the last line came.
    pub idle: Duration,
    /// Events that the host has not acknowledged.
    pub unacknowledged: usize,
}

impl Runtime {
    /// How large the world is. Looks at every object: a few milliseconds for a hundred thousand.
    pub fn world_overview(&self) -> WorldOverview {
        let snapshot = self.world.snapshot();
        WorldOverview {
            objects: snapshot.object_count(),
            players: snapshot.players().len(),
        }
    }

    /// What tasks do.
    pub fn task_overview(&self) -> TaskOverview {
        let mut overview = TaskOverview::default();
        self.queue.each_status(|status| match status {
            TaskStatus::Running => overview.running += 1,
            TaskStatus::Ready => overview.ready += 1,
            _ => overview.suspended += 1,
        });
        overview
    }

    /// Every session, in the order of their beginning.
    pub fn session_overviews(&self) -> Vec<SessionOverview> {
        let snapshot = self.world.snapshot();
        let now = self.clock.steady();
        let mut all: Vec<_> = self.sessions.all();
        all.retain(|session| !session.lock().closed);
        let mut all: Vec<_> = all
            .iter()
            .map(|session| {
                let state = session.lock();
                let record = &state.record;
                let (player, is_logged_in) = (record.player(), record.is_logged_in());
                SessionOverview {
                    id: session.id,
                    player,
                    name: match is_logged_in {
                        true => snapshot.object_name(player),
                        false => String::new(),
                    },
                    is_logged_in,
                    host: record.host(),
                    is_host_away: !state.attached,
                    address: record.peer_address.clone(),
                    since: Duration::from_micros(record.since_us),
                    idle: now.saturating_sub(state.active_at),
                    unacknowledged: state.outbox.len(),
                }
            })
            .collect();
        all.sort_by_key(|session| (session.since, session.id));
        all
    }
}
