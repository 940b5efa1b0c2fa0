//! HTTP messages as a connection brings them, piece by piece, for `read_http()`.
//!
//! In: bytes. Out: that more are needed; or the message as a map, and the bytes behind it; or a map that says
//! what is wrong with them. The words for that are those of ToastStunt, whose library is node's old `http_parser`. It reads
//! RFC 9112 as a lenient recipient does: folded header lines and bare line feeds are taken. Nothing is known of
//! connections and tasks.

mod reader;

use moor_value::{Map, MapKey, Value};

use crate::builtins::{binary_from_bytes, named_map};

pub(crate) use reader::Reader;

/// Bytes of a request's or status line with all header fields; also of a line before a chunk, and of a field behind the last one.
const HEAD_BYTES_MAX: usize = 80 << 10;

/// The methods that are known.
const METHODS: [&str; 25] = [
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LOCK",
    "M-SEARCH",
    "MERGE",
    "MKACTIVITY",
    "MKCOL",
    "MOVE",
    "NOTIFY",
    "OPTIONS",
    "PATCH",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "PUT",
    "REPORT",
    "SUBSCRIBE",
    "TRACE",
    "UNLOCK",
    "UNSUBSCRIBE",
];

/// What kind of message is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageKind {
    /// What a client sends.
    Request,
    /// What a server sends.
    Response,
}

impl MessageKind {
    /// The kind of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let is = |known| name.eq_ignore_ascii_case(known);
        match () {
            () if is("request") => Some(Self::Request),
            () if is("response") => Some(Self::Response),
            () => None,
        }
    }
}

/// How far a message has come.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Progress {
    /// More bytes are needed.
    Unfinished,
    /// It is whole, or wrong.
    Finished {
        /// `["method" or "status", "uri", "headers", "body", "upgrade"]`, as far as there are such; `["error"]` for
        /// `{name, sentence}`.
        message: Value,
        /// What is behind it; nothing where it is wrong.
        rest: Vec<u8>,
    },
}

impl Progress {
    fn wrong(name: &str, sentence: &str) -> Self {
        let error = vec![Value::from(name), Value::from(sentence)];
        Self::Finished {
            message: named_map([("error", Value::from(error))]),
            rest: Vec::new(),
        }
    }
}

/// Why reading stopped before the message's end.
#[derive(Debug)]
enum Stop {
    Unfinished,
    Wrong(&'static str, &'static str),
}

type Parsed<T> = Result<T, Stop>;

const CONSTANT: Stop = Stop::Wrong("INVALID_CONSTANT", "another word than HTTP/ was sent");
const METHOD: Stop = Stop::Wrong("INVALID_METHOD", "no such HTTP method");
const URL: Stop = Stop::Wrong("INVALID_URL", "no URL begins like this");
const PATH: Stop = Stop::Wrong("INVALID_PATH", "a character that no path has");
const VERSION: Stop = Stop::Wrong("INVALID_VERSION", "no HTTP version looks like this");
const STATUS: Stop = Stop::Wrong("INVALID_STATUS", "no HTTP status looks like this");
const TOKEN: Stop = Stop::Wrong(
    "INVALID_HEADER_TOKEN",
    "a character that no header's name has",
);
const LENGTH: Stop = Stop::Wrong("INVALID_CONTENT_LENGTH", "a length that is no number");
const CHUNK: Stop = Stop::Wrong("INVALID_CHUNK_SIZE", "a chunk's size that is no number");
const LINE_FEED: Stop = Stop::Wrong("LF_EXPECTED", "a line that does not end with CR and LF");
const OVERFLOW: Stop = Stop::Wrong("HEADER_OVERFLOW", "too many bytes of headers");

/// The first line.
enum Start {
    Request { method: &'static str, uri: Vec<u8> },
    Response { status: i64, is_new: bool },
}

/// Name and value of a header field.
type Field = (Vec<u8>, Vec<u8>);

/// The header fields, in their order.
#[derive(Default)]
struct Headers(Vec<Field>);

/// The first line with the header fields, those behind the last chunk among them.
struct Head {
    start: Start,
    headers: Headers,
}

/// What follows the head.
enum Body {
    None,
    /// So many bytes.
    Bytes(usize),
    Chunks,
    /// Bytes until the connection ends.
    Endless,
}

/// The first line; empty lines before it are passed over.
fn start_line(kind: MessageKind, input: &mut Input<'_>) -> Parsed<Start> {
    while matches!(input.peek()?, b'\r' | b'\n') {
        input.at += 1;
    }
    match kind {
        MessageKind::Request => request_line(input),
        MessageKind::Response => status_line(input),
    }
}

fn request_line(input: &mut Input<'_>) -> Parsed<Start> {
    let begin = input.at;
    let method = loop {
        let so_far = &input.bytes[begin..input.at];
        if !METHODS
            .iter()
            .any(|known| known.as_bytes().starts_with(so_far))
        {
            return Err(METHOD);
        }
        if input.peek()? == b' ' {
            let whole = METHODS.iter().find(|known| known.as_bytes() == so_far);
            break *whole.ok_or(METHOD)?;
        }
        input.at += 1;
    };
    input.skip_blanks()?;
    let uri = uri(input)?;
    input.skip_blanks()?;
    // A line without a version is of HTTP/0.9.
    if !input.is_at_line_end()? {
        version(input)?;
    }
    input.line_end()?;
    Ok(Start::Request { method, uri })
}

fn uri(input: &mut Input<'_>) -> Parsed<Vec<u8>> {
    let begin = input.at;
    if !input.peek()?.is_ascii_graphic() {
        return Err(URL);
    }
    loop {
        match input.peek()? {
            b' ' | b'\r' | b'\n' => return Ok(input.bytes[begin..input.at].to_vec()),
            byte if byte.is_ascii_graphic() => input.at += 1,
            _ => return Err(PATH),
        }
    }
}

fn status_line(input: &mut Input<'_>) -> Parsed<Start> {
    let is_new = version(input)?;
    input.skip_blanks()?;
    let mut status = 0;
    let begin = input.at;
    loop {
        match input.peek()? {
            digit @ b'0'..=b'9' => status = status * 10 + i64::from(digit - b'0'),
            b' ' | b'\r' | b'\n' if input.at > begin => break,
            _ => return Err(STATUS),
        }
        if status > 999 {
            return Err(STATUS);
        }
        input.at += 1;
    }
    // The reason's words are for people.
    while !input.is_at_line_end()? {
        input.at += 1;
    }
    input.line_end()?;
    Ok(Start::Response { status, is_new })
}

/// `HTTP/` and two numbers; whether it is 1.1 or newer.
fn version(input: &mut Input<'_>) -> Parsed<bool> {
    for wanted in b"HTTP/" {
        if input.next()? != *wanted {
            return Err(CONSTANT);
        }
    }
    let major = number(input)?;
    if input.next()? != b'.' {
        return Err(VERSION);
    }
    Ok((major, number(input)?) >= (1, 1))
}

/// A number of up to three digits.
fn number(input: &mut Input<'_>) -> Parsed<u32> {
    let mut number = 0;
    let begin = input.at;
    while let digit @ b'0'..=b'9' = input.peek()? {
        number = number * 10 + u32::from(digit - b'0');
        input.at += 1;
        if number > 999 {
            return Err(VERSION);
        }
    }
    if input.at == begin {
        return Err(VERSION);
    }
    Ok(number)
}

/// A header field. None at the empty line behind the last.
fn field(input: &mut Input<'_>) -> Parsed<Option<Field>> {
    if input.is_at_line_end()? {
        input.line_end()?;
        return Ok(None);
    }
    let begin = input.at;
    while input.peek()? != b':' {
        if !is_token(input.peek()?) {
            return Err(TOKEN);
        }
        input.at += 1;
    }
    let name = input.bytes[begin..input.at].to_vec();
    if name.is_empty() {
        return Err(TOKEN);
    }
    input.at += 1;
    let mut value = header_line(input)?;
    // A line that begins with a blank goes on with the one before.
    while matches!(input.peek()?, b' ' | b'\t') {
        value.extend(header_line(input)?);
    }
    Ok(Some((name, value)))
}

/// The rest of a line, without the blanks before it.
fn header_line(input: &mut Input<'_>) -> Parsed<Vec<u8>> {
    while matches!(input.peek()?, b' ' | b'\t') {
        input.at += 1;
    }
    let begin = input.at;
    while !input.is_at_line_end()? {
        input.at += 1;
    }
    let value = input.bytes[begin..input.at].to_vec();
    input.line_end()?;
    Ok(value)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

impl Head {
    /// Of the bytes that have been found to be one.
    fn read(kind: MessageKind, bytes: &[u8]) -> Parsed<Self> {
        let mut input = Input::new(bytes);
        let start = start_line(kind, &mut input)?;
        let mut headers = Headers::default();
        while input.at < bytes.len() {
            headers.0.extend(field(&mut input)?);
        }
        Ok(Self { start, headers })
    }

    /// Whether what follows the headers is another protocol's.
    fn is_upgrade(&self) -> bool {
        match &self.start {
            Start::Request { method, .. } => {
                *method == "CONNECT" || self.headers.get("upgrade").is_some()
            }
            Start::Response { .. } => false,
        }
    }

    /// A response that has no body and does not say so ends here if its connection lives on, else never.
    fn body(&self) -> Parsed<Body> {
        if self.is_upgrade() {
            return Ok(Body::None);
        }
        let coding = self.headers.get("transfer-encoding");
        if coding.is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked")) {
            return Ok(Body::Chunks);
        }
        if let Some(length) = self.headers.get("content-length") {
            let length = decimal(length).ok_or(LENGTH)?;
            return Ok(Body::Bytes(length));
        }
        Ok(match self.start {
            Start::Response { status, is_new } if has_body(status) => {
                let connection = self.headers.get("connection");
                let says =
                    |word: &[u8]| connection.is_some_and(|value| value.eq_ignore_ascii_case(word));
                match !says(b"close") && (is_new || says(b"keep-alive")) {
                    true => Body::None,
                    false => Body::Endless,
                }
            }
            _ => Body::None,
        })
    }

    /// The message as a map.
    fn into_value(self, body: &[u8]) -> Value {
        let is_upgrade = self.is_upgrade();
        let mut entries = match self.start {
            Start::Request { method, uri } => {
                vec![("method", Value::from(method)), ("uri", binary(&uri))]
            }
            Start::Response { status, .. } => vec![("status", Value::Int(status))],
        };
        entries.push(("headers", self.headers.into_value()));
        if !body.is_empty() {
            entries.push(("body", binary(body)));
        }
        if is_upgrade {
            entries.push(("upgrade", Value::Int(1)));
        }
        named_map(entries)
    }
}

/// Whether a response of this status can have a body.
fn has_body(status: i64) -> bool {
    !matches!(status, 100..200 | 204 | 304)
}

/// A line with a hexadecimal number; what is behind it, after a blank or semicolon, is passed over.
fn chunk_size(input: &mut Input<'_>) -> Parsed<usize> {
    let mut size: usize = 0;
    let begin = input.at;
    while let Some(digit) = char::from(input.peek()?).to_digit(16) {
        size = size.checked_mul(16).ok_or(CHUNK)? + digit as usize;
        input.at += 1;
    }
    let is_number = input.at > begin;
    if !is_number || !matches!(input.peek()?, b' ' | b';' | b'\r' | b'\n') {
        return Err(CHUNK);
    }
    while !input.is_at_line_end()? {
        input.at += 1;
    }
    input.line_end()?;
    Ok(size)
}

fn decimal(digits: &[u8]) -> Option<usize> {
    let digits = digits.trim_ascii();
    let is_number = digits.iter().all(u8::is_ascii_digit);
    str::from_utf8(digits)
        .ok()
        .filter(|_| is_number)?
        .parse()
        .ok()
}

/// The bytes, and how many of them have been read.
struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where what is being read has to have ended.
    end_max: usize,
}

impl<'a> Input<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            end_max: usize::MAX,
        }
    }

    fn peek(&self) -> Parsed<u8> {
        if self.at >= self.end_max {
            return Err(OVERFLOW);
        }
        self.bytes.get(self.at).copied().ok_or(Stop::Unfinished)
    }

    fn next(&mut self) -> Parsed<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Ok(byte)
    }

    fn skip_blanks(&mut self) -> Parsed<()> {
        while self.peek()? == b' ' {
            self.at += 1;
        }
        Ok(())
    }

    fn is_at_line_end(&self) -> Parsed<bool> {
        Ok(matches!(self.peek()?, b'\r' | b'\n'))
    }

    fn line_end(&mut self) -> Parsed<()> {
        match self.next()? {
            b'\n' => Ok(()),
            b'\r' if self.next()? == b'\n' => Ok(()),
            _ => Err(LINE_FEED),
        }
    }
}

impl Headers {
    /// The value of the last field of this name, which is in lower case.
    fn get(&self, name: &str) -> Option<&[u8]> {
        let mut fields = self.0.iter().rev();
        let found = fields.find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, value)| value.as_slice())
    }

    fn into_value(self) -> Value {
        let entries = self.0.into_iter();
        let entries =
            entries.filter_map(|(name, value)| Some((MapKey::new(binary(&name))?, binary(&value))));
        Value::Map(entries.collect::<Map>())
    }
}

fn binary(bytes: &[u8]) -> Value {
    Value::from(binary_from_bytes(bytes).as_str())
}

#[cfg(test)]
mod tests;
