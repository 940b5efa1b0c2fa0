//! What the admin listener of every program answers.
//!
//! | path | 200 | 503 |
//! |---|---|---|
//! | `/livez` | the process is alive and its loops turn | a loop stands still: start the program again |
//! | `/healthz` | every check is well | one is not |
//! | `/readyz` | the same, and the program is not stopping | one is not, or it is stopping: send it no users |
//! | `/metrics` | the numbers, as Prometheus reads them | |
//!
//! In: the program's [`Health`], its [`Drain`]. Out: JSON with every check, or the text of the numbers. GET and HEAD only;
//! it changes nothing and tells no secret.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Instant;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use super::metrics::{CONTENT_TYPE, Recorder};
use crate::checks::{Check, Report};
use crate::{Drain, Health};

/// What the routes know.
#[derive(Clone)]
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) started: Instant,
    pub(super) health: Health,
    pub(super) drain: Drain,
    pub(super) recorder: Recorder,
}

/// The body of the three health routes.
#[derive(Serialize)]
struct Answer {
    status: &'static str,
    program: &'static str,
    version: String,
    uptime_s: f64,
    draining: bool,
    checks: BTreeMap<Cow<'static, str>, Check>,
}

pub(super) fn router(program: Program) -> Router {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/healthz", get(healthy))
        .route("/metrics", get(metrics))
        .with_state(program)
}

async fn live(State(program): State<Program>) -> Response {
    let report = program.health.report_loops();
    program.answer(report.ok, report)
}

async fn ready(State(program): State<Program>) -> Response {
    let report = program.health.report();
    program.answer(report.ok && !program.drain.is_draining(), report)
}

async fn healthy(State(program): State<Program>) -> Response {
    let report = program.health.report();
    program.answer(report.ok, report)
}

async fn metrics(State(program): State<Program>) -> Response {
    let text = program.recorder.render();
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response()
}

impl Program {
    fn answer(&self, ok: bool, report: Report) -> Response {
        let (code, status) = match ok {
            true => (StatusCode::OK, "ok"),
            false => (StatusCode::SERVICE_UNAVAILABLE, "failing"),
        };
        let answer = Answer {
            status,
            program: self.name,
            version: crate::long_version(),
            uptime_s: self.started.elapsed().as_secs_f64(),
            draining: self.drain.is_draining(),
            checks: report.checks,
        };
        // A cache between a probe and this would tell yesterday's health.
        let uncached = [(header::CACHE_CONTROL, "no-store")];
        (code, uncached, Json(answer)).into_response()
    }
}
