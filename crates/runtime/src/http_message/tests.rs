//! Messages as cases: each is read whole, and once more byte by byte, where only the last byte may finish it.

use super::*;

/// What comes of a message: its literal and the bytes behind it.
fn read(kind: MessageKind, text: &str) -> String {
    let bytes = text.as_bytes();
    match parse(kind, bytes) {
        Progress::Unfinished => "more".to_owned(),
        Progress::Finished {
            message,
            bytes: used,
        } => {
            let rest = &text[used..];
            for shorter in 0..used {
                let part = parse(kind, &bytes[..shorter]);
                let is_error =
                    matches!(&part, Progress::Finished { message: early, .. } if *early == message);
                assert!(
                    part == Progress::Unfinished || is_error,
                    "{text:?} at {shorter}: {part:?}"
                );
            }
            match rest {
                "" => message.to_literal(),
                rest => format!("{} then {rest:?}", message.to_literal()),
            }
        }
    }
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
    let of = |text: &str| match parse(MessageKind::Request, text.as_bytes()) {
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
