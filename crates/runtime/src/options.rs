//! `$server_options`: what a world sets for the server.
//!
//! In: properties of `#0.server_options`. Out: limits of a stretch, read anew for each; and the
//! options that LambdaMOO caches until `load_server_options()`, as one immutable value.

use std::collections::HashSet;
use std::time::Duration;

use moor_value::{ObjId, Symbol, Value};
use moor_world::{Builtin, BuiltinSet, Entity, Transaction};

use crate::finished::FINISHED_MAX;
use crate::registry::registry;

/// Ticks of a foreground task.
const FG_TICKS: i64 = 60_000;
/// Ticks of a background task.
const BG_TICKS: i64 = 30_000;
/// Seconds of a foreground task.
const FG_SECONDS: i64 = 5;
/// Seconds of a background task.
const BG_SECONDS: i64 = 3;
/// Frames at once; a world may allow more, up to [`STACK_DEPTH_LIMIT`].
const STACK_DEPTH: i64 = 50;
/// Frames at once that a world may allow at most.
const STACK_DEPTH_LIMIT: i64 = 10_000;
/// Fewest ticks that a world may set.
const TICKS_MIN: i64 = 100;
/// Fewest bytes that a world may set for strings, lists and maps.
const VALUE_BYTES_MIN: i64 = 1_021;
/// Most bytes that a world may set for strings, lists and maps; what it sets that is no positive number stands
/// for this.
const VALUE_BYTES_MAX: i64 = i32::MAX as i64 - VALUE_BYTES_MIN;
/// Bytes of output that wait for a slow client where a world does not say.
const QUEUED_OUTPUT: u32 = 65_536;
/// Fewest of them that a world may set.
const QUEUED_OUTPUT_MIN: i64 = 2_048;
/// Most of them that a world may set; hosts keep them in memory.
const QUEUED_OUTPUT_MAX: i64 = 16 << 20;
/// Seconds until a connection that does not log in is closed.
const CONNECT_TIMEOUT_S: i64 = 300;

/// What one stretch may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Ticks.
    pub(crate) ticks: i64,
    /// Time on the clock.
    pub(crate) seconds: Duration,
    /// Frames at once.
    pub(crate) stack_depth: usize,
    /// Whether the stacks of errors tell variables.
    pub(crate) tells_variables: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ticks: FG_TICKS,
            seconds: Duration::from_secs(FG_SECONDS.unsigned_abs()),
            stack_depth: STACK_DEPTH.unsigned_abs() as usize,
            tells_variables: false,
        }
    }
}

impl Limits {
    /// The limits that the world sets now.
    pub(crate) fn read(txn: &mut Transaction, background: bool) -> Self {
        let Some(options) = options_object(txn) else {
            return Self::usual(background);
        };
        let (ticks, seconds) = if background {
            (("bg_ticks", BG_TICKS), ("bg_seconds", BG_SECONDS))
        } else {
            (("fg_ticks", FG_TICKS), ("fg_seconds", FG_SECONDS))
        };
        let ticks = integer(txn, options, ticks.0, ticks.1).max(TICKS_MIN);
        let seconds = integer(txn, options, seconds.0, seconds.1).max(1);
        let depth = integer(txn, options, "max_stack_depth", STACK_DEPTH);
        Self {
            ticks,
            seconds: Duration::from_secs(seconds.unsigned_abs()),
            stack_depth: depth.clamp(STACK_DEPTH, STACK_DEPTH_LIMIT) as usize,
            tells_variables: integer(txn, options, "include_rt_vars", 0) != 0,
        }
    }

    fn usual(background: bool) -> Self {
        if background {
            Self {
                ticks: BG_TICKS,
                seconds: Duration::from_secs(BG_SECONDS.unsigned_abs()),
                ..Self::default()
            }
        } else {
            Self::default()
        }
    }
}

/// The options that hold until `load_server_options()`.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServerOptions {
    /// Builtin functions and built-in properties that only wizards may use: names behind `protect_`.
    protected: HashSet<String>,
    /// Those of them that are builtin functions, by number; shorter than the table of builtins where the rest is open.
    protected_builtins: Vec<bool>,
    /// Those of them that are built-in properties.
    pub(crate) protected_properties: BuiltinSet,
    /// The largest values.
    pub(crate) value_limits: crate::builtins::Limits,
    /// Whether `E_QUOTA` for a size may be caught.
    pub(crate) max_concat_catchable: bool,
    /// The line that flushes input on a new connection.
    pub(crate) default_flush_command: String,
    /// Bytes of output that wait for a slow client, as the world sets them.
    pub(crate) queued_output_max: Option<u32>,
    /// How many runs of tasks are remembered for `finished_tasks()`; 0 where a world does not say.
    pub(crate) finished_tasks_max: usize,
}

impl ServerOptions {
    /// The options of a world without any.
    pub(crate) fn usual() -> Self {
        Self {
            protected: HashSet::new(),
            protected_builtins: Vec::new(),
            protected_properties: BuiltinSet::default(),
            value_limits: crate::builtins::Limits::default(),
            max_concat_catchable: false,
            default_flush_command: ".flush".to_owned(),
            queued_output_max: None,
            finished_tasks_max: 0,
        }
    }

    /// The options that the world sets now; `names` are those that may be protected.
    pub(crate) fn read<'n>(txn: &mut Transaction, names: impl Iterator<Item = &'n str>) -> Self {
        let mut loaded = Self::usual();
        let Some(options) = options_object(txn) else {
            return loaded;
        };
        for name in names {
            let option = format!("protect_{name}");
            if property(txn, options, &option).is_some_and(|value| value.is_true()) {
                loaded.protect(name);
            }
        }
        for (builtin, name) in Builtin::ALL {
            if loaded.is_protected(name) {
                loaded.protected_properties = loaded.protected_properties.with(builtin);
            }
        }
        let limits = &mut loaded.value_limits;
        size(
            txn,
            options,
            "max_string_concat",
            &mut limits.string_bytes_max,
        );
        size(
            txn,
            options,
            "max_list_value_bytes",
            &mut limits.list_bytes_max,
        );
        // Sic: ToastStunt reads the limit of maps from the option for lists.
        size(
            txn,
            options,
            "max_list_value_bytes",
            &mut limits.map_bytes_max,
        );
        let depth = integer(
            txn,
            options,
            "json_max_parse_depth",
            limits.json_depth_max.into(),
        );
        limits.json_depth_max = depth.clamp(0, limits.json_depth_max.into()) as u32;
        let most = limits.pcre_matches_max as i64;
        let wanted = integer(txn, options, "pcre_match_max_iterations", most);
        limits.pcre_matches_max = wanted.clamp(0, most) as usize;
        let flag = property(txn, options, "max_concat_catchable");
        loaded.max_concat_catchable = flag.is_some_and(|value| value.is_true());
        if let Some(Value::Str(command)) = property(txn, options, "default_flush_command") {
            loaded.default_flush_command = command.as_str().to_owned();
        }
        if let Some(Value::Int(bytes)) = property(txn, options, "max_queued_output")
            && bytes > 0
        {
            let bytes = bytes.clamp(QUEUED_OUTPUT_MIN, QUEUED_OUTPUT_MAX);
            loaded.queued_output_max = u32::try_from(bytes).ok();
        }
        let finished = integer(txn, options, "finished_tasks_limit", 0);
        loaded.finished_tasks_max =
            usize::try_from(finished).map_or(0, |max| max.min(FINISHED_MAX));
        loaded
    }

    /// Bytes of output that wait for a slow client; `notify()` with `no_flush` answers 0 beyond.
    pub(crate) fn queued_output(&self) -> u32 {
        self.queued_output_max.unwrap_or(QUEUED_OUTPUT)
    }

    fn protect(&mut self, name: &str) {
        self.protected.insert(name.to_owned());
        if let Some(number) = registry().number(name) {
            let number = usize::from(number);
            let len = self.protected_builtins.len().max(number + 1);
            self.protected_builtins.resize(len, false);
            self.protected_builtins[number] = true;
        }
    }

    /// Whether only wizards may use the builtin function of this number; asked at every call of one.
    #[inline]
    pub(crate) fn is_protected_builtin(&self, number: u16) -> bool {
        let known = self.protected_builtins.get(usize::from(number));
        known.is_some_and(|is_protected| *is_protected)
    }

    /// Whether only wizards may use this builtin function or built-in property.
    pub(crate) fn is_protected(&self, name: &str) -> bool {
        self.protected.contains(name)
    }
}

/// Ticks and seconds of foreground tasks.
pub(crate) fn foreground(txn: &mut Transaction) -> (i64, i64) {
    let limits = Limits::read(txn, false);
    (
        limits.ticks,
        i64::try_from(limits.seconds.as_secs()).unwrap_or(i64::MAX),
    )
}

/// An option as an integer; its default when it is absent or something else.
pub(crate) fn integer_option(txn: &mut Transaction, name: &str, default: i64) -> i64 {
    match options_object(txn) {
        Some(options) => integer(txn, options, name, default),
        None => default,
    }
}

/// An option as a float; its default when it is absent or something else.
pub(crate) fn float_option(txn: &mut Transaction, name: &str, default: f64) -> f64 {
    let value = options_object(txn).and_then(|options| property(txn, options, name));
    match value {
        Some(Value::Float(number)) => number,
        _ => default,
    }
}

/// An option as a truth value; its default when it is absent.
pub(crate) fn flag_option(txn: &mut Transaction, name: &str, default: bool) -> bool {
    let value = options_object(txn).and_then(|options| property(txn, options, name));
    value.map_or(default, |value| value.is_true())
}

/// Seconds until a connection of `handler` that does not log in is closed; `None` for never.
pub(crate) fn connect_timeout(txn: &mut Transaction, handler: ObjId) -> Option<Duration> {
    let value = handler_option(txn, handler, "connect_timeout");
    let seconds = match value {
        None => CONNECT_TIMEOUT_S,
        Some(Value::Int(seconds)) => seconds,
        Some(_) => 0,
    };
    (seconds > 0).then(|| Duration::from_secs(seconds.unsigned_abs()))
}

/// A message of the server as a world words it: the lines of the property `name` of the options
/// of `handler`, then of `#0`; `default` when there is none; nothing when it is not text.
pub(crate) fn message(
    txn: &mut Transaction,
    handler: ObjId,
    name: &str,
    default: &str,
) -> Vec<String> {
    match handler_option(txn, handler, name) {
        None => vec![default.to_owned()],
        Some(Value::Str(line)) => vec![line.as_str().to_owned()],
        Some(Value::List(lines)) => lines
            .iter()
            .filter_map(|line| line.as_str().map(|line| line.as_str().to_owned()))
            .collect(),
        Some(_) => Vec::new(),
    }
}

/// An option of a handler's own `server_options`, else of `#0`'s.
pub(crate) fn handler_option(txn: &mut Transaction, handler: ObjId, name: &str) -> Option<Value> {
    let own = match property(txn, handler, "server_options") {
        Some(Value::Obj(options)) if handler != ObjId::SYSTEM => property(txn, options, name),
        _ => None,
    };
    own.or_else(|| {
        let options = options_object(txn)?;
        property(txn, options, name)
    })
}

/// `#0.server_options`.
fn options_object(txn: &mut Transaction) -> Option<ObjId> {
    property(txn, ObjId::SYSTEM, "server_options")?.as_obj()
}

/// A property's value, whoever may read it.
pub(crate) fn property(txn: &mut Transaction, object: ObjId, name: &str) -> Option<Value> {
    txn.property_value(Entity::object(object), Symbol::lookup(name)?)
}

/// A property as an integer; `default` when it is absent or something else.
fn integer(txn: &mut Transaction, object: ObjId, name: &str, default: i64) -> i64 {
    match property(txn, object, name) {
        Some(Value::Int(number)) => number,
        _ => default,
    }
}

/// Sets the size of a kind of values to what an option says, where there is one.
fn size(txn: &mut Transaction, options: ObjId, name: &str, bytes_max: &mut usize) {
    let Some(value) = property(txn, options, name) else {
        return;
    };
    let bytes = match value {
        Value::Int(bytes) if bytes > 0 => bytes.clamp(VALUE_BYTES_MIN, VALUE_BYTES_MAX),
        _ => VALUE_BYTES_MAX,
    };
    *bytes_max = bytes as usize;
}
