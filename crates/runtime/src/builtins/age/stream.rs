//! What a file holds: chunks of 64 KiB, each encrypted with its place and whether it is the last (STREAM, Hoang and others 2015).
//! In: the file key and text, or bytes. Out: the other.

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};

use super::header::{FILE_KEY_BYTES, derive};

/// Bytes that stand before the chunks.
const NONCE_BYTES: usize = 16;
/// Bytes of a chunk of text.
const CHUNK_BYTES: usize = 1 << 16;
/// Bytes that encryption adds to a chunk.
const TAG_BYTES: usize = 16;
/// What sets the derived key apart from those of other uses.
const INFO: &[u8] = b"payload";

/// Appends the text, encrypted.
pub(super) fn seal(
    file_key: &[u8; FILE_KEY_BYTES],
    nonce: [u8; NONCE_BYTES],
    text: &[u8],
    out: &mut Vec<u8>,
) {
    let cipher = cipher(file_key, &nonce);
    out.extend_from_slice(&nonce);
    let last = text.len().saturating_sub(1) / CHUNK_BYTES;
    for place in 0..=last {
        let end = text.len().min((place + 1) * CHUNK_BYTES);
        let chunk = &text[place * CHUNK_BYTES..end];
        let sealed = cipher.encrypt(&chunk_nonce(place, place == last), chunk);
        out.extend_from_slice(&sealed.unwrap_or_default());
    }
}

/// The text of these bytes. `None` where a bit is not as it was, or something is missing at the end.
pub(super) fn open(file_key: &[u8; FILE_KEY_BYTES], bytes: &[u8]) -> Option<Vec<u8>> {
    let (nonce, chunks) = bytes.split_first_chunk::<NONCE_BYTES>()?;
    let cipher = cipher(file_key, nonce);
    let mut text = Vec::with_capacity(chunks.len());
    let chunks: Vec<&[u8]> = chunks.chunks(CHUNK_BYTES + TAG_BYTES).collect();
    let last = chunks.len().checked_sub(1)?;
    for (place, chunk) in chunks.into_iter().enumerate() {
        let opened = cipher
            .decrypt(&chunk_nonce(place, place == last), chunk)
            .ok()?;
        // Only a file without text has an empty chunk.
        if opened.is_empty() && place > 0 {
            return None;
        }
        text.extend_from_slice(&opened);
    }
    Some(text)
}

fn cipher(file_key: &[u8; FILE_KEY_BYTES], nonce: &[u8; NONCE_BYTES]) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(&derive(file_key, nonce, INFO).into())
}

/// Eleven bytes of a chunk's place, and one that says whether it is the last.
fn chunk_nonce(place: usize, is_last: bool) -> Nonce {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&(place as u64).to_be_bytes());
    nonce[11] = u8::from(is_last);
    nonce.into()
}
