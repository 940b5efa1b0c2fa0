//! An enrolled peer and its file.
//!
//! In: the text of a file. Out: who it is; or why it is nobody. The file's name is the peer's uuid.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::is_known_service;
use crate::keys::PublicKey;

/// The version of the file's layout.
const FORMAT: u32 = 1;

/// The longest host name (RFC 1035).
const HOSTNAME_BYTES_MAX: usize = 253;

/// A program that was enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its name, and that of its file.
    pub uuid: Uuid,
    /// What it is: `telnet-host`, `web-host`, `KIND-worker`.
    pub service: String,
    /// The name of its machine, as it said.
    pub hostname: String,
    /// The key that it proves at each connection.
    pub key: PublicKey,
    /// When it was enrolled first, in seconds since 1970.
    pub enrolled_at: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    format: u32,
    service: String,
    hostname: String,
    /// Z85.
    key: String,
    enrolled_at: u64,
}

impl Peer {
    /// The text of its file.
    pub(crate) fn text(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(&Row {
            format: FORMAT,
            service: self.service.clone(),
            hostname: self.hostname.clone(),
            key: self.key.to_string(),
            enrolled_at: self.enrolled_at,
        })
    }

    /// The peer of a file; why it is none.
    pub(crate) fn parse(uuid: Uuid, text: &str) -> Result<Self, String> {
        let row: Row =
            toml::from_str(text).map_err(|error| format!("not a peer: {}", error.message()))?;
        if row.format != FORMAT {
            return Err(format!(
                "format {}, this release knows {FORMAT}",
                row.format
            ));
        }
        if !is_known_service(&row.service) {
            return Err("its service is no host's and no worker's".into());
        }
        let key = row.key.parse().map_err(|error| format!("key: {error}"))?;
        Ok(Self {
            uuid,
            service: row.service,
            hostname: clean_hostname(&row.hostname),
            key,
            enrolled_at: row.enrolled_at,
        })
    }
}

/// A host name that can be shown: what a peer says of itself may hold anything.
pub(crate) fn clean_hostname(said: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let clean: String = said
        .chars()
        .take(HOSTNAME_BYTES_MAX)
        .map(|c| if allowed(c) { c } else { '?' })
        .collect();
    if clean.is_empty() {
        "unknown".into()
    } else {
        clean
    }
}
