//! `moor connections list`: the users of the running daemon.
//!
//! In: the admin socket. Out: a row for each session. What users wrote is not there.

use moor_node::Exit;
use moor_node::admin_api::{CONNECTIONS, Connection, Connections};

use super::CommandError;
use super::admin_socket::AdminSocketArgs;
use super::output::{OutputArgs, seconds, table};

/// Users that are connected: player, host, address, how long they were idle, how many events their host lags behind
#[derive(Debug, clap::Parser)]
pub(super) struct ListArgs {
    #[command(flatten)]
    socket: AdminSocketArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn list(args: &ListArgs) -> Result<Exit, CommandError> {
    let all: Connections = args.socket.client()?.get(CONNECTIONS)?;
    args.output.show(&all, human);
    Ok(Exit::Success)
}

fn human(all: &Connections) -> String {
    table(
        [
            "SESSION",
            "PLAYER",
            "NAME",
            "ADDRESS",
            "TYPE",
            "HOST",
            "CONNECTED",
            "IDLE",
            "LAG",
        ],
        all.connections.iter().map(row),
        "nobody is connected",
    )
}

fn row(connection: &Connection) -> [String; 9] {
    let away = match connection.host_away {
        true => " (away)",
        false => "",
    };
    [
        connection.session.to_string(),
        format!("#{}", connection.player),
        connection.name.clone(),
        connection.address.clone(),
        connection.service.clone(),
        format!("{}{away}", connection.host),
        seconds(connection.connected_s),
        seconds(connection.idle_s),
        connection.lag_events.to_string(),
    ]
}
