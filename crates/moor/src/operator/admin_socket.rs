//! Where the daemon's admin socket is.
//!
//! In: the flag, or the folders where daemons put it. Out: a client of the one that is meant. It asks the daemon nothing.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use moor_node::{ADMIN_SOCKET, AdminClient, Paths};

use crate::runtime_folder;

/// Which daemon is meant.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct AdminSocketArgs {
    /// The admin socket of the daemon [default: admin.sock in the runtime folder, or in that of the only moor up]
    #[arg(long, value_name = "PATH")]
    admin_socket: Option<PathBuf>,
}

/// Several daemons run on this machine, and none is the usual one.
#[derive(Debug, thiserror::Error)]
#[error("several daemons run here; choose one with --admin-socket:{list}")]
pub(crate) struct AmbiguousSocket {
    list: String,
}

impl AdminSocketArgs {
    /// A client of the daemon that is meant; whether it is there shows when it is asked.
    ///
    /// # Errors
    /// [`AmbiguousSocket`] without the flag, if several runs of `moor up` have one each.
    pub(crate) fn client(&self) -> Result<AdminClient, AmbiguousSocket> {
        let path = match &self.admin_socket {
            Some(path) => path.clone(),
            None => find(&Paths::from_environment().runtime_dir())?,
        };
        Ok(AdminClient::new(path))
    }
}

fn find(runtime: &Path) -> Result<PathBuf, AmbiguousSocket> {
    let usual = runtime.join(ADMIN_SOCKET);
    if usual.exists() {
        return Ok(usual);
    }
    let mut ups = runtime_folder::in_use(runtime)
        .map(|folder| folder.join(ADMIN_SOCKET))
        .filter(|path| path.exists())
        .collect::<Vec<_>>();
    match ups.len() {
        0 => Ok(usual),
        1 => Ok(ups.remove(0)),
        _ => {
            ups.sort();
            let mut list = String::new();
            for path in ups {
                // Writing to a string does not fail.
                let _ = write!(list, " {}", path.display());
            }
            Err(AmbiguousSocket { list })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime_folder::RuntimeFolder;

    #[test]
    fn the_usual_one_wins_over_the_only_one_of_an_up() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let base = temp.path().join("moor");
        let usual = base.join(ADMIN_SOCKET);
        assert_eq!(find(&base).expect("none"), usual);
        let ups = [(); 2].map(|()| RuntimeFolder::create(&base).expect("made"));
        std::fs::create_dir(base.join("up-1-dead")).expect("made");
        std::fs::write(base.join("up-1-dead").join(ADMIN_SOCKET), "").expect("written");
        assert_eq!(find(&base).expect("none in use"), usual);
        let mut made = Vec::new();
        for up in &ups {
            made.push(up.socket(ADMIN_SOCKET).expect("short"));
            std::fs::write(made.last().expect("pushed"), "").expect("written");
            if made.len() == 1 {
                assert_eq!(find(&base).expect("one"), made[0]);
            }
        }
        let text = find(&base).expect_err("two").to_string();
        for path in made {
            assert!(text.contains(&path.display().to_string()), "{text}");
        }
        std::fs::write(&usual, "").expect("written");
        assert_eq!(find(&base).expect("the usual one"), usual);
    }
}
