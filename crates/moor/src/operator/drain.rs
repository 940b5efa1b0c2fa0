//! `moor drain`: the daemon stops, and this command ends when it has.
//!
//! In: the admin socket, how long hosts are to stay away. Out: the daemon's progress, and whether it ended properly. A
//! daemon that stopped as it should removes its socket at the very end; one that was killed leaves it.

use std::time::{Duration, Instant};

use moor_node::admin_api::{DRAIN, DrainAccepted, DrainRequest, STATUS, Status};
use moor_node::{AdminClient, AdminClientError, Exit};
use serde::Serialize;

use super::CommandError;
use super::admin_socket::AdminSocketArgs;
use super::output::{OutputArgs, write};
use super::status::progress_line;

/// How often the daemon is asked how far it is.
const INTERVAL: Duration = Duration::from_millis(100);

/// What the daemon gets beyond its own limit: at that limit it ends itself.
const BEYOND_LIMIT: Duration = Duration::from_secs(5);

/// How long a socket may be there that nobody listens at, while a daemon that ends properly is about to remove it.
const LEFTOVER: Duration = Duration::from_secs(2);

/// Stop the daemon: it takes nothing new, finishes, tells hosts when to come back, and ends. Users stay connected to
/// their hosts
#[derive(Debug, clap::Parser)]
pub(super) struct Args {
    /// Hosts are told to come back no sooner than this: 5s, 2m
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = humantime::parse_duration)]
    reconnect_delay: Duration,
    #[command(flatten)]
    socket: AdminSocketArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// How it ended.
#[derive(Debug, Serialize)]
struct Outcome {
    /// Whether the daemon finished everything.
    complete: bool,
    took_s: f64,
}

pub(super) fn run(args: &Args) -> Result<Exit, CommandError> {
    let client = args.socket.client()?;
    let before: Status = client.get(STATUS)?;
    let delay_ms = args.reconnect_delay.as_millis();
    let request = DrainRequest {
        reconnect_delay_ms: u64::try_from(delay_ms).unwrap_or(u64::MAX),
    };
    let accepted: DrainAccepted = client.post(DRAIN, &request)?;
    let began = Instant::now();
    let limit = Duration::try_from_secs_f64(accepted.limit_s).unwrap_or_default() + BEYOND_LIMIT;
    let say = |line: &str| {
        if !args.output.json {
            write(&format!("{line}\n"));
        }
    };
    if accepted.already {
        say("the daemon was already stopping");
    }
    let complete = wait_for_end(&client, &before.instance, began + limit, say)?;
    let complete = complete.ok_or(CommandError::StillThere {
        waited_s: limit.as_secs_f64(),
    })?;
    let outcome = Outcome {
        complete,
        took_s: began.elapsed().as_secs_f64(),
    };
    args.output.show(&outcome, human);
    Ok(match complete {
        true => Exit::Success,
        false => Exit::Hurried,
    })
}

fn human(outcome: &Outcome) -> String {
    match outcome.complete {
        true => format!("stopped after {:.1} s\n", outcome.took_s),
        false => format!(
            "the daemon ended before it had stopped completely, after {:.1} s; nothing that was shown is lost\n",
            outcome.took_s
        ),
    }
}

/// Whether the daemon of this `instance` ended properly; `None` if it is there at the deadline. Says each new line of its
/// progress.
fn wait_for_end(
    client: &AdminClient,
    instance: &str,
    deadline: Instant,
    say: impl Fn(&str),
) -> Result<Option<bool>, AdminClientError> {
    let mut said = String::new();
    let mut silent_since: Option<Instant> = None;
    while Instant::now() < deadline {
        match client.get::<Status>(STATUS) {
            // Whoever keeps it running has started the next one.
            Ok(status) if status.instance != instance => return Ok(Some(true)),
            Ok(status) => {
                let progress = status.drain.unwrap_or_default();
                if progress.step != said {
                    say(&progress_line(&progress));
                    said = progress.step;
                }
            }
            Err(AdminClientError::Absent(_)) => return Ok(Some(true)),
            Err(AdminClientError::Silent(_)) => {
                let since = *silent_since.get_or_insert_with(Instant::now);
                if since.elapsed() > LEFTOVER {
                    return Ok(Some(false));
                }
            }
            // The answer broke off because the daemon is ending: the next question will tell.
            Err(AdminClientError::Http { .. } | AdminClientError::Io { .. }) => {}
            Err(other) => return Err(other),
        }
        std::thread::sleep(INTERVAL);
    }
    Ok(None)
}
