//! One instruction with everything that it can mean: every kind of value, every error. The dispatch loop
//! (`dispatch.rs`) does the usual cases itself and comes here with the rest.
//!
//! A step borrows the frame's program and its window of the stack. Whatever changes frames ends it with an [`Exit`] and
//! is done in `calls.rs` or `unwind.rs`. A register that was never set is looked for only when an operation has failed.

use moor_bytecode::{CodeTable, Instruction as I, RESULT, Sense, TAKE};
use moor_value::{ErrorCode, List, ObjId, Str, Value, ValueType};

use crate::arithmetic as math;
use crate::collection;
use crate::compare;
use crate::context::Context;
use crate::frame::called_as;
use crate::host::{BuiltinOutcome, Host};
use crate::outcome::{SLOT_BYTES, TaskLimits};
use crate::raise::Raise;
use crate::registers::{
    add_registers, add_value, copy, float_sum, next_element, property_symbol, set_float, set_int,
    set_path, set_range,
};
use crate::run::{CalledName, Exit, Fuel};
use crate::scatter::{self, Source};
use crate::vm::Vm;

/// E_VARNF when one of these registers was never set.
#[cold]
#[inline(never)]
fn unset(program: &CodeTable, regs: &[Value], used: &[u16]) -> Option<Box<Raise>> {
    let register = *used.iter().find(|r| regs[usize::from(**r)].is_none())?;
    let name = program
        .variables
        .get(usize::from(register))
        .map_or("?", Str::as_str);
    Some(Raise::variable(name))
}

impl Vm {
    /// Carries out the instruction that the top frame's `pc` names. `None`: go on where `pc` then points.
    #[inline(never)]
    #[allow(clippy::too_many_lines)] // one flat table of meanings
    pub(crate) fn step<H: Host>(
        &mut self,
        host: &mut H,
        limits: &TaskLimits,
        fuel: &mut Fuel,
    ) -> Option<Exit<H::Request>> {
        let depth = self.frames.len();
        let frame = &self.frames[depth - 1];
        let (base, argc, debug) = (frame.base as usize, frame.argc as usize, frame.debug);
        let mut pc = frame.pc as usize;
        let program: &CodeTable = &self.verbs.get(frame.verb).program;
        let code = program.code.as_slice();
        let (below, above) = self.stack.split_at_mut(base);
        let regs = &mut above[..usize::from(program.registers)];
        let args = &mut below[base - argc..];
        let mut slice = fuel.slice;

        macro_rules! reg {
            ($r:expr) => {
                regs[usize::from($r)]
            };
        }
        // Leaves the loop; line numbers and handlers go by the frame's pc.
        macro_rules! exit {
            ($exit:expr) => {{
                let exit = $exit;
                self.frames[depth - 1].pc = pc as u32;
                fuel.slice = slice;
                return Some(exit);
            }};
        }
        macro_rules! done {
            () => {{
                self.frames[depth - 1].pc = pc as u32;
                fuel.slice = slice;
                return None;
            }};
        }
        // Calls and returns change frames here and now: they are too frequent to be described first.
        macro_rules! call_verb {
            ($base:expr, $args:expr, $argc:expr, $name:expr, $is_spread:expr) => {{
                self.frames[depth - 1].pc = pc as u32;
                fuel.slice = slice;
                let ended = self.call_verb(host, limits, $base, $args, $argc, $name, $is_spread);
                return ended.map(Exit::Ended);
            }};
        }
        macro_rules! return_value {
            ($value:expr) => {{
                let value = $value;
                self.frames[depth - 1].pc = pc as u32;
                fuel.slice = slice;
                let ended = self.return_value(value, host, limits, fuel);
                return ended.map(Exit::Ended);
            }};
        }
        // Raises, or without the debug flag makes the code the value of `dst`.
        macro_rules! fail {
            ($raise:expr, $dst:expr, [$($used:expr),*]) => {{
                let raise = $raise;
                let raise = unset(program, regs, &[$($used),*]).unwrap_or(raise);
                if debug || raise.fatal {
                    exit!(Exit::Raise(raise));
                }
                reg!($dst) = raise.code;
                done!();
            }};
        }
        // dst = a computation that may fail.
        macro_rules! compute {
            ($dst:expr, $result:expr, [$($used:expr),*]) => {
                match $result {
                    Ok(value) => reg!($dst) = value,
                    Err(raise) => fail!(raise, $dst, [$($used),*]),
                }
            };
        }
        macro_rules! jump {
            ($ticks:expr, $target:expr) => {{
                slice -= i64::from($ticks);
                if slice < 0 {
                    exit!(Exit::Slice($target));
                }
                pc = usize::from($target);
            }};
        }
        macro_rules! branch {
            ($sense:expr, $truth:expr, $target:expr) => {{
                let sense = Sense($sense);
                if $truth == sense.want() {
                    jump!(sense.ticks(), $target);
                }
            }};
        }
        // A comparison that failed without being raised counts as false.
        macro_rules! branch_failed {
            ($sense:expr, $raise:expr, $target:expr, [$($used:expr),*]) => {{
                let raise = $raise;
                let raise = unset(program, regs, &[$($used),*]).unwrap_or(raise);
                if debug || raise.fatal {
                    exit!(Exit::Raise(raise));
                }
                branch!($sense, false, $target);
            }};
        }
        macro_rules! branch_order {
            ($sense:expr, $a:expr, $b:expr, $target:expr, $int:tt, $test:ident) => {
                if let (Value::Int(x), Value::Int(y)) = (&reg!($a), &reg!($b)) {
                    branch!($sense, (x $int y), $target);
                } else {
                    match compare::order(&reg!($a), &reg!($b)) {
                        Ok(order) => branch!($sense, order.$test(), $target),
                        Err(raise) => branch_failed!($sense, raise, $target, [$a, $b]),
                    }
                }
            };
        }
        macro_rules! branch_order_int {
            ($sense:expr, $a:expr, $imm:expr, $target:expr, $int:tt, $test:ident) => {
                if let Value::Int(x) = &reg!($a) {
                    branch!($sense, (*x $int i64::from($imm)), $target);
                } else {
                    match compare::order(&reg!($a), &Value::Int(i64::from($imm))) {
                        Ok(order) => branch!($sense, order.$test(), $target),
                        Err(raise) => branch_failed!($sense, raise, $target, [$a]),
                    }
                }
            };
        }
        macro_rules! order {
            ($dst:expr, $a:expr, $b:expr, $int:tt, $test:ident) => {
                match (&reg!($a), &reg!($b)) {
                    (Value::Int(x), Value::Int(y)) => {
                        let truth = x $int y;
                        set_int(&mut reg!($dst), i64::from(truth));
                    }
                    (a, b) => compute!(
                        $dst,
                        compare::order(a, b).map(|order| Value::Int(i64::from(order.$test()))),
                        [$a, $b]
                    ),
                }
            };
        }
        macro_rules! context {
            ($dst:expr) => {{
                let frame = &mut self.frames[depth - 1];
                frame.pc = pc as u32;
                frame.result = $dst;
                Context {
                    frames: &mut self.frames,
                    verbs: &self.verbs,
                    commands: &self.commands,
                    root_caller: &self.root_caller,
                    ticks_left: fuel.reserve + slice,
                }
            }};
        }
        macro_rules! tick {
            () => {{
                slice -= 1;
                if slice < 0 {
                    // The call itself runs when the slice has begun.
                    let again = pc - 1;
                    exit!(Exit::Slice(again as u16));
                }
            }};
        }

        let instruction = code[pc];
        pc += 1;
        {
            match instruction {
                I::Move { dst, src } => {
                    let value = copy(&reg!(src));
                    if value.is_none() {
                        fail!(Raise::new(ErrorCode::VarNf), dst, [src]);
                    }
                    reg!(dst) = value;
                }
                I::Take { dst, src } => {
                    let value = reg!(src).take();
                    reg!(dst) = value;
                }
                I::Clear { dst } => reg!(dst) = Value::None,
                I::Const { dst, k } => {
                    let constant = &program.constants[usize::from(k)];
                    // A list of constants is still a list that the program builds.
                    if let Value::List(list) = constant
                        && list.len() > 1
                        && constant.bytes() > limits.list_bytes()
                    {
                        fail!(limits.quota(), dst, []);
                    }
                    reg!(dst) = constant.clone();
                }
                I::Int { dst, imm } => set_int(&mut reg!(dst), i64::from(imm)),
                I::LoadThis { dst } => reg!(dst) = copy(&self.frames[depth - 1].this),
                I::LoadCaller { dst } => {
                    reg!(dst) = match depth.checked_sub(2) {
                        Some(caller) => self.frames[caller].this.clone(),
                        None => self.root_caller.clone(),
                    };
                }
                I::LoadPlayer { dst } => reg!(dst) = Value::Obj(self.frames[depth - 1].player),
                I::LoadVerb { dst } => {
                    reg!(dst) = Value::Str(called_as(&self.frames, &self.verbs, depth - 1).clone());
                }
                I::LoadCommand { which, dst } => {
                    let command = &self.commands[self.frames[depth - 1].command as usize];
                    reg!(dst) = command.fields()[usize::from(which)].clone();
                }
                I::LoadArgs { dst } => {
                    reg!(dst) = Value::List(args.iter_mut().map(Value::take).collect::<List>());
                }
                I::ArgIndex { dst, index } => match args.get(usize::from(index).wrapping_sub(1)) {
                    Some(value) => reg!(dst) = copy(value),
                    None => fail!(Raise::new(ErrorCode::Range), dst, []),
                },
                I::ArgCount { dst } => set_int(&mut reg!(dst), argc as i64),

                I::Add { dst, a, b } => {
                    if let (Value::Int(x), Value::Int(y)) = (&reg!(a), &reg!(b)) {
                        let sum = x.wrapping_add(*y);
                        set_int(&mut reg!(dst), sum);
                    } else if let Some(sum) = float_sum(&reg!(a), &reg!(b)) {
                        set_float(&mut reg!(dst), sum);
                    } else if let Err(raise) = add_registers(regs, dst, a, b, limits) {
                        fail!(raise, dst, [a, b]);
                    }
                }
                I::Sub { dst, a, b } => match (&reg!(a), &reg!(b)) {
                    (Value::Int(x), Value::Int(y)) => {
                        let difference = x.wrapping_sub(*y);
                        set_int(&mut reg!(dst), difference);
                    }
                    (a_value, b_value) => compute!(dst, math::subtract(a_value, b_value), [a, b]),
                },
                I::Mul { dst, a, b } => match (&reg!(a), &reg!(b)) {
                    (Value::Int(x), Value::Int(y)) => {
                        let product = x.wrapping_mul(*y);
                        set_int(&mut reg!(dst), product);
                    }
                    (a_value, b_value) => compute!(dst, math::multiply(a_value, b_value), [a, b]),
                },
                I::Div { dst, a, b } => compute!(dst, math::divide(&reg!(a), &reg!(b)), [a, b]),
                I::Mod { dst, a, b } => match (&reg!(a), &reg!(b)) {
                    (Value::Int(x), Value::Int(y)) if *y != 0 => {
                        let rest = math::modulo_int(*x, *y).unwrap_or(0);
                        set_int(&mut reg!(dst), rest);
                    }
                    (a_value, b_value) => compute!(dst, math::modulo(a_value, b_value), [a, b]),
                },
                I::Pow { dst, a, b } => compute!(dst, math::power(&reg!(a), &reg!(b)), [a, b]),
                I::AddI { dst, a, imm } => match &reg!(a) {
                    Value::Int(x) => {
                        let sum = x.wrapping_add(i64::from(imm));
                        set_int(&mut reg!(dst), sum);
                    }
                    _ => {
                        let b = Value::Int(i64::from(imm));
                        if let Err(raise) = add_value(regs, dst, a, &b, limits) {
                            fail!(raise, dst, [a]);
                        }
                    }
                },
                I::SubI { dst, a, imm } => match &reg!(a) {
                    Value::Int(x) => {
                        let difference = x.wrapping_sub(i64::from(imm));
                        set_int(&mut reg!(dst), difference);
                    }
                    value => compute!(dst, math::subtract(value, &Value::Int(i64::from(imm))), [a]),
                },
                I::MulI { dst, a, imm } => match &reg!(a) {
                    Value::Int(x) => {
                        let product = x.wrapping_mul(i64::from(imm));
                        set_int(&mut reg!(dst), product);
                    }
                    value => compute!(dst, math::multiply(value, &Value::Int(i64::from(imm))), [a]),
                },
                I::DivI { dst, a, imm } => compute!(
                    dst,
                    math::divide(&reg!(a), &Value::Int(i64::from(imm))),
                    [a]
                ),
                I::ModI { dst, a, imm } => match &reg!(a) {
                    Value::Int(x) if imm != 0 => {
                        let rest = math::modulo_int(*x, i64::from(imm)).unwrap_or(0);
                        set_int(&mut reg!(dst), rest);
                    }
                    value => compute!(dst, math::modulo(value, &Value::Int(i64::from(imm))), [a]),
                },
                I::AddK { dst, a, k } => {
                    let constant = &program.constants[usize::from(k)];
                    if let Some(sum) = float_sum(&reg!(a), constant) {
                        set_float(&mut reg!(dst), sum);
                    } else if let Err(raise) = add_value(regs, dst, a, constant, limits) {
                        fail!(raise, dst, [a]);
                    }
                }
                I::SubK { dst, a, k } => {
                    compute!(
                        dst,
                        math::subtract(&reg!(a), &program.constants[usize::from(k)]),
                        [a]
                    );
                }
                I::MulK { dst, a, k } => match (&reg!(a), &program.constants[usize::from(k)]) {
                    (Value::Float(x), Value::Float(y)) if (x * y).is_finite() => {
                        let product = x * y;
                        set_float(&mut reg!(dst), product);
                    }
                    (value, constant) => compute!(dst, math::multiply(value, constant), [a]),
                },
                I::DivK { dst, a, k } => {
                    compute!(
                        dst,
                        math::divide(&reg!(a), &program.constants[usize::from(k)]),
                        [a]
                    );
                }
                I::Neg { dst, a } => compute!(dst, math::negate(&reg!(a)), [a]),
                I::Not { dst, a } => {
                    if reg!(a).is_none() {
                        fail!(Raise::new(ErrorCode::VarNf), dst, [a]);
                    }
                    let truth = reg!(a).is_true();
                    set_int(&mut reg!(dst), i64::from(!truth));
                }
                I::Complement { dst, a } => compute!(dst, math::complement(&reg!(a)), [a]),
                I::BitAnd { dst, a, b } => {
                    compute!(dst, math::bits(&reg!(a), &reg!(b), |x, y| x & y), [a, b])
                }
                I::BitOr { dst, a, b } => {
                    compute!(dst, math::bits(&reg!(a), &reg!(b), |x, y| x | y), [a, b])
                }
                I::BitXor { dst, a, b } => {
                    compute!(dst, math::bits(&reg!(a), &reg!(b), |x, y| x ^ y), [a, b])
                }
                I::Shl { dst, a, b } => {
                    compute!(dst, math::shift(&reg!(a), &reg!(b), true), [a, b])
                }
                I::Shr { dst, a, b } => {
                    compute!(dst, math::shift(&reg!(a), &reg!(b), false), [a, b])
                }

                I::Eq { dst, a, b } | I::Ne { dst, a, b } => {
                    if reg!(a).is_none() || reg!(b).is_none() {
                        fail!(Raise::new(ErrorCode::VarNf), dst, [a, b]);
                    }
                    let truth = (reg!(a) == reg!(b)) == matches!(instruction, I::Eq { .. });
                    set_int(&mut reg!(dst), i64::from(truth));
                }
                I::Lt { dst, a, b } => order!(dst, a, b, <, is_lt),
                I::Le { dst, a, b } => order!(dst, a, b, <=, is_le),
                I::Gt { dst, a, b } => order!(dst, a, b, >, is_gt),
                I::Ge { dst, a, b } => order!(dst, a, b, >=, is_ge),
                I::In { dst, a, b } => {
                    if reg!(a).is_none() || reg!(b).is_none() {
                        fail!(Raise::new(ErrorCode::VarNf), dst, [a, b]);
                    }
                    compute!(dst, compare::position(&reg!(a), &reg!(b)), [a, b]);
                }

                I::Jump { ticks, target } => jump!(ticks, target),
                I::Br { sense, a, target } => match &reg!(a) {
                    Value::Int(n) => branch!(sense, (*n != 0), target),
                    Value::None => branch_failed!(sense, Raise::new(ErrorCode::VarNf), target, [a]),
                    value => branch!(sense, value.is_true(), target),
                },
                I::BrEq {
                    sense,
                    a,
                    b,
                    target,
                } => match (&reg!(a), &reg!(b)) {
                    (Value::Int(x), Value::Int(y)) => branch!(sense, (x == y), target),
                    (Value::None, _) | (_, Value::None) => {
                        branch_failed!(sense, Raise::new(ErrorCode::VarNf), target, [a, b]);
                    }
                    (x, y) => branch!(sense, (x == y), target),
                },
                I::BrLt {
                    sense,
                    a,
                    b,
                    target,
                } => branch_order!(sense, a, b, target, <, is_lt),
                I::BrLe {
                    sense,
                    a,
                    b,
                    target,
                } => branch_order!(sense, a, b, target, <=, is_le),
                I::BrGt {
                    sense,
                    a,
                    b,
                    target,
                } => branch_order!(sense, a, b, target, >, is_gt),
                I::BrGe {
                    sense,
                    a,
                    b,
                    target,
                } => branch_order!(sense, a, b, target, >=, is_ge),
                I::BrEqK {
                    sense,
                    a,
                    k,
                    target,
                } => match &reg!(a) {
                    Value::None => branch_failed!(sense, Raise::new(ErrorCode::VarNf), target, [a]),
                    value => branch!(sense, (*value == program.constants[usize::from(k)]), target),
                },
                I::BrEqI {
                    sense,
                    a,
                    imm,
                    target,
                } => match &reg!(a) {
                    Value::Int(n) => branch!(sense, (*n == i64::from(imm)), target),
                    Value::None => branch_failed!(sense, Raise::new(ErrorCode::VarNf), target, [a]),
                    value => branch!(sense, (*value == Value::Int(i64::from(imm))), target),
                },
                I::BrLtI {
                    sense,
                    a,
                    imm,
                    target,
                } => branch_order_int!(sense, a, imm, target, <, is_lt),
                I::BrLeI {
                    sense,
                    a,
                    imm,
                    target,
                } => branch_order_int!(sense, a, imm, target, <=, is_le),
                I::BrGtI {
                    sense,
                    a,
                    imm,
                    target,
                } => branch_order_int!(sense, a, imm, target, >, is_gt),
                I::BrGeI {
                    sense,
                    a,
                    imm,
                    target,
                } => branch_order_int!(sense, a, imm, target, >=, is_ge),

                I::RangePrep { var, state, end } => match (&reg!(state), &reg!(state + 1)) {
                    (Value::Int(from), Value::Int(to)) => {
                        let from = *from;
                        if from > *to {
                            pc = usize::from(end);
                        } else {
                            set_int(&mut reg!(var), from);
                        }
                    }
                    (Value::Obj(from), Value::Obj(to)) => {
                        let from = *from;
                        if from > *to {
                            pc = usize::from(end);
                        } else {
                            reg!(var) = Value::Obj(from);
                        }
                    }
                    (from, to) => {
                        let wrong = if matches!(to, Value::Int(_) | Value::Obj(_)) {
                            from
                        } else {
                            to
                        };
                        let raise = Raise::type_mismatch(wrong, &[ValueType::Int, ValueType::Obj]);
                        if debug {
                            exit!(Exit::Raise(raise));
                        }
                        pc = usize::from(end);
                    }
                },
                I::RangeStep {
                    ticks,
                    var,
                    state,
                    body,
                } => {
                    let ints = (&reg!(state), &reg!(state + 1));
                    if let (&Value::Int(current), &Value::Int(last)) = ints {
                        if current < last {
                            set_int(&mut reg!(state), current + 1);
                            set_int(&mut reg!(var), current + 1);
                            jump!(ticks, body);
                        }
                    } else if let (&Value::Obj(current), &Value::Obj(last)) = ints
                        && current < last
                    {
                        reg!(state) = Value::Obj(ObjId(current.0 + 1));
                        reg!(var) = Value::Obj(ObjId(current.0 + 1));
                        jump!(ticks, body);
                    }
                }
                I::EachPrep { state, step, end } => match &reg!(state) {
                    Value::List(_) | Value::Str(_) => {
                        set_int(&mut reg!(state + 1), 0);
                        pc = usize::from(step);
                    }
                    Value::Map(_) => {
                        reg!(state + 1) = Value::None;
                        pc = usize::from(step);
                    }
                    value => {
                        let expected = &[ValueType::Str, ValueType::List, ValueType::Map];
                        let raise = Raise::type_mismatch(value, expected);
                        if debug {
                            exit!(Exit::Raise(raise));
                        }
                        pc = usize::from(end);
                    }
                },
                I::EachStep {
                    ticks,
                    var,
                    state,
                    body,
                } => {
                    if next_element(regs, var, state) {
                        jump!(ticks, body);
                    }
                }

                I::List { dst, base, count } => {
                    let (from, to) = (usize::from(base), usize::from(base) + usize::from(count));
                    let items: Vec<Value> = regs[from..to].iter_mut().map(Value::take).collect();
                    if items.iter().any(|item| !item.nestable()) {
                        fail!(Raise::new(ErrorCode::Quota), dst, []);
                    }
                    if let Err(raise) = limits.check_items(&items) {
                        fail!(raise, dst, []);
                    }
                    reg!(dst) = Value::List(List::from_vec(items));
                }
                I::Push { flags, list, src } => {
                    let value = if flags & TAKE != 0 {
                        reg!(src).take()
                    } else {
                        copy(&reg!(src))
                    };
                    if value.is_none() {
                        fail!(Raise::new(ErrorCode::VarNf), list, [src]);
                    }
                    if let Err(raise) = collection::push(&mut reg!(list), value, limits) {
                        fail!(raise, list, [list]);
                    }
                }
                I::Extend { flags, list, src } => {
                    let value = if flags & TAKE != 0 {
                        reg!(src).take()
                    } else {
                        reg!(src).clone()
                    };
                    if value.is_none() {
                        fail!(Raise::new(ErrorCode::VarNf), list, [src]);
                    }
                    if let Err(raise) = collection::extend(&mut reg!(list), &value, limits) {
                        fail!(raise, list, [list]);
                    }
                }
                I::Insert { map, key, value } => {
                    let value = reg!(value).take();
                    let key = reg!(key).take();
                    if let Err(raise) = collection::insert(&mut reg!(map), &key, value, limits) {
                        fail!(raise, map, []);
                    }
                }
                I::Index { dst, a, i } => match (&reg!(a), &reg!(i)) {
                    (Value::List(list), Value::Int(n)) => match collection::place(*n, list.len()) {
                        Some(at) => {
                            let value = copy(&list.as_slice()[at]);
                            reg!(dst) = value;
                        }
                        None => fail!(Raise::new(ErrorCode::Range), dst, []),
                    },
                    (waif @ Value::Waif(_), index) if !index.is_none() => {
                        let exit = waif_get(waif, index.clone());
                        self.frames[depth - 1].result = dst;
                        exit!(exit);
                    }
                    (value, index) => compute!(dst, collection::get(value, index), [a, i]),
                },
                I::IndexI { dst, a, imm } => match &reg!(a) {
                    Value::List(list) => match collection::place(i64::from(imm), list.len()) {
                        Some(at) => {
                            let value = copy(&list.as_slice()[at]);
                            reg!(dst) = value;
                        }
                        None => fail!(Raise::new(ErrorCode::Range), dst, []),
                    },
                    waif @ Value::Waif(_) => {
                        let exit = waif_get(waif, Value::Int(i64::from(imm)));
                        self.frames[depth - 1].result = dst;
                        exit!(exit);
                    }
                    value => compute!(
                        dst,
                        collection::get(value, &Value::Int(i64::from(imm))),
                        [a]
                    ),
                },
                I::Range { dst, a, range } => {
                    let result = collection::range(&reg!(a), &reg!(range), &reg!(range + 1));
                    compute!(dst, result, [a, range, range + 1]);
                }
                I::First { dst, a } => compute!(dst, collection::first(&reg!(a)), [a]),
                I::Last { dst, a } => compute!(dst, collection::last(&reg!(a)), [a]),
                I::SetIndex { flags, a, i, value } => {
                    if let (&Value::Int(at), &Value::Int(n)) = (&reg!(i), &reg!(value))
                        && let Value::List(list) = &mut reg!(a)
                        && list.bytes().saturating_add(SLOT_BYTES) <= limits.list_bytes()
                        && list.replace_int((at as usize).wrapping_sub(1), n)
                    {
                        done!();
                    }
                    let new = if flags & TAKE != 0 {
                        reg!(value).take()
                    } else {
                        copy(&reg!(value))
                    };
                    if new.is_none() || reg!(i).is_none() {
                        fail!(Raise::new(ErrorCode::VarNf), a, [i, value]);
                    }
                    if let waif @ Value::Waif(_) = &reg!(a) {
                        let waif = waif.clone();
                        let args = [copy(&reg!(i)), new];
                        self.frames[depth - 1].result = a;
                        exit!(Exit::Waif {
                            waif,
                            verb: "_set_index",
                            args,
                            argc: 2
                        });
                    }
                    let index = copy(&reg!(i));
                    if let Err(raise) = collection::set_index(&mut reg!(a), &index, new, limits) {
                        fail!(raise, a, [a]);
                    }
                }
                I::SetPath {
                    count,
                    a,
                    keys,
                    value,
                } => {
                    if let Err(raise) = set_path(regs, a, (keys, count), value, limits) {
                        fail!(raise, a, [a, value]);
                    }
                }
                I::SetRange {
                    count,
                    a,
                    keys,
                    value,
                } => {
                    if let Err(raise) = set_range(regs, a, (keys, count), value, limits) {
                        fail!(raise, a, [a, value]);
                    }
                }
                I::Length { dst, a, builtin } => match collection::length(&reg!(a)) {
                    Some(length) if !host.is_protected(builtin) => set_int(&mut reg!(dst), length),
                    _ if reg!(a).is_none() => fail!(Raise::new(ErrorCode::VarNf), dst, [a]),
                    _ => {
                        let mut window = [reg!(a).clone()];
                        let mut context = context!(dst);
                        match host.call_builtin(builtin, &mut window, &mut context) {
                            BuiltinOutcome::Return(value) => reg!(dst) = value,
                            outcome => exit!(Exit::Builtin(outcome)),
                        }
                    }
                },
                I::Scatter { src, pattern } => {
                    let pattern = &program.scatters[usize::from(pattern)];
                    let result = match &reg!(src) {
                        Value::List(list) => {
                            scatter::scatter(pattern, Source::List(list.clone()), regs)
                        }
                        value => Err(Raise::type_mismatch(value, &[ValueType::List])),
                    };
                    match result {
                        Ok(target) => pc = usize::from(target),
                        Err(raise) => {
                            let raise = unset(program, regs, &[src]).unwrap_or(raise);
                            if debug {
                                exit!(Exit::Raise(raise));
                            }
                            pc = usize::from(pattern.done);
                        }
                    }
                }
                I::ScatterArgs { flags, pattern } => {
                    let pattern = &program.scatters[usize::from(pattern)];
                    let source = if flags & TAKE != 0 {
                        Source::Spent(args)
                    } else {
                        Source::Arguments(args)
                    };
                    match scatter::scatter(pattern, source, regs) {
                        Ok(target) => pc = usize::from(target),
                        Err(raise) => {
                            if debug {
                                exit!(Exit::Raise(raise));
                            }
                            pc = usize::from(pattern.done);
                        }
                    }
                }

                I::GetProp { dst, obj, name } => {
                    let name = &program.names[usize::from(name)];
                    match host.get_property(&reg!(obj), name.symbol, self.frames[depth - 1].perms) {
                        Ok(value) => reg!(dst) = value,
                        Err(code) => fail!(
                            Raise::property(code, &reg!(obj), name.text.as_str()),
                            dst,
                            [obj]
                        ),
                    }
                }
                I::GetPropDyn { dst, obj, name } => {
                    let perms = self.frames[depth - 1].perms;
                    let result = match &reg!(name) {
                        Value::Str(text) => host
                            .get_property(&reg!(obj), property_symbol(text), perms)
                            .map_err(|code| Raise::property(code, &reg!(obj), text.as_str())),
                        value => Err(Raise::type_mismatch(value, &[ValueType::Str])),
                    };
                    compute!(dst, result, [obj, name]);
                }
                I::GetSystem { dst, name } => {
                    let name = &program.names[usize::from(name)];
                    let system = Value::Obj(ObjId::SYSTEM);
                    match host.get_property(&system, name.symbol, self.frames[depth - 1].perms) {
                        Ok(value) => reg!(dst) = value,
                        Err(code) => {
                            fail!(Raise::property(code, &system, name.text.as_str()), dst, [])
                        }
                    }
                }
                I::SetProp {
                    flags,
                    obj,
                    name,
                    value,
                } => {
                    let name = &program.names[usize::from(name)];
                    let new = if flags & TAKE != 0 {
                        reg!(value).take()
                    } else {
                        copy(&reg!(value))
                    };
                    if new.is_none() {
                        fail!(Raise::new(ErrorCode::VarNf), value, [value]);
                    }
                    let perms = self.frames[depth - 1].perms;
                    if let Err(code) = host.set_property(&reg!(obj), name.symbol, new, perms) {
                        let raise = Raise::property(code, &reg!(obj), name.text.as_str());
                        let raise = unset(program, regs, &[obj]).unwrap_or(raise);
                        if debug {
                            exit!(Exit::Raise(raise));
                        }
                        if flags & RESULT != 0 {
                            reg!(value) = raise.code;
                        }
                    }
                }
                I::SetPropDyn {
                    flags,
                    obj,
                    name,
                    value,
                } => {
                    let new = if flags & TAKE != 0 {
                        reg!(value).take()
                    } else {
                        copy(&reg!(value))
                    };
                    if new.is_none() {
                        fail!(Raise::new(ErrorCode::VarNf), value, [value]);
                    }
                    let perms = self.frames[depth - 1].perms;
                    let result = match &reg!(name) {
                        Value::Str(text) => host
                            .set_property(&reg!(obj), property_symbol(text), new, perms)
                            .map_err(|code| Raise::property(code, &reg!(obj), text.as_str())),
                        value => Err(Raise::type_mismatch(value, &[ValueType::Str])),
                    };
                    if let Err(raise) = result {
                        let raise = unset(program, regs, &[obj, name]).unwrap_or(raise);
                        if debug {
                            exit!(Exit::Raise(raise));
                        }
                        if flags & RESULT != 0 {
                            reg!(value) = raise.code;
                        }
                    }
                }

                I::CallVerb {
                    argc,
                    dst,
                    base,
                    name,
                } => {
                    tick!();
                    self.frames[depth - 1].result = dst;
                    let name = CalledName::Fixed(name);
                    call_verb!(base, base + 1, u32::from(argc), name, false);
                }
                I::CallVerbSpread { dst, base, name } => {
                    tick!();
                    self.frames[depth - 1].result = dst;
                    let name = CalledName::Fixed(name);
                    call_verb!(base, base + 1, 1, name, true);
                }
                I::CallVerbDyn { argc, dst, base } => {
                    tick!();
                    self.frames[depth - 1].result = dst;
                    let (name, argc) = (CalledName::Register(base + 1), u32::from(argc));
                    call_verb!(base, base + 2, argc, name, false);
                }
                I::CallVerbDynSpread { dst, base } => {
                    tick!();
                    self.frames[depth - 1].result = dst;
                    let name = CalledName::Register(base + 1);
                    call_verb!(base, base + 2, 1, name, true);
                }
                I::CallBuiltin {
                    argc,
                    dst,
                    base,
                    builtin,
                } => {
                    tick!();
                    let window = usize::from(base)..usize::from(base) + usize::from(argc);
                    if let Err(raise) = limits.check_args(&regs[window.clone()]) {
                        fail!(raise, dst, []);
                    }
                    let mut context = context!(dst);
                    let window = &mut regs[window];
                    let outcome = host.call_builtin(builtin, window, &mut context);
                    for slot in window {
                        crate::registers::clear(slot);
                    }
                    match outcome {
                        BuiltinOutcome::Return(value) => reg!(dst) = value,
                        outcome => exit!(Exit::Builtin(outcome)),
                    }
                }
                I::CallBuiltinSpread { dst, base, builtin } => {
                    tick!();
                    let mut window = match reg!(base).take() {
                        Value::List(list) => list.into_vec(),
                        value => fail!(Raise::type_mismatch(&value, &[ValueType::List]), dst, []),
                    };
                    let mut context = context!(dst);
                    match host.call_builtin(builtin, &mut window, &mut context) {
                        BuiltinOutcome::Return(value) => reg!(dst) = value,
                        outcome => exit!(Exit::Builtin(outcome)),
                    }
                }
                I::Return { a } => {
                    let mut value = reg!(a).take();
                    if value.is_none() {
                        let missing = unset(program, regs, &[a]);
                        let raise = missing.unwrap_or_else(|| Raise::new(ErrorCode::VarNf));
                        if debug {
                            exit!(Exit::Raise(raise));
                        }
                        value = raise.code;
                    }
                    return_value!(value);
                }
                I::ReturnI { imm } => return_value!(Value::Int(i64::from(imm))),
                I::Fork {
                    flags,
                    task,
                    delay,
                    body,
                } => {
                    tick!();
                    let seconds = match &reg!(delay) {
                        Value::Int(n) => Ok(*n as f64),
                        Value::Float(x) => Ok(*x),
                        value => Err(Raise::type_mismatch(
                            value,
                            &[ValueType::Int, ValueType::Float],
                        )),
                    };
                    let seconds = seconds.and_then(|seconds| {
                        if seconds < 0.0 {
                            Err(Raise::new(ErrorCode::InvArg))
                        } else {
                            Ok(seconds)
                        }
                    });
                    let result = match seconds {
                        Ok(seconds) => {
                            let task = (flags & RESULT != 0).then_some(task);
                            let (frames, verbs) = (&self.frames, &self.verbs);
                            let commands = &self.commands;
                            let caller = match depth.checked_sub(2) {
                                Some(caller) => &self.frames[caller].this,
                                None => &self.root_caller,
                            };
                            let frame = (&frames[depth - 1], called_as(frames, verbs, depth - 1));
                            let shared = (verbs, commands.as_slice(), caller);
                            let child = Vm::forked(frame, shared, args, regs, body, task);
                            let mut context = context!(delay);
                            host.fork(Box::new(child), seconds, &mut context)
                        }
                        Err(raise) => Err(raise),
                    };
                    match result {
                        Ok(id) if flags & RESULT != 0 => reg!(task) = Value::Int(id),
                        Ok(_) => {}
                        Err(raise) => fail!(raise, delay, [delay]),
                    }
                }
                I::EndFinally { state } => {
                    if let Value::Int(1) = reg!(state) {
                        let exception = reg!(state + 1).take();
                        set_int(&mut reg!(state), 0);
                        exit!(Exit::Again(exception));
                    }
                }
            }
        }
        done!()
    }
}

fn waif_get<R>(waif: &Value, index: Value) -> Exit<R> {
    Exit::Waif {
        waif: waif.clone(),
        verb: "_index",
        args: [index, Value::None],
        argc: 1,
    }
}
