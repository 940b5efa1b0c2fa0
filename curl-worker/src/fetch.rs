//! One request from beginning to end: turns, hops, bounds, time.
//!
//! In: a checked [`Request`]. Out: a complete [`Response`], or a [`Fault`] that names the cause. Every hop is judged
//! anew: its port and address here, or, where it has a name, by the resolver as the connection is made.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue, LOCATION, USER_AGENT,
};
use reqwest::redirect::Policy;
use reqwest::{Client, Method};
use url::{Host, Url};

use crate::address::{AddressRules, Blocked};
use crate::body::{self, Body, Encoding};
use crate::fault::Fault;
use crate::per_host::PerHost;
use crate::redirect::{Hop, is_redirect};
use crate::request::Request;
use crate::resolver::{GuardedResolver, Names};
use crate::response::Response;

/// The headers of one response, names and values together. The HTTP library takes in at most 100 headers or 400 KiB
/// before it looks.
const HEADER_BYTES_MAX: usize = 64 << 10;

/// Connections to one host that are kept open for the next request, and how long.
const IDLE_PER_HOST_MAX: usize = 4;
const IDLE_TIME_MAX: Duration = Duration::from_secs(30);

/// What a request names itself where it does not say.
const AGENT: &str = concat!("moor-curl-worker/", env!("CARGO_PKG_VERSION"));

/// What the operator decided.
#[derive(Debug, Clone)]
pub struct Policies {
    /// Which addresses and ports are reached.
    pub rules: AddressRules,
    /// Until a server accepts a connection, TLS included.
    pub connect_timeout: Duration,
    /// Requests to one host at a time.
    pub per_host_max: usize,
}

/// Makes requests; connections are kept and used again.
pub struct Fetcher {
    client: Client,
    rules: Arc<AddressRules>,
    turns: PerHost,
}

impl Fetcher {
    /// A fetcher with no connection.
    ///
    /// # Errors
    /// What the HTTP library has against it.
    pub fn new(
        policies: Policies,
        tls: rustls::ClientConfig,
        names: impl Names,
    ) -> Result<Self, reqwest::Error> {
        let rules = Arc::new(policies.rules);
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Arc::new(GuardedResolver::new(names, rules.clone())))
            // Redirections are followed here, where each is judged. A proxy would connect to what was not judged.
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(policies.connect_timeout)
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .pool_idle_timeout(IDLE_TIME_MAX)
            .http2_max_header_list_size(HEADER_BYTES_MAX as u32)
            .build()?;
        Ok(Self {
            client,
            rules,
            turns: PerHost::new(policies.per_host_max),
        })
    }

    /// Makes the request.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn fetch(&self, request: Request) -> Result<Response, Fault> {
        let limit = request.options.timeout;
        let host = host_of(&request.url);
        let fetched = tokio::time::timeout(limit, self.follow(request)).await;
        fetched.unwrap_or(Err(Fault::TimedOut { host, limit }))
    }

    async fn follow(&self, request: Request) -> Result<Response, Fault> {
        let options = request.options;
        let (mut hop, decompress) = first_hop(request);
        let mut hops_left = options.redirects_max.unwrap_or(0);
        loop {
            // Before the turn, so that nobody waits for what is refused.
            self.judge(&hop.url)?;
            let _turn = self.turns.turn(&authority(&hop.url)).await;
            let answer = self.send(&hop).await?;
            let status = answer.status();
            let location = answer
                .headers()
                .get(LOCATION)
                .filter(|_| is_redirect(status));
            match (location.cloned(), options.redirects_max) {
                (None, _) | (_, None) => {
                    return receive(answer, hop.url, decompress, options.bytes_max).await;
                }
                (Some(_), Some(redirects_max)) if hops_left == 0 => {
                    return Err(Fault::TooManyRedirects { redirects_max });
                }
                (Some(location), Some(_)) => {
                    hops_left -= 1;
                    hop = hop.redirected(status, location.as_bytes())?;
                }
            }
        }
    }

    /// The port, and the address of a URL that has one. Names are judged as they are resolved.
    fn judge(&self, url: &Url) -> Result<(), Fault> {
        let port = url.port_or_known_default().unwrap_or_default();
        let judged = self
            .rules
            .judge_port(port)
            .and_then(|()| self.judge_host(url));
        judged.map_err(|blocked| Fault::Blocked {
            host: host_of(url),
            blocked,
        })
    }

    fn judge_host(&self, url: &Url) -> Result<(), Blocked> {
        match url.host() {
            Some(Host::Ipv4(address)) => self.rules.judge(address.into()),
            Some(Host::Ipv6(address)) => self.rules.judge(address.into()),
            Some(Host::Domain(_)) | None => Ok(()),
        }
    }

    async fn send(&self, hop: &Hop) -> Result<reqwest::Response, Fault> {
        let mut request = self
            .client
            .request(hop.method.clone(), hop.url.clone())
            .headers(hop.headers.clone());
        if !hop.body.is_empty() || expects_body(&hop.method) {
            request = request.body(hop.body.clone());
        }
        let answer = request
            .send()
            .await
            .map_err(|error| Fault::of(&error, &host_of(&hop.url)))?;
        self.judge_peer(&answer, &hop.url)?;
        let bytes: usize = answer
            .headers()
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        match bytes > HEADER_BYTES_MAX {
            true => Err(Fault::HeadersTooLarge),
            false => Ok(answer),
        }
    }

    /// The last word is about the address that answered; nothing that it said has left this worker yet.
    fn judge_peer(&self, answer: &reqwest::Response, url: &Url) -> Result<(), Fault> {
        let Some(peer) = answer.remote_addr() else {
            return Ok(());
        };
        self.rules.judge(peer.ip()).map_err(|blocked| {
            tracing::error!(%peer, %blocked, "connected to an address that is not reached");
            Fault::Blocked {
                host: host_of(url),
                blocked,
            }
        })
    }
}

/// The first hop, and whether compressed bodies are undone: not where the call itself says what it accepts.
fn first_hop(request: Request) -> (Hop, bool) {
    let mut headers = request.headers;
    let decompress = !headers.contains_key(ACCEPT_ENCODING);
    if decompress {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(body::ACCEPTED));
    }
    headers
        .entry(USER_AGENT)
        .or_insert(HeaderValue::from_static(AGENT));
    let hop = Hop {
        method: request.method,
        url: request.url,
        headers,
        body: request.body,
    };
    (hop, decompress)
}

/// With these an empty body is said to be empty (`Content-Length: 0`), which some servers insist on.
fn expects_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

async fn receive(
    mut answer: reqwest::Response,
    url: Url,
    decompress: bool,
    bytes_max: usize,
) -> Result<Response, Fault> {
    let encoding = encoding_of(answer.headers()).filter(|_| decompress);
    // Of what really follows: nothing for HEAD, whatever its headers say.
    let announced = answer.content_length().unwrap_or(0);
    if encoding.is_none() && announced > bytes_max as u64 {
        return Err(Fault::BodyTooLarge { bytes_max });
    }
    let mut body = Body::new(encoding, bytes_max);
    while let Some(piece) = answer
        .chunk()
        .await
        .map_err(|error| Fault::of(&error, &host_of(&url)))?
    {
        body.take(&piece)?;
    }
    Ok(Response {
        status: answer.status(),
        reason: reason_of(&answer),
        headers: std::mem::take(answer.headers_mut()),
        body: body.finish()?,
        decompressed: encoding.is_some(),
        url,
    })
}

fn encoding_of(headers: &HeaderMap) -> Option<Encoding> {
    let mut values = headers.get_all(CONTENT_ENCODING).iter();
    let only = values.next().filter(|_| values.next().is_none())?;
    Encoding::named(only.to_str().ok()?)
}

fn reason_of(answer: &reqwest::Response) -> String {
    let written = answer.extensions().get::<hyper::ext::ReasonPhrase>();
    match written {
        Some(reason) => String::from_utf8_lossy(reason.as_bytes()).into_owned(),
        None => answer
            .status()
            .canonical_reason()
            .unwrap_or_default()
            .to_owned(),
    }
}

fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

fn authority(url: &Url) -> String {
    format!(
        "{}:{}",
        host_of(url),
        url.port_or_known_default().unwrap_or_default()
    )
}
