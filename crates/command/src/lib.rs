//! moor-command.
