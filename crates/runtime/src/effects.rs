//! What a stretch asks for besides changes of the world, held back until its commit.
//!
//! In: calls of builtins such as `notify()`, `boot_player()` and `fork`. Out: a list in the order
//! of the calls, which the commit applies ([`crate::apply`]) or a conflict throws away. A stretch
//! sees its own effects through the look-ups here: a connection that it booted is gone for it.

use std::sync::Arc;

use moor_value::{ObjId, Value};

use crate::dials::Calling;
use crate::eval::Evaluated;
use crate::exec::Wish;
use crate::finished::FinishedTask;
use crate::hooks::Hook;
use crate::ids::{SessionId, TaskId};
use crate::listeners::{Listener, Waiter};
use crate::session::{
    Ends, InputLine, KeepAlive, Programming, Session, SessionEvent, SessionTable,
};
use crate::sql::Asked;
use crate::task::TaskEntry;
use crate::workers::Wanted;

/// A change of what is remembered of a session.
#[derive(Clone, Debug)]
pub(crate) enum SessionChange {
    /// `hold-input`.
    HoldInput(bool),
    /// `disable-oob`.
    DisableOob(bool),
    /// `flush-command`.
    FlushCommand(String),
    /// `intrinsic-commands`, one bit each.
    Intrinsic(u8),
    /// `client-echo`.
    ClientEcho(bool),
    /// `binary`.
    Binary(bool),
    /// `keep-alive`.
    KeepAlive(Option<KeepAlive>),
    /// The line before each command's output.
    Prefix(String),
    /// The line after each command's output.
    Suffix(String),
    /// Lines go to `.program`, or no longer do.
    Programming(Option<Programming>),
    /// Another line for `.program`.
    ProgramLine(String),
    /// Bytes of output that may wait.
    QueuedOutput(u32),
    /// A proxy has said whose it is.
    Proxied(Ends),
}

/// One thing that a stretch asks for.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Something for the user to see.
    Output(Arc<Session>, SessionEvent),
    /// A change of the session's record.
    Change(Arc<Session>, SessionChange),
    /// The session's user is now this player.
    Switch(Arc<Session>, ObjId),
    /// The session is to end.
    End(Arc<Session>, EndReason),
    /// A line as if typed.
    ForceInput {
        /// Whose; the session, if there is one.
        player: ObjId,
        /// The session.
        session: Option<Arc<Session>>,
        /// The line.
        text: String,
        /// Whether it comes before what waits.
        at_front: bool,
    },
    /// `read()` without waiting has taken this line.
    TakeLine(Arc<Session>, InputLine),
    /// Waiting lines are thrown away.
    FlushInput(Arc<Session>, Vec<u64>),
    /// A task begins to wait.
    Park(Box<TaskEntry>),
    /// A worker is asked for something; the task that waits for it is parked before.
    Work(Box<Wanted>),
    /// A host is asked for a connection; the task that waits for it is parked before.
    Dial(Box<Calling>),
    /// A statement is to be run; the task that waits for it is parked before.
    Sql(Box<Asked>),
    /// A program is to be run; the task that waits for it is parked before.
    Exec(Box<Wish>),
    /// A task is killed.
    Kill(TaskId),
    /// A task that was stored has ended.
    TaskOver(TaskId),
    /// The code of a host's evaluation has ended.
    Evaluated(TaskId, Evaluated),
    /// A suspended task goes on with this value; its row, for a restart before it has.
    Resume(TaskId, Value, Vec<u8>),
    /// A run of a task is over, and the world wants to know.
    Finished(Box<FinishedTask>),
    /// A hook is called.
    Hook(Hook),
    /// A line for the server's log.
    Log(LogLevel, String),
    /// Something for the whole server.
    Server(ServerRequest),
}

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndReason {
    /// `boot_player()`.
    Booted,
    /// Its player logged in from elsewhere: what the user is told has been said already.
    Redirected,
    /// Everything has been said already: the host closes the socket.
    Finished,
}

/// How loud a line of the server's log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogLevel {
    /// `server_log(text)`.
    Info,
    /// `server_log(text, 1)`.
    Error,
}

/// A wish that concerns the whole server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ServerRequest {
    /// `load_server_options()`.
    LoadOptions,
    /// `dump_database()`.
    Checkpoint,
    /// `run_gc()`: collect what nothing refers to.
    Collect,
    /// `shutdown()`.
    Shutdown {
        /// What users are told.
        message: String,
    },
    /// `listen()`: accept users at one more place. The task that waits for it is parked before.
    Listen(Box<Listener>, Option<Waiter>),
    /// `unlisten()`.
    Unlisten(crate::session::ListenerId),
    /// `sqlite_interrupt()`: end the statement that runs on this database.
    InterruptSql(i64),
}

/// The effects of one stretch so far.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    list: Vec<Effect>,
    /// Object numbers whose session this stretch has changed.
    sessions: Vec<(ObjId, Option<Arc<Session>>)>,
}

impl Effects {
    /// Adds an effect.
    pub(crate) fn push(&mut self, effect: Effect) {
        match &effect {
            Effect::Switch(session, to) => {
                let from = self.object_of(session);
                self.sessions.push((from, None));
                self.sessions.push((*to, Some(Arc::clone(session))));
            }
            Effect::End(session, _) => {
                let object = self.object_of(session);
                self.sessions.push((object, None));
            }
            _ => {}
        }
        self.list.push(effect);
    }

    /// Shows a line to whoever the object number stands for, if anybody.
    pub(crate) fn tell(&mut self, table: &SessionTable, object: ObjId, line: impl Into<String>) {
        if let Some(session) = self.session(table, object) {
            self.push(Effect::Output(session, SessionEvent::text(line)));
        }
    }

    /// The session of an object number, as this stretch sees it.
    pub(crate) fn session(&self, table: &SessionTable, object: ObjId) -> Option<Arc<Session>> {
        match self
            .sessions
            .iter()
            .rev()
            .find(|(known, _)| *known == object)
        {
            Some((_, session)) => session.clone(),
            None => table
                .by_object(object)
                .filter(|session| !session.lock().closed),
        }
    }

    /// The object number of a session, as this stretch sees it.
    pub(crate) fn object_of(&self, session: &Arc<Session>) -> ObjId {
        let renamed = self.sessions.iter().rev().find(|(_, known)| {
            known
                .as_ref()
                .is_some_and(|known| Arc::ptr_eq(known, session))
        });
        match renamed {
            Some((object, _)) => *object,
            None => session.lock().record.player(),
        }
    }

    /// Bytes of what is to be shown, typed and parked. It looks at each.
    pub(crate) fn bytes(&self) -> usize {
        let bytes = self.list.iter().map(|effect| match effect {
            Effect::Output(_, SessionEvent::Text { line, .. }) => line.len(),
            Effect::Output(_, SessionEvent::Binary(bytes)) => bytes.len(),
            Effect::ForceInput { text, .. } => text.len(),
            Effect::Park(entry) => entry.row.len(),
            Effect::Resume(_, _, row) => row.len(),
            _ => 0,
        });
        bytes.fold(0, usize::saturating_add)
    }

    /// Takes back what was asked for; with `keep_output`, all but what is to be shown.
    pub(crate) fn take_back(&mut self, keep_output: bool) {
        self.list
            .retain(|effect| keep_output && matches!(effect, Effect::Output(..)));
        self.sessions.clear();
    }

    /// The effects in order.
    pub(crate) fn list(&self) -> &[Effect] {
        &self.list
    }

    /// The effects in order, for good.
    pub(crate) fn into_list(self) -> Vec<Effect> {
        self.list
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Tasks that this stretch has parked so far.
    pub(crate) fn parked(&self) -> impl Iterator<Item = &TaskEntry> {
        self.list.iter().filter_map(|effect| match effect {
            Effect::Park(entry) => Some(&**entry),
            _ => None,
        })
    }

    /// Lines that this stretch forces upon a session, and their bytes.
    pub(crate) fn forced_upon(&self, id: SessionId) -> (usize, usize) {
        let lines = self.list.iter().filter_map(|effect| match effect {
            Effect::ForceInput {
                session: Some(session),
                text,
                ..
            } if session.id == id => Some(text.len()),
            _ => None,
        });
        lines.fold((0, 0), |(count, bytes), line| (count + 1, bytes + line))
    }

    /// Takes back a task that this stretch has parked: it is killed before it ever existed.
    pub(crate) fn unpark(&mut self, id: TaskId) -> Option<Box<TaskEntry>> {
        let at = self
            .list
            .iter()
            .position(|effect| matches!(effect, Effect::Park(entry) if entry.id == id))?;
        match self.list.remove(at) {
            Effect::Park(entry) => Some(entry),
            _ => None,
        }
    }

    /// Numbers of the lines of a session that this stretch has taken; 0 for each forced one.
    pub(crate) fn taken_from<'s>(
        &'s self,
        session: &'s Arc<Session>,
    ) -> impl Iterator<Item = u64> + 's {
        self.list.iter().filter_map(move |effect| match effect {
            Effect::TakeLine(of, line) if Arc::ptr_eq(of, session) => {
                Some(line.number.unwrap_or(0))
            }
            _ => None,
        })
    }

    /// Whether this stretch kills the task.
    pub(crate) fn kills(&self, id: TaskId) -> bool {
        self.list
            .iter()
            .any(|effect| matches!(effect, Effect::Kill(killed) if *killed == id))
    }

    /// Whether this stretch has made a session binary or text; `None` when it has left it as it is.
    pub(crate) fn binary(&self, session: &Arc<Session>) -> Option<bool> {
        let changes = self.list.iter().rev();
        changes.into_iter().find_map(|effect| match effect {
            Effect::Change(changed, SessionChange::Binary(on)) if Arc::ptr_eq(changed, session) => {
                Some(*on)
            }
            _ => None,
        })
    }

    /// What a proxy has said of a session in this stretch.
    pub(crate) fn proxied(&self, session: &Arc<Session>) -> Option<&Ends> {
        let changes = self.list.iter().rev();
        changes.into_iter().find_map(|effect| match effect {
            Effect::Change(changed, SessionChange::Proxied(ends))
                if Arc::ptr_eq(changed, session) =>
            {
                Some(ends)
            }
            _ => None,
        })
    }

    /// The tasks that this stretch kills.
    pub(crate) fn killed(&self) -> impl Iterator<Item = TaskId> {
        self.list.iter().filter_map(|effect| match effect {
            Effect::Kill(id) => Some(*id),
            _ => None,
        })
    }

    /// Whether the effects need rows of their own, so that they cannot ride on a stretch that
    /// wrote nothing.
    pub(crate) fn need_rows(&self) -> bool {
        self.list.iter().any(|effect| {
            !matches!(
                effect,
                Effect::Output(..)
                    | Effect::Hook(_)
                    | Effect::Finished(_)
                    | Effect::Log(..)
                    | Effect::Server(_)
                    | Effect::Evaluated(..)
            )
        })
    }
}
