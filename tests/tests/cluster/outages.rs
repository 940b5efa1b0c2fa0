//! Daemon, host and worker are killed in every order while users write and workers work: nothing that was shown is lost
//! or comes twice, every request of a worker is answered once, and no restart of the daemon or of a worker ends a telnet
//! connection.
//!
//! MOOR_SOAK_ROUNDS=30 goes through that many orders.

use std::collections::HashMap;

use moor_tests::{Session, say};

use crate::realm::{Host, Realm};
use crate::site::Site;

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Daemon,
    Host,
    Worker,
}

use Victim::{Daemon, Host as AHost, Worker};

const ORDERS: [[Victim; 3]; 6] = [
    [Daemon, AHost, Worker],
    [AHost, Worker, Daemon],
    [Worker, Daemon, AHost],
    [Daemon, Worker, AHost],
    [AHost, Daemon, Worker],
    [Worker, AHost, Daemon],
];

/// Orders of a short run.
const ROUNDS_DEFAULT: usize = 2;
/// Lines that are typed before each kill, without waiting for their answers.
const LINES: usize = 40;

/// What each `w NUMBER` does: a note that is kept, an answer in the same commit, then a request, whose answer or error
/// is shown.
const WRITE: &str = r#"
    player.entries = {@player.entries, toint(dobjstr)};
    notify(player, "did " + dobjstr);
    try
    r = worker_request("curl", {"GET", "URL/" + dobjstr});
    notify(player, "answer " + dobjstr + " " + tostr(r["status"]));
    except e (ANY)
    notify(player, "answer " + dobjstr + " " + toliteral(e[1]));
    endtry
"#;

#[test]
fn kills_in_every_order_lose_nothing_and_double_nothing() {
    let (mut realm, site) = (Realm::start(), Site::open());
    let kept = realm.host("kept");
    let mut victims = Victims {
        host: realm.host("victim"),
        worker: realm.worker("worker"),
    };
    let mut writer = Writer::new(&kept, &site);
    let rounds = rounds();
    for round in 0..rounds {
        for victim in ORDERS[round % ORDERS.len()] {
            writer.type_lines();
            victims.kill(&mut realm, victim);
            writer.wait_for_done();
        }
        writer.wait_for_answers();
        let mut other = victims.host.log_in();
        assert_eq!(other.value("return 6 * 7;"), "42");
        say(format_args!(
            "outages: round {} of {rounds}, {}",
            round + 1,
            writer.tell()
        ));
    }
    writer.check();
}

fn rounds() -> usize {
    let given = std::env::var("MOOR_SOAK_ROUNDS").ok();
    given.map_or(ROUNDS_DEFAULT, |given| {
        given.parse().expect("MOOR_SOAK_ROUNDS is a number")
    })
}

struct Victims {
    host: Host,
    worker: moor_tests::Program,
}

impl Victims {
    fn kill(&mut self, realm: &mut Realm, victim: Victim) {
        match victim {
            Victim::Daemon => {
                realm.daemon.kill();
                realm.restart_daemon();
            }
            Victim::Host => {
                self.host.program.kill();
                self.host = realm.host("victim");
            }
            Victim::Worker => {
                self.worker.kill();
                self.worker = realm.worker("worker");
            }
        }
    }
}

/// A user who types numbered lines, on a host that is never killed.
struct Writer {
    session: Session,
    typed: usize,
    done: Vec<usize>,
    answers: HashMap<usize, Vec<String>>,
}

impl Writer {
    fn new(host: &Host, site: &Site) -> Self {
        let mut session = host.log_in();
        session.value("return add_property(player, \"entries\", {}, {player, \"\"});");
        session.value("return add_verb(#2, {#3, \"xd\", \"w\"}, {\"any\", \"none\", \"none\"});");
        let code = WRITE.replace("URL", &site.url(""));
        let lines: Vec<_> = code
            .lines()
            .map(|line| format!("{:?}", line.trim()))
            .collect();
        let lines = lines.join(", ");
        let compiled = session.value(&format!("return set_verb_code(#2, \"w\", {{{lines}}});"));
        assert_eq!(compiled, "{}");
        Self {
            session,
            typed: 0,
            done: Vec::new(),
            answers: HashMap::new(),
        }
    }

    fn type_lines(&mut self) {
        for _ in 0..LINES {
            self.typed += 1;
            let line = format!("w {}", self.typed);
            self.session
                .client()
                .send(&line)
                .expect("the host takes it");
        }
    }

    /// Reads on until this holds.
    fn read_until(&mut self, is_enough: impl Fn(&Self) -> bool) {
        while !is_enough(self) {
            let is_news = |line: &str| line.contains("did ") || line.contains("answer ");
            let lines = self.session.client().lines_until(is_news);
            let lines = lines.expect("the connection lives and the user is answered");
            self.take(lines.last().expect("a line"));
        }
    }

    /// A line may begin with the marks around a command's output.
    fn take(&mut self, line: &str) {
        let words: Vec<_> = line.split_whitespace().collect();
        let after = |word: &str| {
            let at = words.iter().position(|known| known.ends_with(word))?;
            Some((words.get(at + 1)?.parse::<usize>().ok()?, words.get(at + 2)))
        };
        if let Some((number, _)) = after("did") {
            self.done.push(number);
        } else if let Some((number, Some(what))) = after("answer") {
            let answer = (*what).to_owned();
            self.answers.entry(number).or_default().push(answer);
        }
    }

    fn wait_for_done(&mut self) {
        let typed = self.typed;
        self.read_until(|writer| writer.done.len() >= typed);
    }

    fn wait_for_answers(&mut self) {
        let typed = self.typed;
        self.read_until(|writer| writer.answers.len() >= typed);
    }

    fn tell(&self) -> String {
        let good = self
            .answers
            .values()
            .flatten()
            .filter(|answer| *answer == "200");
        format!(
            "{} lines, {} pages, the rest interrupted",
            self.typed,
            good.count()
        )
    }

    /// Every line once and in order, shown and kept; one answer to each request.
    fn check(&mut self) {
        let wanted: Vec<usize> = (1..=self.typed).collect();
        assert_eq!(self.done, wanted);
        for number in &wanted {
            let answers = &self.answers[number];
            assert_eq!(answers.len(), 1, "line {number}: {answers:?}");
        }
        let numbers: Vec<_> = wanted.iter().map(ToString::to_string).collect();
        let entries = self.session.value("return player.entries;");
        assert_eq!(entries, format!("{{{}}}", numbers.join(", ")));
    }
}
