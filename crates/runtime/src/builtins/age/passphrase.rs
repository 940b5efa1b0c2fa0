//! What is encrypted with a passphrase: a key that takes time and memory to derive (scrypt, RFC 7914).
//! In: passphrases, file keys. Out: the one stanza of such a header, or the file key.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use moor_value::ErrorCode;
use parking_lot::Mutex;
use scrypt::{Params, scrypt};

use super::super::{Call, Raise};
use super::header::{FILE_KEY_BYTES, Header, Stanza, open_key, seal_key};

/// Bytes of a salt.
const SALT_BYTES: usize = 16;
/// The kind of the stanza.
const KIND: &str = "scrypt";
/// What sets the derived key apart from those of other uses.
const LABEL: &[u8] = b"age-encryption.org/v1/scrypt";
/// The logarithm of the work of a new one: 64 MiB. Tests and fuzz targets call it thousands of times.
const WORK: u8 = if cfg!(any(test, fuzzing)) { 2 } else { 16 };
/// The most that is done for one that comes from elsewhere: 256 MiB.
const WORK_MAX: u8 = 18;
/// How long a task waits for its turn between two looks at the clock.
const TURN_WAIT: Duration = Duration::from_millis(20);

/// Whose turn it is: all programs together take the memory of one.
static TURN: Mutex<()> = Mutex::new(());

/// The file key, for whoever knows the passphrase.
pub(super) fn wrap(
    call: &mut Call<'_>,
    passphrase: &[u8],
    salt: [u8; SALT_BYTES],
    file_key: &[u8; FILE_KEY_BYTES],
) -> Result<Stanza, Raise> {
    let key = key(call, passphrase, &salt, WORK)?;
    let salt = STANDARD_NO_PAD.encode(salt);
    Ok(Stanza {
        args: vec![KIND.to_owned(), salt, WORK.to_string()],
        body: seal_key(&key, file_key),
    })
}

/// The file key of a header that is encrypted with the passphrase and nothing else.
///
/// # Errors
/// E_INVARG for another header or passphrase, E_QUOTA for too much work.
pub(super) fn unwrap(
    call: &mut Call<'_>,
    passphrase: &[u8],
    header: &Header,
) -> Result<[u8; FILE_KEY_BYTES], Raise> {
    let [stanza] = header.stanzas.as_slice() else {
        return Err(ErrorCode::InvArg.into());
    };
    let (salt, work) = parameters(stanza).ok_or(ErrorCode::InvArg)?;
    if work > WORK_MAX {
        return Err(ErrorCode::Quota.into());
    }
    let key = key(call, passphrase, &salt, work)?;
    open_key(&key, &stanza.body).ok_or_else(|| ErrorCode::InvArg.into())
}

/// The salt and the work of a stanza.
fn parameters(stanza: &Stanza) -> Option<([u8; SALT_BYTES], u8)> {
    let [kind, salt, work] = stanza.args.as_slice() else {
        return None;
    };
    let is_number = work.bytes().all(|digit| digit.is_ascii_digit()) && !work.starts_with('0');
    if kind != KIND || !is_number {
        return None;
    }
    let salt = STANDARD_NO_PAD.decode(salt).ok()?.try_into().ok()?;
    Some((salt, work.parse().ok()?))
}

fn key(
    call: &mut Call<'_>,
    passphrase: &[u8],
    salt: &[u8; SALT_BYTES],
    work: u8,
) -> Result<[u8; 32], Raise> {
    let _turn = loop {
        if call.surroundings.time_is_up() {
            return Err(ErrorCode::Quota.into());
        }
        if let Some(turn) = TURN.try_lock_for(TURN_WAIT) {
            break turn;
        }
    };
    let salt = [LABEL, salt].concat();
    let mut key = [0; 32];
    let params = Params::new(work, 8, 1).map_err(|_| ErrorCode::InvArg)?;
    scrypt(passphrase, &salt, &params, &mut key).map_err(|_| ErrorCode::InvArg)?;
    Ok(key)
}
