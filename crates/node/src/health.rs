//! The TCP health port: it accepts connections only while the daemon is alive, so that a bare TCP probe is right.
//!
//! In: an address, a [`Liveness`], a [`Drain`]. Out: a listening socket while healthy, none while unhealthy or
//! draining. Connections are accepted and closed; nothing is read or written.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::{Drain, Liveness};

/// How long to wait before binding again, when another program took the port while this one was unhealthy.
const REBIND_INTERVAL: Duration = Duration::from_secs(1);

/// Why there is no health port.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HealthError {
    /// The address cannot be bound: in use, or not of this machine, or a port below 1024.
    #[error(
        "--health-check-address, --health-check-port: cannot listen on {address}: {error}; stop what uses the port, or choose another"
    )]
    Bind {
        /// What was to be bound.
        address: SocketAddr,
        /// What the operating system said.
        error: std::io::Error,
    },
}

/// A health port that was found free. It listens only while [`HealthPort::serve`] runs and all is well.
#[derive(Debug)]
pub struct HealthPort {
    address: SocketAddr,
}

impl HealthPort {
    /// Checks that `address` can be bound, and remembers it; the port 0 chooses a free one.
    ///
    /// # Errors
    /// [`HealthError::Bind`] if it cannot: better known at the start than at the first ping.
    pub async fn reserve(address: SocketAddr) -> Result<Self, HealthError> {
        let listener = bind(address).await?;
        let address = listener
            .local_addr()
            .map_err(|error| HealthError::Bind { address, error })?;
        Ok(Self { address })
    }

    /// Where it listens while healthy.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens while healthy, and returns when `drain` begins. Run it as a task.
    pub async fn serve(self, liveness: Liveness, drain: Drain) {
        tokio::select! {
            () = self.follow(&liveness) => {}
            () = drain.begun() => {}
        }
    }

    async fn follow(&self, liveness: &Liveness) {
        loop {
            liveness.healthy().await;
            match bind(self.address).await {
                Ok(listener) => self.listen_while_healthy(listener, liveness).await,
                Err(error) => {
                    tracing::warn!(%error, "health port is closed");
                    tokio::time::sleep(REBIND_INTERVAL).await;
                }
            }
        }
    }

    async fn listen_while_healthy(&self, listener: TcpListener, liveness: &Liveness) {
        tracing::info!(address = %self.address, "healthy");
        tokio::select! {
            () = accept_and_close(listener) => {}
            () = liveness.unhealthy() => tracing::warn!("unhealthy: no ping of the daemon"),
        }
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, HealthError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| HealthError::Bind { address, error })
}

/// Runs until cancelled. An accept that fails (no file descriptor left) is tried again later, as the
/// waiting connection would otherwise make this a busy loop.
async fn accept_and_close(listener: TcpListener) {
    loop {
        if listener.accept().await.is_err() {
            tokio::time::sleep(REBIND_INTERVAL).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use tokio::net::TcpStream;

    fn loopback() -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
    }

    /// Probes `address`, with a ping before each probe if there is a liveness, until one is answered (`open`) or
    /// refused.
    async fn wait_for(address: SocketAddr, open: bool, liveness: Option<&Liveness>) {
        let probes = async {
            loop {
                liveness.inspect(|liveness| liveness.ping());
                if TcpStream::connect(address).await.is_ok() == open {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let limit = Duration::from_secs(10);
        tokio::time::timeout(limit, probes)
            .await
            .unwrap_or_else(|_| panic!("the port never became open={open}"));
    }

    #[tokio::test]
    async fn the_port_is_open_only_while_healthy() {
        let (liveness, drain) = (
            Liveness::with_window(Duration::from_millis(200)),
            Drain::new(Duration::from_secs(1)),
        );
        let port = HealthPort::reserve(loopback()).await.expect("a free port");
        let address = port.address();
        let server = tokio::spawn(port.serve(liveness.clone(), drain.clone()));
        assert!(
            TcpStream::connect(address).await.is_err(),
            "open before the first ping"
        );
        wait_for(address, true, Some(&liveness)).await;
        wait_for(address, false, None).await;
        wait_for(address, true, Some(&liveness)).await;
        drain.begin();
        server.await.expect("the server ends");
        assert!(
            TcpStream::connect(address).await.is_err(),
            "open while draining"
        );
    }

    #[tokio::test]
    async fn a_port_in_use_is_named() {
        let taken = TcpListener::bind(loopback()).await.expect("a free port");
        let address = taken.local_addr().expect("its address");
        let error = HealthPort::reserve(address)
            .await
            .expect_err("the port is taken");
        let wanted = format!("--health-check-port: cannot listen on {address}");
        assert!(error.to_string().contains(&wanted), "{error}");
    }
}
