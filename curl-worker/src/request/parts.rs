//! Method, URL, headers and body of a request, each from its value.
//!
//! In: values of a call. Out: what the HTTP library takes, free of line breaks and of headers that belong to the
//! connection.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use moor_rpc::WireValue;

use super::{RequestError, shortened};
use crate::binary;

const METHOD_BYTES_MAX: usize = 32;
const URL_BYTES_MAX: usize = 16 << 10;
const HEADERS_MAX: usize = 64;
const HEADER_BYTES_MAX: usize = 32 << 10;

/// Headers that describe the connection or the message's end: the worker's own.
const OWN_HEADERS: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A standard method in any case; another token as it is written.
pub(super) fn method(given: Option<&WireValue>) -> Result<Method, RequestError> {
    const STANDARD: [&str; 8] = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH",
    ];
    let text = match given {
        None => "GET",
        Some(value) => string("method", value)?,
    };
    let standard = STANDARD
        .into_iter()
        .find(|standard| standard.eq_ignore_ascii_case(text));
    let token = standard.unwrap_or(text);
    let bad = || RequestError::Method(shortened(text));
    // CONNECT asks for a tunnel, which is no request with a response.
    if token.len() > METHOD_BYTES_MAX || token.eq_ignore_ascii_case("CONNECT") {
        return Err(bad());
    }
    Method::from_bytes(token.as_bytes()).map_err(|_| bad())
}

/// The URL without its user name and password, and those as a header.
///
/// # Errors
/// [`RequestError::Type`], [`RequestError::Url`].
pub fn target(value: &WireValue) -> Result<(Url, Option<HeaderValue>), RequestError> {
    let text = string("url", value)?;
    let bad = |cause: String| RequestError::Url {
        url: shortened(text),
        cause,
    };
    if text.len() > URL_BYTES_MAX {
        return Err(bad(format!("it has more than {URL_BYTES_MAX} bytes")));
    }
    let mut url = Url::parse(text).map_err(|error| bad(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("it must begin with http:// or https://".to_owned()));
    }
    let authorization = basic(&url);
    strip(&mut url);
    Ok((url, authorization))
}

/// Takes away what is never sent in a URL.
pub(crate) fn strip(url: &mut Url) {
    // Only a URL without a host refuses, and those of the web have one.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
}

/// RFC 7617.
fn basic(url: &Url) -> Option<HeaderValue> {
    let password = url.password().unwrap_or_default();
    if url.username().is_empty() && password.is_empty() {
        return None;
    }
    let mut pair = percent_decoded(url.username());
    pair.push(b':');
    pair.extend(percent_decoded(password));
    let text = format!("Basic {}", BASE64_STANDARD.encode(pair));
    let mut header = HeaderValue::from_str(&text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

fn percent_decoded(text: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(text).collect()
}

/// `{{name, value}, ...}` or `[name -> value, ...]`; `authorization` counts where the call has no such header.
pub(super) fn headers(
    given: Option<&WireValue>,
    authorization: Option<HeaderValue>,
) -> Result<HeaderMap, RequestError> {
    let mut headers = HeaderMap::new();
    let mut bytes = 0;
    for (name, value) in header_pairs(given)? {
        let (name, value) = header(name, value)?;
        bytes += name.as_str().len() + value.len();
        if headers.len() == HEADERS_MAX || bytes > HEADER_BYTES_MAX {
            return Err(bad_header(
                name.as_str(),
                "there are too many headers, or they are too long",
            ));
        }
        headers.append(name, value);
    }
    if let Some(authorization) = authorization.filter(|_| !headers.contains_key(AUTHORIZATION)) {
        headers.insert(AUTHORIZATION, authorization);
    }
    Ok(headers)
}

type Pair<'a> = (&'a WireValue, &'a WireValue);

fn header_pairs(given: Option<&WireValue>) -> Result<Vec<Pair<'_>>, RequestError> {
    let wrong = || RequestError::Type {
        what: "headers",
        expected: "a list of {name, value} or a map",
    };
    match given {
        None => Ok(Vec::new()),
        Some(WireValue::Map(pairs)) => {
            Ok(pairs.iter().map(|(name, value)| (name, value)).collect())
        }
        Some(WireValue::List(list)) => list
            .iter()
            .map(|pair| match pair {
                WireValue::List(pair) => match &pair[..] {
                    [name, value] => Ok((name, value)),
                    _ => Err(wrong()),
                },
                _ => Err(wrong()),
            })
            .collect(),
        Some(_) => Err(wrong()),
    }
}

fn header(name: &WireValue, value: &WireValue) -> Result<(HeaderName, HeaderValue), RequestError> {
    let name = string("a header's name", name)?;
    let key = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| bad_header(name, "this is no header's name"))?;
    if OWN_HEADERS.contains(&key.as_str()) || key.as_str().starts_with("proxy-") {
        return Err(bad_header(name, "the worker sets this one itself"));
    }
    let text = match value {
        WireValue::Str(text) => text.to_string(),
        WireValue::Int(number) => number.to_string(),
        _ => {
            return Err(RequestError::Type {
                what: "a header's value",
                expected: "a string",
            });
        }
    };
    let value = HeaderValue::from_bytes(text.as_bytes()).map_err(|_| {
        bad_header(
            name,
            "its value has a line break or another control character",
        )
    })?;
    Ok((key, value))
}

fn bad_header(name: &str, cause: &'static str) -> RequestError {
    RequestError::Header {
        name: shortened(name),
        cause,
    }
}

/// UTF-8, or the bytes of a binary string.
pub(super) fn body(given: Option<&WireValue>, is_binary: bool) -> Result<Vec<u8>, RequestError> {
    let Some(value) = given else {
        return Ok(Vec::new());
    };
    let text = string("body", value)?;
    match is_binary {
        true => binary::decode(text).ok_or(RequestError::Body),
        false => Ok(text.as_bytes().to_vec()),
    }
}

fn string<'a>(what: &'static str, value: &'a WireValue) -> Result<&'a str, RequestError> {
    match value {
        WireValue::Str(text) => Ok(text),
        _ => Err(RequestError::Type {
            what,
            expected: "a string",
        }),
    }
}
