//! A day in LambdaCore: a world that nobody here wrote, played over telnet by a wizard and a new player.
//!
//! In: `../shared/data/LambdaCore-latest.db`, or MOOR_LAMBDACORE_DB; without it there is nothing to play. Out: each line that
//! is typed shows what players of that world know.

use std::path::{Path, PathBuf};

use moor_tests::{Client, Database, Server, say};

/// How often a line is typed while the daemon is gone.
const TYPED_WHILE_GONE: usize = 5;

#[test]
fn people_live_in_lambdacore() {
    let default =
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/LambdaCore-latest.db");
    let database = std::env::var_os("MOOR_LAMBDACORE_DB").map_or_else(default, PathBuf::from);
    if !database.is_file() {
        say(format_args!(
            "lambdacore: no {}: nothing to play",
            database.display()
        ));
        return;
    }
    let mut server = Server::start(
        Path::new(env!("CARGO_BIN_EXE_moor-under-test")),
        &Database::Textdump(database),
    );
    let mut wizard = arrive(&server, "connect wizard", "*** Connected ***");
    first_steps(&mut wizard);
    build(&mut wizard);
    program(&mut wizard);
    let mut alice = arrive(&server, "create Alice sesame", "*** Created ***");
    meet(&mut wizard, &mut alice);
    write_mail(&mut wizard, &mut alice);
    survive_a_kill(&mut server, &mut wizard, &mut alice);
    find_everything(&mut wizard, &mut alice);
    leave(&mut wizard, &mut alice);
}

/// Types a line and waits for a line with each of `parts`, in this order.
fn tell(client: &mut Client, line: &str, parts: &[&str]) {
    client.send(line).expect("the connection stays");
    for part in parts {
        client.expect(part);
    }
}

fn arrive(server: &Server, line: &str, greeting: &str) -> Client {
    let mut client = server.connect();
    client.expect("Welcome to the LambdaCore database.");
    tell(&mut client, line, &[greeting, "The First Room"]);
    client
}

fn first_steps(wizard: &mut Client) {
    tell(
        wizard,
        "look",
        &["The First Room", "This is all there is right now."],
    );
    tell(
        wizard,
        "@who",
        &["Player name", "Wizard (#2)", "Total: 1 player"],
    );
    tell(wizard, ";1+1", &["=> 2"]);
    tell(
        wizard,
        "help",
        &[
            "Help is available on the following general topics:",
            "programming --",
        ],
    );
    tell(
        wizard,
        "help @create",
        &["Syntax:  @create <class-name> named"],
    );
}

fn build(wizard: &mut Client) {
    tell(
        wizard,
        "@create $thing named ball",
        &["You now have ball with object number #"],
    );
    tell(wizard, "drop ball", &["You drop ball."]);
    tell(wizard, "get ball", &["You take ball."]);
    tell(wizard, "get ball", &["You already have that!"]);
    tell(
        wizard,
        "@dig north,n|south,s to \"Study\"",
        &["Study (#", "Exit from The First Room", "Exit from Study"],
    );
    tell(wizard, "north", &["Study"]);
    tell(wizard, "s", &["The First Room"]);
}

fn program(wizard: &mut Client) {
    tell(
        wizard,
        "@verb ball:bounce this none none rxd",
        &["Verb added"],
    );
    tell(
        wizard,
        "@program ball:bounce",
        &["Now programming ball:bounce"],
    );
    wizard
        .send("player:tell(\"The ball bounces \", 2 + 3, \" times.\");")
        .expect("sent");
    wizard
        .send("this.location:announce(player.name, \" bounces it.\");")
        .expect("sent");
    tell(wizard, ".", &["0 errors.", "Verb programmed."]);
    tell(wizard, "bounce ball", &["The ball bounces 5 times."]);
    tell(
        wizard,
        "@program ball:bounce",
        &["Now programming ball:bounce"],
    );
    tell(wizard, "return (;", &[]);
    tell(
        wizard,
        ".",
        &["Line 1:", "1 error(s).", "Verb not programmed."],
    );
    tell(
        wizard,
        "@list ball:bounce",
        &[
            ":bounce   this none none",
            " 1:  player:tell(\"The ball bounces \", 2 + 3, \" times.\");",
        ],
    );
    tell(
        wizard,
        "@show ball",
        &["Object ID:", "Parent:     generic thing (#5)", "    bounce"],
    );
}

fn meet(wizard: &mut Client, alice: &mut Client) {
    wizard.expect("Alice has connected.");
    tell(alice, "look", &["The First Room", "Wizard is here."]);
    tell(wizard, "look", &["The First Room", "Alice is here."]);
    tell(alice, "say hello", &["You say, \"hello\""]);
    wizard.expect("Alice says, \"hello\"");
    tell(wizard, ":waves.", &["Wizard waves."]);
    alice.expect("Wizard waves.");
    tell(
        alice,
        "page wizard with are you there?",
        &["Your message has been sent."],
    );
    wizard.expect("It pages, \"are you there?\"");
    tell(wizard, "@who", &["Alice", "Total: 2 players"]);
}

fn write_mail(wizard: &mut Client, alice: &mut Client) {
    tell(wizard, "@send alice", &["Subject:"]);
    tell(wizard, "Welcome", &["Composing a letter to Alice"]);
    tell(
        wizard,
        "\"Dear Alice, make yourself at home.",
        &["Line 1 added."],
    );
    tell(
        wizard,
        "send",
        &["Mail actually sent to Alice", "The First Room"],
    );
    alice.expect("You have new mail (1) from Wizard");
    tell(alice, "@mail", &["Welcome"]);
    tell(
        alice,
        "@read 1",
        &["Subject:  Welcome", "Dear Alice, make yourself at home."],
    );
}

/// The daemon is killed: both stay connected, and what is typed meanwhile is done once.
fn survive_a_kill(server: &mut Server, wizard: &mut Client, alice: &mut Client) {
    tell(
        wizard,
        "@property me.typed 0",
        &["Property added with value 0."],
    );
    server.daemon.kill();
    for _ in 0..TYPED_WHILE_GONE {
        wizard
            .send(";me.typed = me.typed + 1")
            .expect("the connection stays");
    }
    server.restart_daemon();
    let mut shown = Vec::new();
    for number in 1..=TYPED_WHILE_GONE {
        let lines = wizard.expect("=> ");
        assert_eq!(lines.last(), Some(&format!("=> {number}")));
        shown.extend(lines);
    }
    let notices = shown
        .iter()
        .filter(|line| line.contains("The server is restarting."));
    assert!(notices.count() <= 1, "one outage is told once: {shown:?}");
    tell(alice, "say still here", &["You say, \"still here\""]);
    wizard.expect("Alice says, \"still here\"");
}

fn find_everything(wizard: &mut Client, alice: &mut Client) {
    tell(wizard, ";me.typed", &[&format!("=> {TYPED_WHILE_GONE}")]);
    tell(wizard, "@who", &["Alice", "Total: 2 players"]);
    tell(wizard, "bounce ball", &["The ball bounces 5 times."]);
    tell(wizard, "north", &["Study"]);
    tell(wizard, "south", &["The First Room"]);
    tell(wizard, "@list ball:bounce", &["player:tell"]);
    tell(alice, "@mail", &["Welcome"]);
}

fn leave(wizard: &mut Client, alice: &mut Client) {
    tell(alice, "@quit", &["*** Disconnected ***"]);
    alice.until_closed().expect("the connection ends");
    wizard.expect("Alice has disconnected.");
    tell(wizard, "@quit", &["*** Disconnected ***"]);
    wizard.until_closed().expect("the connection ends");
}
