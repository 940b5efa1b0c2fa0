//! The admin socket: the same HTTP server at a path in a private folder, with routes that the program gives.
//!
//! In: a path, routes. Out: a Unix socket that only this user (and root) can use. The folder's mode keeps others away, and
//! the kernel says who connects. It does not know the routes.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use axum::Router;

use super::server::{Listener, Server};
use crate::private::{PrivateError, create_private_dir};

/// The name of the socket in the runtime folder.
pub const ADMIN_SOCKET: &str = "admin.sock";

/// Why there is no admin socket.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminSocketError {
    /// The folder is not private.
    #[error("the admin socket has no private folder: {0}")]
    Folder(#[from] PrivateError),
    /// Another process answers there.
    #[error("{}: another process listens there; stop it or choose another path", .0.display())]
    InUse(PathBuf),
    /// Something that is no socket has the name.
    #[error("{}: is no socket; remove it or choose another path", .0.display())]
    NotASocket(PathBuf),
    /// The operating system refused.
    #[error("{}: cannot listen: {source}", path.display())]
    Io {
        /// The path of the socket.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// A running admin socket; dropping it ends it and removes the socket. Dropped at the very end of a program, its absence
/// says that the program ended properly.
#[derive(Debug)]
pub struct AdminSocket {
    path: PathBuf,
    server: Option<Server>,
}

impl AdminSocket {
    /// Serves `router` at `path`; its folder is made, with mode 0700, if it is missing. A socket that a killed process left
    /// there is replaced.
    ///
    /// # Errors
    /// [`AdminSocketError::Folder`] if the folder is open to others; [`AdminSocketError::InUse`] and
    /// [`AdminSocketError::NotASocket`] for what is at the path; [`AdminSocketError::Io`] otherwise.
    pub fn start(path: &Path, router: Router) -> Result<Self, AdminSocketError> {
        create_private_dir(folder_of(path))?;
        make_way(path)?;
        let io = |source| AdminSocketError::Io {
            path: path.to_path_buf(),
            source,
        };
        let listener = UnixListener::bind(path).map_err(io)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(io)?;
        let server = Server::start(
            "admin-socket",
            Listener::Unix(listener),
            router,
            std::future::pending(),
        );
        Ok(Self {
            path: path.to_path_buf(),
            server: Some(server.map_err(io)?),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        // The last answers first: whoever asked must not take the end for a failure.
        drop(self.server.take());
        let _ = fs::remove_file(&self.path);
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Removes what a killed process left. The folder is this user's alone, so nobody else puts anything there meanwhile.
fn make_way(path: &Path) -> Result<(), AdminSocketError> {
    let io = |source| AdminSocketError::Io {
        path: path.to_path_buf(),
        source,
    };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io(error)),
        Ok(found) if !found.file_type().is_socket() => {
            Err(AdminSocketError::NotASocket(path.into()))
        }
        Ok(_) if UnixStream::connect(path).is_ok() => Err(AdminSocketError::InUse(path.into())),
        Ok(_) => fs::remove_file(path).map_err(io),
    }
}
