//! What the fuzz targets share: a tiny world for programs, and how texts become programs.
//!
//! In: bytes of the fuzzer, through a target. Out: nothing, or a panic where something that must
//! hold does not. It knows the libraries from outside only.

#[path = "../../daemon/src/import/tasks.rs"]
mod imported;
mod source;
mod tasks;
mod world;

pub use source::{features, is_builtin, number_of_builtin, options, program};
pub use tasks::{Resolver, go_on, round_trip};
pub use world::{World, run};
