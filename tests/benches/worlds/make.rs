//! Worlds of any size that are like grown ones.
//!
//! In: how many objects. Out: an image. Every hundredth object is a room, every hundredth a player, the rest are things in rooms. All are children
//! of some class: a root with three properties, below it a class for rooms, one for players and [`KINDS`] for things, with properties of their own and
//! [`CLASS_VERBS`] verbs each. An object has values of its own for some of what it inherits, every tenth defines a property, every twentieth a verb.

use moor_value::{List, ObjId, Str, Value};
use moor_world::WorldImage;
use moor_world::{ObjectFlags, ObjectImage, PropFlags, PropImage, VerbArgs, VerbFlags, VerbImage};

/// Classes of things.
const KINDS: usize = 40;
/// Verbs of a class.
const CLASS_VERBS: usize = 20;
/// The first objects: `#0`, the root, the two classes of rooms and players, those of things.
const FIRST: usize = 4 + KINDS;

const ROOT: ObjId = ObjId(1);
const ROOM: ObjId = ObjId(2);
const PLAYER: ObjId = ObjId(3);

/// What the root defines: `description`, `aliases`, `key`.
const ROOT_PROPERTIES: usize = 3;
/// What each class below it defines.
const CLASS_PROPERTIES: usize = 5;

/// The code of a verb of a class.
const CLASS_CODE: &str = "if (this.location == player)
  player:tell(\"You already have \", this.name, \".\");
elseif (this:moveto(player) && this.location == player)
  player:tell(\"You take \", this.name, \".\");
  player.location:announce(player.name, \" takes \", this.name, \".\");
else
  player:tell(\"You cannot take \", this.name, \".\");
endif";

/// The code of a verb of a single object.
const OWN_CODE: &str = "player:tell(\"It hums.\");
this.count = this.count + 1;";

/// A world of `objects` objects besides the classes.
pub(crate) fn world(objects: usize) -> WorldImage {
    let classes = (0..FIRST).map(class);
    let others = (FIRST..FIRST + objects).map(|number| object(number, objects));
    WorldImage::from_objects(classes.chain(others).collect())
}

fn id(number: usize) -> ObjId {
    ObjId(number as i64)
}

fn class(number: usize) -> ObjectImage {
    let mut class = ObjectImage::new(id(number), &format!("class {number}"), PLAYER);
    if number == 0 {
        return class;
    }
    let defined = match class.id {
        ROOT => ROOT_PROPERTIES,
        _ => CLASS_PROPERTIES,
    };
    class.propdefs = (0..defined)
        .map(|at| Str::new(&format!("property_{number}_{at}")))
        .collect();
    if class.id != ROOT {
        class.parents = vec![ROOT];
    }
    let inherited = ROOT_PROPERTIES * class.parents.len();
    let values = (0..defined + inherited).map(|at| property(PLAYER, Some(Value::Int(at as i64))));
    class.propvals = values.collect();
    class.verbs = (0..CLASS_VERBS)
        .map(|at| verb(&format!("verb_{at} v{at}*"), CLASS_CODE))
        .collect();
    class
}

/// The rooms are those whose number is a multiple of 100, the players come after each.
fn object(number: usize, objects: usize) -> ObjectImage {
    let at = number - FIRST;
    let player = id(FIRST + (at * 7919 % objects) / 100 * 100 + 1);
    let room = id(FIRST + (at * 104_729 % objects) / 100 * 100);
    let mut object = ObjectImage::new(id(number), &format!("an old brass thing {at}"), player);
    (object.parents, object.location) = match at % 100 {
        0 => (vec![ROOM], ObjId::NOTHING),
        1 => (vec![PLAYER], room),
        _ => (vec![id(4 + at % KINDS)], room),
    };
    if at % 100 == 1 {
        object.flags =
            ObjectFlags::from_bits(ObjectFlags::PLAYER.bits() | ObjectFlags::PROGRAMMER.bits());
    }
    object.owner = match player.0 < (FIRST + objects) as i64 {
        true => player,
        false => PLAYER,
    };
    if at % 10 == 3 {
        object.propdefs = vec![Str::new("count")];
        object
            .propvals
            .push(property(object.owner, Some(Value::Int(0))));
    }
    object.propvals.extend(inherited(at, object.owner));
    if at % 20 == 3 {
        object.verbs = vec![verb("hum", OWN_CODE)];
    }
    object
}

/// What the class defines, of which two have values, then what the root does, of which a description and aliases have.
fn inherited(at: usize, owner: ObjId) -> impl Iterator<Item = PropImage> {
    let text =
        format!("Number {at} of its kind, worn by many hands, with a dent on one side of it.");
    let alias = |word: &str| Value::from(format!("{word} {at}").as_str());
    let aliases = [alias("brass thing"), alias("thing")];
    let values = [
        Some(Value::Int(at as i64)),
        Some(Value::Obj(owner)),
        None,
        None,
        None,
        Some(Value::from(text.as_str())),
        Some(Value::List(aliases.into_iter().collect::<List>())),
        None,
    ];
    values.into_iter().map(move |value| property(owner, value))
}

fn property(owner: ObjId, value: Option<Value>) -> PropImage {
    PropImage {
        value,
        owner,
        flags: PropFlags::parse("rc").expect("letters"),
    }
}

fn verb(names: &str, source: &str) -> VerbImage {
    VerbImage {
        names: Str::new(names),
        owner: PLAYER,
        flags: VerbFlags::EXEC,
        args: VerbArgs::METHOD,
        source: source.to_owned(),
    }
}
