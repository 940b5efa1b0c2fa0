//! Where a redirection leads and what is sent there (RFC 9110, section 15.4, and what browsers do).
//!
//! In: the hop that was answered, the status, the `Location`. Out: the next hop. Pure; it neither counts hops nor
//! judges addresses, both of which the caller does for each.

use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, COOKIE,
    HeaderMap, HeaderName,
};
use reqwest::{Method, StatusCode};
use url::Url;

use crate::fault::Fault;
use crate::request::{shortened, strip};

/// One request on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// The method.
    pub method: Method,
    /// The URL.
    pub url: Url,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

/// What proves who is asking: sent to the origin that it was given for, and to no other.
const CREDENTIALS: [HeaderName; 2] = [AUTHORIZATION, COOKIE];

/// What describes a body that is no longer sent.
const OF_THE_BODY: [HeaderName; 4] = [
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LOCATION,
    CONTENT_TYPE,
];

/// Whether a response with this status and a `Location` is a redirection.
#[must_use]
pub fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

impl Hop {
    /// The next hop. Another scheme, host or port is another origin, to which credentials are not sent.
    ///
    /// # Errors
    /// [`Fault::BadRedirect`] when `location` leads to no URL of the web.
    pub fn redirected(mut self, status: StatusCode, location: &[u8]) -> Result<Self, Fault> {
        let url = next_url(&self.url, location)?;
        if url.origin() != self.url.origin() {
            remove(&mut self.headers, &CREDENTIALS);
        }
        if becomes_get(status, &self.method) {
            self.method = Method::GET;
            self.body.clear();
            remove(&mut self.headers, &OF_THE_BODY);
        }
        self.url = url;
        Ok(self)
    }
}

fn next_url(from: &Url, location: &[u8]) -> Result<Url, Fault> {
    let text = String::from_utf8_lossy(location);
    let bad = || Fault::BadRedirect {
        location: shortened(&text),
    };
    let mut url = from.join(&text).map_err(|_| bad())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad());
    }
    strip(&mut url);
    Ok(url)
}

/// After 303 everything is looked at with GET; after 301 and 302 only POST, which is what the web relies on.
fn becomes_get(status: StatusCode, method: &Method) -> bool {
    match status.as_u16() {
        303 => *method != Method::HEAD,
        301 | 302 => *method == Method::POST,
        _ => false,
    }
}

fn remove(headers: &mut HeaderMap, names: &[HeaderName]) {
    for name in names {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(method: Method, url: &str) -> Hop {
        let mut headers = HeaderMap::new();
        for name in ["authorization", "cookie", "content-type", "x-other"] {
            headers.insert(name, "v".parse().expect("a value"));
        }
        Hop {
            method,
            url: url.parse().expect(url),
            headers,
            body: b"body".to_vec(),
        }
    }

    fn next(from: &str, location: &str) -> Result<Hop, Fault> {
        hop(Method::GET, from).redirected(StatusCode::FOUND, location.as_bytes())
    }

    #[test]
    fn methods_change_as_browsers_change_them() {
        let cases = [
            (301, Method::POST, Method::GET),
            (302, Method::POST, Method::GET),
            (303, Method::POST, Method::GET),
            (303, Method::PUT, Method::GET),
            (303, Method::HEAD, Method::HEAD),
            (301, Method::PUT, Method::PUT),
            (302, Method::DELETE, Method::DELETE),
            (307, Method::POST, Method::POST),
            (308, Method::POST, Method::POST),
        ];
        for (status, before, after) in cases {
            let status = StatusCode::from_u16(status).expect("a status");
            let from = hop(before.clone(), "http://a.test/");
            let next = from.redirected(status, b"/b").expect("a redirection");
            assert_eq!(next.method, after, "{status} {before}");
            assert_eq!(next.body.is_empty(), before != after, "{status} {before}");
            assert_eq!(
                next.headers.contains_key("content-type"),
                before == after,
                "{status} {before}"
            );
        }
    }

    #[test]
    fn credentials_stay_with_their_origin() {
        let same = [
            "/x",
            "?q",
            "https://a.test/x",
            "https://a.test:443/",
            "HTTPS://A.TEST/",
        ];
        let other = [
            "http://a.test/",
            "https://b.test/",
            "https://a.test:8443/",
            "//b.test/",
            "https://a.test.evil.test/",
            "https://a.test@b.test/",
        ];
        for (locations, kept) in [(&same[..], true), (&other[..], false)] {
            for location in locations {
                let next = next("https://a.test/dir/", location).expect("a redirection");
                assert_eq!(
                    next.headers.contains_key("authorization"),
                    kept,
                    "{location}"
                );
                assert_eq!(next.headers.contains_key("cookie"), kept, "{location}");
                assert!(next.headers.contains_key("x-other"));
            }
        }
    }

    #[test]
    fn locations_are_resolved_and_stripped() {
        let cases = [
            ("x?y#z", "http://a.test/dir/x?y"),
            ("../up", "http://a.test/up"),
            ("//u:p@b.test", "http://b.test/"),
            ("", "http://a.test/dir/"),
            ("  /x ", "http://a.test/x"),
            ("http://0x7f.1/", "http://127.0.0.1/"),
        ];
        for (location, expected) in cases {
            assert_eq!(
                next("http://a.test/dir/", location)
                    .expect(location)
                    .url
                    .as_str(),
                expected
            );
        }
    }

    #[test]
    fn only_urls_of_the_web_are_followed() {
        for location in [
            "file:///etc/passwd",
            "gopher://a.test/",
            "javascript:1",
            "data:,x",
            "http://",
            "http://[::1",
            "ftp://a.test",
        ] {
            let fault = next("http://a.test/", location).expect_err(location);
            assert!(matches!(fault, Fault::BadRedirect { .. }), "{location}");
        }
    }
}
