//! The form of short strings, which lie inside the value.
//!
//! In: bytes of UTF-8 and the count of their characters. Out: the same. Whether they are text is the caller's to see to.

/// Longest string that needs no allocation, in bytes.
pub const INLINE_BYTES_MAX: usize = 14;

/// `counts` holds the bytes in its low half and the characters in its high half; both are <= 14.
#[derive(Clone, Copy)]
pub(super) struct Inline {
    counts: u8,
    bytes: [u8; INLINE_BYTES_MAX],
}

impl Inline {
    /// No characters.
    pub(super) const EMPTY: Self = Self {
        counts: 0,
        bytes: [0; INLINE_BYTES_MAX],
    };

    #[inline]
    pub(super) fn len(&self) -> usize {
        usize::from(self.counts & 15)
    }

    #[inline]
    pub(super) fn chars(&self) -> usize {
        usize::from(self.counts >> 4)
    }

    #[inline]
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len()]
    }

    /// One ASCII character.
    #[inline]
    pub(super) fn of_ascii(byte: u8) -> Self {
        let mut inline = Self::EMPTY;
        inline.bytes[0] = byte;
        inline.counts = 1 << 4 | 1;
        inline
    }

    /// Appends `text`, of `chars` characters, if it fits.
    #[inline]
    pub(super) fn push(&mut self, text: &[u8], chars: usize) -> bool {
        let start = self.len();
        let end = start + text.len();
        if end > INLINE_BYTES_MAX {
            return false;
        }
        copy_short(&mut self.bytes[start..end], text);
        let chars = self.chars() + chars;
        self.counts = (chars << 4 | end) as u8;
        true
    }
}

/// Copies at most [`INLINE_BYTES_MAX`] bytes, which a call of `memcpy` would take longer for.
#[inline]
fn copy_short(to: &mut [u8], from: &[u8]) {
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<8>(), from.first_chunk::<8>()) {
        *to = *from;
    } else if let (Some(to), Some(from)) = (to.first_chunk_mut::<4>(), from.first_chunk::<4>()) {
        *to = *from;
    }
    if let (Some(to), Some(from)) = (to.last_chunk_mut::<8>(), from.last_chunk::<8>()) {
        *to = *from;
    } else if let (Some(to), Some(from)) = (to.last_chunk_mut::<4>(), from.last_chunk::<4>()) {
        *to = *from;
    } else {
        for (to, from) in to.iter_mut().zip(from) {
            *to = *from;
        }
    }
}
