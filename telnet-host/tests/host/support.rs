//! What the tests share: a small world behind a link, the host's process, and users.
//!
//! Everything waits for what it expects, at most [`PATIENCE`].

use std::collections::HashMap;
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use moor_link::{Endpoint, PeerId, Server, ServerConfig, ServerEvent, ServiceType};
use moor_rpc::{
    AttachedSession, CloseReason, Event, EventNumber, HostEvent, LineKind, LineNumber,
    ListenResult, ListenerInfo, OpenSession, PROTOCOL_VERSION, Replay, Reply, ReplyBody, Request,
    RequestBody, RpcError, SessionEvents, SessionId, SessionState, Text,
};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for `future`, but not for ever.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// A folder that only this user can enter, as the link asks for.
pub(crate) fn private_folder() -> tempfile::TempDir {
    let mode = std::fs::Permissions::from_mode(0o700);
    tempfile::Builder::new()
        .permissions(mode)
        .tempdir()
        .expect("a folder")
}

/// One session as the world knows it.
#[derive(Default)]
pub(crate) struct Known {
    /// Every event made, from number 1.
    pub(crate) events: Vec<Event>,
    /// The lines taken, in the order in which they came.
    pub(crate) lines: Vec<(LineKind, String)>,
    pub(crate) lines_done: LineNumber,
    pub(crate) acknowledged: EventNumber,
    pub(crate) closed: Option<CloseReason>,
}

/// A world that outlives its daemons: it answers each line `x` with `you said x`.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) sessions: HashMap<SessionId, Known>,
    /// In the order in which they were opened.
    pub(crate) order: Vec<SessionId>,
    /// How they were opened, in that order.
    pub(crate) opened: Vec<OpenSession>,
    pub(crate) listeners: Vec<ListenerInfo>,
    pub(crate) listen_results: Vec<ListenResult>,
    pub(crate) replays: Vec<Replay>,
    pub(crate) attaches: usize,
    /// Lines are noted and not answered.
    pub(crate) holds_lines: bool,
    /// Events are made and not published.
    pub(crate) loses_events: bool,
    /// Events are published twice.
    pub(crate) repeats_events: bool,
    /// New sessions are refused.
    pub(crate) is_full: bool,
}

/// What the world wants done after a request.
#[derive(Default)]
struct Answer {
    reply: Option<Result<ReplyBody, RpcError>>,
    events: Vec<SessionEvents>,
}

impl World {
    pub(crate) fn session(&self, index: usize) -> &Known {
        &self.sessions[&self.order[index]]
    }

    /// The texts of the lines that a session sent.
    pub(crate) fn lines(&self, index: usize) -> Vec<&str> {
        self.session(index)
            .lines
            .iter()
            .map(|(_, text)| text.as_str())
            .collect()
    }

    fn take(&mut self, body: RequestBody) -> Answer {
        match body {
            RequestBody::Attach(attach) => self.attach(attach),
            RequestBody::OpenSession(_) if self.is_full => {
                let full = RpcError::LimitReached {
                    what: "sessions".into(),
                    limit: 0,
                };
                Answer {
                    reply: Some(Err(full)),
                    ..Answer::default()
                }
            }
            RequestBody::OpenSession(open) => {
                self.order.push(open.session);
                self.opened.push(open.clone());
                self.sessions.insert(open.session, Known::default());
                let events = vec![self.make(open.session, vec![say("welcome")])];
                Answer {
                    reply: Some(Ok(ReplyBody::Opened(open.session))),
                    events,
                }
            }
            RequestBody::Line(line) => self.line(line),
            RequestBody::Closed { session, reason } => {
                self.sessions
                    .get_mut(&session)
                    .expect("it was opened")
                    .closed = Some(reason);
                Answer::default()
            }
            RequestBody::Acknowledge(all) => {
                for ack in all {
                    let known = self.sessions.get_mut(&ack.session).expect("it was opened");
                    known.acknowledged = ack.event;
                }
                Answer::default()
            }
            RequestBody::Replay(replay) => {
                self.replays.push(replay);
                let last = EventNumber(replay.from.0 - 1);
                Answer {
                    events: vec![self.after(replay.session, last)],
                    ..Answer::default()
                }
            }
            RequestBody::IssueToken { .. } | RequestBody::Eval(_) => {
                unreachable!("a telnet host asks for neither")
            }
            RequestBody::DialFailed(failed) => {
                unreachable!("nobody was to be called: {failed:?}")
            }
            RequestBody::ListenResult(result) => {
                self.listen_results.push(result);
                Answer::default()
            }
        }
    }

    fn attach(&mut self, attach: moor_rpc::Attach) -> Answer {
        self.attaches += 1;
        self.listeners = attach.listeners;
        let mut events = Vec::new();
        let mut states = Vec::new();
        for named in attach.sessions {
            let state = match self.sessions.get(&named.session) {
                Some(known) if known.closed.is_none() => {
                    let last_event = EventNumber(known.events.len() as u64);
                    if last_event > named.last_event {
                        events.push(self.after(named.session, named.last_event));
                    }
                    let lines_done = known.lines_done;
                    SessionState::Alive {
                        lines_done,
                        lines_done_early: vec![],
                        last_event,
                    }
                }
                _ => SessionState::Gone,
            };
            states.push(AttachedSession {
                session: named.session,
                state,
            });
        }
        Answer {
            reply: Some(Ok(ReplyBody::Attached(states))),
            events,
        }
    }

    fn line(&mut self, line: moor_rpc::Line) -> Answer {
        let Some(known) = self.sessions.get_mut(&line.session) else {
            let unknown = RpcError::UnknownSession(line.session);
            return Answer {
                reply: Some(Err(unknown)),
                ..Answer::default()
            };
        };
        known.acknowledged = known.acknowledged.max(line.last_event);
        if line.number <= known.lines_done || self.holds_lines {
            if self.holds_lines {
                known.lines.push((line.kind, line.text));
            }
            return Answer::default();
        }
        assert_eq!(line.number, known.lines_done.next(), "lines come in order");
        known.lines_done = line.number;
        known.lines.push((line.kind, line.text.clone()));
        let mut made = vec![
            say(&format!("you said {}", line.text)),
            Event::LineDone(line.number),
        ];
        if line.text == "@quit" {
            made.push(Event::Close);
        }
        Answer {
            reply: None,
            events: vec![self.make(line.session, made)],
        }
    }

    /// Makes events of a session, numbered after those before.
    pub(crate) fn make(&mut self, session: SessionId, events: Vec<Event>) -> SessionEvents {
        let known = self.sessions.get_mut(&session).expect("it was opened");
        let first = EventNumber(known.events.len() as u64 + 1);
        known.events.extend(events.iter().cloned());
        SessionEvents {
            session,
            first,
            events,
        }
    }

    fn after(&self, session: SessionId, last: EventNumber) -> SessionEvents {
        let events = self.sessions[&session].events[last.0 as usize..].to_vec();
        SessionEvents {
            session,
            first: last.next(),
            events,
        }
    }
}

/// A line of output.
pub(crate) fn say(line: &str) -> Event {
    Event::Text(Text::lines(vec![line.into()]))
}

/// A daemon: a link server with a world. Dropping it is its death; the world can go on in another.
pub(crate) struct Daemon {
    server: Server,
    news: mpsc::Receiver<ServerEvent>,
    peer: Option<PeerId>,
    pub(crate) world: World,
}

impl Daemon {
    pub(crate) fn start(folder: &Path, world: World) -> Self {
        let service = ServiceType::new("telnet-host").expect("a good name");
        let [rpc, events] = endpoints(folder);
        let config = ServerConfig::new(vec![rpc], vec![events], PROTOCOL_VERSION, vec![service]);
        let (ear, news) = mpsc::channel(10_000);
        let server = Server::start(config, ear).expect("the endpoints are free");
        Self {
            server,
            news,
            peer: None,
            world,
        }
    }

    /// Dies without a word about sessions, and leaves the world.
    pub(crate) fn kill(self) -> World {
        self.world
    }

    /// Serves until `enough` is true of the world.
    pub(crate) async fn until(&mut self, what: &str, enough: impl Fn(&World) -> bool) {
        soon(what, async {
            while !enough(&self.world) {
                let news = self.news.recv().await.expect("the link is there");
                self.handle(news);
            }
        })
        .await;
    }

    /// Serves while `other` runs, and returns its result.
    pub(crate) async fn during<T>(&mut self, other: impl Future<Output = T>) -> T {
        tokio::pin!(other);
        loop {
            tokio::select! {
                result = &mut other => return result,
                Some(news) = self.news.recv() => self.handle(news),
            }
        }
    }

    fn handle(&mut self, news: ServerEvent) {
        match news {
            ServerEvent::Joined { peer, .. } => self.peer = Some(peer),
            ServerEvent::Request { peer, payload, .. } => self.request(peer, &payload),
            _ => {}
        }
    }

    fn request(&mut self, peer: PeerId, payload: &[u8]) {
        let Request { id, body } = moor_rpc::decode(payload).expect("a request");
        let Answer { reply, events } = self.world.take(body);
        if let Some(result) = reply {
            let reply = moor_rpc::encode(&Reply { id, result }).expect("it encodes");
            self.server.handle().reply(peer, reply).expect("it is sent");
        }
        if !events.is_empty() && !self.world.loses_events {
            self.publish(&HostEvent::Batch(events.clone()));
            if self.world.repeats_events {
                self.publish(&HostEvent::Batch(events));
            }
        }
    }

    pub(crate) fn publish(&self, event: &HostEvent) {
        let payload = moor_rpc::encode(event).expect("it encodes");
        let peer = self.peer.expect("a host has joined");
        self.server
            .handle()
            .publish(peer, payload)
            .expect("it is sent");
    }

    /// Makes events of the session opened as number `index`, and publishes them.
    pub(crate) fn tell(&mut self, index: usize, events: Vec<Event>) {
        let session = self.world.order[index];
        let events = self.world.make(session, events);
        self.publish(&HostEvent::Batch(vec![events]));
    }
}

fn endpoints(folder: &Path) -> [Endpoint; 2] {
    ["rpc.sock", "events.sock"].map(|name| Endpoint::ipc(folder.join(name)).expect("short"))
}

/// The program under test.
pub(crate) fn host_command(folder: &Path, extra: &[&str]) -> Command {
    let [rpc, events] = endpoints(folder).map(|endpoint| endpoint.to_string());
    let mut command = Command::new(env!("CARGO_BIN_EXE_moor-telnet-host"));
    // By the environment, so that the command line of a test can say otherwise.
    command
        .env("MOOR_RPC_ADDRESS", rpc)
        .env("MOOR_EVENTS_ADDRESS", events)
        .env("MOOR_DATA_DIR", folder.join("data"))
        .env("MOOR_TELNET_ADDRESS", "127.0.0.1")
        .env("MOOR_TELNET_PORT", "0")
        .env("MOOR_HEALTH_CHECK_PORT", "0")
        .args(extra)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// A running host.
pub(crate) struct Host {
    pub(crate) child: Child,
    pub(crate) telnet_port: u16,
    /// Where users speak TLS; 0 if they do not.
    pub(crate) tls_port: u16,
    pub(crate) health_port: u16,
}

impl Host {
    pub(crate) async fn start(folder: &Path, extra: &[&str]) -> Self {
        let mut child = host_command(folder, extra)
            .spawn()
            .expect("the host starts");
        let stdout = child.stdout.take().expect("it is piped");
        let mut line = String::new();
        soon(
            "the host's ports",
            BufReader::new(stdout).read_line(&mut line),
        )
        .await
        .expect("a line");
        let port = |name: &str| {
            let word = line
                .split_whitespace()
                .find_map(|word| word.strip_prefix(name));
            word.and_then(|address| address.rsplit(':').next()?.parse().ok())
        };
        let told = |name| port(name).unwrap_or_else(|| panic!("no {name} in {line:?}"));
        Self {
            telnet_port: told("telnet="),
            tls_port: port("tls=").unwrap_or(0),
            health_port: told("health="),
            child,
        }
    }

    pub(crate) async fn user(&self) -> User {
        User::connect(self.telnet_port).await
    }

    /// Memory in KiB, by the name that /proc gives it.
    pub(crate) fn memory_kib(&self, name: &str) -> u64 {
        let process = self.child.id().expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("Linux");
        let line = status
            .lines()
            .find(|line| line.starts_with(name))
            .expect("the kernel tells");
        line.split_whitespace()
            .nth(1)
            .and_then(|word| word.parse().ok())
            .expect("a number")
    }
}

/// A host with its daemon, attached.
pub(crate) struct Stage {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) host: Host,
    pub(crate) daemon: Daemon,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        Self::set_in(private_folder(), &[]).await
    }

    /// With further flags of the host.
    pub(crate) async fn set_in(folder: tempfile::TempDir, extra: &[&str]) -> Self {
        let mut daemon = Daemon::start(folder.path(), World::default());
        let host = Host::start(folder.path(), extra).await;
        daemon
            .until("the host's attach", |world| world.attaches > 0)
            .await;
        Self {
            folder,
            host,
            daemon,
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().to_path_buf()
    }

    /// A user who has read the welcome.
    pub(crate) async fn user(&mut self) -> User {
        let host = &self.host;
        let welcomed = async {
            let mut user = host.user().await;
            assert_eq!(user.read_until("welcome\r\n").await, "welcome\r\n");
            user
        };
        self.daemon.during(welcomed).await
    }
}

/// A user's end of a connection.
pub(crate) struct User {
    pub(crate) socket: TcpStream,
    read: Vec<u8>,
}

impl User {
    pub(crate) async fn connect(port: u16) -> Self {
        let connecting = TcpStream::connect(("127.0.0.1", port));
        let socket = soon("a connection", connecting)
            .await
            .expect("the host accepts");
        Self {
            socket,
            read: Vec::new(),
        }
    }

    pub(crate) async fn type_bytes(&mut self, bytes: &[u8]) {
        soon("room for input", self.socket.write_all(bytes))
            .await
            .expect("the host reads");
    }

    pub(crate) async fn type_line(&mut self, line: &str) {
        self.type_bytes(format!("{line}\r\n").as_bytes()).await;
    }

    /// Reads until `end` has come; returns all up to it.
    pub(crate) async fn read_until(&mut self, end: &str) -> String {
        let bytes = self.read_bytes_until(end.as_bytes()).await;
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub(crate) async fn read_bytes_until(&mut self, end: &[u8]) -> Vec<u8> {
        let what = format!("{:?}", String::from_utf8_lossy(end));
        soon(&what, async {
            loop {
                let found = self
                    .read
                    .windows(end.len())
                    .position(|window| window == end);
                if let Some(at) = found {
                    let rest = self.read.split_off(at + end.len());
                    return std::mem::replace(&mut self.read, rest);
                }
                let read = self
                    .socket
                    .read_buf(&mut self.read)
                    .await
                    .expect("it is open");
                let so_far = String::from_utf8_lossy(&self.read);
                assert!(read > 0, "closed after {so_far:?}, before {what}");
            }
        })
        .await
    }

    /// Reads until the host closes; returns everything.
    pub(crate) async fn read_to_end(&mut self) -> String {
        soon("the end", async {
            // A reset after the last byte is an end too.
            while self
                .socket
                .read_buf(&mut self.read)
                .await
                .is_ok_and(|read| read > 0)
            {}
        })
        .await;
        String::from_utf8_lossy(&std::mem::take(&mut self.read)).into_owned()
    }
}
