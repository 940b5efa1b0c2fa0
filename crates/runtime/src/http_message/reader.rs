//! A message between the pieces in which it comes: what has been read, what waits for the rest of its line, and what is wanted next.
//!
//! In: bytes as they come. Out: that more are needed, or the message and what is behind it; the state as a value, which outlives a
//! restart. What has been read is not read again but for the head, once, when it is whole: in it are what the body depends on and
//! the fields that the message's value has.

use moor_value::{Binary, List, Value};

use super::{
    Body, HEAD_BYTES_MAX, Head, Input, MessageKind, Parsed, Progress, Stop, chunk_size, field,
    start_line,
};
use crate::builtins::bytes_from_binary;

/// A message that is coming.
#[derive(Debug)]
pub(crate) struct Reader {
    kind: MessageKind,
    stage: Stage,
    /// Bytes that are missing of a body or chunk.
    missing: usize,
    /// All bytes that have come.
    total: usize,
    /// The first line and all header fields, as they came.
    head: Vec<u8>,
    body: Vec<u8>,
    /// The beginning of what comes next.
    pending: Vec<u8>,
}

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    FirstLine = 0,
    Fields = 1,
    /// So many bytes as the head says.
    Body = 2,
    ChunkSize = 3,
    Chunk = 4,
    ChunkEnd = 5,
    /// Fields behind the last chunk.
    Trailer = 6,
    /// A body that ends with its connection.
    Endless = 7,
}

const STAGES: [Stage; 8] = [
    Stage::FirstLine,
    Stage::Fields,
    Stage::Body,
    Stage::ChunkSize,
    Stage::Chunk,
    Stage::ChunkEnd,
    Stage::Trailer,
    Stage::Endless,
];

impl Reader {
    /// A message of which nothing has come.
    pub(crate) fn new(kind: MessageKind) -> Self {
        Self {
            kind,
            stage: Stage::FirstLine,
            missing: 0,
            total: 0,
            head: Vec::new(),
            body: Vec::new(),
            pending: Vec::new(),
        }
    }

    /// The state of that value. A string is that of former versions: all that has come, as a binary string.
    pub(crate) fn from_value(kind: MessageKind, value: &Value) -> Self {
        let mut reader = Self::new(kind);
        let Some(items) = value.as_list().map(List::as_slice) else {
            let text = value.as_str().map_or("", |text| text.as_str());
            reader.pending = bytes_from_binary(text).unwrap_or_default();
            reader.total = reader.pending.len();
            return reader;
        };
        if let [
            Value::Int(stage),
            Value::Int(missing),
            Value::Int(total),
            Value::Binary(head),
            Value::Binary(body),
            Value::Binary(pending),
        ] = items
        {
            let number = |number: &i64| usize::try_from(*number).unwrap_or(0);
            let stage = STAGES.get(number(stage));
            reader.stage = stage.copied().unwrap_or(Stage::FirstLine);
            reader.missing = number(missing);
            reader.total = number(total);
            reader.head = head.as_slice().to_vec();
            reader.body = body.as_slice().to_vec();
            reader.pending = pending.as_slice().to_vec();
        }
        reader
    }

    /// The state as a value.
    pub(crate) fn into_value(self) -> Value {
        let number = |number: usize| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
        let bytes = [self.head, self.body, self.pending];
        let mut items = vec![
            Value::Int(self.stage as i64),
            number(self.missing),
            number(self.total),
        ];
        items.extend(bytes.map(|bytes| Binary::from_vec(bytes).into()));
        items.into()
    }

    /// How many bytes have come.
    pub(crate) fn total(&self) -> usize {
        self.total
    }

    /// Takes in the next piece.
    pub(crate) fn feed(&mut self, piece: &[u8]) -> Progress {
        self.total += piece.len();
        let mut bytes = std::mem::take(&mut self.pending);
        bytes.extend_from_slice(piece);
        let mut input = Input::new(&bytes);
        match self.read(&mut input) {
            Ok(message) => Progress::Finished {
                message,
                rest: bytes.split_off(input.at),
            },
            Err(Stop::Unfinished) => {
                self.pending = bytes.split_off(input.at);
                Progress::Unfinished
            }
            Err(Stop::Wrong(name, sentence)) => Progress::wrong(name, sentence),
        }
    }

    /// Reads as far as it goes. Where more is needed, the input stands behind what has been taken in.
    fn read(&mut self, input: &mut Input<'_>) -> Parsed<Value> {
        loop {
            let begin = input.at;
            let is_over = self.step(input).inspect_err(|stop| {
                if matches!(stop, Stop::Unfinished) && !self.takes_parts() {
                    input.at = begin;
                }
            })?;
            if is_over {
                let head = Head::read(self.kind, &self.head)?;
                return Ok(head.into_value(&self.body));
            }
        }
    }

    /// Reads the next line, field or part of a body. Whether the message ends with it.
    fn step(&mut self, input: &mut Input<'_>) -> Parsed<bool> {
        let begin = input.at;
        match self.stage {
            Stage::FirstLine => {
                input.end_max = begin + HEAD_BYTES_MAX;
                start_line(self.kind, input)?;
                self.head.extend_from_slice(&input.bytes[begin..input.at]);
                self.stage = Stage::Fields;
            }
            Stage::Fields | Stage::Trailer => {
                let is_trailer = self.stage == Stage::Trailer;
                let before = if is_trailer { 0 } else { self.head.len() };
                input.end_max = begin + HEAD_BYTES_MAX.saturating_sub(before);
                let is_last = field(input)?.is_none();
                self.head.extend_from_slice(&input.bytes[begin..input.at]);
                return match is_last && !is_trailer {
                    true => self.begin_body(),
                    false => Ok(is_last),
                };
            }
            Stage::Body => {
                self.take(input)?;
                return Ok(true);
            }
            Stage::ChunkSize => {
                input.end_max = begin + HEAD_BYTES_MAX;
                self.missing = chunk_size(input)?;
                self.stage = match self.missing {
                    0 => Stage::Trailer,
                    _ => Stage::Chunk,
                };
            }
            Stage::Chunk => {
                self.take(input)?;
                self.stage = Stage::ChunkEnd;
            }
            Stage::ChunkEnd => {
                input.end_max = usize::MAX;
                input.line_end()?;
                self.stage = Stage::ChunkSize;
            }
            Stage::Endless => {
                self.missing = usize::MAX;
                self.take(input)?;
            }
        }
        Ok(false)
    }

    /// Whether what is there of the present stage is taken in before all of it has come.
    fn takes_parts(&self) -> bool {
        matches!(self.stage, Stage::Body | Stage::Chunk | Stage::Endless)
    }

    /// The head is whole. Whether the message is, too.
    fn begin_body(&mut self) -> Parsed<bool> {
        let head = Head::read(self.kind, &self.head)?;
        (self.stage, self.missing) = match head.body()? {
            Body::None => return Ok(true),
            Body::Bytes(count) => (Stage::Body, count),
            Body::Chunks => (Stage::ChunkSize, 0),
            Body::Endless => (Stage::Endless, 0),
        };
        Ok(false)
    }

    /// Takes in what is missing, as far as it has come.
    fn take(&mut self, input: &mut Input<'_>) -> Parsed<()> {
        let rest = &input.bytes[input.at..];
        let count = rest.len().min(self.missing);
        self.body.extend_from_slice(&rest[..count]);
        input.at += count;
        self.missing -= count;
        match self.missing {
            0 => Ok(()),
            _ => Err(Stop::Unfinished),
        }
    }
}
