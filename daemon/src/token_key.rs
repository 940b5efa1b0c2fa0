//! The key that signs the tokens of users: made once, kept in the data directory.
//!
//! In: the data directory. Out: its key. What a token says and when it ends, the runtime knows.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, bail};
use moor_node::write_secret;
use moor_runtime::TokenKey;

/// The name of the file in the data directory.
const FILE: &str = "user-tokens.key";
const KEY_BYTES: usize = 32;

/// The key of a data directory, which is made if there is none.
///
/// # Errors
/// It cannot be read or written, or is no key.
pub(crate) fn open(database: &Path) -> Result<TokenKey> {
    let path = database.join(FILE);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mut key = [0; KEY_BYTES];
            getrandom::fill(&mut key).context("the operating system has no random bytes")?;
            write_secret(&path, &key)?;
            key.to_vec()
        }
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    match <[u8; KEY_BYTES]>::try_from(bytes) {
        Ok(key) => Ok(TokenKey::new(key)),
        Err(_) => bail!(
            "{}: is not a key of {KEY_BYTES} bytes; remove it, and users of the web sign in again",
            path.display()
        ),
    }
}
