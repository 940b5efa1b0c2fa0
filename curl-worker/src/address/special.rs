//! The addresses that are not simply somebody's machine on the internet: one table for each family, with the reason.
//!
//! In: an address. Out: what is special about it, if anything. The tables are those of IANA's special-purpose
//! registries (RFC 6890 and its updates), and the addresses at which clouds answer with their machines' secrets.
//! It does not decide what a worker may reach.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What is special about an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Special {
    /// No address at all: `0.0.0.0`, `::`, and the rest of "this network".
    Unspecified,
    /// This machine.
    Loopback,
    /// A private network, unique-local addresses of IPv6 too.
    Private,
    /// Shared between a provider and its customers (carrier-grade NAT).
    Shared,
    /// This link only. Clouds answer here with the machine's secrets.
    LinkLocal,
    /// Elsewhere, but also answering with a machine's secrets.
    Metadata,
    /// A group of machines, or all of them.
    Multicast,
    /// For examples in documents.
    Documentation,
    /// For measuring equipment.
    Benchmark,
    /// Leads through a tunnel or a translator to an address that cannot be seen.
    Tunnel,
    /// Reserved, or not handed out to anybody.
    Reserved,
}

impl fmt::Display for Special {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "an unspecified address",
            Self::Loopback => "a loopback address",
            Self::Private => "an address of a private network",
            Self::Shared => "a shared address of a provider",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "a metadata address of a cloud",
            Self::Multicast => "a multicast address",
            Self::Documentation => "an address for documentation",
            Self::Benchmark => "an address for benchmarks",
            Self::Tunnel => "an address behind a tunnel",
            Self::Reserved => "a reserved address",
        })
    }
}

type Block<A> = (A, u32, Special);

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u32, special: Special) -> Block<Ipv4Addr> {
    (Ipv4Addr::new(a, b, c, d), bits, special)
}

const fn v6(head: [u16; 4], bits: u32, special: Special) -> Block<Ipv6Addr> {
    let [a, b, c, d] = head;
    (Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0), bits, special)
}

/// The first block that holds the address counts.
const V4: &[Block<Ipv4Addr>] = &[
    v4(0, 0, 0, 0, 8, Special::Unspecified),
    v4(10, 0, 0, 0, 8, Special::Private),
    v4(100, 64, 0, 0, 10, Special::Shared),
    v4(127, 0, 0, 0, 8, Special::Loopback),
    // The wire server of Azure's machines, a public address that every one of them can reach.
    v4(168, 63, 129, 16, 32, Special::Metadata),
    v4(169, 254, 0, 0, 16, Special::LinkLocal),
    v4(172, 16, 0, 0, 12, Special::Private),
    // The metadata address of Oracle's machines is in this block.
    v4(192, 0, 0, 0, 24, Special::Reserved),
    v4(192, 0, 2, 0, 24, Special::Documentation),
    v4(192, 31, 196, 0, 24, Special::Reserved),
    v4(192, 52, 193, 0, 24, Special::Reserved),
    v4(192, 88, 99, 0, 24, Special::Tunnel),
    v4(192, 168, 0, 0, 16, Special::Private),
    v4(192, 175, 48, 0, 24, Special::Reserved),
    v4(198, 18, 0, 0, 15, Special::Benchmark),
    v4(198, 51, 100, 0, 24, Special::Documentation),
    v4(203, 0, 113, 0, 24, Special::Documentation),
    v4(224, 0, 0, 0, 4, Special::Multicast),
    v4(255, 255, 255, 255, 32, Special::Multicast),
    v4(240, 0, 0, 0, 4, Special::Reserved),
];

/// The first block that holds the address counts; what no block holds and is not in 2000::/3 is reserved.
const V6: &[Block<Ipv6Addr>] = &[
    (Ipv6Addr::UNSPECIFIED, 128, Special::Unspecified),
    (Ipv6Addr::LOCALHOST, 128, Special::Loopback),
    // A translator of one network's own choice: it may lead anywhere inside.
    v6([0x64, 0xff9b, 1, 0], 48, Special::Tunnel),
    v6([0x100, 0, 0, 0], 64, Special::Reserved),
    // Teredo.
    v6([0x2001, 0, 0, 0], 32, Special::Tunnel),
    v6([0x2001, 2, 0, 0], 48, Special::Benchmark),
    v6([0x2001, 0xdb8, 0, 0], 32, Special::Documentation),
    v6([0x2001, 0, 0, 0], 23, Special::Reserved),
    v6([0x2620, 0x4f, 0x8000, 0], 48, Special::Reserved),
    v6([0x3fff, 0, 0, 0], 20, Special::Documentation),
    v6([0xfc00, 0, 0, 0], 7, Special::Private),
    v6([0xfe80, 0, 0, 0], 10, Special::LinkLocal),
    // Site-local, the forerunner of unique-local.
    v6([0xfec0, 0, 0, 0], 10, Special::Private),
    v6([0xff00, 0, 0, 0], 8, Special::Multicast),
];

/// What is special about `address`, of which no IPv4 address inside it is looked at; see [`embedded`].
#[must_use]
pub fn special(address: IpAddr) -> Option<Special> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<Special> {
    let number = address.to_bits();
    let holds =
        |(block, bits, _): &&Block<Ipv4Addr>| (number ^ block.to_bits()) >> (32 - bits) == 0;
    V4.iter().find(holds).map(|(_, _, special)| *special)
}

fn special_v6(address: Ipv6Addr) -> Option<Special> {
    let number = address.to_bits();
    let holds =
        |(block, bits, _): &&Block<Ipv6Addr>| (number ^ block.to_bits()) >> (128 - bits) == 0;
    let listed = V6.iter().find(holds).map(|(_, _, special)| *special);
    let global = number >> 125 == 1;
    listed.or((!global).then_some(Special::Reserved))
}

/// The IPv4 address to which packets for `address` are brought in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Embedded {
    /// The same socket under another name: `::ffff:a.b.c.d`.
    Mapped(Ipv4Addr),
    /// A translator or tunnel between here and there brings them: NAT64, 6to4, ISATAP, and the old
    /// IPv4-compatible and translated forms.
    Carried(Ipv4Addr),
}

impl Embedded {
    /// The address itself.
    #[must_use]
    pub fn address(self) -> Ipv4Addr {
        match self {
            Self::Mapped(address) | Self::Carried(address) => address,
        }
    }
}

/// The IPv4 address inside an IPv6 one, where the form says that there is one.
#[must_use]
pub fn embedded(address: Ipv6Addr) -> Option<Embedded> {
    let part = address.segments();
    let join = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    let last = join(part[6], part[7]);
    match part {
        [0, 0, 0, 0, 0, 0xffff, _, _] => Some(Embedded::Mapped(last)),
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0, _, _] | [0, 0, 0, 0, 0xffff, 0, _, _] => Some(Embedded::Carried(last)),
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] => Some(Embedded::Carried(last)),
        [0x2002, high, low, ..] => Some(Embedded::Carried(join(high, low))),
        [_, _, _, _, 0 | 0x200, 0x5efe, _, _] => Some(Embedded::Carried(last)),
        _ => None,
    }
}
