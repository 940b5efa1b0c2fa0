//! Whether this machine and the daemon know each other: the daemon's key, the token, releases, clocks, and the doors that
//! each key opens.
//!
//! In: the endpoints that answer, the keys of this machine, the token. Out: findings. A token is shown to nobody but the
//! daemon whose key is in it, and is not used up.

use std::time::{Duration, SystemTime};

use moor_keyring::{KeyPair, PublicKey, Token};
use moor_link::enrollment::{EnrollError, Probed, probe};
use moor_link::{Address, Endpoint, Knock, knock};
use moor_peer::{TokenPlace, find_token};
use moor_rpc::PROTOCOL_VERSION;

use super::Case;
use super::findings::Findings;
use super::machine::{self, Identity};
use super::network::{ENROLLMENT, Reached};

/// A larger difference makes expiring tokens and the times in logs misleading.
const CLOCK_DIFFERENCE_MAX: Duration = Duration::from_secs(30);

pub(super) fn look(
    case: &Case,
    identities: &[Identity],
    reached: &[Reached],
    findings: &mut Findings,
) {
    let token = look_at_token(case, identities, findings);
    let enrolled = identities
        .iter()
        .find_map(|one| one.known.map(|known| known.daemon));
    // What a token says is newer than what an enrollment answered once.
    let daemon_key = token.as_ref().map(Token::daemon_key).or(enrolled);
    match daemon_key {
        Some(key) => look_at_enrollment(case, &key, token.as_ref(), reached, findings),
        None => findings.skip(
            "the daemon's key",
            "neither a token nor an enrollment names it",
        ),
    }
    match (enrolled, daemon_key) {
        // After another failure it would only say the same with other words.
        (None, Some(key)) if findings.all_well() => {
            look_as_a_stranger(case, &key, reached, findings);
        }
        _ => look_at_doors(case, identities, reached, findings),
    }
}

fn look_at_token(case: &Case, identities: &[Identity], findings: &mut Findings) -> Option<Token> {
    let variable = |name: &str| std::env::var_os(name);
    let (place, token) = find_token(case.token_file.as_deref(), variable, &case.paths);
    if let (TokenPlace::Flag(path) | TokenPlace::Default(path), Ok(Some(_))) = (&place, &token) {
        machine::is_private(path, "token file", 0o600, findings);
    }
    let is_enrolled = identities.iter().any(|one| one.known.is_some());
    match token {
        Ok(Some(token)) => {
            findings.ok("token", format!("{} in {place}", token.id()));
            Some(token)
        }
        Ok(None) if is_enrolled => {
            findings.skip(
                "token",
                format!("none in {place}; enrolled programs need none"),
            );
            None
        }
        Ok(None) => {
            let mend = "make one on the daemon's machine with moor token create";
            findings.fail("token", format!("none in {place}; {mend}"));
            None
        }
        Err(error) => {
            findings.fail("token", format!("{place}: {error}"));
            None
        }
    }
}

fn look_at_enrollment(
    case: &Case,
    key: &PublicKey,
    token: Option<&Token>,
    reached: &[Reached],
    findings: &mut Findings,
) {
    let endpoints: Vec<&Endpoint> = of_flag(reached, ENROLLMENT).collect();
    if case.enrollment.is_empty() {
        findings.skip(
            "enrollment",
            "give --enrollment-address to look at the daemon's key, the token, releases and clocks",
        );
    }
    for endpoint in endpoints {
        match look_once(case, key, token, endpoint) {
            Ok(probed) => {
                findings.ok(
                    format!("the daemon's key at {endpoint}"),
                    "it is the pinned one",
                );
                judge_token(&probed, endpoint, findings);
                judge_release(&probed, endpoint, findings);
                judge_clock(&probed, endpoint, findings);
            }
            Err(error @ EnrollError::Timeout(_)) => findings.fail(
                format!("enrollment at {endpoint}"),
                format!("{error}; is it the daemon that listens there, and is it the port of --enrollment-listen?"),
            ),
            Err(error) => findings.fail(format!("enrollment at {endpoint}"), error.to_string()),
        }
    }
}

fn look_once(
    case: &Case,
    key: &PublicKey,
    token: Option<&Token>,
    endpoint: &Endpoint,
) -> Result<Probed, EnrollError> {
    // Any key may ask; a fresh one says nothing of this machine.
    let pair = KeyPair::generate().map_err(std::io::Error::other)?;
    let address = Address::Endpoint(endpoint.clone());
    probe(&address, key, &pair, token, &case.service, case.timeout)
}

fn judge_token(probed: &Probed, endpoint: &Endpoint, findings: &mut Findings) {
    let check = format!("token at {endpoint}");
    match &probed.token {
        Some(Ok(())) => findings.ok(check, "the daemon would take it"),
        Some(Err(refusal)) => findings.fail(check, refusal.to_string()),
        None => findings.skip(check, "there is none to show"),
    }
}

fn judge_release(probed: &Probed, endpoint: &Endpoint, findings: &mut Findings) {
    let check = format!("release at {endpoint}");
    let own = moor_node::long_version();
    let both = format!(
        "the daemon is {} with protocol {}, this is {own} with protocol {PROTOCOL_VERSION}",
        probed.build, probed.protocol
    );
    match probed.protocol == PROTOCOL_VERSION {
        true => findings.ok(check, both),
        false => findings.fail(
            check,
            format!("{both}; install the same release on both sides"),
        ),
    }
}

fn judge_clock(probed: &Probed, endpoint: &Endpoint, findings: &mut Findings) {
    let check = format!("clock at {endpoint}");
    // The daemon read its clock in the middle of the round trip.
    let here = SystemTime::now() - probed.round_trip / 2;
    let difference = here
        .duration_since(probed.clock)
        .unwrap_or_else(|error| error.duration());
    let both = format!("{:.1} s apart", difference.as_secs_f64());
    match difference <= CLOCK_DIFFERENCE_MAX {
        true => findings.ok(check, both),
        false => findings.fail(check, format!("{both}; set both machines' clocks by NTP")),
    }
}

/// Whether the daemon of the token is behind each door, before anybody is enrolled: it turns a new key away.
fn look_as_a_stranger(
    case: &Case,
    daemon_key: &PublicKey,
    reached: &[Reached],
    findings: &mut Findings,
) {
    for door in &case.doors {
        for endpoint in of_flag(reached, door.flag).filter(|endpoint| is_tcp(endpoint)) {
            let check = format!("daemon at {endpoint}");
            let knocked = KeyPair::generate()
                .map_err(std::io::Error::other)
                .and_then(|pair| knock(endpoint, door.kind, daemon_key, &pair, case.timeout));
            match knocked {
                Ok(Knock::NotAdmitted | Knock::Admitted) => findings.ok(
                    check,
                    "it has the key of the token; it admits this program once that is enrolled",
                ),
                Ok(Knock::WrongServerKey) => {
                    findings.fail(check, "it does not have the key of the token");
                }
                Ok(other) => findings.fail(check, cause(other, door.flag)),
                Err(error) => findings.fail(check, error.to_string()),
            }
        }
    }
}

/// Each key at each door that it should open.
fn look_at_doors(
    case: &Case,
    identities: &[Identity],
    reached: &[Reached],
    findings: &mut Findings,
) {
    for identity in identities {
        let Some(known) = identity.known else {
            findings.skip(
                format!("admission of {}", identity.name),
                "it is not enrolled yet",
            );
            continue;
        };
        for door in &case.doors {
            for endpoint in of_flag(reached, door.flag).filter(|endpoint| is_tcp(endpoint)) {
                let check = format!("admission of {} at {endpoint}", identity.name);
                match knock(
                    endpoint,
                    door.kind,
                    &known.daemon,
                    &identity.pair,
                    case.timeout,
                ) {
                    Ok(Knock::Admitted) => findings.ok(check, format!("as {}", known.uuid)),
                    Ok(other) => findings.fail(check, cause(other, door.flag)),
                    Err(error) => findings.fail(check, error.to_string()),
                }
            }
        }
    }
}

fn cause(knock: Knock, flag: &str) -> String {
    match knock {
        Knock::Admitted => "admitted".into(),
        Knock::NotAdmitted => format!(
            "the daemon does not admit this key: it was revoked, or programs of this type have no business at \
             --{flag}; make a new token and start the program with it"
        ),
        Knock::WrongServerKey => "the daemon's key is not the one that enrolled this program; it enrolls again by itself \
             with a token of the present daemon"
            .into(),
        Knock::NotSecure => {
            format!("what answers there is not an encrypted moor endpoint; check the port of --{flag}")
        }
        Knock::Unreachable => format!(
            "no handshake in time; is it the daemon that listens there, and is it the port of --{}?",
            flag.replace("-address", "-listen")
        ),
    }
}

fn of_flag<'a>(reached: &'a [Reached], flag: &'a str) -> impl Iterator<Item = &'a Endpoint> {
    reached
        .iter()
        .filter(move |one| one.flag == flag)
        .map(|one| &one.endpoint)
}

fn is_tcp(endpoint: &Endpoint) -> bool {
    matches!(endpoint, Endpoint::Tcp { .. })
}
