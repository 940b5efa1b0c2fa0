//! The program as its operator sees it: flags, exit codes, ports, health, stopping.

use std::process::Output;

use moor_rpc::CloseReason;
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Stage, host_command, private_folder, soon};

async fn fails(extra: &[&str]) -> (i32, String) {
    let folder = private_folder();
    let mut command = host_command(folder.path(), extra);
    command.stderr(std::process::Stdio::piped());
    let output: Output = soon("the host's end", command.output())
        .await
        .expect("it ran");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let complaint: Vec<&str> = stderr
        .lines()
        .filter(|line| line.starts_with("moor-telnet-host: "))
        .collect();
    assert_eq!(complaint.len(), 1, "one line says what is wrong: {stderr}");
    (
        output.status.code().expect("it was not killed"),
        complaint[0].to_string(),
    )
}

#[tokio::test]
async fn a_mistake_is_one_line_that_names_the_thing_and_the_mend() {
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = taken.local_addr().expect("bound").port().to_string();
    let cases: [(&[&str], i32, &str); 7] = [
        (&["--telnet-prot", "1"], 2, "--telnet-prot"),
        (&["--telnet-port", "70000"], 2, "70000"),
        (
            &["--rpc-address", "tcp://127.0.0.1"],
            2,
            "write tcp://127.0.0.1:7899",
        ),
        (
            &["--rpc-address", "tcp://127.0.0.1:7899"],
            2,
            "give both addresses of the daemon",
        ),
        (
            &[
                "--rpc-address",
                "tcp://127.0.0.1:7899",
                "--events-address",
                "tcp://127.0.0.1:7898",
            ],
            2,
            "--enrollment-address is needed",
        ),
        (
            &["--telnet-port", &port],
            1,
            "--telnet-port: cannot listen on 127.0.0.1:",
        ),
        (&["--telnet-address", "192.0.2.1"], 1, "--telnet-address"),
    ];
    for (extra, code, part) in cases {
        let (actual, line) = fails(extra).await;
        assert_eq!(actual, code, "{line}");
        assert!(line.contains(part), "{line}");
    }
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_made_is_named() {
    let (code, line) = fails(&["--data-dir", "/dev/null/x"]).await;
    assert_eq!(code, 1);
    assert!(
        line.contains("--data-dir") && line.contains("/dev/null"),
        "{line}"
    );
}

#[tokio::test]
async fn the_health_port_opens_with_the_daemon() {
    let folder = private_folder();
    let host = crate::support::Host::start(folder.path(), &[]).await;
    let probe = || TcpStream::connect(("127.0.0.1", host.health_port));
    assert!(probe().await.is_err(), "healthy without a daemon");
    let mut daemon = crate::support::Daemon::start(folder.path(), Default::default());
    let healthy = async {
        while probe().await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    daemon.during(soon("health", healthy)).await;
}

#[tokio::test]
async fn a_signal_drains_the_host() {
    let mut stage = Stage::set().await;
    let mut user = stage.user().await;
    let process = Pid::from_child_id(stage.host.child.id());
    kill_process(process, Signal::TERM).expect("it runs");
    assert_eq!(
        user.read_to_end().await,
        format!("{}\r\n", moor_host::HOST_STOPS)
    );
    stage
        .daemon
        .until("the end", |world| world.session(0).closed.is_some())
        .await;
    assert_eq!(
        stage.daemon.world.session(0).closed,
        Some(CloseReason::HostStops)
    );
    let status = soon("the exit", stage.host.child.wait())
        .await
        .expect("it ran");
    assert_eq!(status.code(), Some(0));
}

trait FromChildId {
    fn from_child_id(id: Option<u32>) -> Pid;
}

impl FromChildId for Pid {
    fn from_child_id(id: Option<u32>) -> Pid {
        let raw = id
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        raw.expect("the process has a number")
    }
}
