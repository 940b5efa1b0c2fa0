//! The builtins that know the world: objects, properties, verbs, tasks, connections, the server.
//!
//! In: checked arguments and an [`Env`](super::env::Env): the stretch's transaction and effects,
//! and the machine's stack. Out: a value, a verb to call first, something to wait for, an error.
//! Permissions of objects, properties and verbs are the transaction's knowledge; what is asked of
//! sessions and tasks becomes an effect that the stretch's commit applies.

mod calls;
mod cluster;
mod code;
mod commands;
mod compile_errors;
mod connection_list;
mod connection_options;
mod connections;
mod counters;
mod curl;
mod documents;
mod exec;
mod file_paths;
mod files;
mod hashes;
mod hierarchy;
mod input;
mod invoke;
mod kinds;
mod likeness;
mod literals;
mod load_conflicts;
mod movement;
mod network;
mod object_text;
mod objects;
mod other_tasks;
mod paseto;
mod process;
mod properties;
mod server;
mod sqlite;
mod target;
mod tasks;
mod verbs;
mod words;
mod workers;

use super::Family;

/// The tables of all families that know the world.
pub(super) const FAMILIES: &[Family] = &[
    ("Calls and errors", calls::SPECS),
    ("Programs around the daemon", cluster::SPECS),
    ("Verbs", code::SPECS),
    ("Commands", commands::SPECS),
    ("Verbs", compile_errors::SPECS),
    ("Connections", connection_list::SPECS),
    ("Connections", connection_options::SPECS),
    ("Connections", connections::SPECS),
    ("Server", counters::SPECS),
    ("Programs around the daemon", curl::SPECS),
    ("Documents", documents::SPECS),
    ("Programs of the machine", exec::SPECS),
    ("Files", file_paths::SPECS),
    ("Files", files::SPECS),
    ("Hashes and passwords", hashes::SPECS),
    ("Objects", hierarchy::SPECS),
    ("Connections", input::SPECS),
    ("Objects", kinds::SPECS),
    ("Objects", likeness::SPECS),
    ("Values", literals::SPECS),
    ("Objects", movement::SPECS),
    ("Connections", network::SPECS),
    ("Objects", object_text::SPECS),
    ("Objects", objects::SPECS),
    ("Tasks", other_tasks::SPECS),
    ("Encryption", paseto::SPECS),
    ("Server", process::SPECS),
    ("Properties", properties::SPECS),
    ("Server", server::SPECS),
    ("SQLite", sqlite::SPECS),
    ("Tasks", tasks::SPECS),
    ("Verbs", verbs::SPECS),
    ("Words", words::SPECS),
    ("Programs around the daemon", workers::SPECS),
];
