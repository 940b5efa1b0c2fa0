//! Several programs on one folder: the last use of a token is given away once, and a program that is killed in the
//! middle leaves whole files.
//!
//! The other programs are this test, started again with a variable that says what to do.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;

use moor_keyring::{
    KeyPair, PublicKey, Token, TokenId, TokenSecret, TokenSpec, TokenStore, read_token_file,
};

/// What a program that this test starts is to do: `redeem` or `rotate`.
const TASK: &str = "MOOR_TEST_TASK";

/// The folder that it works on.
const FOLDER: &str = "MOOR_TEST_FOLDER";

/// Tokens for which the programs compete.
const TOKENS: usize = 60;

/// The secret of the tokens' stand-in: what the parent hands to its children in a file.
const SHARED: &str = "tokens-in-clear";

fn start(task: &str, folder: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "the_other_program", "--nocapture"])
        .env(TASK, task)
        .env(FOLDER, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started")
}

fn key() -> PublicKey {
    PublicKey::from_bytes([5; 32])
}

/// Not a test of its own: what the programs that the tests start do.
#[test]
fn the_other_program() {
    let (Ok(task), Some(folder)) = (std::env::var(TASK), std::env::var_os(FOLDER)) else {
        return;
    };
    let folder = Path::new(&folder);
    let store = TokenStore::open(&folder.join("tokens")).expect("opened");
    match task.as_str() {
        "redeem" => redeem_all(folder, &store),
        "rotate" => loop {
            store
                .rotate_default(&folder.join("config/token"), key(), SystemTime::now())
                .expect("made");
            println!("rotated");
        },
        other => panic!("{other}"),
    }
}

/// Says `took N` for each token that it got.
fn redeem_all(folder: &Path, store: &TokenStore) {
    let tokens: Vec<Token> = std::fs::read_to_string(folder.join(SHARED))
        .expect("there")
        .lines()
        .map(|line| line.parse().expect("a token"))
        .collect();
    println!("ready");
    let mut go = String::new();
    std::io::stdin().read_line(&mut go).expect("told to go");
    for (number, token) in tokens.iter().enumerate() {
        let taken = store.redeem(token.id(), token.secret(), "telnet-host", SystemTime::now());
        if taken.is_ok() {
            println!("took {number}");
        }
    }
}

fn wait_for(lines: &mut impl Iterator<Item = std::io::Result<String>>, word: &str) {
    // The test's own lines come in between.
    lines
        .map(|line| line.expect("a line"))
        .find(|line| line.ends_with(word))
        .unwrap_or_else(|| panic!("ended before {word:?}"));
}

#[test]
fn each_last_use_goes_to_one_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = TokenStore::open(&folder.path().join("tokens")).expect("opened");
    let once = TokenSpec {
        uses: Some(1),
        ..TokenSpec::default()
    };
    let mut shared = String::new();
    for _ in 0..TOKENS {
        let token = store.create(&once, key(), SystemTime::now()).expect("made");
        shared.push_str(&token.expose());
        shared.push('\n');
    }
    std::fs::write(folder.path().join(SHARED), shared).expect("written");
    let mut programs: Vec<_> = (0..2)
        .map(|_| {
            let mut child = start("redeem", folder.path());
            let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
            wait_for(&mut lines, "ready");
            (child, lines)
        })
        .collect();
    for (child, _) in &mut programs {
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(b"go\n").expect("told");
    }
    let mut taken = Vec::new();
    for (mut child, lines) in programs {
        let numbers = lines.map_while(Result::ok).filter_map(|line| {
            let number = line.strip_prefix("took ")?.parse::<usize>();
            number.ok()
        });
        taken.extend(numbers);
        assert!(child.wait().expect("ended").success());
    }
    taken.sort_unstable();
    assert_eq!(taken, (0..TOKENS).collect::<Vec<_>>());
}

#[test]
fn a_program_that_is_killed_leaves_whole_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = TokenStore::open(&folder.path().join("tokens")).expect("opened");
    let path = folder.path().join("config/token");
    for round in 0..20 {
        let mut child = start("rotate", folder.path());
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        for _ in 0..=round % 4 {
            wait_for(&mut lines, "rotated");
        }
        // Somewhere in the middle of the next one.
        std::thread::sleep(std::time::Duration::from_micros(300 * round));
        child.kill().expect("killed");
        child.wait().expect("ended");
        let token = read_token_file(&path).expect("whole").expect("there");
        let record = store.examine(token.id(), token.secret(), "telnet-host", SystemTime::now());
        assert!(record.expect("the token of the file is good").is_default);
        let files = std::fs::read_dir(folder.path().join("tokens")).expect("there");
        let names = files.map(|file| file.expect("a file").file_name());
        let whole = names
            .filter(|name| {
                name.to_str()
                    .is_some_and(|name| name.parse::<TokenId>().is_ok())
            })
            .count();
        assert_eq!(
            store.list().expect("listed").len(),
            whole,
            "none is damaged"
        );
    }
    // What a killed program did not get to, the next rotation does.
    let last = store
        .rotate_default(&path, key(), SystemTime::now())
        .expect("made");
    let listed = store.list().expect("listed");
    assert_eq!(
        listed.iter().map(|one| one.id).collect::<Vec<_>>(),
        [last.id()]
    );
}

#[test]
fn the_secrets_of_keys_and_tokens_are_not_shown() {
    let pair = KeyPair::generate().expect("random bytes");
    let secret = TokenSecret::from_bytes(*pair.secret_bytes());
    let shown = format!("{pair:?} {secret:?}");
    let bytes = format!("{:?}", pair.secret_bytes());
    let bytes = bytes.trim_matches(['[', ']']);
    assert!(!shown.contains(bytes), "{shown}");
    assert!(shown.contains(&pair.public().to_string()), "{shown}");
}
