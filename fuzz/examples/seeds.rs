//! Writes the seeds that are bytes: stored programs, tasks and values, arguments of builtins, messages, the link's own words.
//!
//! In: the texts of `seeds/programs` and the messages that the tests of the codec are made of. Out: the other folders of
//! `seeds`. To be run from `fuzz` when one of the formats has changed: `RUSTFLAGS='--cfg fuzzing' cargo run --release
//! --example seeds`.

#[path = "../../crates/rpc/tests/messages/samples.rs"]
mod samples;

use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use moor_fuzz::{World, program};
use moor_rpc::{Message, encode};
use moor_runtime::fuzzing::pure_builtin_names;
use moor_value::{ErrorCode, Map, MapKey, ObjId, Str, Value, codec};
use moor_vm::{Command, Start, TaskLimits, Verb, Vm};

fn put(folder: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let folder = Path::new("seeds").join(folder);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), bytes)
}

fn main() -> io::Result<()> {
    programs_and_tasks()?;
    values_and_arguments()?;
    messages()?;
    link()
}

fn programs_and_tasks() -> io::Result<()> {
    for entry in fs::read_dir("seeds/programs")? {
        let path = entry?.path();
        let name = path
            .file_stem()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        if let Some(program) = program(&fs::read_to_string(&path)?) {
            put("bytecode", &name, &program.encode())?;
        }
    }
    let waits = program("x = {1, \"two\"}; for i in [1..9] suspend(i); endfor return x;");
    let program = waits.ok_or(io::ErrorKind::InvalidData)?;
    let mut task = Vm::new(Start {
        verb: Arc::new(Verb {
            program: Arc::new(program.clone()),
            definer: Value::Obj(ObjId(1)),
            names: Str::new("test"),
            owner: ObjId(2),
            debug: true,
            own_name: None,
        }),
        this: Value::Obj(ObjId(1)),
        called_as: Str::new("test"),
        args: Vec::new(),
        player: ObjId(2),
        caller: Value::Obj(ObjId(2)),
        command: Command::default(),
    });
    let limits = TaskLimits {
        ticks: 1_000,
        ..TaskLimits::default()
    };
    let _ = task.run(&mut World::new(program), &limits);
    put("tasks", "suspended", &task.encode())
}

fn values() -> Vec<Value> {
    let key = |text: &str| MapKey::new(Value::from(text));
    let mut map = Map::new();
    if let Some(key) = key("key") {
        map.insert(
            key,
            Value::from(vec![Value::Float(-2.5), Value::Bool(true)]),
        );
    }
    vec![
        Value::Int(-1),
        Value::from("a longer text than fits inline"),
        Value::Obj(ObjId(7)),
        Value::Err(ErrorCode::Perm),
        Value::from(vec![Value::from("x"), Value::Int(1 << 40)]),
        Value::Map(map),
    ]
}

fn values_and_arguments() -> io::Result<()> {
    let mut all = Vec::new();
    for (at, value) in values().iter().enumerate() {
        let mut bytes = Vec::new();
        codec::encode(value, &mut bytes);
        put("values", &at.to_string(), &bytes)?;
        all.push(bytes);
    }
    for (at, name) in pure_builtin_names().iter().enumerate() {
        let interesting = [
            "sort",
            "match",
            "pcre_match",
            "slice",
            "strsub",
            "decode_base64",
        ];
        if interesting.contains(name) {
            let number = u16::try_from(at).unwrap_or(0).to_le_bytes();
            put(
                "builtins",
                name,
                &[&number[..], &all[1], &all[4], &all[0]].concat(),
            )?;
        }
    }
    Ok(())
}

fn messages() -> io::Result<()> {
    fn each<M: Message>(kind: u8, messages: Vec<(&'static str, M)>) -> io::Result<()> {
        for (name, message) in messages {
            let bytes = encode(&message).map_err(io::Error::other)?;
            put("messages", name, &[&[kind][..], &bytes].concat())?;
        }
        Ok(())
    }
    each(0, samples::requests())?;
    each(1, samples::replies())?;
    each(2, samples::host_events())?;
    each(3, samples::worker_orders())?;
    each(4, samples::worker_reports())
}

fn link() -> io::Result<()> {
    let version = moor_link::LINK_VERSION.to_le_bytes();
    let hello = [
        &b"MOOR"[..],
        &version,
        &[3, 0, 0, 0],
        &[7; 16],
        b"\x0btelnet-host",
        b"\x050.1.0",
    ];
    put("link", "hello", &hello.concat())?;
    let question = [
        &b"MOOR"[..],
        &version,
        &[1, 0],
        b"\x0btelnet-host",
        b"\x04host",
    ];
    put("link", "question", &question.concat())?;
    put("link", "refused", &[&version[..], &[1], b"\x02no"].concat())
}
