//! New sockets: each becomes a connection that the hub knows and whose task runs.
//!
//! In: sockets, accepted or connected. Out: connections, announced to the hub. It does not know where sockets come from.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use moor_host::{FromConnection, Requests};
use moor_rpc::{ListenerId, OpenSession, SessionId};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::connection::Connection;
use crate::session::Session;
use crate::tls::Tls;

/// Where new connections go.
#[derive(Clone)]
pub struct Reception {
    /// For the lines of the connection.
    pub requests: Arc<Requests>,
    /// For its coming and going.
    pub hub: mpsc::Sender<FromConnection<Connection>>,
}

/// How a socket came about.
pub(crate) enum Origin {
    /// A user has come to this listener.
    Accepted(ListenerId),
    /// The daemon asked for it under this name.
    Dialed {
        /// The session that it becomes.
        session: SessionId,
        /// The name that was looked up, if it was one.
        hostname: Option<String>,
    },
}

impl Reception {
    /// Makes a connection of a socket whose other end is `peer`, and has it served.
    pub(crate) async fn welcome(
        &self,
        (socket, tls): (TcpStream, Option<Tls>),
        peer: SocketAddr,
        origin: Origin,
    ) -> io::Result<()> {
        let connection = connection_of(socket, tls, peer, origin)?;
        // The hub hears of a connection before its task runs, so that its end cannot come first.
        let news = FromConnection::Accepted(connection.clone());
        if self.hub.send(news).await.is_ok() {
            let Self { requests, hub } = self.clone();
            tokio::spawn(connection.serve(requests, hub));
        }
        Ok(())
    }
}

fn connection_of(
    socket: TcpStream,
    tls: Option<Tls>,
    peer: SocketAddr,
    origin: Origin,
) -> io::Result<Arc<Connection>> {
    socket.set_nodelay(true)?;
    let local = socket.local_addr()?;
    let outbound = matches!(origin, Origin::Dialed { .. });
    let (session, listener, hostname) = match origin {
        Origin::Accepted(listener) => (random_id()?, listener, None),
        Origin::Dialed { session, hostname } => (session, ListenerId::MAIN, hostname),
    };
    let open = OpenSession {
        session,
        listener,
        peer_address: peer.ip().to_canonical().to_string(),
        peer_port: peer.port(),
        local_address: local.ip().to_canonical().to_string(),
        local_port: local.port(),
        hostname,
        tls: tls.as_ref().map(Tls::info),
        options: Session::initial_options(),
        token: None,
        outbound,
    };
    Ok(Connection::new(socket, tls, open))
}

fn random_id() -> io::Result<SessionId> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(io::Error::other)?;
    Ok(SessionId(id))
}
