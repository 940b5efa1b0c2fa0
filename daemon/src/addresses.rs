//! Where the daemon listens: five lists of addresses and one socket for the operator.
//!
//! In: the flags. Out: checked endpoints, with the sockets of the runtime folder where a flag says nothing. It opens
//! nothing.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use moor_link::{Endpoint, PortHint, runtime_folder};
use moor_node::ADMIN_SOCKET;

/// TCP ports, for messages that explain an address.
const RPC_PORT: PortHint = PortHint(7899);
const EVENTS_PORT: PortHint = PortHint(7898);
const WORKERS_REQUEST_PORT: PortHint = PortHint(7896);
const WORKERS_RESPONSE_PORT: PortHint = PortHint(7897);
const ENROLLMENT_PORT: PortHint = PortHint(7900);

/// The flags.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct AddressArgs {
    /// Where hosts send requests: addresses separated by commas, ipc:///path or tcp://address:port; default rpc.sock in
    /// the runtime folder
    #[arg(long, value_name = "ADDRESSES")]
    rpc_listen: Option<String>,
    /// Where hosts receive events; default events.sock in the runtime folder
    #[arg(long, value_name = "ADDRESSES")]
    events_listen: Option<String>,
    /// Where workers receive requests; default workers-request.sock in the runtime folder
    #[arg(long, value_name = "ADDRESSES")]
    workers_request_listen: Option<String>,
    /// Where workers send answers; default workers-response.sock in the runtime folder
    #[arg(long, value_name = "ADDRESSES")]
    workers_response_listen: Option<String>,
    /// Where hosts and workers of other machines are enrolled: tcp://address:port; nowhere unless given
    #[arg(long, value_name = "ADDRESSES")]
    enrollment_listen: Option<String>,
    /// The socket for the operator's commands; default admin.sock in the runtime folder
    #[arg(long, value_name = "PATH")]
    admin_socket: Option<PathBuf>,
    /// Threads that move, encrypt and decrypt messages, for hosts and for workers each
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) num_io_threads: u16,
}

/// The endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// Requests of hosts.
    pub(crate) rpc: Vec<Endpoint>,
    /// Events for hosts.
    pub(crate) events: Vec<Endpoint>,
    /// Requests for workers.
    pub(crate) workers_request: Vec<Endpoint>,
    /// Answers of workers.
    pub(crate) workers_response: Vec<Endpoint>,
    /// Enrollment; may be empty.
    pub(crate) enrollment: Vec<Endpoint>,
}

impl AddressArgs {
    /// The endpoints.
    ///
    /// # Errors
    /// The first flag that is not understood, and what to write.
    pub(crate) fn endpoints(&self) -> Result<Addresses> {
        let of = endpoints;
        Ok(Addresses {
            rpc: of(self.rpc_listen.as_deref(), "rpc", RPC_PORT)?,
            events: of(self.events_listen.as_deref(), "events", EVENTS_PORT)?,
            workers_request: of(
                self.workers_request_listen.as_deref(),
                "workers-request",
                WORKERS_REQUEST_PORT,
            )?,
            workers_response: of(
                self.workers_response_listen.as_deref(),
                "workers-response",
                WORKERS_RESPONSE_PORT,
            )?,
            enrollment: self.enrollment()?,
        })
    }

    fn enrollment(&self) -> Result<Vec<Endpoint>> {
        let Some(text) = self.enrollment_listen.as_deref() else {
            return Ok(Vec::new());
        };
        let list = endpoints(Some(text), "enrollment", ENROLLMENT_PORT)?;
        match list.iter().find(|endpoint| endpoint.path().is_some()) {
            Some(local) => bail!(
                "--enrollment-listen {local}: programs on this machine need no enrollment; write tcp://0.0.0.0:7900"
            ),
            None => Ok(list),
        }
    }

    /// The operator's socket.
    pub(crate) fn admin_socket(&self) -> PathBuf {
        let usual = || runtime_folder().join(ADMIN_SOCKET);
        self.admin_socket.clone().unwrap_or_else(usual)
    }
}

impl Addresses {
    /// Whether anybody on the network can knock: then keys and the registry of peers are needed.
    pub(crate) fn has_network(&self) -> bool {
        let lists = [
            &self.rpc,
            &self.events,
            &self.workers_request,
            &self.workers_response,
            &self.enrollment,
        ];
        lists
            .into_iter()
            .flatten()
            .any(|endpoint| endpoint.path().is_none())
    }
}

/// The addresses of `--NAME-listen`, or the socket of that name in the runtime folder.
fn endpoints(flag: Option<&str>, name: &str, hint: PortHint) -> Result<Vec<Endpoint>> {
    match flag {
        Some(text) => Endpoint::parse_list(text, hint).with_context(|| format!("--{name}-listen")),
        None => Ok(vec![Endpoint::ipc(
            runtime_folder().join(format!("{name}.sock")),
        )?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(change: impl FnOnce(&mut AddressArgs)) -> Result<Addresses> {
        let mut args = AddressArgs::default();
        change(&mut args);
        args.endpoints()
    }

    fn names(list: &[Endpoint]) -> Vec<String> {
        let name = |endpoint: &Endpoint| endpoint.to_string();
        list.iter().map(name).collect()
    }

    #[test]
    fn without_flags_all_is_on_this_machine_and_nobody_is_enrolled() {
        let usual = of(|_| ()).expect("defaults");
        assert!(!usual.has_network());
        assert_eq!(usual.enrollment, []);
        let lists = [
            (&usual.rpc, "/rpc.sock"),
            (&usual.events, "/events.sock"),
            (&usual.workers_request, "/workers-request.sock"),
            (&usual.workers_response, "/workers-response.sock"),
        ];
        for (list, end) in lists {
            assert!(names(list).join(" ").ends_with(end), "{list:?}");
        }
    }

    #[test]
    fn lists_mix_sockets_and_ports() {
        let text = "ipc:///run/moor/rpc.sock,tcp://0.0.0.0:7899";
        let mixed = of(|args| args.rpc_listen = Some(text.into())).expect("a list");
        assert_eq!(names(&mixed.rpc).join(","), text);
        assert!(mixed.has_network());
    }

    /// What a command line does to the flags.
    type Change = fn(&mut AddressArgs);

    #[test]
    fn each_flag_proposes_its_own_port() {
        let wrong: [(Change, &str, u16); 5] = [
            (|args| args.rpc_listen = no_port(), "--rpc-listen", 7899),
            (
                |args| args.events_listen = no_port(),
                "--events-listen",
                7898,
            ),
            (
                |args| args.workers_request_listen = no_port(),
                "--workers-request-listen",
                7896,
            ),
            (
                |args| args.workers_response_listen = no_port(),
                "--workers-response-listen",
                7897,
            ),
            (
                |args| args.enrollment_listen = no_port(),
                "--enrollment-listen",
                7900,
            ),
        ];
        for (change, flag, port) in wrong {
            let error = format!("{:#}", of(change).expect_err(flag));
            let wanted = format!("{flag}: tcp://0.0.0.0: missing port; write tcp://0.0.0.0:{port}");
            assert_eq!(error, wanted);
        }
    }

    #[test]
    fn enrollment_is_for_other_machines() {
        let local = Some("ipc:///run/moor/enrollment.sock".to_owned());
        let error = of(|args| args.enrollment_listen = local).expect_err("refused");
        assert!(
            error.to_string().ends_with("write tcp://0.0.0.0:7900"),
            "{error}"
        );
    }

    fn no_port() -> Option<String> {
        Some("tcp://0.0.0.0".into())
    }
}
