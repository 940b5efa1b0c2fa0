//! Tests of the whole runtime in one process: a real world over a real store, the real compiler
//! and machine. What programs do is data, in `crates/runtime/tests/cases`.

mod beginning;
mod bursts;
mod cases;
mod cluster;
mod dialing;
mod ending;
mod evals;
mod exec;
mod files;
mod fixture;
mod hooks;
mod hostile;
mod language;
mod large_rows;
mod late;
mod listening;
mod object_text;
mod other_tasks;
mod protection;
mod sign_in;
mod sqlite;
mod stopped;
mod told;
mod typing;
mod workers;
