//! Object directories into worlds: into a new data directory, or into one that has a world and that nobody serves.
//!
//! In: a folder, a data directory, what happens to objects that both have. Out: the data directory, changed by one commit
//! or not at all; in words, how it differs. Tasks and sessions that it has stay.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use moor_dump::objdir::{self, Changes, Conflicts, Merged, OnConflict, WorldSpec};
use moor_dump::{CompileOptions, DumpHandles, OnFault};
use moor_runtime::{Features, TABLES, WORLD, is_builtin};
use moor_store::{Batch, Options, Presence, Store};
use moor_world::WorldImage;
use rustc_hash::FxHashSet;

use crate::database::load;
use crate::import::deep;

/// How long the disk may take.
const DURABLE_WITHIN: Duration = Duration::from_secs(600);

/// What became of a wish to put a directory into a world.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is done, or would be.
    Done(Changes),
    /// Objects are not the same in both; nothing was done.
    Conflicts(Conflicts),
}

/// Reads a directory; all that is wrong with it is the error, a line each.
pub(crate) fn read(folder: &Path, features: Features) -> Result<WorldSpec, objdir::ObjdirError> {
    let options = CompileOptions {
        is_builtin: &is_builtin,
        on_fault: OnFault::Refuse,
        features,
    };
    objdir::read(folder, &mut DumpHandles::default(), &options)
}

/// The world that a directory alone describes.
pub(crate) fn image(spec: &WorldSpec) -> Result<WorldImage> {
    let image = objdir::image(spec)?;
    image
        .check()
        .context("the directory is not a consistent world")?;
    Ok(image)
}

/// Fills a new data directory.
pub(crate) fn into_new(
    folder: &Path,
    path: &Path,
    options: Options,
    features: Features,
) -> Result<Store> {
    tracing::info!(folder = %folder.display(), "importing");
    deep(|| {
        let image = image(&read(folder, features)?)?;
        let objects = image.objects.len();
        let store = create(&image, path, options)?;
        tracing::info!(objects, "imported");
        Ok(store)
    })
}

fn create(image: &WorldImage, path: &Path, options: Options) -> Result<Store> {
    let checked = image.check()?;
    let new = Store::create(path, options)?;
    new.bulk(|writer| checked.rows(|key, value| writer.put(WORLD, key, value)))?;
    Ok(new.finish()?)
}

/// Puts a directory into the world of a data directory, which is made if it is not there. With `is_dry`, only says what
/// would be.
pub(crate) fn put_into(
    spec: WorldSpec,
    path: &Path,
    on_conflict: OnConflict,
    is_dry: bool,
) -> Result<Outcome> {
    deep(|| match Store::presence(path)? {
        Presence::Database => put_into_old(spec, path, on_conflict, is_dry),
        Presence::Vacant => {
            let merged = objdir::merge(WorldSpec::default(), spec, on_conflict)?;
            let image = image(&merged.world)?;
            if !is_dry {
                create(&image, path, Options::new(&TABLES))?.close()?;
            }
            Ok(Outcome::Done(merged.changes))
        }
    })
}

fn put_into_old(
    spec: WorldSpec,
    path: &Path,
    on_conflict: OnConflict,
    is_dry: bool,
) -> Result<Outcome> {
    let store = Store::open(path, Options::new(&TABLES))?;
    let world = load(&store)?;
    let known = objdir::describe(&world.snapshot());
    let outcome = match objdir::merge(known, spec, on_conflict) {
        Ok(Merged { world, changes }) => {
            let image = image(&world)?;
            if !is_dry && changes.added + changes.changed > 0 {
                replace(&store, &image)?;
            }
            Outcome::Done(changes)
        }
        Err(conflicts) => Outcome::Conflicts(conflicts),
    };
    // Its handles are let go before the store is closed.
    drop(world);
    store.close()?;
    Ok(outcome)
}

/// Makes the image the world of the store, in one commit.
fn replace(store: &Store, image: &WorldImage) -> Result<()> {
    let checked = image.check()?;
    let mut batch = Batch::new();
    let mut kept: FxHashSet<Vec<u8>> = FxHashSet::default();
    checked.rows(|key, value| {
        kept.insert(key.to_vec());
        batch.put(WORLD, key, value);
        Ok::<_, std::convert::Infallible>(())
    })?;
    store.scan(WORLD, |key, _| {
        if !kept.contains(key) {
            batch.delete(WORLD, key);
        }
    })?;
    let log = store.log();
    let seq = log
        .append(batch)
        .context("the world is too large to be changed at once; export it and import it anew")?;
    log.wait_durable(seq, DURABLE_WITHIN)?;
    Ok(())
}
