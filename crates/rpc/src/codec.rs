//! The one codec: messages to bytes and back.
//!
//! In: a [`Message`], or the bytes of one that may come from anyone. Out: bytes, or the message, or a
//! typed error. Little-endian, integers at their full width, one-byte tags and booleans, 32-bit
//! counts: one message has one encoding. Decoding reserves at most [`MESSAGE_BYTES_MAX`] for a sequence
//! before it has seen its elements, and refuses what is left over behind a message.

use wincode::config::{self, Config, Configuration};
use wincode::int_encoding::{FixInt, LittleEndian};
use wincode::len::UseIntLen;
use wincode::{SchemaRead, SchemaWrite};

use crate::value::{WIRE_DEPTH_MAX, WIRE_VALUES_MAX, watched};
use crate::{HostEvent, Reply, Request, WorkerOrder, WorkerReport};

/// The longest encoded message in bytes. A sender splits what is longer; a transport may drop it.
pub const MESSAGE_BYTES_MAX: usize = 8 << 20;

type WireConfig = Configuration<
    true,
    MESSAGE_BYTES_MAX,
    UseIntLen<u32>,
    LittleEndian,
    FixInt,
    u8,
    MESSAGE_BYTES_MAX,
>;

/// Something that is sent whole: [`Request`], [`Reply`], [`HostEvent`], [`WorkerOrder`] or
/// [`WorkerReport`], and nothing else.
pub trait Message: sealed::Wire {}

impl Message for Request {}
impl Message for Reply {}
impl Message for HostEvent {}
impl Message for WorkerOrder {}
impl Message for WorkerReport {}

/// Why a message could not be encoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The message, or one sequence in it, is longer than a message may be.
    #[error("message is longer than {MESSAGE_BYTES_MAX} bytes")]
    TooLong,
    /// A value in it nests too deep or has too many values; see [`WireValue::fits`](crate::WireValue::fits).
    #[error(
        "a value is nested deeper than {WIRE_DEPTH_MAX} or has more than {WIRE_VALUES_MAX} values"
    )]
    UnfitValue,
}

/// Why bytes are not a message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// There are more bytes than a message may have.
    #[error("message of {bytes} bytes is longer than {MESSAGE_BYTES_MAX}")]
    TooLong {
        /// How many there are.
        bytes: usize,
    },
    /// The bytes end inside a value, a tag or a boolean is none, text is not UTF-8, a count is larger
    /// than any message, or bytes are left over.
    #[error("malformed message: {0}")]
    Malformed(#[source] wincode::ReadError),
    /// The parts of a value make no value, or one that breaks a bound.
    #[error("malformed value")]
    MalformedValue,
}

/// Writes a message.
///
/// # Errors
/// [`EncodeError::TooLong`] when it takes more than [`MESSAGE_BYTES_MAX`], [`EncodeError::UnfitValue`] when
/// a value in it breaks a bound of values.
pub fn encode<M: Message>(message: &M) -> Result<Vec<u8>, EncodeError> {
    let bytes = watched(|| sealed::Wire::to_bytes(message))
        .ok_or(EncodeError::UnfitValue)?
        .map_err(|_| EncodeError::TooLong)?;
    if bytes.len() > MESSAGE_BYTES_MAX {
        Err(EncodeError::TooLong)
    } else {
        Ok(bytes)
    }
}

/// Reads a message that fills all of `bytes`.
///
/// # Errors
/// [`DecodeError::TooLong`] for more than [`MESSAGE_BYTES_MAX`], [`DecodeError::Malformed`] and
/// [`DecodeError::MalformedValue`] for everything else that is not exactly one message.
pub fn decode<M: Message>(bytes: &[u8]) -> Result<M, DecodeError> {
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(DecodeError::TooLong { bytes: bytes.len() });
    }
    watched(|| sealed::Wire::from_bytes(bytes))
        .ok_or(DecodeError::MalformedValue)?
        .map_err(DecodeError::Malformed)
}

mod sealed {
    use super::{Config, SchemaRead, SchemaWrite, WireConfig, config};

    /// The codec's own face, so that no other crate can make a type a message.
    pub trait Wire: Sized {
        fn to_bytes(&self) -> Result<Vec<u8>, wincode::WriteError>;
        fn from_bytes(bytes: &[u8]) -> Result<Self, wincode::ReadError>;
    }

    impl<M> Wire for M
    where
        M: SchemaWrite<WireConfig, Src = M> + for<'de> SchemaRead<'de, WireConfig, Dst = M>,
        WireConfig: Config,
    {
        fn to_bytes(&self) -> Result<Vec<u8>, wincode::WriteError> {
            config::serialize(self, WireConfig::new())
        }

        fn from_bytes(bytes: &[u8]) -> Result<Self, wincode::ReadError> {
            config::deserialize_exact(bytes, WireConfig::new())
        }
    }
}
