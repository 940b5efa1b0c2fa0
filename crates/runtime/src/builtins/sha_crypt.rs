//! The SHA-256 and SHA-512 password hashes of Unix (Drepper's specification, 2007).
//! In: a password, a salt, a number of rounds. Out: `$5$salt$hash` or `$6$salt$hash`.

use sha2::{Digest, Sha256, Sha512};

use super::unix_crypt::push_salt_chars;
use super::{Call, Raise};

/// Rounds where the salt names none.
const ROUNDS: u32 = 5_000;

/// Bytes of a salt that count.
const SALT_BYTES_MAX: usize = 16;

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sha {
    /// `$5$`
    Sha256,
    /// `$6$`
    Sha512,
}

/// The hash. Every round is charged, so that a great number of them ends with the task's time.
pub(super) fn sha_crypt(
    call: &mut Call<'_>,
    sha: Sha,
    password: &[u8],
    salt: &str,
    rounds: Option<u32>,
) -> Result<String, Raise> {
    let salt = salt.split('$').next().unwrap_or("");
    let ends = salt.char_indices().map(|(i, c)| i + c.len_utf8());
    let salt = &salt[..ends
        .take_while(|end| *end <= SALT_BYTES_MAX)
        .last()
        .unwrap_or(0)];
    let asked = rounds.map_or_else(String::new, |n| format!("rounds={n}$"));
    let rounds = rounds.unwrap_or(ROUNDS);
    let (front, sum) = match sha {
        Sha::Sha256 => (
            "$5$",
            hashed::<Sha256>(call, password, salt.as_bytes(), rounds)?,
        ),
        Sha::Sha512 => (
            "$6$",
            hashed::<Sha512>(call, password, salt.as_bytes(), rounds)?,
        ),
    };
    let mut text = format!("{front}{asked}{salt}$");
    push_sum(&mut text, &sum);
    Ok(text)
}

fn hashed<D: Digest>(
    call: &mut Call<'_>,
    password: &[u8],
    salt: &[u8],
    rounds: u32,
) -> Result<Vec<u8>, Raise> {
    let mut sum = first_sum::<D>(password, salt);
    let bytes: Vec<u8> = stretched(&repeated::<D>(password, password.len()), password.len());
    let salt = stretched(&repeated::<D>(salt, 16 + usize::from(sum[0])), salt.len());
    for round in 0..rounds {
        call.charge(4 * (bytes.len() + salt.len() + 2 * sum.len()))?;
        let mut digest = D::new();
        digest.update(if round % 2 == 1 { &bytes } else { &sum });
        if round % 3 != 0 {
            digest.update(&salt);
        }
        if round % 7 != 0 {
            digest.update(&bytes);
        }
        digest.update(if round % 2 == 1 { &sum } else { &bytes });
        sum = digest.finalize().to_vec();
    }
    Ok(sum)
}

fn first_sum<D: Digest>(password: &[u8], salt: &[u8]) -> Vec<u8> {
    let alternate = D::new()
        .chain_update(password)
        .chain_update(salt)
        .chain_update(password)
        .finalize()
        .to_vec();
    let mut digest = D::new();
    digest.update(password);
    digest.update(salt);
    digest.update(stretched(&alternate, password.len()));
    let mut bits = password.len();
    while bits > 0 {
        digest.update(if bits & 1 == 1 {
            &alternate[..]
        } else {
            password
        });
        bits >>= 1;
    }
    digest.finalize().to_vec()
}

/// The digest of `data` that many times over.
fn repeated<D: Digest>(data: &[u8], times: usize) -> Vec<u8> {
    let mut digest = D::new();
    for _ in 0..times {
        digest.update(data);
    }
    digest.finalize().to_vec()
}

/// The bytes over and over, `len` of them.
fn stretched(bytes: &[u8], len: usize) -> Vec<u8> {
    bytes.iter().copied().cycle().take(len).collect()
}

/// Groups of three bytes in the order that the specification lists: each time the three columns
/// of a third of the sum turn by one.
fn push_sum(text: &mut String, sum: &[u8]) {
    let third = sum.len() / 3;
    // 32 bytes leave two over, 64 leave one.
    for i in 0..third {
        let columns = [i, i + third, i + 2 * third];
        let turn = match sum.len() {
            32 => 3 - i % 3,
            _ => i % 3,
        };
        let [a, b, c] = [0, 1, 2].map(|k| sum[columns[(k + turn) % 3]]);
        push_salt_chars(text, u32::from_be_bytes([0, a, b, c]), 4);
    }
    match sum {
        [.., y, x] if sum.len() == 32 => {
            push_salt_chars(text, u32::from_be_bytes([0, 0, *x, *y]), 3);
        }
        [.., x] => push_salt_chars(text, u32::from(*x), 2),
        [] => {}
    }
}
