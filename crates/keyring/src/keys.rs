//! Key pairs of CURVE (RFC 26) and their text, Z85 (RFC 32).
//!
//! In: random bytes, files. Out: pairs whose secret half is wiped when dropped and never shown. The public key of a
//! secret is its product with the base point of Curve25519, as libzmq's `zmq_curve_public` computes it.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};
use zeroize::Zeroizing;

use crate::files::{self, FileError};

/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// Characters of a key in Z85.
const TEXT_CHARS: usize = 40;

/// Permission bits of the group and of others.
const FOREIGN_BITS: u32 = 0o077;

/// A public key: whom one talks to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey([u8; KEY_BYTES]);

/// The text is not a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a key: {TEXT_CHARS} characters of Z85 are")]
pub struct KeyTextError;

impl PublicKey {
    /// The key of these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&z85::encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl FromStr for PublicKey {
    type Err = KeyTextError;

    fn from_str(text: &str) -> Result<Self, KeyTextError> {
        decode(text).map(|bytes| Self(*bytes))
    }
}

/// 40 characters of Z85 as 32 bytes.
fn decode(text: &str) -> Result<Zeroizing<[u8; KEY_BYTES]>, KeyTextError> {
    // The decoder is given nothing that is not Z85 of the right length.
    let is_z85 =
        |byte: u8| byte.is_ascii_alphanumeric() || b".-:+=^!/*?&<>()[]{}@%$#".contains(&byte);
    if text.len() != TEXT_CHARS || !text.bytes().all(is_z85) {
        return Err(KeyTextError);
    }
    let bytes = Zeroizing::new(z85::decode(text).map_err(|_| KeyTextError)?);
    let bytes: [u8; KEY_BYTES] = bytes.as_slice().try_into().map_err(|_| KeyTextError)?;
    Ok(Zeroizing::new(bytes))
}

/// A secret key with its public key.
#[derive(Clone)]
pub struct KeyPair {
    public: PublicKey,
    secret: Zeroizing<[u8; KEY_BYTES]>,
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

/// There is no key pair.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Others may read the secret key.
    #[error("{path}: mode {mode:04o} lets others read the key; run chmod 600 {path}", path = path.display())]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The operating system has no random bytes.
    #[error("no random bytes from the operating system: {0}")]
    Random(#[from] getrandom::Error),
}

impl KeyPair {
    /// A new pair.
    ///
    /// # Errors
    /// [`KeyError::Random`].
    pub fn generate() -> Result<Self, KeyError> {
        let mut secret = Zeroizing::new([0; KEY_BYTES]);
        getrandom::fill(&mut *secret)?;
        Ok(Self::from_secret(secret))
    }

    fn from_secret(secret: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let public = PublicKey(x25519(*secret, X25519_BASEPOINT_BYTES));
        Self { public, secret }
    }

    /// The pair whose secret key is in a file, as Z85.
    ///
    /// # Errors
    /// [`KeyError::File`] when it is missing or no key, [`KeyError::OpenToOthers`].
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        match Self::find(path)? {
            Some(pair) => Ok(pair),
            None => Err(FileError::io(path, std::io::ErrorKind::NotFound.into()).into()),
        }
    }

    /// The pair of a file, or a new one that is written there; beside it, with `pub` for the end of its name, the
    /// public key. Programs that do this at the same time get the same pair. The folder is made private.
    ///
    /// # Errors
    /// As [`load`](Self::load) for what is there; [`KeyError::Random`].
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        if let Some(folder) = path.parent() {
            files::folder(folder)?;
        }
        let _lock = files::lock(path.parent().unwrap_or(Path::new(".")))?;
        let pair = match Self::find(path)? {
            Some(pair) => pair,
            None => {
                let pair = Self::generate()?;
                let text = Zeroizing::new(z85::encode(*pair.secret) + "\n");
                files::write(path, &text)?;
                pair
            }
        };
        let (public, text) = (path.with_extension("pub"), format!("{}\n", pair.public));
        if files::read(&public)?.as_deref() != Some(text.as_str()) {
            files::write(&public, &text)?;
        }
        Ok(pair)
    }

    fn find(path: &Path) -> Result<Option<Self>, KeyError> {
        let Some(text) = files::read(path)?.map(Zeroizing::new) else {
            return Ok(None);
        };
        let found = std::fs::metadata(path).map_err(|error| FileError::io(path, error))?;
        let mode = found.mode() & 0o7777;
        if mode & FOREIGN_BITS != 0 {
            let path = path.to_path_buf();
            return Err(KeyError::OpenToOthers { path, mode });
        }
        match decode(text.trim()) {
            Ok(secret) => Ok(Some(Self::from_secret(secret))),
            Err(error) => Err(FileError::damaged(path, error.to_string()).into()),
        }
    }

    /// The public key.
    #[must_use]
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    /// The secret key, for the library that encrypts.
    #[must_use]
    pub fn secret_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.secret
    }
}

#[cfg(test)]
mod tests;
