//! Loops in Lua 5.4, each run in a process of its own.
//!
//! In: a body in Lua. Out: the processor time of one run and what it returned.

use std::process::Command;
use std::time::Duration;

use crate::Run;

/// The interpreter, as distributions name it.
const PROGRAM: &str = "lua5.4";

/// Lua, and the methods of the object that loops get.
pub(crate) struct Lua {
    methods: String,
}

impl Lua {
    /// Lua, where it is installed.
    pub(crate) fn find(methods: &str) -> Option<Self> {
        let version = Command::new(PROGRAM).arg("-v").output();
        version
            .is_ok_and(|output| output.status.success())
            .then(|| Self {
                methods: methods.into(),
            })
    }

    /// Runs a loop until `length` is over, at least once.
    pub(crate) fn run(&self, body: &str, n: i64, length: Duration) -> Run {
        let output = Command::new(PROGRAM)
            .args(["-e", &self.script(body, n, length)])
            .output()
            .expect("it was there");
        let text = String::from_utf8_lossy(&output.stdout);
        let (seconds, value) = text
            .trim()
            .split_once(' ')
            .unwrap_or_else(|| panic!("{body}\n{}", String::from_utf8_lossy(&output.stderr)));
        Run {
            time: Duration::from_secs_f64(seconds.parse().expect("seconds")),
            value: value.into(),
        }
    }

    fn script(&self, body: &str, n: i64, length: Duration) -> String {
        format!(
            "local class = {{}} class.__index = class\n{methods}\nlocal function body(o, n)\n{body}\nend\n\
             local runs, value, begin = 0, nil, os.clock()\n\
             repeat value = body(setmetatable({{count = 0}}, class), {n}) runs = runs + 1\n\
             until os.clock() - begin >= {length}\n\
             print(string.format('%.9f %s', (os.clock() - begin) / runs, value))",
            methods = self.methods,
            length = length.as_secs_f64(),
        )
    }
}
