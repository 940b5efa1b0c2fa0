//! The decoder against RFC 854, against bytes cut anywhere, and against random bytes.

use proptest::prelude::*;

use super::*;
use crate::telnet::LINE_BYTES_MAX;

fn decode_into(decoder: &mut Decoder, mut chunk: &[u8], items: &mut Vec<Input>) {
    while let Some(item) = decoder.next(&mut chunk) {
        items.push(item);
    }
    assert!(chunk.is_empty(), "every byte is taken");
}

fn decode(bytes: &[u8]) -> Vec<Input> {
    let mut items = Vec::new();
    decode_into(&mut Decoder::default(), bytes, &mut items);
    items
}

fn line(text: &str) -> Input {
    Input::Line(text.into())
}

fn command(text: &str, answer: Option<OptionCommand>) -> Input {
    Input::Command {
        text: text.into(),
        answer,
    }
}

#[test]
fn commands_are_taken_out_of_the_middle_of_a_line() {
    assert_eq!(
        decode(b"lo\xff\xfb\x1fok\r\n\xff\xf1x\n"),
        [
            command("~FF~FB~1F", Some([255, 254, 31])),
            line("look"),
            line("x")
        ]
    );
}

#[test]
fn a_subnegotiation_is_one_command_as_it_came() {
    assert_eq!(
        decode(b"\xff\xfa\x1f\x00P\xff\xff\x18\xff\xf0a\n"),
        [command("~FF~FA~1F~00P~FF~FF~18~FF~F0", None), line("a")]
    );
}

#[test]
fn a_command_cuts_an_unfinished_subnegotiation_short() {
    assert_eq!(
        decode(b"\xff\xfa\x18abc\xff\xfd\x63z\n"),
        [command("~FF~FDc", Some([255, 252, 99])), line("z")]
    );
}

#[test]
fn editing_commands_edit_and_a_doubled_iac_is_no_text() {
    assert_eq!(decode(b"ab\xff\xf7c\n"), [line("ac")]);
    assert_eq!(decode(b"ab\xff\xf8c\n"), [line("c")]);
    assert_eq!(decode(b"a\xff\xffb\n"), [line("ab")]);
    assert_eq!(decode(b"a\xff\xf6b\n"), [Input::AreYouThere, line("ab")]);
}

#[test]
fn a_subnegotiation_may_be_as_long_as_the_bound_and_no_longer() {
    let negotiation = |bytes: usize| {
        let mut all = vec![IAC, SUBNEGOTIATION, 201];
        all.resize(bytes - 2, b'x');
        all.extend([IAC, SUBNEGOTIATION_END, b'\n']);
        all
    };
    let at = decode(&negotiation(SUBNEGOTIATION_BYTES_MAX));
    assert!(
        matches!(&at[..], [Input::Command { .. }, Input::Line(_)]),
        "{} items",
        at.len()
    );
    assert_eq!(
        decode(&negotiation(SUBNEGOTIATION_BYTES_MAX + 1)),
        [line("")]
    );
}

#[test]
fn an_endless_line_ends_the_input() {
    let mut decoder = Decoder::default();
    let mut items = Vec::new();
    for _ in 0..40 {
        decode_into(&mut decoder, &[b'x'; LINE_BYTES_MAX / 32], &mut items);
    }
    decode_into(&mut decoder, b"\nlook\n", &mut items);
    assert_eq!(items, [Input::TooLong]);
}

#[test]
fn binary_input_is_passed_as_it_is() {
    let mut decoder = Decoder::default();
    let mut items = Vec::new();
    decode_into(&mut decoder, b"half", &mut items);
    decoder.set_binary(true);
    decode_into(&mut decoder, b"\xff\xfb\x01\r\n~", &mut items);
    decode_into(&mut decoder, b"b", &mut items);
    decoder.set_binary(false);
    decode_into(&mut decoder, b"c\r\n", &mut items);
    let binary = |text: &str| Input::Binary(text.into());
    assert_eq!(
        items,
        [binary("half~FF~FB~01~0D~0A~7E"), binary("b"), line("c")]
    );
}

#[test]
fn half_a_character_at_the_end_of_a_chunk_is_no_error() {
    let mut decoder = Decoder::default();
    let mut items = Vec::new();
    decode_into(&mut decoder, &"né".as_bytes()[..2], &mut items);
    decode_into(&mut decoder, &"é\n".as_bytes()[1..], &mut items);
    assert_eq!(items, [line("né")]);
}

/// Bytes in which telnet's own are frequent.
fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    let special = prop::sample::select(vec![
        255u8, 255, 250, 240, 251, 252, 253, 254, 0, 1, 3, 31, 8, 127, 13, 10, 246, 247, 248, 0xC3,
    ]);
    prop::collection::vec(prop_oneof![any::<u8>(), special, b'a'..=b'z'], 0..400)
}

proptest! {
    #[test]
    fn the_same_bytes_give_the_same_input_however_they_are_cut(
        bytes in any_bytes(), cuts in prop::collection::vec(1..9_usize, 0..200),
    ) {
        let whole = decode(&bytes);
        let mut decoder = Decoder::default();
        let mut items = Vec::new();
        let mut rest = &bytes[..];
        for cut in cuts {
            let (chunk, after) = rest.split_at(cut.min(rest.len()));
            decode_into(&mut decoder, chunk, &mut items);
            rest = after;
        }
        decode_into(&mut decoder, rest, &mut items);
        prop_assert_eq!(items, whole);
    }

    #[test]
    fn lines_hold_no_control_character_but_the_tab(bytes in any_bytes()) {
        for item in decode(&bytes) {
            if let Input::Line(text) = item {
                prop_assert!(text.chars().all(|c| c == '\t' || !c.is_control()), "{:?}", text);
            }
        }
    }

    #[test]
    fn typed_text_comes_through(lines in prop::collection::vec("[^\\p{Cc}]{0,40}", 0..5)) {
        let typed: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let expected: Vec<Input> = lines.into_iter().map(Input::Line).collect();
        prop_assert_eq!(decode(typed.as_bytes()), expected);
    }
}
