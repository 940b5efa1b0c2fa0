//! Kubernetes manifests as parts.
//!
//! In: the files that kustomization.yaml names. Out: a part for each workload, with the Service's name as an address, and
//! the rules of the network policies.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::compose::image_variables;
use crate::files::{at, list, names, word, words, yaml};
use crate::part::{ADMIN_PORT, ENDPOINTS, Mount, Part, Probe, Source, firewall};

pub(crate) const FOLDER: &str = "deploy/kubernetes";

fn manifests() -> Vec<Value> {
    let kustomization = yaml(&format!("{FOLDER}/kustomization.yaml")).remove(0);
    let resources = words(&kustomization["resources"]);
    resources
        .iter()
        .flat_map(|name| yaml(&format!("{FOLDER}/{name}")))
        .collect()
}

fn of_kind(kinds: &[&str]) -> Vec<Value> {
    manifests()
        .into_iter()
        .filter(|document| kinds.contains(&word(&document["kind"]).as_str()))
        .collect()
}

fn component(labels: &Value) -> String {
    word(&labels["app.kubernetes.io/component"])
}

/// The workloads, the daemon first.
pub(crate) fn parts() -> Vec<Part> {
    of_kind(&["StatefulSet", "Deployment"])
        .iter()
        .map(part)
        .collect()
}

fn part(workload: &Value) -> Part {
    let pod = at(workload, "spec.template.spec");
    let container = &pod["containers"][0];
    let name = word(at(workload, "metadata.name"));
    let mut variables = image_variables();
    variables.extend(
        list(&container["env"])
            .iter()
            .map(|one| (word(&one["name"]), word(&one["value"]))),
    );
    let ports: Vec<u16> = list(&container["ports"])
        .iter()
        .map(|port| number(&port["containerPort"]))
        .collect();
    let probes =
        ["startupProbe", "readinessProbe", "livenessProbe"].map(|kind| probe(&container[kind]));
    Part {
        command: words(&container["command"]),
        variables,
        mounts: mounts(&name, workload),
        probes: probes.into_iter().flatten().collect(),
        hosts: hosts(),
        ports,
        grace_s: pod["terminationGracePeriodSeconds"]
            .as_u64()
            .expect("a grace period"),
        after: Vec::new(),
        name,
    }
}

fn number(value: &Value) -> u16 {
    let number = value.as_u64().unwrap_or_else(|| panic!("no port: {value}"));
    u16::try_from(number).expect("a port")
}

fn probe(probe: &Value) -> Option<Probe> {
    match (&probe["tcpSocket"], &probe["httpGet"]) {
        (Value::Null, Value::Null) => None,
        (Value::Null, get) => Some(Probe::Http(number(&get["port"]), word(&get["path"]))),
        (socket, _) => Some(Probe::Tcp(number(&socket["port"]))),
    }
}

fn mounts(name: &str, workload: &Value) -> Vec<Mount> {
    let pod = at(workload, "spec.template.spec");
    let claims = list(at(workload, "spec.volumeClaimTemplates"));
    let source = |volume: &str| {
        if let Some(found) = list(&pod["volumes"])
            .iter()
            .find(|one| one["name"] == *volume)
        {
            if let Some(secret) = found["secret"]["secretName"].as_str() {
                let items = list(&found["secret"]["items"]).iter();
                let items = items
                    .map(|item| (word(&item["key"]), word(&item["path"])))
                    .collect();
                return Source::Secret(secret.to_owned(), items);
            }
            assert!(found["emptyDir"].is_object(), "{name}: {volume}");
        } else {
            assert!(
                claims
                    .iter()
                    .any(|claim| claim["metadata"]["name"] == *volume),
                "{name}: no volume {volume}"
            );
        }
        Source::Volume(format!("{name}-{volume}"))
    };
    let mounts = list(&pod["containers"][0]["volumeMounts"])
        .iter()
        .map(|mount| Mount {
            path: word(&mount["mountPath"]),
            source: source(&word(&mount["name"])),
            read_only: mount["readOnly"] == true,
        });
    mounts.collect()
}

/// The names of the Services that lead to the daemon.
fn hosts() -> BTreeMap<String, String> {
    let mut hosts = BTreeMap::from([("0.0.0.0".to_owned(), "127.0.0.1".to_owned())]);
    for service in of_kind(&["Service"]) {
        if component(at(&service, "spec.selector")) == "daemon" {
            hosts.insert(word(at(&service, "metadata.name")), "127.0.0.1".to_owned());
        }
    }
    hosts
}

#[test]
fn everything_is_in_the_kustomization() {
    let kustomization = yaml(&format!("{FOLDER}/kustomization.yaml")).remove(0);
    let named: BTreeSet<String> = words(&kustomization["resources"]).into_iter().collect();
    let there = names(FOLDER, ".yaml").into_iter();
    let there = there.map(|path| path.rsplit('/').next().expect("a name").to_owned());
    let there: BTreeSet<String> = there.filter(|name| name != "kustomization.yaml").collect();
    assert_eq!(named, there);
    let images: BTreeSet<String> = list(&kustomization["images"])
        .iter()
        .map(|image| word(&image["name"]))
        .collect();
    let used = of_kind(&["StatefulSet", "Deployment"]);
    let used = used
        .iter()
        .map(|workload| word(&at(workload, "spec.template.spec")["containers"][0]["image"]));
    assert_eq!(images, used.collect());
}

#[test]
fn every_workload_is_confined_and_watched() {
    for workload in of_kind(&["StatefulSet", "Deployment"]) {
        let name = word(at(&workload, "metadata.name"));
        let pod = at(&workload, "spec.template.spec");
        assert_eq!(
            at(&workload, "spec.selector.matchLabels"),
            at(&workload, "spec.template.metadata.labels"),
            "{name}"
        );
        assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
        assert_eq!(at(pod, "securityContext.runAsNonRoot"), true, "{name}");
        assert_eq!(
            word(at(pod, "securityContext.seccompProfile.type")),
            "RuntimeDefault",
            "{name}"
        );
        for container in list(&pod["containers"]) {
            assert_eq!(
                at(container, "securityContext.readOnlyRootFilesystem"),
                true,
                "{name}"
            );
            assert_eq!(
                at(container, "securityContext.allowPrivilegeEscalation"),
                false,
                "{name}"
            );
            assert_eq!(
                words(at(container, "securityContext.capabilities.drop")),
                ["ALL"],
                "{name}"
            );
            for resources in ["requests.cpu", "requests.memory", "limits.memory"] {
                assert!(
                    at(&container["resources"], resources).is_string(),
                    "{name}: {resources}"
                );
            }
            assert!(
                container["readinessProbe"].is_object() && container["livenessProbe"].is_object(),
                "{name}"
            );
        }
    }
    let daemon = of_kind(&["StatefulSet"]).remove(0);
    assert_eq!(at(&daemon, "spec.replicas"), 1, "the world has one owner");
}

#[test]
fn readiness_is_asked_where_the_guide_says_and_liveness_is_not() {
    let ready = |name: &str| {
        let workload = of_kind(&["StatefulSet", "Deployment"]).into_iter();
        let workload = workload.map(|workload| (word(at(&workload, "metadata.name")), workload));
        let (_, workload) = workload
            .into_iter()
            .find(|(other, _)| other == name)
            .expect(name);
        let container = at(&workload, "spec.template.spec")["containers"][0].clone();
        let alive = probe(&container["livenessProbe"]).expect("a liveness probe");
        // A host that has lost the daemon must not be killed: it holds its users.
        assert_eq!(alive, Probe::Http(ADMIN_PORT, "/livez".into()), "{name}");
        probe(&container["readinessProbe"]).expect("a readiness probe")
    };
    assert_eq!(
        ready("moor-daemon"),
        Probe::Http(ADMIN_PORT, "/readyz".into())
    );
    assert_eq!(ready("moor-telnet-host"), Probe::Tcp(9888));
    assert_eq!(ready("moor-web-host"), Probe::Http(8081, "/health".into()));
    assert_eq!(ready("moor-curl-worker"), Probe::Tcp(9999));
}

#[test]
fn services_lead_to_ports_that_are_there() {
    for service in of_kind(&["Service"]) {
        let wanted = component(at(&service, "spec.selector"));
        let part = parts()
            .into_iter()
            .find(|part| part.component() == wanted)
            .expect("a workload");
        for port in list(at(&service, "spec.ports")) {
            assert_eq!(port["port"], port["targetPort"], "{wanted}");
            assert!(
                part.ports.contains(&number(&port["targetPort"])),
                "{wanted}: {port}"
            );
        }
        if wanted == "daemon" {
            let mut open: Vec<u16> = list(at(&service, "spec.ports"))
                .iter()
                .map(|port| number(&port["port"]))
                .collect();
            open.sort_unstable();
            assert_eq!(open, ENDPOINTS.map(|(_, port)| port));
        }
    }
}

/// The components that a rule's other side selects.
fn others(rule: &Value, side: &str) -> Vec<String> {
    let selectors = list(&rule[side]).iter().map(|peer| &peer["podSelector"]);
    let mut found = Vec::new();
    for selector in selectors {
        if let Some(one) = selector["matchLabels"]["app.kubernetes.io/component"].as_str() {
            found.push(one.to_owned());
        }
        for expression in list(&selector["matchExpressions"]) {
            found.extend(words(&expression["values"]));
        }
    }
    found
}

fn ports_of(rule: &Value) -> Vec<u16> {
    let mut ports: Vec<u16> = list(&rule["ports"])
        .iter()
        .map(|port| number(&port["port"]))
        .collect();
    ports.sort_unstable();
    ports
}

fn policy(name: &str) -> Value {
    let policies = of_kind(&["NetworkPolicy"]).into_iter();
    let policy = policies.map(|policy| (word(at(&policy, "metadata.name")), policy));
    let (_, policy) = policy
        .into_iter()
        .find(|(other, _)| other == name)
        .expect(name);
    policy["spec"].clone()
}

#[test]
fn policies_are_the_firewall_table() {
    let nobody = policy("nobody");
    assert_eq!(nobody["podSelector"], serde_json::json!({}));
    assert_eq!(words(&nobody["policyTypes"]), ["Ingress", "Egress"]);
    let daemon = policy("daemon");
    assert_eq!(
        list(&daemon["egress"]).len(),
        0,
        "the daemon begins no connection"
    );
    let mut admitted = BTreeSet::new();
    for rule in list(&daemon["ingress"]) {
        for who in others(rule, "from") {
            assert_eq!(ports_of(rule), firewall(&who), "{who} to the daemon");
            admitted.insert(who);
        }
    }
    assert_eq!(
        admitted,
        ["curl-worker", "telnet-host", "web-host"]
            .map(String::from)
            .into()
    );
    for who in admitted {
        let policy = policy(&who);
        let to_daemon = list(&policy["egress"])
            .iter()
            .find(|rule| others(rule, "to") == ["daemon"]);
        assert_eq!(
            ports_of(to_daemon.expect("a rule")),
            firewall(&who),
            "{who} out to the daemon"
        );
        let outside = list(&policy["egress"])
            .iter()
            .filter(|rule| rule["to"][0]["ipBlock"].is_object());
        let outside: Vec<Vec<u16>> = outside.map(ports_of).collect();
        let wanted: Vec<Vec<u16>> = if who == "curl-worker" {
            vec![vec![80, 443]]
        } else {
            Vec::new()
        };
        assert_eq!(outside, wanted, "{who} out into the world");
        let inside: Vec<u16> = list(&policy["ingress"]).iter().flat_map(ports_of).collect();
        let wanted: &[u16] = match who.as_str() {
            "telnet-host" => &[8888],
            "web-host" => &[8081],
            _ => &[],
        };
        assert_eq!(inside, wanted, "users to {who}");
    }
}
