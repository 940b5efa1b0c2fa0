//! The instruction table as documentation and as encoding. `MOOR_UPDATE_GOLDEN=1` writes the documentation anew.

use std::fmt::Write;
use std::path::Path;

use moor_bytecode::{CodeTable, Instruction, OPCODES, Program, VerifyError};

const BEGIN: &str = "<!-- instructions -->\n";
const END: &str = "<!-- end -->";

fn documentation() -> String {
    let mut text =
        String::from("| number | instruction | operands | effect |\n|---|---|---|---|\n");
    for (number, opcode) in OPCODES.iter().enumerate() {
        let effect = opcode.effect.replace('|', "\\|");
        let operands = opcode.operands.join(", ");
        let _ = writeln!(
            text,
            "| {number} | {} | {operands} | {effect} |",
            opcode.name
        );
    }
    text
}

#[test]
fn the_format_document_has_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats/bytecode.md");
    let text = std::fs::read_to_string(&path).expect("the document is there");
    let (head, rest) = text
        .split_once(BEGIN)
        .expect("the document has the table's mark");
    let (table, tail) = rest
        .split_once(END)
        .expect("the document has the table's end");
    if std::env::var_os("MOOR_UPDATE_GOLDEN").is_some() {
        let new = format!("{head}{BEGIN}{}{END}{tail}", documentation());
        std::fs::write(&path, new).expect("the document can be written");
        return;
    }
    assert_eq!(table, documentation(), "run with MOOR_UPDATE_GOLDEN=1");
}

#[test]
fn every_opcode_keeps_its_bytes() {
    for number in 0..=u8::MAX {
        let bytes = [number, 1, 2, 0, 3, 0, 4, 0];
        match Instruction::from_bytes(bytes) {
            Some(instruction) => {
                assert_eq!(instruction.opcode(), number);
                assert_eq!(
                    Instruction::from_bytes(instruction.to_bytes()),
                    Some(instruction)
                );
            }
            None => assert!(usize::from(number) >= OPCODES.len()),
        }
    }
}

fn table(code: Vec<Instruction>) -> CodeTable {
    CodeTable {
        code,
        registers: 2,
        ..CodeTable::default()
    }
}

#[test]
fn what_is_out_of_range_does_not_pass() {
    use Instruction as I;
    let end = I::ReturnI { imm: 0 };
    let refused = |code: Vec<I>| Program::new(table(code)).expect_err("it must not pass");
    assert!(Program::new(table(vec![I::Move { dst: 0, src: 1 }, end])).is_ok());
    assert!(matches!(
        refused(vec![I::Move { dst: 0, src: 2 }, end]),
        VerifyError::Operand { at: 0, .. }
    ));
    assert!(matches!(
        refused(vec![I::Const { dst: 0, k: 0 }, end]),
        VerifyError::Operand { at: 0, .. }
    ));
    assert!(matches!(
        refused(vec![
            I::List {
                dst: 0,
                base: 1,
                count: 2
            },
            end
        ]),
        VerifyError::Operand { .. }
    ));
    assert!(matches!(
        refused(vec![
            I::RangePrep {
                var: 0,
                state: 1,
                end: 1
            },
            end
        ]),
        VerifyError::Operand { .. }
    ));
    assert!(matches!(
        refused(vec![
            end,
            I::Jump {
                ticks: 0,
                target: 1
            }
        ]),
        VerifyError::FreeLoop { at: 1 }
    ));
    assert!(
        Program::new(table(vec![
            end,
            I::Jump {
                ticks: 1,
                target: 1
            }
        ]))
        .is_ok()
    );
    assert_eq!(refused(vec![I::Clear { dst: 0 }]), VerifyError::Length);
    assert_eq!(refused(vec![]), VerifyError::Length);
}

#[test]
fn fork_bodies_keep_their_texts_and_older_programs_have_none() {
    let end = Instruction::ReturnI { imm: 0 };
    let text = moor_value::Str::new("x = 1;\nnotify(player, x);");
    let mut with_fork = table(vec![end, end]);
    with_fork.forks = vec![(1, text.clone())];
    let program = Program::new(with_fork).expect("it passes");
    let mut bytes = program.encode();
    let read = Program::decode(&mut bytes.as_slice(), &|_| None).expect("it is read");
    assert_eq!(read.fork_body(1), Some(&text));
    assert_eq!(read.fork_body(0), None);
    // The former version is the same without its last field.
    bytes.truncate(bytes.len() - (4 + 2 + 4 + text.len_bytes()));
    bytes[0] = 1;
    let old = Program::decode(&mut bytes.as_slice(), &|_| None).expect("it is read");
    assert_eq!(old.fork_body(1), None);
    bytes[0] = 3;
    assert!(Program::decode(&mut bytes.as_slice(), &|_| None).is_err());
}

#[test]
fn programs_keep_their_text_and_older_ones_have_none() {
    let text = moor_value::Str::new("return 0;");
    let program = Program::new(table(vec![Instruction::ReturnI { imm: 0 }])).expect("it passes");
    let without = program.encode();
    let mut bytes = program.clone().with_source(text.clone()).encode();
    let read = Program::decode(&mut bytes.as_slice(), &|_| None).expect("it is read");
    assert_eq!(read.source, Some(text.clone()));
    assert!(read.does_as(&program));
    let read = Program::decode(&mut without.as_slice(), &|_| None).expect("it is read");
    assert_eq!(read.source, None);
    let tag = bytes.len() - (4 + text.len_bytes()) - 1;
    bytes[tag] = 2;
    assert!(Program::decode(&mut bytes.as_slice(), &|_| None).is_err());
    // The former version is the same without its last field.
    bytes.truncate(tag);
    assert!(Program::decode(&mut bytes.as_slice(), &|_| None).is_err());
    bytes[0] = 4;
    let old = Program::decode(&mut bytes.as_slice(), &|_| None).expect("it is read");
    assert_eq!(old.source, None);
}

#[test]
fn programs_do_the_same_whatever_their_lines() {
    let end = |imm| Instruction::ReturnI { imm };
    let program = |imm, line| {
        let mut table = table(vec![end(imm)]);
        table.lines = vec![(0, line)];
        Program::new(table).expect("it passes")
    };
    assert!(program(0, 1).does_as(&program(0, 7)));
    assert!(!program(0, 1).does_as(&program(1, 1)));
}

#[test]
fn a_fork_body_outside_the_code_does_not_pass() {
    let mut outside = table(vec![Instruction::ReturnI { imm: 0 }]);
    outside.forks = vec![(1, moor_value::Str::EMPTY)];
    assert!(matches!(
        Program::new(outside),
        Err(VerifyError::Table { table: "forks", .. })
    ));
}
