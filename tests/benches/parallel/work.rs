//! What the tasks do.
//!
//! In: a server. Out: objects and verbs in it; the code of each task.

use moor_value::Value;

use crate::local::Local;

/// Objects that a reader walks over.
const OBJECTS: usize = 5_000;

/// Turns of the loop of one task.
const TURNS: usize = 2_000;

/// A kind of tasks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Each computes, and reads and writes properties of an object of its own.
    Own,
    /// The same, while another task reads every object of the world, again and again.
    OwnRead,
    /// Each computes with a list of the class and a text of the code, which all tasks share.
    Shared,
    /// Each computes, then increments the one counter.
    Counter,
    /// Each reads the counter, computes, and writes the counter: whoever runs beside it loses.
    Early,
    /// The same as [`Work::Counter`], while another task reads every object.
    CounterRead,
}

impl Work {
    pub(crate) const ALL: [Self; 6] = [
        Self::Own,
        Self::OwnRead,
        Self::Shared,
        Self::Counter,
        Self::Early,
        Self::CounterRead,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::OwnRead => "own+reader",
            Self::Shared => "shared",
            Self::Counter => "counter",
            Self::Early => "counter-early",
            Self::CounterRead => "counter+reader",
        }
    }

    /// Whether a reader runs beside the tasks.
    pub(crate) fn has_reader(self) -> bool {
        matches!(self, Self::OwnRead | Self::CounterRead)
    }

    /// The code of a task in a slot, of which each has an object of its own.
    pub(crate) fn code(self, slot: usize) -> String {
        let object = format!("#0.slots[{}]", slot + 1);
        match self {
            Self::Own | Self::OwnRead => format!("return {object}:work({TURNS});"),
            Self::Shared => format!("return {object}:consult({TURNS});"),
            Self::Counter | Self::CounterRead => {
                format!("{object}:work({TURNS}); return #0.counter:increment();")
            }
            Self::Early => format!("return #0.counter:increment_by({object}, {TURNS});"),
        }
    }
}

/// The code of the reader: the sum of what it has seen.
pub(crate) const WALK: &str = "return #0.counter:walk();";

/// Verbs of the parent of all slots and of the counter.
const VERBS: [(&str, &str); 6] = [
    (
        "work",
        "for turn in [1..args[1]]
           this.count = (this.count + this:weight(turn)) % 1000003;
           if (turn % 16 == 0)
             this.note = tostr(this.name, \" \", turn, \" \", this.count);
           endif
         endfor
         return this.count;",
    ),
    (
        "consult",
        "for turn in [1..args[1]]
           this.count = this.count + this.table[turn % 20 + 1];
           this.count = this.count + length(\"a text that is longer than a short one\");
         endfor
         return this.count;",
    ),
    ("weight", "return args[1] % 7 * this.factor;"),
    ("increment", "return this.count = this.count + 1;"),
    (
        "increment_by",
        "count = this.count;
         args[1]:work(args[2]);
         return this.count = count + 1;",
    ),
    (
        "walk",
        "sum = 0;
         for number in [0..tonum(max_object())]
           object = toobj(number);
           if (valid(object) && parent(object) == parent(this))
             sum = sum + object.count + length(object.note) + length(object.name);
           endif
         endfor
         return sum;",
    ),
];

/// Makes the objects: `#0.slots`, `#0.counter`, and many more with the same parent.
pub(crate) fn prepare(server: &Local, slots: usize) {
    let class = server.value(
        "class = create(#1);
         for property in ({{\"count\", 0}, {\"factor\", 3}, {\"note\", \"nothing\"}, {\"table\", {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4}}})
           add_property(class, property[1], property[2], {player, \"rw\"});
         endfor
         add_property(#0, \"class\", class, {player, \"rw\"});
         return class;",
    );
    for (name, code) in VERBS {
        server.add_verb(&class.to_literal(), name, code);
    }
    let made = server.value(&format!(
        "slots = {{}};
         for number in [1..{OBJECTS}]
           object = create(#0.class);
           object.name = tostr(\"object \", number);
           slots = {{@slots, object}};
         endfor
         add_property(#0, \"slots\", slots[1..{slots}], {{player, \"r\"}});
         add_property(#0, \"counter\", slots[$], {{player, \"r\"}});
         return length(slots);"
    ));
    assert_eq!(made, Value::Int(OBJECTS as i64));
}
