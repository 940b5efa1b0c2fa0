//! Worlds made of choices: any bytes are some world, fewer bytes a smaller one.

use std::collections::HashSet;

use moor_compiler::{ParseOptions, canonical};
use moor_value::{AnonRef, ErrorCode, Graveyard, List, Map, ObjId, Str, Value, WaifRef};
use moor_world::{
    AnonImage, ArgSpec, ObjectFlags, ObjectImage, PrepSpec, PropFlags, PropImage, VerbArgs,
    VerbFlags, VerbImage, WaifImage, WorldImage,
};

/// Programs that a verb may have; the later ones are newer than LambdaMOO.
const PROGRAMS: [&str; 12] = [
    "",
    "return 1;",
    "for x in (args) notify(player, tostr(x)); endfor",
    "fork (10) this:tick(@args); endfork return -3 - (1 - 2);",
    "try return this.(\"a b\"); except e (E_PERM, E_PROPNF) return e[1]; endtry",
    "{a, ?b = 2, @c} = args; while loop (a < b) a = a * 2; break loop; endwhile",
    "return `$thing:(\"odd name\")(1.5e100, \"q\\\"\\\\\") ! ANY => #-1';",
    "map = {}; return map;",
    "return [\"a\" -> true];",
    "for v, k in (args[1]) suspend(0); endfor",
    "x = 1 <<2; return ~x;",
    "return typeof(this) == WAIF ? this.:name | E_FILE;",
];

/// How deep values are within one another.
const DEPTH_MAX: usize = 4;

/// Bytes that decide.
pub struct Choices<'a> {
    bytes: &'a [u8],
    graveyard: triomphe::Arc<Graveyard>,
}

impl<'a> Choices<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            graveyard: Graveyard::new(),
        }
    }

    /// A number below `bound`; 0 when the bytes are used up.
    fn below(&mut self, bound: usize) -> usize {
        match self.bytes.split_first() {
            Some((first, rest)) => {
                self.bytes = rest;
                usize::from(*first) % bound
            }
            None => 0,
        }
    }

    fn maybe(&mut self) -> bool {
        self.below(2) == 1
    }

    fn owner(&mut self) -> ObjId {
        ObjId(self.below(12) as i64 - 2)
    }

    fn text(&mut self) -> Str {
        let texts = [
            "",
            "a",
            "Wizard",
            " spaces ",
            "tab\t",
            "\u{e9}\u{4e16}\u{1f600}",
            "a rather long text that is not stored inline",
            "\"quoted\" \\ .",
            ".",
            "#1",
            "\r",
        ];
        Str::new(texts[self.below(texts.len())])
    }

    fn number(&mut self) -> i64 {
        let numbers = [
            0,
            1,
            -1,
            7,
            i64::from(i32::MAX),
            i64::MIN,
            i64::MAX,
            1 << 40,
        ];
        numbers[self.below(numbers.len())]
    }

    fn float(&mut self) -> f64 {
        let floats = [
            0.0,
            -0.0,
            0.1,
            -2.5,
            1e300,
            f64::MIN_POSITIVE,
            f64::MAX,
            5e-324,
            1.0 / 3.0,
            123_456_789.123_456_79,
        ];
        floats[self.below(floats.len())]
    }

    /// Any value; `plain` ones are those that LambdaMOO has.
    fn value(&mut self, plain: bool, depth: usize) -> Value {
        let kinds = if plain { 6 } else { 11 };
        match self.below(kinds) {
            0 => Value::Int(match plain {
                true => self.number() as i32 as i64,
                false => self.number(),
            }),
            1 => Value::Str(self.text()),
            2 => Value::Obj(self.owner()),
            3 => {
                let codes = if plain { 16 } else { ErrorCode::ALL.len() };
                Value::Err(ErrorCode::ALL[self.below(codes)])
            }
            4 => Value::Float(self.float()),
            5 if depth < DEPTH_MAX => {
                let count = self.below(4);
                let items = (0..count).map(|_| self.value(plain, depth + 1));
                Value::List(items.collect::<Vec<_>>().into_iter().collect::<List>())
            }
            6 if depth < DEPTH_MAX => {
                let mut map = Map::new();
                for _ in 0..self.below(4) {
                    let key = self.value(false, DEPTH_MAX);
                    let value = self.value(false, depth + 1);
                    // The order of several would be that of their ids, which are others in each world.
                    let has_id = |key: &Value| matches!(key, Value::Anon(_) | Value::Waif(_));
                    if !has_id(&key) || !map.keys().any(has_id) {
                        map.insert_value(key, value);
                    }
                }
                Value::Map(map)
            }
            7 => Value::Bool(self.maybe()),
            8 => Value::Anon(AnonRef::new(
                1 + self.below(5) as u64,
                self.graveyard.clone(),
            )),
            9 => self.waif(),
            _ => Value::ZERO,
        }
    }

    fn waif(&mut self) -> Value {
        let id = 11 + self.below(4) as u64;
        let class = ObjId(id as i64 % 3);
        Value::Waif(WaifRef::new(id, class, ObjId(1), self.graveyard.clone()))
    }

    fn property(&mut self, plain: bool, is_own: bool) -> PropImage {
        let is_clear = !is_own && self.maybe();
        PropImage {
            value: (!is_clear).then(|| self.value(plain, 0)),
            owner: self.owner(),
            flags: PropFlags::from_bits(self.below(8) as u8),
        }
    }

    fn verb(&mut self, plain: bool) -> VerbImage {
        let specs = [ArgSpec::None, ArgSpec::Any, ArgSpec::This];
        let preps = [-2, -1, 0, 14];
        let programs = if plain { 8 } else { PROGRAMS.len() };
        let source = PROGRAMS[self.below(programs)];
        let lines = canonical(source, &ParseOptions::new(&|_| true)).map(|text| text.lines);
        let names = ["look l*ook", "get", ":waifish", "*"];
        VerbImage {
            names: Str::new(names[self.below(names.len())]),
            owner: self.owner(),
            flags: VerbFlags::from_bits(self.below(16) as u8),
            args: VerbArgs {
                dobj: specs[self.below(3)],
                prep: PrepSpec::from_number(preps[self.below(4)]).expect("it exists"),
                iobj: specs[self.below(3)],
            },
            source: lines.expect("the programs compile").join("\n"),
        }
    }
}

/// A world; without anything newer than LambdaMOO when `plain`.
pub fn world(choices: &mut Choices<'_>, plain: bool) -> WorldImage {
    let mut objects: Vec<ObjectImage> = Vec::new();
    let last = 2 + choices.below(8) as i64;
    for number in 0..=last {
        let is_there = number < 3 || choices.below(4) != 1;
        if is_there {
            objects.push(object(choices, plain, ObjId(number), &objects));
        }
    }
    let mut image = WorldImage::from_objects(objects);
    image.max_object = image.max_object.max(ObjId(last));
    if !plain {
        for id in 1..=4 {
            if choices.maybe() {
                let anon = anon(choices, id, &image);
                image.anons.push(anon);
            }
        }
        // Every waif that may be mentioned, and perhaps some that is not.
        image.waifs = (11..=14).map(|id| waif(choices, id, &image)).collect();
    }
    image
}

fn object(choices: &mut Choices<'_>, plain: bool, id: ObjId, known: &[ObjectImage]) -> ObjectImage {
    let mut image = ObjectImage::new(id, choices.text().as_str(), choices.owner());
    let bits = [0, 1, 2, 7, 16, 32, 128, if plain { 176 } else { 256 }];
    image.flags = ObjectFlags::from_bits(bits[choices.below(bits.len())]);
    let parents = if plain { 2 } else { 4 };
    for _ in 0..choices.below(parents) {
        if let Some(parent) = pick(choices, known)
            && !image.parents.contains(&parent)
        {
            image.parents.push(parent);
        }
    }
    if choices.maybe() {
        image.location = pick(choices, known).unwrap_or(ObjId::NOTHING);
    }
    if !plain && choices.maybe() {
        let mut moved = Map::new();
        moved.insert_value(Value::from("time"), Value::Int(1_700_000_000));
        moved.insert_value(Value::from("source"), Value::Obj(choices.owner()));
        image.last_move = Value::Map(moved);
    }
    for place in 0..choices.below(4) {
        let prefix = if !plain && choices.maybe() { ":" } else { "" };
        image
            .propdefs
            .push(Str::new(&format!("{prefix}p{id}-{place}")));
    }
    let inherited = inherited(&image.parents, known);
    fill(choices, plain, &mut image, inherited);
    image
}

/// Gives an object its property values and verbs.
fn fill(choices: &mut Choices<'_>, plain: bool, image: &mut ObjectImage, inherited: usize) {
    let own = image.propdefs.len();
    image.propvals = (0..own + inherited)
        .map(|place| choices.property(plain, place < own))
        .collect();
    image.verbs = (0..choices.below(3)).map(|_| choices.verb(plain)).collect();
}

fn pick(choices: &mut Choices<'_>, known: &[ObjectImage]) -> Option<ObjId> {
    (!known.is_empty()).then(|| known[choices.below(known.len())].id)
}

/// How many properties come from ancestors.
fn inherited(parents: &[ObjId], known: &[ObjectImage]) -> usize {
    let mut seen = HashSet::new();
    let mut open = parents.to_vec();
    let mut count = 0;
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            let object = known.iter().find(|object| object.id == id);
            let object = object.expect("parents exist");
            count += object.propdefs.len();
            open.extend(&object.parents);
        }
    }
    count
}

fn anon(choices: &mut Choices<'_>, id: u64, world: &WorldImage) -> AnonImage {
    let mut object = ObjectImage::new(ObjId(0), choices.text().as_str(), choices.owner());
    object.parents.extend(pick(choices, &world.objects));
    let inherited = inherited(&object.parents, &world.objects);
    fill(choices, false, &mut object, inherited);
    AnonImage { id, object }
}

fn waif(choices: &mut Choices<'_>, id: u64, world: &WorldImage) -> WaifImage {
    let class = ObjId(id as i64 % 3);
    let mut line = vec![class];
    let mut places = 0;
    let mut seen = HashSet::new();
    while let Some(id) = line.pop() {
        if seen.insert(id) {
            let object = world.objects.iter().find(|object| object.id == id);
            let object = object.expect("classes exist");
            let of_waifs = object.propdefs.iter();
            places += of_waifs
                .filter(|name| name.as_str().starts_with(':'))
                .count();
            line.extend(&object.parents);
        }
    }
    let mut values = Vec::new();
    for place in 0..places {
        if choices.maybe() {
            values.push((place, choices.value(false, 1)));
        }
    }
    WaifImage {
        id,
        class,
        owner: ObjId(1),
        values,
    }
}
