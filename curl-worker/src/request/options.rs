//! The options of a request, with their defaults and ranges.
//!
//! In: the map of the call, the operator's defaults. Out: every option with a value.

use std::time::Duration;

use moor_rpc::WireValue;

use super::{RequestError, key_text, shortened};

/// The longest time that a request may ask for.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(300);

/// The most redirections that a request may ask for.
pub const REDIRECTS_MAX: usize = 20;

/// The most bytes of a body that a request may speak of; it gets no more than the operator allows.
const BYTES_ASKED_MAX: usize = 1 << 30;

/// What holds where a request says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Defaults {
    /// For the whole request, redirections included.
    pub timeout: Duration,
    /// Of the body of the response after decompression, and the most that a request may ask for.
    pub bytes_max: usize,
    /// Redirections that are followed.
    pub redirects_max: usize,
}

/// How a request is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// For the whole request, redirections included.
    pub timeout: Duration,
    /// Of the body of the response after decompression.
    pub bytes_max: usize,
    /// Redirections that are followed; `None`: a redirection is the response.
    pub redirects_max: Option<usize>,
    /// Whether bodies, both ways, are binary strings.
    pub binary: bool,
}

impl Options {
    pub(super) fn read(
        given: Option<&WireValue>,
        defaults: &Defaults,
    ) -> Result<Self, RequestError> {
        let mut options = Self {
            timeout: defaults.timeout,
            bytes_max: defaults.bytes_max,
            redirects_max: Some(defaults.redirects_max),
            binary: false,
        };
        let mut followed = true;
        for (key, value) in pairs(given)? {
            match key_text(key, "option")?.as_str() {
                "timeout" => options.timeout = timeout(value)?,
                "max_bytes" => {
                    let wanted = count("max_bytes", value, 1, BYTES_ASKED_MAX)?;
                    options.bytes_max = wanted.min(defaults.bytes_max);
                }
                "follow_redirects" => followed = flag("follow_redirects", value)?,
                "max_redirects" => {
                    options.redirects_max = Some(count("max_redirects", value, 0, REDIRECTS_MAX)?);
                }
                "binary" => options.binary = flag("binary", value)?,
                "verify" if flag("verify", value)? => {}
                "verify" => return Err(RequestError::Verify),
                other => return Err(unknown(other)),
            }
        }
        options.redirects_max = options.redirects_max.filter(|_| followed);
        Ok(options)
    }
}

fn unknown(key: &str) -> RequestError {
    RequestError::UnknownKey {
        what: "option",
        key: shortened(key),
        known: "timeout, max_bytes, follow_redirects, max_redirects, binary, verify",
    }
}

fn pairs(given: Option<&WireValue>) -> Result<&[(WireValue, WireValue)], RequestError> {
    match given {
        None => Ok(&[]),
        Some(WireValue::Map(pairs)) => Ok(pairs),
        // No map was needed in worlds that had none.
        Some(WireValue::List(list)) if list.is_empty() => Ok(&[]),
        Some(_) => Err(RequestError::Type {
            what: "options",
            expected: "a map",
        }),
    }
}

fn timeout(value: &WireValue) -> Result<Duration, RequestError> {
    let seconds = match value {
        // Above the range in any case where the conversion is not exact.
        WireValue::Int(seconds) => *seconds as f64,
        WireValue::Float(seconds) => *seconds,
        _ => {
            return Err(RequestError::Type {
                what: "timeout",
                expected: "a number of seconds",
            });
        }
    };
    let in_range = seconds > 0.0 && seconds <= TIMEOUT_MAX.as_secs_f64();
    let duration = Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|_| in_range);
    duration.ok_or_else(|| RequestError::Option {
        name: "timeout",
        range: format!("more than 0 and at most {} seconds", TIMEOUT_MAX.as_secs()),
    })
}

fn count(
    name: &'static str,
    value: &WireValue,
    min: usize,
    max: usize,
) -> Result<usize, RequestError> {
    let WireValue::Int(number) = value else {
        return Err(RequestError::Type {
            what: name,
            expected: "an integer",
        });
    };
    let number = usize::try_from(*number).ok();
    number
        .filter(|number| (min..=max).contains(number))
        .ok_or_else(|| RequestError::Option {
            name,
            range: format!("{min} to {max}"),
        })
}

fn flag(what: &'static str, value: &WireValue) -> Result<bool, RequestError> {
    match value {
        WireValue::Bool(truth) => Ok(*truth),
        WireValue::Int(number) => Ok(*number != 0),
        _ => Err(RequestError::Type {
            what,
            expected: "true or false",
        }),
    }
}
