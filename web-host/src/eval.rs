//! `POST /v1/eval`: code of a programmer, run by the daemon.
//!
//! In: a token, code, a time limit. Out: the value as JSON and as the language writes it, or why there is none. It does
//! not know whether the player may: the daemon does.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use moor_rpc::{Eval, EvalFailure, ReplyBody, RequestBody, WireValue};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::app::{App, Peer, Problem, read_body};
use crate::sign_in::bearer;
use crate::tokens::Owner;

/// The longest body.
pub const BODY_BYTES_MAX: usize = 262_144;

/// The time that code has unless the caller says otherwise.
pub const TIMEOUT_MS_DEFAULT: u32 = 5_000;

/// The longest time that code may have.
pub const TIMEOUT_MS_MAX: u32 = 60_000;

/// What the daemon gets beyond the code's own time.
const ANSWER_TIME_EXTRA: Duration = Duration::from_secs(5);

/// The body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Code {
    code: String,
    #[serde(default)]
    timeout_ms: Option<u32>,
}

/// The route. Only the header `Authorization: Bearer` counts: a cookie would let other pages run code.
///
/// # Errors
/// No token, a bad body, too many calls, no daemon.
pub async fn eval(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    if !app.origins.allow(&headers) {
        return Err(Problem::Origin);
    }
    app.count_call(&app.client(peer, &headers))?;
    let token = bearer(&headers).ok_or(Problem::SignIn)?;
    let owner = Owner::of(&token);
    if app.tokens.has_ended(&owner) {
        return Err(Problem::SignIn);
    }
    let bytes = read_body(body, BODY_BYTES_MAX).await?;
    let code: Code = serde_json::from_slice(&bytes)
        .map_err(|error| Problem::Bad(format!("give code and timeout_ms as JSON: {error}")))?;
    let timeout_ms = code.timeout_ms.unwrap_or(TIMEOUT_MS_DEFAULT);
    let timeout_ms = timeout_ms.clamp(1, TIMEOUT_MS_MAX);
    let request = RequestBody::Eval(Eval {
        token,
        code: code.code,
        timeout_ms,
    });
    let time_max = Duration::from_millis(timeout_ms.into()) + ANSWER_TIME_EXTRA;
    let answer = timeout(time_max, app.requests.ask(request)).await;
    let answer = answer.map_err(|_| Problem::NoAnswer)??;
    app.tokens.vouch(owner);
    match answer {
        ReplyBody::Evaluated(Ok(output)) => Ok(Json(json!({
            "value": to_json(&output.value),
            "literal": output.literal,
        }))),
        ReplyBody::Evaluated(Err(failure)) => Ok(Json(json!({ "error": failure_json(&failure) }))),
        _ => Err(Problem::Broken),
    }
}

fn failure_json(failure: &EvalFailure) -> Value {
    let message = failure.to_string();
    match failure {
        EvalFailure::Compile { errors } => {
            json!({ "code": "compile", "message": message, "errors": errors })
        }
        EvalFailure::Raised {
            code,
            message,
            traceback,
        } => json!({ "code": code, "message": message, "traceback": traceback }),
        EvalFailure::TimedOut => json!({ "code": "timeout", "message": message }),
        _ => json!({ "code": "aborted", "message": message }),
    }
}

/// A value as JSON: numbers, strings, booleans and lists as themselves; objects as `{"obj": 1}`, errors as
/// `{"err": "E_PERM"}`, maps as `{"map": [[key, value], ...]}`, because their keys are values. The literal beside it
/// has what JSON readers may lose, such as the last digits of large integers.
#[must_use]
pub fn to_json(value: &WireValue) -> Value {
    match value {
        WireValue::Int(number) => json!(number),
        WireValue::Float(number) => json!(number),
        WireValue::Str(text) => json!(text),
        WireValue::Bool(truth) => json!(truth),
        WireValue::Obj(number) => json!({ "obj": number }),
        WireValue::Err(name) => json!({ "err": name }),
        WireValue::List(items) => Value::Array(items.iter().map(to_json).collect()),
        WireValue::Map(entries) => {
            let pairs = entries
                .iter()
                .map(|(key, value)| json!([to_json(key), to_json(value)]));
            json!({ "map": Value::Array(pairs.collect()) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_kinds() {
        let map = WireValue::Map(vec![(WireValue::Obj(-1), WireValue::Bool(true))]);
        let items = vec![
            WireValue::Int(i64::MAX),
            WireValue::Float(0.5),
            WireValue::Str("<\"".into()),
            WireValue::Err("E_PERM".into()),
            map,
        ];
        let json = to_json(&WireValue::List(items)).to_string();
        let expected =
            r#"[9223372036854775807,0.5,"<\"",{"err":"E_PERM"},{"map":[[{"obj":-1},true]]}]"#;
        assert_eq!(json, expected);
    }

    #[test]
    fn failures_say_what_a_program_needs() {
        let raised = EvalFailure::Raised {
            code: "E_PERM".into(),
            message: "Permission denied".into(),
            traceback: vec!["line 1".into()],
        };
        let json = failure_json(&raised);
        assert_eq!(
            (&json["code"], &json["traceback"][0]),
            (&json!("E_PERM"), &json!("line 1"))
        );
        assert_eq!(failure_json(&EvalFailure::TimedOut)["code"], "timeout");
        let errors = vec!["line 1, column 2: expected ;".to_owned()];
        let json = failure_json(&EvalFailure::Compile { errors });
        assert_eq!(json["errors"][0], "line 1, column 2: expected ;");
    }
}
