//! Exports that the operator asks for while the world is served (`moor world dump`).
//!
//! In: a path and a format, from the admin socket. Out: the file, whole or not at all, of one moment, while tasks go on;
//! how far it is. One is written at a time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::Result;
use clap::ValueEnum;
use moor_node::admin_api as api;
use moor_runtime::Runtime;
use parking_lot::Mutex;

use crate::args::TextFormat;
use crate::export::{self, Moment};

/// Writes them.
pub(crate) struct Dumps {
    runtime: Arc<Runtime>,
    state: Mutex<State>,
}

struct State {
    current: api::DumpState,
    began: Instant,
    thread: Option<JoinHandle<()>>,
}

impl Dumps {
    /// None yet.
    pub(crate) fn new(runtime: Arc<Runtime>) -> Arc<Self> {
        let state = State {
            current: api::DumpState::default(),
            began: Instant::now(),
            thread: None,
        };
        Arc::new(Self {
            runtime,
            state: Mutex::new(state),
        })
    }

    /// Begins one, or says why not. It returns at once.
    pub(crate) fn begin(self: &Arc<Self>, request: &api::DumpRequest) -> api::DumpState {
        let path = PathBuf::from(&request.path);
        let mut state = self.state.lock();
        let (path, format) = match wanted(&state.current, &path, &request.format) {
            Ok(wanted) => wanted,
            Err(why) => {
                return api::DumpState {
                    refused: Some(why),
                    ..state.current.clone()
                };
            }
        };
        state.current = api::DumpState {
            number: state.current.number + 1,
            path: path.display().to_string(),
            is_running: true,
            ..api::DumpState::default()
        };
        state.began = Instant::now();
        let dumps = Arc::clone(self);
        let thread = std::thread::Builder::new().name("operator-dump".to_owned());
        match thread.spawn(move || {
            let written = export::write(|| Moment::of(&dumps.runtime), format, &path);
            dumps.end(written);
        }) {
            Ok(thread) => state.thread = Some(thread),
            Err(error) => state.end(Err(error.into())),
        }
        state.current.clone()
    }

    /// How far the last one is.
    pub(crate) fn state(&self) -> api::DumpState {
        let state = self.state.lock();
        let mut current = state.current.clone();
        if current.is_running {
            current.seconds = state.began.elapsed().as_secs_f64();
        }
        current
    }

    /// Waits for the one that is being written.
    pub(crate) fn finish(&self) {
        let thread = self.state.lock().thread.take();
        if let Some(thread) = thread {
            // A panic is in the log already.
            let _ = thread.join();
        }
    }

    fn end(&self, written: Result<()>) {
        self.state.lock().end(written);
    }
}

impl State {
    fn end(&mut self, written: Result<()>) {
        self.current.is_running = false;
        self.current.seconds = self.began.elapsed().as_secs_f64();
        self.current.error = written.err().map(|error| format!("{error:#}"));
        if let Some(error) = &self.current.error {
            tracing::error!(path = self.current.path, error, "not exported");
        }
    }
}

/// What is to be written where.
fn wanted(
    current: &api::DumpState,
    path: &Path,
    format: &str,
) -> Result<(PathBuf, TextFormat), String> {
    if current.is_running {
        return Err(format!(
            "{} is being written; wait for its end",
            current.path
        ));
    }
    let Ok(format) = TextFormat::from_str(format, false) else {
        return Err(format!("{format}: no format that this daemon writes"));
    };
    if !path.is_absolute() {
        return Err(format!("{}: name an absolute path", path.display()));
    }
    if path.exists() && format != TextFormat::Objdir {
        return Err(format!(
            "{}: it exists; name a path that does not",
            path.display()
        ));
    }
    Ok((path.to_path_buf(), format))
}
