//! Tests of the store that need its insides: a disk and an engine that fail and forget on command.

mod crash;
mod damage;
mod failing;

mod sim;
