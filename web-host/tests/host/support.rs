//! What the tests share: a host in this process between a world of memory and users over real sockets.
//!
//! Everything waits for what it expects, at most [`PATIENCE`].

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use moor_host::{Bounds, Downlink, FromConnection, Hub, Requests, Uplink, UplinkError};
use moor_node::{Drain, Liveness};
use moor_rpc::{Event, HostEvent, ListenerId, ListenerInfo, Reply, Request, SessionEvents};
use moor_web_host::app::App;
use moor_web_host::attempts::Attempts;
use moor_web_host::connection::Connection;
use moor_web_host::listeners::OwnListener;
use moor_web_host::origin::{Origins, Proxies};
use moor_web_host::sessions::{Place, Sessions};
use moor_web_host::tokens::Tokens;
use moor_web_host::{routes, server};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::world::World;

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The token of [`PLAYER`].
pub(crate) const GOOD_TOKEN: &str = "good.token-1";

/// The object number of the one player.
pub(crate) const PLAYER: i64 = 7;

/// Waits for `future`, but not for ever.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// The host's way to the world; closed while the daemon is away.
struct Wire(mpsc::UnboundedSender<Request>);

impl Uplink for Wire {
    fn send(&self, payload: Vec<u8>) -> Result<(), UplinkError> {
        let request = moor_rpc::decode(&payload).expect("the host encodes what can be decoded");
        self.0.send(request).map_err(|_| UplinkError::Down)
    }

    fn stay_away(&self, _: std::time::Duration) {}

    fn reconnect(&self) {}
}

/// How the host is configured.
pub(crate) struct Setup {
    pub(crate) resume_window: Duration,
    pub(crate) sign_in_attempts: u32,
    pub(crate) calls: u32,
    pub(crate) proxies: Vec<&'static str>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            resume_window: Duration::from_secs(60),
            sign_in_attempts: 1_000,
            calls: 10_000,
            proxies: vec![],
        }
    }
}

/// A running host.
pub(crate) struct Bench {
    pub(crate) address: SocketAddr,
    pub(crate) world: Arc<Mutex<World>>,
    /// Something has changed in the world.
    changed: Arc<Notify>,
    downlink: mpsc::Sender<Downlink>,
    pub(crate) liveness: Liveness,
    pub(crate) drain: Drain,
    is_away: Arc<Mutex<bool>>,
}

impl Bench {
    /// A host that is attached to its world.
    pub(crate) async fn start(setup: Setup) -> Self {
        let bench = Self::start_alone(setup).await;
        bench.daemon_comes().await;
        bench
    }

    /// A host without a daemon.
    pub(crate) async fn start_alone(setup: Setup) -> Self {
        let (wire, requests) = mpsc::unbounded_channel();
        let (downlink, news) = mpsc::channel(1_024);
        let sender = Arc::new(Requests::new(Box::new(Wire(wire))));
        let (hub, connections) = mpsc::channel(64);
        let listener = server::bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (drain, liveness) = (Drain::new(Duration::from_secs(20)), Liveness::new());
        let app = app(&setup, &sender, hub, address, &drain, &liveness);
        let proxies = app.proxies.clone();
        let router = routes::router(Arc::new(app));
        tokio::spawn(server::serve(listener, router, proxies, drain.clone()));
        let own = OwnListener(ListenerInfo {
            id: ListenerId::MAIN,
            address: address.ip().to_string(),
            port: address.port(),
            tls: None,
        });
        let hub = Hub::new(sender, Arc::default(), own, Bounds::default());
        tokio::spawn(hub.run(news, connections, drain.clone()));
        let bench = Self {
            address,
            world: Arc::default(),
            changed: Arc::default(),
            downlink,
            liveness,
            drain,
            is_away: Arc::new(Mutex::new(true)),
        };
        tokio::spawn(bench.turn(requests));
        bench
    }

    /// The world at work.
    fn turn(
        &self,
        mut requests: mpsc::UnboundedReceiver<Request>,
    ) -> impl Future<Output = ()> + use<> {
        let (world, changed) = (self.world.clone(), self.changed.clone());
        let (downlink, is_away) = (self.downlink.clone(), self.is_away.clone());
        async move {
            while let Some(request) = requests.recv().await {
                if *is_away.lock() {
                    continue;
                }
                let answer = world.lock().take(request);
                changed.notify_waiters();
                if let Some(reply) = answer.reply {
                    send(
                        &downlink,
                        Downlink::Reply(moor_rpc::encode::<Reply>(&reply).expect("it encodes")),
                    )
                    .await;
                }
                if let Some(events) = answer.events {
                    send(
                        &downlink,
                        Downlink::Event(moor_rpc::encode(&events).expect("it encodes")),
                    )
                    .await;
                }
            }
        }
    }

    pub(crate) async fn daemon_comes(&self) {
        *self.is_away.lock() = false;
        self.liveness.ping();
        send(&self.downlink, Downlink::Up).await;
        soon("the attach", async {
            while self.get("/health").await.json()["attached"] != true {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }

    pub(crate) async fn daemon_goes(&self) {
        *self.is_away.lock() = true;
        send(&self.downlink, Downlink::Down).await;
    }

    /// Something happens to the session that was opened `index`th.
    pub(crate) async fn happen(&self, index: usize, events: Vec<Event>) {
        let batch = {
            let mut world = self.world.lock();
            let session = world.order[index];
            world.make(session, events)
        };
        self.publish(batch).await;
    }

    async fn publish(&self, batch: SessionEvents) {
        let event = moor_rpc::encode(&HostEvent::Batch(vec![batch])).expect("it encodes");
        send(&self.downlink, Downlink::Event(event)).await;
    }

    /// Waits until the world is as expected.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&World) -> bool) {
        soon(what, async {
            loop {
                let changed = self.changed.notified();
                if is_so(&self.world.lock()) {
                    return;
                }
                changed.await;
            }
        })
        .await;
    }

    // Users.

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.http(&format!("GET {path} HTTP/1.1"), &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.http(&format!("POST {path} HTTP/1.1"), headers, body)
            .await
    }

    pub(crate) async fn http(&self, first: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut head = format!("{first}\r\nhost: {}\r\nconnection: close\r\n", self.address);
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("content-length: {}\r\n\r\n", body.len());
        let mut socket = TcpStream::connect(self.address).await.expect("it listens");
        let request = head + body;
        // A host that refuses early does not read on.
        let _ = socket.write_all(request.as_bytes()).await;
        let mut text = Vec::new();
        let _ = soon("the answer", socket.read_to_end(&mut text)).await;
        Answer::parse(&String::from_utf8_lossy(&text))
    }

    /// Signs `ada` in; returns the name of her session.
    pub(crate) async fn sign_in(&self) -> String {
        let body = json!({ "player": "ada", "password": "secret" }).to_string();
        let json_body = [("content-type", "application/json")];
        let answer = self.post("/auth/connect", &json_body, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["session"]
            .as_str()
            .expect("a session")
            .to_owned()
    }

    /// A WebSocket without a hello.
    pub(crate) async fn socket(&self) -> User {
        let request = format!("ws://{}/ws", self.address).into_client_request();
        let (socket, _) = soon("the upgrade", connect_async(request.expect("a request")))
            .await
            .expect("upgraded");
        User { socket }
    }

    /// A WebSocket at a session: a new one, or one to go on with.
    pub(crate) async fn user(&self, resume: Option<&str>, last_event: u64) -> (User, Value) {
        let mut user = self.socket().await;
        let mut hello = json!({ "type": "hello", "token": GOOD_TOKEN, "last_event": last_event });
        if let Some(session) = resume {
            hello["resume"] = json!(session);
        }
        user.say(&hello).await;
        let welcome = user.hear().await;
        assert_eq!(welcome["type"], "welcome", "{welcome}");
        (user, welcome)
    }
}

fn app(
    setup: &Setup,
    requests: &Arc<Requests>,
    hub: mpsc::Sender<FromConnection<Connection>>,
    address: SocketAddr,
    drain: &Drain,
    liveness: &Liveness,
) -> App {
    let place = Place {
        address: address.ip().to_string(),
        port: address.port(),
    };
    let proxies = setup.proxies.iter().map(|net| net.parse().expect(net));
    App {
        requests: requests.clone(),
        sessions: Sessions::new(requests.clone(), hub, place, setup.resume_window),
        proxies: Proxies(proxies.collect()),
        origins: Origins(vec!["https://play.example".into()]),
        attempts: Attempts::new(setup.sign_in_attempts),
        calls: Attempts::new(setup.calls),
        tokens: Tokens::default(),
        liveness: liveness.clone(),
        drain: drain.clone(),
    }
}

async fn send(downlink: &mpsc::Sender<Downlink>, news: Downlink) {
    // A hub that has stopped hears nothing.
    let _ = downlink.send(news).await;
}

/// An answer to an HTTP request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        Self {
            status: status.unwrap_or(0),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    pub(crate) fn error(&self) -> String {
        let json = self.json();
        json["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

/// One user's WebSocket.
pub(crate) struct User {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl User {
    pub(crate) async fn say(&mut self, message: &Value) {
        let text = Message::text(message.to_string());
        self.socket.send(text).await.expect("the socket is open");
    }

    pub(crate) async fn line(&mut self, n: u64, text: &str) {
        self.say(&json!({ "type": "line", "n": n, "text": text }))
            .await;
    }

    /// The next message; pings and pongs are passed over.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        loop {
            match soon("a message", self.socket.next()).await {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(message)) => return Some(message),
                Some(Err(_)) | None => return None,
            }
        }
    }

    pub(crate) async fn hear(&mut self) -> Value {
        match self.next().await {
            Some(Message::Text(text)) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("no text but {other:?}"),
        }
    }

    /// Hears until a text of the world has `part` in it; gives all lines up to it.
    pub(crate) async fn hear_until(&mut self, part: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let message = self.hear().await;
            let said = match message["type"].as_str() {
                Some("text") => message["lines"].as_array().cloned().unwrap_or_default(),
                Some("notice") => vec![message["text"].clone()],
                Some("missed") => vec![json!(format!("missed {}", message["lines"]))],
                _ => vec![],
            };
            lines.extend(
                said.iter()
                    .map(|line| line.as_str().expect("text").to_owned()),
            );
            if lines.last().is_some_and(|line| line.contains(part)) {
                return lines;
            }
        }
    }

    /// Hears until the host closes; gives the error's code, if one came, and the close code.
    pub(crate) async fn hear_close(&mut self) -> (Option<String>, u16) {
        let mut code = None;
        loop {
            match self.next().await {
                Some(Message::Text(text)) => {
                    let message: Value = serde_json::from_str(&text).expect("JSON");
                    if message["type"] == "error" {
                        code = message["code"].as_str().map(str::to_owned);
                    }
                }
                Some(Message::Close(Some(frame))) => return (code, frame.code.into()),
                other => panic!("no close but {other:?}"),
            }
        }
    }
}
