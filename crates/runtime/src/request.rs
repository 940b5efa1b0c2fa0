//! What a suspended task waits for, as builtin functions ask for it.

use std::sync::Arc;

use moor_value::Value;

use crate::dials::Calling;
use crate::exec::Wish;
use crate::http_message::MessageKind;
use crate::ids::TaskId;
use crate::listeners::Listener;
use crate::session::Session;
use crate::sql::Asked;
use crate::workers::Wanted;

/// What a task waits for.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    /// `suspend(seconds)`.
    Suspend {
        /// Seconds, not negative.
        seconds: f64,
    },
    /// `suspend()`: until `resume()`.
    Forever,
    /// `read()`: a line of this session.
    Read(Arc<Session>),
    /// `read_http()`: a message from this session, with the state of what has come of it.
    ReadHttp(Arc<Session>, MessageKind, Value),
    /// `worker_request()` and its kin: a worker's answer.
    Work(Box<Wanted>),
    /// `listen()`: what a host says to it.
    Listen(Box<Listener>),
    /// `open_network_connection()`: a connection.
    Dial(Box<Calling>),
    /// `sqlite_query()` and its kin: rows.
    Sql(Box<Asked>),
    /// `exec()`: a program's end.
    Exec(Box<Wish>),
    /// `wait_task()`: the end of a task, for so many seconds, if any.
    Task(TaskId, Option<f64>),
    /// The stretch is to be committed and the next one begun at once, with this value.
    Yield(Value),
}
