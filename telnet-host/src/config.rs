//! The flags of the telnet host.
//!
//! In: the command line, the environment, a file, through `moor-node`. Out: checked values. It opens
//! nothing.

use std::net::IpAddr;
use std::path::PathBuf;

use moor_host::DaemonArgs;
use moor_node::NodeArgs;

use crate::tls::CertificateFiles;

/// Hold the connections of telnet users.
///
/// Users stay connected while the daemon restarts, and nothing that they type is lost.
#[derive(Debug, Clone, clap::Parser)]
pub struct Args {
    /// Where the daemon is.
    #[command(flatten)]
    pub daemon: DaemonArgs,
    /// The address where users connect; :: is every address, of IPv6 too
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0")]
    pub telnet_address: IpAddr,
    /// The port where users connect; 0 chooses a free one
    #[arg(long, value_name = "PORT", default_value_t = 8888)]
    pub telnet_port: u16,
    /// The port where users connect who speak TLS, at --telnet-address; 0 chooses a free one; nowhere unless given
    #[arg(long, value_name = "PORT", requires_all = ["telnet_tls_cert", "telnet_tls_key"])]
    pub telnet_tls_port: Option<u16>,
    /// The certificate that users are shown, with those that vouch for it (PEM); read again when it changes
    #[arg(long, value_name = "FILE", requires = "telnet_tls_key")]
    pub telnet_tls_cert: Option<PathBuf>,
    /// The private key of --telnet-tls-cert (PEM, without a password)
    #[arg(long, value_name = "FILE", requires = "telnet_tls_cert")]
    pub telnet_tls_key: Option<PathBuf>,
    /// The folder of further certificates and keys, which wizards' programs may name in listen()
    #[arg(long, value_name = "DIR")]
    pub telnet_tls_folder: Option<PathBuf>,
    /// Certificate authorities (PEM) that are believed besides the system's where a program opens an encrypted connection
    #[arg(long, value_name = "FILE")]
    pub telnet_tls_ca_file: Option<PathBuf>,
    /// The port that accepts connections only while the daemon is there; 0 chooses a free one
    #[arg(long, value_name = "PORT", default_value_t = 9888)]
    pub health_check_port: u16,
    /// The address of --health-check-port; 127.0.0.1 lets only this machine ask
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0")]
    pub health_check_address: IpAddr,
    /// The flags that every program has.
    #[command(flatten)]
    pub node: NodeArgs,
}

impl Args {
    /// The files of the host's own certificate.
    pub(crate) fn certificate(&self) -> Option<CertificateFiles> {
        Some(CertificateFiles {
            certificate: self.telnet_tls_cert.clone()?,
            key: self.telnet_tls_key.clone()?,
        })
    }
}

impl AsRef<NodeArgs> for Args {
    fn as_ref(&self) -> &NodeArgs {
        &self.node
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
        moor_node::parse_with_environment("moor-telnet-host", argv, |_| None)
    }

    #[test]
    fn the_defaults_are_those_of_the_design() {
        let args = parse(&[]).expect("no flag is needed");
        assert_eq!(args.telnet_address.to_string(), "0.0.0.0");
        assert_eq!((args.telnet_port, args.health_check_port), (8888, 9888));
        assert!(args.daemon.rpc_address.is_empty());
    }

    #[test]
    fn a_bad_address_is_named_with_the_mend() {
        let error = parse(&["--rpc-address", "tcp://127.0.0.1"]).expect_err("the port is missing");
        let text = error.to_string();
        assert!(text.contains("--rpc-address"), "{text}");
        assert!(
            text.contains("missing port; write tcp://127.0.0.1:7899"),
            "{text}"
        );
    }
}
