//! The data directory: opened, made by an import, or made with the starter world.
//!
//! In: its path and the flags. Out: the store and the world in memory. A directory that holds a
//! world is never imported into; an import that fails leaves no directory.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use moor_runtime::{TABLES, WORLD};
use moor_store::{Options, Presence, Store};
use moor_world::{Loader, World};

use crate::args::Args;
use crate::import;

/// An open database and its world.
pub(crate) struct Database {
    /// What is durable.
    pub(crate) store: Store,
    /// What is in memory.
    pub(crate) world: Arc<World>,
}

/// Opens the data directory of the flags, or makes it.
pub(crate) fn open(args: &Args) -> Result<Database> {
    let path = &args.database;
    let mut options = Options::new(&TABLES);
    options.group_interval = args.commit_interval;
    let presence = Store::presence(path).context("the data directory cannot be used")?;
    let store = match (presence, &args.import) {
        (Presence::Database, Some(file)) => bail!(
            "{}: holds a world already, so {} is not imported; name an empty or new directory, or leave --import out",
            path.display(),
            file.display()
        ),
        (Presence::Database, None) => Store::open(path, options)?,
        (Presence::Vacant, Some(file)) => import::from_file(file, path, options)?,
        (Presence::Vacant, None) => import::starter(path, options)?,
    };
    let world =
        load(&store).with_context(|| format!("{}: the world cannot be read", path.display()))?;
    Ok(Database { store, world })
}

/// Writes a consistent copy of a data directory.
pub(crate) fn export(from: &Path, to: &Path) -> Result<()> {
    let store = Store::open(from, Options::new(&TABLES))?;
    store.export_snapshot(to)?;
    store.close()?;
    Ok(())
}

/// Reads the world into memory.
fn load(store: &Store) -> Result<Arc<World>> {
    let mut loader = Loader::new(store.log(), WORLD);
    let mut failed = None;
    store.scan(WORLD, |key, value| {
        if failed.is_none() {
            failed = loader.row(key, value).err();
        }
    })?;
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(loader.finish()?),
    }
}
