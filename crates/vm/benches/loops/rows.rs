//! The loops as data, for every program that runs them.
//!
//! In: `loops.toml` beside this file, whose head describes its fields. Out: the rows in their order.
// Each program uses its part.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

/// The whole file.
#[derive(Deserialize)]
pub(crate) struct Loops {
    /// Verbs that loops call, by name.
    pub(crate) verbs: BTreeMap<String, String>,
    /// The same for Lua.
    pub(crate) lua: Methods,
    /// The loops.
    #[serde(rename = "loop")]
    pub(crate) rows: Vec<Row>,
}

/// What Lua's loops call.
#[derive(Deserialize)]
pub(crate) struct Methods {
    /// Functions of the table `class`.
    pub(crate) methods: String,
}

/// One loop.
#[derive(Deserialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// Its argument.
    pub(crate) n: i64,
    turns: Option<u64>,
    /// Nanoseconds that a turn may take.
    pub(crate) limit: f64,
    /// Nanoseconds that Lua took where the limit was set.
    pub(crate) lua_then: Option<f64>,
    /// What it needs.
    pub(crate) room: Room,
    /// A body that has `n`.
    moo: String,
    /// A body that has `o` and `n`; none where Lua has nothing like it.
    pub(crate) lua: Option<String>,
}

/// What a loop needs around it.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Room {
    /// The machine alone.
    Machine,
    /// Builtin functions of the runtime.
    Server,
    /// Verbs of LambdaCore.
    Core,
}

impl Loops {
    pub(crate) fn read() -> Self {
        let text = include_str!("loops.toml");
        toml::from_str(text).expect("loops.toml")
    }
}

impl Row {
    /// A verb whose one argument is `n`.
    pub(crate) fn source(&self) -> String {
        format!("{{n}} = args; {}", self.moo)
    }

    /// How many turns its argument means.
    pub(crate) fn turns(&self) -> u64 {
        self.turns.unwrap_or(self.n as u64)
    }

    /// Nanoseconds a turn, of the time of the whole loop.
    pub(crate) fn per_turn(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e9 / self.turns() as f64
    }
}
