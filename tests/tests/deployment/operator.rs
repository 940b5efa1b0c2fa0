//! The operator of a document: whoever types the commands of its code blocks, in order.
//!
//! In: a Markdown file, the machines that it speaks of. Out: the very commands, run. `# on NAME.internal` in a block says
//! where from there on. Programs that serve go on in the background; everything else must end well. What cannot be run
//! here is in [`NOT_RUN`] with the reason; nothing else is passed over.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use moor_tests::Program;

use crate::files::text;
use crate::part::{PROGRAMS, Part, Probe};
use crate::site::Site;

/// Commands, by how they begin, that are not run, and why.
pub(crate) const NOT_RUN: [(&str, &str); 15] = [
    (
        "docker build",
        "needs a container engine; the Dockerfile is checked line by line",
    ),
    (
        "docker compose",
        "needs a container engine; the services of the file are run by another test",
    ),
    ("kind", "needs a container engine"),
    ("minikube", "needs a container engine"),
    (
        "kubectl apply -k",
        "needs a cluster; the manifests are run by this test",
    ),
    (
        "kubectl -n moor port-forward",
        "needs a cluster; the ports are checked against the manifests",
    ),
    ("kubectl -n moor scale", "needs a cluster"),
    ("kubectl -n moor rollout restart", "needs a cluster"),
    (
        "sudo systemctl",
        "needs systemd as the first process; the units are run by another test",
    ),
    ("sudo journalctl", "needs systemd as the first process"),
    ("sudo systemd-", "changes the users of the machine"),
    (
        "sudo install",
        "changes the machine; the files are where the unit test expects them",
    ),
    (
        "sudo apt-get install",
        "changes the machine; the packages are unpacked by another test",
    ),
    (
        "deploy/debian/build",
        "needs a release build; run by another test where that is wanted",
    ),
    ("telnet", "a user at a terminal; another client logs in"),
];

/// How a program ends that was thrown out.
const REVOKED: i32 = 86;
/// Whom the operator throws out.
const WORKER: &str = "curl-worker";

/// A command of a document.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// The machine of the last `# on NAME.internal`; empty before the first.
    pub(crate) machine: String,
    pub(crate) words: Vec<String>,
    /// The file after `>`.
    pub(crate) into: Option<String>,
}

/// The commands of the `sh` blocks of a document.
pub(crate) fn lines(path: &str) -> Vec<Line> {
    let document = text(path).replace("\\\n", " ");
    let (mut inside, mut machine, mut found) = (false, String::new(), Vec::new());
    for line in document.lines() {
        if line.starts_with("```") {
            inside = !inside && line == "```sh";
            continue;
        }
        if let Some(name) = line.strip_prefix("# on ").filter(|_| inside) {
            machine = name.split('.').next().expect("a name").to_owned();
        } else if inside && !line.trim().is_empty() && !line.starts_with('#') {
            found.push(command(&machine, line));
        }
    }
    assert!(!found.is_empty(), "{path} has commands");
    found
}

fn command(machine: &str, line: &str) -> Line {
    assert!(
        !line.contains(['|', ';', '&', '$', '*', '"', '\'']),
        "only plain commands can be run: {line}"
    );
    let (line, into) = match line.split_once(" > ") {
        Some((line, file)) => (line, Some(file.trim().to_owned())),
        None => (line, None),
    };
    let words = line.split_whitespace().map(String::from).collect();
    Line {
        machine: machine.to_owned(),
        words,
        into,
    }
}

/// Types what a document says.
pub(crate) struct Operator<'a> {
    pub(crate) site: &'a Site,
    /// By the name in `# on NAME.internal`, or of the workload.
    pub(crate) machines: BTreeMap<String, Part>,
    pub(crate) running: BTreeMap<String, (Part, Program)>,
    /// What new files of the operator lack.
    umask: u32,
}

impl<'a> Operator<'a> {
    pub(crate) fn new(site: &'a Site, machines: BTreeMap<String, Part>) -> Self {
        Self {
            site,
            machines,
            running: BTreeMap::new(),
            umask: 0o022,
        }
    }

    pub(crate) fn follow(&mut self, path: &str) {
        for line in lines(path) {
            self.type_in(&line);
        }
    }

    fn type_in(&mut self, line: &Line) {
        let words: Vec<&str> = line.words.iter().map(String::as_str).collect();
        match words[..] {
            ["kubectl", "-n", "moor", "exec", pod, "--", ..] => {
                self.exec(pod, &line.words[6..], line)
            }
            ["kubectl", "-n", "moor", "rollout", "status", workload] => self.roll_out(workload),
            [
                "kubectl",
                "-n",
                "moor",
                "create",
                "secret",
                "generic",
                name,
                ..,
            ] => self.make_secret(name, line),
            ["scp", from, to] => self.copy(&line.machine, from, to),
            ["umask", mask] => self.umask = u32::from_str_radix(mask, 8).expect("a mask"),
            ["rm", ..] => self.remove(line),
            ["nc", "-zv", host, port] => self.knock(host, port),
            ["curl", .., url] => self.get(url, &line.machine),
            ["moor", "peers", "revoke", _] => self.revoke(line),
            [program, ..] if PROGRAMS.contains(&program) && self.is_to_serve(&line.words) => {
                self.serve(line)
            }
            [program, ..]
                if PROGRAMS.contains(&program) || program == "moor" || program == "cat" =>
            {
                let part = self.machine(&line.machine);
                self.run_once(&part, &line.words, line);
            }
            _ => assert_listed(&line.words.join(" ")),
        }
    }

    /// A machine of the document, with what of it runs.
    fn machine(&self, name: &str) -> Part {
        self.machines
            .get(name)
            .unwrap_or_else(|| panic!("the document has no machine {name:?}"))
            .clone()
    }

    fn is_to_serve(&self, words: &[String]) -> bool {
        let ends = [
            "--rotate-enrollment-token",
            "--export",
            "--help",
            "--version",
        ];
        !words.iter().any(|word| ends.contains(&word.as_str()))
    }

    fn serve(&mut self, line: &Line) {
        let mut part = self.machine(&line.machine);
        part.command = line.words.clone();
        // What runs there already is replaced.
        if let Some((_, mut before)) = self.running.remove(&part.name) {
            let ended = before.stop();
            assert_eq!(ended.code, Some(0), "{}: {:?}", part.name, ended.lines);
        }
        let program = self.site.start(&part);
        self.running.insert(part.name.clone(), (part, program));
    }

    /// Throws the worker out, which then ends by itself.
    fn revoke(&mut self, line: &Line) {
        self.run_once(&self.machine(&line.machine), &line.words, line);
        let (part, mut worker) = self.running.remove(WORKER).expect("a worker runs");
        let ended = worker.end();
        let lines = ended.lines;
        assert_eq!(ended.code, Some(REVOKED), "{}: {lines:?}", part.name);
    }

    fn run_once(&self, part: &Part, words: &[String], line: &Line) {
        let words: Vec<String> = words
            .iter()
            .map(|word| self.placeholder(part, word))
            .collect();
        let written = self.site.run(part, &words);
        if let Some(file) = &line.into {
            let path = self.file(&part.name, file, &line.machine);
            std::fs::write(&path, written).expect(file);
            let mode = Permissions::from_mode(0o666 & !self.umask);
            std::fs::set_permissions(&path, mode).expect(file);
        }
    }

    /// A file that a command names: of the machine, or, relative, of the operator there.
    fn file(&self, machine: &str, file: &str, operator: &str) -> std::path::PathBuf {
        // Without machines the operator sits in front of all of them.
        let desk = Part {
            name: if operator.is_empty() { "desk" } else { machine }.to_owned(),
            ..Part::default()
        };
        let path = match file.starts_with('/') {
            true => self.site.path(&self.machine(machine), file),
            false => self.site.working_folder(&desk).join(file),
        };
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        path
    }

    /// `UUID` is that of a peer, `ID` that of a token: the operator takes the last one from the list, of peers a worker.
    fn placeholder(&self, part: &Part, word: &str) -> String {
        let (list, key) = match word {
            "UUID" => ("peers", "uuid"),
            "ID" => ("token", "id"),
            _ => return word.to_owned(),
        };
        let words = ["moor", list, "list", "--json"].map(String::from);
        let all: serde_json::Value =
            serde_json::from_str(&self.site.run(part, &words)).expect("JSON");
        let rows = all[if list == "peers" { "peers" } else { "tokens" }]
            .as_array()
            .expect("rows");
        let chosen = rows
            .iter()
            .rfind(|row| list != "peers" || row["type"] == WORKER);
        chosen
            .and_then(|row| row[key].as_str())
            .expect("one is there")
            .to_owned()
    }

    fn exec(&self, pod: &str, words: &[String], line: &Line) {
        let workload = pod.strip_suffix("-0").expect("the pod of a StatefulSet");
        let part = self.machine(workload);
        assert!(self.running.contains_key(workload), "{pod} runs");
        self.run_once(&part, words, line);
    }

    fn roll_out(&mut self, workload: &str) {
        let name = workload.split_once('/').expect("KIND/NAME").1;
        let part = self.machine(name);
        let site = self.site;
        let (part, program) = self.running.entry(name.to_owned()).or_insert_with(|| {
            let program = site.start(&part);
            (part, program)
        });
        site.wait_until_well(part, program);
    }

    fn make_secret(&self, name: &str, line: &Line) {
        std::fs::create_dir_all(self.site.secret(name)).expect("a folder");
        for word in line
            .words
            .iter()
            .filter_map(|word| word.strip_prefix("--from-file="))
        {
            let (key, file) = word.split_once('=').expect("KEY=FILE");
            std::fs::copy(self.file("", file, ""), self.site.secret(name).join(key)).expect(file);
        }
    }

    fn copy(&self, machine: &str, from: &str, to: &str) {
        let (other, path) = to.split_once(':').expect("HOST:PATH");
        let other = other.split('.').next().expect("a name");
        let from = self.file(machine, from, machine);
        std::fs::copy(&from, self.file(other, path, other))
            .unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    }

    fn remove(&self, line: &Line) {
        for file in &line.words[1..] {
            std::fs::remove_file(self.file(&line.machine, file, &line.machine)).expect(file);
        }
    }

    fn knock(&mut self, host: &str, port: &str) {
        let probe = Probe::Tcp(port.parse().expect("a port"));
        let site = self.site;
        let (part, program) = self.of(host);
        site.wait_for(part, &probe, program);
    }

    fn get(&mut self, url: &str, machine: &str) {
        let rest = url.strip_prefix("http://").expect("http");
        let (host, rest) = rest.split_once(':').expect("HOST:PORT");
        let (port, path) = rest.split_once('/').expect("PORT/PATH");
        let port = port.parse().expect("a port");
        let host = if host == "127.0.0.1" { machine } else { host };
        let site = self.site;
        let (part, program) = self.of(host);
        site.wait_for(part, &Probe::Http(port, format!("/{path}")), program);
    }

    /// What runs on the machine of that name.
    fn of(&mut self, host: &str) -> (&Part, &mut Program) {
        let name = host.split('.').next().expect("a name");
        let (part, program) = self
            .running
            .get_mut(name)
            .unwrap_or_else(|| panic!("nothing runs on {host}"));
        (part, program)
    }
}

/// Fails for a command that is neither run nor in [`NOT_RUN`].
fn assert_listed(line: &str) {
    let is_listed = NOT_RUN.iter().any(|(begin, _)| line.starts_with(begin));
    assert!(is_listed, "this command is neither run nor listed: {line}");
}
