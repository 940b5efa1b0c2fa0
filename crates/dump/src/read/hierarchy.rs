//! Who is in whom and who comes from whom, after all objects are read.
//! In: objects as read. Out: lists in place of LambdaMOO's links, without references to what does not exist, as
//! LambdaMOO mends them on loading. Whether the two sides agree is for the world to check.

use moor_value::ObjId;
use moor_world::{ObjectFlags, ObjectImage, WorldImage};
use rustc_hash::{FxHashMap, FxHashSet};

use super::objects::Links;
use crate::error::ReadError;
use crate::model::Repair;

/// A list that is kept as links, and what a reference in it is called.
struct LinkedList {
    list: &'static str,
    relation: &'static str,
    first: fn(&Links) -> ObjId,
    next: fn(&Links) -> ObjId,
}

const CONTENTS: LinkedList = LinkedList {
    list: "contents",
    relation: "content",
    first: |links| links.contents,
    next: |links| links.next,
};

const CHILDREN: LinkedList = LinkedList {
    list: "children",
    relation: "child",
    first: |links| links.child,
    next: |links| links.sibling,
};

/// Fills in contents and children from links.
pub(crate) fn follow_links(
    file: &str,
    objects: &mut [ObjectImage],
    links: &FxHashMap<ObjId, Links>,
    repairs: &mut Vec<Repair>,
) -> Result<(), ReadError> {
    for object in objects {
        object.contents = follow(file, object.id, &CONTENTS, links, repairs)?;
        object.children = follow(file, object.id, &CHILDREN, links, repairs)?;
    }
    Ok(())
}

fn follow(
    file: &str,
    object: ObjId,
    kind: &LinkedList,
    links: &FxHashMap<ObjId, Links>,
    repairs: &mut Vec<Repair>,
) -> Result<Vec<ObjId>, ReadError> {
    let mut members = Vec::new();
    let mut at = links.get(&object).map_or(ObjId::NOTHING, kind.first);
    while at != ObjId::NOTHING {
        let Some(link) = links.get(&at) else {
            repairs.push(Repair {
                object,
                relation: kind.relation,
                missing: at,
            });
            break;
        };
        members.push(at);
        if members.len() > links.len() {
            return Err(ReadError::EndlessList {
                file: file.to_owned(),
                object,
                list: kind.list,
            });
        }
        at = (kind.next)(link);
    }
    Ok(members)
}

/// Removes references to objects that do not exist.
pub(crate) fn remove_missing(world: &mut WorldImage, repairs: &mut Vec<Repair>) {
    let there: FxHashSet<ObjId> = world.objects.iter().map(|object| object.id).collect();
    let anons = world.anons.iter_mut().map(|anon| &mut anon.object);
    for object in world.objects.iter_mut().chain(anons) {
        let id = object.id;
        let mut keep = |relation, list: &mut Vec<ObjId>| {
            list.retain(|member| {
                let exists = there.contains(member);
                if !exists && *member != ObjId::NOTHING {
                    repairs.push(Repair {
                        object: id,
                        relation,
                        missing: *member,
                    });
                }
                exists
            });
        };
        keep("parent", &mut object.parents);
        keep("child", &mut object.children);
        keep("content", &mut object.contents);
        let mut location = vec![object.location];
        keep("location", &mut location);
        object.location = location.pop().unwrap_or(ObjId::NOTHING);
    }
}

/// Makes the list of players that of the objects with the player flag, by the flags.
pub(crate) fn settle_players(world: &mut WorldImage, repairs: &mut Vec<Repair>) {
    let is_player = |object: &&ObjectImage| object.flags.has(ObjectFlags::PLAYER);
    let flagged: Vec<ObjId> = world
        .objects
        .iter()
        .filter(is_player)
        .map(|object| object.id)
        .collect();
    let mut open: FxHashSet<ObjId> = flagged.iter().copied().collect();
    let mut repair = |relation, missing| {
        repairs.push(Repair {
            object: ObjId::NOTHING,
            relation,
            missing,
        });
    };
    world.players.retain(|player| {
        let wanted = open.remove(player);
        if !wanted {
            repair("player", *player);
        }
        wanted
    });
    for player in flagged.into_iter().filter(|player| open.contains(player)) {
        repair("unlisted player", player);
        world.players.push(player);
    }
}
