//! Which request goes where, and what every answer carries.
//!
//! In: requests. Out: answers with headers that keep a browser from doing more than the page needs.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;

use crate::app::App;
use crate::{eval, sign_in, ws};

/// What the page may do: load its own script and style, and connect to its own host.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The files of the page, with their paths and kinds.
const PAGE: [(&str, &str, &str); 3] = [
    (
        "/",
        "text/html; charset=utf-8",
        include_str!("../assets/index.html"),
    ),
    (
        "/moor.js",
        "text/javascript; charset=utf-8",
        include_str!("../assets/moor.js"),
    ),
    (
        "/moor.css",
        "text/css; charset=utf-8",
        include_str!("../assets/moor.css"),
    ),
];

/// The routes.
pub fn router(app: Arc<App>) -> Router {
    let page = PAGE
        .into_iter()
        .fold(Router::new(), |router, (path, kind, text)| {
            router.route(path, get(async move || file(kind, text)))
        });
    page.route("/health", get(health))
        .route("/auth/connect", post(sign_in::connect))
        .route("/auth/create", post(sign_in::create))
        .route("/auth/logout", post(sign_in::logout))
        .route("/ws", get(ws::upgrade))
        .route("/v1/eval", post(eval::eval))
        .fallback(async || error(StatusCode::NOT_FOUND, "not_found", "there is nothing here"))
        .method_not_allowed_fallback(async || {
            error(
                StatusCode::METHOD_NOT_ALLOWED,
                "method",
                "not by this method",
            )
        })
        .layer(map_response(guarded))
        .with_state(app)
}

fn file(kind: &'static str, text: &'static str) -> Response {
    let kind = (CONTENT_TYPE, HeaderValue::from_static(kind));
    let fresh = (CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    ([kind, fresh], text).into_response()
}

fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let body = json!({ "error": { "code": code, "message": message } });
    (status, Json(body)).into_response()
}

/// Healthy means: a ping of the daemon within the last 30 s.
async fn health(State(app): State<Arc<App>>) -> Response {
    let is_healthy = app.liveness.is_healthy() && !app.drain.is_draining();
    let (status, word) = match is_healthy {
        true => (StatusCode::OK, "ok"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    let body = json!({
        "status": word,
        "daemon_ping_age_s": app.liveness.age().map(|age| age.as_secs()),
        "attached": app.requests.is_attached(),
        "draining": app.drain.is_draining(),
    });
    (status, Json(body)).into_response()
}

async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}
