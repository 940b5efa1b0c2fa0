//! What a browser and the host say to each other over a WebSocket: JSON objects, one a message, each with its `type`.
//!
//! In: text that may come from anybody; events. Out: [`Up`], or why it is none; text. It does not know when what is
//! said. docs/WEB.md has the conversation.

use axum::extract::ws::Utf8Bytes;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use moor_rpc::{ConnectionOption, Event, EventNumber, LineNumber, SessionId};
use serde::{Deserialize, Serialize};

/// The longest message of a browser, in bytes: a line of half of it fits however it is escaped.
pub const MESSAGE_BYTES_MAX: usize = 131_072;

/// What a browser says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Up {
    /// The first message, and only that.
    Hello {
        /// Who is there; may have come in a header instead.
        #[serde(default)]
        token: Option<String>,
        /// The session to go on with, in hexadecimal digits.
        #[serde(default)]
        resume: Option<String>,
        /// The last event that the browser has of it.
        #[serde(default)]
        last_event: u64,
    },
    /// A line that the user typed.
    Line {
        /// Its number: one more than the session's last.
        n: u64,
        /// The text without its end.
        text: String,
    },
    /// The browser has every event up to this one.
    Ack {
        /// The event.
        n: u64,
    },
    /// The user leaves: the session ends now.
    Bye {},
}

/// What the host says.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Down<'a> {
    /// The answer to the hello.
    Welcome {
        /// The session.
        session: String,
        /// Whether it is the one that the browser wanted to go on with.
        resumed: bool,
        /// The last line that the host has of it.
        last_line: u64,
        /// The player, where it is known already, as a MOO writes it.
        player: Option<String>,
    },
    /// Lines of output.
    Text {
        /// The event's number.
        n: u64,
        /// The lines.
        lines: &'a [String],
        /// Whether each is ended by a new line.
        newline: bool,
    },
    /// Bytes, for a client that asked the world for them.
    Binary {
        /// The event's number.
        n: u64,
        /// In base64.
        data: String,
    },
    /// A line is taken: its output came before this.
    Done {
        /// The event's number.
        n: u64,
        /// The line.
        line: u64,
    },
    /// Whether to show what is typed (not for a password).
    Echo {
        /// The event's number.
        n: u64,
        /// Whether.
        on: bool,
    },
    /// The session is this player's from here on.
    Login {
        /// The event's number.
        n: u64,
        /// The player as a MOO writes it.
        player: String,
    },
    /// The session is no player's any more.
    Logout {
        /// The event's number.
        n: u64,
    },
    /// A word of the host, not of the world.
    Notice {
        /// The word.
        text: &'a str,
    },
    /// Lines were dropped, because the browser was away or slow for too long.
    Missed {
        /// How many, at most.
        lines: u64,
    },
    /// Something was wrong; the connection closes.
    Error {
        /// What, for programs.
        code: &'static str,
        /// What, for people.
        text: &'a str,
    },
}

impl Down<'_> {
    /// The message.
    #[must_use]
    pub fn to_text(&self) -> Utf8Bytes {
        // Texts and numbers always have a JSON form.
        serde_json::to_string(self).unwrap_or_default().into()
    }
}

/// An event as a message; `None` for one that is the host's business alone.
#[must_use]
pub fn event_text(number: EventNumber, event: &Event) -> Option<Utf8Bytes> {
    let n = number.0;
    let message = match event {
        Event::Text(text) => Down::Text {
            n,
            lines: &text.lines,
            newline: text.newline,
        },
        Event::Binary(bytes) => Down::Binary {
            n,
            data: BASE64_STANDARD.encode(bytes),
        },
        Event::LineDone(LineNumber(line)) => Down::Done { n, line: *line },
        Event::SetOption(ConnectionOption::ClientEcho(on)) => Down::Echo { n, on: *on },
        Event::LoggedIn { player } => Down::Login {
            n,
            player: object_text(*player),
        },
        Event::LoggedOut => Down::Logout { n },
        Event::SetOption(_) | Event::Close => return None,
    };
    Some(message.to_text())
}

/// An object number as a MOO writes it.
#[must_use]
pub fn object_text(number: i64) -> String {
    format!("#{number}")
}

/// A session's name in a message.
#[must_use]
pub fn session_text(session: SessionId) -> String {
    session.to_string()
}

/// The session that a browser names; `None` if it is no name of any.
#[must_use]
pub fn parse_session(text: &str) -> Option<SessionId> {
    if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(text, 16)
        .ok()
        .map(|bits| SessionId(bits.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use moor_rpc::Text;

    use super::*;

    #[test]
    fn events_are_json_in_which_text_is_text() {
        let event = |event| event_text(EventNumber(7), &event).map(|text| text.to_string());
        let nasty = Text::lines(vec!["<b>\"\\\u{1}\u{2028}</b>".into(), String::new()]);
        let text = event(Event::Text(nasty)).expect("a message");
        assert!(
            text.starts_with(r#"{"type":"text","n":7,"lines":["<b>\"\\\u0001"#),
            "{text}"
        );
        assert!(text.ends_with(r#"</b>",""],"newline":true}"#), "{text}");
        let done = event(Event::LineDone(LineNumber(2)));
        assert_eq!(done.as_deref(), Some(r#"{"type":"done","n":7,"line":2}"#));
        let login = event(Event::LoggedIn { player: -3 });
        assert_eq!(
            login.as_deref(),
            Some(r##"{"type":"login","n":7,"player":"#-3"}"##)
        );
        let binary = event(Event::Binary(vec![255, 0]));
        assert_eq!(
            binary.as_deref(),
            Some(r#"{"type":"binary","n":7,"data":"/wA="}"#)
        );
        let echo = event(Event::SetOption(ConnectionOption::ClientEcho(false)));
        assert_eq!(echo.as_deref(), Some(r#"{"type":"echo","n":7,"on":false}"#));
        assert_eq!(
            event(Event::SetOption(ConnectionOption::Binary(true))),
            None
        );
        assert_eq!(event(Event::Close), None);
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let parse = |text: &str| serde_json::from_str::<Up>(text).is_ok();
        assert!(parse(r#"{"type":"line","n":1,"text":"look"}"#));
        assert!(parse(r#"{"type":"hello"}"#));
        assert!(parse(r#"{"type":"bye"}"#));
        for text in [
            "",
            "[]",
            "look",
            r#"{"type":"line","n":1}"#,
            r#"{"type":"line","n":-1,"text":"x"}"#,
            r#"{"type":"line","n":1.5,"text":"x"}"#,
            r#"{"type":"line","n":1,"text":"x","more":1}"#,
            r#"{"type":"eval","code":"x"}"#,
        ] {
            assert!(!parse(text), "{text}");
        }
        let deep = "[".repeat(100_000);
        assert!(!parse(&format!(r#"{{"type":"line","n":1,"text":{deep}"#)));
    }

    #[test]
    fn a_session_is_found_by_its_name() {
        let id = SessionId([0xa5; 16]);
        assert_eq!(parse_session(&session_text(id)), Some(id));
        for text in ["", "a5", &"g".repeat(32), &format!("+{}", "0".repeat(31))] {
            assert_eq!(parse_session(text), None, "{text}");
        }
    }
}
