//! What a task gets of a response to `curl()`.
//!
//! In: the map that the worker answers, and what the program wanted of it. Out: a body, with or without the head before it, a map as
//! ToastStunt has it, or a value of JSON. Nothing else of workers is known here.

use moor_value::{ErrorCode, List, Map, MapKey, Value};

use crate::builtins::{bytes_from_binary, json_value, named_map};
use crate::task::Failure;

/// What the program wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CurlAnswer {
    /// Status line and headers as text before the body.
    pub(crate) with_head: bool,
    /// A map with all of it.
    pub(crate) is_full: bool,
    /// The body is JSON, and its value is wanted.
    pub(crate) parsed: Option<JsonBounds>,
}

/// What the JSON of a body may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JsonBounds {
    /// Arrays and objects in one another.
    pub(crate) depth_max: u32,
    /// The largest list.
    pub(crate) list_bytes_max: usize,
}

impl CurlAnswer {
    /// What the task gets of a response.
    pub(crate) fn of(self, response: &Value) -> Result<Value, Failure> {
        if self.with_head {
            return head_and_body(response).ok_or_else(odd_response);
        }
        let body = part(response, "body").ok_or_else(odd_response)?;
        let body = match self.parsed {
            Some(bounds) => parsed(body, bounds)?,
            None => body.clone(),
        };
        match self.is_full {
            true => full(response, body).ok_or_else(odd_response),
            false => Ok(body),
        }
    }
}

/// An entry of a worker's map.
fn part<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    value.as_map()?.get(&Value::from(key))
}

/// The names and values of the headers of a response.
fn headers(response: &Value) -> Option<Vec<(&str, String)>> {
    let pairs = part(response, "headers")?.as_list()?;
    pairs.iter().map(header).collect()
}

fn header(pair: &Value) -> Option<(&str, String)> {
    let mut pair = pair.as_list()?.iter();
    let (name, value) = (pair.next()?.as_str()?, pair.next()?.as_str()?);
    Some((name.as_str(), value.as_str().replace('~', "~7E")))
}

/// A response as text, as it would stand on the wire: a binary string, so that line ends are `~0D~0A`.
fn head_and_body(response: &Value) -> Option<Value> {
    const LINE_END: &str = "~0D~0A";
    let text = |key| part(response, key)?.as_str();
    let status = part(response, "status")?.as_int()?;
    let mut all = format!("HTTP/1.1 {status} {}{LINE_END}", text("reason")?.as_str());
    for (name, value) in headers(response)? {
        all.push_str(&format!("{name}: {value}{LINE_END}"));
    }
    all.push_str(LINE_END);
    all.push_str(text("body")?.as_str());
    Some(Value::from(all.as_str()))
}

/// A response as a map; several values of a header are a list.
fn full(response: &Value, body: Value) -> Option<Value> {
    let mut map = Map::new();
    for (name, value) in headers(response)? {
        let key = MapKey::new(Value::from(name))?;
        let value = Value::from(value);
        let value = match map.get(key.value()) {
            None => value,
            Some(Value::List(values)) => {
                let mut values = values.clone();
                values.push(value);
                Value::List(values)
            }
            Some(first) => Value::List(List::from(vec![first.clone(), value])),
        };
        map.insert(key, value);
    }
    Some(named_map([
        ("status", part(response, "status")?.clone()),
        ("headers", Value::Map(map)),
        ("body", body),
        ("url", part(response, "url")?.clone()),
    ]))
}

/// What the JSON of a body says. Bytes that are no UTF-8 are U+FFFD.
fn parsed(body: &Value, bounds: JsonBounds) -> Result<Value, Failure> {
    let bytes = body
        .as_str()
        .and_then(|text| bytes_from_binary(text.as_str()));
    let bytes = bytes.ok_or_else(odd_response)?;
    let text = String::from_utf8_lossy(&bytes);
    json_value(&text, bounds.depth_max, bounds.list_bytes_max).map_err(|code| Failure {
        code,
        message: match code {
            ErrorCode::Quota => "the value of the response would be too large",
            _ => "the body of the response is no JSON",
        }
        .to_owned(),
    })
}

/// The worker that calls itself `curl` answered with something else than a response.
fn odd_response() -> Failure {
    Failure {
        code: ErrorCode::InvArg,
        message: "the worker's answer is no response".to_owned(),
    }
}
