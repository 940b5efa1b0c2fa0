//! The files of the deployment, taken at their word: every command, flag, port, probe, variable, mount and path in the
//! compose files, the Kubernetes manifests, the units and the operator's guide is checked, and the commands are run as
//! processes on loopback.
//!
//! In: the files. Out: running worlds that users can use. What stands for other machines' addresses, ports and paths here
//! is in `site`; which commands cannot be run here, and why, in `operator`.

mod compose;
mod files;
mod flags;
mod kubernetes;
mod operator;
mod packages;
mod part;
mod schemas;
mod site;
mod systemd;

use std::collections::{BTreeMap, BTreeSet};

use moor_tests::{Client, Program};

use operator::{NOT_RUN, Operator};
use part::{PROGRAMS, Part};
use site::Site;
use systemd::Layout;

/// The documents with commands.
const GUIDE: &str = "docs/clustered-deployment.md";
const KUBERNETES_README: &str = "deploy/kubernetes/README.md";

/// What runs, in the order in which it was started.
type Running = Vec<(Part, Program)>;

/// Starts the parts: each as soon as those are well that it is to come after, and at the end all are well.
fn start(site: &Site, parts: Vec<Part>) -> Running {
    let mut running = Running::new();
    for part in parts {
        let before = running
            .iter_mut()
            .filter(|(other, _)| part.after.contains(&other.name));
        before.for_each(|(other, program)| site.wait_until_well(other, program));
        if part.serves() {
            let program = site.start(&part);
            running.push((part, program));
        } else {
            site.run(&part, &part.command);
        }
    }
    assert_eq!(running.len(), PROGRAMS.len(), "one of each program runs");
    for (part, program) in &mut running {
        site.wait_until_well(part, program);
    }
    running
}

/// Users come in over telnet, the world answers, and its worker is there.
fn users_are_served(site: &Site, running: &Running) {
    let (host, _) = running
        .iter()
        .find(|(part, _)| part.component() == "telnet-host")
        .expect("a telnet host");
    let mut user = Client::connect(site.telnet(host)).expect("the host accepts");
    user.send("connect wizard").expect("sent");
    user.expect("You are connected.");
    user.send(";6 * 7").expect("sent");
    user.expect("=> 42");
    // The worker says by itself that it is there, which may be a moment later.
    user.send(";;while (!workers()) suspend(0); endwhile; return length(workers())")
        .expect("sent");
    user.expect("=> 1");
}

/// Everything stops when asked, hosts before the daemon, and has left nothing where it may not.
fn stop(site: &Site, running: Running) {
    for (part, mut program) in running.into_iter().rev() {
        let ended = program.stop();
        assert_eq!(
            ended.code,
            Some(0),
            "{}:\n{}",
            part.name,
            ended.lines.join("\n")
        );
        site.nothing_is_left_by(&part);
    }
}

fn serve_and_stop(site: &Site, parts: Vec<Part>) {
    let running = start(site, parts);
    users_are_served(site, &running);
    stop(site, running);
}

#[test]
fn compose_on_one_machine() {
    serve_and_stop(&Site::new(false), compose::parts("docker-compose.yml"));
}

#[test]
fn compose_as_a_cluster() {
    serve_and_stop(
        &Site::new(false),
        compose::parts("docker-compose.cluster.yml"),
    );
}

#[test]
fn units_on_one_machine() {
    let parts = PROGRAMS.map(|program| systemd::part(program, Layout::Together));
    serve_and_stop(&Site::new(false), parts.into());
}

#[test]
fn units_on_several_machines() {
    let site = Site::new(false);
    let [daemon, others @ ..] = PROGRAMS.map(|program| systemd::part(program, Layout::Apart));
    // The operator makes a token for each kind of program and takes it there.
    std::fs::create_dir_all(site.secret("credentials")).expect("a folder");
    for part in &others {
        let words = ["moor", "token", "create", "--type", part.component()].map(String::from);
        let token = site.run(&daemon, &words);
        std::fs::write(site.secret("credentials").join(&part.name), token).expect("written");
    }
    serve_and_stop(&site, [daemon].into_iter().chain(others).collect());
}

#[test]
fn kubernetes_as_its_readme_says() {
    let site = Site::new(true);
    let machines = kubernetes::parts()
        .into_iter()
        .map(|part| (part.name.clone(), part))
        .collect();
    let mut operator = Operator::new(&site, machines);
    operator.follow(KUBERNETES_README);
    let running: Running = in_order(operator.running);
    assert_eq!(running.len(), PROGRAMS.len());
    users_are_served(&site, &running);
    stop(&site, running);
}

/// The daemon first.
fn in_order(running: BTreeMap<String, (Part, Program)>) -> Running {
    let mut running: Running = running.into_values().collect();
    running.sort_by_key(|(part, _)| {
        PROGRAMS
            .iter()
            .position(|program| *program == part.program())
    });
    running
}

/// A machine of the guide: its files are all its own.
fn machine(name: &str) -> Part {
    let local = |host: &str| (host.to_owned(), "127.0.0.1".to_owned());
    let variables = [("HOME", "/var/lib/moor"), ("XDG_RUNTIME_DIR", "/run")];
    Part {
        name: name.to_owned(),
        hosts: ["0.0.0.0", "127.0.0.1", "daemon.internal"]
            .map(local)
            .into(),
        variables: variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..Part::default()
    }
}

#[test]
fn the_guide_from_the_first_command_to_the_last() {
    let site = Site::new(false);
    let names = ["daemon", "telnet-host", "web-host", "curl-worker"];
    let machines = names.map(|name| (name.to_owned(), machine(name))).into();
    let mut operator = Operator::new(&site, machines);
    operator.follow(GUIDE);
    let running = in_order(operator.running);
    assert_eq!(
        running.len(),
        PROGRAMS.len(),
        "the guide starts one of each program"
    );
    users_are_served(&site, &running);
}

#[test]
fn what_is_not_run_is_in_the_documents() {
    let all: Vec<String> = [GUIDE, KUBERNETES_README]
        .iter()
        .flat_map(|path| operator::lines(path))
        .map(|line| line.words.join(" "))
        .collect();
    let stale: BTreeSet<&str> = NOT_RUN.map(|(begin, _)| begin).into();
    let stale: Vec<&str> = stale
        .into_iter()
        .filter(|begin| !all.iter().any(|line| line.starts_with(begin)))
        .collect();
    assert!(
        stale.is_empty(),
        "no document has these commands any more: {stale:?}"
    );
}

#[test]
fn programs_have_time_to_stop() {
    let units = [Layout::Together, Layout::Apart].into_iter();
    let units = units.flat_map(|layout| PROGRAMS.map(|program| systemd::part(program, layout)));
    let mut all: Vec<Part> = kubernetes::parts().into_iter().chain(units).collect();
    for path in ["docker-compose.yml", "docker-compose.cluster.yml"] {
        all.extend(compose::parts(path).into_iter().filter(Part::serves));
    }
    for part in all {
        let drain: u64 = part
            .setting("drain-timeout")
            .expect("--drain-timeout")
            .parse()
            .expect("seconds");
        assert!(
            part.grace_s > drain,
            "{}: killed after {} s, may take {drain} s",
            part.name,
            part.grace_s
        );
    }
}

#[test]
fn programs_get_their_token_to_read_and_no_more() {
    let mut all = kubernetes::parts();
    all.extend(
        compose::parts("docker-compose.cluster.yml")
            .into_iter()
            .filter(Part::serves),
    );
    all.extend(PROGRAMS.map(|program| systemd::part(program, Layout::Apart)));
    for part in all.iter().filter(|part| part.program() != "moor-daemon") {
        let file = part.setting("enrollment-token-file").expect("a token");
        let inside = |mount: &&part::Mount| file.starts_with(&format!("{}/", mount.path));
        let mounts = part.mounts.iter().filter(inside);
        let mount = mounts
            .max_by_key(|mount| mount.path.len())
            .unwrap_or_else(|| panic!("{}: no {file}", part.name));
        assert!(mount.read_only, "{}: {file}", part.name);
        if let part::Source::Secret(_, items) = &mount.source {
            assert_eq!(
                items[0].0,
                part.component(),
                "{}: the token of its kind",
                part.name
            );
        }
    }
}
