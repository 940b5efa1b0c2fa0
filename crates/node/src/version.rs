//! The version that every program prints with `--version` and names in its hello.
//!
//! In: what cargo and the packager set when the program was built. Out: strings. Nothing is read while running.

/// The release, as in the manifest: `MAJOR.MINOR.PATCH`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What was built: the commit or package revision in `MOOR_BUILD` at build time, or `source`.
pub const BUILD: &str = match option_env!("MOOR_BUILD") {
    Some(build) => build,
    None => "source",
};

/// The version and the build in one line, for `--version` and for hellos: `0.1.0 (source)`.
pub fn long_version() -> String {
    format!("{VERSION} ({BUILD})")
}
