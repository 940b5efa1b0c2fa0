//! The flags of every program that joins a daemon.
//!
//! In: the command line, the environment, a file, through `moor-node`. Out: checked values. It opens nothing.

use std::path::PathBuf;

use moor_link::{Address, AddressError, PortHint};

/// The port of enrollment, proposed where an address lacks one.
const ENROLLMENT_PORT: PortHint = PortHint(7900);

/// How a program becomes known to a daemon on another machine.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Joining the daemon")]
pub struct PeerArgs {
    /// Where the daemon enrolls programs of other machines: tcp://HOST:7900, dns:NAME:7900 or srv:_SERVICE._tcp.NAME,
    /// several separated by commas; not needed for ipc://, nor once enrolled
    #[arg(long, value_name = "ADDRESSES", value_delimiter = ',', value_parser = enrollment_address)]
    pub enrollment_address: Vec<Address>,
    /// The file of the enrollment token; without it the variable MOOR_ENROLLMENT_TOKEN, then enrollment-token in the
    /// config folder.
    ///
    /// The token is used only while this program is not enrolled, or when the daemon does not know it any more or has
    /// another key. A daemon that does not answer is waited for. What waiting does not mend ends the program with one
    /// line and one of these exit codes: 80 no token, 81 the daemon does not know the token, 82 it has expired, 83 it is
    /// used up, 84 it is for another kind of program, 85 who answers is not the daemon of the token, 86 this program was
    /// revoked.
    #[arg(long, value_name = "FILE")]
    pub enrollment_token_file: Option<PathBuf>,
    /// The folder of this program's identity and key; default a folder of the program's name in the data folder, and
    /// for keys in the config folder
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

fn enrollment_address(text: &str) -> Result<Address, AddressError> {
    Address::parse(text, ENROLLMENT_PORT)
}
