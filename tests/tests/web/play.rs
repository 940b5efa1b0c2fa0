//! A program signs in, plays over a WebSocket, runs code, and lives through the end of each process.

use std::net::TcpStream;
use std::time::Instant;

use moor_tests::PATIENCE;
use serde_json::{Value, json};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket, connect};

use crate::site::Site;

/// One user's WebSocket, with what a client remembers.
struct User {
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    token: String,
    session: String,
    last_event: u64,
    last_line: u64,
    /// The text of that line.
    said: String,
}

impl User {
    /// Comes with what a sign-in answered.
    fn come(site: &Site, signed_in: &Value) -> Self {
        let text = |key: &str| signed_in[key].as_str().expect(key).to_owned();
        let mut user = Self {
            socket: socket(site),
            token: text("token"),
            session: text("session"),
            last_event: 0,
            last_line: 0,
            said: String::new(),
        };
        let welcome = user.hello();
        assert_eq!(welcome["resumed"], true, "{welcome}");
        user
    }

    /// Comes back over another socket, and says again what did not arrive over the former one.
    fn come_back(&mut self, site: &Site) -> Value {
        self.socket = socket(site);
        let said = self.last_line;
        let welcome = self.hello();
        if welcome["resumed"] == true && self.last_line < said {
            self.line(&self.said.clone());
        }
        welcome
    }

    fn hello(&mut self) -> Value {
        let hello = json!({
            "type": "hello",
            "token": self.token,
            "resume": self.session,
            "last_event": self.last_event,
        });
        self.say(&hello);
        let welcome = self.hear();
        assert_eq!(welcome["type"], "welcome", "{welcome}");
        self.session = welcome["session"].as_str().expect("a session").to_owned();
        if welcome["resumed"] == false {
            self.last_event = 0;
        }
        self.last_line = welcome["last_line"].as_u64().expect("a number");
        welcome
    }

    fn say(&mut self, message: &Value) {
        let text = Message::text(message.to_string());
        self.socket.send(text).expect("the socket is open");
    }

    fn line(&mut self, text: &str) {
        self.last_line += 1;
        text.clone_into(&mut self.said);
        let message = json!({ "type": "line", "n": self.last_line, "text": text });
        self.say(&message);
    }

    fn hear(&mut self) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < until, "nothing but pings");
            match self.socket.read().expect("a message") {
                Message::Text(text) => {
                    let message: Value = serde_json::from_str(&text).expect("JSON");
                    if let Some(n) = message["n"].as_u64() {
                        assert!(n > self.last_event, "event {n} came twice");
                        self.last_event = n;
                    }
                    return message;
                }
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Hears until a line has `part` in it; gives the lines.
    fn hear_until(&mut self, part: &str) -> Vec<String> {
        let mut shown = Vec::new();
        loop {
            let message = self.hear();
            let lines = match &message["type"] {
                Value::String(kind) if kind == "text" => message["lines"].as_array().cloned(),
                Value::String(kind) if kind == "notice" => Some(vec![message["text"].clone()]),
                _ => None,
            };
            let lines = lines.into_iter().flatten();
            shown.extend(lines.filter_map(|line| line.as_str().map(str::to_owned)));
            if shown.last().is_some_and(|line| line.contains(part)) {
                return shown;
            }
        }
    }
}

fn socket(site: &Site) -> WebSocket<MaybeTlsStream<TcpStream>> {
    let (socket, _) = connect(format!("ws://{}/ws", site.address)).expect("upgraded");
    if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a time limit");
    }
    socket
}

#[test]
fn a_new_player_plays_through_the_end_of_the_daemon_and_of_the_socket() {
    let mut site = Site::start();
    let mut user = User::come(&site, &site.create("Ada-Lovelace"));
    user.line("say before");
    user.hear_until("before");

    site.daemon.kill();
    user.hear_until("The server is restarting");
    user.line("say kept");
    site.restart_daemon();
    let shown = user.hear_until("kept");
    assert!(
        shown.iter().any(|line| line.contains("The server is back")),
        "{shown:?}"
    );

    user.line("say unheard");
    let welcome = user.come_back(&site);
    assert_eq!(welcome["resumed"], true);
    user.hear_until("unheard");
    user.line("say after");
    let shown = user.hear_until("after");
    assert!(
        !shown.iter().any(|line| line.contains("kept")),
        "said once: {shown:?}"
    );
}

#[test]
fn a_token_outlives_the_host_and_the_daemon() {
    let mut site = Site::start();
    let mut user = User::come(&site, &site.create("Ada"));
    site.host.kill();
    site.daemon.kill();
    site.restart_daemon();
    site.restart_host();
    let welcome = user.come_back(&site);
    assert_eq!(welcome["resumed"], false, "the host's sessions are gone");
    user.line("say hello again");
    user.hear_until("hello again");
}

#[test]
fn the_world_refuses_a_wrong_password_in_its_own_words() {
    let site = Site::start();
    site.create("Ada");
    let wrong = json!({ "player": "Ada", "password": "wrong" });
    let answer = site.post("/auth/connect", &[], &wrong);
    assert_eq!(answer.status, 401, "{}", answer.body);
    let words = answer.json()["error"]["message"]
        .as_str()
        .expect("words")
        .to_owned();
    assert!(!words.is_empty() && !words.contains("Welcome"), "{words}");
    let right = json!({ "player": "Ada", "password": "a secret" });
    assert_eq!(site.post("/auth/connect", &[], &right).status, 200);
}

#[test]
fn code_runs_with_the_permissions_of_the_player() {
    let site = Site::start();
    let token_of =
        |signed_in: &Value| format!("Bearer {}", signed_in["token"].as_str().expect("a token"));
    let eval = |token: &str, code: &str| {
        let body = json!({ "code": code, "timeout_ms": 10_000 });
        let answer = site.post("/v1/eval", &[("authorization", token)], &body);
        (answer.status, answer.json())
    };
    let wizard = site.post(
        "/auth/connect",
        &[],
        &json!({ "player": "wizard", "password": "" }),
    );
    assert_eq!(wizard.status, 200, "{}", wizard.body);
    let wizard = token_of(&wizard.json());
    let (status, value) = eval(
        &wizard,
        "return {1 + 1, #0, E_PERM, [\"a\" -> 2.5], player.wizard};",
    );
    assert_eq!(status, 200, "{value}");
    let expected = json!([2, { "obj": 0 }, { "err": "E_PERM" }, { "map": [["a", 2.5]] }, 1]);
    assert_eq!(value["value"], expected);
    assert!(
        value["literal"]
            .as_str()
            .is_some_and(|text| text.starts_with("{2, #0, E_PERM,"))
    );
    assert_eq!(eval(&wizard, "return 1 +;").1["error"]["code"], "compile");
    let (_, raised) = eval(&wizard, "return 1 / 0;");
    assert_eq!(raised["error"]["code"], "E_DIV", "{raised}");
    assert_eq!(
        eval(&wizard, "suspend(3600);").1["error"]["code"],
        "timeout"
    );

    let player = token_of(&site.create("Ada"));
    assert_eq!(eval(&player, "return 1;").0, 403, "no programmer");
    assert_eq!(eval("Bearer forged", "return 1;").0, 401);
}

#[test]
fn a_host_that_stops_closes_in_order() {
    let mut site = Site::start();
    let mut user = User::come(&site, &site.create("Ada"));
    let ended = std::thread::scope(|scope| {
        let stopping = scope.spawn(|| site.host.stop());
        user.hear_until("This entrance to the server is closing");
        while user.socket.read().is_ok_and(|message| !message.is_close()) {}
        stopping.join().expect("stopped")
    });
    assert_eq!(ended.code, Some(0), "{:?}", ended.lines);
}
