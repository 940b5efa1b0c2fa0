//! `moor token create|list|revoke|rotate`: what lets new hosts and workers in.
//!
//! In: the folders of keys and tokens of the user that the daemon runs as; the daemon need not run, and one that runs sees
//! the change at once. Out: a token, once, or what is known of tokens. Secrets go to standard output only when a token is
//! made for somebody, and to no log.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use moor_keyring::{KeyPair, Token, TokenId, TokenRecord, TokenSpec, TokenStore, is_known_service};
use moor_node::{Exit, Paths};
use serde::Serialize;

use super::CommandError;
use super::output::{OutputArgs, seconds, table, time, write};

/// Make an enrollment token and print it, once: hand the line to the machine that is to join
#[derive(Debug, clap::Parser)]
pub(super) struct CreateArgs {
    /// Only programs of this type may use it: telnet-host, web-host, curl-worker or another KIND-worker [default: any]
    #[arg(long = "type", value_name = "TYPE", value_parser = service)]
    service: Option<String>,
    /// How many programs may use it [default: any number]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    uses: Option<u32>,
    /// How long it may be used: 30m, 1h, 7d [default: until it is revoked]
    #[arg(long, value_name = "DURATION", value_parser = ttl)]
    ttl: Option<Duration>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Tokens that were made, with what is left of them; secrets are not kept
#[derive(Debug, clap::Parser)]
pub(super) struct ListArgs {
    #[command(flatten)]
    output: OutputArgs,
}

/// End a token; programs that have used it stay enrolled
#[derive(Debug, clap::Parser)]
pub(super) struct RevokeArgs {
    /// The token, as `moor token list` names it
    #[arg(value_name = "ID")]
    id: TokenId,
    #[command(flatten)]
    output: OutputArgs,
}

/// Make a new reusable token, which any program may use, and end the former one; it is written to a file
#[derive(Debug, clap::Parser)]
pub(super) struct RotateArgs {
    #[command(flatten)]
    output: OutputArgs,
}

/// A text is no service type.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("is no type of program; write telnet-host, web-host, curl-worker or another KIND-worker")]
pub(super) struct ServiceError;

/// The value parser of `--type`.
pub(super) fn service(text: &str) -> Result<String, ServiceError> {
    match is_known_service(text) {
        true => Ok(text.into()),
        false => Err(ServiceError),
    }
}

/// A text is no time that a token may be used.
#[derive(Debug, thiserror::Error)]
enum TtlError {
    #[error("{0}; write for example 30m, 1h or 7d")]
    Duration(#[from] humantime::DurationError),
    #[error("a token that ends at once lets nobody in; write for example 1h")]
    Zero,
}

fn ttl(text: &str) -> Result<Duration, TtlError> {
    match humantime::parse_duration(text)? {
        Duration::ZERO => Err(TtlError::Zero),
        ttl => Ok(ttl),
    }
}

/// A token as `--json` shows it.
#[derive(Serialize)]
struct Shown<'a> {
    id: String,
    /// Only when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    /// Only this type; any without it.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    service: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uses_left: Option<u32>,
    created_unix_s: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_unix_s: Option<u64>,
    /// Whether it is the reusable one of `moor token rotate`.
    default: bool,
    /// Whether it lets anybody in now.
    live: bool,
}

pub(super) fn create(args: &CreateArgs) -> Result<Exit, CommandError> {
    let (store, now) = (store()?, SystemTime::now());
    let spec = TokenSpec {
        service: args.service.clone(),
        uses: args.uses,
        ttl: args.ttl,
    };
    let token = store.create(&spec, daemon_key()?.public(), now)?;
    let records = store.list()?;
    let record = find(&records, token.id())?;
    let text = token.expose();
    match args.output.json {
        true => super::output::write_json(&shown(record, Some(&text), now)),
        false => {
            write(&format!("{}\n", *text));
            eprint_line(&created_line(record));
        }
    }
    Ok(Exit::Success)
}

/// What the operator made, beside the token itself: standard output has that line alone.
fn created_line(record: &TokenRecord) -> String {
    let service = record.service.as_deref().unwrap_or("any host or worker");
    let uses = match record.uses_left {
        Some(1) => "once".into(),
        Some(uses) => format!("{uses} times"),
        None => "any number of times".into(),
    };
    let until = match record.expires {
        Some(expires) => format!("until {}", time(expires)),
        None => "until it is revoked".into(),
    };
    format!(
        "token {} for {service}, {uses}, {until}; it is not shown again",
        record.id
    )
}

fn eprint_line(line: &str) {
    use std::io::Write;
    // Who closed standard error does not want it.
    let _ = writeln!(std::io::stderr(), "{line}");
}

pub(super) fn list(args: &ListArgs) -> Result<Exit, CommandError> {
    let (records, now) = (store()?.list()?, SystemTime::now());
    if args.output.json {
        let all: Vec<_> = records
            .iter()
            .map(|record| shown(record, None, now))
            .collect();
        super::output::write_json(&serde_json::json!({ "tokens": all }));
    } else {
        let headings = ["ID", "TYPE", "USES LEFT", "CREATED", "EXPIRES", "STATE"];
        let rows = records.iter().map(|record| row(record, now));
        write(&table(headings, rows, "no tokens"));
    }
    Ok(Exit::Success)
}

pub(super) fn revoke(args: &RevokeArgs) -> Result<Exit, CommandError> {
    if !store()?.revoke(args.id)? {
        return Err(CommandError::NoSuchToken { id: args.id });
    }
    args.output.show(
        &serde_json::json!({ "revoked": args.id.to_string() }),
        |_| format!("revoked {}\n", args.id),
    );
    Ok(Exit::Success)
}

pub(super) fn rotate(args: &RotateArgs) -> Result<Exit, CommandError> {
    let path = Paths::from_environment().enrollment_token()?;
    let key = daemon_key()?.public();
    let token: Token = store()?.rotate_default(&path, key, SystemTime::now())?;
    let result = serde_json::json!({ "id": token.id().to_string(), "file": path });
    args.output.show(&result, |_| {
        format!("token {} saved to {}\n", token.id(), path.display())
    });
    Ok(Exit::Success)
}

fn store() -> Result<TokenStore, CommandError> {
    Ok(TokenStore::open(&Paths::from_environment().tokens()?)?)
}

/// The key that tokens name; made now if the daemon has never run.
fn daemon_key() -> Result<KeyPair, CommandError> {
    Ok(KeyPair::load_or_create(
        &Paths::from_environment().daemon_key()?,
    )?)
}

fn find(records: &[TokenRecord], id: TokenId) -> Result<&TokenRecord, CommandError> {
    let found = records.iter().find(|record| record.id == id);
    found.ok_or(CommandError::NoSuchToken { id })
}

fn shown<'a>(record: &'a TokenRecord, token: Option<&'a str>, now: SystemTime) -> Shown<'a> {
    Shown {
        id: record.id.to_string(),
        token,
        service: record.service.as_deref(),
        uses_left: record.uses_left,
        created_unix_s: unix_seconds(record.created),
        expires_unix_s: record.expires.map(unix_seconds),
        default: record.is_default,
        live: record.is_live(now),
    }
}

fn row(record: &TokenRecord, now: SystemTime) -> [String; 6] {
    let any = |text: Option<String>| text.unwrap_or_else(|| "any".into());
    [
        record.id.to_string(),
        any(record.service.clone()),
        any(record.uses_left.map(|uses| uses.to_string())),
        time(record.created),
        record.expires.map_or_else(|| "never".into(), time),
        state(record, now),
    ]
}

fn state(record: &TokenRecord, now: SystemTime) -> String {
    if record.uses_left == Some(0) {
        return "used up".into();
    }
    let left = record.expires.map(|expires| expires.duration_since(now));
    let left = match left {
        Some(Err(_) | Ok(Duration::ZERO)) => return "expired".into(),
        Some(Ok(left)) => format!("live for {}", seconds(left.as_secs_f64())),
        None => "live".into(),
    };
    match record.is_default {
        true => format!("{left}, the default"),
        false => left,
    }
}

fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}
