//! What it costs to write and to read the messages of a busy link: `cargo bench -p moor-rpc`.
//!
//! In: one message of each kind that a command needs, and a batch for a hundred sessions. Out: nanoseconds for each, both ways.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use moor_rpc::{
    Acknowledgement, Event, EventNumber, HostEvent, Line, LineKind, LineNumber, Message, Request,
    RequestBody, RequestId, SessionEvents, SessionId, Text, decode, encode,
};

/// Sessions of which one batch speaks when the link is busy.
const SESSIONS_BUSY: u8 = 100;

criterion_group!(benches, codec);
criterion_main!(benches);

fn codec(criterion: &mut Criterion) {
    both_ways(criterion, "line of a user", &line());
    both_ways(criterion, "answer to one session", &answers(1));
    both_ways(
        criterion,
        "answers to 100 sessions",
        &answers(SESSIONS_BUSY),
    );
    both_ways(criterion, "acknowledgement", &acknowledgement());
}

fn both_ways<M: Message>(criterion: &mut Criterion, name: &str, message: &M) {
    let bytes = encode(message).expect("it fits");
    let mut group = criterion.benchmark_group(name);
    group.bench_function("encode", |bencher| {
        bencher.iter(|| encode(black_box(message)));
    });
    group.bench_function("decode", |bencher| {
        bencher.iter(|| decode::<M>(black_box(&bytes)));
    });
    group.finish();
}

fn line() -> Request {
    let line = Line {
        session: SessionId([7; 16]),
        number: LineNumber(1_234),
        last_event: EventNumber(2_345),
        kind: LineKind::Text,
        text: "say Good evening, everybody.".into(),
    };
    Request {
        id: RequestId(99),
        body: RequestBody::Line(line),
    }
}

fn answers(sessions: u8) -> HostEvent {
    let answer = |session| SessionEvents {
        session: SessionId([session; 16]),
        first: EventNumber(2_346),
        events: vec![
            Event::Text(Text::lines(vec![
                "You say, \"Good evening, everybody.\"".into(),
            ])),
            Event::LineDone(LineNumber(1_234)),
        ],
    };
    HostEvent::Batch((0..sessions).map(answer).collect())
}

fn acknowledgement() -> Request {
    let acknowledgement = Acknowledgement {
        session: SessionId([7; 16]),
        event: EventNumber(2_347),
        queued_output_bytes: 0,
    };
    Request {
        id: RequestId(100),
        body: RequestBody::Acknowledge(vec![acknowledgement]),
    }
}
