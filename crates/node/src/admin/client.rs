//! A blocking client of the admin socket, for commands of the operator.
//!
//! In: the path of the socket, a route, perhaps a JSON body. Out: the JSON answer, or the reason why there is none, with
//! what to do about it. It does not know the routes.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

/// The longest answer: some hundred thousand connections.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminClientError {
    /// There is no socket: the program does not run, or has its socket elsewhere.
    #[error("{}: there is no such socket; is the daemon running, with this --admin-socket?", .0.display())]
    Absent(PathBuf),
    /// There is a socket and nobody listens: its program was killed.
    #[error("{}: nobody listens there; the daemon did not end properly, start it again", .0.display())]
    Silent(PathBuf),
    /// The connection cannot be made, or breaks.
    #[error("{}: {source}", path.display())]
    Io {
        /// The path of the socket.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The program does not answer in time.
    #[error("{}: no answer within {} s", path.display(), limit.as_secs_f64())]
    TimedOut {
        /// The path of the socket.
        path: PathBuf,
        /// How long was waited.
        limit: Duration,
    },
    /// What came is not HTTP, or too long.
    #[error("{}: {what}", path.display())]
    Http {
        /// The path of the socket.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The program refuses the request.
    #[error("{}: {route}: {code}: {message}", path.display())]
    Refused {
        /// The path of the socket.
        path: PathBuf,
        /// The route that was asked.
        route: String,
        /// The HTTP status.
        code: u16,
        /// The answer's text.
        message: String,
    },
    /// The answer is not what the route promises.
    #[error("{}: {route}: the answer is not understood: {source}; is the daemon of another release?", path.display())]
    Answer {
        /// The path of the socket.
        path: PathBuf,
        /// The route that was asked.
        route: String,
        /// What is wrong in it.
        source: serde_json::Error,
    },
}

/// A client of one admin socket. Every request is a connection of its own.
#[derive(Clone, Debug)]
pub struct AdminClient {
    path: PathBuf,
}

impl AdminClient {
    /// A client of the socket at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where the socket is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Asks for `route`.
    ///
    /// # Errors
    /// See [`AdminClientError`].
    pub fn get<T: DeserializeOwned>(&self, route: &str) -> Result<T, AdminClientError> {
        self.ask(Method::GET, route, Bytes::new())
    }

    /// Sends `body` to `route`.
    ///
    /// # Errors
    /// See [`AdminClientError`].
    pub fn post<T: DeserializeOwned>(
        &self,
        route: &str,
        body: &impl Serialize,
    ) -> Result<T, AdminClientError> {
        let bytes = serde_json::to_vec(body).map_err(|source| self.answer_error(route, source))?;
        self.ask(Method::POST, route, bytes.into())
    }

    fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        route: &str,
        body: Bytes,
    ) -> Result<T, AdminClientError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| self.io_error(source))?;
        let (code, bytes) = runtime.block_on(async {
            tokio::time::timeout(PATIENCE, self.exchange(method, route, body))
                .await
                .map_err(|_| AdminClientError::TimedOut {
                    path: self.path.clone(),
                    limit: PATIENCE,
                })?
        })?;
        if !code.is_success() {
            return Err(AdminClientError::Refused {
                path: self.path.clone(),
                route: route.into(),
                code: code.as_u16(),
                message: String::from_utf8_lossy(&bytes).into(),
            });
        }
        serde_json::from_slice(&bytes).map_err(|source| self.answer_error(route, source))
    }

    async fn exchange(
        &self,
        method: Method,
        route: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), AdminClientError> {
        let stream = UnixStream::connect(&self.path)
            .await
            .map_err(|source| self.io_error(source))?;
        let http = |what: &dyn std::fmt::Display| AdminClientError::Http {
            path: self.path.clone(),
            what: what.to_string(),
        };
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| http(&error))?;
        // Its errors reach the request too.
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(route)
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| http(&error))?;
        let response: Response<Incoming> = sender
            .send_request(request)
            .await
            .map_err(|error| http(&error))?;
        let code = response.status();
        let bytes = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| http(&error))?;
        Ok((code, bytes.to_bytes()))
    }

    fn io_error(&self, source: io::Error) -> AdminClientError {
        let path = self.path.clone();
        match source.kind() {
            io::ErrorKind::NotFound => AdminClientError::Absent(path),
            io::ErrorKind::ConnectionRefused => AdminClientError::Silent(path),
            _ => AdminClientError::Io { path, source },
        }
    }

    fn answer_error(&self, route: &str, source: serde_json::Error) -> AdminClientError {
        AdminClientError::Answer {
            path: self.path.clone(),
            route: route.into(),
            source,
        }
    }
}
