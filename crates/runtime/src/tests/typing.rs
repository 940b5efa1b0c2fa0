//! Programs that users type line by line (`.program`).

use super::ending::{HOST, connected, open};
use super::fixture::Who;
use crate::{InputLine, LineKind, SessionEvent, SessionId};

const SESSION: SessionId = SessionId([5; 16]);

#[test]
fn more_than_a_program_may_have_is_refused_at_its_end() {
    let world = connected(SessionId([6; 16]));
    open(&world, SESSION, Who::Wizard);
    let made = "add_verb(#5, {#2, \"xd\", \"typed\"}, {\"this\", \"none\", \"this\"}); return 1;";
    assert_eq!(world.value(Who::Wizard, made), "1");
    let long = format!("\"{}\";", "a".repeat(60_000));
    let lines = std::iter::once(".program #5:typed")
        .chain(std::iter::repeat_n(long.as_str(), 40))
        .chain(std::iter::once("."));
    let mut told = Vec::new();
    for (number, text) in (1..).zip(lines) {
        let line = InputLine {
            number: Some(number),
            kind: LineKind::Text,
            text: text.to_owned(),
        };
        world.line(HOST, SESSION, line);
        told = world.events_until(SESSION, |event| *event == SessionEvent::LineDone(number));
    }
    let refused = SessionEvent::text("Verb not programmed.");
    assert!(told.contains(&refused), "{told:?}");
    assert_eq!(
        world.value(Who::Wizard, "return verb_code(#5, \"typed\");"),
        "{}"
    );
}
