//! The flags of the HTTP worker.
//!
//! In: the command line, the environment, a file, through `moor-worker`. Out: checked values. It opens nothing.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use moor_node::seconds;
use moor_rpc::MESSAGE_BYTES_MAX;

use crate::address::{AddressRules, BlockError, Ports, block};
use crate::fetch::Policies;
use crate::request::{Defaults, TIMEOUT_MAX};

/// The longest body that fits an answer in every form: each byte may become three.
pub const RESPONSE_BYTES_MAX: u64 = (MESSAGE_BYTES_MAX as u64 - (512 << 10)) / 3;

/// Make HTTP requests for the world.
///
/// Private networks, this machine and metadata addresses of clouds are not reached unless a flag says so.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "HTTP")]
pub struct Args {
    /// Accepted, because every other program has it, and not used: a worker talks only to the daemon's two addresses
    /// for workers, and its key opens no other
    #[arg(long, value_name = "ADDRESSES")]
    pub rpc_address: Option<String>,
    /// How long a request may take, redirections included, where it does not say itself, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = request_timeout)]
    pub request_timeout: Duration,
    /// How long a server may take to accept a connection, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub connect_timeout: Duration,
    /// How long the body of a response may be after decompression, in bytes
    #[arg(
        long, value_name = "BYTES", default_value_t = 2 << 20,
        value_parser = clap::value_parser!(u64).range(1..=RESPONSE_BYTES_MAX),
    )]
    pub max_response_bytes: u64,
    /// How many redirections are followed where a request does not say itself
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u8).range(0..=20))]
    pub max_redirects: u8,
    /// How many requests one server gets at a time; others wait
    #[arg(long, value_name = "COUNT", default_value = "8")]
    pub concurrency_per_host: NonZeroU16,
    /// Reach these addresses even if they are private, loopback or otherwise special: networks or addresses, separated
    /// by commas
    #[arg(long, value_name = "NETWORKS", value_delimiter = ',', value_parser = network)]
    pub allow_address: Vec<IpNet>,
    /// Never reach these addresses, whatever else is allowed
    #[arg(long, value_name = "NETWORKS", value_delimiter = ',', value_parser = network)]
    pub deny_address: Vec<IpNet>,
    /// Reach private networks (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, fc00::/7); loopback, link-local
    /// and metadata addresses still need --allow-address
    #[arg(long)]
    pub allow_private: bool,
    /// The ports that are reached: ports or ranges, separated by commas
    #[arg(
        long,
        value_name = "PORTS",
        value_delimiter = ',',
        default_value = "80,443,1024-65535"
    )]
    pub allow_port: Vec<Ports>,
    /// A file of PEM certificates of authorities that https:// believes besides the system's
    #[arg(long, value_name = "FILE")]
    pub ca_file: Vec<PathBuf>,
}

impl Args {
    /// What holds where a request says nothing.
    #[must_use]
    pub fn defaults(&self) -> Defaults {
        Defaults {
            timeout: self.request_timeout,
            // Far below what any machine can address.
            bytes_max: usize::try_from(self.max_response_bytes).unwrap_or(usize::MAX),
            redirects_max: self.max_redirects.into(),
        }
    }

    /// What the operator decided about all requests.
    #[must_use]
    pub fn policies(&self) -> Policies {
        Policies {
            rules: AddressRules {
                deny: self.deny_address.clone(),
                allow: self.allow_address.clone(),
                allow_private: self.allow_private,
                ports: self.allow_port.clone(),
            },
            connect_timeout: self.connect_timeout,
            per_host_max: self.concurrency_per_host.get().into(),
        }
    }
}

fn network(text: &str) -> Result<IpNet, BlockError> {
    block(text)
}

fn request_timeout(text: &str) -> Result<Duration, String> {
    let timeout = seconds(text).map_err(|error| error.to_string())?;
    match timeout > Duration::ZERO && timeout <= TIMEOUT_MAX {
        true => Ok(timeout),
        false => Err(format!(
            "is not more than 0 and at most {}",
            TIMEOUT_MAX.as_secs()
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use moor_node::ConfigError;
    use moor_worker::Flags;

    use super::*;

    fn parse(argv: &[&str]) -> Result<Flags<Args>, ConfigError> {
        let argv = std::iter::once("x")
            .chain(argv.iter().copied())
            .map(OsString::from);
        moor_node::parse_with_environment(crate::PROGRAM, argv, |_| None)
    }

    #[test]
    fn the_command_line_of_the_guide_is_taken() {
        let flags = parse(&[
            "--rpc-address",
            "tcp://daemon.internal:7899",
            "--workers-request-address",
            "tcp://daemon.internal:7896",
            "--workers-response-address",
            "tcp://daemon.internal:7897",
            "--enrollment-address",
            "tcp://daemon.internal:7900",
            "--enrollment-token-file",
            "/path/to/enrollment-token",
        ]);
        let flags = flags.expect("the guide is right");
        assert_eq!(
            flags.worker.requests()[0].to_string(),
            "tcp://daemon.internal:7896"
        );
        assert_eq!(
            flags.worker.responses()[0].to_string(),
            "tcp://daemon.internal:7897"
        );
        assert_eq!(flags.worker.health_check_port, 9999);
    }

    #[test]
    fn the_defaults_reach_the_web_and_nothing_private() {
        let flags = parse(&[]).expect("no flag is needed");
        assert!(
            flags.worker.requests()[0]
                .to_string()
                .ends_with("/workers-request.sock")
        );
        let rules = flags.own.policies().rules;
        assert!(rules.judge_port(8080).is_ok() && rules.judge_port(25).is_err());
        assert!(
            rules
                .judge("192.168.1.1".parse().expect("an address"))
                .is_err()
        );
        assert_eq!(flags.own.defaults().bytes_max, 2 << 20);
    }

    #[test]
    fn addresses_may_be_listed_and_repeated() {
        let flags = parse(&[
            "--allow-address",
            "127.0.0.0/8,::1",
            "--allow-address",
            "10.0.0.1",
            "--allow-private",
            "--deny-address",
            "10.9.0.0/16",
            "--allow-port",
            "22,8000-8999",
        ]);
        let rules = flags.expect("they are right").own.policies().rules;
        for (address, reached) in [
            ("127.0.0.1", true),
            ("::1", true),
            ("10.0.0.1", true),
            ("10.9.0.1", false),
        ] {
            assert_eq!(
                rules.judge(address.parse().expect("an address")).is_ok(),
                reached,
                "{address}"
            );
        }
        assert!(rules.judge_port(22).is_ok() && rules.judge_port(443).is_err());
    }

    #[test]
    fn mistakes_are_named_with_the_mend() {
        for (flag, value, mend) in [
            ("--allow-address", "localhost", "10.1.0.0/16"),
            ("--allow-port", "http", "1024-65535"),
            ("--request-timeout", "0", "at most 300"),
            ("--max-response-bytes", "99999999", "2621440"),
        ] {
            let text = parse(&[flag, value]).expect_err(flag).to_string();
            assert!(text.contains(flag) && text.contains(mend), "{text}");
        }
    }
}
