//! The databases that are open, by number.
//!
//! In: paths. Out: numbers, databases. Numbers die with the process.

use std::sync::Arc;

use parking_lot::Mutex;

use super::place::Place;
use super::{Database, Regexp, SqlError};
use crate::handles::Handles;
use crate::{FileError, Folder};

/// The name of a database that is no file and ends when it is closed.
const IN_MEMORY: &str = ":memory:";

/// Databases that may be open at a time, whatever the world says.
const DATABASES_MAX: usize = 100;

/// Open databases.
#[derive(Debug, Default)]
pub struct Databases {
    open: Mutex<Handles<Arc<Database>>>,
}

impl Databases {
    /// Opens a database of the folder, if fewer than `databases_max` are open; its number.
    ///
    /// # Errors
    /// [`SqlError::TooManyDatabases`], [`SqlError::Path`] for a path that leads elsewhere, [`SqlError::AlreadyOpen`],
    /// [`SqlError::Unopened`].
    pub fn open(
        &self,
        folder: Option<&Folder>,
        path: &str,
        databases_max: usize,
        regexp: Regexp,
    ) -> Result<(i64, Arc<Database>), SqlError> {
        let mut open = self.open.lock();
        if open.len() >= databases_max.min(DATABASES_MAX) {
            return Err(SqlError::TooManyDatabases);
        }
        let place = match (path, folder) {
            (IN_MEMORY, _) => None,
            (_, None) => return Err(SqlError::Unopened("there is no folder".to_owned())),
            (_, Some(folder)) => Some(Place::find(folder, path).map_err(|error| match error {
                FileError::BadPath => SqlError::Path(error),
                other => SqlError::Unopened(other.to_string()),
            })?),
        };
        if let Some(place) = &place
            && let Some((handle, _)) = open.iter().find(|(_, known)| known.is_at(&place.path))
        {
            return Err(SqlError::AlreadyOpen { handle });
        }
        let database =
            Database::open(path, place.as_ref(), regexp).map_err(|error| match error {
                SqlError::Sql(why) => SqlError::Unopened(why),
                other => other,
            })?;
        let database = Arc::new(database);
        Ok((open.add(Arc::clone(&database)), database))
    }

    /// Closes a database.
    ///
    /// # Errors
    /// [`SqlError::UnknownHandle`]; [`SqlError::Busy`] while statements run or wait.
    pub fn close(&self, handle: i64) -> Result<(), SqlError> {
        let mut open = self.open.lock();
        let database = open.get(handle).ok_or(SqlError::UnknownHandle)?;
        if database.locks() > 0 {
            return Err(SqlError::Busy);
        }
        open.remove(handle);
        Ok(())
    }

    /// A database by its number.
    #[must_use]
    pub fn get(&self, handle: i64) -> Option<Arc<Database>> {
        self.open.lock().get(handle).cloned()
    }

    /// The numbers of open databases.
    #[must_use]
    pub fn handles(&self) -> Vec<i64> {
        self.open.lock().iter().map(|(handle, _)| handle).collect()
    }
}
