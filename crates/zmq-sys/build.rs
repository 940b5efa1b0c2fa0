//! Builds libzmq and its CURVE mechanism on libsodium, statically, from the sources inside the crates.io
//! packages: no system library, no network, only a C and C++ compiler and make. What `mends.rs` lists is mended
//! on the way.
//!
//! In: `DEP_SODIUM_INCLUDE` and `DEP_SODIUM_LIB` from libsodium-sys-stable. Out: link lines for rustc, and the
//! mended files in `OUT_DIR/mended`.
//!
//! zeromq-src compiles its own copy of libzmq and has no way to be given another. So this program stands in for
//! the compiler that it calls: called again as such, it hands the call on, with the mended copy in the place of
//! each file that has mends. Every flag stays zeromq-src's, and nothing is compiled twice. The `cc` crate in zeromq-src
//! takes compiler and flags from the environment, which a process can give only to its child: so there is a third role,
//! a child that calls zeromq-src.

mod mends;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mends::MENDS;

/// What a Linux kernel and glibc or musl of this decade have and zeromq-src does not say to libzmq.
/// Without `EVENTFD` every wake-up inside libzmq is a byte through a socket pair; without the `CLOEXEC`
/// lines and `ACCEPT4` a file descriptor leaks into a program started at the wrong moment; without `SETNAME` its threads have no
/// names.
const LINUX_FLAGS: &[&str] = &[
    "-DZMQ_HAVE_EVENTFD=1",
    "-DZMQ_HAVE_EVENTFD_CLOEXEC=1",
    "-DZMQ_HAVE_O_CLOEXEC=1",
    "-DZMQ_HAVE_SOCK_CLOEXEC=1",
    "-DHAVE_ACCEPT4=1",
    "-DZMQ_HAVE_SO_PEERCRED=1",
    "-DZMQ_HAVE_PTHREAD_SETNAME_2=1",
];

/// Warnings of code that is not ours are nobody's to mend here.
const QUIET_FLAG: &str = "-w";

/// The compiler, for this program when it is called in its place.
const COMPILER: &str = "MOOR_ZMQ_COMPILER";

/// Set for the child that calls zeromq-src.
const BUILDER: &str = "MOOR_ZMQ_BUILDER";

fn main() {
    if let Some(compiler) = env::var_os(COMPILER).filter(|_| env::args_os().len() > 1) {
        compile(compiler);
    }
    if env::var_os(BUILDER).is_some() {
        return build();
    }
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=mends.rs");
    println!("cargo:rerun-if-env-changed=CXXFLAGS");
    let mended = mended_dir();
    let _ = fs::remove_dir_all(&mended);
    fs::create_dir_all(&mended).expect("a folder for what is mended");
    start_builder();
    for mend in MENDS {
        let file = mend.file;
        let is_compiled = mended.join(file).is_file();
        assert!(
            is_compiled,
            "{file} has mends and was not compiled: mends.rs is for another libzmq"
        );
    }
}

/// Compiles libzmq; prints what Cargo must know.
fn build() {
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

fn mended_dir() -> PathBuf {
    PathBuf::from(env::var_os("OUT_DIR").expect("set by Cargo")).join("mended")
}

/// Runs this program as the one that calls zeromq-src, with itself for the compiler, and more flags.
fn start_builder() {
    let mut flags = env::var("CXXFLAGS").unwrap_or_default();
    let linux = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux");
    for flag in LINUX_FLAGS.iter().filter(|_| linux).chain([&QUIET_FLAG]) {
        flags.push(' ');
        flags.push_str(flag);
    }
    let compiler = cc::Build::new().cpp(true).get_compiler();
    let target = env::var("TARGET").expect("set by Cargo");
    let this = env::current_exe().expect("this program");
    let status = Command::new(&this)
        .env(BUILDER, "1")
        .env("CXXFLAGS", flags)
        .env(COMPILER, compiler.path())
        // The first name that the `cc` crate looks for.
        .env(format!("CXX_{target}"), &this)
        .status()
        .expect("this program starts");
    if !status.success() {
        std::process::exit(status.code().unwrap_or(1));
    }
}

/// Hands a call of the compiler on, and ends as it ends.
fn compile(compiler: OsString) -> ! {
    let arguments = env::args_os().skip(1).map(|argument| {
        let path = Path::new(&argument);
        match path.file_name().and_then(|name| name.to_str()) {
            Some(name) if MENDS.iter().any(|mend| mend.file == name) => mend(path, name),
            _ => argument,
        }
    });
    let status = Command::new(&compiler).args(arguments).status();
    let status = status.unwrap_or_else(|error| panic!("{}: {error}", compiler.display()));
    std::process::exit(status.code().unwrap_or(1))
}

/// Writes a mended copy of a file; its path.
fn mend(path: &Path, name: &str) -> OsString {
    let mut text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"));
    for mend in MENDS.iter().filter(|mend| mend.file == name) {
        let found = text.matches(mend.old).count();
        assert!(
            found == 1,
            "the old text of \"{}\" is in {name} {found} times and not once: mends.rs is for another libzmq",
            mend.why
        );
        text = text.replace(mend.old, mend.new);
    }
    let copy = mended_dir().join(name);
    fs::write(&copy, text).unwrap_or_else(|error| panic!("{}: {error}", copy.display()));
    copy.into_os_string()
}
