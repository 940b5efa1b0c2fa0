//! Tokens: what is taken, what is not and why, uses that many want at once, files that are damaged.

use std::os::unix::fs::MetadataExt;

use super::*;

const KEY: PublicKey = PublicKey::from_bytes([7; 32]);

struct Ground {
    folder: tempfile::TempDir,
    store: TokenStore,
}

fn ground() -> Ground {
    let folder = tempfile::tempdir().expect("a folder");
    let store = TokenStore::open(&folder.path().join("share/tokens")).expect("opened");
    Ground { folder, store }
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

impl Ground {
    fn create(&self, spec: TokenSpec) -> Token {
        self.store.create(&spec, KEY, now()).expect("made")
    }

    /// What comes of showing a token, in one word.
    fn redeem(&self, token: &Token, service: &str, at: SystemTime) -> String {
        match self.store.redeem(token.id(), token.secret(), service, at) {
            Ok(_) => "taken".into(),
            Err(error) => error.to_string(),
        }
    }
}

#[test]
fn a_token_is_good_for_what_it_was_made_for() {
    let ground = ground();
    let open = ground.create(TokenSpec::default());
    let bound = ground.create(TokenSpec {
        service: Some("curl-worker".into()),
        uses: Some(2),
        ttl: Some(Duration::from_secs(60)),
    });
    let later = now() + Duration::from_secs(60);
    for (token, service, at, expected) in [
        (&open, "telnet-host", now(), "taken"),
        (&open, "web-host", later, "taken"),
        (&open, "nonsense", now(), "token for hosts and workers"),
        (&bound, "telnet-host", now(), "token for curl-worker"),
        (&bound, "curl-worker", later, "expired token"),
        (&bound, "curl-worker", now(), "taken"),
        (&bound, "curl-worker", now(), "taken"),
        (&bound, "curl-worker", now(), "used-up token"),
    ] {
        assert_eq!(ground.redeem(token, service, at), expected, "{service}");
    }
    assert!(ground.store.revoke(open.id()).expect("removed"));
    assert!(!ground.store.revoke(open.id()).expect("gone already"));
    assert_eq!(ground.redeem(&open, "telnet-host", now()), "unknown token");
}

#[test]
fn another_secret_is_an_unknown_token() {
    let ground = ground();
    let (one, other) = (
        ground.create(TokenSpec::default()),
        ground.create(TokenSpec::default()),
    );
    let mixed = ground
        .store
        .redeem(one.id(), other.secret(), "telnet-host", now());
    assert!(matches!(mixed, Err(RedeemError::Unknown)));
}

#[test]
fn a_token_that_lets_nobody_in_is_not_made() {
    let ground = ground();
    let made = |spec| ground.store.create(&spec, KEY, now());
    let none = TokenSpec::default;
    let service = Some("root".to_owned());
    let result = made(TokenSpec { service, ..none() });
    assert!(matches!(result, Err(TokenError::UnknownService(_))));
    for spec in [
        TokenSpec {
            uses: Some(0),
            ..none()
        },
        TokenSpec {
            ttl: Some(Duration::ZERO),
            ..none()
        },
    ] {
        assert!(matches!(made(spec), Err(TokenError::NoUse)));
    }
    assert_eq!(ground.store.list().expect("listed"), []);
}

#[test]
fn tokens_have_a_bound() {
    let ground = ground();
    let one = ground.create(TokenSpec::default());
    let whole = std::fs::read_to_string(ground.store.path(one.id())).expect("there");
    for number in 1..TOKENS_MAX as u64 {
        let path = ground.store.path(TokenId(number.to_be_bytes()));
        std::fs::write(path, &whole).expect("written");
    }
    let one_more = ground.store.create(&TokenSpec::default(), KEY, now());
    assert!(matches!(one_more, Err(TokenError::TooMany(TOKENS_MAX))));
    assert!(ground.store.revoke(one.id()).expect("removed"));
    ground.create(TokenSpec::default());
}

#[test]
fn the_last_use_is_given_away_once() {
    let ground = ground();
    let token = ground.create(TokenSpec {
        uses: Some(3),
        ..TokenSpec::default()
    });
    let taken: usize = std::thread::scope(|scope| {
        let running: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| usize::from(ground.redeem(&token, "telnet-host", now()) == "taken"))
            })
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .sum()
    });
    assert_eq!(taken, 3);
}

#[test]
fn the_default_token_is_one_at_a_time() {
    let ground = ground();
    let path = ground.folder.path().join("config/moor/enrollment-token");
    assert!(
        ground
            .store
            .ensure_default(&path, KEY, now())
            .expect("made")
    );
    assert!(
        !ground
            .store
            .ensure_default(&path, KEY, now())
            .expect("found")
    );
    assert_eq!(
        std::fs::metadata(&path).expect("there").mode() & 0o7777,
        0o600
    );
    let first = read_token_file(&path).expect("readable").expect("there");
    assert_eq!(ground.redeem(&first, "telnet-host", now()), "taken");
    let bound = ground.create(TokenSpec::default());
    let second = ground
        .store
        .rotate_default(&path, KEY, now())
        .expect("made");
    assert_eq!(
        read_token_file(&path)
            .expect("readable")
            .expect("there")
            .id(),
        second.id()
    );
    assert_eq!(ground.redeem(&first, "telnet-host", now()), "unknown token");
    assert_eq!(ground.redeem(&second, "telnet-host", now()), "taken");
    assert_eq!(
        ground.redeem(&bound, "telnet-host", now()),
        "taken",
        "others stay"
    );
    // One that names another daemon's key, or that the folder does not know, is of no use.
    let other = PublicKey::from_bytes([8; 32]);
    assert!(
        ground
            .store
            .ensure_default(&path, other, now())
            .expect("made")
    );
    let third = read_token_file(&path).expect("readable").expect("there");
    assert_eq!(third.daemon_key(), other);
    ground.store.revoke(third.id()).expect("removed");
    assert!(
        ground
            .store
            .ensure_default(&path, other, now())
            .expect("made")
    );
}

#[test]
fn nothing_on_disk_is_the_secret_and_nothing_is_open_to_others() {
    let ground = ground();
    let token = ground.create(TokenSpec::default());
    let text = token.expose();
    let secret = text.split('.').nth(2).expect("a secret");
    let path = ground.store.path(token.id());
    let written = std::fs::read_to_string(&path).expect("there");
    let hex: String = token
        .secret()
        .expose_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert!(!written.contains(secret) && !written.contains(&hex));
    assert_eq!(
        std::fs::metadata(&path).expect("there").mode() & 0o7777,
        0o600
    );
    assert_eq!(
        std::fs::metadata(&ground.store.folder)
            .expect("there")
            .mode()
            & 0o7777,
        0o700
    );
}

#[test]
fn damaged_files_let_nobody_in_and_hide_no_others() {
    let ground = ground();
    let (one, other) = (
        ground.create(TokenSpec::default()),
        ground.create(TokenSpec::default()),
    );
    let whole = std::fs::read_to_string(ground.store.path(one.id())).expect("there");
    let cases = [
        String::new(),
        "\0\0\0".into(),
        whole.replace("format = 1", "format = 2"),
        whole.replace("digest", "digets"),
        whole.replace("digest = \"", "digest = \"x"),
        whole[..whole.len() / 2].to_owned(),
    ];
    for text in cases {
        files::write(&ground.store.path(one.id()), &text).expect("written");
        let word = ground.redeem(&one, "telnet-host", now());
        assert!(
            word.contains(&one.id().to_string()),
            "names the file: {word}"
        );
        let listed: Vec<_> = ground
            .store
            .list()
            .expect("listed")
            .iter()
            .map(|record| record.id)
            .collect();
        assert_eq!(listed, [other.id()]);
    }
    assert_eq!(ground.redeem(&other, "telnet-host", now()), "taken");
}

#[test]
fn what_ended_long_ago_is_forgotten() {
    let ground = ground();
    let spec = TokenSpec {
        ttl: Some(Duration::from_secs(1)),
        ..TokenSpec::default()
    };
    let token = ground.create(spec);
    let keeps = |at| {
        ground
            .store
            .create(&TokenSpec::default(), KEY, at)
            .expect("made");
        ground
            .store
            .list()
            .expect("listed")
            .iter()
            .any(|record| record.id == token.id())
    };
    assert!(keeps(now() + KEPT_AFTER_ITS_END));
    assert!(!keeps(now() + KEPT_AFTER_ITS_END + Duration::from_secs(2)));
}
