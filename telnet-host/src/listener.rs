//! The places where users arrive.
//!
//! In: addresses and ports, from the command line or from the daemon (`listen()`). Out: sockets, for the reception.
//! It does not know what happens on a connection.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use moor_rpc::{Dial, DialError, ListenError, ListenResult, ListenerId, ListenerInfo, ListenerTls};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::dialer::Dialer;
use crate::reception::{Origin, Reception};
use crate::tls::{self, Callers, Certificate, Further, HANDSHAKES_MAX};

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
    /// The host's own certificate.
    own: Option<Arc<Certificate>>,
    further: Further,
    open: HashMap<ListenerId, Open>,
}

/// Which certificate a place shows, and what it is.
type Security = (ListenerTls, Arc<Certificate>);

struct Open {
    info: ListenerInfo,
    task: JoinHandle<()>,
}

impl Listeners {
    /// No listeners yet; `own` is the host's certificate, `further` are those that programs may name.
    pub(crate) fn new(
        reception: Reception,
        callers: Callers,
        own: Option<Arc<Certificate>>,
        further: Further,
    ) -> Self {
        Self {
            dialer: Dialer::new(reception.clone(), callers),
            reception,
            own,
            further,
            open: HashMap::new(),
        }
    }

    /// Listens at `address`, under `id`, for users who speak TLS if there is a certificate for them; returns where.
    ///
    /// # Errors
    /// What the operating system says: port in use, not an address of this machine, port below 1024.
    pub(crate) fn open_at(
        &mut self,
        id: ListenerId,
        address: SocketAddr,
        security: Option<Security>,
    ) -> io::Result<ListenerInfo> {
        let (tls, certificate) = security.unzip();
        let listener = bind(address)?;
        let bound = listener.local_addr()?;
        let info = ListenerInfo {
            id,
            address: bound.ip().to_string(),
            port: bound.port(),
            tls,
        };
        let reception = self.reception.clone();
        let task = match certificate {
            None => tokio::spawn(accept(listener, id, reception)),
            Some(certificate) => tokio::spawn(accept_tls(listener, id, certificate, reception)),
        };
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
        let security = self.security(wanted)?;
        self.open_at(wanted.id, SocketAddr::new(address, wanted.port), security)
            .map_err(|error| match error.kind() {
                io::ErrorKind::AddrInUse => ListenError::InUse { port: wanted.port },
                io::ErrorKind::AddrNotAvailable => bad_address(),
                _ => not_allowed(error.to_string()),
            })
    }

    /// The certificate for a place where users speak TLS.
    fn security(&self, wanted: &ListenerInfo) -> Result<Option<Security>, ListenError> {
        let Some(tls) = wanted.tls.clone() else {
            return Ok(None);
        };
        let missing = |why: String| ListenError::NoCertificate {
            port: wanted.port,
            why,
        };
        let certificate = if tls == ListenerTls::default() {
            let none =
                || missing("this host has no certificate of its own (--telnet-tls-cert)".into());
            self.own.clone().ok_or_else(none)?
        } else {
            let loaded = self.further.load(&tls.certificate, &tls.key);
            Arc::new(loaded.map_err(|error| missing(error.to_string()))?)
        };
        Ok(Some((tls, certificate)))
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
        let open = if id.is_own() {
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
                reception.welcome((socket, None), peer, origin).await
            }
            Err(error) => Err(error),
        };
        rest_after(welcomed).await;
    }
}

/// Accepts users who speak TLS. Nobody waits for the handshake of another, as long as there is room for it.
async fn accept_tls(
    listener: TcpListener,
    id: ListenerId,
    certificate: Arc<Certificate>,
    reception: Reception,
) {
    let room = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
        match listener.accept().await {
            Ok((socket, peer)) => {
                let (certificate, reception) = (Arc::clone(&certificate), reception.clone());
                tokio::spawn(async move {
                    let encrypted = tls::accept(socket, &certificate).await;
                    drop(permit);
                    let welcomed = match encrypted {
                        Ok((socket, tls)) => {
                            let origin = Origin::Accepted(id);
                            reception.welcome((socket, Some(tls)), peer, origin).await
                        }
                        Err(error) => {
                            tracing::debug!(%peer, %error, "no handshake");
                            Ok(())
                        }
                    };
                    rest_after(welcomed).await;
                });
            }
            Err(error) => rest_after(Err(error)).await,
        }
    }
}

/// Waits a little where the system could not accept any connection.
async fn rest_after(welcomed: io::Result<()>) {
    match welcomed {
        Ok(()) => {}
        Err(error) if is_of_one_connection(&error) => {}
        Err(error) => {
            tracing::warn!(%error, "a connection cannot be accepted at the moment");
            tokio::time::sleep(ACCEPT_RETRY).await;
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
