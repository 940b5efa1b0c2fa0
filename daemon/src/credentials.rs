//! What the daemon is known by and whom it knows: its key pair, the tokens, the enrolled peers.
//!
//! In: the folders of the user. Out: the opened files, made on first use for this user alone; a default token. No secret
//! leaves but into the file of the token.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, Result};
use moor_keyring::{Desk, KeyPair, Token};
use moor_node::Paths;

/// The opened files.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    /// The daemon's key pair.
    pub(crate) pair: Arc<KeyPair>,
    /// The tokens and the enrolled peers.
    pub(crate) desk: Arc<Desk>,
    token_file: PathBuf,
}

impl Credentials {
    /// Opens the files of these folders, or makes them.
    ///
    /// # Errors
    /// One cannot be read or made, or is open to others.
    pub(crate) fn open(paths: &Paths) -> Result<Self> {
        let key = paths.daemon_key()?;
        let pair = KeyPair::load_or_create(&key).context("the daemon has no key")?;
        let desk = Desk::open(&paths.data_dir()?).context("nobody can be enrolled")?;
        Ok(Self {
            pair: Arc::new(pair),
            desk: Arc::new(desk),
            token_file: paths.enrollment_token()?,
        })
    }

    /// Where the default token is.
    pub(crate) fn token_file(&self) -> &Path {
        &self.token_file
    }

    /// Makes a new default token and ends the former one.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn rotate(&self) -> Result<Token> {
        let tokens = self.desk.tokens();
        let token =
            tokens.rotate_default(&self.token_file, self.pair.public(), SystemTime::now())?;
        tracing::info!(target: "moor_audit", token = %token.id(), file = %self.token_file.display(), "enrollment token rotated");
        Ok(token)
    }

    /// Makes a default token unless there is one.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn ensure_token(&self) -> Result<()> {
        let tokens = self.desk.tokens();
        let is_new =
            tokens.ensure_default(&self.token_file, self.pair.public(), SystemTime::now())?;
        let file = self.token_file.display();
        match is_new {
            true => {
                tracing::info!(%file, "made an enrollment token: copy this file to the machines of hosts and workers")
            }
            false => tracing::info!(%file, "enrollment token"),
        }
        Ok(())
    }
}
