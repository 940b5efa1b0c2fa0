//! One user's connection as the hub, a WebSocket and the session's keeper share it.
//!
//! In: what the hub does to the session, messages of a browser, sockets that come and go. Out: lines straight to the
//! uplink, wake-ups. The lock is private to this file and never held across an await. The session outlives its
//! sockets: without one it waits for the next, for a while.

use std::sync::Arc;
use std::time::Duration;

use moor_host::{Connection as _, Course, DaemonNews, FromConnection, Progress, Requests};
use moor_rpc::{Acknowledgement, CloseReason, OpenSession, SessionEvents, SessionId};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until, timeout};

use crate::kept::Outgoing;
use crate::session::{Login, Session, Taken};
use crate::tokens::Owner;

/// How long a line waits when the uplink is full.
const UPLINK_RETRY: Duration = Duration::from_millis(10);

/// How long last words may take to leave when the session ends.
const ENDING_TIME_MAX: Duration = Duration::from_secs(5);

/// A session with whatever socket it has at the moment.
pub struct Connection {
    id: SessionId,
    requests: Arc<Requests>,
    shared: Mutex<Shared>,
    /// Wakes the keeper.
    keeper: Notify,
    /// Wakes whoever waits for the log-in.
    progress: Notify,
}

struct Shared {
    session: Session,
    owner: Option<Owner>,
    /// The socket of now.
    socket: Option<Arc<Seat>>,
    /// Another socket wants its seat.
    is_wanted: bool,
    /// Since when there is none.
    alone_since: Instant,
    is_closed: bool,
}

/// How long a socket may take to leave its seat to another.
const LEAVING_TIME_MAX: Duration = Duration::from_millis(500);

/// A WebSocket's place at a session. Another socket of the same user may take it.
#[derive(Debug, Default)]
pub struct Seat {
    wake: Notify,
    /// Wakes who waits for the seat.
    left: Notify,
}

impl Seat {
    /// Returns when there is something new to look at.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Looks again, after others had their turn.
    pub fn wake(&self) {
        self.wake.notify_one();
    }
}

/// What a socket finds when it looks.
#[derive(Debug, PartialEq, Eq)]
pub enum Look {
    /// Something to say.
    Say(Outgoing),
    /// Nothing at the moment.
    Quiet,
    /// The session has ended, and everything was said.
    Over(CloseReason),
    /// Another socket has taken the seat.
    Taken,
}

impl Connection {
    /// A connection whose session is to be opened with `open`, for `owner` if it is known already.
    #[must_use]
    pub fn new(open: OpenSession, owner: Option<Owner>, requests: Arc<Requests>) -> Arc<Self> {
        Arc::new(Self {
            id: open.session,
            requests,
            shared: Mutex::new(Shared {
                session: Session::new(open),
                owner,
                socket: None,
                is_wanted: false,
                alone_since: Instant::now(),
                is_closed: false,
            }),
            keeper: Notify::new(),
            progress: Notify::new(),
        })
    }

    // The sign-in.

    /// Sends the world's own log-in line.
    pub fn log_in(&self, line: String) {
        self.act(|session| session.log_in(line));
    }

    /// Returns how the log-in stands, as soon as `is_enough`; has no deadline of its own.
    pub async fn login(&self, is_enough: impl Fn(&Session) -> bool) -> Login {
        loop {
            let changed = self.progress.notified();
            {
                let session = &self.shared.lock().session;
                if is_enough(session) {
                    return session.login();
                }
            }
            changed.await;
        }
    }

    /// Whose it is, as a MOO's object number.
    #[must_use]
    pub fn player(&self) -> Option<i64> {
        self.shared.lock().session.player()
    }

    /// Gives the session to the holder of a token.
    pub fn own(&self, owner: Owner) {
        self.shared.lock().owner = Some(owner);
    }

    /// Whether it is the session of the holder of this token.
    #[must_use]
    pub fn is_owned_by(&self, owner: &Owner) -> bool {
        self.shared.lock().owner.as_ref() == Some(owner)
    }

    // The socket's side.

    /// Asks the socket of now, if there is one, to leave the seat, and waits for that, for a moment. What it has received came before
    /// anything that the next socket will say: it is to count first, and in the last line that the next one is told.
    pub async fn make_way(&self) {
        let other = {
            let mut shared = self.shared.lock();
            shared.is_wanted = shared.socket.is_some();
            shared.socket.clone()
        };
        if let Some(other) = other {
            other.wake();
            // One that does not leave in time is not listened to any more.
            let _ = timeout(LEAVING_TIME_MAX, self.vacated(&other)).await;
        }
    }

    async fn vacated(&self, seat: &Arc<Seat>) {
        loop {
            let left = seat.left.notified();
            if !self.shared.lock().is_at(seat) {
                return;
            }
            left.await;
        }
    }

    /// Takes the seat, away from another socket if need be, for a browser that has every event up to `last_event`.
    /// Returns the seat and the last line. `None` when the session is over.
    pub fn sit(&self, last_event: u64) -> Option<(Arc<Seat>, u64)> {
        let mut shared = self.shared.lock();
        if shared.is_closed {
            return None;
        }
        let seat = Arc::new(Seat::default());
        shared.seat(Some(seat.clone()));
        shared.session.rewind(last_event);
        seat.wake.notify_one();
        self.keeper.notify_one();
        Some((seat, shared.session.last_line()))
    }

    /// Leaves the seat: the session waits for another socket.
    pub fn leave(&self, seat: &Arc<Seat>) {
        let mut shared = self.shared.lock();
        if shared.is_at(seat) {
            shared.seat(None);
            shared.alone_since = Instant::now();
            self.keeper.notify_one();
        }
    }

    /// What the socket at `seat` is to do next.
    pub fn look(&self, seat: &Arc<Seat>) -> Look {
        let mut shared = self.shared.lock();
        if !shared.is_at(seat) || shared.is_wanted {
            return Look::Taken;
        }
        match (shared.session.take_next(), shared.session.ending()) {
            (Some(outgoing), _) => Look::Say(outgoing),
            (None, Some(reason)) => Look::Over(reason),
            (None, None) => Look::Quiet,
        }
    }

    /// Whether one more line may be taken.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.shared.lock().session.has_room()
    }

    /// Takes a line of the browser at `seat`, and sends it. What a socket says that has lost its seat does not count: the number of the
    /// line may be that of another line by now.
    pub fn line(&self, seat: &Arc<Seat>, number: u64, text: &str) -> Taken {
        self.act_for(seat, |session| session.line(number, text))
            .unwrap_or(Taken::Yes)
    }

    /// The browser at `seat` has every event up to `number`.
    pub fn acknowledged(&self, seat: &Arc<Seat>, number: u64) {
        let mut shared = self.shared.lock();
        if shared.is_at(seat) {
            shared.session.acknowledged(number);
        }
    }

    /// The user at `seat` leaves for good.
    pub fn say_goodbye(&self, seat: &Arc<Seat>) {
        self.act_for(seat, |session| session.close(CloseReason::ByPeer));
    }

    // The keeper's side.

    /// Keeps the session until it is over, and tells the hub: sends lines for which the uplink had no room, and ends a
    /// session that no socket has come back to within `resume_window`.
    pub async fn keep(
        self: Arc<Self>,
        hub: mpsc::Sender<FromConnection<Self>>,
        resume_window: Duration,
    ) {
        let mut ending_until = None;
        loop {
            let uplink_full = !self.send_lines(&self.requests);
            let retry = uplink_full.then(|| Instant::now() + UPLINK_RETRY);
            let Some(due) = self.due(resume_window, &mut ending_until) else {
                break;
            };
            tokio::select! {
                () = self.keeper.notified() => {}
                () = sleep_until(retry.map_or(due, |retry| retry.min(due))) => {}
            }
        }
        // A hub that has stopped needs no word.
        let _ = hub.send(FromConnection::Ended(self.id)).await;
    }

    /// When the keeper is to look again; `None` when the session is over.
    fn due(&self, resume_window: Duration, ending_until: &mut Option<Instant>) -> Option<Instant> {
        let mut shared = self.shared.lock();
        let now = Instant::now();
        let is_alone = shared.socket.is_none();
        let alone_until = shared.alone_since + resume_window;
        if is_alone && now >= alone_until {
            shared.session.close(CloseReason::ByPeer);
        }
        if shared.session.ending().is_none() {
            return Some(if is_alone {
                alone_until
            } else {
                now + resume_window
            });
        }
        let until = *ending_until.get_or_insert(now + ENDING_TIME_MAX);
        if is_alone || now >= until {
            shared.is_closed = true;
            shared.seat(None);
            self.progress.notify_waiters();
            return None;
        }
        Some(until)
    }

    /// Does something to the session, sends the lines that it then has, and wakes whom it concerns.
    fn act<R>(&self, action: impl FnOnce(&mut Session) -> R) -> R {
        self.act_on(&mut self.shared.lock(), action)
    }

    /// The same for the socket at `seat`. `None`, and nothing happened, if another has the seat.
    fn act_for<R>(&self, seat: &Arc<Seat>, action: impl FnOnce(&mut Session) -> R) -> Option<R> {
        let mut shared = self.shared.lock();
        shared.is_at(seat).then(|| self.act_on(&mut shared, action))
    }

    fn act_on<R>(&self, shared: &mut Shared, action: impl FnOnce(&mut Session) -> R) -> R {
        let result = action(&mut shared.session);
        let uplink_full = !shared.session.course().send_lines(&self.requests);
        if uplink_full || shared.session.ending().is_some() {
            self.keeper.notify_one();
        }
        if let Some(seat) = &shared.socket {
            seat.wake.notify_one();
        }
        self.progress.notify_waiters();
        result
    }
}

impl Shared {
    /// Gives the seat to another socket or to none, and tells the one that had it and those who wait for it.
    fn seat(&mut self, next: Option<Arc<Seat>>) {
        self.is_wanted = false;
        if let Some(before) = std::mem::replace(&mut self.socket, next) {
            before.wake();
            before.left.notify_waiters();
        }
    }

    fn is_at(&self, seat: &Arc<Seat>) -> bool {
        self.socket
            .as_ref()
            .is_some_and(|own| Arc::ptr_eq(own, seat))
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
        self.act(|session| look(session.course()))
    }

    fn apply(&self, events: SessionEvents) -> Progress {
        self.act(|session| session.apply(events))
    }

    fn hear(&self, news: DaemonNews<'_>) {
        self.act(|session| session.hear(news));
    }

    fn tell(&self, notice: &str) {
        self.act(|session| session.notice(notice));
    }

    fn close(&self, reason: CloseReason) {
        self.act(|session| session.close(reason));
    }

    fn send_lines(&self, requests: &Requests) -> bool {
        self.shared.lock().session.course().send_lines(requests)
    }

    fn acknowledge(&self) -> Option<Acknowledgement> {
        self.shared.lock().session.acknowledge()
    }

    fn last_word(&self) -> Option<CloseReason> {
        self.shared.lock().session.last_word()
    }
}
