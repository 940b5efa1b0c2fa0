//! argon2 and argon2_verify, for wizards.
//! In: a password and a salt, or a hash in the usual `$argon2id$` form. Out: such a hash, or truth.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use moor_value::{ErrorCode, Value};

use super::arg::Args;
use super::spec::pure;
use super::{BuiltinSpec, Call, Raise};

/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// Most memory that a hash may take, in KiB.
const MEMORY_KIB_MAX: u32 = 1 << 18;

/// Most memory times passes, in KiB: some seconds, for it cannot be interrupted.
const WORK_KIB_MAX: u64 = 1 << 22;

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!(
        "argon2",
        2..=5,
        [Str, Str, Int, Int, Int],
        ToastStunt,
        argon2
    )
    .doc(
        "password salt passes memory_kib threads",
        "STR",
        "The password hashed with Argon2id (3 passes, 4,096 KiB and 1 thread unless told \
             otherwise), as text that `argon2_verify()` takes.",
    )
    .raises(
        "E_PERM unless a wizard calls; E_INVARG if a parameter is out of range or the \
             salt too short; E_QUOTA if it asks for too much memory or work",
    )
    .permission("wizards"),
    pure!(
        "argon2_verify",
        2..=2,
        [Str, Str],
        ToastStunt,
        argon2_verify
    )
    .truth()
    .doc(
        "hash password",
        "INT",
        "1 if the password is the one that was hashed, else 0.",
    )
    .raises(
        "E_PERM unless a wizard calls; E_QUOTA if the hash asks for too much memory or \
             work",
    )
    .permission("wizards"),
];

/// `argon2(password, salt [, passes [, memory in KiB [, threads]]])`.
fn argon2(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    call.wizard_only()?;
    let number = |index: usize, default: u32| match args.given(index) {
        None => Ok(default),
        Some(_) => u32::try_from(args.int(index)?).map_err(|_| Raise::from(ErrorCode::InvArg)),
    };
    let (passes, memory, threads) = (number(2, 3)?, number(3, 4096)?, number(4, 1)?);
    let (password, salt) = (args.str(0)?.as_bytes(), args.str(1)?.as_bytes());
    let mut hash = [0; HASH_BYTES];
    compute(password, salt, (memory, passes, threads), &mut hash)?;
    let [salt, hash] = [salt, &hash].map(|bytes| STANDARD_NO_PAD.encode(bytes));
    call.string(format!(
        "$argon2id$v=19$m={memory},t={passes},p={threads}${salt}${hash}"
    ))
}

/// `argon2_verify(hash, password)`; anything that is no such hash is simply not verified.
fn argon2_verify(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    call.wizard_only()?;
    let (encoded, password) = (args.str(0)?, args.str(1)?);
    let Some((costs, salt, expected)) = parts(encoded.as_str()) else {
        return Ok(Value::ZERO);
    };
    let mut hash = vec![0; expected.len()];
    match compute(password.as_bytes(), &salt, costs, &mut hash) {
        Ok(()) => Ok(i64::from(same(&hash, &expected)).into()),
        Err(raise) if raise.code == Value::Err(ErrorCode::InvArg) => Ok(Value::ZERO),
        Err(raise) => Err(raise),
    }
}

/// Memory in KiB, passes, threads.
type Costs = (u32, u32, u32);

fn compute(password: &[u8], salt: &[u8], costs: Costs, hash: &mut [u8]) -> Result<(), Raise> {
    let (memory, passes, threads) = costs;
    if memory > MEMORY_KIB_MAX || u64::from(memory) * u64::from(passes) > WORK_KIB_MAX {
        return Err(ErrorCode::Quota.into());
    }
    let invalid =
        |error: argon2::Error| Raise::with(ErrorCode::InvArg, error.to_string(), Value::ZERO);
    let params = Params::new(memory, passes, threads, Some(hash.len())).map_err(invalid)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2
        .hash_password_into(password, salt, hash)
        .map_err(invalid)
}

/// Takes `$argon2id$v=19$m=M,t=T,p=P$salt$hash` apart.
fn parts(encoded: &str) -> Option<(Costs, Vec<u8>, Vec<u8>)> {
    const HASH_BYTES_MAX: usize = 1024;
    let mut fields = encoded.strip_prefix("$argon2id$v=19$")?.split('$');
    let (costs, salt, hash) = (fields.next()?, fields.next()?, fields.next()?);
    let mut costs = costs.split(',').zip(["m=", "t=", "p="]);
    let mut cost = || {
        let (text, name) = costs.next()?;
        text.strip_prefix(name)?.parse().ok()
    };
    let costs = (cost()?, cost()?, cost()?);
    let salt = STANDARD_NO_PAD.decode(salt).ok()?;
    let hash = STANDARD_NO_PAD.decode(hash).ok()?;
    (fields.next().is_none() && hash.len() <= HASH_BYTES_MAX).then_some((costs, salt, hash))
}

/// Compares without stopping at the first difference, which would tell how long the right part is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |sum, (x, y)| sum | (x ^ y)) == 0
}
