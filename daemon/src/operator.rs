//! Tokens and peers at the wish of a wizard: what the operator's commands do, from inside the world.
//!
//! In: calls of builtins. Out: changed files, and the links told of it. It works also where nobody listens on the
//! network yet: the files are opened when they are first asked for.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use moor_keyring::{Peer, TokenId, TokenRecord, is_known_service};
use moor_node::Paths;
use moor_runtime::{Operator, OperatorError, PeerInfo, TokenInfo, TokenSpec};
use parking_lot::Mutex;
use uuid::Uuid;

use crate::credentials::Credentials;

/// What is called after the registry of peers has changed.
type Changed = Box<dyn Fn() + Send + Sync>;

/// The operator's part of the daemon.
pub(crate) struct Wizardry {
    credentials: OnceLock<Credentials>,
    /// Held while the files are opened.
    opening: Mutex<()>,
    changed: OnceLock<Changed>,
}

impl Wizardry {
    /// For a daemon with these credentials, or with none so far.
    pub(crate) fn new(credentials: Option<Credentials>) -> Self {
        Self {
            credentials: credentials.map(OnceLock::from).unwrap_or_default(),
            opening: Mutex::new(()),
            changed: OnceLock::new(),
        }
    }

    /// Whom to tell that the registry of peers has changed.
    pub(crate) fn on_change(&self, changed: impl Fn() + Send + Sync + 'static) {
        let _ = self.changed.set(Box::new(changed));
    }

    fn credentials(&self) -> Result<&Credentials, OperatorError> {
        if let Some(open) = self.credentials.get() {
            return Ok(open);
        }
        let _opening = self.opening.lock();
        if let Some(open) = self.credentials.get() {
            return Ok(open);
        }
        let open = Credentials::open(&Paths::from_environment()).map_err(failed)?;
        Ok(self.credentials.get_or_init(|| open))
    }
}

fn failed(error: impl Into<anyhow::Error>) -> OperatorError {
    OperatorError::Failed(format!("{:#}", error.into()))
}

fn unknown(what: &'static str, name: &str) -> OperatorError {
    let name = name.to_owned();
    OperatorError::Unknown { what, name }
}

impl Operator for Wizardry {
    fn rotate_token(&self) -> Result<String, OperatorError> {
        let token = self.credentials()?.rotate().map_err(failed)?;
        Ok(token.expose().to_string())
    }

    fn create_token(&self, spec: TokenSpec) -> Result<String, OperatorError> {
        if let Some(service) = spec
            .service
            .as_deref()
            .filter(|name| !is_known_service(name))
        {
            return Err(OperatorError::Refused(format!(
                "{service}: there is no such service; write telnet-host, web-host, or curl-worker and the like"
            )));
        }
        let spec = moor_keyring::TokenSpec {
            service: spec.service,
            uses: spec.uses,
            ttl: spec.ttl,
        };
        let credentials = self.credentials()?;
        let key = credentials.pair.public();
        let tokens = credentials.desk.tokens();
        let token = tokens
            .create(&spec, key, SystemTime::now())
            .map_err(failed)?;
        tracing::info!(target: "moor_audit", token = %token.id(), service = spec.service, uses = spec.uses, "enrollment token made");
        Ok(token.expose().to_string())
    }

    fn tokens(&self) -> Result<Vec<TokenInfo>, OperatorError> {
        let now = SystemTime::now();
        let all = self.credentials()?.desk.tokens().list().map_err(failed)?;
        let live = all.into_iter().filter(|record| record.is_live(now));
        Ok(live.map(token_info).collect())
    }

    fn revoke_token(&self, id: &str) -> Result<(), OperatorError> {
        let name = || unknown("enrollment token", id);
        let parsed: TokenId = id.parse().map_err(|_| name())?;
        let tokens = self.credentials()?.desk.tokens();
        match tokens.revoke(parsed).map_err(failed)? {
            true => {
                tracing::info!(target: "moor_audit", token = id, "enrollment token revoked");
                Ok(())
            }
            false => Err(name()),
        }
    }

    fn peers(&self) -> Result<Vec<PeerInfo>, OperatorError> {
        let registry = self.credentials()?.desk.registry();
        // Another program may have changed the files.
        registry.refresh().map_err(failed)?;
        Ok(registry.list().iter().map(|peer| peer_info(peer)).collect())
    }

    fn revoke_peer(&self, uuid: &str) -> Result<(), OperatorError> {
        let name = || unknown("enrolled host", uuid);
        let parsed = Uuid::try_parse(uuid).map_err(|_| name())?;
        let registry: &Arc<_> = self.credentials()?.desk.registry();
        if !registry.revoke(parsed).map_err(failed)? {
            return Err(name());
        }
        tracing::info!(target: "moor_audit", peer = %parsed, "peer revoked");
        if let Some(changed) = self.changed.get() {
            changed();
        }
        Ok(())
    }
}

fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn token_info(record: TokenRecord) -> TokenInfo {
    TokenInfo {
        id: record.id.to_string(),
        service: record.service,
        uses_left: record.uses_left,
        created_at: since_1970(record.created),
        expires_at: record.expires.map(since_1970),
    }
}

fn peer_info(peer: &Peer) -> PeerInfo {
    PeerInfo {
        uuid: peer.uuid.to_string(),
        service: peer.service.clone(),
        hostname: peer.hostname.clone(),
        key: peer.key.to_string(),
        enrolled_at: Duration::from_secs(peer.enrolled_at),
    }
}
