//! The hub with an uplink of memory and a clock that jumps: bounds, and questions that get no answer.

use moor_rpc::{
    Acknowledgement, Dial, DialError, DialFailed, Event, EventNumber, Line, LineKind, LineNumber,
    ListenError, ListenResult, ListenerId, OpenSession, Request, SessionEvents, Text,
};
use parking_lot::Mutex;

use super::*;
use crate::{AskError, Course, Progress, Uplink};

/// Stands among the requests for a reconnect that the hub asked for.
const RECONNECT: RequestId = RequestId(u64::MAX);

/// Likewise for the wish to let the daemon be away.
const STAY_AWAY: RequestId = RequestId(u64::MAX - 1);

/// For how long it is away.
const AWAY: Duration = Duration::from_millis(7_000);

/// An uplink whose far end is the test.
struct Wire(mpsc::UnboundedSender<Request>);

impl Uplink for Wire {
    fn send(&self, payload: Vec<u8>) -> Result<(), UplinkError> {
        let request = moor_rpc::decode(&payload).expect("the host encodes what can be decoded");
        self.0.send(request).map_err(|_| UplinkError::Down)
    }

    fn stay_away(&self, time: Duration) {
        assert_eq!(time, AWAY);
        self.note(STAY_AWAY);
    }

    fn reconnect(&self) {
        self.note(RECONNECT);
    }
}

impl Wire {
    fn note(&self, id: RequestId) {
        let body = RequestBody::Acknowledge(vec![]);
        self.0.send(Request { id, body }).expect("the test waits");
    }
}

/// A user of memory: its course, what it was shown, and whether it has left.
struct User {
    id: SessionId,
    requests: Arc<Requests>,
    state: Mutex<State>,
}

struct State {
    course: Course,
    shown: mpsc::UnboundedSender<String>,
    closed: Option<CloseReason>,
}

impl Connection for User {
    fn id(&self) -> SessionId {
        self.id
    }

    fn is_closed(&self) -> bool {
        self.state.lock().closed.is_some()
    }

    /// Sends what there is to send afterwards, as a connection's own task does when it is woken.
    fn course<R>(&self, look: impl FnOnce(&mut Course) -> R) -> R {
        let mut state = self.state.lock();
        let result = look(&mut state.course);
        assert!(state.course.send_lines(&self.requests), "the wire has room");
        result
    }

    fn apply(&self, events: SessionEvents) -> Progress {
        let mut state = self.state.lock();
        let events = match state.course.receive(events) {
            Ok(events) => events,
            Err(missing) => return Progress::Missing(missing),
        };
        for (_, event) in events {
            match event {
                Event::Text(text) => text.lines.into_iter().for_each(|line| state.show(line)),
                Event::LineDone(number) => state.course.line_done(number),
                _ => {}
            }
        }
        Progress::Applied
    }

    fn hear(&self, news: DaemonNews<'_>) {
        let mut state = self.state.lock();
        state.course.hear(news);
        if news == DaemonNews::Away && state.course.tell_away() {
            state.show(notices::AWAY.into());
        }
    }

    fn tell(&self, notice: &str) {
        self.state.lock().show(notice.into());
    }

    fn close(&self, reason: CloseReason) {
        self.state.lock().closed.get_or_insert(reason);
    }

    fn send_lines(&self, requests: &Requests) -> bool {
        self.state.lock().course.send_lines(requests)
    }

    fn acknowledge(&self) -> Option<Acknowledgement> {
        self.state.lock().course.acknowledge(0)
    }

    fn last_word(&self) -> Option<CloseReason> {
        let state = self.state.lock();
        let closed = state.closed.unwrap_or(CloseReason::ByPeer);
        state.course.all_sent().then_some(closed)
    }
}

impl State {
    /// A test that has ended looks at nothing.
    fn show(&self, line: String) {
        let _ = self.shown.send(line);
    }
}

/// The test's end of a user.
struct Seat {
    user: Arc<User>,
    shown: mpsc::UnboundedReceiver<String>,
}

impl Seat {
    fn types(&self, line: &str) {
        self.user
            .course(|course| course.push_line(LineKind::Text, line.into()));
    }

    async fn shown(&mut self) -> String {
        self.shown.recv().await.expect("the user is there")
    }
}

/// A host that listens nowhere else.
struct Nowhere;

impl Listeners for Nowhere {
    fn infos(&self) -> Vec<ListenerInfo> {
        Vec::new()
    }

    fn open(&mut self, wanted: &ListenerInfo) -> ListenResult {
        self.close(wanted.id)
    }

    fn close(&mut self, id: ListenerId) -> ListenResult {
        ListenResult {
            listener: id,
            result: Err(ListenError::Unknown),
        }
    }

    fn close_all(&mut self) {}
}

/// A running hub between the test as a daemon and the test as its users.
struct Bench {
    news: mpsc::Sender<FromConnection<User>>,
    downlink: mpsc::Sender<Downlink>,
    sender: Arc<Requests>,
    requests: mpsc::UnboundedReceiver<Request>,
    drain: Drain,
    users: u8,
}

impl Bench {
    fn start(bounds: Bounds) -> Self {
        let (wire, received) = mpsc::unbounded_channel();
        let requests = Arc::new(Requests::new(Box::new(Wire(wire))));
        let (hub, connections) = mpsc::channel(16);
        let (downlink, news) = mpsc::channel(16);
        let drain = Drain::new(Duration::from_secs(5));
        let hub_drain = drain.clone();
        let own = Hub::new(requests.clone(), Arc::default(), Nowhere, bounds);
        tokio::spawn(own.run(news, connections, hub_drain));
        Self {
            news: hub,
            downlink,
            sender: requests,
            requests: received,
            drain,
            users: 0,
        }
    }

    async fn tell(&self, news: Downlink) {
        self.downlink.send(news).await.expect("the hub runs");
    }

    async fn reply(&self, id: RequestId, result: Result<ReplyBody, RpcError>) {
        let reply = moor_rpc::encode(&Reply { id, result }).expect("it encodes");
        self.tell(Downlink::Reply(reply)).await;
    }

    async fn event(&self, session: SessionId, first: u64, line: &str) {
        let events = vec![Event::Text(Text::lines(vec![line.into()]))];
        let batch = SessionEvents {
            session,
            first: EventNumber(first),
            events,
        };
        let batch = moor_rpc::encode(&HostEvent::Batch(vec![batch])).expect("it encodes");
        self.tell(Downlink::Event(batch)).await;
    }

    async fn any_request(&mut self) -> Request {
        self.requests.recv().await.expect("the hub runs")
    }

    /// The next request that is no acknowledgement.
    async fn request(&mut self) -> Request {
        loop {
            let request = self.any_request().await;
            if !matches!(request.body, RequestBody::Acknowledge(_)) {
                return request;
            }
        }
    }

    /// The next request for which `choose` has an answer; others are passed over.
    async fn request_that<T>(&mut self, choose: impl Fn(&Request) -> Option<T>) -> T {
        loop {
            if let Some(chosen) = choose(&self.request().await) {
                return chosen;
            }
        }
    }

    async fn attach(&mut self) {
        self.tell(Downlink::Up).await;
        let request = self.request().await;
        assert!(
            matches!(request.body, RequestBody::Attach(_)),
            "{request:?}"
        );
        self.reply(request.id, Ok(ReplyBody::Attached(vec![])))
            .await;
    }

    async fn user(&mut self) -> Seat {
        self.users += 1;
        let (shown, look) = mpsc::unbounded_channel();
        let open = OpenSession {
            session: SessionId([self.users; 16]),
            listener: ListenerId::MAIN,
            peer_address: "127.0.0.1".into(),
            peer_port: 1,
            local_address: "127.0.0.1".into(),
            local_port: 2,
            hostname: None,
            tls: None,
            options: vec![],
            token: None,
            outbound: false,
        };
        let state = Mutex::new(State {
            course: Course::new(open),
            shown,
            closed: None,
        });
        let id = SessionId([self.users; 16]);
        let requests = self.sender.clone();
        let user = Arc::new(User {
            id,
            requests,
            state,
        });
        let news = FromConnection::Accepted(user.clone());
        assert!(self.news.send(news).await.is_ok(), "the hub runs");
        Seat { user, shown: look }
    }

    async fn leaves(&self, seat: &Seat) {
        seat.user.close(CloseReason::ByPeer);
        let news = FromConnection::Ended(seat.user.id);
        assert!(self.news.send(news).await.is_ok(), "the hub runs");
    }

    async fn opened_user(&mut self) -> (Seat, SessionId) {
        let user = self.user().await;
        let (id, session) = self.request_that(opening).await;
        self.reply(id, Ok(ReplyBody::Opened(session))).await;
        // The answer reaches the user before the next question is answered.
        while !user.user.course(|course| course.is_live()) {
            tokio::task::yield_now().await;
        }
        (user, session)
    }
}

fn opening(request: &Request) -> Option<(RequestId, SessionId)> {
    match &request.body {
        RequestBody::OpenSession(open) => Some((request.id, open.session)),
        _ => None,
    }
}

fn line(request: &Request) -> Option<Line> {
    match &request.body {
        RequestBody::Line(line) => Some(line.clone()),
        _ => None,
    }
}

fn replay(request: &Request) -> Option<EventNumber> {
    match &request.body {
        RequestBody::Replay(replay) => Some(replay.from),
        _ => None,
    }
}

#[tokio::test]
async fn a_host_holds_a_bounded_number_of_sessions() {
    let mut bench = Bench::start(Bounds {
        sessions_max: 2,
        unopened_max: 10,
    });
    bench.attach().await;
    let (first, _) = bench.opened_user().await;
    let (_second, _) = bench.opened_user().await;
    let mut refused = bench.user().await;
    assert_eq!(refused.shown().await, notices::FULL);
    assert!(refused.user.is_closed());
    bench.leaves(&first).await;
    bench
        .request_that(|r| matches!(r.body, RequestBody::Closed { .. }).then_some(()))
        .await;
    bench.opened_user().await;
}

#[tokio::test]
async fn a_bounded_number_of_sessions_waits_for_the_daemon() {
    let mut bench = Bench::start(Bounds {
        sessions_max: 10,
        unopened_max: 2,
    });
    let (_first, second) = (bench.user().await, bench.user().await);
    let mut refused = bench.user().await;
    assert_eq!(refused.shown().await, notices::FULL);
    assert!(refused.user.is_closed());
    bench.leaves(&second).await;
    bench.attach().await;
    bench.request_that(opening).await;
}

#[tokio::test(start_paused = true)]
async fn an_attach_without_an_answer_is_sent_again() {
    let mut bench = Bench::start(Bounds::default());
    bench.tell(Downlink::Up).await;
    let first = bench.request().await;
    let second = bench.request().await;
    assert!(matches!(second.body, RequestBody::Attach(_)));
    // The answer to the first does not count any more, that to the second does.
    bench.reply(first.id, Ok(ReplyBody::Attached(vec![]))).await;
    bench
        .reply(second.id, Ok(ReplyBody::Attached(vec![])))
        .await;
    let _user = bench.user().await;
    bench.request_that(opening).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_without_an_answer_is_opened_again() {
    let mut bench = Bench::start(Bounds::default());
    bench.attach().await;
    let _user = bench.user().await;
    let (first, session) = bench.request_that(opening).await;
    let (second, again) = bench.request_that(opening).await;
    assert_eq!(session, again);
    assert_ne!(first, second);
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_asked_for_until_it_is_closed() {
    let mut bench = Bench::start(Bounds::default());
    bench.attach().await;
    let (mut user, session) = bench.opened_user().await;
    bench.event(session, 2, "two").await;
    for _ in 0..3 {
        assert_eq!(bench.request_that(replay).await, EventNumber(1));
    }
    bench.event(session, 1, "one").await;
    assert_eq!(
        bench.request_that(replay).await,
        EventNumber(2),
        "the second was not kept"
    );
    bench.event(session, 2, "two").await;
    assert_eq!([user.shown().await, user.shown().await], ["one", "two"]);
}

#[tokio::test]
async fn a_daemon_that_lost_its_place_gets_the_lines_again() {
    let mut bench = Bench::start(Bounds::default());
    bench.attach().await;
    let (user, session) = bench.opened_user().await;
    user.types("one");
    user.types("two");
    let first = bench.request_that(line).await;
    assert_eq!((first.number, first.text.as_str()), (LineNumber(1), "one"));
    bench.request_that(line).await;
    let (expected, got) = (LineNumber(1), LineNumber(2));
    let error = RpcError::LineOutOfOrder {
        session,
        expected,
        got,
    };
    bench.reply(RequestId(0), Err(error)).await;
    assert_eq!(bench.request_that(line).await, first);

    bench.reply(RequestId(0), Err(RpcError::NotAttached)).await;
    bench
        .request_that(|r| matches!(r.body, RequestBody::Attach(_)).then_some(()))
        .await;
    bench
        .reply(RequestId(0), Err(RpcError::UnknownSession(session)))
        .await;
    let mut other = bench.user().await;
    assert!(
        !user.user.is_closed(),
        "what crossed the attach closes nothing"
    );
    bench.tell(Downlink::Down).await;
    assert_eq!(other.shown().await, notices::AWAY);
}

#[tokio::test]
async fn whoever_asks_gets_the_answer_and_nothing_is_asked_of_nobody() {
    let mut bench = Bench::start(Bounds::default());
    let question = || RequestBody::Acknowledge(vec![]);
    assert_eq!(bench.sender.ask(question()).await, Err(AskError::Away));
    bench.attach().await;
    let (_user, session) = bench.opened_user().await;
    let asker = bench.sender.clone();
    let asking = tokio::spawn(async move { asker.ask(question()).await });
    let id = bench.any_request().await.id;
    bench.reply(id, Ok(ReplyBody::Opened(session))).await;
    assert_eq!(
        asking.await.expect("it ends"),
        Ok(ReplyBody::Opened(session))
    );

    let asker = bench.sender.clone();
    let asking = tokio::spawn(async move { asker.ask(question()).await });
    bench.any_request().await;
    bench.tell(Downlink::Down).await;
    assert_eq!(asking.await.expect("it ends"), Err(AskError::Away));
}

#[tokio::test]
async fn what_the_daemon_sends_wrong_harms_nothing() {
    let mut bench = Bench::start(Bounds::default());
    bench.attach().await;
    bench.tell(Downlink::Reply(vec![1, 2, 3])).await;
    bench.tell(Downlink::Event(vec![9])).await;
    bench.event(SessionId([0; 16]), 1, "nobody").await;
    bench
        .reply(RequestId(77), Ok(ReplyBody::Opened(SessionId([0; 16]))))
        .await;
    bench.opened_user().await;
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_restarts_is_asked_for_when_it_said() {
    let mut bench = Bench::start(Bounds::default());
    bench.attach().await;
    let restarting = HostEvent::Restarting {
        reconnect_after_ms: 7_000,
    };
    let restarting = moor_rpc::encode(&restarting).expect("it encodes");
    bench.tell(Downlink::Event(restarting)).await;
    bench.tell(Downlink::Down).await;
    let told = Instant::now();
    assert_eq!(bench.any_request().await.id, STAY_AWAY);
    assert_eq!(bench.any_request().await.id, RECONNECT);
    assert!(
        told.elapsed() >= Duration::from_millis(6_900),
        "{:?}",
        told.elapsed()
    );
}

fn dial_failed(request: &Request) -> Option<DialFailed> {
    match &request.body {
        RequestBody::DialFailed(failed) => Some(failed.clone()),
        _ => None,
    }
}

#[tokio::test]
async fn what_came_of_a_connection_that_the_daemon_asked_for_is_told() {
    let mut bench = Bench::start(Bounds::default());
    bench.attach().await;
    let session = SessionId([9; 16]);
    let wish = HostEvent::Dial(Dial {
        session,
        host: "moo.example".into(),
        port: 7777,
        ipv6: false,
        tls: false,
        timeout_ms: 5_000,
    });
    let wish = moor_rpc::encode(&wish).expect("it encodes");
    bench.tell(Downlink::Event(wish)).await;
    let refused = bench.request_that(dial_failed).await;
    assert_eq!(refused.session, session);
    assert!(matches!(refused.error, DialError::NotAllowed { .. }));

    let failed = DialFailed {
        session,
        error: DialError::NoRoom { why: "full".into() },
    };
    let news = FromConnection::NotConnected(failed.clone());
    assert!(bench.news.send(news).await.is_ok(), "the hub runs");
    assert_eq!(bench.request_that(dial_failed).await, failed);
}

#[tokio::test]
async fn a_connection_that_nobody_waits_for_is_closed() {
    let mut bench = Bench::start(Bounds::default());
    bench.attach().await;
    let mut called = bench.user().await;
    let (id, _) = bench.request_that(opening).await;
    bench.reply(id, Err(RpcError::NotAwaited)).await;
    called.shown().await;
    assert!(called.user.is_closed());
}

#[tokio::test]
async fn a_token_that_does_not_count_closes_the_session_with_a_word() {
    let mut bench = Bench::start(Bounds::default());
    bench.attach().await;
    let mut user = bench.user().await;
    let (id, _) = bench.request_that(opening).await;
    bench.reply(id, Err(RpcError::BadToken)).await;
    assert_eq!(user.shown().await, notices::SIGN_IN_AGAIN);
    assert!(user.user.is_closed());
}

#[tokio::test(start_paused = true)]
async fn users_of_a_revoked_host_are_told_and_closed() {
    let mut bench = Bench::start(Bounds::default());
    bench.attach().await;
    let (mut user, _) = bench.opened_user().await;
    bench.tell(Downlink::Revoked).await;
    assert_eq!(user.shown().await, notices::AWAY);
    bench.drain.begin();
    assert_eq!(user.shown().await, notices::REVOKED);
    assert!(user.user.is_closed());
}
