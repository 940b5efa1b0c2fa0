//! One program as a file of the deployment describes it: what every reader makes, and the runner takes.

use std::collections::BTreeMap;

/// The programs that serve until they are stopped, with the one line each of its own ports and their variables.
pub(crate) const PROGRAMS: [&str; 4] = [
    "moor-daemon",
    "moor-telnet-host",
    "moor-web-host",
    "moor-curl-worker",
];

/// What a program listens at when no flag says otherwise: program, variable, port.
pub(crate) const OWN_PORTS: [(&str, &str, u16); 4] = [
    ("moor-telnet-host", "MOOR_TELNET_PORT", 8888),
    ("moor-telnet-host", "MOOR_HEALTH_CHECK_PORT", 9888),
    ("moor-web-host", "MOOR_LISTEN_ADDRESS", 8081),
    ("moor-curl-worker", "MOOR_HEALTH_CHECK_PORT", 9999),
];

/// The daemon's endpoints: what the flags call it, and its port.
pub(crate) const ENDPOINTS: [(&str, u16); 5] = [
    ("workers-request", 7896),
    ("workers-response", 7897),
    ("events", 7898),
    ("rpc", 7899),
    ("enrollment", 7900),
];

/// The port of the admin listener in all files.
pub(crate) const ADMIN_PORT: u16 = 9889;

/// The firewall table of the guide: who may reach which of the daemon's ports.
pub(crate) const HOST_PORTS: [u16; 3] = [7898, 7899, 7900];
pub(crate) const WORKER_PORTS: [u16; 4] = [7896, 7897, 7899, 7900];

/// What of the daemon a program may reach.
pub(crate) fn firewall(component: &str) -> &'static [u16] {
    match component {
        "telnet-host" | "web-host" => &HOST_PORTS,
        "curl-worker" => &WORKER_PORTS,
        other => panic!("{other} is no host and no worker"),
    }
}

/// How a file asks whether a program is well.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Probe {
    /// Something accepts connections.
    Tcp(u16),
    /// GET is answered with 200.
    Http(u16, String),
    /// A command ends with 0.
    Command(Vec<String>),
}

/// What is at a path.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    /// A folder that is kept, and that parts with the same name share.
    Volume(String),
    /// Files of a secret: its name, and (key, file) of each.
    Secret(String, Vec<(String, String)>),
}

/// A path where a program finds, or may leave, something.
#[derive(Clone, Debug)]
pub(crate) struct Mount {
    pub(crate) path: String,
    pub(crate) source: Source,
    pub(crate) read_only: bool,
}

/// One program, or a command that is run once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Part {
    /// Of the service, the workload or the machine.
    pub(crate) name: String,
    /// The program with its arguments.
    pub(crate) command: Vec<String>,
    pub(crate) variables: BTreeMap<String, String>,
    /// Where it may write; everywhere else nothing may be left.
    pub(crate) mounts: Vec<Mount>,
    pub(crate) probes: Vec<Probe>,
    /// The names and addresses that it knows others by, and what they are on this machine.
    pub(crate) hosts: BTreeMap<String, String>,
    /// Ports that are declared or published: all must be the program's.
    pub(crate) ports: Vec<u16>,
    /// After how many seconds it is killed that does not stop.
    pub(crate) grace_s: u64,
    /// The parts that must be well, or have ended well, before.
    pub(crate) after: Vec<String>,
}

impl Part {
    pub(crate) fn program(&self) -> &str {
        let path = self.command.first().map_or("", String::as_str);
        path.rsplit('/').next().unwrap_or(path)
    }

    pub(crate) fn serves(&self) -> bool {
        PROGRAMS.contains(&self.program())
    }

    /// `telnet-host` of `moor-telnet-host`.
    pub(crate) fn component(&self) -> &str {
        self.program()
            .strip_prefix("moor-")
            .unwrap_or(self.program())
    }

    /// The value of a flag, or of its variable.
    pub(crate) fn setting(&self, flag: &str) -> Option<String> {
        let mut words = self.command.iter();
        while let Some(word) = words.next() {
            if let Some(value) = word.strip_prefix(&format!("--{flag}=")) {
                return Some(value.to_owned());
            }
            if *word == format!("--{flag}") {
                return words.next().cloned();
            }
        }
        self.variables.get(&variable(flag)).cloned()
    }
}

/// The variable of a flag.
pub(crate) fn variable(flag: &str) -> String {
    format!("MOOR_{}", flag.replace('-', "_").to_uppercase())
}
