//! Encryption for keys and passphrases in the format of age (<https://age-encryption.org/v1>).
//! In: text, keys, passphrases; bytes that were encrypted. Out: the other. The bytes are those of every other program that knows the
//! format. Keys of SSH are not taken.

mod header;
mod keys;
mod passphrase;
mod stream;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use moor_value::{Binary, ErrorCode, List, Value};

use self::header::{FILE_KEY_BYTES, Header};
use self::keys::{KEY_BYTES, PublicKey, SecretKey};
use super::arg::Args;
use super::spec::pure;
use super::{BuiltinSpec, Call, Raise};

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!("age_decrypt", 2..=2, [Any, List], MooR, age_decrypt)
        .doc(
            "encrypted:BINARY|STR keys",
            "STR",
            "The text that was encrypted for one of these secret keys (strings, or their 32 bytes). A string is base 64.",
        )
        .raises(
            "E_INVARG if it is not encrypted with age, for none of the keys, or no text, or a key is none; E_QUOTA if the task's time \
             is up",
        ),
    pure!("age_encrypt", 2..=2, [Str, List], MooR, age_encrypt)
        .doc(
            "text keys",
            "BINARY",
            "The text encrypted for each of these public keys (strings, or their 32 bytes).",
        )
        .raises(
            "E_INVARG if there is no key, or one is none; E_QUOTA if there are too many keys, or the task's time is up",
        ),
    pure!(
        "age_generate_keypair",
        0..=1,
        [Any],
        MooR,
        age_generate_keypair
    )
    .doc(
        "as_bytes",
        "LIST",
        "`{public key, secret key}`, new ones: strings, or with `as_bytes` binary values.",
    ),
    pure!(
        "age_passphrase_decrypt",
        2..=2,
        [Any, Str],
        MooR,
        age_passphrase_decrypt
    )
    .doc(
        "encrypted:BINARY|STR passphrase",
        "STR",
        "The text that was encrypted with this passphrase. A string is base 64. It takes as long as encrypting did.",
    )
    .raises(
        "E_INVARG if it is not encrypted with age and this passphrase, or no text; E_QUOTA if it needs more than 256 MiB of memory, \
         or the task's time is up",
    ),
    pure!(
        "age_passphrase_encrypt",
        2..=2,
        [Str, Str],
        MooR,
        age_passphrase_encrypt
    )
    .doc(
        "text passphrase",
        "BINARY",
        "The text encrypted with a passphrase. On purpose it takes a part of a second, and 64 MiB; one task does so at a time, and \
         others wait.",
    )
    .raises("E_QUOTA if the task's time is up"),
];

/// Steps of work that one operation with a key is.
const KEY_STEPS: usize = 1 << 15;
/// The same of reading a key.
const KEY_TEXT_STEPS: usize = 1 << 10;
/// Bytes that every key adds to what is encrypted for it, at least.
const STANZA_BYTES: usize = 96;

fn age_generate_keypair(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let mut bytes = [0; KEY_BYTES];
    call.surroundings.random(&mut bytes);
    let secret = SecretKey(bytes);
    let public = secret.public();
    let pair = match args.flag(0) {
        true => [public.0, secret.0].map(|key| Value::from(Binary::from_vec(key.to_vec()))),
        false => [public.to_text(), secret.to_text()].map(Value::from),
    };
    Ok(pair.into_iter().collect::<List>().into())
}

fn age_encrypt(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let keys = keys(call, args.list(1)?, PublicKey::parse, PublicKey)?;
    if keys.is_empty() {
        return Err(ErrorCode::InvArg.into());
    }
    let file_key = random::<FILE_KEY_BYTES>(call);
    let mut header = Header::default();
    call.allow_string(keys.len().saturating_mul(STANZA_BYTES))?;
    for key in keys {
        call.charge(KEY_STEPS)?;
        let ephemeral = SecretKey(random(call));
        let stanza = key.wrap(&file_key, &ephemeral);
        header.stanzas.push(stanza.ok_or(ErrorCode::InvArg)?);
    }
    sealed(call, args, &header, &file_key)
}

fn age_decrypt(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let keys = keys(call, args.list(1)?, SecretKey::parse, SecretKey)?;
    let bytes = encrypted(call, args)?;
    let (header, payload) = Header::parse(&bytes).ok_or(ErrorCode::InvArg)?;
    for stanza in &header.stanzas {
        for key in &keys {
            call.charge(KEY_STEPS)?;
            if let Some(file_key) = key.unwrap(stanza) {
                return opened(call, &bytes, payload, &file_key);
            }
        }
    }
    Err(ErrorCode::InvArg.into())
}

fn age_passphrase_encrypt(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let file_key = random::<FILE_KEY_BYTES>(call);
    let salt = random(call);
    let stanza = passphrase::wrap(call, args.str(1)?.as_bytes(), salt, &file_key)?;
    let stanzas = vec![stanza];
    sealed(call, args, &Header { stanzas }, &file_key)
}

fn age_passphrase_decrypt(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let bytes = encrypted(call, args)?;
    let (header, payload) = Header::parse(&bytes).ok_or(ErrorCode::InvArg)?;
    let file_key = passphrase::unwrap(call, args.str(1)?.as_bytes(), &header)?;
    opened(call, &bytes, payload, &file_key)
}

/// The text of the first argument, encrypted.
fn sealed(
    call: &mut Call<'_>,
    args: &[Value],
    header: &Header,
    file_key: &[u8; FILE_KEY_BYTES],
) -> Result<Value, Raise> {
    let text = args.str(0)?.as_bytes();
    call.charge(text.len())?;
    let mut bytes = header.to_bytes(file_key);
    let nonce = random(call);
    stream::seal(file_key, nonce, text, &mut bytes);
    call.allow_string(bytes.len())?;
    Ok(Binary::from_vec(bytes).into())
}

/// The text that is in `bytes` from `payload` on.
fn opened(
    call: &mut Call<'_>,
    bytes: &[u8],
    payload: usize,
    file_key: &[u8; FILE_KEY_BYTES],
) -> Result<Value, Raise> {
    if !header::is_genuine(&bytes[..payload], file_key) {
        return Err(ErrorCode::InvArg.into());
    }
    let text = stream::open(file_key, &bytes[payload..]).ok_or(ErrorCode::InvArg)?;
    let text = String::from_utf8(text).map_err(|_| ErrorCode::InvArg)?;
    call.string(text)
}

/// The bytes of the first argument: a binary value, or a text in base 64.
fn encrypted(call: &mut Call<'_>, args: &[Value]) -> Result<Vec<u8>, Raise> {
    call.charge(args[0].bytes())?;
    match &args[0] {
        Value::Binary(bytes) => Ok(bytes.as_slice().to_vec()),
        _ => {
            let text = args.str(0)?.as_bytes();
            let bytes = STANDARD.decode(text);
            bytes.map_err(|_| ErrorCode::InvArg.into())
        }
    }
}

/// The keys of a list: strings, or their bytes.
fn keys<K>(
    call: &mut Call<'_>,
    list: &List,
    parse: impl Fn(&str) -> Option<K>,
    of_bytes: impl Fn([u8; KEY_BYTES]) -> K,
) -> Result<Vec<K>, Raise> {
    let mut keys = Vec::new();
    for value in list {
        call.charge(KEY_TEXT_STEPS + value.bytes())?;
        let key = match value {
            Value::Str(text) => parse(text.as_str()),
            Value::Binary(bytes) => bytes.as_slice().try_into().ok().map(&of_bytes),
            _ => return Err(ErrorCode::Type.into()),
        };
        keys.push(key.ok_or(ErrorCode::InvArg)?);
    }
    Ok(keys)
}

fn random<const N: usize>(call: &mut Call<'_>) -> [u8; N] {
    let mut bytes = [0; N];
    call.surroundings.random(&mut bytes);
    bytes
}
