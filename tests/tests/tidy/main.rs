//! Rules about the sources and documents themselves, which no compiler checks.
//!
//! In: the files of the workspace. Out: what breaks a rule, one line each, naming the file and the mend. The modules are
//! the rules; they know nothing of what the code does.

mod documents;
mod flags;
mod layers;
mod lengths;
mod sources;
mod words;
