//! Runs cases against a server.
//!
//! In: the address of a server and cases. Out: the outcome of each. It keeps one connection for each name that cases
//! use, and knows of the world only what docs/TESTING.md says: how to log in, and what `eval` answers.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::session::answer;
use crate::{Action, Case, Client, ClientError, Script, Session, Step, VerbSetup, check};

/// The beginning of the names of connections that do not log in.
const RAW: &str = "raw";
/// What ToastStunt has and this server does not: cases about it are skipped.
const FEATURES_MISSING: [&str; 0] = [];
/// Options of the server that are on.
const OPTIONS_ON: [&str; 0] = [];

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It answered as expected.
    Passed,
    /// It did not, for this reason.
    Failed(String),
    /// It needs what the server has not got.
    Skipped,
}

/// A case and what came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The id of the case.
    pub id: String,
    /// Its level.
    pub level: String,
    /// What came of it.
    pub verdict: Verdict,
}

/// The server is gone, or refuses to log users in.
#[derive(Debug, thiserror::Error)]
#[error("the server is gone at {id}: {error}")]
pub struct Gone {
    /// The case that was run.
    pub id: String,
    /// What the client said.
    pub error: ClientError,
}

/// A connection that cases use.
enum Connection {
    Framed(Session),
    Raw(Client),
}

/// The connections of a run.
pub struct Runner {
    address: SocketAddr,
    connections: HashMap<String, Connection>,
    builtins: HashMap<String, bool>,
}

impl Runner {
    /// A runner against the server at `address`.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            connections: HashMap::new(),
            builtins: HashMap::new(),
        }
    }

    /// Adds the properties of `#0` that cases use, where they are missing.
    ///
    /// # Errors
    /// [`Gone`] if the wizard cannot log in.
    pub fn prepare(&mut self) -> Result<(), Gone> {
        let names = [
            ("object", "#1"),
            ("anonymous", "#5"),
            ("anon", "#5"),
            ("sysobj", "#0"),
            ("nothing", "#-1"),
        ];
        for (name, value) in names {
            let add = format!("`add_property(#0, \"{name}\", {value}, {{#0, \"rc\"}}) ! ANY';");
            self.code("wizard", &add).map_err(|error| Gone {
                id: "the preparation".into(),
                error,
            })?;
        }
        Ok(())
    }

    /// Runs the cases of one file in order.
    ///
    /// # Errors
    /// [`Gone`] if the server is.
    pub fn run(&mut self, cases: &[Case]) -> Result<Vec<Outcome>, Gone> {
        let mut outcomes = Vec::with_capacity(cases.len());
        let mut suite = Suite::default();
        for case in cases {
            let verdict = match self.run_case(case, &mut suite) {
                Ok(verdict) => verdict,
                Err(error) => self.reconnect(case, error)?,
            };
            outcomes.push(Outcome {
                id: case.id.clone(),
                level: case.level.clone(),
                verdict,
            });
        }
        if let Some(script) = suite.teardown {
            // The last of the file: an error here belongs to no case, and the next file finds out.
            let _ = self.script(&script, "wizard");
        }
        Ok(outcomes)
    }

    /// After a lost connection: one that can be made again lost one case, one that cannot lost the server.
    fn reconnect(&mut self, case: &Case, error: ClientError) -> Result<Verdict, Gone> {
        self.connections.clear();
        match self.code("wizard", "return 1;") {
            Ok(_) => Ok(Verdict::Failed(error.to_string())),
            Err(error) => Err(Gone {
                id: case.id.clone(),
                error,
            }),
        }
    }

    fn run_case(&mut self, case: &Case, suite: &mut Suite) -> Result<Verdict, ClientError> {
        if self.is_skipped(case)? {
            return Ok(Verdict::Skipped);
        }
        self.enter_suite(case, suite)?;
        let result = match &case.run {
            Some(code) => {
                let lines = self.code(&case.r#as, code)?;
                self.judge(&case.r#as, &case.expect, &lines)?
            }
            None => self.run_steps(case)?,
        };
        if let Some(script) = &case.teardown {
            self.script(script, &case.r#as)?;
        }
        Ok(result.map_or_else(Verdict::Failed, |()| Verdict::Passed))
    }

    fn enter_suite(&mut self, case: &Case, suite: &mut Suite) -> Result<(), ClientError> {
        let name = case.id.split("::").next().unwrap_or_default();
        if suite.name == name {
            return Ok(());
        }
        let left = std::mem::replace(
            suite,
            Suite {
                name: name.into(),
                teardown: case.suite_teardown.clone(),
            },
        );
        if let Some(script) = left.teardown {
            self.script(&script, "wizard")?;
        }
        match &case.suite_setup {
            Some(script) => self.script(script, "wizard"),
            None => Ok(()),
        }
    }

    fn run_steps(&mut self, case: &Case) -> Result<Result<(), String>, ClientError> {
        let mut captured = HashMap::new();
        let mut result = Ok(());
        for (index, step) in case.steps.iter().enumerate() {
            let who = step.r#as.as_deref().unwrap_or(&case.r#as);
            let lines = self.act(who, step, &captured)?;
            if let Some(name) = &step.capture {
                captured.insert(name.clone(), literal(&lines));
            }
            let expect = fill_expect(&step.expect, &captured);
            result = self
                .judge(who, &expect, &lines)?
                .map_err(|why| format!("step {}: {why}", index + 1));
            if result.is_err() {
                break;
            }
        }
        for step in &case.cleanup {
            self.act(step.r#as.as_deref().unwrap_or(&case.r#as), step, &captured)?;
        }
        Ok(result)
    }

    fn act(
        &mut self,
        who: &str,
        step: &Step,
        captured: &HashMap<String, String>,
    ) -> Result<Vec<String>, ClientError> {
        match &step.action {
            Action::Run(code) => self.code(who, &fill(code, captured)),
            Action::Command(line) => self.session(who)?.command(&fill(line, captured)),
            Action::VerbSetup(verb) => self.code(who, &verb_setup(verb, captured)),
            Action::Wait(milliseconds) => {
                std::thread::sleep(Duration::from_millis(*milliseconds));
                Ok(Vec::new())
            }
            Action::Send(lines) => self.send(who, lines, &step.until, captured),
            Action::Close(name) => {
                self.connections.remove(name);
                Ok(Vec::new())
            }
        }
    }

    /// Types lines; the answer is what comes before the line `until`, which may be empty for no answer.
    fn send(
        &mut self,
        who: &str,
        lines: &[String],
        until: &str,
        captured: &HashMap<String, String>,
    ) -> Result<Vec<String>, ClientError> {
        let client = match self.connection(who)? {
            Connection::Framed(session) => session.client(),
            Connection::Raw(client) => client,
        };
        for line in lines {
            client.send(&fill(line, captured))?;
        }
        if until.is_empty() {
            return Ok(Vec::new());
        }
        let mut answer = client.lines_until(|line| line == until)?;
        answer.pop();
        Ok(answer)
    }

    /// Compares, and asks the server whether `satisfies` holds for the value.
    fn judge(
        &mut self,
        who: &str,
        expect: &Map<String, Value>,
        lines: &[String],
    ) -> Result<Result<(), String>, ClientError> {
        let result = check(expect, lines);
        let Some(condition) = expect.get("satisfies").and_then(Value::as_str) else {
            return Ok(result);
        };
        if result.is_err() {
            return Ok(result);
        }
        let value = literal(lines);
        let asked = self.code(
            who,
            &format!("value = __actual__ = {value}; return !!({condition});"),
        )?;
        let holds = Map::from_iter([("value".to_owned(), Value::from(1))]);
        Ok(check(&holds, &asked)
            .map_err(|_| format!("{value} does not satisfy {condition}: {asked:?}")))
    }

    fn is_skipped(&mut self, case: &Case) -> Result<bool, ClientError> {
        for name in &case.needs_builtins {
            if !self.has_builtin(name)? {
                return Ok(true);
            }
        }
        let Some(condition) = case.skip_if.as_deref() else {
            return Ok(false);
        };
        match condition.strip_prefix("not ") {
            Some(condition) => Ok(!self.holds(condition)?),
            None => self.holds(condition),
        }
    }

    fn holds(&mut self, condition: &str) -> Result<bool, ClientError> {
        if let Some(name) = condition.strip_prefix("missing builtin.") {
            return Ok(!self.has_builtin(name)?);
        }
        if let Some(name) = condition.strip_prefix("builtin.") {
            return self.has_builtin(name);
        }
        Ok(match condition.strip_prefix("option.") {
            Some(name) => OPTIONS_ON.contains(&name),
            None => !FEATURES_MISSING.contains(&condition.trim_start_matches("feature.")),
        })
    }

    fn has_builtin(&mut self, name: &str) -> Result<bool, ClientError> {
        if let Some(known) = self.builtins.get(name) {
            return Ok(*known);
        }
        let lines = self.code("wizard", &format!("return function_info(\"{name}\");"))?;
        let found = answer(&lines)
            .last()
            .is_some_and(|line| line.starts_with("{1,"));
        self.builtins.insert(name.into(), found);
        Ok(found)
    }

    fn script(&mut self, script: &Script, default: &str) -> Result<(), ClientError> {
        let who = script.r#as.as_deref().unwrap_or(default);
        for line in script.code.lines().filter(|line| !line.trim().is_empty()) {
            self.code(who, line)?;
        }
        Ok(())
    }

    fn code(&mut self, who: &str, code: &str) -> Result<Vec<String>, ClientError> {
        self.session(who)?.code(code)
    }

    fn session(&mut self, who: &str) -> Result<&mut Session, ClientError> {
        match self.connection(who)? {
            Connection::Framed(session) => Ok(session),
            Connection::Raw(_) => {
                panic!("{who} does not log in: only `send` and `close` are for it")
            }
        }
    }

    /// The connection of that name; a new one logs in as the part of the name before `:`.
    fn connection(&mut self, who: &str) -> Result<&mut Connection, ClientError> {
        if !self.connections.contains_key(who) {
            let user = who.split(':').next().unwrap_or(who);
            let made = match user {
                RAW => Connection::Raw(Client::connect(self.address)?),
                user => Connection::Framed(Session::log_in(self.address, user)?),
            };
            self.connections.insert(who.into(), made);
        }
        Ok(self.connections.get_mut(who).expect("it was made above"))
    }
}

/// The suite whose cases are being run.
#[derive(Default)]
struct Suite {
    name: String,
    teardown: Option<Script>,
}

fn verb_setup(verb: &VerbSetup, captured: &HashMap<String, String>) -> String {
    let object = match &verb.object {
        Value::String(text) => fill(text, captured),
        other => other.to_string(),
    };
    let name = quoted(&verb.name);
    let arguments = quoted_list(verb.args.iter().map(String::as_str));
    let code = quoted_list(verb.code.split('\n'));
    format!(
        "add_verb({object}, {{player, \"xd\", {name}}}, {arguments}); return set_verb_code({object}, {name}, {code});"
    )
}

fn quoted_list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let texts: Vec<String> = texts.map(quoted).collect();
    format!("{{{}}}", texts.join(", "))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The literal of the value that was answered.
fn literal(lines: &[String]) -> String {
    let last = answer(lines).last().map_or("", String::as_str);
    let value = last
        .strip_prefix("{1, ")
        .and_then(|rest| rest.strip_suffix('}'));
    value.unwrap_or(last).into()
}

fn fill(text: &str, captured: &HashMap<String, String>) -> String {
    captured
        .iter()
        .fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), value)
        })
}

fn fill_expect(
    expect: &Map<String, Value>,
    captured: &HashMap<String, String>,
) -> Map<String, Value> {
    let filled = expect
        .iter()
        .map(|(key, value)| (key.clone(), fill_value(value, captured)));
    filled.collect()
}

fn fill_value(value: &Value, captured: &HashMap<String, String>) -> Value {
    match value {
        Value::String(text) => Value::String(fill(text, captured)),
        Value::Array(values) => values
            .iter()
            .map(|value| fill_value(value, captured))
            .collect(),
        Value::Object(map) => Value::Object(fill_expect(map, captured)),
        other => other.clone(),
    }
}
