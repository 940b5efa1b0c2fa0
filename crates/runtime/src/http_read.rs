//! Lines of a connection that a task reads an HTTP message from (`read_http()`).
//!
//! In: all lines that have come, as one binary string. Out: what the task goes on with, if the message is whole; what is
//! behind it stays the connection's input. How messages look is `http_message`'s knowledge.

use std::sync::Arc;

use moor_value::{ErrorCode, Value};

use crate::builtins::{binary_from_bytes, bytes_from_binary};
use crate::effects::Effect;
use crate::http_message::{MessageKind, Progress, parse};
use crate::session::Session;
use crate::stretch::Stretch;
use crate::task::Failure;

/// Bytes of a message; a longer one raises `E_QUOTA`. What has come is stored anew with each line.
pub(crate) const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// What the task goes on with; nothing as long as the message is not whole. Text that is no binary string is answered
/// with 0, as in ToastStunt.
pub(crate) fn hear(
    stretch: &mut Stretch<'_>,
    session: &Arc<Session>,
    kind: MessageKind,
    so_far: &Value,
) -> Option<Result<Value, Failure>> {
    let text = so_far.as_str().map_or("", |text| text.as_str());
    let Some(bytes) = bytes_from_binary(text) else {
        return Some(Ok(Value::ZERO));
    };
    match parse(kind, &bytes) {
        Progress::Finished {
            message,
            bytes: used,
        } => {
            put_back(stretch, session, &bytes[used..]);
            Some(Ok(message))
        }
        Progress::Unfinished if bytes.len() <= MESSAGE_BYTES_MAX => None,
        Progress::Unfinished => Some(Err(Failure {
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
