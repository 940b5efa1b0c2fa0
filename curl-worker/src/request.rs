//! What the world asks for, checked.
//!
//! In: the arguments of a call, `{method, url [, headers [, body [, options]]]}` or a map with these keys. Out: a
//! [`Request`], or what is wrong with it. Pure; whether the address may be reached is judged later.

mod options;
mod parts;

use reqwest::Method;
use reqwest::header::HeaderMap;
use url::Url;

use moor_rpc::WireValue;

pub use options::{Defaults, Options, REDIRECTS_MAX, TIMEOUT_MAX};
pub(crate) use parts::strip;
pub use parts::target;
use parts::{body, headers, method};

/// One HTTP request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, or any other token than `CONNECT`.
    pub method: Method,
    /// `http` or `https`, with a host, without user name, password and fragment.
    pub url: Url,
    /// In the order of the call.
    pub headers: HeaderMap,
    /// The bytes to send.
    pub body: Vec<u8>,
    /// How.
    pub options: Options,
}

/// What is wrong with a call's arguments.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// Neither form of arguments.
    #[error(
        "bad request: give {{method, url [, headers [, body [, options]]]}} or a map with these keys"
    )]
    Arguments,
    /// Something has the wrong type.
    #[error("bad request: {what} must be {expected}")]
    Type {
        /// Which part.
        what: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A key that means nothing.
    #[error("bad request: unknown {what} {key:?}; known are {known}")]
    UnknownKey {
        /// Of which map.
        what: &'static str,
        /// The key, shortened.
        key: String,
        /// The keys that mean something.
        known: &'static str,
    },
    /// No method, or `CONNECT`.
    #[error("bad method: {0:?}")]
    Method(String),
    /// No URL, or none of the web.
    #[error("bad URL: {url:?}: {cause}")]
    Url {
        /// The URL, shortened.
        url: String,
        /// What is wrong.
        cause: String,
    },
    /// A header that cannot be sent.
    #[error("bad header: {name:?}: {cause}")]
    Header {
        /// Its name, shortened.
        name: String,
        /// What is wrong.
        cause: &'static str,
    },
    /// A body that is no binary string.
    #[error("bad body: a ~ is not followed by two hexadecimal digits")]
    Body,
    /// An option out of its range.
    #[error("bad option: {name} must be {range}")]
    Option {
        /// Which.
        name: &'static str,
        /// What it may be.
        range: String,
    },
    /// Somebody wants to talk to a server that cannot prove who it is.
    #[error(
        "bad option: verify cannot be switched off; the worker's operator can add a certificate authority with --ca-file"
    )]
    Verify,
}

impl RequestError {
    /// The error code of the language.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Arguments => "E_ARGS",
            Self::Type { .. } => "E_TYPE",
            Self::Verify => "E_PERM",
            _ => "E_INVARG",
        }
    }
}

/// The parts of a call, not yet looked at.
#[derive(Default)]
struct Given<'a> {
    method: Option<&'a WireValue>,
    url: Option<&'a WireValue>,
    headers: Option<&'a WireValue>,
    body: Option<&'a WireValue>,
    options: Option<&'a WireValue>,
}

impl Request {
    /// Reads the arguments of a call.
    ///
    /// # Errors
    /// [`RequestError`], each naming the part.
    pub fn read(args: &WireValue, defaults: &Defaults) -> Result<Self, RequestError> {
        let given = Given::of(args)?;
        let options = Options::read(given.options, defaults)?;
        let method = method(given.method)?;
        let (url, authorization) = target(given.url.ok_or(RequestError::Arguments)?)?;
        let headers = headers(given.headers, authorization)?;
        let body = body(given.body, options.binary)?;
        Ok(Self {
            method,
            url,
            headers,
            body,
            options,
        })
    }
}

impl<'a> Given<'a> {
    fn of(args: &'a WireValue) -> Result<Self, RequestError> {
        match args {
            // A list with one map is what `worker_request("curl", {["url" -> ...]})` gives.
            WireValue::List(parts) => match &parts[..] {
                [WireValue::Map(pairs)] => Self::named(pairs),
                parts => Self::positional(parts),
            },
            WireValue::Map(pairs) => Self::named(pairs),
            _ => Err(RequestError::Arguments),
        }
    }

    fn positional(parts: &'a [WireValue]) -> Result<Self, RequestError> {
        if !(2..=5).contains(&parts.len()) {
            return Err(RequestError::Arguments);
        }
        Ok(Self {
            method: parts.first(),
            url: parts.get(1),
            headers: parts.get(2),
            body: parts.get(3),
            options: parts.get(4),
        })
    }

    fn named(pairs: &'a [(WireValue, WireValue)]) -> Result<Self, RequestError> {
        let mut given = Self::default();
        for (key, value) in pairs {
            let place = match key_text(key, "key")?.as_str() {
                "method" => &mut given.method,
                "url" => &mut given.url,
                "headers" => &mut given.headers,
                "body" => &mut given.body,
                "options" => &mut given.options,
                other => {
                    return Err(RequestError::UnknownKey {
                        what: "key",
                        key: shortened(other),
                        known: "method, url, headers, body, options",
                    });
                }
            };
            *place = Some(value);
        }
        Ok(given)
    }
}

/// The key of a map, in lower case: names of the language have no case.
fn key_text(key: &WireValue, what: &'static str) -> Result<String, RequestError> {
    match key {
        WireValue::Str(text) => Ok(text.to_ascii_lowercase()),
        _ => Err(RequestError::Type {
            what,
            expected: "a string",
        }),
    }
}

/// Long texts are shortened in messages, and those of users may be long.
pub(crate) fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 100;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
