//! Bounds of size, number and time, and servers that do not keep to anything.

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::support::*;
use moor_worker::WireValue;

fn max_bytes(bytes: i64) -> [(&'static str, WireValue); 1] {
    [("max_bytes", WireValue::Int(bytes))]
}

fn chunked(pieces: usize, piece: &[u8]) -> Vec<u8> {
    let mut bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..pieces {
        bytes.extend(format!("{:x}\r\n", piece.len()).into_bytes());
        bytes.extend(piece);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

#[tokio::test]
async fn a_body_is_bounded_however_it_comes() {
    let forms: [fn() -> Vec<u8>; 3] = [
        || response("200 OK", &[], &[b'x'; 1_000]),
        || chunked(10, &[b'x'; 100]),
        || [b"HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 1_000][..]].concat(),
    ];
    for form in forms {
        let site = Site::start(move |_| form());
        let worker = worker();
        assert_eq!(
            get_with(&worker, &site.url("/"), max_bytes(1_000))
                .await
                .expect("it fits")
                .body()
                .len(),
            1_000
        );
        let outcome = get_with(&worker, &site.url("/"), max_bytes(999)).await;
        assert_fault(
            outcome,
            "E_QUOTA",
            "too large: the body has more than 999 bytes",
        );
    }
}

#[tokio::test]
async fn a_compressed_bomb_is_cut_off() {
    let bomb = {
        use flate2::{Compression, write::GzEncoder};
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        for _ in 0..256 {
            encoder.write_all(&[0; 1 << 20]).expect("memory");
        }
        encoder.finish().expect("memory")
    };
    let site = Site::start(move |_| response("200 OK", &["content-encoding: gzip"], &bomb));
    assert_fault(
        get(&worker(), &site.url("/")).await,
        "E_QUOTA",
        "too large: the body has more than 2097152 bytes",
    );
}

#[tokio::test]
async fn headers_are_bounded() {
    let bounds: [(usize, usize, bool); 4] = [
        (10, 6_000, true),
        (11, 6_000, false),
        (90, 10, true),
        (1, 1 << 20, false),
    ];
    for (count, length, fits) in bounds {
        let site = Site::start(move |_| {
            let headers: Vec<_> = (0..count)
                .map(|number| format!("x-{number}: {}", "y".repeat(length)))
                .collect();
            let headers: Vec<_> = headers.iter().map(String::as_str).collect();
            response("200 OK", &headers, b"")
        });
        let outcome = get(&worker(), &site.url("/")).await;
        match fits {
            true => assert_eq!(outcome.expect("they fit").headers().len(), count + 1),
            false => assert_fault(outcome, "E_QUOTA", "too large: the headers"),
        }
    }
}

#[tokio::test]
async fn a_slow_server_is_not_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let dripping = Site::start(|_| {
        std::thread::sleep(Duration::from_secs(3));
        ok("late")
    });
    let silent_url = format!("http://{}/", silent.local_addr().expect("its address"));
    for url in [silent_url, dripping.url("/")] {
        let start = Instant::now();
        let outcome = get_with(&worker(), &url, [("timeout", WireValue::Float(0.2))]).await;
        assert_fault(
            outcome,
            "E_INVARG",
            "timed out: no complete answer of 127.0.0.1 within 0.2 s",
        );
        assert!(
            start.elapsed() < Duration::from_secs(2),
            "{:?}",
            start.elapsed()
        );
    }
}

/// Each byte comes in time, the whole never does.
#[tokio::test]
async fn a_dripping_body_does_not_hold_a_place() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("its address"));
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        let mut reader = std::io::BufReader::new(stream);
        Asked::read(&mut reader).expect("a request");
        let mut next = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        while reader.get_mut().write_all(&next).is_ok() {
            next = b"x".to_vec();
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let outcome = get_with(&worker(), &url, [("timeout", WireValue::Float(0.3))]).await;
    assert_fault(outcome, "E_INVARG", "timed out");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let free = TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("its address");
    assert_fault(
        get(&worker(), &format!("http://{free}/")).await,
        "E_INVARG",
        "connection refused: 127.0.0.1",
    );
}

#[tokio::test]
async fn what_is_not_http_is_named() {
    for bytes in [
        &b"220 ready\r\n"[..],
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("its address"));
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let mut reader = std::io::BufReader::new(stream);
                Asked::read(&mut reader);
                reader.get_mut().write_all(bytes).expect("a client");
            }
        });
        assert_fault(
            get(&worker(), &url).await,
            "E_INVARG",
            "bad response: 127.0.0.1: ",
        );
    }
    let site = Site::start(|_| {
        response(
            "200 OK",
            &["content-encoding: gzip"],
            b"no gzip at all, not at all",
        )
    });
    assert_fault(
        get(&worker(), &site.url("/")).await,
        "E_INVARG",
        "bad response: the gzip body is damaged",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_gets_so_many_requests_at_a_time() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let site = {
        let most = most.clone();
        Site::start(move |_| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(30));
            now.fetch_sub(1, Ordering::SeqCst);
            ok("")
        })
    };
    let worker = Arc::new(worker_with(
        &[
            "--allow-address",
            "127.0.0.1",
            "--concurrency-per-host",
            "3",
        ],
        Table::default(),
    ));
    let calls: Vec<_> = (0..12)
        .map(|_| {
            let (worker, url) = (worker.clone(), site.url("/"));
            tokio::spawn(async move { get(&worker, &url).await.map(|told| told.status()) })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.expect("no panic"), Ok(200));
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
}
