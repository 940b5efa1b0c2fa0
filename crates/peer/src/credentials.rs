//! Where the enrollment token is.
//!
//! In: a flag, the environment, the config folder. Out: the token of the first place that has one, with the name of the
//! place. The first place that is there counts: a file that was named and is missing or damaged is an error, not a
//! reason to look elsewhere.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use moor_keyring::{Token, TokenError, read_token_file};
use moor_node::Paths;

/// The variable with the token itself.
const VARIABLE: &str = "MOOR_ENROLLMENT_TOKEN";

/// The file in the config folder.
const FILE_NAME: &str = "enrollment-token";

/// Where a token was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenPlace {
    /// The file of `--enrollment-token-file`.
    Flag(PathBuf),
    /// The environment.
    Variable,
    /// The file in the config folder.
    Default(PathBuf),
    /// No folder is known.
    Nowhere,
}

impl fmt::Display for TokenPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(path) => write!(f, "--enrollment-token-file {}", path.display()),
            Self::Variable => f.write_str(VARIABLE),
            Self::Default(path) => write!(f, "{}", path.display()),
            Self::Nowhere => write!(
                f,
                "--enrollment-token-file, {VARIABLE} or the config folder"
            ),
        }
    }
}

/// Looks for a token. `None` beside the place where it should be when there is none.
///
/// # Errors
/// What is in the first place that is there is no token, or cannot be read.
pub fn find_token(
    file: Option<&Path>,
    variable: impl Fn(&str) -> Option<OsString>,
    paths: &Paths,
) -> (TokenPlace, Result<Option<Token>, TokenError>) {
    if let Some(path) = file {
        return (TokenPlace::Flag(path.to_path_buf()), read_token_file(path));
    }
    // An empty variable is how a compose file says "unset".
    if let Some(text) = variable(VARIABLE).filter(|text| !text.is_empty()) {
        let token = text.into_string().map_err(|_| TokenError::Shape);
        let token = token.and_then(|text| text.parse().map(Some));
        return (TokenPlace::Variable, token);
    }
    match paths.config_dir() {
        Ok(folder) => {
            let path = folder.join(FILE_NAME);
            let token = read_token_file(&path);
            (TokenPlace::Default(path), token)
        }
        Err(_) => (TokenPlace::Nowhere, Ok(None)),
    }
}

#[cfg(test)]
mod tests {
    use moor_keyring::{PublicKey, TokenSpec, TokenStore};
    use std::time::SystemTime;

    use super::*;

    fn token(folder: &Path) -> Token {
        let store = TokenStore::open(&folder.join("tokens")).expect("opened");
        let key = PublicKey::from_bytes([1; 32]);
        store
            .create(&TokenSpec::default(), key, SystemTime::now())
            .expect("made")
    }

    #[test]
    fn the_flag_comes_before_the_variable_before_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let [flag, variable, default] = [(); 3].map(|()| token(folder.path()));
        let named = folder.path().join("named");
        std::fs::write(&named, flag.expose().as_bytes()).expect("written");
        let config = folder.path().join("config");
        std::fs::create_dir_all(config.join("moor")).expect("made");
        let file = config.join("moor").join(FILE_NAME);
        std::fs::write(&file, default.expose().as_bytes()).expect("written");
        let paths = Paths::from_lookup(
            |name| (name == "XDG_CONFIG_HOME").then(|| config.clone().into()),
            0,
        );
        let text = variable.expose();
        let set = |name: &str| (name == VARIABLE).then(|| OsString::from(text.as_str()));
        let found = |result: Result<Option<Token>, TokenError>| {
            result.expect("readable").expect("there").id()
        };
        let (place, token) = find_token(Some(&named), set, &paths);
        assert_eq!(
            (place, found(token)),
            (TokenPlace::Flag(named.clone()), flag.id())
        );
        let (place, token) = find_token(None, set, &paths);
        assert_eq!((place, found(token)), (TokenPlace::Variable, variable.id()));
        let (place, token) = find_token(None, |_| Some(OsString::new()), &paths);
        assert_eq!(
            (place, found(token)),
            (TokenPlace::Default(file), default.id())
        );
    }

    #[test]
    fn a_named_file_that_is_missing_or_no_token_is_not_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Paths::from_lookup(|_| None, 0);
        let named = folder.path().join("named");
        let (_, token) = find_token(Some(&named), |_| Some("x".into()), &paths);
        assert!(matches!(token, Ok(None)));
        std::fs::write(&named, "no token").expect("written");
        let (_, token) = find_token(Some(&named), |_| None, &paths);
        assert!(matches!(token, Err(TokenError::Shape)));
        let (place, token) = find_token(None, |_| None, &paths);
        assert!(matches!((place, token), (TokenPlace::Nowhere, Ok(None))));
    }
}
