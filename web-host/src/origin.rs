//! Where a request really comes from: the user's address behind proxies, and the page that a browser shows.
//!
//! In: the peer's address, headers that anybody may have written, the operator's lists. Out: an address to count and to
//! show to the world; whether a page may speak for its user. Opens nothing.

use std::net::{IpAddr, SocketAddr};

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

/// Each proxy appends the address that it served.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How the user spoke to the proxy: `http` or `https`.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The proxies that are believed.
#[derive(Debug, Clone, Default)]
pub struct Proxies(pub Vec<IpNet>);

/// Who a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// The user's address.
    pub address: IpAddr,
    /// The user's port; 0 behind a proxy, which does not tell it.
    pub port: u16,
    /// Whether a trusted proxy says that the user came by HTTPS.
    pub is_https: bool,
}

impl Proxies {
    /// Whether a proxy at this address is believed.
    #[must_use]
    pub fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Who sent `headers` over a connection from `peer`. Forwarded addresses count from the last to the first, as far
    /// as each one was written by a trusted proxy.
    #[must_use]
    pub fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> Client {
        let peer_address = peer.ip().to_canonical();
        if !self.trust(peer_address) {
            return Client {
                address: peer_address,
                port: peer.port(),
                is_https: false,
            };
        }
        let chain: Vec<_> = headers
            .get_all(FORWARDED_FOR)
            .iter()
            // Of bytes that are no text only their own element is lost: they may stand before what a proxy appended.
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .map(|element| str::from_utf8(element).unwrap_or_default())
            .collect();
        let mut address = peer_address;
        for text in chain.into_iter().rev() {
            let Some(forwarded) = forwarded_address(text) else {
                break;
            };
            address = forwarded;
            if !self.trust(address) {
                break;
            }
        }
        let port = if address == peer_address {
            peer.port()
        } else {
            0
        };
        let proto = headers.get(FORWARDED_PROTO);
        Client {
            address,
            port,
            is_https: proto.is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https")),
        }
    }
}

/// An address as proxies write it: bare, with a port, or an IPv6 address in brackets.
fn forwarded_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address = text
        .parse()
        .or_else(|_| text.parse::<SocketAddr>().map(|a| a.ip()));
    let address = address.or_else(|_| text.trim_matches(['[', ']']).parse());
    address.ok().map(|address: IpAddr| address.to_canonical())
}

/// The pages that may speak for their users, beside the host's own.
#[derive(Debug, Clone, Default)]
pub struct Origins(pub Vec<String>);

impl Origins {
    /// Whether the request may act for its user: it comes from no browser's page (then there is no such header), from
    /// the host's own page, or from one that the operator named.
    #[must_use]
    pub fn allow(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => true,
            (Some(origin), None) => self.is_own(origin, headers) || self.is_named(origin),
            (Some(_), Some(_)) => false,
        }
    }

    fn is_own(&self, origin: &HeaderValue, headers: &HeaderMap) -> bool {
        let authority = origin.to_str().ok().and_then(|origin| {
            let rest = origin.strip_prefix("https://");
            rest.or_else(|| origin.strip_prefix("http://"))
        });
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        matches!((authority, host), (Some(own), Some(host)) if own.eq_ignore_ascii_case(host))
    }

    fn is_named(&self, origin: &HeaderValue) -> bool {
        let same = |named: &String| origin.as_bytes().eq_ignore_ascii_case(named.as_bytes());
        self.0.iter().any(same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let parsed = lines.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (
                name,
                HeaderValue::from_bytes(value.as_bytes()).expect("a header"),
            )
        });
        let mut headers = HeaderMap::new();
        for (name, value) in parsed {
            headers.append(name, value);
        }
        headers
    }

    fn client(peer: &str, lines: &[(&'static str, &str)]) -> (String, u16, bool) {
        let proxies = ["10.0.0.0/8", "::1/128"].map(|net| net.parse().expect(net));
        let proxies = Proxies(proxies.to_vec());
        let client = proxies.client(peer.parse().expect(peer), &headers(lines));
        (client.address.to_string(), client.port, client.is_https)
    }

    #[test]
    fn forwarded_addresses_count_only_from_trusted_proxies() {
        let forged = [
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-proto", "https"),
        ];
        assert_eq!(
            client("192.0.2.1:5", &forged),
            ("192.0.2.1".into(), 5, false)
        );
        assert_eq!(client("10.0.0.1:5", &forged), ("1.1.1.1".into(), 0, true));
        assert_eq!(
            client("[::ffff:10.0.0.1]:5", &[]),
            ("10.0.0.1".into(), 5, false)
        );
    }

    #[test]
    fn what_the_user_wrote_before_the_proxy_does_not_count() {
        let chain = [("x-forwarded-for", "6.6.6.6, 192.0.2.7, 10.9.9.9")];
        assert_eq!(client("10.0.0.1:5", &chain).0, "192.0.2.7");
        let lines = [
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-for", "[2001:db8::1]:99"),
        ];
        assert_eq!(client("[::1]:5", &lines).0, "2001:db8::1");
        let nonsense = [("x-forwarded-for", "6.6.6.6, unknown")];
        assert_eq!(client("10.0.0.1:5", &nonsense).0, "10.0.0.1");
        // Bytes that are no text, before what the proxy wrote: they do not hide it.
        let odd = [("x-forwarded-for", "\u{ff}, 192.0.2.7")];
        assert_eq!(client("10.0.0.1:5", &odd).0, "192.0.2.7");
    }

    #[test]
    fn pages_of_others_do_not_speak_for_their_users() {
        let origins = Origins(vec!["https://play.example".into()]);
        let allow = |lines: &[(&'static str, &str)]| origins.allow(&headers(lines));
        let host = ("host", "moo.example:8081");
        assert!(allow(&[host]), "no browser");
        assert!(allow(&[host, ("origin", "http://moo.example:8081")]));
        assert!(allow(&[host, ("origin", "https://MOO.example:8081")]));
        assert!(allow(&[host, ("origin", "https://play.example")]));
        for origin in [
            "http://moo.example",
            "http://evil.example",
            "http://moo.example:8081.evil.example",
            "null",
            "moo.example:8081",
            "https://play.example.evil.example",
        ] {
            assert!(!allow(&[host, ("origin", origin)]), "{origin}");
        }
        let own = ("origin", "http://moo.example:8081");
        assert!(!allow(&[host, own, ("origin", "http://evil.example")]));
        assert!(!allow(&[own]), "without a host nothing is own");
    }
}
