//! Tasks, sessions and builtins: what happens in a world.
//!
//! In: a loaded world, its log, and what hosts report of their users. Out: commits, and numbered
//! events for hosts. A line becomes a stretch of a task ([`run`](self)), a stretch is a transaction
//! of the world; what it prints is released when its commit is durable.
//!
//! | part | files |
//! |---|---|
//! | users' connections | `session`, `hosts`, `listeners`, `login`, `sign_in` |
//! | tasks that wait, what runs next | `task`, `tasks`, `housekeeping`, `finished` |
//! | one stretch: run, commit, effects | `run`, `stretch`, `effects`, `apply`, `release` |
//! | other programs: workers, nodes, hosts' own code | `cluster`, `workers`, `curl_answer`, `nodes`, `eval` |
//! | what a line means | `command`, `programming`, `hooks` |
//! | what programs reach | `host`, `builtins`, `registry`, `program`, `options`, `uncaught` |
//! | what an operator sees | `overview`, `meters` |
//! | rows of the store, restart | `rows`, `stored_tasks`, `restore`, `error` |
//! | tasks of other servers and for them | `import`, `import_stopped`, `export` |
//!
//! It knows nothing of messages, sockets and files; of time only through [`Clock`].

mod apply;
mod beginning;
mod builtins;
mod clock;
mod cluster;
mod command;
mod curl_answer;
mod dials;
mod effects;
mod error;
mod eval;
mod exec;
mod export;
mod export_stopped;
mod finished;
#[cfg(fuzzing)]
pub mod fuzzing;
mod hooks;
mod host;
mod hosts;
mod housekeeping;
mod http_message;
mod http_read;
mod ids;
mod import;
mod import_stopped;
mod known_verbs;
mod lag;
mod lanes;
mod listeners;
mod login;
mod meters;
mod nodes;
mod object_text;
mod options;
mod orphans;
mod overview;
mod program;
mod programming;
mod proxy;
mod registry;
mod release;
mod request;
mod restore;
mod rows;
mod run;
mod runtime;
mod session;
mod sign_in;
mod spelling;
mod sql;
mod stored_tasks;
mod stretch;
mod surroundings;
mod tally;
mod task;
mod tasks;
mod uncaught;
mod workers;

#[cfg(test)]
mod tests;

pub use beginning::ImportedConnection;
pub use builtins::{ArgType, BuiltinSpec, Origin, Reference};
pub use clock::{Clock, SystemClock};
pub use cluster::{
    NodeGone, NodeInfo, Operator, OperatorError, PeerInfo, TokenInfo, TokenSpec, WORKER_BYTES_MAX,
    WORKER_DEPTH_MAX, WORKER_GRACE, WorkerCall, WorkerInfo, WorkerRequestId,
};
pub use dials::Dial;
pub use error::RowError;
pub use eval::{EVAL_BYTES_MAX, EVAL_TIME_MAX, EVALS_MAX, EvalError, EvalSink, Evaluated};
pub use export::{
    ExportPoint, StoredTask, StoredTaskError, TextlessFork, connection_of, stored_task, task_of_key,
};
pub use export_stopped::{BegunTask, ToldTask};
pub use hosts::{Held, HeldSession, NewSession, OpenError, Outlet};
pub use ids::{HostId, SessionId, TaskId};
pub use import::{ImportTaskError, ImportedCall, ImportedFork, is_builtin, task_row};
pub use import_stopped::{
    ImportStopError, ImportedActivation, ImportedBuiltin, ImportedTask, StopReason, stopped_rows,
};
pub use listeners::{Listener, ListenerTls};
pub use moor_compiler::stopped::StackValue;
pub use moor_compiler::{Feature, Features};
pub use object_text::{CompileSource, ObjectText, ReadObject, TextMistake};
pub use overview::{SessionOverview, TaskOverview, WorldOverview};
pub use registry::builtin_functions;
pub use rows::{SESSIONS, TABLES, TASKS, WORLD};
pub use runtime::{CONTAINED_THREADS, Runtime, RuntimeConfig, StartError};
pub use session::{HostOption, InputLine, KeepAlive, LineKind, ListenerId, SessionEvent};
pub use sign_in::{IssueError, IssuedToken, TokenKey};
pub use spelling::{DictionaryFiles, Spelling};
pub use tally::builtins as builtin_counts;
