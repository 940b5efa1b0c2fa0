//! Compose files as parts.
//!
//! In: a compose file, the environment that the image has. Out: its services in the order of their dependencies, with the
//! addresses of their networks as loopback addresses: the n-th network that gives addresses is 127.0.0.(n + 1).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::files::{at, dockerfile, list, seconds, text, word, words, yaml};
use crate::part::{Mount, Part, Probe, Source};

pub(crate) const DOCKERFILE: &str = "deploy/docker/Dockerfile";

/// What the image sets for every program.
pub(crate) fn image_variables() -> BTreeMap<String, String> {
    let lines = dockerfile(DOCKERFILE)
        .into_iter()
        .filter(|(_, instruction, _)| instruction == "ENV");
    let pairs =
        lines.flat_map(|(_, _, rest)| rest.split(' ').map(String::from).collect::<Vec<_>>());
    let pairs = pairs.map(|pair| {
        pair.split_once('=')
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    });
    pairs.map(|pair| pair.expect("NAME=VALUE")).collect()
}

/// The services of a compose file.
pub(crate) fn parts(path: &str) -> Vec<Part> {
    let document = yaml(path).remove(0);
    let services = document["services"].as_object().expect("services");
    let known = addresses(&document);
    let mut left: Vec<Part> = services
        .iter()
        .map(|(name, service)| part(name, service, &document, &known))
        .collect();
    let mut ordered: Vec<Part> = Vec::new();
    while !left.is_empty() {
        let ready = |part: &Part| {
            part.after
                .iter()
                .all(|name| ordered.iter().any(|done| done.name == *name))
        };
        let next = left.iter().position(ready);
        let next = next.unwrap_or_else(|| panic!("{path}: depends_on goes round or leads nowhere"));
        ordered.push(left.remove(next));
    }
    ordered
}

/// Addresses that the file gives, with what each is here.
fn addresses(document: &Value) -> BTreeMap<String, String> {
    let mut known = BTreeMap::from([
        ("0.0.0.0".into(), "127.0.0.1".into()),
        ("127.0.0.1".into(), "127.0.0.1".into()),
    ]);
    let services = document["services"].as_object().expect("services");
    let networks = services
        .values()
        .filter_map(|service| service["networks"].as_object())
        .flatten();
    for (_, network) in networks {
        let next = format!("127.0.0.{}", known.len());
        known.insert(word(&network["ipv4_address"]), next);
    }
    known
}

fn networks_of(service: &Value) -> Vec<String> {
    match &service["networks"] {
        Value::Object(map) => map.keys().cloned().collect(),
        Value::Array(_) => words(&service["networks"]),
        _ => Vec::new(),
    }
}

fn part(name: &str, service: &Value, document: &Value, known: &BTreeMap<String, String>) -> Part {
    let mut variables = image_variables();
    let own = service["environment"].as_object().into_iter().flatten();
    variables.extend(own.map(|(name, value)| (name.clone(), word(value))));
    let probe = match &service["healthcheck"]["test"] {
        Value::Null => None,
        test => Some(Probe::Command(words(test).split_off(1))),
    };
    Part {
        name: name.to_owned(),
        command: words(&service["command"]),
        variables,
        mounts: mounts(name, service),
        probes: probe.into_iter().collect(),
        hosts: hosts(service, document, known),
        ports: list(&service["ports"]).iter().map(published).collect(),
        grace_s: seconds(&word(&service["stop_grace_period"])),
        after: service["depends_on"]
            .as_object()
            .map(|map| map.keys().cloned().collect())
            .unwrap_or_default(),
    }
}

/// `8888:8888`: the container's port, at which users find it outside too.
fn published(port: &Value) -> u16 {
    let text = word(port);
    let (outside, inside) = text.rsplit_once(':').expect("OUTSIDE:INSIDE");
    assert!(
        outside.ends_with(inside),
        "{text}: the guide's port is published"
    );
    inside.parse().expect("a port")
}

fn mounts(name: &str, service: &Value) -> Vec<Mount> {
    let volumes = list(&service["volumes"]).iter().map(|volume| {
        let text = word(volume);
        let mut parts = text.split(':');
        let (volume, path) = (
            parts.next().expect("a volume"),
            parts.next().expect("a path"),
        );
        let read_only = match parts.next() {
            None => false,
            Some("ro") => true,
            Some(other) => panic!("{text}: {other}"),
        };
        let source = Source::Volume(volume.to_owned());
        let path = path.to_owned();
        Mount {
            path,
            source,
            read_only,
        }
    });
    let memory = list(&service["tmpfs"]).iter().map(|tmpfs| {
        let path = word(tmpfs).split(':').next().expect("a path").to_owned();
        let source = Source::Volume(format!("{name}-tmpfs"));
        Mount {
            path,
            source,
            read_only: false,
        }
    });
    volumes.chain(memory).collect()
}

/// What a service's name is for a service beside it: its address on a network of both.
fn hosts(
    service: &Value,
    document: &Value,
    known: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut hosts = known.clone();
    let own = networks_of(service);
    for (name, other) in document["services"].as_object().expect("services") {
        let shared = own
            .iter()
            .find_map(|network| other["networks"][network]["ipv4_address"].as_str());
        if let Some(address) = shared {
            hosts.insert(name.clone(), known[address].clone());
        }
    }
    hosts
}

#[test]
fn images_are_built_from_what_is_there() {
    let stages: Vec<String> = dockerfile(DOCKERFILE)
        .into_iter()
        .map(|(stage, _, _)| stage)
        .collect();
    for path in ["docker-compose.yml", "docker-compose.cluster.yml"] {
        let document = yaml(path).remove(0);
        let mut built = Vec::new();
        for (name, service) in document["services"].as_object().expect("services") {
            let image = word(&service["image"]);
            if let Some(target) = at(service, "build.target").as_str() {
                assert_eq!(
                    word(at(service, "build.dockerfile")),
                    DOCKERFILE,
                    "{path}: {name}"
                );
                assert!(
                    stages.iter().any(|stage| stage == target),
                    "{path}: {name}: no stage {target}"
                );
                assert_eq!(image, format!("moor-{target}"), "{path}: {name}");
                built.push(image);
            } else {
                // `services` are sorted, so this one comes after its builder.
                assert!(
                    built.contains(&image),
                    "{path}: {name}: nobody builds {image}"
                );
            }
        }
    }
}

#[test]
fn every_service_is_confined() {
    for path in ["docker-compose.yml", "docker-compose.cluster.yml"] {
        let document = yaml(path).remove(0);
        for (name, service) in document["services"].as_object().expect("services") {
            assert_eq!(service["read_only"], true, "{path}: {name}");
            assert_eq!(words(&service["cap_drop"]), ["ALL"], "{path}: {name}");
            assert_eq!(
                words(&service["security_opt"]),
                ["no-new-privileges:true"],
                "{path}: {name}"
            );
            assert!(
                service["privileged"].is_null() && service["user"].is_null(),
                "{path}: {name}"
            );
            for network in networks_of(service) {
                assert!(
                    document["networks"].get(&network).is_some(),
                    "{path}: {name}: {network}"
                );
            }
            let declared = document["volumes"].as_object().expect("volumes");
            for mount in mounts(name, service) {
                let Source::Volume(volume) = mount.source else {
                    continue;
                };
                assert!(
                    declared.contains_key(&volume) || volume.ends_with("-tmpfs"),
                    "{path}: {name}: {volume}"
                );
            }
        }
        let daemon = &document["services"]["daemon"];
        assert!(
            daemon["ports"].is_null(),
            "{path}: nobody outside reaches the daemon"
        );
        for network in networks_of(daemon) {
            assert_eq!(
                document["networks"][&network]["internal"], true,
                "{path}: {network} has a way out"
            );
        }
    }
}

#[test]
fn the_daemon_listens_on_each_network_as_the_firewall_table_says() {
    let path = "docker-compose.cluster.yml";
    let document = yaml(path).remove(0);
    let daemon = parts(path)
        .into_iter()
        .find(|part| part.name == "daemon")
        .expect("the daemon");
    for (network, who) in [("hosts", "telnet-host"), ("workers", "curl-worker")] {
        let address = word(&document["services"]["daemon"]["networks"][network]["ipv4_address"]);
        let mut open: Vec<u16> = Vec::new();
        for (endpoint, port) in crate::part::ENDPOINTS {
            let listens = daemon
                .setting(&format!("{endpoint}-listen"))
                .expect(endpoint);
            if listens
                .split(',')
                .any(|one| one == format!("tcp://{address}:{port}"))
            {
                open.push(port);
            }
        }
        assert_eq!(open, crate::part::firewall(who), "{network}");
        let subnet = word(&document["networks"][network]["ipam"]["config"][0]["subnet"]);
        let prefix = subnet.strip_suffix(".0/24").expect("a /24");
        assert!(
            address.starts_with(prefix),
            "{network}: {address} is not of {subnet}"
        );
    }
}

#[test]
fn the_build_leaves_nothing_out_that_the_dockerfile_copies() {
    let ignore = text(".dockerignore");
    let kept: Vec<&str> = ignore
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .collect();
    for (stage, instruction, rest) in dockerfile(DOCKERFILE) {
        let words: Vec<&str> = rest
            .split(' ')
            .filter(|word| !word.starts_with("--"))
            .collect();
        match instruction.as_str() {
            "COPY" if rest.contains("--from=build") => {
                for file in &words[..words.len() - 1] {
                    let name = file.strip_prefix("/out/").expect("from /out");
                    let packages = crate::files::text("Cargo.toml");
                    let folder = name.strip_prefix("moor-").unwrap_or("crates/moor");
                    assert!(
                        packages.contains(&format!("\"{folder}\"")),
                        "{stage}: {name}"
                    );
                    assert!(
                        crate::files::root()
                            .join(folder)
                            .join("src/main.rs")
                            .exists(),
                        "{stage}: {name}"
                    );
                }
            }
            "COPY" => {
                for file in words[..words.len() - 1].iter().filter(|file| **file != ".") {
                    assert!(
                        crate::files::root().join(file).exists(),
                        "{stage}: {file} is not there"
                    );
                    assert!(
                        kept.iter().any(|kept| file.starts_with(kept)),
                        "{file} is not sent to the build"
                    );
                }
            }
            "RUN" if stage == "build" => {
                for program in crate::part::PROGRAMS {
                    assert!(
                        rest.contains(&format!("--package {program} ")),
                        "{program} is not built"
                    );
                    assert!(
                        rest.contains(&format!("target/release/{program} ")),
                        "{program} is not kept"
                    );
                }
            }
            _ => {}
        }
    }
    for member in yaml_free_members() {
        let top = member.split('/').next().expect("a folder");
        assert!(kept.contains(&top), "{member} is not sent to the build");
    }
}

fn yaml_free_members() -> Vec<String> {
    let manifest: toml::Table = text("Cargo.toml").parse().expect("TOML");
    let members = manifest["workspace"]["members"]
        .as_array()
        .expect("members");
    members
        .iter()
        .map(|member| member.as_str().expect("a folder").to_owned())
        .collect()
}

#[test]
fn every_stage_runs_as_nobody_special_and_tells_its_health() {
    let found = dockerfile(DOCKERFILE);
    for stage in ["daemon", "telnet-host", "web-host", "curl-worker"] {
        let of = |name: &str| {
            let mut lines = found
                .iter()
                .filter(|(at, instruction, _)| at == stage && instruction == name);
            lines.next().map(|(_, _, rest)| rest.clone())
        };
        assert_eq!(of("USER").as_deref(), Some("10001:10001"), "{stage}");
        let check = of("HEALTHCHECK").expect("a health check");
        let (_, command) = check.split_once(" CMD ").expect("a command");
        let command: Vec<String> = serde_json::from_str(command).expect("a list");
        let service = yaml("docker-compose.yml").remove(0)["services"][stage].clone();
        assert_eq!(
            words(&service["healthcheck"]["test"])[1..],
            command,
            "{stage}: as in docker-compose.yml"
        );
        let start: Vec<String> =
            serde_json::from_str(&of("CMD").expect("a command")).expect("a list");
        assert_eq!(start[0], format!("moor-{stage}"));
    }
}
