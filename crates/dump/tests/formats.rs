//! What each format can hold, on small dumps written by hand.

mod support;

use moor_dump::{Connection, Encoding, Slot, Variable};
use moor_value::{ErrorCode, ObjId, Str, Value};
use moor_world::{ArgSpec, PrepSpec, VerbFlags};
use support::{data, import, literals, object};

fn ids(list: &[i64]) -> Vec<ObjId> {
    list.iter().copied().map(ObjId).collect()
}

fn variable(name: &str, value: Value) -> Variable {
    Variable {
        name: Str::new(name),
        value,
    }
}

#[test]
fn format_0_has_no_header() {
    let dump = data("format-0.db");
    assert_eq!((dump.version, dump.world.objects.len()), (0, 1));
    assert_eq!(literals(object(&dump, 0)), ["7"]);
    assert!(dump.tasks.forked.is_empty() && dump.tasks.suspended.is_empty());
    import(dump);
}

#[test]
fn format_1_links_become_lists() {
    let dump = data("format-1.db");
    assert_eq!((dump.version, dump.encoding), (1, Encoding::Latin1));
    assert_eq!(object(&dump, 1).children, ids(&[0, 2, 3]));
    assert_eq!(object(&dump, 3).contents, ids(&[2]));
    assert_eq!(object(&dump, 2).location, ObjId(3));
    assert_eq!(
        object(&dump, 0).propvals[0].value,
        Some(Value::from("café"))
    );
    assert!(dump.connections.is_empty());
    assert!(dump.repairs.is_empty());
}

#[test]
fn format_1_verbs_have_flags_and_arguments() {
    let dump = data("format-1.db");
    let verb = &object(&dump, 0).verbs[0];
    assert_eq!(verb.names.as_str(), "greet*ing hello");
    assert_eq!(verb.flags.to_string(), "rxd");
    assert!(verb.flags.has(VerbFlags::EXEC));
    let args = (verb.args.dobj, verb.args.prep, verb.args.iobj);
    assert_eq!(args, (ArgSpec::Any, PrepSpec::Any, ArgSpec::Any));
}

#[test]
fn format_1_names_that_became_keywords_are_renamed() {
    let import = import(data("format-1.db"));
    let source = &import.world.objects[0].verbs[0].source;
    let lines: Vec<&str> = source.lines().collect();
    assert_eq!(lines[0], "player:tell(\"héllo\");");
    assert!(!lines[1].contains("for break in"), "{source}");
    assert!(!import.warnings.is_empty());
}

#[test]
fn format_1_tasks() {
    let dump = data("format-1.db");
    let forked = &dump.tasks.forked[0];
    assert_eq!(
        (forked.id, forked.start, forked.first_line),
        (17, 900_000_000, 3)
    );
    assert_eq!(forked.source, ["suspend(0);", "late = x;"]);
    let expected = [
        variable("NUM", Value::Int(0)),
        variable("x", Value::Int(5)),
        variable("late", Value::None),
    ];
    assert_eq!(forked.variables, expected);
    let activation = &forked.activation;
    assert_eq!(activation.this, Value::Obj(ObjId(0)));
    assert_eq!((activation.player, activation.progr), (ObjId(2), ObjId(2)));
    assert_eq!(activation.vloc, Value::Obj(ObjId(0)));
    assert_eq!(activation.verb.as_str(), "greet");
    assert_eq!(activation.verb_names.as_str(), "greet*ing hello");
    assert!(activation.debug);

    let task = &dump.tasks.suspended[0];
    assert_eq!((task.id, task.start), (18, 900_000_100));
    assert_eq!(task.value, Value::from("wake up"));
    let frame = &task.frames[0];
    assert_eq!(
        (frame.language, frame.pc, frame.builtin_pc, frame.error_pc),
        (1, 7, 1, 7)
    );
    assert_eq!(frame.builtin.as_str(), "suspend");
    assert_eq!(frame.variables, [variable("x", Value::Err(ErrorCode::Div))]);
    assert!(!frame.activation.debug);
}

#[test]
fn format_4_properties_in_order_of_definers() {
    let dump = data("format-4.db");
    assert_eq!(dump.encoding, Encoding::Utf8);
    assert_eq!(
        literals(object(&dump, 0))[0],
        "{-5, -2.5, \"two words\", E_ARGS, {}}"
    );
    assert_eq!(object(&dump, 3).propdefs, [Str::new("password")]);
    assert_eq!(literals(object(&dump, 3)), ["\"secret\"", "clear", "#4"]);
    assert_eq!(object(&dump, 3).propvals[0].flags.to_string(), "");
    assert_eq!(dump.world.max_object, ObjId(4));
    assert!(
        dump.world
            .objects
            .iter()
            .all(|object| object.id != ObjId(2))
    );
    assert_eq!(dump.world.players, ids(&[3]));
    import(dump);
}

#[test]
fn format_4_suspended_task_with_two_frames() {
    let dump = data("format-4.db");
    let task = &dump.tasks.suspended[0];
    assert_eq!(
        (task.id, task.frames.len(), task.frames_max),
        (1_234_567, 2, 50)
    );
    let outer = &task.frames[0];
    assert_eq!(outer.source, ["this:inner();"]);
    let stack = [
        Slot::Catch(2),
        Slot::Finally(44),
        Slot::Value(Value::Int(1)),
    ];
    assert_eq!(outer.stack, stack);
    assert_eq!((outer.pc, outer.builtin_pc, outer.error_pc), (12, 0, 9));
    let inner = &task.frames[1];
    assert_eq!(inner.builtin.as_str(), "call_function");
    let data = [
        Str::new("bf_call_function data: fname = move"),
        Str::new("bf_move data: what = 3, where = 4"),
    ];
    assert_eq!(inner.builtin_data, data);
    assert_eq!(inner.activation.verb_names.as_str(), "in*ner");
    let expected = [(3, 0), (-5, 4)].map(|(player, listener)| Connection {
        player: ObjId(player),
        listener: ObjId(listener),
    });
    assert_eq!(dump.connections, expected);
}

#[test]
fn format_7_several_parents_and_maps() {
    let dump = data("format-7.db");
    assert_eq!(object(&dump, 3).parents, ids(&[2, 1]));
    assert_eq!(object(&dump, 2).parents, ids(&[0]));
    let own_then_depth_first = ["\"O\"", "clear", "clear", "\"l\""];
    assert_eq!(literals(object(&dump, 3)), own_then_depth_first);
    // Object keys come before strings, whatever the file's order.
    let map = "[#8 -> {\"nested\"}, \"key\" -> 7]";
    assert_eq!(literals(object(&dump, 0)), ["1", map]);
    let task = &dump.tasks.suspended[0];
    assert_eq!(task.local.to_literal(), "[\"mood\" -> \"calm\"]");
    assert_eq!(task.value.to_literal(), "{1}");
    assert_eq!(task.frames[0].stack, [Slot::Iterator(Some(Value::Int(3)))]);
    let connection = Connection {
        player: ObjId(0),
        listener: ObjId(0),
    };
    assert_eq!(dump.connections, [connection]);
    let import = import(dump);
    assert_eq!(
        import.world.objects[1].verbs[0].source,
        "\"over\";\nreturn [\"a\" -> 1];"
    );
}

#[test]
fn format_17_anonymous_objects_are_one_wherever_mentioned() {
    let dump = data("format-17.db");
    let [poltergeist, waif, gone] = &dump.pending[..] else {
        panic!("three values are pending: {:?}", dump.pending);
    };
    assert!(matches!(waif, Value::Waif(_)));
    let room = object(&dump, 4);
    let Some(Value::List(ghosts)) = &room.propvals[0].value else {
        panic!("a list of ghosts: {room:?}");
    };
    assert_eq!(ghosts.get(1), Some(gone));
    let ghost = ghosts.get(0).expect("the ghost");
    let numbered = |value: &Value| match value {
        Value::Anon(anon) => anon.id(),
        other => panic!("not an anonymous object: {other:?}"),
    };
    assert_eq!(numbered(gone), 0);
    let ids: Vec<u64> = dump.world.anons.iter().map(|anon| anon.id).collect();
    assert_eq!(ids, [numbered(ghost), numbered(poltergeist)]);
    let ghost_image = &dump.world.anons[0].object;
    assert_eq!(ghost_image.name.as_str(), "Ghost");
    assert_eq!(ghost_image.propvals[0].value.as_ref(), Some(poltergeist));
    assert_eq!(dump.tasks.forked[0].activation.this, *ghost);
    let import = import(dump);
    let boo = &import.world.anons[0].object.verbs[0];
    assert_eq!(
        (boo.names.as_str(), boo.source.as_str()),
        ("boo", "return \"boo\";")
    );
}

#[test]
fn format_17_waifs_are_one_wherever_mentioned() {
    let dump = data("format-17.db");
    let waif = &dump.world.waifs[0];
    assert_eq!((waif.class, waif.owner), (ObjId(2), ObjId(1)));
    let own: Vec<usize> = waif.values.iter().map(|(place, _)| *place).collect();
    assert_eq!(own, [0, 1]);
    assert_eq!(waif.values[0].1, Value::from("first"));
    assert_eq!(waif.values[1].1, dump.pending[1]);
    let variables = &dump.tasks.forked[0].variables;
    assert_eq!(variables[0].value, dump.pending[1]);
    assert_eq!(variables[1].value, Value::Bool(true));
    assert_eq!(dump.world.waifs.len(), 1);
}

#[test]
fn format_17_objects_and_tasks() {
    let dump = data("format-17.db");
    let wizard = object(&dump, 1);
    assert_eq!(
        wizard.last_move.to_literal(),
        "[\"source\" -> #-1, \"time\" -> 1700000000]"
    );
    assert!(object(&dump, 4).last_move.is_none());
    assert_eq!(dump.world.max_object, ObjId(4));
    assert_eq!(
        dump.tasks.suspended[0].local.to_literal(),
        "[\"key\" -> false]"
    );
    assert!(!dump.tasks.suspended[0].frames[0].activation.threaded);
    let reading = &dump.tasks.interrupted[0];
    assert_eq!(
        (reading.id, reading.status.as_str()),
        (79, "interrupted reading task")
    );
    assert_eq!(reading.value, Value::Err(ErrorCode::Intrpt));
    assert_eq!(reading.local, Value::from(moor_value::Map::new()));
    assert!(object(&dump, 0).contents.is_empty());
    let import = import(dump);
    assert_eq!(import.tasks.forked[0].source, ["thing.note = \"late\";"]);
    assert_eq!(
        import.world.objects[1].verbs[0].source,
        "x = true;\nreturn typeof(x) == BOOL;"
    );
}

#[test]
fn of_tasks_with_one_number_the_first_is_kept_and_the_others_are_told() {
    let mut dump = data("format-17.db");
    let tasks = &mut dump.tasks;
    let number = tasks.forked[0].id;
    tasks.forked.push(tasks.forked[0].clone());
    tasks.suspended[0].id = number;
    tasks.interrupted.push(tasks.interrupted[0].clone());
    let import = import(dump);
    let tasks = &import.tasks;
    let counts = [
        tasks.forked.len(),
        tasks.suspended.len(),
        tasks.interrupted.len(),
    ];
    assert_eq!(counts, [1, 0, 1]);
    let warnings: Vec<String> = import.warnings.iter().map(ToString::to_string).collect();
    let expected = [
        "task 77 of *anonymous*:poke is left out: a task before it has its number",
        "task 77 of #1:tick is left out: a task before it has its number",
        "task 79 of #1:ask is left out: a task before it has its number",
    ];
    assert_eq!(warnings, expected);
}
