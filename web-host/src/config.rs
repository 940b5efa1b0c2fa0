//! The flags of the web host.
//!
//! In: the command line, the environment, a file, through `moor-node`. Out: checked values. It opens nothing.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use moor_host::DaemonArgs;
use moor_node::{NodeArgs, seconds};

/// Serve users who come by HTTP and WebSocket.
///
/// Users stay connected while the daemon restarts, and come back to their session after a break.
#[derive(Debug, Clone, clap::Parser)]
pub struct Args {
    /// Where the daemon is.
    #[command(flatten)]
    pub daemon: DaemonArgs,
    /// The address and port where users connect, by plain HTTP; port 0 chooses a free one
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8081", value_parser = listen_address)]
    pub listen_address: SocketAddr,
    /// Addresses or networks of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, separated by
    /// commas
    #[arg(long, value_name = "NETWORKS", value_delimiter = ',', value_parser = network)]
    pub trusted_proxy: Vec<IpNet>,
    /// Origins of pages, beside this host's own, that may connect, separated by commas: https://play.example
    #[arg(long, value_name = "ORIGINS", value_delimiter = ',', value_parser = origin)]
    pub allowed_origin: Vec<String>,
    /// Attempts to sign in that one address has in a minute
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub sign_in_attempts: u32,
    /// How long a session waits for its user to come back after a break, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = seconds)]
    pub resume_window: Duration,
    /// The flags that every program has.
    #[command(flatten)]
    pub node: NodeArgs,
}

impl AsRef<NodeArgs> for Args {
    fn as_ref(&self) -> &NodeArgs {
        &self.node
    }
}

/// A text of a flag is wrong. The message says what would be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlagError {
    /// No address with a port.
    #[error("is not ADDRESS:PORT; write for example 0.0.0.0:8081 or [::]:8081")]
    ListenAddress,
    /// No address and no network.
    #[error("is no address and no network; write for example 10.0.0.0/8 or ::1")]
    Network,
    /// No origin.
    #[error("is no origin; write for example https://play.example, without a path")]
    Origin,
}

fn listen_address(text: &str) -> Result<SocketAddr, FlagError> {
    text.trim().parse().map_err(|_| FlagError::ListenAddress)
}

fn network(text: &str) -> Result<IpNet, FlagError> {
    let text = text.trim();
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse()
        .or_else(|_| address())
        .map_err(|_| FlagError::Network)
}

fn origin(text: &str) -> Result<String, FlagError> {
    let text = text.trim();
    let authority = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    match authority {
        Some(authority) if !authority.is_empty() && authority.chars().all(is_plain) => {
            Ok(text.to_owned())
        }
        _ => Err(FlagError::Origin),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn parse(argv: &[&str]) -> Result<Args, moor_node::ConfigError> {
        let argv = std::iter::once("x")
            .chain(argv.iter().copied())
            .map(OsString::from);
        moor_node::parse_with_environment("moor-web-host", argv, |_| None)
    }

    #[test]
    fn the_defaults_are_those_of_the_design() {
        let args = parse(&[]).expect("no flag is needed");
        assert_eq!(args.listen_address.to_string(), "0.0.0.0:8081");
        assert_eq!(args.sign_in_attempts, 10);
        assert_eq!(args.resume_window, Duration::from_secs(300));
        assert!(args.trusted_proxy.is_empty() && args.allowed_origin.is_empty());
    }

    #[test]
    fn lists_are_separated_by_commas() {
        let flags = ["--trusted-proxy", "10.0.0.0/8,::1", "--allowed-origin"];
        let origins = ["https://a.example,http://[::1]:8081"];
        let args = parse(&[&flags[..], &origins].concat()).expect("they are right");
        assert_eq!(args.trusted_proxy.len(), 2);
        assert_eq!(args.trusted_proxy[1].to_string(), "::1/128");
        assert_eq!(
            args.allowed_origin,
            ["https://a.example", "http://[::1]:8081"]
        );
    }

    #[test]
    fn a_mistake_is_named_with_the_mend() {
        for (flag, value, mend) in [
            ("--listen-address", "8081", "0.0.0.0:8081"),
            ("--trusted-proxy", "proxy", "10.0.0.0/8"),
            (
                "--allowed-origin",
                "https://a.example/page",
                "without a path",
            ),
            ("--allowed-origin", "*", "without a path"),
            ("--sign-in-attempts", "0", "--sign-in-attempts"),
        ] {
            let text = parse(&[flag, value]).expect_err(value).to_string();
            assert!(text.contains(flag) && text.contains(mend), "{text}");
        }
    }
}
