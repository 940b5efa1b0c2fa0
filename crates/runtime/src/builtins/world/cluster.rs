//! The programs around the daemon: nodes that are there, enrollment tokens, enrolled programs.
//!
//! In: checked arguments of wizards. Out: maps, and calls of the [`Operator`], each with a line for the audit log
//! that names the wizard and no secret.
//!
//! A token that was made cannot be unmade by a conflict. So whatever changes tokens or peers runs in a stretch that
//! holds the commit turn; one that does not begins again as one that does.

use std::time::Duration;

use moor_value::{ErrorCode, List, Map, Value};

use super::super::env::{Answer, Env, Reply, named_map, nothing, value};
use super::super::spec::world;
use super::super::{BuiltinSpec, Raise};
use crate::cluster::{NodeInfo, Operator, OperatorError, PeerInfo, TokenInfo, TokenSpec, seconds};

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!("cluster_nodes", 0..=0, [], Own, cluster_nodes)
        .doc(
            "",
            "LIST of MAP",
            "A map for each host and worker that is there: `node`, `service`, `hostname`, \
             `since`.",
        )
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
    world!(
        "rotate_enrollment_token",
        0..=0,
        [],
        Own,
        rotate_enrollment_token
    )
    .doc(
        "",
        "STR",
        "Makes a new default token, with which programs join this server, and returns its \
             line. The former one ends; the file of the operator has the new one.",
    )
    .raises(
        "E_PERM unless a wizard calls; E_INVARG if this server has no enrollment; E_FILE \
             if it cannot be written",
    )
    .permission("wizards"),
    world!("enrollment_tokens", 0..=0, [], Own, enrollment_tokens)
        .doc(
            "",
            "LIST of MAP",
            "A map for each token that can still be used, without its secret: `id`, \
             `created`, and as far as they are bounded `service`, `uses_left`, `expires`.",
        )
        .raises(
            "E_PERM unless a wizard calls; E_INVARG if this server has no enrollment; E_FILE \
             if they cannot be read",
        )
        .permission("wizards"),
    world!(
        "create_enrollment_token",
        0..=1,
        [Map],
        Own,
        create_enrollment_token
    )
    .doc(
        "bounds",
        "STR",
        "Makes a token and returns its line. The map may have `service` (who may use it), \
             `uses` (how often) and `ttl` (for how many seconds).",
    )
    .raises(
        "E_PERM unless a wizard calls; E_INVARG if the map has anything else, a number is \
             below 1, or this server has no enrollment; E_FILE if it cannot be written",
    )
    .permission("wizards"),
    world!(
        "revoke_enrollment_token",
        1..=1,
        [Str],
        Own,
        revoke_enrollment_token
    )
    .doc(
        "id",
        "INT",
        "Ends a token. Programs that have joined with it stay.",
    )
    .raises(
        "E_PERM unless a wizard calls; E_INVARG if there is no such token, or this server \
             has no enrollment; E_FILE if it cannot be written",
    )
    .permission("wizards"),
    world!("enrolled_hosts", 0..=0, [], Own, enrolled_hosts)
        .doc(
            "",
            "LIST of MAP",
            "A map for each program whose key is known, there or not: `uuid`, `service`, \
             `hostname`, `key`, `enrolled`.",
        )
        .raises(
            "E_PERM unless a wizard calls; E_INVARG if this server has no enrollment; E_FILE \
             if they cannot be read",
        )
        .permission("wizards"),
    world!("revoke_host", 1..=1, [Str], Own, revoke_host)
        .doc(
            "uuid",
            "INT",
            "Forgets a program's key and throws it out at once; users of a host are \
             disconnected.",
        )
        .raises(
            "E_PERM unless a wizard calls; E_INVARG if there is no such program, or this \
             server has no enrollment; E_FILE if it cannot be written",
        )
        .permission("wizards"),
];

/// `cluster_nodes()`: a map for each host and worker that is there.
fn cluster_nodes(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let nodes = env.stretch.runtime.outlet.nodes();
    let shown: List = nodes.iter().map(NodeInfo::to_value).collect();
    Ok(Answer::Value(Value::List(shown)))
}

/// `rotate_enrollment_token()`: the line of the new default token; the former one ends.
fn rotate_enrollment_token(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    irreversible(env, "rotate_enrollment_token", "", |operator| {
        value(operator.rotate_token().map_err(raise)?.as_str())
    })
}

/// `enrollment_tokens()`: a map for each token that may still be used.
fn enrollment_tokens(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    let tokens = operator(env)?.tokens().map_err(raise)?;
    let shown: List = tokens.iter().map(describe_token).collect();
    Ok(Answer::Value(Value::List(shown)))
}

/// `create_enrollment_token([spec])`: the line of a new token. The map may have `service`, `uses` and `ttl` (in
/// seconds); without one, any service may use it, as often as it likes, for ever.
fn create_enrollment_token(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let spec = token_spec(args.first().and_then(Value::as_map))?;
    let about = spec.service.clone().unwrap_or_default();
    irreversible(env, "create_enrollment_token", &about, |operator| {
        value(operator.create_token(spec).map_err(raise)?.as_str())
    })
}

/// `revoke_enrollment_token(id)`.
fn revoke_enrollment_token(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let id = text(&args[0]);
    irreversible(env, "revoke_enrollment_token", &id, |operator| {
        operator.revoke_token(&id).map_err(raise)?;
        nothing()
    })
}

/// `enrolled_hosts()`: a map for each program that is enrolled, whether or not it is there.
fn enrolled_hosts(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    let peers = operator(env)?.peers().map_err(raise)?;
    let shown: List = peers.iter().map(describe_peer).collect();
    Ok(Answer::Value(Value::List(shown)))
}

/// `revoke_host(uuid)`: a program's key is taken back; it is thrown out at once.
fn revoke_host(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let uuid = text(&args[0]);
    irreversible(env, "revoke_host", &uuid, |operator| {
        operator.revoke_peer(&uuid).map_err(raise)?;
        nothing()
    })
}

/// Does what cannot be undone, and leaves word of it in the audit log.
fn irreversible(
    env: &mut Env<'_, '_, '_>,
    action: &'static str,
    about: &str,
    act: impl FnOnce(&dyn Operator) -> Reply,
) -> Reply {
    let operator = operator(env)?;
    env.once(|env| {
        let reply = act(operator);
        let (wizard, task) = (env.perms().0, env.stretch.task.0);
        let is_done = reply.is_ok();
        tracing::info!(target: "moor_audit", action, about, wizard, task, is_done, "by a program of the world");
        reply
    })
}

/// The operator's part: `E_PERM` for others than wizards, `E_INVARG` where nothing can be enrolled.
fn operator<'r>(env: &mut Env<'_, 'r, '_>) -> Result<&'r dyn Operator, Raise> {
    env.wizard_only()?;
    env.stretch.runtime.outlet.operator().ok_or_else(|| {
        let message = "this server has no enrollment";
        Raise::with(ErrorCode::InvArg, message, Value::ZERO)
    })
}

fn raise(error: OperatorError) -> Raise {
    let code = match &error {
        OperatorError::Unknown { .. } | OperatorError::Refused(_) => ErrorCode::InvArg,
        OperatorError::Failed(_) => ErrorCode::File,
    };
    Raise::with(code, error.to_string().as_str(), Value::ZERO)
}

/// What a map says of a token.
fn token_spec(given: Option<&Map>) -> Result<TokenSpec, Raise> {
    let mut spec = TokenSpec::default();
    for (key, value) in given.into_iter().flat_map(Map::iter) {
        let number = || value.as_int().ok_or(ErrorCode::Type);
        let key: &Value = key;
        match key.as_str().map(|key| key.as_str()) {
            Some("service") => {
                let service = value.as_str().ok_or(ErrorCode::Type)?;
                spec.service = Some(service.as_str().to_owned());
            }
            Some("uses") => {
                let uses = u32::try_from(number()?).ok().filter(|uses| *uses > 0);
                spec.uses = Some(uses.ok_or_else(|| bad("uses is at least 1", value))?);
            }
            Some("ttl") => {
                let ttl = u64::try_from(number()?).ok().filter(|ttl| *ttl > 0);
                let ttl = ttl.ok_or_else(|| bad("ttl is at least 1 second", value))?;
                spec.ttl = Some(Duration::from_secs(ttl));
            }
            _ => return Err(bad("a token's map has service, uses and ttl", key)),
        }
    }
    Ok(spec)
}

fn bad(message: &str, value: &Value) -> Raise {
    Raise::with(ErrorCode::InvArg, message, value.clone())
}

fn text(value: &Value) -> String {
    value.as_str().map_or("", |text| text.as_str()).to_owned()
}

/// A token without its secret. What has no bound is absent.
fn describe_token(token: &TokenInfo) -> Value {
    let mut entries = vec![
        ("id", Value::from(token.id.as_str())),
        ("created", seconds(token.created_at)),
    ];
    entries.extend(
        token
            .service
            .as_deref()
            .map(|service| ("service", Value::from(service))),
    );
    entries.extend(
        token
            .uses_left
            .map(|uses| ("uses_left", Value::Int(i64::from(uses)))),
    );
    entries.extend(token.expires_at.map(|at| ("expires", seconds(at))));
    named_map(entries)
}

fn describe_peer(peer: &PeerInfo) -> Value {
    named_map([
        ("uuid", Value::from(peer.uuid.as_str())),
        ("service", Value::from(peer.service.as_str())),
        ("hostname", Value::from(peer.hostname.as_str())),
        ("key", Value::from(peer.key.as_str())),
        ("enrolled", seconds(peer.enrolled_at)),
    ])
}
