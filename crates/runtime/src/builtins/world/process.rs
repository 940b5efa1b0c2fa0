//! What the system tells of this process: memory, processor time, faults.
//!
//! In: files of `/proc`. Out: numbers in ToastStunt's order and units. It knows nothing of the world.

use moor_value::{ErrorCode, List, Value};

use super::super::BuiltinSpec;
use super::super::env::{Answer, Env, Reply};
use super::super::spec::world;

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!("memory_usage", 0..=0, [], LambdaMoo, memory_usage)
        .doc(
            "",
            "LIST of INT",
            "The memory of the server in pages: size, resident, shared, text and data.",
        )
        .raises("E_FILE if the system does not tell"),
    world!("usage", 0..=0, [], ToastStunt, usage).doc(
        "",
        "LIST",
        "The load of the machine, times and faults of the server, in ToastStunt's order.",
    ),
];

/// What 1 is in the load averages of `usage()`.
const LOAD_UNIT: f64 = 65_536.0;
/// Bytes of a block in `usage()`.
const BLOCK_BYTES: i64 = 512;

/// `{size, resident, shared, text, data}` of the process, as the system counts them: in pages.
fn memory_usage(_: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    let text = std::fs::read_to_string("/proc/self/statm").map_err(|_| ErrorCode::File)?;
    let pages: Vec<f64> = text
        .split_whitespace()
        .map_while(|pages| pages.parse().ok())
        .collect();
    let [size, resident, shared, code, _, data, ..] = pages[..] else {
        return Err(ErrorCode::File.into());
    };
    let numbers = [size, resident, shared, code, data].map(Value::Float);
    Ok(Answer::Value(Value::List(numbers.into_iter().collect())))
}

/// `{load averages, user seconds, system seconds, minor faults, major faults, blocks read, blocks written,
/// voluntary switches, other switches, signals}`; loads are in 65,536ths.
fn usage(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let stat = Stat::read();
    let status = Labelled::read("/proc/self/status");
    let io = Labelled::read("/proc/self/io");
    Ok(Answer::Value(Value::from(vec![
        loads(),
        stat.seconds(14),
        stat.seconds(15),
        Value::Int(stat.number(10)),
        Value::Int(stat.number(12)),
        Value::Int(io.number("read_bytes") / BLOCK_BYTES),
        Value::Int(io.number("write_bytes") / BLOCK_BYTES),
        Value::Int(status.number("voluntary_ctxt_switches")),
        Value::Int(status.number("nonvoluntary_ctxt_switches")),
        Value::ZERO,
    ])))
}

/// The machine's load averages of 1, 5 and 15 minutes.
fn loads() -> Value {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let mut loads = text.split_whitespace().map(|load| load.parse::<f64>());
    let mut load = || loads.next().and_then(Result::ok).unwrap_or(0.0);
    let units: List = (0..3)
        .map(|_| Value::Int((load() * LOAD_UNIT) as i64))
        .collect();
    Value::List(units)
}

/// `/proc/self/stat`: numbers by their place.
struct Stat(Vec<String>);

impl Stat {
    /// The place of the first field behind the program's name.
    const FIRST: usize = 3;

    fn read() -> Self {
        let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        // The name is in parentheses and may hold spaces.
        let behind = text.rsplit(')').next().unwrap_or("");
        Stat(behind.split_whitespace().map(str::to_owned).collect())
    }

    fn number(&self, field: usize) -> i64 {
        let text = self.0.get(field - Self::FIRST);
        text.and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    fn seconds(&self, field: usize) -> Value {
        let ticks_per_second = rustix::param::clock_ticks_per_second().max(1) as f64;
        Value::Float(self.number(field) as f64 / ticks_per_second)
    }
}

/// A file whose lines are `NAME: NUMBER`.
struct Labelled(String);

impl Labelled {
    fn read(path: &str) -> Self {
        Labelled(std::fs::read_to_string(path).unwrap_or_default())
    }

    fn number(&self, name: &str) -> i64 {
        let lines = self.0.lines().filter_map(|line| line.split_once(':'));
        let mut found = lines.filter(|(label, _)| *label == name);
        let (_, number) = found.next().unwrap_or_default();
        number.trim().parse().unwrap_or(0)
    }
}
