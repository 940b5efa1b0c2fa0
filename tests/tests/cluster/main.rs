//! A cluster of real programs over TCP with CURVE: enrolled by tokens, killed in every order, thrown out, drained.
//!
//! In: the multi-call binary. Out: what users see, exit codes, files. Each program has a folder of its own, as if it had
//! a machine of its own. MOOR_SOAK_ROUNDS=30 kills more often and runs the scenarios that take minutes.

mod drain;
mod enrollment;
mod outages;
mod realm;
mod revocation;
mod site;
mod view;
mod work;
