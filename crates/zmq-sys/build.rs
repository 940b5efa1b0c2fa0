//! Builds libzmq and its CURVE mechanism on libsodium, statically, from the sources inside the crates.io
//! packages: no system library, no network, only a C and C++ compiler and make.
//!
//! In: `DEP_SODIUM_INCLUDE` and `DEP_SODIUM_LIB` from libsodium-sys-stable. Out: link lines for rustc.

use std::env;
use std::path::PathBuf;

/// What a Linux kernel and glibc or musl of this decade have and zeromq-src does not say to libzmq.
/// Without `EVENTFD` every wake-up inside libzmq is a byte through a socket pair; without the `CLOEXEC`
/// lines and `ACCEPT4` a file descriptor leaks into a program started at the wrong moment.
const LINUX_FLAGS: &[&str] = &[
    "-DZMQ_HAVE_EVENTFD=1",
    "-DZMQ_HAVE_EVENTFD_CLOEXEC=1",
    "-DZMQ_HAVE_O_CLOEXEC=1",
    "-DZMQ_HAVE_SOCK_CLOEXEC=1",
    "-DHAVE_ACCEPT4=1",
    "-DZMQ_HAVE_SO_PEERCRED=1",
];

/// Warnings of code that is not ours are nobody's to mend here.
const QUIET_FLAG: &str = "-w";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=CXXFLAGS");
    add_cxx_flags();
    let include = sodium_dir("DEP_SODIUM_INCLUDE");
    let lib = sodium_dir("DEP_SODIUM_LIB");
    zeromq_src::Build::new()
        .with_libsodium(Some(zeromq_src::LibLocation::new(lib, include)))
        .build();
}

/// A folder that libsodium-sys-stable tells its dependents.
fn sodium_dir(name: &str) -> PathBuf {
    env::var_os(name).map(PathBuf::from).unwrap_or_else(|| {
        panic!("{name} is not set: libsodium-sys-stable did not build libsodium from source")
    })
}

/// zeromq-src has no way to pass a define; the `cc` crate it uses reads `CXXFLAGS`.
#[allow(unsafe_code)]
fn add_cxx_flags() {
    let mut flags = env::var("CXXFLAGS").unwrap_or_default();
    let linux = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux");
    for flag in LINUX_FLAGS.iter().filter(|_| linux).chain([&QUIET_FLAG]) {
        flags.push(' ');
        flags.push_str(flag);
    }
    // SAFETY: a build script has one thread here, so nobody reads the environment at the same time.
    unsafe { env::set_var("CXXFLAGS", flags) };
}
