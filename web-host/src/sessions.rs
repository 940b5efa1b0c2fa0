//! The sessions of this host, found by their names.
//!
//! In: users who sign in or come back. Out: connections with their keepers running, announced to the hub. It does not
//! know what happens on a connection.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use moor_host::{Connection as _, FromConnection, Requests};
use moor_rpc::{AuthToken, CloseReason, ListenerId, OpenSession, SessionId, TlsInfo};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::connection::Connection;
use crate::origin::Client;
use crate::session::Session;
use crate::tokens::Owner;

/// Sessions that one token may have at a time.
pub const SESSIONS_PER_TOKEN_MAX: usize = 16;

/// Why there is no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The holder of the token has too many.
    #[error("there are {SESSIONS_PER_TOKEN_MAX} sessions of this sign-in already")]
    TooMany,
    /// The host is stopping.
    #[error("this host is stopping")]
    Stopping,
    /// The system has no random numbers.
    #[error("no name for the session can be made")]
    NoName,
}

/// Where the host listens, as the world is told.
#[derive(Debug, Clone)]
pub struct Place {
    /// The address.
    pub address: String,
    /// The port.
    pub port: u16,
}

/// The sessions.
pub struct Sessions {
    requests: Arc<Requests>,
    hub: mpsc::Sender<FromConnection<Connection>>,
    place: Place,
    resume_window: Duration,
    open: Arc<Mutex<HashMap<SessionId, Arc<Connection>>>>,
}

impl Sessions {
    /// None yet.
    #[must_use]
    pub fn new(
        requests: Arc<Requests>,
        hub: mpsc::Sender<FromConnection<Connection>>,
        place: Place,
        resume_window: Duration,
    ) -> Self {
        Self {
            requests,
            hub,
            place,
            resume_window,
            open: Arc::default(),
        }
    }

    /// Opens a session for a user: already signed in with a token, or nobody's.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(
        &self,
        client: Client,
        signed_in: Option<(AuthToken, Owner)>,
    ) -> Result<Arc<Connection>, OpenError> {
        let (token, owner) = signed_in.unzip();
        if owner
            .as_ref()
            .is_some_and(|owner| self.of(owner).len() >= SESSIONS_PER_TOKEN_MAX)
        {
            return Err(OpenError::TooMany);
        }
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|_| OpenError::NoName)?;
        let open = OpenSession {
            session: SessionId(id),
            listener: ListenerId::MAIN,
            peer_address: client.address.to_string(),
            peer_port: client.port,
            local_address: self.place.address.clone(),
            local_port: self.place.port,
            hostname: None,
            tls: client.is_https.then(tls_of_the_proxy),
            options: Session::initial_options(),
            token,
            outbound: false,
        };
        let connection = Connection::new(open, owner, self.requests.clone());
        let news = FromConnection::Accepted(connection.clone());
        // The hub hears of it before its keeper runs, so that its end cannot come first.
        self.hub.send(news).await.map_err(|_| OpenError::Stopping)?;
        self.open.lock().insert(connection.id(), connection.clone());
        let (keeper, hub, window) = (connection.clone(), self.hub.clone(), self.resume_window);
        let open = self.open.clone();
        tokio::spawn(async move {
            let id = keeper.id();
            keeper.keep(hub, window).await;
            open.lock().remove(&id);
        });
        Ok(connection)
    }

    /// A session of the holder of a token.
    #[must_use]
    pub fn find(&self, session: SessionId, owner: &Owner) -> Option<Arc<Connection>> {
        let found = self.open.lock().get(&session).cloned();
        found.filter(|connection| connection.is_owned_by(owner))
    }

    /// Ends all sessions of the holder of a token.
    pub fn end_all(&self, owner: &Owner) {
        for connection in self.of(owner) {
            connection.close(CloseReason::ByPeer);
        }
    }

    /// Whether the holder of a token is in a session as its player: the daemon has found the token good.
    #[must_use]
    pub fn has_player(&self, owner: &Owner) -> bool {
        self.of(owner)
            .iter()
            .any(|connection| connection.player().is_some())
    }

    fn of(&self, owner: &Owner) -> Vec<Arc<Connection>> {
        let all: Vec<_> = self.open.lock().values().cloned().collect();
        all.into_iter()
            .filter(|connection| connection.is_owned_by(owner))
            .collect()
    }
}

/// A proxy tells that there was TLS, and not which.
fn tls_of_the_proxy() -> TlsInfo {
    TlsInfo {
        version: "TLS".into(),
        cipher: "proxy".into(),
    }
}
