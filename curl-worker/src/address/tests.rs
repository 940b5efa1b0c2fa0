//! The rules against a table of addresses in every spelling, and against random ones.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use url::{Host, Url};

use super::*;

/// What a URL's host is judged as, with every default.
fn judged(host: &str) -> Result<(), Blocked> {
    let url = Url::parse(&format!("http://{host}/")).expect(host);
    let rules = AddressRules::default();
    match url.host() {
        Some(Host::Ipv4(address)) => rules.judge(address.into()),
        Some(Host::Ipv6(address)) => rules.judge(address.into()),
        other => panic!("{host} is {other:?}, not an address"),
    }
}

const REFUSED: &[(Special, &[&str])] = &[
    (
        Special::Unspecified,
        &["0.0.0.0", "0", "0x0", "0.1.2.3", "[::]", "[::ffff:0.0.0.0]"],
    ),
    (
        Special::Loopback,
        &[
            "127.0.0.1",
            "127.255.255.254",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7F.1",
            "017700000001",
            "0177.0.0.1",
            "0177.0.0.0x1",
            "127.0.0.1.",
            "127.0x0.1",
            "１２７.0.0.1",
            "127%2e0%2e0%2e1",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[::ffff:0:127.0.0.1]",
            "[64:ff9b::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[2002:7f00:1:dead:beef::1]",
            "[2600::5efe:127.0.0.1]",
            "[2600::200:5efe:7f00:1]",
        ],
    ),
    (
        Special::Private,
        &[
            "10.0.0.0",
            "10.255.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.168.0.0",
            "192.168.255.255",
            "0xa000001",
            "3232235777",
            "[fc00::]",
            "[fdff:ffff::1]",
            "[fd00:ec2::254]",
            "[fec0::1]",
            "[::ffff:10.1.2.3]",
            "[::192.168.0.1]",
            "[64:ff9b::10.0.0.1]",
            "[2002:c0a8:1::1]",
            "[2600::5efe:172.16.0.1]",
        ],
    ),
    (
        Special::Shared,
        &[
            "100.64.0.0",
            "100.127.255.255",
            "100.100.100.200",
            "[::ffff:100.64.0.1]",
        ],
    ),
    (
        Special::LinkLocal,
        &[
            "169.254.0.0",
            "169.254.169.254",
            "0xa9fea9fe",
            "2852039166",
            "0251.0376.0251.0376",
            "[fe80::1]",
            "[febf::1]",
            "[::ffff:169.254.169.254]",
            "[64:ff9b::a9fe:a9fe]",
            "[2002:a9fe:a9fe::]",
        ],
    ),
    (
        Special::Metadata,
        &["168.63.129.16", "[::ffff:168.63.129.16]"],
    ),
    (
        Special::Multicast,
        &[
            "224.0.0.1",
            "239.255.255.255",
            "255.255.255.255",
            "4294967295",
            "[ff02::1]",
            "[ff0e::1]",
        ],
    ),
    (
        Special::Documentation,
        &[
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.255",
            "[2001:db8::1]",
            "[3fff::1]",
        ],
    ),
    (
        Special::Benchmark,
        &["198.18.0.0", "198.19.255.255", "[2001:2::1]"],
    ),
    (
        Special::Tunnel,
        &[
            "192.88.99.1",
            "[2001::1]",
            "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
            "[64:ff9b:1::7f00:1]",
            "[2002:808:808::]",
            "[::8.8.8.8]",
            "[2600::5efe:8.8.8.8]",
            "[::ffff:0:8.8.8.8]",
        ],
    ),
    (
        Special::Reserved,
        &[
            "192.0.0.1",
            "192.0.0.192",
            "240.0.0.1",
            "254.0.0.1",
            "[100::1]",
            "[2001:10::1]",
            "[4000::1]",
            "[1::1]",
            "[e000::1]",
            "[64:ff9b:2::1]",
        ],
    ),
];

const REACHED: &[&str] = &[
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "168.63.129.15",
    "168.63.129.17",
    "0x08080808",
    "[2600::1]",
    "[2606:4700::1111]",
    "[2001:4860:4860::8888]",
    "[::ffff:8.8.8.8]",
    "[64:ff9b::8.8.8.8]",
];

#[test]
fn special_addresses_are_refused_in_every_spelling() {
    for (special, hosts) in REFUSED {
        for host in *hosts {
            assert_eq!(judged(host), Err(Blocked::Special(*special)), "{host}");
        }
    }
}

#[test]
fn the_internet_is_reached_up_to_the_edges_of_the_blocks() {
    for host in REACHED {
        assert_eq!(judged(host), Ok(()), "{host}");
    }
}

#[test]
fn what_looks_like_a_number_and_is_none_is_no_name_either() {
    for host in [
        "256.256.256.256",
        "1.2.3.4.5",
        "0x1ffffffff",
        "1.2.3.08",
        "[::1%25eth0]",
        "[127.0.0.1]",
    ] {
        assert!(Url::parse(&format!("http://{host}/")).is_err(), "{host}");
    }
}

fn rules(allow: &[&str], deny: &[&str], allow_private: bool) -> AddressRules {
    let blocks = |texts: &[&str]| texts.iter().map(|text| block(text).expect(text)).collect();
    AddressRules {
        allow: blocks(allow),
        deny: blocks(deny),
        allow_private,
        ports: Vec::new(),
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().expect(text)
}

#[test]
fn an_allowed_block_is_reached_in_each_of_its_forms() {
    let rules = rules(&["127.0.0.1", "10.1.0.0/16", "fd00::/8"], &[], false);
    for host in [
        "127.0.0.1",
        "::ffff:127.0.0.1",
        "10.1.255.1",
        "64:ff9b::10.1.0.1",
        "fd12::1",
    ] {
        assert_eq!(rules.judge(address(host)), Ok(()), "{host}");
    }
    for host in ["127.0.0.2", "10.2.0.1", "::1", "fc00::1", "169.254.169.254"] {
        assert!(rules.judge(address(host)).is_err(), "{host}");
    }
}

#[test]
fn denied_is_stronger_than_allowed() {
    let rules = rules(&["0.0.0.0/0", "::/0"], &["10.0.0.0/8", "8.8.8.8"], true);
    for host in [
        "10.0.0.1",
        "8.8.8.8",
        "::ffff:8.8.8.8",
        "2002:a00:1::",
        "64:ff9b::8.8.8.8",
    ] {
        assert_eq!(rules.judge(address(host)), Err(Blocked::Denied), "{host}");
    }
    assert_eq!(rules.judge(address("127.0.0.1")), Ok(()));
}

#[test]
fn private_networks_are_neither_this_machine_nor_a_clouds_secrets() {
    let rules = rules(&[], &[], true);
    for host in [
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "fd00::1",
        "::ffff:10.0.0.1",
    ] {
        assert_eq!(rules.judge(address(host)), Ok(()), "{host}");
    }
    for host in [
        "127.0.0.1",
        "::1",
        "169.254.169.254",
        "fe80::1",
        "0.0.0.0",
        "168.63.129.16",
        "224.0.0.1",
    ] {
        assert!(rules.judge(address(host)).is_err(), "{host}");
    }
}

#[test]
fn ports_are_read_and_judged() {
    let rules = AddressRules {
        ports: ["80", "443", "1024-65535"]
            .map(|text| text.parse().expect(text))
            .into(),
        ..AddressRules::default()
    };
    for port in [80, 443, 1024, 8080, 65535] {
        assert_eq!(rules.judge_port(port), Ok(()), "{port}");
    }
    for port in [0, 1, 22, 25, 79, 81, 442, 444, 1023] {
        assert_eq!(rules.judge_port(port), Err(Blocked::Port(port)));
    }
    for text in ["", "a", "1-", "-1", "2-1", "65536", "1-2-3"] {
        assert_eq!(text.parse::<Ports>(), Err(PortsError), "{text}");
    }
    assert_eq!("7-9".parse::<Ports>().expect("a range").to_string(), "7-9");
}

#[test]
fn blocks_are_networks_or_addresses() {
    assert_eq!(
        block("10.0.0.1").expect("an address").to_string(),
        "10.0.0.1/32"
    );
    for text in ["", "10.0.0.0/33", "10.0.0", "localhost", "fd00::/129"] {
        assert_eq!(block(text), Err(BlockError), "{text}");
    }
}

/// An independent word on IPv4: what the standard library knows by name.
fn known_special(address: Ipv4Addr) -> bool {
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_unspecified()
        || (address.octets()[0] == 100 && address.octets()[1] & 0xc0 == 64)
        || address.octets()[0] >= 240
}

/// Name, first address and length of the prefix of some blocks.
const V4_BLOCKS: &[(&str, u32, u32)] = &[
    ("this network", 0x0000_0000, 8),
    ("10", 0x0a00_0000, 8),
    ("shared", 0x6440_0000, 10),
    ("loopback", 0x7f00_0000, 8),
    ("link-local", 0xa9fe_0000, 16),
    ("172.16", 0xac10_0000, 12),
    ("192.168", 0xc0a8_0000, 16),
    ("benchmark", 0xc612_0000, 15),
    ("multicast and above", 0xe000_0000, 3),
];

proptest! {
    #[test]
    fn what_the_standard_library_calls_special_is_refused(number: u32) {
        let address = Ipv4Addr::from_bits(number);
        let refused = AddressRules::default().judge(address.into()).is_err();
        prop_assert!(refused || !known_special(address), "{address}");
    }

    #[test]
    fn every_form_of_a_refused_address_is_refused(
        (_, base, bits) in prop::sample::select(V4_BLOCKS),
        noise: u32,
        prefix in 0x2000_u16..0x4000,
        tail: u64,
    ) {
        let number = base | noise >> bits;
        let inner = Ipv4Addr::from_bits(number);
        let rules = AddressRules::default();
        prop_assert!(rules.judge(inner.into()).is_err());
        let low = u128::from(number);
        let forms = [
            Ipv6Addr::from_bits(0xffff << 32 | low),
            Ipv6Addr::from_bits(0xffff << 48 | low),
            Ipv6Addr::from_bits(low),
            Ipv6Addr::from_bits(0x64_ff9b << 96 | low),
            Ipv6Addr::from_bits(0x2002 << 112 | low << 80 | u128::from(tail)),
            Ipv6Addr::from_bits(u128::from(prefix) << 112 | 0x5efe << 32 | low),
        ];
        for form in forms {
            prop_assert!(rules.judge(form.into()).is_err(), "{form} leads to {inner}");
        }
    }

    #[test]
    fn only_global_addresses_of_ipv6_are_reached(number: u128) {
        let address = Ipv6Addr::from_bits(number);
        let reached = AddressRules::default().judge(address.into()).is_ok();
        let global = number >> 125 == 1;
        prop_assert!(!reached || global, "{address}");
    }

    #[test]
    fn a_random_spelling_of_a_loopback_address_is_refused(tail in 0_u32..0x00ff_ffff, spelling in 0..5) {
        let number = 0x7f00_0000 | tail;
        let [a, b, c, d] = number.to_be_bytes();
        let host = match spelling {
            0 => format!("{number}"),
            1 => format!("{number:#x}"),
            2 => format!("0{number:o}"),
            3 => format!("0{a:o}.{b:#x}.{}", u32::from(c) << 8 | u32::from(d)),
            _ => format!("{a:#X}.{b}.0{c:o}.{d}").replace("0X", "0x"),
        };
        prop_assert_eq!(judged(&host), Err(Blocked::Special(Special::Loopback)), "{}", host);
    }
}
