//! `moor status`: how the running daemon is.
//!
//! In: the admin socket. Out: what the daemon says of itself. It judges nothing: `moor doctor` and the probes do.

use moor_node::Exit;
use moor_node::admin_api::{DrainProgress, STATUS, Status};

use super::CommandError;
use super::admin_socket::AdminSocketArgs;
use super::output::{OutputArgs, bytes, pairs, seconds};

/// How the running daemon is: release, world, users, peers, tasks, log, disk
#[derive(Debug, clap::Parser)]
pub(super) struct Args {
    #[command(flatten)]
    socket: AdminSocketArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, CommandError> {
    let status: Status = args.socket.client()?.get(STATUS)?;
    args.output.show(&status, human);
    Ok(Exit::Success)
}

fn human(status: &Status) -> String {
    let Status {
        world, tasks, log, ..
    } = status;
    pairs([
        ("state", state(status)),
        (
            "version",
            format!("{}, protocol {}", status.version, status.protocol),
        ),
        ("instance", status.instance.clone()),
        ("process", status.process.to_string()),
        ("database", status.database.clone()),
        ("uptime", seconds(status.uptime_s)),
        (
            "world",
            format!(
                "{}, {}",
                counted(world.objects, "object"),
                counted(world.players, "player")
            ),
        ),
        (
            "sessions",
            format!(
                "{}, {} logged in",
                status.sessions, status.sessions_logged_in
            ),
        ),
        (
            "peers",
            format!(
                "{} connected, {} enrolled",
                status.peers, status.peers_enrolled
            ),
        ),
        (
            "tasks",
            format!(
                "{} running, {} ready, {} suspended",
                tasks.running, tasks.ready, tasks.suspended
            ),
        ),
        (
            "log",
            format!(
                "commit {}, durable up to {}, {}",
                log.committed,
                log.durable,
                bytes(log.bytes)
            ),
        ),
        (
            "disk",
            format!(
                "{} used, {} free",
                bytes(status.disk.used_bytes),
                bytes(status.disk.free_bytes)
            ),
        ),
    ])
}

fn counted(count: u64, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        _ => format!("{count} {thing}s"),
    }
}

fn state(status: &Status) -> String {
    match (&status.drain, &status.read_only) {
        (Some(progress), _) => progress_line(progress),
        (None, Some(why)) => format!("read-only: {why}"),
        (None, None) => "serving".into(),
    }
}

/// How far a daemon is that stops, in one line.
pub(super) fn progress_line(progress: &DrainProgress) -> String {
    format!(
        "draining: {}, {} tasks and {} peers left, {:.0} of {:.0} s",
        progress.step, progress.tasks_left, progress.peers_left, progress.since_s, progress.limit_s
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_says_what_matters_most() {
        let mut status = Status::default();
        assert!(human(&status).starts_with("state     serving\n"));
        status.read_only = Some("the disk is full".into());
        assert_eq!(state(&status), "read-only: the disk is full");
        status.drain = Some(DrainProgress {
            since_s: 1.2,
            limit_s: 10.0,
            step: "finishing tasks".into(),
            tasks_left: 3,
            peers_left: 2,
        });
        assert_eq!(
            state(&status),
            "draining: finishing tasks, 3 tasks and 2 peers left, 1 of 10 s"
        );
    }
}
