//! The Debian packages: built, looked into, and unpacked into a folder from which their programs run.
//!
//! In: deploy/debian/build. Out: verdicts. It packs unoptimised programs of a few hundred megabytes, so it runs only with
//! MOOR_TEST_PACKAGES=1, and says so without it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::files::root;
use crate::part::PROGRAMS;

/// What a command writes; it must end well.
fn output(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{command:?}: {out}{err}");
    out.into_owned()
}

/// The files of a package.
fn content(package: &Path) -> BTreeSet<String> {
    let listing = output(Command::new("dpkg-deb").arg("--contents").arg(package));
    let files = listing.lines().filter(|line| line.starts_with('-'));
    let files = files.map(|line| {
        assert!(line.contains(" root/root "), "{line}");
        line.split(" ./").nth(1).expect("a path").to_owned()
    });
    files.collect()
}

fn expected(package: &str) -> BTreeSet<String> {
    let mut files = vec![
        format!("usr/bin/{package}"),
        format!("usr/share/doc/{package}/LICENSE-MIT"),
        format!("usr/share/doc/{package}/LICENSE-APACHE"),
    ];
    match package.strip_prefix("moor-") {
        Some(word) => files.extend([
            format!("usr/lib/systemd/system/{package}.service"),
            format!("usr/share/doc/{package}/examples/{word}.env"),
        ]),
        None => files.extend(
            [
                "sysusers.d/moor.conf",
                "tmpfiles.d/moor.conf",
                "systemd/system/moor.target",
            ]
            .map(|file| format!("usr/lib/{file}")),
        ),
    }
    files.into_iter().collect()
}

#[test]
fn packages_hold_what_runs() {
    if std::env::var_os("MOOR_TEST_PACKAGES").is_none() {
        moor_tests::say("skipped: MOOR_TEST_PACKAGES=1 builds the Debian packages");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [binaries, packages, unpacked] =
        ["bin", "packages", "root"].map(|name| folder.path().join(name));
    std::fs::create_dir(&binaries).expect("a folder");
    for program in PROGRAMS.iter().chain(&["moor"]) {
        std::os::unix::fs::symlink(
            env!("CARGO_BIN_EXE_moor-under-test"),
            binaries.join(program),
        )
        .expect("a link");
    }
    let mut build = Command::new(root().join("deploy/debian/build"));
    output(
        build
            .arg(&binaries)
            .arg(&packages)
            .env("MOOR_DEB_COMPRESSION", "none"),
    );
    for name in PROGRAMS.iter().chain(&["moor"]) {
        let mut found = std::fs::read_dir(&packages)
            .expect("packages")
            .map(|entry| entry.expect("an entry").path());
        let begin = format!("{name}_");
        let package = found.find(|path| {
            path.file_name()
                .is_some_and(|file| file.to_string_lossy().starts_with(&begin))
        });
        let package = package.unwrap_or_else(|| panic!("no package {name}"));
        assert_eq!(content(&package), expected(name), "{name}");
        output(
            Command::new("dpkg-deb")
                .arg("--extract")
                .arg(&package)
                .arg(&unpacked),
        );
        let depends = output(
            Command::new("dpkg-deb")
                .arg("--field")
                .arg(&package)
                .arg("Depends"),
        );
        assert_eq!(
            depends.contains("moor (= "),
            *name != "moor",
            "{name}: {depends}"
        );
        // A copy that went through the package runs as what it is called.
        let told = output(Command::new(unpacked.join("usr/bin").join(name)).arg("--version"));
        assert!(told.starts_with(&format!("{name} ")), "{name}: {told}");
    }
}
