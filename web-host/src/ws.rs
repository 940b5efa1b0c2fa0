//! `GET /ws`: one browser's WebSocket at a session.
//!
//! In: messages of a browser that may be anybody's. Out: lines to the session, everything that the session has to say,
//! a close code that tells why. Whatever waits here has a deadline. The session goes on without its WebSocket.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use axum::response::Response;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use moor_host::Connection as _;
use moor_rpc::{AuthToken, CloseReason};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::app::{App, Peer, Problem};
use crate::connection::{Connection, Look, Seat};
use crate::kept::Outgoing;
use crate::messages::{Down, MESSAGE_BYTES_MAX, Up, object_text, parse_session, session_text};
use crate::origin::Client;
use crate::server::Place;
use crate::session::Taken;
use crate::sign_in::{checked, cookie, protocol};
use crate::tokens::Owner;

/// The WebSocket protocol that is spoken.
pub const PROTOCOL: &str = "moor.v1";

/// How long the first message may take.
const HELLO_TIME_MAX: Duration = Duration::from_secs(10);

/// How often the browser is asked whether it is there.
const PING_EVERY: Duration = Duration::from_secs(20);

/// The longest silence of a browser.
const SILENCE_MAX: Duration = Duration::from_secs(50);

/// How long the browser may take to receive what is sent at once.
const SEND_TIME_MAX: Duration = Duration::from_secs(20);

/// The longest pause between messages that a browser had sent before it came back over another socket.
const LAST_WORDS_PAUSE: Duration = Duration::from_millis(100);

/// How long such messages are listened to at all.
const LAST_WORDS_TIME_MAX: Duration = Duration::from_millis(400);

/// Messages to a browser before it is listened to again.
const SAID_AT_ONCE_MAX: usize = 256;

/// Close codes: those of RFC 6455, and from 4000 on our own.
pub mod close {
    /// The session has ended.
    pub const ENDED: u16 = 1000;
    /// The host stops.
    pub const GOING_AWAY: u16 = 1001;
    /// What the browser sent makes no sense, or the host or the daemon refused the session.
    pub const POLICY: u16 = 1008;
    /// There is no token, or it does not count any more.
    pub const SIGN_IN: u16 = 4401;
    /// Another WebSocket goes on with the session.
    pub const TAKEN: u16 = 4409;
    /// Too many sessions or connections.
    pub const TOO_MANY: u16 = 4429;
}

/// The route.
///
/// # Errors
/// The page of another site, too many calls, a host that stops, a request that is no WebSocket's.
pub async fn upgrade(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Extension(place): Extension<Arc<Place>>,
    headers: HeaderMap,
    socket: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    if !app.origins.allow(&headers) {
        return Err(Problem::Origin);
    }
    let client = app.client(peer, &headers);
    app.count_call(&client)?;
    if app.drain.is_draining() {
        return Err(Problem::Away);
    }
    let socket = socket.map_err(|rejection| Problem::Bad(rejection.body_text()))?;
    let token = protocol(&headers).or_else(|| cookie(&headers));
    let socket = socket
        .protocols([PROTOCOL])
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX);
    Ok(socket.on_upgrade(move |socket| async move {
        let (sink, stream) = socket.split();
        converse(&app, Talk { sink, stream }, client, token).await;
        drop(place);
    }))
}

/// Both directions of a WebSocket.
struct Talk {
    sink: SplitSink<WebSocket, Message>,
    stream: SplitStream<WebSocket>,
}

/// Why a conversation ends from this side.
#[derive(Debug)]
struct Refusal {
    close: u16,
    code: &'static str,
    text: String,
}

/// The socket is broken or too slow: nobody is left to be told.
#[derive(Debug)]
struct Gone;

impl Refusal {
    fn bad(code: &'static str, text: &str) -> Self {
        let (close, text) = (close::POLICY, text.to_owned());
        Self { close, code, text }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let close = match &problem {
            Problem::SignIn => close::SIGN_IN,
            Problem::TooMany(_) => close::TOO_MANY,
            Problem::Session(crate::sessions::OpenError::TooMany) => close::TOO_MANY,
            Problem::Session(_) | Problem::Away => close::GOING_AWAY,
            _ => close::POLICY,
        };
        let (code, text) = (problem.code(), problem.to_string());
        Self { close, code, text }
    }
}

async fn converse(app: &App, mut talk: Talk, client: Client, token: Option<AuthToken>) {
    let entered = tokio::select! {
        entered = enter(app, &mut talk, client, token) => entered,
        () = app.drain.begun() => Err(Problem::Away.into()),
    };
    let refusal = match entered {
        Ok((connection, seat)) => {
            let end = attend(&mut talk, &connection, &seat).await;
            connection.leave(&seat);
            end
        }
        Err(refusal) => Err(refusal),
    };
    if let Err(refusal) = refusal {
        talk.refuse(&refusal).await;
    }
}

/// Hears the hello, finds or opens the session, and says welcome.
async fn enter(
    app: &App,
    talk: &mut Talk,
    client: Client,
    token: Option<AuthToken>,
) -> Result<(Arc<Connection>, Arc<Seat>), Refusal> {
    let hello = timeout(HELLO_TIME_MAX, talk.next_text()).await;
    let hello = hello
        .ok()
        .flatten()
        .and_then(|text| serde_json::from_str(&text).ok());
    let Some(Up::Hello {
        token: told,
        resume,
        last_event,
    }) = hello
    else {
        return Err(Refusal::bad("hello", "the first message is a hello"));
    };
    let token = match told {
        Some(told) => checked(&told),
        None => token,
    };
    let token = token.ok_or(Problem::SignIn)?;
    let owner = Owner::of(&token);
    if app.tokens.has_ended(&owner) {
        return Err(Problem::SignIn.into());
    }
    let wanted = resume.as_deref().and_then(parse_session);
    let found = wanted.and_then(|session| app.sessions.find(session, &owner));
    if let Some(found) = &found {
        found.make_way().await;
    }
    let resumed = found.and_then(|found| Some((found.clone(), found.sit(last_event)?)));
    let is_resumed = resumed.is_some();
    let (connection, (seat, last_line)) = match resumed {
        Some(resumed) => resumed,
        None => {
            let signed_in = Some((token, owner));
            let opened = app
                .sessions
                .open(client, signed_in)
                .await
                .map_err(Problem::from)?;
            let seated = opened.sit(0).ok_or(Problem::Away)?;
            (opened, seated)
        }
    };
    let welcome = Down::Welcome {
        session: session_text(connection.id()),
        resumed: is_resumed,
        last_line,
        player: connection.player().map(object_text),
    };
    // A socket that is broken already shows itself at the next step.
    let _ = talk.say(Message::Text(welcome.to_text())).await;
    Ok((connection, seat))
}

/// Serves a WebSocket until it or the session ends. Without a refusal nothing more is to be said.
async fn attend(talk: &mut Talk, connection: &Connection, seat: &Arc<Seat>) -> Result<(), Refusal> {
    let mut ping = interval(PING_EVERY);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    loop {
        match talk.say_all(connection, seat).await {
            Ok(Look::Over(reason)) => {
                talk.close(code_of(reason), "").await;
                return Ok(());
            }
            Ok(Look::Taken) => {
                talk.hear_out(connection, seat).await?;
                let (close, code) = (close::TAKEN, "taken");
                let text = "another window goes on with this session".to_owned();
                return Err(Refusal { close, code, text });
            }
            Ok(_) => {}
            Err(Gone) => return Ok(()),
        }
        let has_room = connection.has_room();
        if !has_room {
            // It is not heard now because it is not listened to.
            heard = Instant::now();
        }
        tokio::select! {
            () = seat.woken() => {}
            message = talk.stream.next(), if has_room => {
                heard = Instant::now();
                match message {
                    Some(Ok(Message::Text(text))) => take(connection, seat, &text)?,
                    Some(Ok(Message::Binary(_))) => {
                        return Err(Refusal::bad("bad_message", "messages are text"));
                    }
                    Some(Ok(Message::Ping(_))) if talk.send_pong().await.is_err() => return Ok(()),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
                }
            }
            _ = ping.tick() => {
                if heard.elapsed() > SILENCE_MAX || talk.say(Message::Ping(axum::body::Bytes::new())).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
}

/// Does what a message asks for.
fn take(connection: &Connection, seat: &Arc<Seat>, text: &str) -> Result<(), Refusal> {
    match serde_json::from_str(text) {
        Ok(Up::Line { n, text }) => match connection.line(seat, n, &text) {
            Taken::Yes => Ok(()),
            Taken::Gap => Err(Refusal::bad("gap", "a line before this one is missing")),
            Taken::NotALine => Err(Refusal::bad("line", "a line has no end of line in it")),
        },
        Ok(Up::Ack { n }) => {
            connection.acknowledged(seat, n);
            Ok(())
        }
        Ok(Up::Bye {}) => {
            connection.say_goodbye(seat);
            Ok(())
        }
        Ok(Up::Hello { .. }) => Err(Refusal::bad("bad_message", "a second hello")),
        Err(_) => Err(Refusal::bad(
            "bad_message",
            "this is no message; see docs/WEB.md",
        )),
    }
}

fn code_of(reason: CloseReason) -> u16 {
    match reason {
        CloseReason::HostStops => close::GOING_AWAY,
        CloseReason::Refused => close::POLICY,
        CloseReason::ByDaemon | CloseReason::ByPeer => close::ENDED,
    }
}

impl Talk {
    /// The next message, if it is text.
    async fn next_text(&mut self) -> Option<String> {
        loop {
            match self.stream.next().await? {
                Ok(Message::Text(text)) => return Some(text.to_string()),
                Ok(Message::Ping(_)) => self.send_pong().await.ok()?,
                Ok(Message::Pong(_)) => {}
                _ => return None,
            }
        }
    }

    /// Takes what the browser had sent before another socket came.
    async fn hear_out(&mut self, connection: &Connection, seat: &Arc<Seat>) -> Result<(), Refusal> {
        let until = Instant::now() + LAST_WORDS_TIME_MAX;
        while connection.has_room() && Instant::now() < until {
            match timeout(LAST_WORDS_PAUSE, self.stream.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => take(connection, seat, &text)?,
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {}
                _ => break,
            }
        }
        Ok(())
    }

    /// Sends the answer to a ping before anything more is read: the library queues one for each ping, without a bound.
    async fn send_pong(&mut self) -> Result<(), Gone> {
        in_time(self.sink.flush()).await
    }

    async fn say(&mut self, message: Message) -> Result<(), Gone> {
        in_time(self.sink.send(message)).await
    }

    /// Says what the session has to say, in as few writes as possible; returns what is to be done then. When there is
    /// more than [`SAID_AT_ONCE_MAX`], the browser is listened to before the rest.
    async fn say_all(&mut self, connection: &Connection, seat: &Arc<Seat>) -> Result<Look, Gone> {
        for said in 0..SAID_AT_ONCE_MAX {
            let text = match connection.look(seat) {
                Look::Say(Outgoing::Message(text)) => text,
                Look::Say(Outgoing::Missed(lines)) => Down::Missed { lines }.to_text(),
                next => {
                    if said > 0 {
                        in_time(self.sink.flush()).await?;
                    }
                    return Ok(next);
                }
            };
            in_time(self.sink.feed(Message::Text(text))).await?;
        }
        in_time(self.sink.flush()).await?;
        seat.wake();
        Ok(Look::Quiet)
    }

    async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        if self.say(Message::Close(Some(frame))).await.is_err() {
            return;
        }
        // Until the other side has closed too, so that what was sent is not thrown away.
        let closed = async { while let Some(Ok(_)) = self.stream.next().await {} };
        let _ = timeout(Duration::from_secs(1), closed).await;
    }

    async fn refuse(&mut self, refusal: &Refusal) {
        let Refusal { close, code, text } = refusal;
        let error = Down::Error { code, text };
        if self.say(Message::Text(error.to_text())).await.is_ok() {
            self.close(*close, code).await;
        }
    }
}

async fn in_time<E>(sent: impl Future<Output = Result<(), E>>) -> Result<(), Gone> {
    match timeout(SEND_TIME_MAX, sent).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}
