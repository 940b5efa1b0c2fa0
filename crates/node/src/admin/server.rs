//! A small HTTP/1.1 server on a thread of its own, over TCP or a Unix socket.
//!
//! In: a listening socket, routes. Out: answers, one per connection. A program without an async runtime gets one here, for
//! this thread alone. Every bound is below: a client that sends nothing, too much, or too slowly is dropped, and when there
//! are too many clients the oldest gives way, so that a flood of silent ones keeps no probe out. It does not know what the
//! routes mean.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};

/// Connections at the same time; one more ends the oldest.
pub(super) const CONNECTIONS_MAX: usize = 64;
/// The request line and all header lines together.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Header lines of a request.
const HEADERS_MAX: usize = 64;
/// A request's body.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Until the whole head has come.
const HEAD_TIME_MAX: Duration = Duration::from_secs(5);
/// From the first byte to the last of a connection.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(30);
/// What answers that are being written get when the server ends.
const LAST_ANSWERS: Duration = Duration::from_millis(250);
/// Clients that the kernel keeps while the thread is busy: more than the usual 128, which a burst fills.
const BACKLOG: i32 = 1024;
/// The pause after an accept that failed, as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A running server; dropping it ends it.
#[derive(Debug)]
pub(super) struct Server {
    /// Dropped first: that is the sign to end.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What connections come from.
pub(super) enum Listener {
    /// Anybody who reaches the address.
    Tcp(std::net::TcpListener),
    /// Processes of this user.
    Unix(std::os::unix::net::UnixListener),
}

impl Server {
    /// Serves `router` on a thread called `name`; `background` runs beside it, and ends with it.
    ///
    /// # Errors
    /// What the operating system says if it gives no thread or refuses the socket.
    pub(super) fn start(
        name: &str,
        listener: Listener,
        router: Router,
        background: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let listener = {
            let _inside = runtime.enter();
            AsyncListener::new(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let router = router.layer(DefaultBodyLimit::max(BODY_BYTES_MAX));
        let serve = async move {
            let background = tokio::spawn(background);
            serve(listener, router, stopped).await;
            background.abort();
        };
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || runtime.block_on(serve))?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has already been told, and has ended the process.
            let _ = thread.join();
        }
    }
}

enum AsyncListener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl AsyncListener {
    fn new(listener: Listener) -> io::Result<Self> {
        Ok(match listener {
            Listener::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                rustix::net::listen(&listener, BACKLOG)?;
                Self::Tcp(TcpListener::from_std(listener)?)
            }
            Listener::Unix(listener) => {
                listener.set_nonblocking(true)?;
                Self::Unix(UnixListener::from_std(listener)?)
            }
        })
    }

    /// The next connection; `None` if it is not one to serve.
    async fn accept(&self) -> io::Result<Option<Box<dyn Stream>>> {
        match self {
            Self::Tcp(listener) => Ok(Some(Box::new(listener.accept().await?.0))),
            Self::Unix(listener) => {
                let stream = listener.accept().await?.0;
                let ours = is_trusted(stream.peer_cred()?.uid());
                Ok(ours.then_some(Box::new(stream)))
            }
        }
    }
}

/// This user and root, who could do everything here anyway.
fn is_trusted(user: u32) -> bool {
    user == 0 || user == rustix::process::geteuid().as_raw()
}

async fn serve(listener: AsyncListener, router: Router, mut stopped: oneshot::Receiver<()>) {
    let mut open = Open::default();
    loop {
        let accepted = tokio::select! {
            // Both an order and a dropped server mean the end.
            _ = &mut stopped => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(Some(stream)) => open.begin(answer(stream, router.clone())),
            Ok(None) => tracing::warn!("a process of another user was turned away"),
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    open.finish().await;
}

/// One request, one answer, within the bounds.
async fn answer(stream: Box<dyn Stream>, router: Router) {
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .keep_alive(false);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    // A client that broke off, or was too slow, has nobody left to be told.
    let _ = tokio::time::timeout(CONNECTION_TIME_MAX, connection).await;
}

/// The connections of now, oldest first.
#[derive(Default)]
struct Open {
    tasks: JoinSet<()>,
    order: VecDeque<AbortHandle>,
}

impl Open {
    fn begin(&mut self, connection: impl Future<Output = ()> + Send + 'static) {
        while self.tasks.try_join_next().is_some() {}
        self.order.retain(|task| !task.is_finished());
        if self.order.len() >= CONNECTIONS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            oldest.abort();
        }
        self.order.push_back(self.tasks.spawn(connection));
    }

    async fn finish(mut self) {
        let all = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(LAST_ANSWERS, all).await;
    }
}
