//! The worker that makes HTTP requests for the world.
//!
//! In: calls `worker_request("curl", {method, url [, headers [, body [, options]]]})`. Out: a map with status, headers and
//! body of the response, or an error whose message begins with the cause. It reaches no private address, no port and
//! no name that its operator did not allow; keeps no cookies; believes no server without a certificate. The world, its
//! objects and its permissions are the daemon's.
//!
//! | part | files |
//! |---|---|
//! | what is asked for | `request`, `binary` |
//! | what may be reached | `address`, `resolver`, `tls` |
//! | the exchange | `fetch`, `redirect`, `per_host`, `body` |
//! | what comes back | `response`, `fault` |

pub mod address;
pub mod binary;
pub mod body;
pub mod config;
pub mod fault;
pub mod fetch;
pub mod per_host;
pub mod redirect;
pub mod request;
pub mod resolver;
pub mod response;
pub mod tls;

use std::ffi::OsString;
use std::process::ExitCode;

use moor_worker::{Call, WireValue, Worker, WorkerError};

use crate::config::Args;
use crate::fault::Fault;
use crate::fetch::Fetcher;
use crate::request::{Defaults, Request};
use crate::resolver::{Names, SystemNames};
use crate::tls::TlsError;

/// The name of the program, as in log lines.
pub const PROGRAM: &str = "moor-curl-worker";

/// What the world calls it.
pub const KIND: &str = "curl";

/// The whole program: `argv` is its command line, the first element its path.
pub fn run(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    moor_worker::run_with(PROGRAM, KIND, argv, |args: Args| {
        Curl::new(&args, SystemNames)
    })
}

/// The worker.
pub struct Curl {
    fetcher: Fetcher,
    defaults: Defaults,
}

/// Why the worker cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CurlError {
    /// No TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The HTTP library refuses.
    #[error("cannot make HTTP requests: {0}")]
    Http(#[from] reqwest::Error),
}

impl Curl {
    /// A worker that resolves names with `names`.
    ///
    /// # Errors
    /// [`CurlError`], naming the flag.
    pub fn new(args: &Args, names: impl Names) -> Result<Self, CurlError> {
        let fetcher = Fetcher::new(args.policies(), tls::config(&args.ca_file)?, names)?;
        Ok(Self {
            fetcher,
            defaults: args.defaults(),
        })
    }

    async fn fetch(&self, args: &WireValue) -> Result<WireValue, Fault> {
        let request = Request::read(args, &self.defaults)?;
        let is_binary = request.options.binary;
        let response = self.fetcher.fetch(request).await?;
        Ok(response.into_value(is_binary))
    }
}

impl Worker for Curl {
    async fn call(&self, call: Call) -> Result<WireValue, WorkerError> {
        let fetched = self.fetch(&call.args).await;
        fetched.map_err(|fault| {
            tracing::debug!(call = call.id.0, cause = fault.cause(), "no response");
            fault.into()
        })
    }
}
