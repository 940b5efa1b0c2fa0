//! crypt and salt: the password hashes of Unix, traditional and modern.
//! In: a password and a salt, or a prefix and random bytes. Out: a hash that begins with its salt,
//! or a salt.

use moor_value::{ErrorCode, Str, Value};

use super::arg::Args;
use super::encoding::bytes_from_binary;
use super::sha_crypt::{Sha, sha_crypt};
use super::spec::pure;
use super::unix_crypt::{ITOA64, des_crypt, md5_crypt, push_salt_chars};
use super::{BuiltinSpec, Call, Raise};

/// bcrypt cannot be interrupted; this cost takes some seconds.
const BCRYPT_COST_MAX: u32 = 16;

/// The cost that anybody may use, and that `salt()` writes where none is named.
const BCRYPT_COST: u32 = 5;

/// Longer passwords are refused: the work of some formats grows with the square of the length.
const PASSWORD_BYTES_MAX: usize = 512;

/// bcrypt uses no more of a password than this, its final NUL included.
const BCRYPT_KEY_BYTES_MAX: usize = 72;

/// Characters of a bcrypt salt, and the bytes that they stand for.
const BCRYPT_SALT_CHARS: usize = 22;
const BCRYPT_SALT_BYTES: usize = 16;

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!("crypt", 1..=2, [Str, Str], LambdaMoo, crypt)
        .doc(
            "password salt",
            "STR",
            "The password as a one-way hash; the salt's beginning chooses how: DES, `$1$` \
             MD5, `$2a$` and kin Blowfish, `$5$` SHA-256, `$6$` SHA-512. Without a salt of \
             two characters a random one is taken, for DES.",
        )
        .raises(
            "E_INVARG if the salt is none, or the password has more than 512 bytes; E_PERM if \
             somebody else than a wizard asks for another strength than the usual",
        )
        .permission("everybody; wizards for another strength"),
    pure!("salt", 2..=2, [Str, Str], ToastStunt, salt)
        .doc(
            "prefix random_bytes",
            "STR",
            "A salt for `crypt()` from the beginning of one (such as `$6$`) and random bytes \
             as a binary string.",
        )
        .raises(
            "E_INVARG if the prefix is unknown or there are too few random bytes; E_PERM if \
             somebody else than a wizard asks for another strength than the usual",
        )
        .permission("everybody; wizards for another strength"),
];

#[derive(Clone, Copy, PartialEq)]
enum Format {
    Traditional,
    Md5,
    Sha(Sha),
    Bcrypt,
}

/// The front of a salt: its format, how much work it asks for, and what follows.
struct Prefix<'a> {
    format: Format,
    strength: Option<u32>,
    rest: &'a str,
}

/// Takes a salt apart; none where it names a strength that cannot be.
fn parse_prefix(text: &str) -> Option<Prefix<'_>> {
    let (format, rest) = if let Some(rest) = text.strip_prefix("$1$") {
        (Format::Md5, rest)
    } else if let Some(rest) = text.strip_prefix("$5$") {
        (Format::Sha(Sha::Sha256), rest)
    } else if let Some(rest) = text.strip_prefix("$6$") {
        (Format::Sha(Sha::Sha512), rest)
    } else if let Some(rest) = ["$2a$", "$2x$", "$2y$"]
        .iter()
        .find_map(|p| text.strip_prefix(p))
    {
        (Format::Bcrypt, rest)
    } else {
        (Format::Traditional, text)
    };
    let strengths = match format {
        Format::Traditional | Format::Md5 => {
            return Some(Prefix {
                format,
                strength: None,
                rest,
            });
        }
        Format::Sha(_) => ("rounds=", 1_000..=999_999_999),
        Format::Bcrypt => ("", 4..=31),
    };
    // A salt may be a whole hash: what follows the salt is not looked at.
    let named = match format {
        Format::Sha(_) if !rest.starts_with(strengths.0) => None,
        _ => rest.split_once('$'),
    };
    let Some((strength, rest)) = named else {
        return Some(Prefix {
            format,
            strength: None,
            rest,
        });
    };
    let strength: u32 = strength.strip_prefix(strengths.0)?.parse().ok()?;
    let strength = Some(strengths.1.contains(&strength).then_some(strength)?);
    Some(Prefix {
        format,
        strength,
        rest,
    })
}

/// `crypt(password [, salt])`; only wizards may ask for more work than the usual.
fn crypt(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let password = args.str(0)?;
    let given = args
        .given(1)
        .and_then(Value::as_str)
        .filter(|s| s.len_bytes() >= 2);
    let salt = given.cloned().unwrap_or_else(|| random_salt(call));
    let prefix = parse_prefix(salt.as_str())
        .ok_or_else(|| Raise::with(ErrorCode::InvArg, "Invalid salt", salt.clone().into()))?;
    allow_strength(call, &prefix)?;
    let password = password.as_bytes();
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(ErrorCode::InvArg.into());
    }
    Ok(match prefix.format {
        Format::Traditional => des_crypt(password, salt.as_str()).into(),
        Format::Md5 => md5_crypt(password, prefix.rest).into(),
        Format::Sha(sha) => sha_crypt(call, sha, password, prefix.rest, prefix.strength)?.into(),
        Format::Bcrypt => bcrypt_hash(password, salt.as_str(), &prefix)?.into(),
    })
}

fn random_salt(call: &mut Call<'_>) -> Str {
    let mut char = || char::from(ITOA64[call.random_below(64) as usize]);
    Str::from(String::from_iter([char(), char()]))
}

fn allow_strength(call: &mut Call<'_>, prefix: &Prefix<'_>) -> Result<(), Raise> {
    let usual = match prefix.format {
        Format::Bcrypt => prefix.strength == Some(BCRYPT_COST),
        _ => prefix.strength.is_none(),
    };
    if usual || call.surroundings.is_wizard() {
        return Ok(());
    }
    let strength = Value::Int(prefix.strength.unwrap_or(0).into());
    Err(Raise::with(
        ErrorCode::Perm,
        "Cannot specify non-default strength",
        strength,
    ))
}

fn bcrypt_hash(password: &[u8], salt: &str, prefix: &Prefix<'_>) -> Result<String, Raise> {
    let cost = prefix.strength.ok_or(ErrorCode::InvArg)?;
    let chars = prefix
        .rest
        .get(..BCRYPT_SALT_CHARS)
        .ok_or(ErrorCode::InvArg)?;
    let bytes = bcrypt_decode(chars).ok_or(ErrorCode::InvArg)?;
    // `$2x$` marks hashes of an implementation that got some passwords wrong.
    if salt.starts_with("$2x$") {
        return Err(ErrorCode::InvArg.into());
    }
    if cost > BCRYPT_COST_MAX {
        return Err(ErrorCode::Quota.into());
    }
    let mut key: Vec<u8> = password.to_vec();
    key.push(0);
    key.truncate(BCRYPT_KEY_BYTES_MAX);
    let hash = bcrypt::bcrypt(cost, bytes, &key);
    let front = &salt[..salt.len() - prefix.rest.len()];
    let salt_chars = bcrypt_encode(&bytes);
    // The last of the 24 bytes is left out by every implementation since the first.
    Ok(format!("{front}{salt_chars}{}", bcrypt_encode(&hash[..23])))
}

const BCRYPT64: base64::engine::GeneralPurpose = base64::engine::GeneralPurpose::new(
    &base64::alphabet::BCRYPT,
    base64::engine::general_purpose::NO_PAD.with_decode_allow_trailing_bits(true),
);

fn bcrypt_encode(bytes: &[u8]) -> String {
    base64::Engine::encode(&BCRYPT64, bytes)
}

fn bcrypt_decode(chars: &str) -> Option<[u8; BCRYPT_SALT_BYTES]> {
    base64::Engine::decode(&BCRYPT64, chars)
        .ok()?
        .try_into()
        .ok()
}

/// `salt(prefix, random)`: a salt of the prefix's format from a binary string of random bytes.
fn salt(_: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let front = args.str(0)?.as_str();
    let invalid =
        |message: &str, index: usize| Raise::with(ErrorCode::InvArg, message, args[index].clone());
    let prefix = parse_prefix(front).ok_or_else(|| invalid("Invalid prefix", 0))?;
    if prefix.format == Format::Traditional && !is_traditional(front) {
        return Err(invalid("Invalid prefix", 0));
    }
    let random = bytes_from_binary(args.str(1)?.as_str())
        .ok_or_else(|| invalid("Invalid binary input", 1))?;
    Ok(made_salt(&prefix, front, &random)
        .ok_or(ErrorCode::InvArg)?
        .into())
}

fn is_traditional(front: &str) -> bool {
    let salted = |byte: &u8| ITOA64.contains(byte);
    front.is_empty() || (front.len() >= 2 && front.as_bytes()[..2].iter().all(salted))
}

/// None where there are too few random bytes.
fn made_salt(prefix: &Prefix<'_>, front: &str, random: &[u8]) -> Option<String> {
    let front = &front[..front.len() - prefix.rest.len()];
    match prefix.format {
        Format::Traditional => {
            let two = random.first_chunk::<2>()?;
            Some(
                two.iter()
                    .map(|b| char::from(ITOA64[usize::from(b & 63)]))
                    .collect(),
            )
        }
        Format::Md5 => three_byte_groups(front, random, 2),
        Format::Sha(_) => three_byte_groups(front, random, 4),
        Format::Bcrypt => {
            let bytes = random.first_chunk::<BCRYPT_SALT_BYTES>()?;
            let cost = prefix.strength.unwrap_or(BCRYPT_COST);
            let front = &front[..4];
            Some(format!("{front}{cost:02}${}", bcrypt_encode(bytes)))
        }
    }
}

/// Four characters for each three random bytes, at least for one such group.
fn three_byte_groups(front: &str, random: &[u8], groups_max: usize) -> Option<String> {
    random.first_chunk::<3>()?;
    let mut salt = front.to_owned();
    for group in random.chunks_exact(3).take(groups_max) {
        let number = u32::from_le_bytes([group[0], group[1], group[2], 0]);
        push_salt_chars(&mut salt, number, 4);
    }
    Some(salt)
}
