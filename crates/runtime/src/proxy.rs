//! The line with which a proxy says whom it speaks for.
//!
//! In: a line of a connection that has not logged in. Out: the connection's new addresses. It is the text form of the
//! PROXY protocol (version 1 of HAProxy's specification), as ToastStunt reads it; who may send one is decided in
//! `login`.

use std::net::IpAddr;

use crate::session::Ends;

/// Whether a line is a proxy's and no user's.
pub(crate) fn is_proxy_line(line: &str) -> bool {
    line.starts_with("PROXY")
}

/// `PROXY TCP4 ADDRESS LOCAL-ADDRESS PORT LOCAL-PORT`; nothing where it is malformed or does not know the user.
pub(crate) fn parse(line: &str) -> Option<Ends> {
    let mut words = line.split_ascii_whitespace();
    let (_, protocol) = (words.next()?, words.next()?);
    let mut address = || words.next()?.parse::<IpAddr>().ok();
    let (user, local) = (address()?, address()?);
    let known = match protocol {
        "TCP4" => user.is_ipv4() && local.is_ipv4(),
        "TCP6" => user.is_ipv6() && local.is_ipv6(),
        _ => false,
    };
    let mut port = || words.next()?.parse().ok();
    let (port, local_port) = (port()?, port()?);
    (known && words.next().is_none()).then(|| Ends {
        name: user.to_string(),
        address: user.to_string(),
        port,
        local_address: local.to_string(),
        local_port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Option<(String, u16, String, u16)> {
        let ends = parse(line)?;
        Some((ends.address, ends.port, ends.local_address, ends.local_port))
    }

    #[test]
    fn a_proxy_says_where_the_user_is() {
        let four = parsed("PROXY TCP4 192.0.2.7 192.0.2.1 40000 7777");
        let expected = ("192.0.2.7".into(), 40_000, "192.0.2.1".into(), 7_777);
        assert_eq!(four, Some(expected));
        let six = parsed("PROXY TCP6 2001:DB8::7 2001:db8::1 1 65535");
        let expected = ("2001:db8::7".into(), 1, "2001:db8::1".into(), 65_535);
        assert_eq!(six, Some(expected));
    }

    #[test]
    fn what_is_malformed_says_nothing() {
        for line in [
            "PROXY",
            "PROXY UNKNOWN",
            "PROXY UNKNOWN 192.0.2.7 192.0.2.1 40000 7777",
            "PROXY TCP4 192.0.2.7 192.0.2.1 40000",
            "PROXY TCP4 192.0.2.7 192.0.2.1 40000 65536",
            "PROXY TCP4 192.0.2.7 192.0.2.1 40000 -1",
            "PROXY TCP4 192.0.2.7 192.0.2.1 40000 7777 more",
            "PROXY TCP6 192.0.2.7 192.0.2.1 40000 7777",
            "PROXY TCP4 example.org 192.0.2.1 40000 7777",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
