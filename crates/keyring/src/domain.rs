//! Which door is whose: the one table of services and the endpoints that their keys open.
//!
//! In: a service type and a domain. Out: yes or no; what is not in the table is no.

/// A group of endpoints, as the `ZAP_DOMAIN` of their sockets names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Domain {
    /// Requests of hosts.
    Rpc,
    /// Events for hosts.
    Events,
    /// Requests for workers.
    WorkersRequest,
    /// Answers of workers.
    WorkersResponse,
    /// Enrollment, where any key may knock.
    Enrollment,
}

impl Domain {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rpc => "moor.rpc",
            Self::Events => "moor.events",
            Self::WorkersRequest => "moor.workers-request",
            Self::WorkersResponse => "moor.workers-response",
            Self::Enrollment => "moor.enrollment",
        }
    }
}

/// What an enrolled program is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Host,
    Worker,
}

/// The hosts that there are. Workers are many: one kind for each kind of work.
const HOSTS: [&str; 2] = ["telnet-host", "web-host"];

/// What the service type of a worker ends in; before it stands the worker's kind.
const WORKER_SUFFIX: &str = "-worker";

fn role(service: &str) -> Option<Role> {
    if HOSTS.contains(&service) {
        return Some(Role::Host);
    }
    let kind = service.strip_suffix(WORKER_SUFFIX)?;
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (!kind.is_empty() && service.len() <= 32 && kind.bytes().all(allowed)).then_some(Role::Worker)
}

/// Whether there are programs of this service type: `telnet-host`, `web-host`, and `KIND-worker` with 1 to 25 bytes of
/// `a-z`, `0-9` and `-` for KIND.
#[must_use]
pub fn is_known_service(service: &str) -> bool {
    role(service).is_some()
}

/// Whether the key of a program of this service type opens the endpoints of `domain`.
#[must_use]
pub fn may_enter(service: &str, domain: Domain) -> bool {
    match domain {
        Domain::Rpc | Domain::Events => role(service) == Some(Role::Host),
        Domain::WorkersRequest | Domain::WorkersResponse => role(service) == Some(Role::Worker),
        // To enroll again it takes a token, as the first time.
        Domain::Enrollment => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_has_its_own_doors() {
        use Domain as D;
        let doors = [D::Rpc, D::Events, D::WorkersRequest, D::WorkersResponse];
        let longest = format!("{}-worker", "k".repeat(25));
        let too_long = format!("{}-worker", "k".repeat(26));
        for (service, expected) in [
            ("telnet-host", [true, true, false, false]),
            ("web-host", [true, true, false, false]),
            ("curl-worker", [false, false, true, true]),
            ("a-b-2-worker", [false, false, true, true]),
            (longest.as_str(), [false, false, true, true]),
            (too_long.as_str(), [false; 4]),
            ("-worker", [false; 4]),
            ("Curl-worker", [false; 4]),
            ("curl worker", [false; 4]),
            ("relay-host", [false; 4]),
            ("", [false; 4]),
        ] {
            assert_eq!(
                doors.map(|door| may_enter(service, door)),
                expected,
                "{service}"
            );
            assert_eq!(
                is_known_service(service),
                expected != [false; 4],
                "{service}"
            );
        }
    }
}
