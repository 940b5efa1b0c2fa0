//! The builtins that know the world: objects, properties, verbs, tasks, connections, the server.
//!
//! In: checked arguments and an [`Env`](super::env::Env): the stretch's transaction and effects,
//! and the machine's stack. Out: a value, a verb to call first, something to wait for, an error.
//! Permissions of objects, properties and verbs are the transaction's knowledge; what is asked of
//! sessions and tasks becomes an effect that the stretch's commit applies.

mod calls;
mod cluster;
mod code;
mod connection_options;
mod connections;
mod file_paths;
mod files;
mod hierarchy;
mod invoke;
mod movement;
mod network;
mod objects;
mod process;
mod properties;
mod server;
mod sqlite;
mod target;
mod tasks;
mod verbs;
mod workers;

use super::BuiltinSpec;

/// The tables of all families.
const FAMILIES: &[&[BuiltinSpec]] = &[
    calls::SPECS,
    cluster::SPECS,
    code::SPECS,
    connection_options::SPECS,
    connections::SPECS,
    file_paths::SPECS,
    files::SPECS,
    hierarchy::SPECS,
    movement::SPECS,
    network::SPECS,
    objects::SPECS,
    process::SPECS,
    properties::SPECS,
    server::SPECS,
    sqlite::SPECS,
    tasks::SPECS,
    verbs::SPECS,
    workers::SPECS,
];

/// Every builtin that knows the world, in no particular order.
pub(crate) fn world_builtins() -> impl Iterator<Item = &'static BuiltinSpec> {
    FAMILIES.iter().copied().flatten()
}
