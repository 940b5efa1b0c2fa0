//! Flags, variables and ports of the files, held to what the programs say of themselves.
//!
//! In: all parts, and the commands of the documents. Out: those that no program knows.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::operator::lines;
use crate::part::{ADMIN_PORT, ENDPOINTS, OWN_PORTS, PROGRAMS, Part, Probe};
use crate::systemd::Layout;
use crate::{GUIDE, KUBERNETES_README, compose, kubernetes, systemd};

/// Every part of every file, with the file.
fn parts() -> Vec<(&'static str, Part)> {
    let mut all = Vec::new();
    for path in ["docker-compose.yml", "docker-compose.cluster.yml"] {
        all.extend(compose::parts(path).into_iter().map(|part| (path, part)));
    }
    all.extend(
        kubernetes::parts()
            .into_iter()
            .map(|part| (kubernetes::FOLDER, part)),
    );
    for program in PROGRAMS {
        for layout in [Layout::Together, Layout::Apart] {
            all.push((systemd::FOLDER, systemd::part(program, layout)));
        }
    }
    all
}

/// What a program, or a command of `moor`, says to `--help`, in one line.
fn help(words: &[&str]) -> String {
    let moor = Path::new(env!("CARGO_BIN_EXE_moor-under-test"));
    let output = Command::new(moor)
        .args(words)
        .arg("--help")
        .output()
        .expect("the program runs");
    assert!(
        output.status.success(),
        "{words:?} --help: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    // Lines are broken anywhere.
    let text = String::from_utf8(output.stdout).expect("text");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The help of each program by its name.
fn helps() -> BTreeMap<&'static str, String> {
    let word = |program: &'static str| program.strip_prefix("moor-").expect("a program");
    PROGRAMS
        .map(|program| (program, help(&[word(program)])))
        .into()
}

fn knows(help: &str, flag: &str) -> bool {
    let name = flag.split('=').next().expect("a name");
    help.split_whitespace().any(|word| {
        word.trim_matches(|end: char| ",[]=<>".contains(end))
            .starts_with(name)
            && {
                let rest = word.trim_start_matches(['[', ',']);
                rest.strip_prefix(name).is_some_and(|rest| {
                    !rest.starts_with(|next: char| next == '-' || next.is_alphanumeric())
                })
            }
    })
}

fn flags_of(words: &[String]) -> impl Iterator<Item = &String> {
    words
        .iter()
        .filter(|word| word.starts_with("--") && word.len() > 2)
}

#[test]
fn programs_know_every_flag_and_variable_of_the_files() {
    let helps = helps();
    let mut wrong = Vec::new();
    for (file, part) in parts() {
        let Some(help) = helps.get(part.program()) else {
            continue;
        };
        let unknown = flags_of(&part.command).filter(|flag| !knows(help, flag));
        wrong.extend(unknown.map(|flag| format!("{file}: {} has no {flag}", part.program())));
        let ours = part
            .variables
            .keys()
            .filter(|name| name.starts_with("MOOR_"));
        let unknown = ours.filter(|name| !help.contains(&format!("[env: {name}]")));
        wrong.extend(unknown.map(|name| format!("{file}: {} has no {name}", part.program())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn programs_know_every_flag_of_the_documents() {
    let helps = helps();
    let mut wrong = Vec::new();
    for path in [GUIDE, KUBERNETES_README] {
        for line in lines(path) {
            // Behind `exec POD --` a command of its own begins.
            let start = line
                .words
                .iter()
                .position(|word| word == "--")
                .map_or(0, |at| at + 1);
            let words = &line.words[start..];
            let known = match words[0].as_str() {
                "moor" => help(&moor_command(words)),
                program if helps.contains_key(program) => helps[program].clone(),
                _ => continue,
            };
            let unknown = flags_of(words).filter(|flag| !knows(&known, flag));
            wrong.extend(unknown.map(|flag| format!("{path}: {} has no {flag}", words.join(" "))));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The one or two words after `moor` that name a command.
fn moor_command(words: &[String]) -> Vec<&str> {
    let plain = |word: &&String| word.chars().all(|letter| letter.is_ascii_lowercase());
    words[1..]
        .iter()
        .take_while(plain)
        .map(String::as_str)
        .collect()
}

/// Every flag of the programs that has to do with a cluster is told in the guide.
#[test]
fn the_guide_tells_every_flag_of_the_cluster() {
    let guide = crate::files::text(GUIDE);
    let matters = [
        "-listen",
        "-address",
        "enrollment-",
        "health-check-port",
        "heartbeat",
        "data-dir",
        "drain-timeout",
    ];
    for (program, help) in helps() {
        let flags = help
            .split_whitespace()
            .filter(|word| word.starts_with("--"));
        for flag in flags.filter(|flag| matters.iter().any(|part| flag.contains(part))) {
            let flag = flag.trim_matches(|end: char| !end.is_ascii_alphanumeric() && end != '-');
            let flag = flag.split(['=', '[']).next().expect("a name");
            assert!(
                guide.contains(flag),
                "{GUIDE} does not tell of {flag} of {program}"
            );
        }
    }
}

#[test]
fn ports_are_those_of_the_contract() {
    let helps = helps();
    for (program, variable, port) in OWN_PORTS {
        let text = helps[program]
            .split(&format!("[env: {variable}]"))
            .nth(1)
            .unwrap_or_else(|| panic!("{variable}"));
        let default = text
            .split("[default: ")
            .nth(1)
            .and_then(|rest| rest.split(']').next())
            .expect("a default");
        assert!(
            default.ends_with(&port.to_string()),
            "{program}: {variable} is {default}, not {port}"
        );
    }
    let mut known: Vec<u16> = ENDPOINTS.map(|(_, port)| port).into();
    known.extend(OWN_PORTS.map(|(_, _, port)| port));
    known.push(ADMIN_PORT);
    for (file, part) in parts() {
        for port in part.ports.iter().chain(
            part.probes
                .iter()
                .filter_map(probed)
                .collect::<Vec<_>>()
                .iter(),
        ) {
            assert!(known.contains(port), "{file}: {}: {port}", part.name);
        }
        for (endpoint, port) in ENDPOINTS {
            for flag in [format!("{endpoint}-listen"), format!("{endpoint}-address")] {
                let addresses = part.setting(&flag).unwrap_or_default();
                for address in addresses.split(',').filter(|address| !address.is_empty()) {
                    assert!(
                        address.ends_with(&format!(":{port}")),
                        "{file}: {}: {flag} {address}",
                        part.name
                    );
                }
            }
        }
    }
}

fn probed(probe: &Probe) -> Option<u16> {
    match probe {
        Probe::Tcp(port) | Probe::Http(port, _) => Some(*port),
        Probe::Command(words) => words.iter().find_map(|word| word.parse().ok()),
    }
}

#[test]
fn a_flag_that_begins_like_another_is_not_it() {
    let help = "      --rpc-listen <ADDRESS>\n  -h, --help\n      --on[=<BOOL>]\n";
    for (flag, known) in [
        ("--rpc-listen=x", true),
        ("--rpc", false),
        ("--on", true),
        ("--help", true),
        ("--rpc-listen-", false),
    ] {
        assert_eq!(knows(help, flag), known, "{flag}");
    }
}

/// The numbers that the guide names are recorded somewhere.
#[test]
fn metrics_of_the_guide_are_recorded() {
    let name = regex::Regex::new("`(moor_[a-z_]+)`").expect("a pattern");
    let guide = crate::files::text(GUIDE);
    let named: Vec<&str> = name
        .captures_iter(&guide)
        .map(|found| found.get(1).expect("the name").as_str())
        .filter(|name| *name != "moor_audit")
        .collect();
    let mut left = named.clone();
    for folder in ["crates", "daemon", "telnet-host", "web-host", "curl-worker"] {
        crate::files::for_each_source(folder, |text| {
            left.retain(|name| !text.contains(&format!("\"{name}\"")));
        });
    }
    assert!(
        named.len() > 10 && left.is_empty(),
        "nothing records {left:?}"
    );
}
