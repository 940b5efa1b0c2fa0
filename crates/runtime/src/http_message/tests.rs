//! Messages as cases: each is read whole, and once more byte by byte, where only the last byte may finish it.

use super::*;

/// What comes of a message: its literal and the bytes behind it.
fn read(kind: MessageKind, text: &str) -> String {
    let Progress::Finished { message, rest } = Reader::new(kind).feed(text.as_bytes()) else {
        return "more".to_owned();
    };
    let used = text.len() - rest.len();
    assert_eq!(
        in_pieces(kind, &text.as_bytes()[..used]),
        Some(message.clone()),
        "{text:?}"
    );
    match &text[used..] {
        "" => message.to_literal(),
        rest => format!("{} then {rest:?}", message.to_literal()),
    }
}

/// The same of a message that comes byte by byte, while its state is put away between bytes. What is wrong may be told early.
fn in_pieces(kind: MessageKind, bytes: &[u8]) -> Option<Value> {
    let mut state = Value::from("");
    for (at, byte) in bytes.iter().enumerate() {
        let mut reader = Reader::from_value(kind, &state);
        match reader.feed(&[*byte]) {
            Progress::Unfinished => state = reader.into_value(),
            Progress::Finished { message, rest } => {
                let is_error = message.to_literal().starts_with("[\"error\"");
                assert!(at + 1 == bytes.len() || is_error, "at {at}");
                assert!(rest.is_empty());
                return Some(message);
            }
        }
    }
    None
}

fn request(text: &str) -> String {
    read(MessageKind::Request, text)
}

fn response(text: &str) -> String {
    read(MessageKind::Response, text)
}

/// The name of the error.
fn wrong(kind: MessageKind, text: &str) -> String {
    let answer = read(kind, text);
    let name = answer.strip_prefix("[\"error\" -> {\"").unwrap_or(&answer);
    name.split('"').next().unwrap_or_default().to_owned()
}

#[test]
fn requests_become_maps() {
    for (text, value) in [
        (
            "GET / HTTP/1.1\r\n\r\n",
            "[\"headers\" -> [], \"method\" -> \"GET\", \"uri\" -> \"/\"]",
        ),
        (
            "\r\n\nGET  /a?b#c  HTTP/1.0\n\n",
            "[\"headers\" -> [], \"method\" -> \"GET\", \"uri\" -> \"/a?b#c\"]",
        ),
        (
            "GET /\r\n\r\n",
            "[\"headers\" -> [], \"method\" -> \"GET\", \"uri\" -> \"/\"]",
        ),
        (
            "POST /x HTTP/1.1\r\nA: 1\r\na:  2 \r\nB:\r\nContent-Length: 3\r\n\r\nabcrest",
            "[\"body\" -> \"abc\", \"headers\" -> [\"a\" -> \"2 \", \"B\" -> \"\", \"Content-Length\" -> \"3\"], \
             \"method\" -> \"POST\", \"uri\" -> \"/x\"] then \"rest\"",
        ),
        (
            "M-SEARCH * HTTP/1.1\r\nL: a\r\n \tb\r\n\r\n",
            "[\"headers\" -> [\"L\" -> \"ab\"], \"method\" -> \"M-SEARCH\", \"uri\" -> \"*\"]",
        ),
        (
            "CONNECT a:1 HTTP/1.1\r\n\r\nraw",
            "[\"headers\" -> [], \"method\" -> \"CONNECT\", \"upgrade\" -> 1, \"uri\" -> \"a:1\"] then \"raw\"",
        ),
        (
            "GET / HTTP/1.1\r\nUpgrade: x\r\nContent-Length: 9\r\n\r\n",
            "[\"headers\" -> [\"Content-Length\" -> \"9\", \"Upgrade\" -> \"x\"], \"method\" -> \"GET\", \"upgrade\" -> 1, \
             \"uri\" -> \"/\"]",
        ),
    ] {
        assert_eq!(request(text), value, "{text:?}");
    }
}

#[test]
fn responses_end_where_they_say() {
    for (text, value) in [
        (
            "HTTP/1.1 404 Not Found\r\n\r\n",
            "[\"headers\" -> [], \"status\" -> 404]",
        ),
        (
            "HTTP/1.1 301\r\n\r\n",
            "[\"headers\" -> [], \"status\" -> 301]",
        ),
        (
            "HTTP/1.0 204 No\r\n\r\n",
            "[\"headers\" -> [], \"status\" -> 204]",
        ),
        ("HTTP/1.0 200 OK\r\n\r\nanything", "more"),
        (
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nanything",
            "more",
        ),
        (
            "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n",
            "[\"headers\" -> [\"Connection\" -> \"Keep-Alive\"], \"status\" -> 200]",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3  \r\nabc\r\n0A;x=y\r\n0123456789\r\n0\r\nT: 1\r\n\r\n",
            "[\"body\" -> \"abc0123456789\", \"headers\" -> [\"T\" -> \"1\", \"Transfer-Encoding\" -> \"Chunked\"], \"status\" -> 200]",
        ),
    ] {
        assert_eq!(response(text), value, "{text:?}");
    }
}

#[test]
fn wrong_messages_have_the_names_of_their_errors() {
    for (text, name) in [
        ("foobar\r\n", "INVALID_METHOD"),
        ("GETX / HTTP/1.1\r\n\r\n", "INVALID_METHOD"),
        ("GE / HTTP/1.1\r\n\r\n", "INVALID_METHOD"),
        ("GET \x01 HTTP/1.1\r\n\r\n", "INVALID_URL"),
        ("GET /\u{80} HTTP/1.1\r\n\r\n", "INVALID_PATH"),
        ("GET / HTTQ/1.1\r\n\r\n", "INVALID_CONSTANT"),
        ("GET / HTTP/1\r\n\r\n", "INVALID_VERSION"),
        ("GET / HTTP/1111.1\r\n\r\n", "INVALID_VERSION"),
        ("GET / HTTP/1.1x\r\n\r\n", "LF_EXPECTED"),
        ("GET / HTTP/1.1\r\r\n", "LF_EXPECTED"),
        ("GET / HTTP/1.1\r\nfoo\0bar\r\n", "INVALID_HEADER_TOKEN"),
        ("GET / HTTP/1.1\r\n: a\r\n\r\n", "INVALID_HEADER_TOKEN"),
        (
            "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            "INVALID_CONTENT_LENGTH",
        ),
        (
            "GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "INVALID_CONTENT_LENGTH",
        ),
        (
            "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            "INVALID_CHUNK_SIZE",
        ),
        (
            "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
            "INVALID_CHUNK_SIZE",
        ),
    ] {
        assert_eq!(wrong(MessageKind::Request, text), name, "{text:?}");
    }
    for (text, name) in [
        ("foobar\r\n", "INVALID_CONSTANT"),
        ("HTTP/1.1 2\0\0 Yow\r\n", "INVALID_STATUS"),
        ("HTTP/1.1 1000 Yow\r\n", "INVALID_STATUS"),
        ("HTTP/1.1 OK\r\n", "INVALID_STATUS"),
    ] {
        assert_eq!(wrong(MessageKind::Response, text), name, "{text:?}");
    }
}

#[test]
fn the_head_has_a_bound_and_the_body_none() {
    let begin = "GET / HTTP/1.1\r\nA: ";
    let fits = |room: usize| format!("{begin}{}\r\n\r\n", "x".repeat(room));
    let room = HEAD_BYTES_MAX - begin.len() - 4;
    let of = |text: &str| match Reader::new(MessageKind::Request).feed(text.as_bytes()) {
        Progress::Finished { message, .. } => message.to_literal().contains("HEADER_OVERFLOW"),
        Progress::Unfinished => panic!("it is whole"),
    };
    assert!(!of(&fits(room)));
    assert!(of(&fits(room + 1)));
    let body = "y".repeat(2 * HEAD_BYTES_MAX);
    let long = format!(
        "PUT / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    assert!(!of(&long));
}

#[test]
fn what_has_been_read_is_not_read_again() {
    const BYTES: usize = 1 << 19;
    let length = format!("POST / HTTP/1.1\r\nContent-Length: {BYTES}\r\n\r\n");
    let bodies = [
        (length, "x".repeat(BYTES)),
        (
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
            "1\r\nx\r\n".repeat(BYTES / 6) + "0\r\n\r\n",
        ),
    ];
    for (head, body) in bodies {
        let mut reader = Reader::new(MessageKind::Request);
        let whole = head + &body;
        let (last, before) = whole.as_bytes().split_last().expect("a message");
        for byte in before {
            assert_eq!(reader.feed(&[*byte]), Progress::Unfinished);
        }
        assert_eq!(reader.total(), before.len());
        assert!(matches!(reader.feed(&[*last]), Progress::Finished { .. }));
    }
}

#[test]
fn what_a_former_version_has_put_away_is_understood() {
    let state = Value::from("POST / HTTP/1.1~0D~0AContent-Length: 3~0D~0A~0D~0Aa");
    let mut reader = Reader::from_value(MessageKind::Request, &state);
    let Progress::Finished { message, .. } = reader.feed(b"bc") else {
        panic!("it is whole");
    };
    assert!(message.to_literal().contains("\"body\" -> \"abc\""));
}

#[test]
fn lines_before_chunks_and_fields_behind_them_have_a_bound() {
    let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    for before in ["1;", "0\r\nA: "] {
        let text = format!("{chunked}{before}{}", "x".repeat(HEAD_BYTES_MAX));
        let mut reader = Reader::new(MessageKind::Request);
        let Progress::Finished { message, .. } = reader.feed(text.as_bytes()) else {
            panic!("it is too long");
        };
        assert!(message.to_literal().contains("HEADER_OVERFLOW"));
    }
}
