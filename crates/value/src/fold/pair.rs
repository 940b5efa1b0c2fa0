//! Where a short ASCII text first occurs in another text, without regard to case.
//!
//! In: byte slices. Out: a position in bytes. Two bytes of the needle that are rare in text are looked for at many
//! positions at once, in loops without branches that the compiler makes vector instructions of; only where both are
//! found is the needle compared. The time is bounded by both lengths multiplied, so the needle is to be short.

/// How many positions are looked at together.
const BLOCK: usize = 64;

/// The characters of text, the most common first; those that are not named are rarer still.
const COMMON: &[u8] = b" etaoinshrdlucmfwypvbgk.,-'\"()0123456789xjqz";

/// How common each byte is: 0 for those that [`COMMON`] does not name, else the more the earlier it stands there.
const FREQUENCY: [u8; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < COMMON.len() {
        table[COMMON[at] as usize] = (COMMON.len() - at) as u8;
        at += 1;
    }
    table
};

/// A byte of the needle, and what makes a byte of the haystack comparable to it.
#[derive(Clone, Copy)]
struct Sign {
    /// Its place in the needle.
    at: usize,
    /// The bit that is the case of a letter; none for other characters.
    case: u8,
    /// The byte with that bit.
    byte: u8,
}

impl Sign {
    fn new(needle: &[u8], at: usize) -> Self {
        let byte = needle[at].to_ascii_lowercase();
        let case = if byte.is_ascii_lowercase() { 0x20 } else { 0 };
        Self { at, case, byte }
    }

    #[inline(always)]
    fn fits(self, byte: u8) -> bool {
        byte | self.case == self.byte
    }
}

/// The places of the rarest two bytes of a needle of two or more.
fn rarest(needle: &[u8]) -> (usize, usize) {
    let frequency = |at: usize| FREQUENCY[usize::from(needle[at].to_ascii_lowercase())];
    let (mut first, mut second) = (0, 1);
    if frequency(1) < frequency(0) {
        (first, second) = (1, 0);
    }
    for at in 2..needle.len() {
        if frequency(at) < frequency(first) {
            (first, second) = (at, first);
        } else if frequency(at) < frequency(second) {
            second = at;
        }
    }
    (first, second)
}

/// Where `needle`, which is ASCII and has two bytes or more, first occurs in `haystack`.
pub(super) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let starts = (haystack.len() + 1).checked_sub(needle.len())?;
    let (first, second) = rarest(needle);
    let (first, second) = (Sign::new(needle, first), Sign::new(needle, second));
    let firsts = &haystack[first.at..first.at + starts];
    let seconds = &haystack[second.at..second.at + starts];
    let is_at = |at: usize| {
        first.fits(firsts[at])
            && second.fits(seconds[at])
            && haystack[at..at + needle.len()].eq_ignore_ascii_case(needle)
    };
    let blocks = firsts.chunks_exact(BLOCK).zip(seconds.chunks_exact(BLOCK));
    for (number, (firsts, seconds)) in blocks.enumerate() {
        let both = firsts.iter().zip(seconds);
        let fit = both.map(|(a, b)| u8::from(first.fits(*a)) & u8::from(second.fits(*b)));
        if fit.fold(0, |any, one| any | one) != 0 {
            let begin = number * BLOCK;
            if let Some(at) = (begin..begin + BLOCK).find(|at| is_at(*at)) {
                return Some(at);
            }
        }
    }
    (starts - starts % BLOCK..starts).find(|at| is_at(*at))
}
