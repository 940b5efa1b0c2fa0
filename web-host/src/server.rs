//! The HTTP server: sockets in, requests to the routes.
//!
//! In: a listening socket, routes. Out: answers. Connections are bounded in all and for each address, and whoever sends
//! nothing, too much, or too slowly is dropped. It does not know what the routes mean.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use moor_node::Drain;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower_service::Service;

use crate::app::Peer;
use crate::attempts::subscriber;
use crate::origin::Proxies;
use crate::stalled::Stalled;

/// Connections that the kernel holds until they are accepted; the kernel's own bound may be lower.
const ACCEPT_BACKLOG: u32 = 1_024;

/// Connections at the same time.
pub const CONNECTIONS_MAX: usize = 20_000;

/// Connections of one address, unless it is a trusted proxy's; a network of IPv6 that one subscriber has is one address.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 256;

/// The request line and all header lines together.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// Header lines of a request.
const HEADERS_MAX: usize = 64;

/// Until the whole head of a request has come, and between two requests.
const HEAD_TIME_MAX: Duration = Duration::from_secs(15);

/// What answers that are being written get when the host stops.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// The pause after an accept that failed, as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Listens at `address`.
///
/// # Errors
/// What the operating system says: port in use, not an address of this machine, port below 1024.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address.is_ipv4() {
        true => TcpSocket::new_v4()?,
        false => TcpSocket::new_v6()?,
    };
    // A port whose last connections are still dying may be taken; one that is listened on may not.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(ACCEPT_BACKLOG)
}

/// Serves until the drain begins and the last answers are written.
pub async fn serve(listener: TcpListener, router: Router, proxies: Proxies, drain: Drain) {
    let (stop, stopped) = watch::channel(false);
    let counts = Arc::new(Counts::default());
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = drain.begun() => break,
            accepted = listener.accept() => accepted,
            Some(_) = open.join_next() => continue,
        };
        match accepted {
            Ok((socket, peer)) => {
                let limit = match proxies.trust(peer.ip()) {
                    true => CONNECTIONS_MAX,
                    false => CONNECTIONS_PER_ADDRESS_MAX,
                };
                if let Some(place) = counts.enter(peer.ip(), limit) {
                    let origin = (Peer(peer), Arc::new(place));
                    open.spawn(answer(socket, origin, router.clone(), stopped.clone()));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted at the moment");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    // The connections watch as long as they live.
    let _ = stop.send(true);
    let all = async { while open.join_next().await.is_some() {} };
    let _ = timeout(LAST_ANSWERS, all).await;
}

/// The requests of one connection, until it becomes a WebSocket or ends.
async fn answer(
    socket: TcpStream,
    (peer, place): (Peer, Arc<Place>),
    router: Router,
    mut stopped: watch::Receiver<bool>,
) {
    // Without it every small message would wait for the one before.
    let _ = socket.set_nodelay(true);
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    let service = service_fn(move |request| {
        let mut request = hyper::Request::map(request, Body::new);
        request.extensions_mut().insert(peer);
        // A WebSocket keeps the place of its connection.
        request.extensions_mut().insert(place.clone());
        router.clone().call(request)
    });
    let connection = http
        .serve_connection(TokioIo::new(Stalled::new(socket)), service)
        .with_upgrades();
    tokio::pin!(connection);
    loop {
        tokio::select! {
            // A client that broke off, or was too slow, has nobody left to be told.
            _ = &mut connection => return,
            Ok(()) = stopped.changed() => connection.as_mut().graceful_shutdown(),
        }
    }
}

/// How many connections there are.
#[derive(Default)]
struct Counts {
    by_address: Mutex<(usize, HashMap<IpAddr, usize>)>,
}

/// The place of one connection among all; dropping it makes room.
pub struct Place {
    counts: Arc<Counts>,
    address: IpAddr,
}

impl Counts {
    fn enter(self: &Arc<Self>, address: IpAddr, limit: usize) -> Option<Place> {
        let address = subscriber(address);
        let (all, by_address) = &mut *self.by_address.lock();
        let own = by_address.get(&address).copied().unwrap_or(0);
        if *all >= CONNECTIONS_MAX || own >= limit {
            return None;
        }
        *all += 1;
        by_address.insert(address, own + 1);
        let counts = self.clone();
        Some(Place { counts, address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (all, by_address) = &mut *self.counts.by_address.lock();
        *all -= 1;
        if let Some(own) = by_address.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_counted_by_address() {
        let counts = Arc::new(Counts::default());
        let address = |n: u8| IpAddr::from([192, 0, 2, n]);
        let places: Vec<_> = (0..3)
            .map(|_| counts.enter(address(1), 3).expect("room"))
            .collect();
        assert!(counts.enter(address(1), 3).is_none());
        assert!(counts.enter(address(2), 3).is_some());
        drop(places);
        assert!(counts.enter(address(1), 3).is_some());
        assert_eq!(counts.by_address.lock().0, 0);
        assert!(counts.by_address.lock().1.is_empty());
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        let counts = Arc::new(Counts::default());
        let enter = |text: &str| counts.enter(text.parse().expect(text), 1);
        let _place = enter("2001:db8::1").expect("room");
        assert!(enter("2001:db8::2").is_none());
        assert!(enter("2001:db8:0:1::1").is_some());
    }
}
