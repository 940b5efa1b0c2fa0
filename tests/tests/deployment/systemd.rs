//! Units as parts.
//!
//! In: deploy/systemd. Out: a part for each service, as it runs beside the daemon or, with the environment files of
//! deploy/systemd/cluster, on a machine of its own.

use std::collections::BTreeMap;
use std::process::Command;

use crate::files::{names, root, unit, variables};
use crate::part::{Mount, PROGRAMS, Part, Probe, Source};

pub(crate) const FOLDER: &str = "deploy/systemd";
/// Where systemd puts what LoadCredential= names.
const CREDENTIALS: &str = "/run/credentials";

/// Which machine a unit is on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Layout {
    /// All on one, over Unix sockets.
    Together,
    /// Each on its own, over TCP.
    Apart,
}

/// A service as a part.
pub(crate) fn part(program: &str, layout: Layout) -> Part {
    let path = format!("{FOLDER}/{program}.service");
    let settings = unit(&path);
    let of = |key: &str| -> Vec<String> {
        let found = settings
            .iter()
            .filter(|(section, name, _)| section == "Service" && name == key);
        found.map(|(_, _, value)| value.clone()).collect()
    };
    let one = |key: &str| {
        of(key)
            .first()
            .unwrap_or_else(|| panic!("{path}: no {key}="))
            .clone()
    };
    let word = program.strip_prefix("moor-").expect("a program");
    let mut all = BTreeMap::new();
    for line in of("Environment") {
        let (name, value) = line.split_once('=').expect("NAME=VALUE");
        all.insert(name.to_owned(), value.replace("%d", CREDENTIALS));
    }
    assert_eq!(
        one("EnvironmentFile"),
        format!("-/etc/moor/{word}.env"),
        "{path}"
    );
    if layout == Layout::Apart {
        all.extend(variables(&format!("{FOLDER}/cluster/{word}.env")));
    }
    let local = |name: &str| (name.to_owned(), "127.0.0.1".to_owned());
    let mut mounts = state(&one("StateDirectory"));
    mounts.push(runtime(program, layout));
    mounts.extend(
        of("LoadCredential")
            .iter()
            .map(|name| credential(name, word)),
    );
    Part {
        name: word.to_owned(),
        command: one("ExecStart")
            .split_whitespace()
            .map(String::from)
            .collect(),
        variables: all,
        mounts,
        probes: probes(word, layout),
        hosts: ["0.0.0.0", "127.0.0.1", "daemon.internal"]
            .map(local)
            .into(),
        ports: Vec::new(),
        grace_s: one("TimeoutStopSec").parse().expect("seconds"),
        after: Vec::new(),
    }
}

fn state(name: &str) -> Vec<Mount> {
    let source = Source::Volume(format!("state-{name}"));
    let path = format!("/var/lib/{name}");
    vec![Mount {
        path,
        source,
        read_only: false,
    }]
}

/// The folder of sockets is the machine's. systemd makes it; here `/run` is the mount, and the program makes it.
fn runtime(program: &str, layout: Layout) -> Mount {
    let machine = match layout {
        Layout::Together => "machine",
        Layout::Apart => program,
    };
    Mount {
        path: "/run".into(),
        source: Source::Volume(format!("run-{machine}")),
        read_only: false,
    }
}

/// The operator has put the token for this kind of program where the unit looks for it.
fn credential(name: &str, word: &str) -> Mount {
    let items = vec![(word.to_owned(), name.to_owned())];
    let source = Source::Secret("credentials".into(), items);
    let path = CREDENTIALS.to_owned();
    Mount {
        path,
        source,
        read_only: true,
    }
}

/// Units have no probes: those of the guide.
fn probes(word: &str, layout: Layout) -> Vec<Probe> {
    match (word, layout) {
        ("daemon", Layout::Together) => Vec::new(),
        ("daemon", Layout::Apart) => vec![Probe::Http(9889, "/readyz".into())],
        ("telnet-host", _) => vec![Probe::Tcp(9888)],
        ("web-host", _) => vec![Probe::Http(8081, "/health".into())],
        ("curl-worker", _) => vec![Probe::Tcp(9999)],
        (other, _) => panic!("{other}"),
    }
}

#[test]
fn every_program_has_its_unit_and_the_target_wants_them() {
    let there = names(FOLDER, ".service");
    let wanted: Vec<String> = PROGRAMS
        .iter()
        .map(|program| format!("{FOLDER}/{program}.service"))
        .collect();
    assert!(
        there.len() == wanted.len() && wanted.iter().all(|path| there.contains(path)),
        "{there:?}"
    );
    let target = unit(&format!("{FOLDER}/moor.target"));
    let wants = target
        .iter()
        .find(|(_, key, _)| key == "Wants")
        .expect("Wants=");
    for program in PROGRAMS {
        assert!(wants.2.contains(&format!("{program}.service")), "{program}");
        let settings = unit(&format!("{FOLDER}/{program}.service"));
        let has = |key: &str, value: &str| {
            settings
                .iter()
                .any(|(_, name, text)| name == key && text == value)
        };
        assert!(
            has("WantedBy", "moor.target") && has("PartOf", "moor.target"),
            "{program}"
        );
        // All of them meet in one folder of sockets, which only its user may open.
        assert!(
            has("User", "moor")
                && has("RuntimeDirectory", "moor")
                && has("RuntimeDirectoryMode", "0700"),
            "{program}"
        );
        assert!(
            has("Environment", "XDG_RUNTIME_DIR=/run") && has("StateDirectoryMode", "0700"),
            "{program}"
        );
        assert!(
            has("NoNewPrivileges", "yes")
                && has("ProtectSystem", "strict")
                && has("CapabilityBoundingSet", ""),
            "{program}"
        );
    }
}

/// Runs systemd-analyze, where there is one; says so where there is none.
fn analyze(arguments: &[&str]) -> Option<String> {
    let units = names(FOLDER, ".service")
        .into_iter()
        .map(|path| root().join(path));
    let output = Command::new("systemd-analyze")
        .args(arguments)
        .args(units)
        .output();
    match output {
        Ok(output) => Some(format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )),
        Err(_) => {
            moor_tests::say("skipped: systemd-analyze is not installed");
            None
        }
    }
}

#[test]
fn systemd_understands_the_units() {
    let Some(told) = analyze(&["verify", "--man=no"]) else {
        return;
    };
    // The programs are not installed, and older releases do not know two settings that the units say they may pass over.
    let expected = [
        "is not executable",
        "'RestartSteps'",
        "'RestartMaxDelaySec'",
        "sysinit.target",
        "Failed to initialize",
    ];
    let ours = told.lines().filter(|line| line.contains("moor"));
    let wrong: Vec<&str> = ours
        .filter(|line| !expected.iter().any(|known| line.contains(known)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn units_are_exposed_to_little() {
    let Some(told) = analyze(&["security", "--offline=yes", "--no-pager"]) else {
        return;
    };
    let levels: Vec<f64> = told
        .lines()
        .filter_map(|line| line.split("Overall exposure level for").nth(1))
        .filter_map(|rest| {
            rest.split(": ")
                .nth(1)?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        })
        .collect();
    if levels.len() != PROGRAMS.len() {
        moor_tests::say("skipped: this systemd-analyze cannot judge units that are not installed");
        return;
    }
    assert!(levels.iter().all(|level| *level < 2.0), "{levels:?}");
}
