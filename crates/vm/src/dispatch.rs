//! The dispatch loop: the usual case of the usual instructions, and nothing else.
//!
//! An arm that has done its work goes on with `continue`; one that meets another kind of value, an error or the end of
//! its ticks changes nothing and falls out of the `match`, where [`Vm::step`] does the same instruction with everything
//! that it can mean. So no error is built here and few registers of the processor are needed: the program counter, the
//! ticks and the window stay in them, which is what makes the loop fast; an arm that calls another function says so by
//! `calls_out`, or they would be given up for its sake. Calls and returns change the frame in place.
//!
//! A frame is seen through a window of a fixed length, so that an operand's lower byte is always within it. Programs with more
//! registers than that are run by `step` alone.

use moor_bytecode::{CodeTable, Instruction as I, Sense, TAKE};
use moor_value::{ObjId, Value};

use crate::collection;
use crate::context::Context;
use crate::host::{BuiltinOutcome, Host};
use crate::outcome::TaskLimits;
use crate::registers::{
    add_registers, add_value, are_short_texts, calls_out, clear, copy, element_of, float_product,
    float_sum, next_element, put, put_copy, set_float, set_int, set_obj, take_range,
};
use crate::run::{Exit, Fuel};
use crate::scatter;
use crate::vm::Vm;

/// The registers that the dispatch loop sees of a frame. The verifier has seen to it that operands are below the program's
/// number of registers; what stands behind those in the window is not the frame's.
const WINDOW: usize = u8::MAX as usize + 1;

impl Vm {
    /// Runs instructions until something is to be done that needs [`Vm::leave`].
    #[inline(never)]
    #[allow(clippy::too_many_lines)] // one flat dispatch
    #[allow(clippy::collapsible_match)] // the condition decides between this loop and `step`, not between instructions
    pub(crate) fn dispatch<H: Host>(
        &mut self,
        host: &mut H,
        limits: &TaskLimits,
        fuel: &mut Fuel,
    ) -> Exit<H::Request> {
        'frame: loop {
            let depth = self.frames.len();
            if depth == 0 {
                return Exit::Frames;
            }
            let frame = &self.frames[depth - 1];
            let mut pc = frame.pc as usize;
            let program: &CodeTable = &self.verbs.get(frame.verb).program;
            if usize::from(program.registers) > WINDOW {
                match self.step(host, limits, fuel) {
                    None => continue 'frame,
                    Some(exit) => return exit,
                }
            }
            let code = program.code.as_slice();
            let base = frame.base as usize;
            let argc = frame.argc as usize;
            let (below, above) = self.stack.split_at_mut(base);
            let Some(regs) = above.first_chunk_mut::<WINDOW>() else {
                self.grow(base + WINDOW);
                continue 'frame;
            };
            let args = &mut below[base - argc..];
            let mut slice = fuel.slice;

            macro_rules! reg {
                ($r:expr) => {
                    regs[usize::from($r as u8)]
                };
            }
            // What another frame, the host or `step` must know of this one.
            macro_rules! save {
                () => {{
                    self.frames[depth - 1].pc = pc as u32;
                    fuel.slice = slice;
                }};
            }
            macro_rules! jump {
                ($ticks:expr, $target:expr) => {{
                    let left = slice - i64::from($ticks);
                    if left >= 0 {
                        slice = left;
                        pc = usize::from($target);
                        continue;
                    }
                }};
            }
            macro_rules! branch {
                ($sense:expr, $truth:expr, $target:expr) => {{
                    let sense = Sense($sense);
                    if $truth != sense.want() {
                        continue;
                    }
                    jump!(sense.ticks(), $target);
                }};
            }
            macro_rules! branch_order {
                ($sense:expr, $a:expr, $b:expr, $target:expr, $order:tt) => {
                    if let (Value::Int(x), Value::Int(y)) = (&reg!($a), &reg!($b)) {
                        branch!($sense, (x $order y), $target);
                    }
                };
            }
            macro_rules! branch_order_int {
                ($sense:expr, $a:expr, $imm:expr, $target:expr, $order:tt) => {
                    if let Value::Int(x) = &reg!($a) {
                        branch!($sense, (*x $order i64::from($imm)), $target);
                    }
                };
            }
            macro_rules! order {
                ($dst:expr, $a:expr, $b:expr, $order:tt) => {
                    if let (&Value::Int(x), &Value::Int(y)) = (&reg!($a), &reg!($b)) {
                        set_int(&mut reg!($dst), i64::from(x $order y));
                        continue;
                    }
                };
            }
            macro_rules! int {
                ($dst:expr, $a:expr, $b:expr, $operation:ident) => {
                    if let (&Value::Int(x), &Value::Int(y)) = (&reg!($a), &reg!($b)) {
                        set_int(&mut reg!($dst), x.$operation(y));
                        continue;
                    }
                };
            }
            // Both small and not negative: a 32-bit division takes a fraction of a 64-bit one's time.
            macro_rules! natural {
                ($dst:expr, $a:expr, $b:expr, $operator:tt) => {
                    if let (&Value::Int(x), Some(y)) = (&reg!($a), $b)
                        && (x | y) as u64 >> 31 == 0
                        && y != 0
                    {
                        set_int(&mut reg!($dst), i64::from(x as u32 $operator y as u32));
                        continue;
                    }
                };
            }
            // dst = an element; for integers nothing lives while the old value goes.
            macro_rules! load {
                ($dst:expr, $value:expr) => {{
                    match $value {
                        Value::Int(n) => {
                            let n = *n;
                            set_int(&mut reg!($dst), n);
                        }
                        Value::Obj(id) => {
                            let id = *id;
                            set_obj(&mut reg!($dst), id);
                        }
                        value => {
                            calls_out();
                            let value = value.clone();
                            put(&mut reg!($dst), value);
                        }
                    }
                    continue;
                }};
            }
            macro_rules! property {
                ($dst:expr, $object:expr, $name:expr) => {
                    let name = program.names[usize::from($name)].symbol;
                    let perms = self.frames[depth - 1].perms;
                    if let Some(value) = host.known_property($object, name, perms) {
                        load!($dst, value);
                    }
                };
            }
            macro_rules! int_imm {
                ($dst:expr, $a:expr, $imm:expr, $operation:ident) => {
                    if let Value::Int(x) = reg!($a) {
                        set_int(&mut reg!($dst), x.$operation(i64::from($imm)));
                        continue;
                    }
                };
            }

            loop {
                let at = pc;
                pc += 1;
                // Matched where it stands, so that each arm loads its own operands.
                match code[at] {
                    I::Move { dst, src } => {
                        if !reg!(src).is_none() {
                            load!(dst, &reg!(src));
                        }
                    }
                    I::Take { dst, src } => {
                        let value = reg!(src).take();
                        put(&mut reg!(dst), value);
                        continue;
                    }
                    I::Clear { dst } => {
                        clear(&mut reg!(dst));
                        continue;
                    }
                    I::Const { dst, k } => {
                        let constant = &program.constants[usize::from(k)];
                        if !matches!(constant, Value::List(list) if list.len() > 1) {
                            put_copy(&mut reg!(dst), constant);
                            continue;
                        }
                    }
                    I::Int { dst, imm } => {
                        set_int(&mut reg!(dst), i64::from(imm));
                        continue;
                    }
                    I::LoadThis { dst } => {
                        put_copy(&mut reg!(dst), &self.frames[depth - 1].this);
                        continue;
                    }

                    I::ArgIndex { dst, index } => {
                        if let Some(value) = args.get(usize::from(index).wrapping_sub(1)) {
                            load!(dst, value);
                        }
                    }

                    I::Add { dst, a, b } => {
                        int!(dst, a, b, wrapping_add);
                        if let Some(sum) = float_sum(&reg!(a), &reg!(b)) {
                            set_float(&mut reg!(dst), sum);
                            continue;
                        }
                        if are_short_texts(&reg!(a), &reg!(b))
                            && add_registers(regs, dst, a, b, limits).is_ok()
                        {
                            continue;
                        }
                    }
                    I::Sub { dst, a, b } => int!(dst, a, b, wrapping_sub),
                    I::Mul { dst, a, b } => {
                        int!(dst, a, b, wrapping_mul);
                        if let Some(product) = float_product(&reg!(a), &reg!(b)) {
                            set_float(&mut reg!(dst), product);
                            continue;
                        }
                    }
                    I::Div { dst, a, b } => natural!(dst, a, reg!(b).as_int(), /),
                    I::Mod { dst, a, b } => natural!(dst, a, reg!(b).as_int(), %),
                    I::AddI { dst, a, imm } => int_imm!(dst, a, imm, wrapping_add),
                    I::SubI { dst, a, imm } => int_imm!(dst, a, imm, wrapping_sub),
                    I::MulI { dst, a, imm } => int_imm!(dst, a, imm, wrapping_mul),
                    I::DivI { dst, a, imm } => natural!(dst, a, Some(i64::from(imm)), /),
                    I::ModI { dst, a, imm } => natural!(dst, a, Some(i64::from(imm)), %),
                    I::AddK { dst, a, k } => {
                        let constant = &program.constants[usize::from(k)];
                        if let Some(sum) = float_sum(&reg!(a), constant) {
                            set_float(&mut reg!(dst), sum);
                            continue;
                        }
                        if are_short_texts(&reg!(a), constant)
                            && add_value(regs, dst, a, constant, limits).is_ok()
                        {
                            continue;
                        }
                    }
                    I::MulK { dst, a, k } => {
                        let constant = &program.constants[usize::from(k)];
                        if let Some(product) = float_product(&reg!(a), constant) {
                            set_float(&mut reg!(dst), product);
                            continue;
                        }
                    }
                    I::Not { dst, a } => {
                        if let Value::Int(n) = reg!(a) {
                            set_int(&mut reg!(dst), i64::from(n == 0));
                            continue;
                        }
                    }

                    I::Eq { dst, a, b } => order!(dst, a, b, ==),
                    I::Ne { dst, a, b } => order!(dst, a, b, !=),
                    I::Lt { dst, a, b } => order!(dst, a, b, <),
                    I::Le { dst, a, b } => order!(dst, a, b, <=),
                    I::Gt { dst, a, b } => order!(dst, a, b, >),
                    I::Ge { dst, a, b } => order!(dst, a, b, >=),

                    I::Jump { ticks, target } => jump!(ticks, target),
                    I::Br { sense, a, target } => match &reg!(a) {
                        Value::Int(n) => branch!(sense, (*n != 0), target),
                        Value::Str(text) => branch!(sense, (!text.is_empty()), target),
                        Value::List(list) => branch!(sense, (!list.is_empty()), target),
                        _ => {}
                    },
                    I::BrEq {
                        sense,
                        a,
                        b,
                        target,
                    } => {
                        branch_order!(sense, a, b, target, ==);
                        let (x, y) = (&reg!(a), &reg!(b));
                        if !x.is_none() && !y.is_none() {
                            branch!(sense, (x == y), target);
                        }
                    }
                    I::BrLt {
                        sense,
                        a,
                        b,
                        target,
                    } => branch_order!(sense, a, b, target, <),
                    I::BrLe {
                        sense,
                        a,
                        b,
                        target,
                    } => branch_order!(sense, a, b, target, <=),
                    I::BrGt {
                        sense,
                        a,
                        b,
                        target,
                    } => branch_order!(sense, a, b, target, >),
                    I::BrGe {
                        sense,
                        a,
                        b,
                        target,
                    } => branch_order!(sense, a, b, target, >=),
                    I::BrEqI {
                        sense,
                        a,
                        imm,
                        target,
                    } => branch_order_int!(sense, a, imm, target, ==),
                    I::BrLtI {
                        sense,
                        a,
                        imm,
                        target,
                    } => branch_order_int!(sense, a, imm, target, <),
                    I::BrLeI {
                        sense,
                        a,
                        imm,
                        target,
                    } => branch_order_int!(sense, a, imm, target, <=),
                    I::BrGtI {
                        sense,
                        a,
                        imm,
                        target,
                    } => branch_order_int!(sense, a, imm, target, >),
                    I::BrGeI {
                        sense,
                        a,
                        imm,
                        target,
                    } => branch_order_int!(sense, a, imm, target, >=),
                    I::BrEqK {
                        sense,
                        a,
                        k,
                        target,
                    } => {
                        let value = &reg!(a);
                        if !value.is_none() {
                            let constant = &program.constants[usize::from(k)];
                            branch!(sense, (value == constant), target);
                        }
                    }

                    I::RangePrep { var, state, end } => {
                        let ints = (&reg!(state), &reg!(state + 1));
                        if let (&Value::Int(first), &Value::Int(last)) = ints {
                            if first > last {
                                pc = usize::from(end);
                            } else {
                                set_int(&mut reg!(var), first);
                            }
                            continue;
                        }
                    }
                    I::RangeStep {
                        ticks,
                        var,
                        state,
                        body,
                    } => {
                        let ints = (&reg!(state), &reg!(state + 1));
                        if let (&Value::Int(current), &Value::Int(last)) = ints {
                            if current >= last {
                                continue;
                            }
                            if slice >= i64::from(ticks) {
                                set_int(&mut reg!(state), current + 1);
                                set_int(&mut reg!(var), current + 1);
                                jump!(ticks, body);
                            }
                        }
                    }
                    I::EachStep {
                        ticks,
                        var,
                        state,
                        body,
                    } => {
                        if slice >= i64::from(ticks) {
                            if !next_element(regs, var, state) {
                                continue;
                            }
                            jump!(ticks, body);
                        }
                    }

                    I::Push { flags, list, src } => {
                        calls_out();
                        if let Value::Int(_) | Value::Obj(_) | Value::Str(_) = &reg!(src)
                            && let Value::List(held) = &reg!(list)
                            && collection::has_room(held, &reg!(src), limits)
                        {
                            let value = if flags & TAKE != 0 {
                                reg!(src).take()
                            } else {
                                copy(&reg!(src))
                            };
                            if let Value::List(held) = &mut reg!(list) {
                                held.push(value);
                            }
                            continue;
                        }
                    }
                    I::Index { dst, a, i } => {
                        if let (Value::List(list), Value::Int(n)) = (&reg!(a), &reg!(i)) {
                            if let Some(value) = list.get((*n as usize).wrapping_sub(1)) {
                                load!(dst, value);
                            }
                        } else if let Some(value) = element_of(&reg!(a), &reg!(i)) {
                            put(&mut reg!(dst), value);
                            continue;
                        }
                    }
                    I::Range { dst, a, range } => {
                        if take_range(regs, dst, a, range) {
                            continue;
                        }
                    }
                    I::Last { dst, a } => {
                        if let Some(last) = collection::last_index(&reg!(a)) {
                            set_int(&mut reg!(dst), last);
                            continue;
                        }
                    }
                    I::IndexI { dst, a, imm } => {
                        if let Value::List(list) = &reg!(a)
                            && let Some(value) = list.get((imm as usize).wrapping_sub(1))
                        {
                            load!(dst, value);
                        }
                    }
                    I::SetIndex { a, i, value, .. } => {
                        if let (&Value::Int(at), &Value::Int(n)) = (&reg!(i), &reg!(value))
                            && let Value::List(list) = &mut reg!(a)
                            && collection::has_room_for_int(list, limits)
                            && list.replace_int((at as usize).wrapping_sub(1), n)
                        {
                            continue;
                        }
                    }
                    I::ScatterArgs { flags, pattern } => {
                        calls_out();
                        let pattern = &program.scatters[usize::from(pattern)];
                        if flags & TAKE != 0 && scatter::one_each(pattern, args, regs) {
                            pc = usize::from(pattern.done);
                            continue;
                        }
                    }
                    I::Length { dst, a, builtin } => {
                        if let Some(length) = collection::length(&reg!(a))
                            && !host.is_protected(builtin)
                        {
                            set_int(&mut reg!(dst), length);
                            continue;
                        }
                    }

                    I::GetProp { dst, obj, name } => {
                        property!(dst, &reg!(obj), name);
                    }
                    I::GetSystem { dst, name } => {
                        property!(dst, &Value::Obj(ObjId::SYSTEM), name);
                    }
                    // A counted value is moved so that nobody else holds it, which `step` does.
                    I::SetProp {
                        obj, name, value, ..
                    } => {
                        if let new @ (Value::Int(_) | Value::Float(_) | Value::Obj(_)) =
                            &reg!(value)
                        {
                            let name = program.names[usize::from(name)].symbol;
                            let perms = self.frames[depth - 1].perms;
                            if let Some(place) = host.known_property_mut(&reg!(obj), name, perms) {
                                put_copy(place, new);
                                continue;
                            }
                        }
                    }
                    I::CallVerb {
                        argc,
                        dst,
                        base,
                        name,
                    } => {
                        if slice > 0 {
                            calls_out();
                            self.frames[depth - 1].result = dst;
                            save!();
                            if self.call_known(host, limits, base, argc, name) {
                                fuel.slice -= 1;
                                continue 'frame;
                            }
                        }
                    }
                    I::CallBuiltin {
                        argc,
                        dst,
                        base,
                        builtin,
                    } => {
                        calls_out();
                        let window = usize::from(base)..usize::from(base) + usize::from(argc);
                        if slice > 0 && limits.check_args(&regs[window.clone()]).is_ok() {
                            slice -= 1;
                            self.frames[depth - 1].result = dst;
                            save!();
                            let mut context = Context {
                                frames: &mut self.frames,
                                verbs: &self.verbs,
                                commands: &self.commands,
                                root_caller: &self.root_caller,
                                ticks_left: fuel.left(),
                            };
                            let window = &mut regs[window];
                            let outcome = host.call_builtin(builtin, window, &mut context);
                            window.iter_mut().for_each(clear);
                            match outcome {
                                BuiltinOutcome::ReturnInt(n) => set_int(&mut reg!(dst), n),
                                BuiltinOutcome::Return(value) => put(&mut reg!(dst), value),
                                outcome => return Exit::Builtin(outcome),
                            }
                            continue;
                        }
                    }
                    I::Return { a } => {
                        if let Value::Int(n) = reg!(a) {
                            save!();
                            if self.return_int(n) {
                                continue 'frame;
                            }
                        } else if !reg!(a).is_none() {
                            let value = reg!(a).take();
                            save!();
                            match self.return_value(value, host, limits, fuel) {
                                None => continue 'frame,
                                Some(outcome) => return Exit::Ended(outcome),
                            }
                        }
                    }
                    I::ReturnI { imm } => {
                        save!();
                        if self.return_int(i64::from(imm)) {
                            continue 'frame;
                        }
                    }
                    _ => {}
                }
                calls_out();
                pc = at;
                save!();
                match self.step(host, limits, fuel) {
                    None => continue 'frame,
                    Some(exit) => return exit,
                }
            }
        }
    }
}
