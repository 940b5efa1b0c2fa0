//! The registry: names that stay, files that come and go by other hands, keys that were thrown out.

use std::os::unix::fs::MetadataExt;

use super::*;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A moment after every revocation of a test.
fn far() -> SystemTime {
    SystemTime::now() + Duration::from_secs(3_600)
}

fn key(number: u8) -> PublicKey {
    PublicKey::from_bytes([number; 32])
}

fn ground() -> (tempfile::TempDir, Registry) {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = Registry::open(&folder.path().join("moor/allowed-hosts")).expect("opened");
    (folder, registry)
}

fn enroll(registry: &Registry, service: &str, number: u8) -> Result<Arc<Peer>, EnrollError> {
    registry.enroll(
        service,
        "machine.example",
        key(number),
        at(1_000),
        at(2_000),
    )
}

#[test]
fn a_key_keeps_its_name() {
    let (_folder, registry) = ground();
    let peer = enroll(&registry, "telnet-host", 1).expect("enrolled");
    let generation = registry.generation();
    assert_eq!(enroll(&registry, "telnet-host", 1).expect("again"), peer);
    assert_eq!(registry.generation(), generation, "nothing changed");
    let moved = registry
        .enroll("telnet-host", "other", key(1), at(1_000), at(3_000))
        .expect("again");
    assert_eq!(
        (moved.uuid, moved.enrolled_at, moved.hostname.as_str()),
        (peer.uuid, 2_000, "other")
    );
    assert_eq!(registry.by_key(&key(1)), Some(Arc::clone(&moved)));
    assert_eq!(registry.by_uuid(peer.uuid), Some(moved));
    assert!(
        matches!(enroll(&registry, "web-host", 1), Err(EnrollError::OtherService(service)) if service == "telnet-host")
    );
    assert_eq!(registry.by_key(&key(2)), None);
}

#[test]
fn another_process_and_another_start_see_the_same() {
    let (folder, registry) = ground();
    let peer = registry
        .enroll("curl-worker", "ünïcode\nname", key(1), at(1_000), at(2_000))
        .expect("enrolled");
    assert_eq!(peer.hostname, "?n?code?name");
    let path = folder.path().join("moor/allowed-hosts");
    let other = Registry::open(&path).expect("opened");
    assert_eq!(other.list().as_slice(), std::slice::from_ref(&peer));
    let mode = std::fs::metadata(path.join(peer.uuid.to_string()))
        .expect("there")
        .mode();
    assert_eq!(mode & 0o7777, 0o600);
    // The other one throws it out; this one notices.
    let generation = registry.generation();
    assert!(other.revoke(peer.uuid).expect("removed"));
    assert!(registry.refresh().expect("read"));
    assert_ne!(registry.generation(), generation);
    assert_eq!(registry.by_key(&key(1)), None);
    assert!(!registry.refresh().expect("read"), "nothing more");
}

#[test]
fn a_file_that_was_removed_by_hand_throws_its_peer_out_for_good() {
    let (folder, registry) = ground();
    let peer = enroll(&registry, "telnet-host", 1).expect("enrolled");
    std::fs::remove_file(
        folder
            .path()
            .join("moor/allowed-hosts")
            .join(peer.uuid.to_string()),
    )
    .expect("removed");
    assert!(registry.refresh().expect("read"));
    assert_eq!(registry.by_key(&key(1)), None);
    assert!(
        matches!(
            enroll(&registry, "telnet-host", 1),
            Err(EnrollError::Revoked)
        ),
        "an older token"
    );
    let back = registry
        .enroll("telnet-host", "x", key(1), far(), far())
        .expect("a newer token");
    assert_ne!(back.uuid, peer.uuid);
    // It was forgiven: from now on it is as any other.
    assert_eq!(
        enroll(&registry, "telnet-host", 1).expect("again").uuid,
        back.uuid
    );
}

#[test]
fn a_revocation_is_remembered_across_starts() {
    let (folder, registry) = ground();
    let peer = enroll(&registry, "telnet-host", 1).expect("enrolled");
    assert!(registry.revoke(peer.uuid).expect("removed"));
    assert!(!registry.revoke(peer.uuid).expect("gone already"));
    drop(registry);
    let registry = Registry::open(&folder.path().join("moor/allowed-hosts")).expect("opened");
    assert!(matches!(
        enroll(&registry, "telnet-host", 1),
        Err(EnrollError::Revoked)
    ));
    assert!(
        enroll(&registry, "telnet-host", 2).is_ok(),
        "others are not concerned"
    );
}

#[test]
fn a_file_that_was_removed_while_nobody_looked_is_missed_at_the_next_start() {
    let (folder, registry) = ground();
    let peer = enroll(&registry, "telnet-host", 1).expect("enrolled");
    let other = enroll(&registry, "telnet-host", 2).expect("enrolled");
    drop(registry);
    let allowed = folder.path().join("moor/allowed-hosts");
    let path = allowed.join(peer.uuid.to_string());
    let whole = std::fs::read_to_string(&path).expect("there");
    std::fs::remove_file(&path).expect("removed");
    let registry = Registry::open(&allowed).expect("opened");
    assert_eq!(registry.list(), [other]);
    assert!(matches!(
        enroll(&registry, "telnet-host", 1),
        Err(EnrollError::Revoked)
    ));
    // An operator who puts the file back has forgiven.
    files::write(&path, &whole).expect("written");
    registry.refresh().expect("read");
    assert_eq!(registry.by_key(&key(1)), Some(peer.clone()));
    assert!(registry.revoke(peer.uuid).expect("removed"));
    assert!(matches!(
        enroll(&registry, "telnet-host", 1),
        Err(EnrollError::Revoked)
    ));
}

#[test]
fn an_operator_forgives_by_removing_what_is_known_of_a_key_and_damage_forgives_nothing() {
    let (folder, registry) = ground();
    let peer = enroll(&registry, "telnet-host", 1).expect("enrolled");
    assert!(registry.revoke(peer.uuid).expect("removed"));
    let known = folder.path().join("moor/known-keys").join("01".repeat(32));
    let mode = std::fs::metadata(&known).expect("there").mode();
    assert_eq!(mode & 0o7777, 0o600);
    let whole = std::fs::read_to_string(&known).expect("there");
    for text in [
        String::new(),
        "\0".into(),
        whole.replace("revoked_at_ms", "revoked"),
        whole.replace("format = 1", "format = 2"),
    ] {
        files::write(&known, &text).expect("written");
        let result = registry.enroll("telnet-host", "x", key(1), far(), far());
        assert!(matches!(result, Err(EnrollError::Revoked)), "{text:?}");
    }
    std::fs::remove_file(&known).expect("removed");
    assert!(enroll(&registry, "telnet-host", 1).is_ok());
}

#[test]
fn a_name_that_gets_another_key_throws_the_former_key_out() {
    let (folder, registry) = ground();
    let peer = enroll(&registry, "telnet-host", 1).expect("enrolled");
    let path = folder
        .path()
        .join("moor/allowed-hosts")
        .join(peer.uuid.to_string());
    let whole = std::fs::read_to_string(&path).expect("there");
    let changed = whole.replace(&key(1).to_string(), &key(2).to_string());
    files::write(&path, &changed).expect("written");
    registry.refresh().expect("read");
    assert_eq!(registry.by_key(&key(1)), None);
    assert_eq!(registry.by_key(&key(2)).expect("in").uuid, peer.uuid);
    assert!(matches!(
        enroll(&registry, "telnet-host", 1),
        Err(EnrollError::Revoked)
    ));
}

#[test]
fn a_file_that_was_moved_to_another_name_keeps_its_peer_in() {
    let (folder, registry) = ground();
    let peer = enroll(&registry, "telnet-host", 1).expect("enrolled");
    let allowed = folder.path().join("moor/allowed-hosts");
    let name = Uuid::new_v4();
    std::fs::rename(
        allowed.join(peer.uuid.to_string()),
        allowed.join(name.to_string()),
    )
    .expect("moved");
    registry.refresh().expect("read");
    assert_eq!(registry.by_key(&key(1)).expect("in").uuid, name);
    assert!(
        enroll(&registry, "telnet-host", 1).is_ok(),
        "not thrown out"
    );
}

#[test]
fn damaged_and_foreign_files_let_nobody_in() {
    let (folder, registry) = ground();
    let peer = enroll(&registry, "telnet-host", 1).expect("enrolled");
    let allowed = folder.path().join("moor/allowed-hosts");
    let path = allowed.join(peer.uuid.to_string());
    let whole = std::fs::read_to_string(&path).expect("there");
    files::write(&allowed.join("notes.txt"), &whole).expect("written");
    files::write(&allowed.join(peer.uuid.to_string().to_uppercase()), &whole).expect("written");
    std::os::unix::fs::symlink(&path, allowed.join(Uuid::new_v4().to_string())).expect("linked");
    std::fs::create_dir(allowed.join(Uuid::new_v4().to_string())).expect("made");
    assert!(
        !registry.refresh().expect("read"),
        "none of these is a peer"
    );
    for text in [
        String::new(),
        whole.replace("telnet-host", "root"),
        whole.replace("format = 1", "format = 9"),
        whole.replace("key", "kee"),
        whole.replace("key = \"", "key = \"aaaaa"),
        "x".repeat(10_000),
    ] {
        files::write(&path, &text).expect("written");
        registry.refresh().expect("read");
        assert_eq!(registry.list(), [], "{text:.30}");
    }
    // The operator mends it.
    files::write(&path, &whole).expect("written");
    registry.refresh().expect("read");
    assert_eq!(registry.by_uuid(peer.uuid), Some(peer));
}

#[test]
fn many_threads_enroll_and_ask_at_once() {
    let (_folder, registry) = ground();
    std::thread::scope(|scope| {
        for thread in 0..4u8 {
            let registry = &registry;
            scope.spawn(move || {
                for number in 0..20 {
                    let peer = enroll(registry, "telnet-host", number).expect("enrolled");
                    assert_eq!(registry.by_key(&key(number)).expect("in").uuid, peer.uuid);
                    if thread == 0 {
                        registry.refresh().expect("read");
                    }
                }
            });
        }
    });
    assert_eq!(registry.list().len(), 20);
}
