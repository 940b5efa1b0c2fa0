//! Lines of a connection that a task reads an HTTP message from (`read_http()`).
//!
//! In: the next line, and the state of what has come before. Out: the state of both, or what the task goes on with, if the message is
//! whole; what is behind it stays the connection's input. How messages look is `http_message`'s knowledge.

use std::sync::Arc;

use moor_value::{ErrorCode, Value};

use crate::builtins::{binary_from_bytes, bytes_from_binary};
use crate::effects::Effect;
use crate::http_message::{MessageKind, Progress, Reader};
use crate::session::Session;
use crate::stretch::Stretch;
use crate::task::Failure;

/// Bytes of a message; a longer one raises `E_QUOTA`. What has come is stored anew with each line.
pub(crate) const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// What a line has led to.
pub(crate) enum Heard {
    /// The task waits for more, with this state.
    More(Value),
    /// The task goes on.
    Over(Result<Value, Failure>),
}

/// Takes in a line. One that is no binary string is answered with 0, as in ToastStunt.
pub(crate) fn hear(
    stretch: &mut Stretch<'_>,
    session: &Arc<Session>,
    kind: MessageKind,
    so_far: &Value,
    line: &str,
) -> Heard {
    let Some(bytes) = bytes_from_binary(line) else {
        return Heard::Over(Ok(Value::ZERO));
    };
    let mut reader = Reader::from_value(kind, so_far);
    match reader.feed(&bytes) {
        Progress::Finished { message, rest } => {
            put_back(stretch, session, &rest);
            Heard::Over(Ok(message))
        }
        Progress::Unfinished if reader.total() <= MESSAGE_BYTES_MAX => {
            Heard::More(reader.into_value())
        }
        Progress::Unfinished => Heard::Over(Err(Failure {
            code: ErrorCode::Quota,
            message: format!("an HTTP message of more than {MESSAGE_BYTES_MAX} bytes"),
        })),
    }
}

/// What is behind the message is the connection's next line.
fn put_back(stretch: &mut Stretch<'_>, session: &Arc<Session>, rest: &[u8]) {
    if rest.is_empty() {
        return;
    }
    let effect = Effect::ForceInput {
        player: stretch.effects.object_of(session),
        session: Some(Arc::clone(session)),
        text: binary_from_bytes(rest),
        at_front: true,
    };
    stretch.effects.push(effect);
}
