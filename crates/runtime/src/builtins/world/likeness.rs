//! Which of several things a text means: by its beginning, a part of it, a slip of the pen, or an ordinal.
//!
//! In: a text, and strings, objects, or anything with its names beside it. Out: the one that is meant, or all of them. How names are
//! compared is the `command` crate's knowledge.

use moor_command::{Ranking, Tier, split_ordinal};
use moor_value::{ErrorCode, List, ObjId, Str, Value};
use moor_world::Entity;

use crate::builtins::arg::Args;
use crate::builtins::env::{Env, Reply, value};
use crate::builtins::spec::world;
use crate::builtins::{BuiltinSpec, Raise};
use crate::stretch::Stretch;

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!("complex_match", 2..=4, [Str, List, Any, Any], MooR, complex_match)
        .doc(
            "text targets keys:LIST fuzziness",
            "value",
            "The target that a text means, or #-3: first one whose name is the text, then one whose name begins with it, then one \
             whose name contains it, then, with `fuzziness` (a number up to 1, 0.5 if it is only true), one whose name is a few \
             letters away. Targets are strings, or objects by their names; with `keys`, a string or list of strings for each, \
             anything. `2.lamp`, `2nd lamp` and `second lamp` mean the second of all that fit. #-2 if lists of keys name the text \
             for several targets.",
        )
        .raises(
            "E_TYPE if a target without keys is neither string nor object, or a key no string; E_INVARG if there are not as many \
             keys as targets",
        ),
    world!("complex_matches", 2..=4, [Str, List, Any, Any], MooR, complex_matches)
        .doc(
            "text targets keys:LIST fuzziness",
            "LIST",
            "The targets that a text means as well as any, in the ways of `complex_match()`; `all lamp` and `*.lamp` mean all that \
             fit, the best first.",
        )
        .raises(
            "E_TYPE if a target without keys is neither string nor object, or a key no string; E_INVARG if there are not as many \
             keys as targets",
        ),
];

/// How far away a name may be where nothing is said but that it may.
const FUZZINESS: f64 = 0.5;
/// Steps of work between two looks at the clock: bytes of names, and what it takes to compare a short one.
const STEPS_BETWEEN_LOOKS: usize = 1 << 16;
/// Steps of one name besides its bytes.
const NAME_STEPS: usize = 1 << 8;
/// What stands before a text that means everything that fits.
const ALL: [&str; 2] = ["all ", "*."];

/// How long names have been compared without a look at the clock.
#[derive(Default)]
pub(super) struct Pace(usize);

impl Pace {
    /// One more name is to be compared, or one more thing looked at that has none.
    ///
    /// # Errors
    /// E_QUOTA if the task's time is up.
    pub(super) fn step<'n>(
        &mut self,
        stretch: &Stretch<'_>,
        name: &'n str,
    ) -> Result<&'n str, Raise> {
        self.0 += NAME_STEPS + name.len();
        if self.0 < STEPS_BETWEEN_LOOKS {
            return Ok(name);
        }
        self.0 = 0;
        match stretch.is_late() {
            true => Err(ErrorCode::Quota.into()),
            false => Ok(name),
        }
    }
}

/// The arguments of either builtin.
struct Question {
    text: Str,
    targets: List,
    keys: Option<List>,
    fuzziness: f64,
}

impl Question {
    fn read(args: &[Value]) -> Result<Self, Raise> {
        let (keys, behind) = match args.given(2) {
            Some(Value::List(keys)) => (Some(keys.clone()), args.given(3)),
            Some(other) if args.len() == 3 => (None, Some(other)),
            _ => (None, args.given(3)),
        };
        let targets = args.list(1)?.clone();
        if keys
            .as_ref()
            .is_some_and(|keys| keys.len() != targets.len())
        {
            return Err(ErrorCode::InvArg.into());
        }
        Ok(Self {
            text: args.str(0)?.clone(),
            targets,
            keys,
            fuzziness: behind.map_or(0.0, fuzziness),
        })
    }

    /// The targets, by how well they fit `wanted`.
    fn rank<'a>(&self, env: &mut Env<'_, '_, '_>, wanted: &'a str) -> Result<Ranking<'a>, Raise> {
        let mut ranking = Ranking::new(wanted, self.fuzziness);
        let mut pace = Pace::default();
        for (at, target) in self.targets.iter().enumerate() {
            match self.keys.as_ref().and_then(|keys| keys.get(at)) {
                Some(key) => {
                    let names = names_of_key(key);
                    ranking.consider(at, names.map(|name| pace.step(env.stretch, name?)))?;
                }
                None => {
                    let name = name_of(env, target)?.unwrap_or_default();
                    ranking.consider(at, [pace.step(env.stretch, name.as_str())])?;
                }
            }
        }
        Ok(ranking)
    }

    fn target(&self, at: Option<usize>) -> Option<Value> {
        at.and_then(|at| self.targets.get(at)).cloned()
    }
}

/// How far away a name may be.
fn fuzziness(argument: &Value) -> f64 {
    match argument {
        Value::Float(share) => *share,
        Value::Int(share) => *share as f64,
        truth if truth.is_true() => FUZZINESS,
        _ => 0.0,
    }
}

/// The name of a target without keys; none where an object is gone.
fn name_of(env: &mut Env<'_, '_, '_>, target: &Value) -> Result<Option<Str>, Raise> {
    if let Value::Str(name) = target {
        return Ok(Some(name.clone()));
    }
    let entity = Entity::of(target).ok_or(ErrorCode::Type)?;
    let txn = &mut env.stretch.txn;
    Ok(txn.valid(entity).then(|| txn.name(entity)))
}

/// The strings of a target's key.
fn names_of_key(key: &Value) -> impl Iterator<Item = Result<&str, Raise>> {
    let names = match key {
        Value::List(names) => names.as_slice(),
        one => std::slice::from_ref(one),
    };
    names.iter().map(spelled)
}

fn spelled(name: &Value) -> Result<&str, Raise> {
    let name = name.as_str().ok_or(ErrorCode::Type)?;
    Ok(name.as_str())
}

fn complex_match(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let question = Question::read(args)?;
    let text = question.text.as_str();
    let whole = question.rank(env, text)?;
    let found = match split_ordinal(text) {
        Some((ordinal, name)) if whole.of(Tier::Exact).is_empty() => {
            let ranking = question.rank(env, name)?;
            question.target(ranking.all().nth(ordinal - 1))
        }
        _ => {
            let exact = whole.of(Tier::Exact);
            let listed = |at: &usize| {
                let key = question.keys.as_ref().and_then(|keys| keys.get(*at));
                matches!(key, Some(Value::List(_)))
            };
            if exact.len() > 1 && exact.iter().any(listed) {
                return value(ObjId::AMBIGUOUS);
            }
            question.target(whole.best().first().copied())
        }
    };
    value(found.unwrap_or(Value::Obj(ObjId::FAILED)))
}

fn complex_matches(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let question = Question::read(args)?;
    let text = question.text.as_str();
    let all = ALL.iter().find_map(|all| strip_fold(text, all));
    let found: Vec<usize> = match (all, split_ordinal(text)) {
        (Some(name), _) => question.rank(env, name)?.all().collect(),
        (None, ordinal) => {
            let whole = question.rank(env, text)?;
            match ordinal {
                Some((ordinal, name)) if whole.of(Tier::Exact).is_empty() => {
                    let ranking = question.rank(env, name)?;
                    ranking.all().nth(ordinal - 1).into_iter().collect()
                }
                _ => whole.best().to_vec(),
            }
        }
    };
    let found = found.into_iter().filter_map(|at| question.target(Some(at)));
    value(found.collect::<List>())
}

/// What stands behind a beginning that is written in either case; nothing where nothing does.
fn strip_fold<'a>(text: &'a str, beginning: &str) -> Option<&'a str> {
    let (head, tail) = text.split_at_checked(beginning.len())?;
    let name = tail.trim_start();
    (head.eq_ignore_ascii_case(beginning) && !name.is_empty()).then_some(name)
}
