//! Why a request was not answered with a response, in the world's words.
//!
//! In: what the parts of this program, the HTTP library, TLS and the operating system say. Out: an error code of
//! the language and one line that begins with the cause. It logs nothing.

use std::error::Error;
use std::io;
use std::time::Duration;

use moor_rpc::WorkerError;

use crate::address::Blocked;
use crate::request::RequestError;

/// Why there is no response. Each message begins with its cause, so that programs may match on it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The request itself is wrong.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The rules about addresses, names and ports say no.
    #[error("blocked address: {host}: {blocked}")]
    Blocked {
        /// The host of the URL.
        host: String,
        /// Which rule.
        blocked: Blocked,
    },
    /// The name has no address.
    #[error("name not found: {host}")]
    NameNotFound {
        /// The name.
        host: String,
    },
    /// Nobody listens there.
    #[error("connection refused: {host}")]
    Refused {
        /// The host of the URL.
        host: String,
    },
    /// No connection, for another reason.
    #[error("cannot connect: {host}: {cause}")]
    Unreachable {
        /// The host of the URL.
        host: String,
        /// What the operating system said.
        cause: String,
    },
    /// The time that the request may take is over.
    #[error("timed out: no complete answer of {host} within {} s", .limit.as_secs_f64())]
    TimedOut {
        /// The host of the URL.
        host: String,
        /// The time.
        limit: Duration,
    },
    /// The server did not accept the connection in time.
    #[error("timed out: no connection to {host}")]
    ConnectTimedOut {
        /// The host of the URL.
        host: String,
    },
    /// The encrypted connection was not established: in most cases the certificate.
    #[error("TLS: {host}: {cause}")]
    Tls {
        /// The host of the URL.
        host: String,
        /// What the TLS library said.
        cause: String,
    },
    /// The body, decompressed, is longer than allowed.
    #[error("too large: the body has more than {bytes_max} bytes")]
    BodyTooLarge {
        /// The bound.
        bytes_max: usize,
    },
    /// The headers are longer than allowed.
    #[error("too large: the headers of the response")]
    HeadersTooLarge,
    /// Redirections without end.
    #[error("too many redirects: more than {redirects_max}")]
    TooManyRedirects {
        /// The bound.
        redirects_max: usize,
    },
    /// A redirection to what is no URL of the web.
    #[error("bad redirect: {location}")]
    BadRedirect {
        /// What the server wrote, shortened.
        location: String,
    },
    /// The body is not in the encoding that the server named, or ends too early.
    #[error("bad response: the {encoding} body is damaged")]
    Damaged {
        /// The name of the encoding.
        encoding: &'static str,
    },
    /// The server does not speak HTTP, or broke off.
    #[error("bad response: {host}: {cause}")]
    Response {
        /// The host of the URL.
        host: String,
        /// What the HTTP library said.
        cause: String,
    },
}

impl Fault {
    /// The error code: `E_TYPE` and `E_ARGS` for the shape of a request, `E_PERM` for what the worker will not do,
    /// `E_QUOTA` for its bounds, `E_INVARG` for all else, as ToastStunt's `curl()` has it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Request(error) => error.code(),
            Self::Blocked { .. } => "E_PERM",
            Self::BodyTooLarge { .. } | Self::HeadersTooLarge | Self::TooManyRedirects { .. } => {
                "E_QUOTA"
            }
            _ => "E_INVARG",
        }
    }

    /// One word for logs and metrics.
    #[must_use]
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Request(_) => "request",
            Self::Blocked { .. } => "blocked",
            Self::NameNotFound { .. } => "name",
            Self::Refused { .. } | Self::Unreachable { .. } => "connect",
            Self::TimedOut { .. } | Self::ConnectTimedOut { .. } => "timeout",
            Self::Tls { .. } => "tls",
            Self::BodyTooLarge { .. } | Self::HeadersTooLarge => "size",
            Self::TooManyRedirects { .. } | Self::BadRedirect { .. } => "redirect",
            Self::Damaged { .. } | Self::Response { .. } => "response",
        }
    }

    /// What the HTTP library's error comes from; `host` is the one that was asked.
    #[must_use]
    pub fn of(error: &reqwest::Error, host: &str) -> Self {
        let host = host.to_owned();
        let timed_out = error.is_timeout();
        if timed_out && error.is_connect() {
            return Self::ConnectTimedOut { host };
        }
        let causes = Causes::of(error);
        if let Some(unresolved) = causes.unresolved {
            return unresolved.fault(host);
        }
        if let Some(cause) = causes.tls {
            return Self::Tls { host, cause };
        }
        if causes.headers_too_large {
            return Self::HeadersTooLarge;
        }
        match (causes.io, error.is_connect()) {
            (Some((io::ErrorKind::ConnectionRefused, _)), _) => Self::Refused { host },
            (Some((io::ErrorKind::TimedOut, _)), true) => Self::ConnectTimedOut { host },
            // While connecting only TLS reads.
            (Some((io::ErrorKind::UnexpectedEof, cause)), true) => Self::Tls { host, cause },
            (Some((_, cause)), true) => Self::Unreachable { host, cause },
            (_, true) => Self::Unreachable {
                host,
                cause: causes.last,
            },
            _ => Self::Response {
                host,
                cause: causes.last,
            },
        }
    }
}

impl From<Fault> for WorkerError {
    fn from(fault: Fault) -> Self {
        Self {
            code: fault.code().to_owned(),
            message: fault.to_string(),
        }
    }
}

/// Why a name led to no address, passed through the HTTP library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unresolved {
    /// It has none.
    #[error("name not found")]
    NotFound,
    /// It has none that may be reached.
    #[error("blocked address: {0}")]
    Blocked(Blocked),
}

impl Unresolved {
    fn fault(self, host: String) -> Fault {
        match self {
            Self::NotFound => Fault::NameNotFound { host },
            Self::Blocked(blocked) => Fault::Blocked { host, blocked },
        }
    }
}

/// What lies under an error of the HTTP library.
#[derive(Default)]
struct Causes {
    unresolved: Option<Unresolved>,
    tls: Option<String>,
    io: Option<(io::ErrorKind, String)>,
    headers_too_large: bool,
    /// The deepest message.
    last: String,
}

impl Causes {
    fn of(error: &reqwest::Error) -> Self {
        let mut causes = Self::default();
        let mut next: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(error) = next {
            causes.note(error);
            next = below(error);
        }
        causes
    }

    fn note(&mut self, error: &(dyn Error + 'static)) {
        self.last = error.to_string();
        if let Some(unresolved) = error.downcast_ref::<Unresolved>() {
            self.unresolved = Some(*unresolved);
        } else if let Some(error) = error.downcast_ref::<rustls::Error>() {
            self.tls = Some(error.to_string());
        } else if let Some(error) = error.downcast_ref::<io::Error>() {
            self.io = Some((error.kind(), error.to_string()));
        } else if let Some(error) = error.downcast_ref::<hyper::Error>() {
            self.headers_too_large |= error.is_parse_too_large();
        }
    }
}

/// The next deeper error. An [`io::Error`] that wraps another one does not name that one as its source.
fn below<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    let wrapped = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    match wrapped {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}
