//! Which crate may know which: arrows go downwards only.
//!
//! The table is that of docs/ARCHITECTURE.md. What a crate needs for its tests is not counted.

use std::collections::BTreeMap;

use crate::sources::{assert_none, root, sources};

/// Every package with its layer; a package may depend on those of lower layers.
const LAYERS: [(&str, u8); 25] = [
    ("moor-value", 0),
    ("moor-store", 0),
    ("moor-node", 0),
    ("moor-files", 0),
    ("moor-zmq-sys", 0),
    ("moor-bytecode", 1),
    ("moor-command", 1),
    ("moor-rpc", 1),
    ("moor-keyring", 1),
    ("moor-compiler", 2),
    ("moor-vm", 2),
    ("moor-world", 2),
    ("moor-link", 2),
    ("moor-runtime", 3),
    ("moor-dump", 3),
    ("moor-peer", 3),
    ("moor-host", 4),
    ("moor-worker", 4),
    ("moor-daemon", 5),
    ("moor-telnet-host", 5),
    ("moor-web-host", 5),
    ("moor-curl-worker", 5),
    ("moor", 6),
    ("moor-tests", 7),
    ("moor-fuzz", 7),
];

/// What a package of an allowed layer must not know all the same: programs share messages, not the world; the runtime
/// has no sockets.
const FORBIDDEN: [(&str, &str); 14] = [
    ("moor-runtime", "tokio"),
    ("moor-runtime", "moor-rpc"),
    ("moor-runtime", "moor-link"),
    ("moor-dump", "moor-runtime"),
    ("moor-telnet-host", "moor-world"),
    ("moor-telnet-host", "moor-runtime"),
    ("moor-web-host", "moor-world"),
    ("moor-web-host", "moor-runtime"),
    ("moor-curl-worker", "moor-world"),
    ("moor-curl-worker", "moor-runtime"),
    ("moor-host", "moor-runtime"),
    ("moor-worker", "moor-runtime"),
    ("moor-peer", "moor-rpc"),
    ("moor-keyring", "moor-link"),
];

#[test]
fn crates_know_only_lower_layers() {
    let layers = BTreeMap::from(LAYERS);
    let mut wrong = Vec::new();
    for (package, dependencies) in manifests() {
        let Some(layer) = layers.get(package.as_str()) else {
            wrong.push(format!("{package}: is not in the table"));
            continue;
        };
        let own = dependencies
            .iter()
            .filter_map(|name| Some((name, layers.get(name.as_str())?)));
        let upwards = own.filter(|(_, other)| *other >= layer);
        wrong.extend(upwards.map(|(name, other)| {
            format!("{package} (layer {layer}) depends on {name} (layer {other})")
        }));
        let forbidden = FORBIDDEN
            .iter()
            .filter(|(of, name)| *of == package && dependencies.iter().any(|other| other == name));
        wrong.extend(forbidden.map(|(of, name)| format!("{of} must not know {name}")));
    }
    assert_none("these dependencies do not go downwards", &wrong);
}

#[test]
fn dependencies_are_declared_at_the_root() {
    let mut wrong = Vec::new();
    for source in sources(&["Cargo.toml"])
        .iter()
        .filter(|source| source.path != "Cargo.toml")
    {
        let manifest: toml::Table = source.text.parse().expect(&source.path);
        // The fuzz targets are a workspace of their own.
        if manifest.contains_key("workspace") {
            continue;
        }
        // A package may name itself, for its own tests with other features.
        let own = manifest["package"]["name"].as_str().expect("a name");
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let table = manifest.get(section).and_then(toml::Value::as_table);
            let local = table
                .into_iter()
                .flatten()
                .filter(|(name, value)| value.get("workspace").is_none() && **name != own);
            wrong.extend(local.map(|(name, _)| {
                format!("{}: {name}; write `{name}.workspace = true`", source.path)
            }));
        }
    }
    assert_none("these dependencies are not those of the workspace", &wrong);
}

/// Every package with what its code depends on.
fn manifests() -> Vec<(String, Vec<String>)> {
    let files = sources(&["Cargo.toml"])
        .into_iter()
        .filter(|source| source.path != "Cargo.toml");
    let manifests: Vec<_> = files
        .map(|source| {
            let manifest: toml::Table = source.text.parse().expect(&source.path);
            let name = manifest["package"]["name"]
                .as_str()
                .expect("a name")
                .to_owned();
            let sections = ["dependencies", "build-dependencies"]
                .map(|section| manifest.get(section).and_then(toml::Value::as_table));
            let names = sections
                .into_iter()
                .flatten()
                .flat_map(|table| table.keys().cloned());
            (name, names.collect())
        })
        .collect();
    assert!(
        manifests.len() > 10,
        "the packages are in {}",
        root().display()
    );
    manifests
}
