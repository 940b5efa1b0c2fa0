//! Where a program keeps what it keeps: the folders of the XDG base directory specification.
//!
//! In: the environment (`XDG_CONFIG_HOME`, `XDG_DATA_HOME`, `XDG_RUNTIME_DIR`, `HOME`) and the user's number. Out:
//! paths. It creates nothing (see `create_private_dir`) and reads nothing.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Why a folder has no place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// Neither the XDG variable nor `HOME` is an absolute path.
    #[error("neither {variable} nor HOME is set to an absolute path; set {variable}")]
    NoHome {
        /// The XDG variable that would decide.
        variable: &'static str,
    },
}

/// The folders of one user.
#[derive(Clone, Debug)]
pub struct Paths {
    config_home: Option<PathBuf>,
    data_home: Option<PathBuf>,
    runtime_home: Option<PathBuf>,
    home: Option<PathBuf>,
    user_id: u32,
}

impl Paths {
    /// The folders of the user that this process runs as.
    pub fn from_environment() -> Self {
        Self::from_lookup(
            |name| std::env::var_os(name),
            rustix::process::getuid().as_raw(),
        )
    }

    /// The folders that the given environment and user number mean. Relative paths are ignored, as the XDG
    /// specification asks.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>, user_id: u32) -> Self {
        let absolute = |name: &str| {
            lookup(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        Self {
            config_home: absolute("XDG_CONFIG_HOME"),
            data_home: absolute("XDG_DATA_HOME"),
            runtime_home: absolute("XDG_RUNTIME_DIR"),
            home: absolute("HOME"),
            user_id,
        }
    }

    /// `$XDG_CONFIG_HOME/moor`, by default `~/.config/moor`: the enrollment token.
    ///
    /// # Errors
    /// [`PathError::NoHome`] if neither variable is set.
    pub fn config_dir(&self) -> Result<PathBuf, PathError> {
        self.under(self.config_home.as_deref(), ".config", "XDG_CONFIG_HOME")
    }

    /// `$XDG_DATA_HOME/moor`, by default `~/.local/share/moor`: keys and allowed peers.
    ///
    /// # Errors
    /// [`PathError::NoHome`] if neither variable is set.
    pub fn data_dir(&self) -> Result<PathBuf, PathError> {
        self.under(self.data_home.as_deref(), ".local/share", "XDG_DATA_HOME")
    }

    /// `daemon.key` in the configuration folder: the daemon's secret key; beside it, in `daemon.pub`, the public one.
    ///
    /// # Errors
    /// As [`Paths::config_dir`].
    pub fn daemon_key(&self) -> Result<PathBuf, PathError> {
        Ok(self.config_dir()?.join("daemon.key"))
    }

    /// `enrollment-token` in the configuration folder: on the daemon's machine the reusable token, on others the one
    /// that the operator brought.
    ///
    /// # Errors
    /// As [`Paths::config_dir`].
    pub fn enrollment_token(&self) -> Result<PathBuf, PathError> {
        Ok(self.config_dir()?.join("enrollment-token"))
    }

    /// `tokens` in the data folder: what the daemon knows of each token.
    ///
    /// # Errors
    /// As [`Paths::data_dir`].
    pub fn tokens(&self) -> Result<PathBuf, PathError> {
        Ok(self.data_dir()?.join("tokens"))
    }

    /// `allowed-hosts` in the data folder: one file for each enrolled peer.
    ///
    /// # Errors
    /// As [`Paths::data_dir`].
    pub fn allowed_hosts(&self) -> Result<PathBuf, PathError> {
        Ok(self.data_dir()?.join("allowed-hosts"))
    }

    /// `$XDG_RUNTIME_DIR/moor`, by default `/tmp/moor-UID`: the sockets. Make it with `create_private_dir`, which
    /// refuses a folder that somebody else put there.
    pub fn runtime_dir(&self) -> PathBuf {
        match &self.runtime_home {
            Some(home) => home.join("moor"),
            None => PathBuf::from(format!("/tmp/moor-{}", self.user_id)),
        }
    }

    fn under(
        &self,
        xdg: Option<&Path>,
        fallback: &str,
        variable: &'static str,
    ) -> Result<PathBuf, PathError> {
        let home = self.home.as_deref().map(|home| home.join(fallback));
        let base = xdg
            .map(Path::to_path_buf)
            .or(home)
            .ok_or(PathError::NoHome { variable })?;
        Ok(base.join("moor"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(variables: &'static [(&'static str, &'static str)]) -> Paths {
        let find = |name: &str| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| OsString::from(value))
        };
        Paths::from_lookup(find, 1000)
    }

    #[test]
    fn xdg_wins_over_home() {
        let paths = paths(&[
            ("HOME", "/h"),
            ("XDG_CONFIG_HOME", "/c"),
            ("XDG_DATA_HOME", "/d"),
            ("XDG_RUNTIME_DIR", "/r"),
        ]);
        assert_eq!(paths.config_dir().expect("config"), Path::new("/c/moor"));
        assert_eq!(paths.data_dir().expect("data"), Path::new("/d/moor"));
        assert_eq!(paths.runtime_dir(), Path::new("/r/moor"));
        let kept = [
            paths.daemon_key(),
            paths.enrollment_token(),
            paths.tokens(),
            paths.allowed_hosts(),
        ];
        let wanted = [
            "/c/moor/daemon.key",
            "/c/moor/enrollment-token",
            "/d/moor/tokens",
            "/d/moor/allowed-hosts",
        ];
        assert_eq!(
            kept.map(|path| path.expect("a home")),
            wanted.map(PathBuf::from)
        );
    }

    #[test]
    fn home_is_the_default_and_relative_paths_do_not_count() {
        let paths = paths(&[
            ("HOME", "/h"),
            ("XDG_CONFIG_HOME", "c"),
            ("XDG_RUNTIME_DIR", ""),
        ]);
        assert_eq!(
            paths.config_dir().expect("config"),
            Path::new("/h/.config/moor")
        );
        assert_eq!(
            paths.data_dir().expect("data"),
            Path::new("/h/.local/share/moor")
        );
        assert_eq!(paths.runtime_dir(), Path::new("/tmp/moor-1000"));
    }

    #[test]
    fn without_a_home_the_variable_is_named() {
        let error = paths(&[]).data_dir().expect_err("there is no home");
        assert!(error.to_string().contains("XDG_DATA_HOME"), "{error}");
    }
}
