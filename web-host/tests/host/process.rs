//! The program as a process: mistakes in flags, signals, health without a daemon.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::support::soon;

/// The program in a folder of its own, with a daemon that is nowhere.
fn start(folder: &std::path::Path, flags: &[&str]) -> Child {
    let socket = |name: &str| format!("ipc://{}", folder.join(name).display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_moor-web-host"));
    let settings = std::env::vars_os().map(|(name, _)| name);
    for name in settings.filter(|name| name.to_string_lossy().starts_with("MOOR_")) {
        command.env_remove(name);
    }
    command
        .env("HOME", folder)
        .env("XDG_RUNTIME_DIR", folder)
        .args(["--rpc-address", &socket("rpc.sock")])
        .args(["--events-address", &socket("events.sock")])
        .arg("--data-dir")
        .arg(folder.join("data"))
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command.spawn().expect("the program starts")
}

fn private_folder() -> tempfile::TempDir {
    let mode = std::fs::Permissions::from_mode(0o700);
    let folder = tempfile::Builder::new().permissions(mode).tempdir();
    folder.expect("a folder")
}

async fn fails(flags: &[&str]) -> (i32, String) {
    let folder = private_folder();
    let child = start(folder.path(), flags);
    let output = soon("the end", child.wait_with_output())
        .await
        .expect("it ends");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = text.lines().last().unwrap_or_default().to_owned();
    (output.status.code().expect("an exit code"), last)
}

#[tokio::test]
async fn a_mistake_is_one_line_that_names_the_thing_and_the_mend() {
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let taken = taken.local_addr().expect("bound").to_string();
    let cases: [(&[&str], i32, &str); 4] = [
        (&["--listen-adress", "127.0.0.1:0"], 2, "--listen-adress"),
        (
            &["--listen-address", "8081"],
            2,
            "write for example 0.0.0.0:8081",
        ),
        (
            &["--listen-address", &taken],
            1,
            "--listen-address: cannot listen on 127.0.0.1:",
        ),
        (
            &["--listen-address", "192.0.2.1:0"],
            1,
            "choose an address of this machine",
        ),
    ];
    for (flags, code, part) in cases {
        let (actual, line) = fails(flags).await;
        assert_eq!(actual, code, "{line}");
        assert!(line.contains(part), "{line}");
    }
}

#[tokio::test]
async fn without_a_daemon_it_is_unhealthy_and_stops_in_order() {
    let folder = private_folder();
    let mut child = start(folder.path(), &["--listen-address", "127.0.0.1:0"]);
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let line = soon("its address", lines.next_line())
        .await
        .expect("readable");
    let line = line.expect("a line");
    let address = line.split("http=").nth(1).expect("an address");
    let mut socket = TcpStream::connect(address).await.expect("it listens");
    let request = b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    socket.write_all(request).await.expect("written");
    let mut text = String::new();
    soon("the answer", socket.read_to_string(&mut text))
        .await
        .expect("text");
    assert!(text.starts_with("HTTP/1.1 503"), "{text}");
    let pid = child
        .id()
        .and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
    let pid = pid.expect("it runs");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("signalled");
    let status = soon("the end", child.wait()).await.expect("it ends");
    assert_eq!(status.code(), Some(0));
}
