//! An enrollment token as an operator carries it: one line with all that a program needs to join.
//!
//! In: text of a file or a variable. Out: the token's name, its secret, and the daemon's public key, to which the
//! secret is shown and to no other. The text is never part of an error.
//!
//! Layout: `moor1.ID.SECRET.KEY`. ID: 16 hexadecimal digits. SECRET and KEY: 32 bytes each, base64url without padding.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::files::{self, FileError};
use crate::keys::PublicKey;

/// What a token begins with; the number is the version of the layout.
const PREFIX: &str = "moor1";

/// The name of a token: not secret, fit for a log.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenId(pub(crate) [u8; 8]);

impl TokenId {
    /// The id of these bytes, as a message has them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenId({self})")
    }
}

impl FromStr for TokenId {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 16 || !text.bytes().all(is_digit) {
            return Err(TokenError::Id);
        }
        let number = u64::from_str_radix(text, 16).map_err(|_| TokenError::Id)?;
        Ok(Self(number.to_be_bytes()))
    }
}

/// What proves that somebody was given the token. Never shown; compared in constant time.
#[derive(Clone)]
pub struct TokenSecret(Zeroizing<[u8; 32]>);

impl TokenSecret {
    /// The secret of these bytes, as a message has them.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Its bytes, for a message to the daemon whose key has been pinned.
    #[must_use]
    pub fn expose_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What the daemon keeps of it.
    pub(crate) fn digest(&self) -> [u8; 32] {
        Sha256::digest(*self.0).into()
    }

    pub(crate) fn matches(&self, digest: &[u8; 32]) -> bool {
        self.digest().ct_eq(digest).into()
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret(..)")
    }
}

/// A token.
#[derive(Clone, Debug)]
pub struct Token {
    id: TokenId,
    secret: TokenSecret,
    daemon_key: PublicKey,
}

/// The text is not a token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It has not the shape of one.
    #[error(
        "not an enrollment token: it is one line that begins with {PREFIX}. and has four parts; copy the whole line"
    )]
    Shape,
    /// It is one of another release.
    #[error(
        "an enrollment token of another release; make a new one with moor-daemon --rotate-enrollment-token"
    )]
    Version,
    /// The text is no token's name.
    #[error("not the name of a token: 16 of the digits 0-9 and a-f are")]
    Id,
    /// No program is of that type.
    #[error(
        "{0:?} is no service type; there are telnet-host, web-host, and KIND-worker such as curl-worker"
    )]
    UnknownService(String),
    /// It would let nobody in.
    #[error("a token with no uses or no time lets nobody in; give 1 or more")]
    NoUse,
    /// As many as may be are remembered.
    #[error("there are {0} tokens, no more are allowed; revoke some with moor token revoke")]
    TooMany(usize),
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The operating system has no random bytes.
    #[error("no random bytes from the operating system: {0}")]
    Random(#[from] getrandom::Error),
}

impl Token {
    /// A new token of the daemon with this key.
    pub(crate) fn generate(daemon_key: PublicKey) -> Result<Self, TokenError> {
        let (mut id, mut secret) = ([0; 8], Zeroizing::new([0; 32]));
        getrandom::fill(&mut id)?;
        getrandom::fill(&mut *secret)?;
        Ok(Self {
            id: TokenId(id),
            secret: TokenSecret(secret),
            daemon_key,
        })
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> TokenId {
        self.id
    }

    /// Its secret.
    #[must_use]
    pub const fn secret(&self) -> &TokenSecret {
        &self.secret
    }

    /// The only daemon that may see the secret.
    #[must_use]
    pub const fn daemon_key(&self) -> PublicKey {
        self.daemon_key
    }

    /// The token itself, in one line without its end: for the file or the operator that is to have it.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        let secret = Zeroizing::new(BASE64.encode(self.secret.expose_bytes()));
        let key = BASE64.encode(self.daemon_key.as_bytes());
        Zeroizing::new(format!("{PREFIX}.{}.{}.{key}", self.id, secret.as_str()))
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let parts: Vec<&str> = text.trim().split('.').collect();
        let [prefix, id, secret, key] = parts[..] else {
            return Err(TokenError::Shape);
        };
        if prefix != PREFIX {
            let is_other = prefix.starts_with("moor") && prefix.len() <= 8;
            return Err(if is_other {
                TokenError::Version
            } else {
                TokenError::Shape
            });
        }
        Ok(Self {
            id: id.parse().map_err(|_| TokenError::Shape)?,
            secret: TokenSecret(bytes(secret)?),
            daemon_key: PublicKey::from_bytes(*bytes(key)?),
        })
    }
}

/// 32 bytes of base64url.
fn bytes(text: &str) -> Result<Zeroizing<[u8; 32]>, TokenError> {
    let bytes = Zeroizing::new(BASE64.decode(text).map_err(|_| TokenError::Shape)?);
    let bytes: [u8; 32] = bytes.as_slice().try_into().map_err(|_| TokenError::Shape)?;
    Ok(Zeroizing::new(bytes))
}

/// The token of a file; `None` when there is no file.
///
/// # Errors
/// [`TokenError::File`], and those of what is no token.
pub fn read_token_file(path: &Path) -> Result<Option<Token>, TokenError> {
    let text = files::read(path)?.map(Zeroizing::new);
    text.map(|text| text.parse()).transpose()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_survives_its_text_and_is_not_shown() {
        let key = PublicKey::from_bytes([9; 32]);
        let token = Token::generate(key).expect("random bytes");
        let text = token.expose();
        assert_eq!(text.len(), 5 + 1 + 16 + 1 + 43 + 1 + 43);
        let back: Token = format!(" {}\n", *text).parse().expect("a token");
        assert_eq!((back.id(), back.daemon_key()), (token.id(), key));
        assert_eq!(back.secret().expose_bytes(), token.secret().expose_bytes());
        let secret = text.split('.').nth(2).expect("a secret");
        assert!(!format!("{token:?}").contains(secret));
    }

    #[test]
    fn what_is_no_token_is_told_apart_and_not_repeated() {
        let token = Token::generate(PublicKey::from_bytes([9; 32])).expect("random bytes");
        let text = token.expose();
        for (changed, expected) in [
            (text.replace("moor1", "moor2"), "another release"),
            (text.replace("moor1", "other"), "not an enrollment token"),
            (text[..text.len() - 1].to_owned(), "not an enrollment token"),
            (format!("{}x", *text), "not an enrollment token"),
            (String::new(), "not an enrollment token"),
        ] {
            let error = changed.parse::<Token>().expect_err("no token").to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains(&text[24..40]), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,200}") {
            let _ = text.parse::<Token>();
            let _ = format!("moor1.0123456789abcdef.{text}.{text}").parse::<Token>();
        }
    }
}
