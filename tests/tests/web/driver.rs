//! A browser, driven through WebDriver (W3C).
//!
//! In: what a user does. Out: what the page shows. It knows Chromium's own driver and nothing of the page.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use moor_tests::{PATIENCE, Program};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::request;

/// The name under which WebDriver hands out an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// How often the page is looked at while something is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A browser with one window.
pub(crate) struct Browser {
    driver: SocketAddr,
    session: String,
    _program: Program,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser; `None` where there is none.
    pub(crate) fn start(width: u32, height: u32) -> Option<Self> {
        let chromium = [
            "/usr/bin/chromium",
            "/usr/bin/chromium-browser",
            "/usr/bin/google-chrome",
        ];
        let chromium = chromium
            .into_iter()
            .find(|path| std::path::Path::new(path).exists())?;
        let has_driver = Command::new("chromedriver")
            .arg("--version")
            .output()
            .is_ok();
        if !has_driver {
            return None;
        }
        let mut command = Command::new("chromedriver");
        command.arg("--port=0");
        let mut program = Program::spawn("chromedriver", command);
        let line = program.line("started successfully on port");
        let port = line.trim_end_matches('.').rsplit(' ').next();
        let port: u16 = port.and_then(|port| port.parse().ok()).expect("a port");
        let profile = tempfile::tempdir().expect("a folder");
        let driver = SocketAddr::from(([127, 0, 0, 1], port));
        let capabilities = capabilities(chromium, profile.path(), width, height);
        let created = call(driver, "POST", "/session", &capabilities);
        let session = created["sessionId"].as_str().expect("a session").to_owned();
        Some(Self {
            driver,
            session,
            _program: program,
            _profile: profile,
        })
    }

    pub(crate) fn open(&self, url: &str) {
        self.call("POST", "/url", &json!({ "url": url }));
    }

    pub(crate) fn reload(&self) {
        self.call("POST", "/refresh", &json!({}));
    }

    /// What a script returns.
    pub(crate) fn script(&self, script: &str) -> Value {
        self.call(
            "POST",
            "/execute/sync",
            &json!({ "script": script, "args": [] }),
        )
    }

    /// Types into the element that has the focus, as a keyboard does.
    pub(crate) fn type_keys(&self, keys: &str) {
        let strokes: Vec<_> = keys
            .chars()
            .flat_map(|key| {
                ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key.to_string() }))
            })
            .collect();
        let keyboard = json!([{ "type": "key", "id": "keyboard", "actions": strokes }]);
        self.call("POST", "/actions", &json!({ "actions": keyboard }));
    }

    pub(crate) fn click(&self, selector: &str) {
        let element = self.call(
            "POST",
            "/element",
            &json!({ "using": "css selector", "value": selector }),
        );
        let id = element[ELEMENT].as_str().expect("an element");
        self.call("POST", &format!("/element/{id}/click"), &json!({}));
    }

    /// Waits until a script returns true.
    pub(crate) fn wait_for(&self, what: &str, script: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.script(&format!("return Boolean({script});")) != json!(true) {
            if Instant::now() > deadline {
                let page = self.script("return document.body.innerText;");
                panic!(
                    "waited in vain for {what}; the page shows:\n{}",
                    page.as_str().unwrap_or("")
                );
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Errors that the page's console has shown since the last call.
    pub(crate) fn console_errors(&self) -> Vec<String> {
        let entries = self.call("POST", "/se/log", &json!({ "type": "browser" }));
        let entries = entries.as_array().cloned().unwrap_or_default();
        let severe = entries.iter().filter(|entry| entry["level"] == "SEVERE");
        severe
            .filter_map(|entry| entry["message"].as_str().map(str::to_owned))
            .collect()
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        call(
            self.driver,
            method,
            &format!("/session/{}{path}", self.session),
            body,
        )
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser ends with its session; the driver is ended after it.
        let _ = request(
            self.driver,
            "DELETE",
            &format!("/session/{}", self.session),
            &[],
            "",
        );
    }
}

fn capabilities(chromium: &str, profile: &std::path::Path, width: u32, height: u32) -> Value {
    let profile = format!("--user-data-dir={}", profile.display());
    let window = format!("--window-size={width},{height}");
    let args = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        &profile,
        &window,
    ];
    json!({ "capabilities": { "alwaysMatch": {
        "goog:chromeOptions": { "binary": chromium, "args": args },
        "goog:loggingPrefs": { "browser": "ALL" },
    } } })
}

fn call(driver: SocketAddr, method: &str, path: &str, body: &Value) -> Value {
    let answer = request(driver, method, path, &[], &body.to_string()).expect("the driver answers");
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()["value"].clone()
}
