//! What is written: a world that can be asked for its parts, one at a time.
//! In: a snapshot of a world that runs, or an image. Out: images of single objects, so that a world need not be in
//! memory twice to be written.

use std::borrow::Cow;

use moor_value::ObjId;
use moor_world::{ObjectImage, WaifImage, WorldImage, WorldSnapshot};
use rustc_hash::{FxHashMap, FxHashSet};

/// Properties of waifs have names that begin with this.
const WAIF_PREFIX: char = ':';

/// A world that does not change while it is written.
pub trait WorldSource {
    /// The last number ever given.
    fn max_object(&self) -> ObjId;
    /// The players in order.
    fn players(&self) -> Vec<ObjId>;
    /// The unique ids that objects have, ascending.
    fn uniques(&self) -> Vec<ObjId>;
    /// The permanent object of that number; `None` for a recycled one.
    fn object(&self, id: ObjId) -> Option<Cow<'_, ObjectImage>>;
    /// The ids of all anonymous objects, ascending.
    fn anons(&self) -> Vec<u64>;
    /// The anonymous object of that id.
    fn anon(&self, id: u64) -> Option<Cow<'_, ObjectImage>>;
    /// The ids of all waifs, ascending.
    fn waifs(&self) -> Vec<u64>;
    /// The waif of that id.
    fn waif(&self, id: u64) -> Option<Cow<'_, WaifImage>>;

    /// Every number up to the last, then the unique ids.
    fn ids(&self) -> Box<dyn Iterator<Item = ObjId>> {
        let numbers = (0..=self.max_object().0).map(ObjId);
        Box::new(numbers.chain(self.uniques()))
    }

    /// How many properties the waifs of a class have.
    fn waif_places(&self, class: ObjId) -> usize {
        let mut seen = FxHashSet::default();
        let mut stack = vec![class];
        let mut places = 0;
        while let Some(id) = stack.pop() {
            if !seen.insert(id) {
                continue;
            }
            if let Some(object) = self.object(id) {
                let of_waifs = |name: &&moor_value::Str| name.as_str().starts_with(WAIF_PREFIX);
                places += object.propdefs.iter().filter(of_waifs).count();
                stack.extend(object.parents.iter());
            }
        }
        places
    }
}

impl WorldSource for WorldSnapshot {
    fn max_object(&self) -> ObjId {
        Self::max_object(self)
    }

    fn players(&self) -> Vec<ObjId> {
        Self::players(self)
    }

    fn uniques(&self) -> Vec<ObjId> {
        Self::uniques(self)
    }

    fn object(&self, id: ObjId) -> Option<Cow<'_, ObjectImage>> {
        Self::object(self, id).map(Cow::Owned)
    }

    fn anons(&self) -> Vec<u64> {
        self.anon_ids()
    }

    fn anon(&self, id: u64) -> Option<Cow<'_, ObjectImage>> {
        Self::anon(self, id).map(|anon| Cow::Owned(anon.object))
    }

    fn waifs(&self) -> Vec<u64> {
        self.waif_ids()
    }

    fn waif(&self, id: u64) -> Option<Cow<'_, WaifImage>> {
        Self::waif(self, id).map(Cow::Owned)
    }
}

/// An image with its parts by number.
#[derive(Debug)]
pub struct ImageSource<'a> {
    image: &'a WorldImage,
    objects: FxHashMap<ObjId, &'a ObjectImage>,
    anons: FxHashMap<u64, &'a ObjectImage>,
    waifs: FxHashMap<u64, &'a WaifImage>,
}

impl<'a> From<&'a WorldImage> for ImageSource<'a> {
    fn from(image: &'a WorldImage) -> Self {
        let anons = image.anons.iter();
        Self {
            image,
            objects: image.objects.iter().map(|one| (one.id, one)).collect(),
            anons: anons.map(|anon| (anon.id, &anon.object)).collect(),
            waifs: image.waifs.iter().map(|one| (one.id, one)).collect(),
        }
    }
}

impl WorldSource for ImageSource<'_> {
    fn max_object(&self) -> ObjId {
        self.image.max_object
    }

    fn players(&self) -> Vec<ObjId> {
        self.image.players.clone()
    }

    fn uniques(&self) -> Vec<ObjId> {
        let ids = self.objects.keys().copied();
        let mut ids: Vec<ObjId> = ids.filter(|id| id.is_unique()).collect();
        ids.sort_unstable();
        ids
    }

    fn object(&self, id: ObjId) -> Option<Cow<'_, ObjectImage>> {
        self.objects.get(&id).map(|object| Cow::Borrowed(*object))
    }

    fn anons(&self) -> Vec<u64> {
        sorted(self.anons.keys())
    }

    fn anon(&self, id: u64) -> Option<Cow<'_, ObjectImage>> {
        self.anons.get(&id).map(|object| Cow::Borrowed(*object))
    }

    fn waifs(&self) -> Vec<u64> {
        sorted(self.waifs.keys())
    }

    fn waif(&self, id: u64) -> Option<Cow<'_, WaifImage>> {
        self.waifs.get(&id).map(|waif| Cow::Borrowed(*waif))
    }
}

fn sorted<'a>(ids: impl Iterator<Item = &'a u64>) -> Vec<u64> {
    let mut ids: Vec<u64> = ids.copied().collect();
    ids.sort_unstable();
    ids
}
