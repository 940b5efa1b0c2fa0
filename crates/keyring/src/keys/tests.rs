//! Keys: text, files, modes, races.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;

use super::*;

#[test]
fn the_public_key_is_libsodiums() {
    // RFC 7748, section 6.1: Alice's keys.
    let secret = [
        0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1, 0x72, 0x51, 0xb2, 0x66,
        0x45, 0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0, 0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9,
        0x2c, 0x2a,
    ];
    let public = [
        0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54, 0x74, 0x8b, 0x7d, 0xdc, 0xb4, 0x3e, 0xf7,
        0x5a, 0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38, 0x1a, 0xf4, 0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b,
        0x4e, 0x6a,
    ];
    let pair = KeyPair::from_secret(Zeroizing::new(secret));
    assert_eq!(pair.public(), PublicKey::from_bytes(public));
}

#[test]
fn a_pair_is_made_once_and_kept_private() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config/moor/daemon.key");
    let pair = KeyPair::load_or_create(&path).expect("made");
    let again = KeyPair::load_or_create(&path).expect("found");
    assert_eq!(pair.secret_bytes(), again.secret_bytes());
    let mode = |path: &Path| std::fs::metadata(path).expect("there").mode() & 0o7777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().expect("a folder")), 0o700);
    let public = std::fs::read_to_string(path.with_extension("pub")).expect("there");
    assert_eq!(public.trim().parse(), Ok(pair.public()));
    let shown = format!("{pair:?}");
    assert!(
        !shown.contains(&z85::encode(pair.secret_bytes())),
        "{shown}"
    );
}

#[test]
fn threads_that_make_one_pair_get_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("own/key");
    let pairs: Vec<PublicKey> = std::thread::scope(|scope| {
        let make = || KeyPair::load_or_create(&path).expect("made").public();
        let running: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
        running
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .collect()
    });
    assert!(pairs.iter().all(|key| *key == pairs[0]));
}

#[test]
fn a_file_that_is_no_key_or_that_others_read_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    set_permissions(folder.path(), Permissions::from_mode(0o700)).expect("own");
    let path = folder.path().join("key");
    assert!(matches!(
        KeyPair::load(&path),
        Err(KeyError::File(FileError::Io { .. }))
    ));
    for text in [
        "",
        "short",
        &"~".repeat(40),
        &"é".repeat(20),
        &"a".repeat(5_000),
    ] {
        files::write(&path, text).expect("written");
        let error = KeyPair::load_or_create(&path).expect_err(text);
        assert!(
            matches!(&error, KeyError::File(FileError::Damaged { .. })),
            "{error}"
        );
        assert!(error.to_string().contains("key"), "{error}");
    }
    std::fs::remove_file(&path).expect("removed");
    KeyPair::load_or_create(&path).expect("made");
    set_permissions(&path, Permissions::from_mode(0o640)).expect("own");
    let error = KeyPair::load(&path).expect_err("others may read it");
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

proptest! {
    #[test]
    fn keys_survive_their_text(bytes: [u8; 32]) {
        let key = PublicKey::from_bytes(bytes);
        prop_assert_eq!(key.to_string().parse(), Ok(key));
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,60}") {
        let _ = text.parse::<PublicKey>();
    }

    #[test]
    fn no_characters_of_z85_panic(text in "[0-9a-zA-Z.:+=^!/*?&<>()\\[\\]{}@%$#-]{40}") {
        // Some are more than 32 bits in five characters.
        let _ = text.parse::<PublicKey>();
    }
}
