//! Tokens that say something and cannot be read or changed without their key: PASETO, version 4, local
//! (<https://paseto.io>, draft-paragon-paseto-rfc).
//!
//! In: claims or a token; a key, or none for the server's own. Out: the other. The claims are JSON, as `generate_json()` and
//! `parse_json()` have it. Nothing is known of what a claim means: a token does not end but by what programs make of its claims.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use moor_value::{ErrorCode, List, Map, Value};
use pasetors::keys::SymmetricKey;
use pasetors::token::{Local, UntrustedToken};
use pasetors::version4::{LocalToken, V4};

use crate::builtins::arg::Args;
use crate::builtins::env::{Answer, Env, Reply};
use crate::builtins::spec::world;
use crate::builtins::{BuiltinSpec, Call, Raise, json_text, json_value};

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!(
        "paseto_make_local",
        1..=2,
        [Any, Any],
        MooR,
        paseto_make_local
    )
    .doc(
        "claims:MAP|LIST signing_key:BINARY|STR",
        "STR",
        "A token (`v4.local.`) in which the claims, a map or a list of `{name, value}`, are encrypted with a key of 32 bytes: a binary \
         value, or their base 64. Without one it is the server's own, which outlives restarts.",
    )
    .raises(
        "E_TYPE if a name is no string or symbol; E_INVARG if the key is none, a name comes twice, or a value has no JSON; E_QUOTA if \
         the token would be too long",
    )
    .permission("programmers who give a key; wizards"),
    world!(
        "paseto_verify_local",
        1..=2,
        [Str, Any],
        MooR,
        paseto_verify_local
    )
    .doc(
        "token signing_key:BINARY|STR",
        "MAP",
        "The claims of a token that was made with this key, or without one with the server's own. Claims such as `exp` are for programs \
         to look at.",
    )
    .raises(
        "E_INVARG if the key is none, the token was not made with it or was changed, or what is in it is no JSON object; E_QUOTA if the \
         claims would be too large",
    )
    .permission("programmers who give a key; wizards"),
];

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// What the server's own key is derived for.
const PURPOSE: &[u8] = b"moor paseto v4.local";

fn paseto_make_local(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let key = key(env, args)?;
    let claims = claims(&args[0])?;
    let token = env.with_call(|call| {
        let text = json_text(call, &claims.into())?;
        charge_token(call, text.len())?;
        let token = LocalToken::encrypt(&key, text.as_bytes(), None, None);
        call.string(token.map_err(|_| ErrorCode::InvArg)?)
    })?;
    Ok(Answer::Value(token))
}

fn paseto_verify_local(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let key = key(env, args)?;
    let text = args.str(0)?;
    let claims = env.with_call(|call| {
        charge_token(call, text.len_bytes())?;
        let token = UntrustedToken::<Local, V4>::try_from(text.as_str());
        let token = token.map_err(|_| ErrorCode::InvArg)?;
        let opened = LocalToken::decrypt(&key, &token, None, None);
        let opened = opened.map_err(|_| ErrorCode::InvArg)?;
        let limits = call.limits;
        let claims = json_value(
            opened.payload(),
            limits.json_depth_max,
            limits.list_bytes_max,
        )?;
        match claims {
            Value::Map(claims) => call.map(claims),
            _ => Err(ErrorCode::InvArg.into()),
        }
    })?;
    Ok(Answer::Value(claims))
}

/// Accounts for encryption, a keyed digest and base 64 of so many bytes.
fn charge_token(call: &mut Call<'_>, bytes: usize) -> Result<(), Raise> {
    call.charge(bytes.saturating_mul(8))
}

/// The key that is given, else the server's; whether the caller may use it is checked first.
fn key(env: &mut Env<'_, '_, '_>, args: &[Value]) -> Result<SymmetricKey<V4>, Raise> {
    let bytes = match args.given(1) {
        None => {
            env.wizard_only()?;
            let own = env.stretch.runtime.limits.token_key.derived(PURPOSE);
            own.to_vec()
        }
        Some(key) => {
            let perms = env.perms();
            if !env.stretch.txn.is_programmer(perms) {
                env.wizard_only()?;
            }
            given_key(key)?
        }
    };
    SymmetricKey::from(&bytes).map_err(|_| ErrorCode::InvArg.into())
}

/// The bytes of a key: a binary value, or base 64 in either alphabet, padded or not.
fn given_key(key: &Value) -> Result<Vec<u8>, Raise> {
    /// Letters of the longest form.
    const LETTERS_MAX: usize = KEY_BYTES.div_ceil(3) * 4;
    match key {
        Value::Binary(bytes) => Ok(bytes.as_slice().to_vec()),
        Value::Str(text) if text.len_bytes() <= LETTERS_MAX => {
            let engines = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD];
            let decoded = engines
                .iter()
                .find_map(|engine| engine.decode(text.as_bytes()).ok());
            decoded.ok_or_else(|| ErrorCode::InvArg.into())
        }
        Value::Str(_) => Err(ErrorCode::InvArg.into()),
        _ => Err(ErrorCode::Type.into()),
    }
}

/// Claims of a map, or of a list of pairs, by their names.
fn claims(value: &Value) -> Result<Map, Raise> {
    let pairs: Vec<(&Value, &Value)> = match value {
        Value::Map(map) => map.iter().collect(),
        Value::List(list) => list.iter().map(pair).collect::<Result<_, _>>()?,
        _ => return Err(ErrorCode::Type.into()),
    };
    let count = pairs.len();
    let mut claims = Map::new();
    for (name, value) in pairs {
        let name = name.name_text().ok_or(ErrorCode::Type)?;
        claims.insert_value(name.into(), value.clone());
    }
    match claims.len() == count {
        true => Ok(claims),
        false => Err(ErrorCode::InvArg.into()),
    }
}

fn pair(item: &Value) -> Result<(&Value, &Value), Raise> {
    match item.as_list().map(List::as_slice) {
        Some([name, value]) => Ok((name, value)),
        _ => Err(ErrorCode::Type.into()),
    }
}
