//! `curl()`: requests to the web, as ToastStunt has them, made by a worker of the kind `curl`.
//!
//! In: a URL and options. Out: a request that the task waits for. What an option may be is decided here; what may be reached, and
//! how much of an answer is taken at most, is the worker's knowledge and its operator's.

use std::time::Duration;

use moor_value::{ErrorCode, List, Map, Value};

use super::super::env::{Env, Reply, named_map};
use super::super::spec::world;
use super::super::{BuiltinSpec, Raise};
use super::workers::{Options, check, wait};
use crate::builtins::{binary_from_bytes, json_text};
use crate::curl_answer::{CurlAnswer, JsonBounds};
use crate::options::integer_option;
use crate::workers::Shape;

pub(super) const SPECS: &[BuiltinSpec] = &[world!("curl", 1..=3, [Str, Any, Int], ToastStunt, curl)
    .doc(
        "url options:MAP|with_headers timeout",
        "STR|MAP|value",
        "Makes a request through a worker and gives the body of the response as a binary string. Without options it gets the page, with \
         `with_headers` the status line and headers before the body; the timeout is 60 seconds unless given. Options: `method` (GET, HEAD, \
         POST, PUT, PATCH, DELETE, OPTIONS; POST if there is something to send), `body` (a binary string) or `json` (a value), `headers` \
         (`[name -> value, ...]`, a list for several values of a name), `user_agent`, `timeout` (seconds), `max_size` (bytes of the body), \
         `follow_redirects` (0 unless given; 1 for at most 5 of them, 2 to 20 for so many), `include_headers` (as `with_headers`), `parse` \
         (the body is JSON, and its value is given), `full` (a map of `status`, `headers`, `body` and `url`).",
    )
    .raises(
        "E_PERM unless a wizard calls; E_INVIND if there is no such worker; E_INVARG if the address or an option is wrong, the request \
         fails (the message says why) or the body is no JSON; E_QUOTA if there are too many requests, or the answer is too large; \
         E_INTRPT if the time is over, or the worker or the server went away",
    )
    .permission("wizards")];

/// Seconds that a request may take where neither it nor `$server_options.curl_timeout` says.
const SECONDS: i64 = 60;
/// Seconds that a request may ask for, unless `$server_options.curl_max_timeout` says less: what the worker allows.
const SECONDS_MAX: i64 = 300;
/// Seconds that the task waits longer than the worker, so that it hears the worker's own word.
const SECONDS_MORE: i64 = 2;
/// Bytes of a body, unless `$server_options.curl_max_response_bytes` says something else.
const BODY_BYTES: i64 = 10 << 20;
/// Redirections that are followed where it is only said that some are.
const REDIRECTS: i64 = 5;
/// Redirections that may be asked for.
const REDIRECTS_MAX: i64 = 20;
/// The methods that there are.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// Those of them that send nothing and may be carried out twice.
const SAFE_METHODS: [&str; 3] = ["GET", "HEAD", "OPTIONS"];

/// A request as its options describe it.
struct Wish {
    method: Option<&'static str>,
    /// A binary string.
    body: Option<String>,
    is_json: bool,
    headers: Vec<(String, String)>,
    user_agent: Option<String>,
    seconds: i64,
    body_bytes_max: i64,
    /// How many are followed; `None`: a redirection is the response.
    redirects_max: Option<i64>,
    with_head: bool,
    is_parsed: bool,
    is_full: bool,
}

fn curl(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let seconds_max = seconds_max(env);
    let mut wish = Wish::usual(env, seconds_max);
    match args {
        [_, Value::Map(options)] => wish.read(env, options, seconds_max)?,
        [_, Value::Map(_), ..] => {
            return Err(invalid(
                "the timeout beside a map of options is one of them",
                &args[2],
            ));
        }
        [_, rest @ ..] => {
            wish.with_head = rest.first().is_some_and(Value::is_true);
            if let Some(given) = rest.get(1) {
                wish.seconds = seconds(given, seconds_max)?;
            }
        }
        [] => {}
    }
    wish.check()?;
    wish.make(env, args[0].clone())
}

/// What the world allows a request to take.
fn seconds_max(env: &mut Env<'_, '_, '_>) -> i64 {
    let wanted = integer_option(&mut env.stretch.txn, "curl_max_timeout", SECONDS_MAX);
    wanted.clamp(1, SECONDS_MAX)
}

impl Wish {
    /// What holds where nothing is said.
    fn usual(env: &mut Env<'_, '_, '_>, seconds_max: i64) -> Self {
        let txn = &mut env.stretch.txn;
        let bytes = integer_option(txn, "curl_max_response_bytes", BODY_BYTES);
        Self {
            method: None,
            body: None,
            is_json: false,
            headers: Vec::new(),
            user_agent: None,
            seconds: integer_option(txn, "curl_timeout", SECONDS).clamp(1, seconds_max),
            body_bytes_max: if bytes < 1 { BODY_BYTES } else { bytes },
            redirects_max: None,
            with_head: false,
            is_parsed: false,
            is_full: false,
        }
    }

    fn read(
        &mut self,
        env: &mut Env<'_, '_, '_>,
        options: &Map,
        seconds_max: i64,
    ) -> Result<(), Raise> {
        for (key, value) in options.iter() {
            let name = key.as_str().map(|name| name.as_str().to_ascii_lowercase());
            match name.as_deref().unwrap_or_default() {
                "method" => self.method = Some(method(value)?),
                "body" => self.send(text("body", value)?.to_owned())?,
                "json" => {
                    let body = json(env, value)?;
                    self.is_json = true;
                    self.send(body)?;
                }
                "headers" => self.headers = headers(value)?,
                "user_agent" => self.user_agent = Some(header_value("user_agent", value)?),
                "timeout" => self.seconds = seconds(value, seconds_max)?,
                "max_size" => self.body_bytes_max = self.body_bytes_max.min(size(value)?),
                "follow_redirects" => self.redirects_max = redirects(value)?,
                "include_headers" => self.with_head = value.is_true(),
                "parse" => self.is_parsed = value.is_true(),
                "full" => self.is_full = value.is_true(),
                _ => return Err(invalid("there is no such option of curl()", key)),
            }
        }
        Ok(())
    }

    fn send(&mut self, body: String) -> Result<(), Raise> {
        match self.body.replace(body) {
            None => Ok(()),
            Some(_) => Err(bad("body and json cannot both be given")),
        }
    }

    /// Whether the options fit together.
    fn check(&self) -> Result<(), Raise> {
        if let Some(method) = self.method.filter(|method| SAFE_METHODS.contains(method))
            && self.body.is_some()
        {
            let message = "a request of this method has no body";
            return Err(invalid(message, &Value::from(method)));
        }
        match self.with_head && (self.is_parsed || self.is_full) {
            true => Err(bad("include_headers goes with neither full nor parse")),
            false => Ok(()),
        }
    }

    /// The task waits for it.
    fn make(self, env: &mut Env<'_, '_, '_>, url: Value) -> Reply {
        let implied = if self.body.is_some() { "POST" } else { "GET" };
        let method = self.method.unwrap_or(implied);
        let mut parts = vec![
            ("method", Value::from(method)),
            ("url", url),
            ("options", self.options()),
        ];
        let headers = self.all_headers();
        if !headers.is_empty() {
            parts.push(("headers", Value::List(headers)));
        }
        if let Some(body) = &self.body {
            parts.push(("body", Value::from(body.as_str())));
        }
        let request = named_map(parts);
        check(&request)?;
        let options = Options {
            timeout: Duration::from_secs((self.seconds + SECONDS_MORE).unsigned_abs()),
            idempotent: SAFE_METHODS.contains(&method),
        };
        let limits = &env.stretch.options.value_limits;
        let bounds = JsonBounds {
            depth_max: limits.json_depth_max,
            list_bytes_max: limits.list_bytes_max,
        };
        let shape = Shape::Curl(CurlAnswer {
            with_head: self.with_head,
            is_full: self.is_full,
            parsed: self.is_parsed.then_some(bounds),
        });
        let list: List = [request].into_iter().collect();
        Ok(wait(env, "curl", list, options, shape))
    }

    /// The options of the worker.
    fn options(&self) -> Value {
        let mut options = vec![
            ("binary", Value::Int(1)),
            (
                "follow_redirects",
                Value::Int(i64::from(self.redirects_max.is_some())),
            ),
            ("max_bytes", Value::Int(self.body_bytes_max)),
            ("timeout", Value::Int(self.seconds)),
        ];
        options.extend(
            self.redirects_max
                .map(|most| ("max_redirects", Value::Int(most))),
        );
        named_map(options)
    }

    /// The headers that were given and those that follow from other options, unless they were given.
    fn all_headers(&self) -> List {
        let is_given = |wanted: &str| {
            let mut names = self.headers.iter();
            names.any(|(name, _)| name.eq_ignore_ascii_case(wanted))
        };
        let agent = self
            .user_agent
            .as_deref()
            .map(|agent| ("User-Agent", agent));
        let kind = self.is_json.then_some(("Content-Type", "application/json"));
        let implied = agent
            .into_iter()
            .chain(kind)
            .filter(|(name, _)| !is_given(name));
        let given = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let pair = |(name, value)| Value::from(vec![Value::from(name), Value::from(value)]);
        given.chain(implied).map(pair).collect()
    }
}

fn method(value: &Value) -> Result<&'static str, Raise> {
    let given = text("method", value)?;
    let known = METHODS
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(given));
    known.ok_or_else(|| invalid("there is no such method", value))
}

/// A value as a body: the binary string of its JSON.
fn json(env: &mut Env<'_, '_, '_>, value: &Value) -> Result<String, Raise> {
    let text = env.with_call(|call| json_text(call, value));
    let text = text.map_err(|raise| match raise.code == Value::Err(ErrorCode::InvArg) {
        true => invalid("json is a value that JSON can say", value),
        false => raise,
    })?;
    Ok(binary_from_bytes(text.as_bytes()))
}

/// `[name -> value, ...]`, where a list of values stands for the name as often.
fn headers(value: &Value) -> Result<Vec<(String, String)>, Raise> {
    let Value::Map(map) = value else {
        return Err(invalid("headers is a map", value));
    };
    let mut headers = Vec::new();
    for (name, value) in map.iter() {
        let name = header_name(name)?;
        match value {
            Value::List(values) => {
                for value in values.iter() {
                    headers.push((name.to_owned(), header_value(name, value)?));
                }
            }
            value => headers.push((name.to_owned(), header_value(name, value)?)),
        }
    }
    Ok(headers)
}

/// A token (RFC 9110, section 5.1).
fn header_name(value: &Value) -> Result<&str, Raise> {
    let name = text("the name of a header", value)?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    match !name.is_empty() && name.bytes().all(allowed) {
        true => Ok(name),
        false => Err(invalid("this is no name of a header", value)),
    }
}

/// Text without line breaks and other control characters, so that no header can smuggle in another.
fn header_value(name: &str, value: &Value) -> Result<String, Raise> {
    let text = text("the value of a header", value)?;
    let forbidden = |c: char| c.is_ascii_control() && c != '\t';
    match text.contains(forbidden) {
        true => {
            let message = "the value of this header has a line break or another control character";
            Err(invalid(message, &Value::from(name)))
        }
        false => Ok(text.to_owned()),
    }
}

fn seconds(value: &Value, most: i64) -> Result<i64, Raise> {
    match value.as_int() {
        Some(seconds) if (1..=most).contains(&seconds) => Ok(seconds),
        _ => {
            let message = format!("a timeout is an integer from 1 to {most}");
            Err(invalid(&message, value))
        }
    }
}

fn size(value: &Value) -> Result<i64, Raise> {
    match value.as_int() {
        Some(bytes) if bytes > 0 => Ok(bytes),
        _ => Err(invalid("max_size is an integer above 0", value)),
    }
}

fn redirects(value: &Value) -> Result<Option<i64>, Raise> {
    match value {
        Value::Bool(false) | Value::Int(0) => Ok(None),
        Value::Bool(true) | Value::Int(1) => Ok(Some(REDIRECTS)),
        Value::Int(most) if (2..=REDIRECTS_MAX).contains(most) => Ok(Some(*most)),
        _ => {
            let message = format!("follow_redirects is a truth value or at most {REDIRECTS_MAX}");
            Err(invalid(&message, value))
        }
    }
}

fn text<'v>(what: &str, value: &'v Value) -> Result<&'v str, Raise> {
    let text = value.as_str().map(|text| text.as_str());
    text.ok_or_else(|| invalid(&format!("{what} is a string"), value))
}

fn invalid(message: &str, value: &Value) -> Raise {
    Raise::with(ErrorCode::InvArg, message, value.clone())
}

fn bad(message: &str) -> Raise {
    Raise::with(ErrorCode::InvArg, message, Value::ZERO)
}
