//! The data directory: opened, made by an import, or made with the starter world.
//!
//! In: its path and the flags. Out: the store and the world in memory, or an export. A directory that holds a
//! world is never imported into; an import that fails leaves no directory.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use moor_runtime::{ImportedConnection, TABLES, WORLD};
use moor_store::{Options, Presence, Store};
use moor_world::{Loader, World};

use crate::args::{Args, ExportFormat, ImportFormat};
use crate::export::{self, Moment};
use crate::{directory, import};

/// An open database and its world.
pub(crate) struct Database {
    /// What is durable.
    pub(crate) store: Store,
    /// What is in memory.
    pub(crate) world: Arc<World>,
    /// Who was connected when the file was written that it has just been imported from.
    pub(crate) imported_connections: Vec<ImportedConnection>,
}

/// Whether there is a world at a path: nothing is imported there. What cannot be told is the daemon's to complain of.
#[must_use]
pub fn holds_world(path: &Path) -> bool {
    matches!(Store::presence(path), Ok(Presence::Database))
}

/// Opens the data directory of the flags, or makes it.
pub(crate) fn open(args: &Args) -> Result<Database> {
    let path = &args.database;
    let features = args.features.features();
    let mut options = Options::new(&TABLES);
    options.group_interval = args.commit_interval;
    let mut imported_connections = Vec::new();
    let presence = Store::presence(path).context("the data directory cannot be used")?;
    let store = match (presence, &args.import) {
        (Presence::Database, Some(file)) => bail!(
            "{}: holds a world already, so {} is not imported; name an empty or new directory, or leave --import out; moor world import puts an object directory into it",
            path.display(),
            file.display()
        ),
        (Presence::Database, None) => Store::open(path, options)?,
        (Presence::Vacant, Some(from)) => match args.import_format {
            ImportFormat::Textdump => {
                let imported = import::from_file(from, path, options, features)?;
                imported_connections = imported.connections;
                imported.store
            }
            ImportFormat::Objdir => directory::into_new(from, path, options, features)?,
        },
        (Presence::Vacant, None) => import::starter(path, options)?,
    };
    let world =
        load(&store).with_context(|| format!("{}: the world cannot be read", path.display()))?;
    Ok(Database {
        store,
        world,
        imported_connections,
    })
}

/// Writes the data directory of the flags to a path that is vacant; fills it first, if it is to be imported.
pub(crate) fn convert(args: &Args, to: &Path) -> Result<()> {
    // An object directory is brought up to date.
    if to.exists() && args.export_format != ExportFormat::Objdir {
        bail!(
            "--export {}: it exists; name a path that does not",
            to.display()
        );
    }
    let mut departed = Vec::new();
    if args.import.is_some() {
        let imported = open(args)?;
        departed = imported.imported_connections;
        imported.store.close()?;
    }
    export(&args.database, to, args.export_format, &departed)
}

fn export(
    from: &Path,
    to: &Path,
    format: ExportFormat,
    departed: &[ImportedConnection],
) -> Result<()> {
    if Store::presence(from)? != Presence::Database {
        bail!(
            "{}: there is no world to export; moor daemon --import FILE makes one of a textdump",
            from.display()
        );
    }
    let store = Store::open(from, Options::new(&TABLES))?;
    match format.text() {
        None => {
            store.export_snapshot(to)?;
        }
        Some(format) => {
            let world = load(&store)?;
            export::write(|| Moment::stored(&store, &world, departed), format, to)?;
        }
    }
    store.close()?;
    Ok(())
}

/// Reads the world into memory.
pub(crate) fn load(store: &Store) -> Result<Arc<World>> {
    let mut loader = Loader::new(store.log(), WORLD);
    loader.read(&store.snapshot()?)?;
    Ok(loader.finish()?)
}
