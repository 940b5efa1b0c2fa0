//! Random programs that pass verification run to some end and never panic; encoding is the identity.

mod world;

use std::sync::Arc;

use moor_bytecode::{
    CodeTable, Filter, FunctionCode, Gives, Handler, Instruction, Name, OPCODES, Program, Scatter,
    ScatterKind, ScatterTarget,
};
use moor_value::{List, Map, ObjId, Str, Symbol, Value};
use moor_vm::{TaskLimits, Verb};
use proptest::prelude::*;
use world::{BUILTINS, World, builtin_number};

/// More than any operand reaches.
const REGISTERS: u16 = 24;
const CODE: usize = 40;

fn constants() -> Vec<Value> {
    vec![
        Value::Int(3),
        Value::Float(1.5),
        Value::from("text"),
        Value::Obj(ObjId(2)),
        Value::List(List::from_vec(vec![Value::Int(1), Value::from("a")])),
        Value::Map(Map::new()),
        Value::Err(moor_value::ErrorCode::Perm),
    ]
}

/// An instruction of any opcode, its operands cut to what exists.
fn instruction(at: usize) -> impl Strategy<Value = Instruction> {
    (0..OPCODES.len() as u8, any::<[u8; 7]>()).prop_map(move |(opcode, rest)| {
        let mut bytes = [0; 8];
        bytes[0] = opcode;
        bytes[1] = rest[0] % 6;
        for (word, raw) in rest[1..].chunks(2).enumerate() {
            bytes[2 + word * 2] = raw[0] % 9;
        }
        let instruction = Instruction::from_bytes(bytes).expect("the opcode exists");
        // Forward by up to nine, or, where it costs ticks, backward.
        let free = instruction.jump_ticks() == 0;
        instruction.map_targets(|t| {
            let ahead = (at + 1 + usize::from(t)).min(CODE - 1);
            if free {
                ahead as u16
            } else {
                at.saturating_sub(usize::from(t)) as u16
            }
        })
    })
}

/// One that returns what it captured, and is called by itself.
fn function() -> FunctionCode {
    let program = Program::new(CodeTable {
        code: vec![Instruction::Return { a: 0 }],
        registers: 2,
        captures: vec![(Str::new("v"), 0)],
        own: Some(1),
        ..CodeTable::default()
    });
    FunctionCode {
        source: Str::new("{} => v"),
        line: 1,
        program: Arc::new(program.expect("it is in order")),
        captures: vec![3],
    }
}

fn table() -> impl Strategy<Value = CodeTable> {
    let code: Vec<_> = (0..CODE - 1).map(instruction).collect();
    (code, any::<bool>()).prop_map(|(mut code, handled)| {
        code.push(Instruction::ReturnI { imm: 0 });
        let symbols = [
            "count", "list", "test", "noop", "nested", "a", "b", "c", "d",
        ];
        let name = |text: &&str| Name {
            symbol: Symbol::intern(text),
            text: Str::new(text),
        };
        let last = CODE as u16 - 1;
        let handler = |gives, filter| Handler {
            start: 0,
            end: 20,
            target: 25,
            filter,
            gives,
        };
        let mut handlers = vec![
            handler(Gives::Pending(2), Filter::Register(1)),
            handler(Gives::Exception(3), Filter::Any),
        ];
        handlers.truncate(if handled { 2 } else { 0 });
        let kinds = [
            ScatterKind::Required,
            ScatterKind::Optional,
            ScatterKind::Default(last),
            ScatterKind::Rest,
        ];
        let targets = (0..)
            .zip(kinds)
            .map(|(register, kind)| ScatterTarget { register, kind })
            .collect();
        let mut constants = constants();
        constants.extend([Value::ZERO, Value::ZERO]);
        CodeTable {
            code,
            constants,
            names: symbols.iter().map(name).collect(),
            builtins: (0..9)
                .map(|id| (id, Symbol::intern(BUILTINS[usize::from(id)])))
                .collect(),
            variables: vec![Str::new("v")],
            registers: REGISTERS,
            handlers,
            scatters: vec![
                Scatter {
                    targets,
                    done: last
                };
                9
            ],
            lines: vec![(0, 1), (5, 2)],
            functions: vec![function(); 9],
            ..CodeTable::default()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn a_verified_program_runs_to_some_end(table in table(), debug: bool) {
        let program = Program::new(table).expect("every operand is within its table");
        let bytes = program.encode();
        let again = Program::decode(&mut bytes.as_slice(), &builtin_number).expect("it decodes");
        prop_assert_eq!(&again.code, &program.code);
        prop_assert_eq!(again.encode(), bytes);
        let verb = Verb {
            program: Arc::new(program),
            definer: Value::Obj(ObjId(2)),
            names: Str::new("test"),
            owner: ObjId(3),
            debug,
            own_name: None,
        };
        let mut world = World::default();
        world.add_verb(2, "noop", "return args;");
        let verb = Arc::new(verb);
        world.verbs.insert((2, Symbol::intern("test")), verb.clone());
        let mut vm = world.task(verb, constants());
        let limits = TaskLimits { ticks: 3_000, ..TaskLimits::default() };
        for _ in 0..20 {
            let _ = vm.run(&mut world, &limits);
            if vm.is_finished() {
                break;
            }
            vm.resume(Value::Int(5));
        }
    }

    #[test]
    fn random_bytes_are_no_program(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut bytes = bytes;
        if let Some(first) = bytes.first_mut() {
            *first = moor_bytecode::FORMAT_VERSION;
        }
        let _ = Program::decode(&mut bytes.as_slice(), &builtin_number);
    }
}
