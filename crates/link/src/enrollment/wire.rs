//! The messages of enrollment: one question, one answer, each one ZeroMQ frame over CURVE.
//!
//! In: bytes of a peer, which may be anything. Out: typed messages or [`FrameError`].
//!
//! Layout, integers little-endian, texts as `len u8, bytes`:
//!
//! | message | layout |
//! |---|---|
//! | question | `"MOOR"`, `link u16`, `kind u8` (1 enroll, 2 look), `token u8` (0 none, 1 one: `id [8], secret [32]`), `service`, `hostname` |
//! | answer | `"MOOR"`, `link u16`, `kind u8`, body |
//! | 1 enrolled | `uuid [16]` |
//! | 2 refused | `code u8`, `detail` |
//! | 3 seen | `protocol u32`, `build`, `clock_ms u64` (since 1970), `token u8` (0 none shown, 1 good, 2 refused: `code u8, detail`) |

use moor_keyring::{EnrollRefusal, Token, TokenId, TokenSecret};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::bounds::BUILD_BYTES_MAX;
use crate::frame::{FrameError, LINK_VERSION, MAGIC, Reader, put_text};

/// Bytes of a host's name in a question; longer is cut.
const HOSTNAME_BYTES_MAX: usize = 255;

/// Bytes of a refusal's detail; longer is cut.
const DETAIL_BYTES_MAX: usize = 64;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Enroll,
    Look,
}

/// A question as it was read.
#[derive(Debug)]
pub(super) struct Question<'a> {
    pub(super) wish: Wish,
    pub(super) token: Option<(TokenId, TokenSecret)>,
    pub(super) service: &'a str,
    pub(super) hostname: &'a str,
}

/// A refusal that may be of a later release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) code: u8,
    pub(super) detail: String,
}

impl From<&EnrollRefusal> for Refused {
    fn from(refusal: &EnrollRefusal) -> Self {
        Self {
            code: refusal.code(),
            detail: refusal.detail(),
        }
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Enrolled(Uuid),
    Refused(Refused),
    Seen {
        protocol: u32,
        build: String,
        clock_ms: u64,
        token: Option<Result<(), Refused>>,
    },
}

fn start(kind: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&LINK_VERSION.to_le_bytes());
    out.push(kind);
    out
}

fn open(bytes: &[u8]) -> Result<(u8, Reader<'_>), FrameError> {
    let mut reader = Reader {
        rest: bytes,
        what: "message of enrollment",
    };
    if &reader.array::<4>()? != MAGIC {
        return Err(reader.malformed());
    }
    reader.link_version()?;
    let kind = reader.byte()?;
    Ok((kind, reader))
}

/// Writes a question. Wiped when dropped, for the secret in it.
pub(super) fn question(
    wish: Wish,
    token: Option<&Token>,
    service: &str,
    hostname: &str,
) -> Zeroizing<Vec<u8>> {
    let kind = match wish {
        Wish::Enroll => 1,
        Wish::Look => 2,
    };
    // With all the room it will need: a vector that grows leaves its former self behind.
    let mut out = Zeroizing::new(start(kind));
    match token {
        None => out.push(0),
        Some(token) => {
            out.push(1);
            out.extend_from_slice(token.id().as_bytes());
            out.extend_from_slice(token.secret().expose_bytes());
        }
    }
    put_text(&mut out, service, crate::bounds::SERVICE_BYTES_MAX);
    put_text(&mut out, hostname, HOSTNAME_BYTES_MAX);
    out
}

impl<'a> Question<'a> {
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, FrameError> {
        let (kind, mut reader) = open(bytes)?;
        let wish = match kind {
            1 => Wish::Enroll,
            2 => Wish::Look,
            other => return Err(FrameError::UnknownKind(other)),
        };
        let token = match reader.byte()? {
            0 => None,
            1 => Some((
                TokenId::from_bytes(reader.array()?),
                TokenSecret::from_bytes(reader.array()?),
            )),
            _ => return Err(reader.malformed()),
        };
        let (service, hostname) = (reader.text()?, reader.text()?);
        reader.end()?;
        Ok(Self {
            wish,
            token,
            service,
            hostname,
        })
    }
}

fn put_refused(out: &mut Vec<u8>, refused: &Refused) {
    out.push(refused.code);
    put_text(out, &refused.detail, DETAIL_BYTES_MAX);
}

fn read_refused(reader: &mut Reader<'_>) -> Result<Refused, FrameError> {
    Ok(Refused {
        code: reader.byte()?,
        detail: reader.text()?.to_owned(),
    })
}

impl Answer {
    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Enrolled(uuid) => {
                let mut out = start(1);
                out.extend_from_slice(uuid.as_bytes());
                out
            }
            Self::Refused(refused) => {
                let mut out = start(2);
                put_refused(&mut out, refused);
                out
            }
            Self::Seen {
                protocol,
                build,
                clock_ms,
                token,
            } => {
                let mut out = start(3);
                out.extend_from_slice(&protocol.to_le_bytes());
                put_text(&mut out, build, BUILD_BYTES_MAX);
                out.extend_from_slice(&clock_ms.to_le_bytes());
                match token {
                    None => out.push(0),
                    Some(Ok(())) => out.push(1),
                    Some(Err(refused)) => {
                        out.push(2);
                        put_refused(&mut out, refused);
                    }
                }
                out
            }
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let (kind, mut reader) = open(bytes)?;
        let answer = match kind {
            1 => Self::Enrolled(Uuid::from_bytes(reader.array()?)),
            2 => Self::Refused(read_refused(&mut reader)?),
            3 => Self::Seen {
                protocol: u32::from_le_bytes(reader.array()?),
                build: reader.text()?.to_owned(),
                clock_ms: u64::from_le_bytes(reader.array()?),
                token: match reader.byte()? {
                    0 => None,
                    1 => Some(Ok(())),
                    2 => Some(Err(read_refused(&mut reader)?)),
                    _ => return Err(reader.malformed()),
                },
            },
            other => return Err(FrameError::UnknownKind(other)),
        };
        reader.end()?;
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn answers_survive_a_round_trip() {
        let refused = Refused {
            code: 4,
            detail: "curl-worker".into(),
        };
        let seen = |token| Answer::Seen {
            protocol: 9,
            build: "0.1.0".into(),
            clock_ms: 1_234_567_890_123,
            token,
        };
        for answer in [
            Answer::Enrolled(Uuid::from_bytes([7; 16])),
            Answer::Refused(refused.clone()),
            seen(None),
            seen(Some(Ok(()))),
            seen(Some(Err(refused))),
        ] {
            assert_eq!(Answer::decode(&answer.encode()), Ok(answer));
        }
    }

    /// The layout is a promise to other versions.
    #[test]
    fn a_question_has_these_bytes() {
        let key = moor_keyring::PublicKey::from_bytes([1; 32]);
        let text = format!(
            "moor1.0102030405060708.{0}.{0}",
            "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI"
        );
        let token: Token = text.parse().expect("token");
        assert_ne!(token.daemon_key(), key);
        let mut expected = b"MOOR\x02\x00\x01\x01\x01\x02\x03\x04\x05\x06\x07\x08".to_vec();
        expected.extend([2; 32]);
        expected.extend(b"\x0btelnet-host\x01h");
        let bytes = question(Wish::Enroll, Some(&token), "telnet-host", "h");
        assert_eq!(*bytes, expected);
        let read = Question::decode(&bytes).expect("question");
        let (id, secret) = read.token.expect("a token");
        assert_eq!((read.wish, id), (Wish::Enroll, token.id()));
        assert_eq!(secret.expose_bytes(), &[2; 32]);
        assert_eq!((read.service, read.hostname), ("telnet-host", "h"));
        let look = question(Wish::Look, None, "", "");
        let read = Question::decode(&look).expect("question");
        assert!(read.wish == Wish::Look && read.token.is_none());
    }

    #[test]
    fn the_longest_question_fits_the_bound() {
        let bytes = question(Wish::Look, None, &"a".repeat(999), &"b".repeat(999));
        assert!(bytes.len() + 40 <= 512, "{}", bytes.len());
        assert!(bytes.len() < crate::bounds::ENROLLMENT_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn no_bytes_of_a_peer_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..120), known in any::<bool>()) {
            if known && bytes.len() > 6 {
                bytes[..6].copy_from_slice(b"MOOR\x02\x00");
            }
            let _ = Question::decode(&bytes);
            let _ = Answer::decode(&bytes);
        }
    }
}
