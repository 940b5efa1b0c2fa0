//! What the routes of the host share, and how they answer what they cannot do.
//!
//! In: the parts of the host. Out: one [`App`]; [`Problem`]s as JSON. It does not know any route.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use moor_host::{AskError, Requests};
use moor_node::{Drain, Liveness};
use moor_rpc::RpcError;
use serde_json::json;
use tokio::time::timeout;

use crate::attempts::{Attempts, TooMany};
use crate::origin::{Client, Origins, Proxies};
use crate::sessions::{OpenError, Sessions};
use crate::tokens::Tokens;

/// How long the body of a request may take to come.
const BODY_TIME_MAX: Duration = Duration::from_secs(10);

/// What to wait before asking a daemon again that is away, in seconds.
const AWAY_RETRY_S: u64 = 2;

/// The host as its routes see it.
pub struct App {
    /// The way to the daemon.
    pub requests: Arc<Requests>,
    /// The sessions.
    pub sessions: Sessions,
    /// The proxies that are believed.
    pub proxies: Proxies,
    /// The pages that may speak for their users.
    pub origins: Origins,
    /// Attempts to sign in.
    pub attempts: Attempts,
    /// Everything else that costs the daemon something.
    pub calls: Attempts,
    /// What is known of tokens.
    pub tokens: Tokens,
    /// How recent the daemon's pings are.
    pub liveness: Liveness,
    /// When to stop.
    pub drain: Drain,
}

/// Where a connection comes from; beside every request.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

impl App {
    /// Who a request comes from.
    #[must_use]
    pub fn client(&self, peer: Peer, headers: &HeaderMap) -> Client {
        self.proxies.client(peer.0, headers)
    }

    /// Counts a call of an address.
    ///
    /// # Errors
    /// [`Problem::TooMany`].
    pub fn count_call(&self, client: &Client) -> Result<(), Problem> {
        Ok(self.calls.attempt(client.address, Instant::now())?)
    }
}

/// Why a request is not answered as wished.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The request makes no sense.
    #[error("{0}")]
    Bad(String),
    /// The page of another site.
    #[error("this page may not do that; see --allowed-origin")]
    Origin,
    /// Nobody is signed in, or not any more.
    #[error("sign in first")]
    SignIn,
    /// The world refused to let the user in; its own words.
    #[error("{}", .0.join("\n"))]
    Refused(Vec<String>),
    /// The player may not do that.
    #[error("{0}")]
    NotAllowed(String),
    /// The body is too long.
    #[error("the body is longer than {0} bytes")]
    TooLong(usize),
    /// The body is neither of the kinds that are understood.
    #[error("the body is neither JSON nor a form; set the header content-type")]
    ContentType,
    /// Too often.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// Too many sessions.
    #[error(transparent)]
    Session(#[from] OpenError),
    /// The request did not come in time.
    #[error("the request did not come in time")]
    Slow,
    /// There is no daemon.
    #[error("the server is away; try again in a moment")]
    Away,
    /// The daemon did not answer in time.
    #[error("the server did not answer in time")]
    NoAnswer,
    /// The daemon has no room.
    #[error("{0}")]
    Full(String),
    /// The daemon did something that it should not.
    #[error("the server failed")]
    Broken,
}

impl Problem {
    fn status(&self) -> StatusCode {
        match self {
            Self::Bad(_) => StatusCode::BAD_REQUEST,
            Self::Origin | Self::NotAllowed(_) => StatusCode::FORBIDDEN,
            Self::SignIn | Self::Refused(_) => StatusCode::UNAUTHORIZED,
            Self::TooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooMany(_) | Self::Session(OpenError::TooMany) => StatusCode::TOO_MANY_REQUESTS,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Away | Self::Full(_) | Self::Session(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoAnswer => StatusCode::GATEWAY_TIMEOUT,
            Self::Broken => StatusCode::BAD_GATEWAY,
        }
    }

    /// The problem's name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Bad(_) => "bad_request",
            Self::Origin => "origin",
            Self::SignIn => "sign_in",
            Self::Refused(_) => "refused",
            Self::NotAllowed(_) => "not_allowed",
            Self::TooLong(_) => "too_long",
            Self::ContentType => "content_type",
            Self::TooMany(_) | Self::Session(OpenError::TooMany) => "too_many",
            Self::Slow => "slow",
            Self::Away => "away",
            Self::NoAnswer => "no_answer",
            Self::Full(_) | Self::Session(_) => "full",
            Self::Broken => "broken",
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::TooMany(too_many) => Some(too_many.retry_after.as_secs().max(1)),
            Self::Away | Self::Full(_) => Some(AWAY_RETRY_S),
            _ => None,
        }
    }
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Away => Self::Away,
            AskError::Refused(error) => error.into(),
            AskError::TooLong => Self::Bad(error.to_string()),
            _ => Self::Full(error.to_string()),
        }
    }
}

impl From<RpcError> for Problem {
    fn from(error: RpcError) -> Self {
        match error {
            RpcError::BadToken | RpcError::NotLoggedIn => Self::SignIn,
            RpcError::NotAllowed { why } => Self::NotAllowed(why),
            RpcError::NotAttached | RpcError::Stopping | RpcError::UnknownSession(_) => Self::Away,
            RpcError::LimitReached { .. } | RpcError::ReadOnly => Self::Full(error.to_string()),
            RpcError::Malformed { .. } => Self::Bad(error.to_string()),
            _ => Self::Broken,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "code": self.code(), "message": self.to_string() } });
        let mut response = (self.status(), Json(body)).into_response();
        if let Some(seconds) = self.retry_after_s() {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The whole body of a request.
///
/// # Errors
/// [`Problem::Slow`], [`Problem::TooLong`].
pub async fn read_body(body: Body, bytes_max: usize) -> Result<Vec<u8>, Problem> {
    match timeout(BODY_TIME_MAX, to_bytes(body, bytes_max)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(_)) => Err(Problem::TooLong(bytes_max)),
        Err(_) => Err(Problem::Slow),
    }
}
