//! The two oldest password hashes of Unix: DES with a salt, and MD5 a thousand times over.
//! In: a password and a salt. Out: the hash, beginning with its salt. Both are weak; worlds have
//! passwords in them.

use md5::{Digest, Md5};

/// The digits of salts and hashes, least first.
pub(super) const ITOA64: &[u8; 64] =
    b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What crypt() gives for a salt it cannot use; it equals no hash.
const FAILED: &str = "*0";

/// Appends `count` digits of six bits each, least first.
pub(super) fn push_salt_chars(text: &mut String, mut number: u32, count: usize) {
    for _ in 0..count {
        text.push(char::from(ITOA64[(number & 63) as usize]));
        number >>= 6;
    }
}

/// `$1$salt$hash`; the salt is at most eight characters.
pub(super) fn md5_crypt(password: &[u8], salt: &str) -> String {
    let salt = salt.split('$').next().unwrap_or("");
    let end = salt
        .char_indices()
        .map(|(i, c)| i + c.len_utf8())
        .take_while(|end| *end <= 8);
    let salt = &salt[..end.last().unwrap_or(0)];
    let mut sum = md5_start(password, salt.as_bytes());
    for round in 0..1000 {
        let mut md5 = Md5::new();
        md5.update(if round % 2 == 1 { password } else { &sum[..] });
        if round % 3 != 0 {
            md5.update(salt);
        }
        if round % 7 != 0 {
            md5.update(password);
        }
        md5.update(if round % 2 == 1 { &sum[..] } else { password });
        sum = md5.finalize().into();
    }
    let mut text = format!("$1${salt}$");
    for i in 0..5 {
        let last = if i == 4 { 5 } else { 12 + i };
        let group = u32::from_be_bytes([0, sum[i], sum[i + 6], sum[last]]);
        push_salt_chars(&mut text, group, 4);
    }
    push_salt_chars(&mut text, sum[11].into(), 2);
    text
}

fn md5_start(password: &[u8], salt: &[u8]) -> [u8; 16] {
    let alternate = Md5::new()
        .chain_update(password)
        .chain_update(salt)
        .chain_update(password);
    let alternate: [u8; 16] = alternate.finalize().into();
    let mut md5 = Md5::new();
    md5.update(password);
    md5.update(b"$1$");
    md5.update(salt);
    for chunk in password.chunks(16) {
        md5.update(&alternate[..chunk.len()]);
    }
    let mut bits = password.len();
    while bits > 0 {
        md5.update([if bits & 1 == 1 { 0 } else { password[0] }]);
        bits >>= 1;
    }
    md5.finalize().into()
}

/// Two characters of salt and eleven of hash; only the first eight bytes of the password count.
pub(super) fn des_crypt(password: &[u8], salt: &str) -> String {
    let Some(salt_bits) = des_salt(salt.as_bytes()) else {
        return FAILED.to_owned();
    };
    let keys = des_keys(password);
    let mut block = 0;
    for _ in 0..25 {
        block = des_block(block, &keys, salt_bits);
    }
    let mut text = salt[..2].to_owned();
    for i in 0..11 {
        let shifted = if i < 10 {
            block >> (58 - 6 * i)
        } else {
            block << 2
        };
        text.push(char::from(ITOA64[(shifted & 63) as usize]));
    }
    text
}

/// Twelve bits: bit `i` swaps outputs `i` and `i + 24` of the expansion.
fn des_salt(salt: &[u8]) -> Option<u32> {
    let digit = |i: usize| {
        let byte = salt.get(i)?;
        ITOA64.iter().position(|digit| digit == byte)
    };
    Some((digit(0)? | digit(1)? << 6) as u32)
}

/// The bits of `value`, a number of `width` bits, that the table names from 1, first the highest.
fn permuted(value: u64, width: u32, table: &[u8]) -> u64 {
    table.iter().fold(0, |out, from| {
        out << 1 | (value >> (width - u32::from(*from)) & 1)
    })
}

fn des_keys(password: &[u8]) -> [u64; 16] {
    let mut bytes = [0; 8];
    for (byte, char) in bytes
        .iter_mut()
        .zip(password.iter().take_while(|b| **b != 0))
    {
        *byte = char << 1;
    }
    let selected = permuted(u64::from_be_bytes(bytes), 64, &PC1);
    let (mut left, mut right) = (selected >> 28, selected & HALF_KEY);
    ROTATIONS.map(|by| {
        left = (left << by | left >> (28 - by)) & HALF_KEY;
        right = (right << by | right >> (28 - by)) & HALF_KEY;
        permuted(left << 28 | right, 56, &PC2)
    })
}

const HALF_KEY: u64 = (1 << 28) - 1;

fn des_block(block: u64, keys: &[u64; 16], salt_bits: u32) -> u64 {
    let start = permuted(block, 64, &IP);
    let (mut left, mut right) = (start >> 32, start & 0xffff_ffff);
    for key in keys {
        let expanded = salted(permuted(right, 32, &EXPANSION), salt_bits);
        let mixed = permuted(substituted(expanded ^ key), 32, &P);
        (left, right) = (right, left ^ mixed);
    }
    permuted(right << 32 | left, 64, &FP)
}

/// Output `i` of the 48, counted from the first, is bit `47 - i`.
fn salted(expanded: u64, salt_bits: u32) -> u64 {
    let first = expanded >> 24;
    let second = expanded & 0xff_ffff;
    let swap = u64::from(salt_bits.reverse_bits() >> 8);
    let changed = (first ^ second) & swap;
    (first ^ changed) << 24 | (second ^ changed)
}

fn substituted(bits: u64) -> u64 {
    S.iter().enumerate().fold(0, |out, (i, table)| {
        let six = bits >> (42 - 6 * i) & 63;
        let row = (six >> 4 & 2) | (six & 1);
        let column = six >> 1 & 15;
        out << 4 | u64::from(table[(row * 16 + column) as usize])
    })
}

const ROTATIONS: [u32; 16] = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1];

#[rustfmt::skip]
const PC1: [u8; 56] = [
    57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18,
    10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36,
    63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22,
    14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4,
];

#[rustfmt::skip]
const PC2: [u8; 48] = [
    14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10,
    23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2,
    41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48,
    44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
];

#[rustfmt::skip]
const IP: [u8; 64] = [
    58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4,
    62, 54, 46, 38, 30, 22, 14, 6, 64, 56, 48, 40, 32, 24, 16, 8,
    57, 49, 41, 33, 25, 17, 9, 1, 59, 51, 43, 35, 27, 19, 11, 3,
    61, 53, 45, 37, 29, 21, 13, 5, 63, 55, 47, 39, 31, 23, 15, 7,
];

#[rustfmt::skip]
const FP: [u8; 64] = [
    40, 8, 48, 16, 56, 24, 64, 32, 39, 7, 47, 15, 55, 23, 63, 31,
    38, 6, 46, 14, 54, 22, 62, 30, 37, 5, 45, 13, 53, 21, 61, 29,
    36, 4, 44, 12, 52, 20, 60, 28, 35, 3, 43, 11, 51, 19, 59, 27,
    34, 2, 42, 10, 50, 18, 58, 26, 33, 1, 41, 9, 49, 17, 57, 25,
];

#[rustfmt::skip]
const EXPANSION: [u8; 48] = [
    32, 1, 2, 3, 4, 5, 4, 5, 6, 7, 8, 9,
    8, 9, 10, 11, 12, 13, 12, 13, 14, 15, 16, 17,
    16, 17, 18, 19, 20, 21, 20, 21, 22, 23, 24, 25,
    24, 25, 26, 27, 28, 29, 28, 29, 30, 31, 32, 1,
];

#[rustfmt::skip]
const P: [u8; 32] = [
    16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10,
    2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25,
];

#[rustfmt::skip]
const S: [[u8; 64]; 8] = [
    [
        14, 4, 13, 1, 2, 15, 11, 8, 3, 10, 6, 12, 5, 9, 0, 7,
        0, 15, 7, 4, 14, 2, 13, 1, 10, 6, 12, 11, 9, 5, 3, 8,
        4, 1, 14, 8, 13, 6, 2, 11, 15, 12, 9, 7, 3, 10, 5, 0,
        15, 12, 8, 2, 4, 9, 1, 7, 5, 11, 3, 14, 10, 0, 6, 13,
    ],
    [
        15, 1, 8, 14, 6, 11, 3, 4, 9, 7, 2, 13, 12, 0, 5, 10,
        3, 13, 4, 7, 15, 2, 8, 14, 12, 0, 1, 10, 6, 9, 11, 5,
        0, 14, 7, 11, 10, 4, 13, 1, 5, 8, 12, 6, 9, 3, 2, 15,
        13, 8, 10, 1, 3, 15, 4, 2, 11, 6, 7, 12, 0, 5, 14, 9,
    ],
    [
        10, 0, 9, 14, 6, 3, 15, 5, 1, 13, 12, 7, 11, 4, 2, 8,
        13, 7, 0, 9, 3, 4, 6, 10, 2, 8, 5, 14, 12, 11, 15, 1,
        13, 6, 4, 9, 8, 15, 3, 0, 11, 1, 2, 12, 5, 10, 14, 7,
        1, 10, 13, 0, 6, 9, 8, 7, 4, 15, 14, 3, 11, 5, 2, 12,
    ],
    [
        7, 13, 14, 3, 0, 6, 9, 10, 1, 2, 8, 5, 11, 12, 4, 15,
        13, 8, 11, 5, 6, 15, 0, 3, 4, 7, 2, 12, 1, 10, 14, 9,
        10, 6, 9, 0, 12, 11, 7, 13, 15, 1, 3, 14, 5, 2, 8, 4,
        3, 15, 0, 6, 10, 1, 13, 8, 9, 4, 5, 11, 12, 7, 2, 14,
    ],
    [
        2, 12, 4, 1, 7, 10, 11, 6, 8, 5, 3, 15, 13, 0, 14, 9,
        14, 11, 2, 12, 4, 7, 13, 1, 5, 0, 15, 10, 3, 9, 8, 6,
        4, 2, 1, 11, 10, 13, 7, 8, 15, 9, 12, 5, 6, 3, 0, 14,
        11, 8, 12, 7, 1, 14, 2, 13, 6, 15, 0, 9, 10, 4, 5, 3,
    ],
    [
        12, 1, 10, 15, 9, 2, 6, 8, 0, 13, 3, 4, 14, 7, 5, 11,
        10, 15, 4, 2, 7, 12, 9, 5, 6, 1, 13, 14, 0, 11, 3, 8,
        9, 14, 15, 5, 2, 8, 12, 3, 7, 0, 4, 10, 1, 13, 11, 6,
        4, 3, 2, 12, 9, 5, 15, 10, 11, 14, 1, 7, 6, 0, 8, 13,
    ],
    [
        4, 11, 2, 14, 15, 0, 8, 13, 3, 12, 9, 7, 5, 10, 6, 1,
        13, 0, 11, 7, 4, 9, 1, 10, 14, 3, 5, 12, 2, 15, 8, 6,
        1, 4, 11, 13, 12, 3, 7, 14, 10, 15, 6, 8, 0, 5, 9, 2,
        6, 11, 13, 8, 1, 4, 10, 7, 9, 5, 0, 15, 14, 2, 3, 12,
    ],
    [
        13, 2, 8, 4, 6, 15, 11, 1, 10, 9, 3, 14, 5, 0, 12, 7,
        1, 15, 13, 8, 10, 3, 7, 4, 12, 5, 6, 11, 0, 14, 9, 2,
        7, 11, 4, 1, 9, 12, 14, 2, 0, 6, 10, 13, 15, 3, 5, 8,
        2, 1, 14, 7, 4, 10, 8, 13, 15, 12, 9, 0, 3, 5, 6, 11,
    ],
];
