//! Connections that the host makes for programs of the world.
//!
//! In: wishes of the daemon (`open_network_connection()`). Out: connections as if users had come, or why there are none.
//! Names are looked up on threads that may wait. It does not know who asked, and whether they may.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use moor_host::FromConnection;
use moor_rpc::{Dial, DialError, DialFailed};
use rustix::io::Errno;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::reception::{Origin, Reception};
use crate::tls::{Callers, Tls};

/// Connections that are being made at a time, with look-ups that go on after their time is over. One more is refused.
pub(crate) const DIALS_MAX: usize = 64;

/// Makes connections.
pub(crate) struct Dialer {
    reception: Reception,
    callers: Callers,
    room: Arc<Semaphore>,
}

impl Dialer {
    pub(crate) fn new(reception: Reception, callers: Callers) -> Self {
        let room = Arc::new(Semaphore::new(DIALS_MAX));
        Self {
            reception,
            callers,
            room,
        }
    }

    /// Begins to connect; how that ends the hub hears.
    pub(crate) fn dial(&self, wanted: Dial) -> Result<(), DialError> {
        let room = Arc::clone(&self.room);
        let permit = room.try_acquire_owned().map_err(|_| DialError::NoRoom {
            why: format!("{DIALS_MAX} connections are being made"),
        })?;
        let (callers, reception) = (self.callers.clone(), self.reception.clone());
        tokio::spawn(attempt(wanted, permit, callers, reception));
        Ok(())
    }
}

async fn attempt(
    wanted: Dial,
    permit: OwnedSemaphorePermit,
    callers: Callers,
    reception: Reception,
) {
    let time = Duration::from_millis(wanted.timeout_ms.into());
    let connected = timeout(time, async {
        let (socket, peer) = connect(&wanted, permit).await?;
        let encrypted = encrypt(&wanted, socket, &callers).await?;
        Ok((encrypted, peer))
    });
    let connected = connected.await;
    let welcomed = match connected.unwrap_or_else(|_| Err(timed_out(&wanted))) {
        Ok((socket, peer)) => {
            let origin = Origin::Dialed {
                session: wanted.session,
                hostname: name_of(&wanted),
            };
            let welcomed = reception.welcome(socket, peer, origin).await;
            welcomed.map_err(|error| refused(&wanted, &error))
        }
        Err(error) => Err(error),
    };
    if let Err(error) = welcomed {
        let session = wanted.session;
        let news = FromConnection::NotConnected(DialFailed { session, error });
        // A hub that has stopped needs no word.
        let _ = reception.hub.send(news).await;
    }
}

/// Does the handshake, if the connection is to be encrypted.
async fn encrypt(
    wanted: &Dial,
    socket: TcpStream,
    callers: &Callers,
) -> Result<(TcpStream, Option<Tls>), DialError> {
    if !wanted.tls {
        return Ok((socket, None));
    }
    let encrypted = callers.connect(socket, &wanted.host).await;
    let (socket, tls) = encrypted.map_err(|error| DialError::Unreachable {
        host: wanted.host.clone(),
        port: wanted.port,
        why: error.to_string(),
    })?;
    Ok((socket, Some(tls)))
}

/// Tries each address in turn.
async fn connect(
    wanted: &Dial,
    permit: OwnedSemaphorePermit,
) -> Result<(TcpStream, SocketAddr), DialError> {
    let mut last = DialError::NoAddress {
        host: wanted.host.clone(),
        ipv6: wanted.ipv6,
    };
    for address in look_up(wanted, permit).await {
        match reach(address).await {
            Ok(socket) => return Ok((socket, address)),
            Err(error) => last = refused(wanted, &error),
        }
    }
    Err(last)
}

/// The addresses of a name. Whoever stops waiting does not end the look-up, which keeps its permit.
async fn look_up(wanted: &Dial, permit: OwnedSemaphorePermit) -> Vec<SocketAddr> {
    let (name, port, ipv6) = (wanted.host.clone(), wanted.port, wanted.ipv6);
    let search = move || {
        let found = (name.as_str(), port).to_socket_addrs();
        drop(permit);
        found
            .into_iter()
            .flatten()
            .filter(|address| address.is_ipv6() == ipv6)
            .collect()
    };
    tokio::task::spawn_blocking(search)
        .await
        .unwrap_or_default()
}

async fn reach(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpStream::connect(address).await?;
    // Where nobody listens, a port of this machine may be given to this very connection, which then answers itself.
    if socket.local_addr()? == socket.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(socket)
}

fn name_of(wanted: &Dial) -> Option<String> {
    let is_address = wanted.host.parse::<IpAddr>().is_ok();
    (!is_address).then(|| wanted.host.clone())
}

fn timed_out(wanted: &Dial) -> DialError {
    DialError::TimedOut {
        host: wanted.host.clone(),
        port: wanted.port,
        timeout_ms: wanted.timeout_ms,
    }
}

fn refused(wanted: &Dial, error: &io::Error) -> DialError {
    const NO_ROOM: [Errno; 4] = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    let why = error.to_string();
    match Errno::from_io_error(error) {
        Some(errno) if NO_ROOM.contains(&errno) => DialError::NoRoom { why },
        _ => DialError::Unreachable {
            host: wanted.host.clone(),
            port: wanted.port,
            why,
        },
    }
}
