//! A daemon that is asked to stop does so in order, and its users stay connected.

use std::time::{Duration, Instant};

use moor_tests::Ended;

use crate::realm::Realm;

/// What a user is told when the daemon is out of touch, and when it is back.
const AWAY: &str = "The server is restarting";
const BACK: &str = "The server is back";

/// Stops the daemon, and looks at its users until it is `away` no more.
fn drains(away: Duration, stop: impl FnOnce(&mut Realm) -> Ended) {
    let mut realm = Realm::start();
    let mut host = realm.host("host");
    let mut worker = realm.worker("worker");
    let mut user = host.log_in();
    user.value("fork (0) suspend(1); notify(player, \"woken\"); endfork return 1;");
    user.value("return add_property(player, \"kept\", 17, {player, \"\"});");
    let asked = Instant::now();
    let ended = stop(&mut realm);
    assert_eq!(ended.code, Some(0), "{}", ended.lines.join("\n"));
    user.client().expect(AWAY);
    realm.restart_daemon();
    user.client().expect(BACK);
    assert!(asked.elapsed() >= away, "{:?}", asked.elapsed());
    host.program.line("no link to the daemon");
    user.client().expect("woken");
    assert_eq!(user.value("return player.kept;"), "17");
    worker.line("the daemon is there");
    // Programs that join stop as politely.
    for program in [&mut host.program, &mut worker] {
        let ended = program.stop();
        assert_eq!(ended.code, Some(0), "{}", ended.lines.join("\n"));
    }
    realm.daemon.line("graceful_shutdown");
}

#[test]
fn on_sigterm() {
    drains(Duration::ZERO, |realm| realm.daemon.stop());
}

#[test]
fn on_the_operators_command() {
    // Longer than it takes to be back.
    let away = Duration::from_secs(5);
    drains(away, |realm| {
        let socket = realm.home("daemon").join("admin/admin.sock");
        let socket = socket.display().to_string();
        let at = |command: &[&str]| {
            let mut arguments = command.to_vec();
            arguments.extend(["--admin-socket", &socket]);
            realm.operate(&arguments)
        };
        let status = at(&["status", "--json"]);
        assert!(status.contains("\"peers\""), "{status}");
        let connections = at(&["connections", "list"]);
        assert!(connections.contains("127.0.0.1"), "{connections}");
        at(&["drain", "--reconnect-delay", "5s"]);
        realm.daemon.end()
    });
}
