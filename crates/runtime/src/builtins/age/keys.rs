//! Keys of age: X25519 (RFC 7748) in Bech32, and what is encrypted for one.
//! In: text, bytes, file keys. Out: keys, stanzas of a header, file keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32, Hrp};
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};

use super::header::{FILE_KEY_BYTES, Stanza, derive, open_key, seal_key};

/// Bytes of either key.
pub(super) const KEY_BYTES: usize = 32;

/// What begins the text of a public key.
const PUBLIC: &str = "age";
/// The same of a secret key, written in upper case.
const SECRET: &str = "age-secret-key-";
/// The kind of the stanza.
const KIND: &str = "X25519";
/// What sets the derived key apart from those of other uses.
const INFO: &[u8] = b"age-encryption.org/v1/X25519";

/// A public key: who has its secret key can read what is encrypted for it.
pub(super) struct PublicKey(pub(super) [u8; KEY_BYTES]);

/// A secret key.
pub(super) struct SecretKey(pub(super) [u8; KEY_BYTES]);

impl PublicKey {
    /// The key that a text stands for.
    pub(super) fn parse(text: &str) -> Option<Self> {
        from_bech32(PUBLIC, text).map(Self)
    }

    /// Its text.
    pub(super) fn to_text(&self) -> String {
        to_bech32(PUBLIC, &self.0)
    }

    /// The file key, for this key alone. `ephemeral` is used once. `None` where the key is no proper one.
    pub(super) fn wrap(
        &self,
        file_key: &[u8; FILE_KEY_BYTES],
        ephemeral: &SecretKey,
    ) -> Option<Stanza> {
        let share = ephemeral.public();
        let key = wrap_key(x25519(ephemeral.0, self.0), &share, self)?;
        Some(Stanza {
            args: vec![KIND.to_owned(), STANDARD_NO_PAD.encode(share.0)],
            body: seal_key(&key, file_key),
        })
    }
}

impl SecretKey {
    /// The key that a text stands for.
    pub(super) fn parse(text: &str) -> Option<Self> {
        from_bech32(SECRET, text).map(Self)
    }

    /// Its text.
    pub(super) fn to_text(&self) -> String {
        to_bech32(SECRET, &self.0).to_ascii_uppercase()
    }

    /// The public key that goes with it.
    pub(super) fn public(&self) -> PublicKey {
        PublicKey(x25519(self.0, X25519_BASEPOINT_BYTES))
    }

    /// The file key, if the stanza is for this key.
    pub(super) fn unwrap(&self, stanza: &Stanza) -> Option<[u8; FILE_KEY_BYTES]> {
        let [kind, share] = stanza.args.as_slice() else {
            return None;
        };
        if kind != KIND {
            return None;
        }
        let share = PublicKey(STANDARD_NO_PAD.decode(share).ok()?.try_into().ok()?);
        let key = wrap_key(x25519(self.0, share.0), &share, &self.public())?;
        open_key(&key, &stanza.body)
    }
}

/// The key that encrypts the file key. `None` for a shared secret that anybody knows.
fn wrap_key(shared: [u8; 32], share: &PublicKey, recipient: &PublicKey) -> Option<[u8; 32]> {
    if shared == [0; 32] {
        return None;
    }
    let salt = [share.0, recipient.0].concat();
    Some(derive(&shared, &salt, INFO))
}

fn to_bech32(prefix: &str, key: &[u8; KEY_BYTES]) -> String {
    let prefix = Hrp::parse_unchecked(prefix);
    bech32::encode::<Bech32>(prefix, key).unwrap_or_default()
}

fn from_bech32(prefix: &str, text: &str) -> Option<[u8; KEY_BYTES]> {
    let checked = CheckedHrpstring::new::<Bech32>(text).ok()?;
    if checked.hrp() != Hrp::parse_unchecked(prefix) {
        return None;
    }
    checked.byte_iter().collect::<Vec<u8>>().try_into().ok()
}
