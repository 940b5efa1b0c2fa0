//! The places where users arrive.
//!
//! In: addresses and ports, from the command line or from the daemon (`listen()`). Out: sockets, for the reception.
//! It does not know what happens on a connection.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use moor_rpc::{Dial, DialError, ListenError, ListenResult, ListenerId, ListenerInfo};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;

use crate::dialer::Dialer;
use crate::reception::{Origin, Reception};

/// Connections that the kernel holds until they are accepted; the kernel's own bound may be lower.
pub const ACCEPT_BACKLOG: u32 = 1_024;

/// Listeners that a daemon may ask for. One more is refused.
pub const LISTENERS_MAX: usize = 64;

/// How long to wait when the system has no file descriptor or memory left for a connection.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// The open listeners of a host, and the connections that it makes.
pub struct Listeners {
    reception: Reception,
    dialer: Dialer,
    open: HashMap<ListenerId, Open>,
}

struct Open {
    info: ListenerInfo,
    task: JoinHandle<()>,
}

impl Listeners {
    /// No listeners yet.
    #[must_use]
    pub fn new(reception: Reception) -> Self {
        Self {
            dialer: Dialer::new(reception.clone()),
            reception,
            open: HashMap::new(),
        }
    }

    /// Listens at `address`, under `id`; returns where.
    ///
    /// # Errors
    /// What the operating system says: port in use, not an address of this machine, port below 1024.
    pub fn open_at(&mut self, id: ListenerId, address: SocketAddr) -> io::Result<ListenerInfo> {
        let listener = bind(address)?;
        let bound = listener.local_addr()?;
        let info = ListenerInfo {
            id,
            address: bound.ip().to_string(),
            port: bound.port(),
            tls: false,
        };
        let task = tokio::spawn(accept(listener, id, self.reception.clone()));
        self.open.insert(
            id,
            Open {
                info: info.clone(),
                task,
            },
        );
        Ok(info)
    }

    fn try_open(&mut self, wanted: &ListenerInfo) -> Result<ListenerInfo, ListenError> {
        let not_allowed = |why: String| ListenError::NotAllowed {
            port: wanted.port,
            why,
        };
        if wanted.tls {
            return Err(not_allowed("this host has no TLS certificate".into()));
        }
        if self.open.len() >= LISTENERS_MAX {
            return Err(not_allowed(format!("{LISTENERS_MAX} listeners are open")));
        }
        let bad_address = || ListenError::BadAddress {
            address: wanted.address.clone(),
        };
        let address = match wanted.address.as_str() {
            "" => self.own_address(),
            text => text.parse().map_err(|_| bad_address())?,
        };
        self.open_at(wanted.id, SocketAddr::new(address, wanted.port))
            .map_err(|error| match error.kind() {
                io::ErrorKind::AddrInUse => ListenError::InUse { port: wanted.port },
                io::ErrorKind::AddrNotAvailable => bad_address(),
                _ => not_allowed(error.to_string()),
            })
    }

    /// Where the host itself listens: a place without an address is no more open than that.
    fn own_address(&self) -> IpAddr {
        let own = self.open.get(&ListenerId::MAIN);
        own.and_then(|own| own.info.address.parse().ok())
            .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }
}

impl moor_host::Listeners for Listeners {
    fn open(&mut self, wanted: &ListenerInfo) -> ListenResult {
        let result = match self.open.get(&wanted.id) {
            Some(open) => Ok(open.info.clone()),
            None => self.try_open(wanted),
        };
        ListenResult {
            listener: wanted.id,
            result: result.map(Some),
        }
    }

    fn close(&mut self, id: ListenerId) -> ListenResult {
        let open = if id == ListenerId::MAIN {
            None
        } else {
            self.open.remove(&id)
        };
        let result = match open {
            Some(open) => {
                open.task.abort();
                Ok(None)
            }
            None => Err(ListenError::Unknown),
        };
        ListenResult {
            listener: id,
            result,
        }
    }

    fn dial(&mut self, wanted: Dial) -> Result<(), DialError> {
        self.dialer.dial(wanted)
    }

    fn close_all(&mut self) {
        self.open.drain().for_each(|(_, open)| open.task.abort());
    }

    fn infos(&self) -> Vec<ListenerInfo> {
        let mut infos: Vec<_> = self.open.values().map(|open| open.info.clone()).collect();
        infos.sort_by_key(|info| info.id);
        infos
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A port whose last connections are still dying may be taken; one that is listened on may not.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(ACCEPT_BACKLOG)
}

async fn accept(listener: TcpListener, id: ListenerId, reception: Reception) {
    loop {
        let welcomed = match listener.accept().await {
            Ok((socket, peer)) => {
                let origin = Origin::Accepted(id);
                reception.welcome(socket, peer, origin).await
            }
            Err(error) => Err(error),
        };
        match welcomed {
            Ok(()) => {}
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted at the moment");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::NotConnected
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::Interrupted
    )
}
