//! One user's socket: its session, and the task that reads from it.
//!
//! In: a socket, what the hub does to the session. Out: lines to the daemon, output to the socket, and
//! one word to the hub when the socket is closed. Whoever changes the session also writes its output,
//! at once and in one write; the task wakes only when the socket is readable, or must be waited for.
//! An idle connection holds no buffer.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use moor_host::{Course, DaemonNews, FromConnection, Progress, Requests};
use moor_rpc::{Acknowledgement, CloseReason, KeepAlive, OpenSession, SessionEvents, SessionId};
use parking_lot::Mutex;
use rustix::net::sockopt;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until, timeout};

use crate::output::Sink;
use crate::session::{Ending, Session, Socket};
use crate::tls::{Heard, Tls};

/// Bytes read at once.
const READ_BYTES: usize = 4_096;

/// Reads in a row before other connections get their turn.
const READS_MAX: usize = 8;

/// How long a line waits when the uplink is full.
const UPLINK_RETRY: Duration = Duration::from_millis(10);

/// How long output may take to leave when the session ends, and lines to be done when only the user's
/// side has ended.
const ENDING_TIME_MAX: Duration = Duration::from_secs(5);

/// How long the socket stays half open after the last output, so that unread input does not make the
/// kernel throw that output away.
const FAREWELL_TIME_MAX: Duration = Duration::from_millis(500);

/// A connection as the hub and its task share it. The lock is private to this file and never held
/// across an await.
pub struct Connection {
    id: SessionId,
    shared: Mutex<Shared>,
    wake: Notify,
}

struct Shared {
    session: Session,
    /// `None` once nothing more is written, which the user's side then hears; the session may still wait for the daemon.
    socket: Option<Arc<UserSocket>>,
    /// The other half, until the task takes it.
    unread: Option<OwnedReadHalf>,
    /// Whether the user's side has been heard out too.
    is_closed: bool,
}

/// What the task has to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wants {
    read: bool,
    write: bool,
    send: bool,
    ending: bool,
    finished: bool,
}

impl Connection {
    /// A connection whose session is to be opened with `open`.
    #[must_use]
    pub(crate) fn new(socket: TcpStream, tls: Option<Tls>, open: OpenSession) -> Arc<Self> {
        let id = open.session;
        let (unread, half) = socket.into_split();
        let socket = UserSocket {
            half,
            tls: tls.map(Mutex::new),
        };
        let shared = Shared {
            session: Session::new(open),
            socket: Some(Arc::new(socket)),
            unread: Some(unread),
            is_closed: false,
        };
        Arc::new(Self {
            id,
            shared: Mutex::new(shared),
            wake: Notify::new(),
        })
    }

    /// Does something to the session, writes what it queued, and wakes the task if it now has more or
    /// less to wait for.
    fn act<R>(&self, action: impl FnOnce(&mut Session, &dyn Socket) -> R) -> R {
        let mut shared = self.shared.lock();
        let before = shared.wants();
        let result = shared.act(action);
        if shared.wants() != before {
            self.wake.notify_one();
        }
        result
    }

    /// Serves the socket until it is closed, then tells the hub.
    pub async fn serve(
        self: Arc<Self>,
        requests: Arc<Requests>,
        hub: mpsc::Sender<FromConnection<Self>>,
    ) {
        let unread = self.shared.lock().unread.take();
        if let Some(mut unread) = unread {
            self.attend(&mut unread, &requests).await;
            let socket = self.shared.lock().socket.take();
            if let Some(socket) = socket {
                socket.say_goodbye();
            }
            farewell(&unread).await;
            self.shared.lock().is_closed = true;
        }
        // A hub that has stopped needs no word.
        let _ = hub.send(FromConnection::Ended(self.id)).await;
    }

    async fn attend(&self, unread: &mut OwnedReadHalf, requests: &Requests) {
        let Some(socket) = self.shared.lock().socket.clone() else {
            return;
        };
        if socket.is_encrypted() {
            // What came with the last bytes of the handshake.
            self.take(&socket, &[]);
        }
        let mut deadline = None;
        loop {
            let uplink_full = !moor_host::Connection::send_lines(self, requests);
            let wants = self.shared.lock().wants();
            if wants.finished {
                return;
            }
            let now = Instant::now();
            if wants.ending && now >= *deadline.get_or_insert(now + ENDING_TIME_MAX) {
                self.act(|session, _| session.broken());
                return;
            }
            let retry = uplink_full.then(|| now + UPLINK_RETRY);
            let timer = [deadline, retry].into_iter().flatten().min();
            tokio::select! {
                () = self.wake.notified() => {}
                () = poll_fn(|context| self.read(context, unread, &socket)), if wants.read => {}
                _ = socket.half.writable(), if wants.write => self.act(|_, _| ()),
                () = sleep_until(timer.unwrap_or(now)), if timer.is_some() => {}
            }
        }
    }

    /// Takes what the socket has. Whatever does not fill the buffer was all, and tokio knows it: no further call of the system
    /// says so. The buffer is here, and not in what waits, so that an idle connection has none.
    fn read(
        &self,
        context: &mut Context<'_>,
        unread: &mut OwnedReadHalf,
        socket: &UserSocket,
    ) -> Poll<()> {
        let mut buffer = [MaybeUninit::uninit(); READ_BYTES];
        for turn in 0..READS_MAX {
            let mut read = ReadBuf::uninit(&mut buffer);
            match Pin::new(&mut *unread).poll_read(context, &mut read) {
                Poll::Pending if turn == 0 => return Poll::Pending,
                Poll::Pending => break,
                Poll::Ready(Ok(())) if read.filled().is_empty() => {
                    self.act(|session, _| session.input_ended());
                }
                Poll::Ready(Ok(())) => self.take(socket, read.filled()),
                Poll::Ready(Err(_)) => self.act(|session, _| session.broken()),
            }
            if !self.shared.lock().wants().read {
                break;
            }
        }
        Poll::Ready(())
    }

    /// Takes bytes of the socket.
    fn take(&self, socket: &UserSocket, bytes: &[u8]) {
        match socket.decrypt(bytes) {
            None => self.act(|session, socket| session.receive(bytes, socket)),
            Some(Ok(heard)) => self.act(|session, socket| {
                session.receive(&heard.plain, socket);
                if heard.is_end {
                    session.input_ended();
                }
            }),
            Some(Err(error)) => {
                tracing::debug!(session = %self.id, %error, "TLS");
                self.act(|session, _| session.broken());
            }
        }
    }
}

impl moor_host::Connection for Connection {
    fn id(&self) -> SessionId {
        self.id
    }

    fn is_closed(&self) -> bool {
        self.shared.lock().is_closed
    }

    fn course<R>(&self, look: impl FnOnce(&mut Course) -> R) -> R {
        self.act(|session, _| look(session.course()))
    }

    fn apply(&self, events: SessionEvents) -> Progress {
        self.act(|session, socket| session.apply(events, socket))
    }

    fn hear(&self, news: DaemonNews<'_>) {
        self.act(|session, socket| session.hear(news, socket));
    }

    fn tell(&self, notice: &str) {
        self.act(|session, socket| session.notice(notice, socket));
    }

    fn close(&self, reason: CloseReason) {
        self.act(|session, _| session.close(reason));
    }

    fn send_lines(&self, requests: &Requests) -> bool {
        self.shared.lock().session.course().send_lines(requests)
    }

    fn acknowledge(&self) -> Option<Acknowledgement> {
        self.act(|session, _| session.acknowledge())
    }

    fn last_word(&self) -> Option<CloseReason> {
        self.shared.lock().session.last_word()
    }
}

impl Shared {
    fn act<R>(&mut self, action: impl FnOnce(&mut Session, &dyn Socket) -> R) -> R {
        let socket: &dyn Socket = match &self.socket {
            Some(socket) => &**socket,
            None => &ClosedSocket,
        };
        let result = action(&mut self.session, socket);
        let flushed = self.session.flush(socket);
        let sent = self
            .socket
            .as_ref()
            .map_or(Ok(true), |socket| socket.send_rest());
        if flushed.and(sent).is_err() {
            self.session.broken();
        }
        result
    }

    /// Whether records are on their way that the socket had no room for.
    fn has_rest(&self) -> bool {
        let is_broken = self.session.ending() == Some(Ending::Broken);
        !is_broken && self.socket.as_ref().is_some_and(|socket| socket.has_rest())
    }

    fn wants(&self) -> Wants {
        Wants {
            read: self.session.wants_input(),
            write: self.session.has_output() || self.has_rest(),
            send: self.session.has_line(),
            ending: matches!(
                self.session.ending(),
                Some(Ending::Closing(_) | Ending::InputEnded)
            ),
            finished: self.session.is_finished() && !self.has_rest(),
        }
    }
}

/// The writing side of a user's socket. Its keys, if it is encrypted, are used by who holds the connection's lock, and so
/// never waited for.
struct UserSocket {
    half: OwnedWriteHalf,
    tls: Option<Mutex<Tls>>,
}

impl UserSocket {
    fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// What the user said with these bytes; nothing where they are plain themselves.
    fn decrypt(&self, bytes: &[u8]) -> Option<Result<Heard, rustls::Error>> {
        Some(self.tls.as_ref()?.lock().receive(bytes))
    }

    /// Writes records that the socket had no room for; false if it still has none.
    fn send_rest(&self) -> io::Result<bool> {
        match &self.tls {
            None => Ok(true),
            Some(tls) => tls.lock().flush(&mut Bytes(&self.half)),
        }
    }

    fn has_rest(&self) -> bool {
        self.tls
            .as_ref()
            .is_some_and(|tls| tls.lock().has_pending())
    }

    fn say_goodbye(&self) {
        if let Some(tls) = &self.tls {
            tls.lock().say_goodbye(&mut Bytes(&self.half));
        }
    }
}

/// A socket as the library of TLS writes to it.
struct Bytes<'a>(&'a OwnedWriteHalf);

impl io::Write for Bytes<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for UserSocket {
    fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match &self.tls {
            None => self.half.try_write_vectored(slices),
            Some(tls) => tls.lock().write(slices, &mut Bytes(&self.half)),
        }
    }
}

impl Socket for UserSocket {
    fn set_keep_alive(&self, times: Option<KeepAlive>) {
        if let Err(error) = set_keep_alive(self.half.as_ref(), times) {
            tracing::warn!(%error, ?times, "keep-alive cannot be set");
        }
    }
}

fn set_keep_alive(socket: &TcpStream, times: Option<KeepAlive>) -> rustix::io::Result<()> {
    let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds.max(1)));
    if let Some(times) = times {
        sockopt::set_tcp_keepidle(socket, seconds(times.idle_s))?;
        sockopt::set_tcp_keepintvl(socket, seconds(times.interval_s))?;
        sockopt::set_tcp_keepcnt(socket, times.count.max(1))?;
    }
    sockopt::set_socket_keepalive(socket, times.is_some())
}

/// The socket of a session whose user has left: output vanishes.
struct ClosedSocket;

impl Sink for ClosedSocket {
    fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(slices.iter().map(|slice| slice.len()).sum())
    }
}

impl Socket for ClosedSocket {
    fn set_keep_alive(&self, _: Option<KeepAlive>) {}
}

/// Says that no more output comes, and reads until the user's side has said the same.
async fn farewell(unread: &OwnedReadHalf) {
    // Said already, where the last writer has gone; a socket that is broken does not hear it.
    if rustix::net::shutdown(unread.as_ref() as &TcpStream, rustix::net::Shutdown::Write).is_err() {
        return;
    }
    let drained = async {
        let mut buffer = [0; 512];
        while unread.readable().await.is_ok() {
            match unread.try_read(&mut buffer) {
                Ok(0) => return,
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return,
                _ => {}
            }
        }
    };
    // A user's side that goes on talking is cut off.
    let _ = timeout(FAREWELL_TIME_MAX, drained).await;
}
