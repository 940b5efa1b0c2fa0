//! The header of an encrypted file: the file key, once for each who may read it.
//!
//! In: bytes, or stanzas. Out: the other, and whether a header is the one that the writer made.
//!
//! Text: `age-encryption.org/v1`, then stanzas, then `--- ` and a keyed digest in base 64, a line each. A stanza is `-> ` and words,
//! then a body in base 64, 64 letters a line and a last line that is shorter, perhaps empty.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Bytes of the key that everything else of a file comes from.
pub(super) const FILE_KEY_BYTES: usize = 16;

/// The first line.
const VERSION: &str = "age-encryption.org/v1";
/// What begins a stanza.
const STANZA: &str = "-> ";
/// What begins the last line.
const END: &str = "---";
/// Letters in a full line of a body.
const LINE_LETTERS: usize = 64;

/// One way to the file key.
#[derive(Debug)]
pub(super) struct Stanza {
    /// Its kind, and what that needs.
    pub(super) args: Vec<String>,
    /// The file key, encrypted.
    pub(super) body: Vec<u8>,
}

/// All ways to the file key.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) stanzas: Vec<Stanza>,
}

impl Header {
    /// The header that `bytes` begin with, and how long it is.
    pub(super) fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let mut lines = Lines { bytes, at: 0 };
        if lines.next()? != VERSION {
            return None;
        }
        let mut stanzas = Vec::new();
        loop {
            let line = lines.next()?;
            if let Some(digest) = line.strip_prefix(END) {
                let is_end = digest.starts_with(' ') && !stanzas.is_empty();
                return is_end.then_some((Self { stanzas }, lines.at));
            }
            let args = line.strip_prefix(STANZA)?.split(' ').map(str::to_owned);
            let args: Vec<String> = args.collect();
            if args.iter().any(String::is_empty) {
                return None;
            }
            let body = lines.body()?;
            stanzas.push(Stanza { args, body });
        }
    }

    /// The header's bytes.
    pub(super) fn to_bytes(&self, file_key: &[u8; FILE_KEY_BYTES]) -> Vec<u8> {
        let mut text = format!("{VERSION}\n");
        for stanza in &self.stanzas {
            text += &format!("{STANZA}{}\n", stanza.args.join(" "));
            let body = STANDARD_NO_PAD.encode(&stanza.body);
            for line in body.as_bytes().chunks(LINE_LETTERS) {
                text.extend(line.iter().map(|letter| char::from(*letter)));
                text.push('\n');
            }
            if body.len() % LINE_LETTERS == 0 {
                text.push('\n');
            }
        }
        text += END;
        let digest = STANDARD_NO_PAD.encode(mac(file_key, text.as_bytes()).finalize().into_bytes());
        format!("{text} {digest}\n").into_bytes()
    }
}

/// Whether a header was made by somebody who knew the file key, and is as it was.
pub(super) fn is_genuine(header: &[u8], file_key: &[u8; FILE_KEY_BYTES]) -> bool {
    let Ok(text) = std::str::from_utf8(header) else {
        return false;
    };
    let Some((before, digest)) = text.trim_end_matches('\n').rsplit_once(' ') else {
        return false;
    };
    STANDARD_NO_PAD.decode(digest).is_ok_and(|digest| {
        mac(file_key, before.as_bytes())
            .verify_slice(&digest)
            .is_ok()
    })
}

fn mac(file_key: &[u8; FILE_KEY_BYTES], text: &[u8]) -> Hmac<Sha256> {
    keyed(&derive(file_key, &[], b"header")).chain_update(text)
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// A key made of another one: HKDF with SHA-256 (RFC 5869), whose first block is as much as is ever needed.
pub(super) fn derive(secret: &[u8], salt: &[u8], info: &[u8]) -> [u8; 32] {
    let extracted = keyed(salt).chain_update(secret).finalize().into_bytes();
    let expanded = keyed(&extracted).chain_update(info).chain_update([1]);
    expanded.finalize().into_bytes().into()
}

/// A file key, encrypted with a key that is used for nothing else.
pub(super) fn seal_key(key: &[u8; 32], file_key: &[u8; FILE_KEY_BYTES]) -> Vec<u8> {
    let cipher = ChaCha20Poly1305::new(key.into());
    let sealed = cipher.encrypt(&Nonce::default(), file_key.as_slice());
    sealed.unwrap_or_default()
}

/// The file key that was encrypted so.
pub(super) fn open_key(key: &[u8; 32], body: &[u8]) -> Option<[u8; FILE_KEY_BYTES]> {
    let cipher = ChaCha20Poly1305::new(key.into());
    let opened = cipher.decrypt(&Nonce::default(), body).ok()?;
    opened.try_into().ok()
}

/// The lines of a header, which are printable ASCII.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|byte| *byte == b'\n')?;
        let line = &rest[..length];
        self.at += length + 1;
        let is_plain = line
            .iter()
            .all(|byte| byte.is_ascii_graphic() || *byte == b' ');
        is_plain.then(|| std::str::from_utf8(line).ok())?
    }

    /// The lines of a body up to the short one.
    fn body(&mut self) -> Option<Vec<u8>> {
        let mut letters = String::new();
        loop {
            let line = self.next()?;
            letters += line;
            match line.len() {
                LINE_LETTERS => {}
                0..LINE_LETTERS => return STANDARD_NO_PAD.decode(letters).ok(),
                _ => return None,
            }
        }
    }
}
