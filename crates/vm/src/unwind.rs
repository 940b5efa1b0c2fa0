//! Errors on their way from where they are raised to who takes them.
//!
//! A handler covers a range of instructions of its frame. The innermost frame that has a fitting one takes the
//! error; `finally` parts on the way run first and raise it again. Whether anybody will take it is known when it
//! is raised, so an uncaught error tells of the whole stack as it then was.

use moor_bytecode::{Filter, Gives, Handler, Program};
use moor_value::{ErrorCode, List, Str, Value};

use crate::context::Context;
use crate::frame::Frame;
use crate::host::{BuiltinOutcome, Host};
use crate::outcome::{Abort, AbortReason, Outcome, Uncaught};
use crate::raise::Raise;
use crate::trace;
use crate::vm::Vm;

/// The length of an exception as programs see it: `{code, message, value, traceback}`. One with the lines of its
/// traceback after these is uncaught and only passes through `finally` parts.
const EXCEPTION_LEN: usize = 4;

/// An error that is looking for its handler.
struct Flight {
    raise: Box<Raise>,
    /// `{code, message, value, traceback}`, made when first needed.
    exception: Option<Value>,
    /// The frame whose handler takes it; none when nobody does.
    catcher: Option<usize>,
}

impl Vm {
    /// Sends an error, raised in the top frame, to its handler. `None`: the task goes on in what is now the top
    /// frame. Otherwise it ended.
    #[cold]
    pub(crate) fn raise<H: Host>(
        &mut self,
        raise: Box<Raise>,
        host: &mut H,
    ) -> Option<Outcome<H::Request>> {
        if raise.fatal {
            return Some(self.abort(AbortReason::Seconds));
        }
        if let Some(handler) = self.handler_here(&raise.code) {
            let catcher = self.frames.len() - 1;
            let mut flight = Flight {
                raise,
                exception: None,
                catcher: Some(catcher),
            };
            self.give(handler, &mut flight);
            return None;
        }
        let catcher = self.catcher(&raise.code);
        let mut flight = Flight {
            raise,
            exception: None,
            catcher,
        };
        match catcher {
            // Nobody takes it: the whole stack is told, now.
            None => flight.exception = Some(self.uncaught(&flight.raise)),
            // The frames that it tells of are about to go.
            Some(catcher) if self.is_told(catcher, &flight.raise.code) => {
                flight.exception = Some(self.exception(&mut flight));
            }
            Some(_) => {}
        }
        self.unwind(flight, host)
    }

    /// Raises again what a `finally` part held back.
    #[cold]
    pub(crate) fn raise_again<H: Host>(
        &mut self,
        exception: Value,
        host: &mut H,
    ) -> Option<Outcome<H::Request>> {
        let parts: &[Value] = exception.as_list().map_or(&[], List::as_slice);
        let [code, Value::Str(message), value, _, ..] = parts else {
            return self.raise(Raise::new(ErrorCode::InvArg), host);
        };
        let raise = Raise::with(code.clone(), message.clone(), value.clone());
        let is_caught = parts.len() == EXCEPTION_LEN;
        let catcher = if is_caught {
            self.catcher(&raise.code)
        } else {
            None
        };
        self.unwind(
            Flight {
                raise,
                exception: Some(exception.clone()),
                catcher,
            },
            host,
        )
    }

    fn unwind<H: Host>(&mut self, mut flight: Flight, host: &mut H) -> Option<Outcome<H::Request>> {
        loop {
            if self.land(&mut flight) {
                return None;
            }
            let via = self.pop_frame();
            if self.frames.is_empty() {
                self.reset();
                return Some(end_of(flight));
            }
            if let Some(pending) = via {
                self.unwind_builtin(*pending, host);
            }
        }
    }

    /// Tries the handlers of the top frame.
    fn land(&mut self, flight: &mut Flight) -> bool {
        let index = self.frames.len() - 1;
        let frame = &self.frames[index];
        let program: &Program = &self.verbs.get(frame.verb).program;
        let (at, base) = (frame.at(), frame.base as usize);
        let takes = flight.catcher == Some(index);
        let Some(handler) = program.handlers.iter().find(|h| {
            covers(h, at)
                && match h.gives {
                    Gives::Pending(_) => true,
                    _ => takes && passes(h, &flight.raise.code, &self.stack[base..]),
                }
        }) else {
            return false;
        };
        let handler = *handler;
        self.give(handler, flight);
        true
    }

    /// The handler of the top frame that takes an error with this code, unless a `finally` part comes first.
    fn handler_here(&self, code: &Value) -> Option<Handler> {
        let frame = self.frames.last()?;
        let program: &Program = &self.verbs.get(frame.verb).program;
        let registers = &self.stack[frame.base as usize..];
        let is_next = |h: &&Handler| {
            let is_finally = matches!(h.gives, Gives::Pending(_));
            covers(h, frame.at()) && (is_finally || passes(h, code, registers))
        };
        let handler = program.handlers.iter().find(is_next)?;
        (!matches!(handler.gives, Gives::Pending(_))).then_some(*handler)
    }

    /// Goes on in a handler of the top frame.
    fn give(&mut self, handler: Handler, flight: &mut Flight) {
        let index = self.frames.len() - 1;
        let base = self.frames[index].base as usize;
        let given = match handler.gives {
            Gives::Nothing => None,
            Gives::Code(r) => Some((r, flight.raise.code.take())),
            Gives::Exception(r) => Some((r, self.last_exception(flight))),
            Gives::Head(r) => Some((r, head(&mut flight.raise, List::new()))),
            Gives::Pending(r) => {
                self.stack[base + usize::from(r)] = Value::Int(1);
                Some((r + 1, self.exception(flight)))
            }
        };
        if let Some((register, value)) = given {
            self.stack[base + usize::from(register)] = value;
        }
        self.frames[index].pc = u32::from(handler.target);
    }

    /// As [`exception`](Self::exception), where the flight ends: its parts are moved.
    fn last_exception(&self, flight: &mut Flight) -> Value {
        match flight.exception.take() {
            Some(exception) => exception,
            None => {
                let stack = self.error_stack(flight.catcher.unwrap_or(0));
                head(&mut flight.raise, stack)
            }
        }
    }

    fn exception(&self, flight: &mut Flight) -> Value {
        let Flight {
            raise,
            exception,
            catcher,
        } = flight;
        let make = || {
            let stack = self.error_stack(catcher.unwrap_or(0));
            exception_list(raise, stack, None)
        };
        exception.get_or_insert_with(make).clone()
    }

    /// The stack of an error down to a frame.
    pub(crate) fn error_stack(&self, lowest: usize) -> List {
        let stack = trace::stack_list(&self.frames, &self.verbs, lowest);
        match self.tells_variables {
            false => stack,
            true => trace::with_variables(stack, &self.frames[lowest..], self.variables()),
        }
    }

    fn uncaught(&self, raise: &Raise) -> Value {
        let stack = self.error_stack(0);
        let lines = trace::lines(&self.frames, &self.verbs, raise.message().as_str());
        exception_list(raise, stack, Some(lines))
    }

    /// The innermost frame that has a handler for this code at the place where it stands.
    fn catcher(&self, code: &Value) -> Option<usize> {
        (0..self.frames.len()).rev().find(|&index| {
            let frame = &self.frames[index];
            let program: &Program = &self.verbs.get(frame.verb).program;
            let registers = &self.stack[frame.base as usize..];
            let takes = |h: &Handler| {
                covers(h, frame.at())
                    && !matches!(h.gives, Gives::Pending(_))
                    && passes(h, code, registers)
            };
            program.handlers.iter().any(takes)
        })
    }

    /// Whether an error that leaves frames on its way to `catcher` is told of to anybody.
    fn is_told(&self, catcher: usize, code: &Value) -> bool {
        let program = |frame: &Frame| &self.verbs.get(frame.verb).program;
        let between = &self.frames[catcher + 1..];
        if between.is_empty() {
            return false;
        }
        let frame = &self.frames[catcher];
        let registers = &self.stack[frame.base as usize..];
        let takes = |h: &&Handler| covers(h, frame.at()) && passes(h, code, registers);
        let handler = program(frame).handlers.iter().find(takes);
        let wants =
            handler.is_some_and(|h| matches!(h.gives, Gives::Exception(_) | Gives::Pending(_)));
        wants
            || between
                .iter()
                .any(|frame| !program(frame).handlers.is_empty())
    }

    /// Lets a builtin function whose verb was left by an error finish; what it wants then is not done.
    pub(crate) fn unwind_builtin<H: Host>(&mut self, pending: crate::PendingBuiltin, host: &mut H) {
        let mut next = Some(pending);
        while let Some(pending) = next.take() {
            let mut context = Context {
                frames: &mut self.frames,
                verbs: &self.verbs,
                commands: &self.commands,
                root_caller: &self.root_caller,
                ticks_left: 0,
            };
            if let BuiltinOutcome::Call(call) =
                host.resume_builtin(pending, Value::ZERO, true, &mut context)
            {
                next = call.then.map(|then| *then);
            }
        }
    }

    /// Ends the task from outside its program.
    #[cold]
    pub(crate) fn abort<R>(&mut self, reason: AbortReason) -> Outcome<R> {
        let stack = self.error_stack(0);
        let lines = trace::lines(&self.frames, &self.verbs, reason.message());
        self.reset();
        let traceback = lines.into_iter().map(Value::Str).collect();
        Outcome::Aborted(Box::new(Abort {
            reason,
            stack,
            traceback,
        }))
    }
}

fn covers(handler: &Handler, at: usize) -> bool {
    (usize::from(handler.start)..usize::from(handler.end)).contains(&at)
}

fn passes(handler: &Handler, code: &Value, registers: &[Value]) -> bool {
    match handler.filter {
        Filter::Any => true,
        Filter::Codes(mask) => code
            .as_err()
            .is_some_and(|code| mask >> code.number() & 1 != 0),
        Filter::Register(r) => match &registers[usize::from(r)] {
            Value::List(codes) => codes.iter().any(|one| one == code),
            _ => false,
        },
    }
}

/// An exception made of the parts of an error, which are moved.
fn head(raise: &mut Raise, stack: List) -> Value {
    let message = raise.message();
    Value::List(List::from_vec(vec![
        raise.code.take(),
        Value::Str(message),
        raise.value.take(),
        Value::List(stack),
    ]))
}

fn exception_list(raise: &Raise, stack: List, lines: Option<Vec<Str>>) -> Value {
    let mut parts = Vec::with_capacity(EXCEPTION_LEN + 1);
    parts.push(raise.code.clone());
    parts.push(Value::Str(raise.message()));
    parts.push(raise.value.clone());
    parts.push(Value::List(stack));
    if let Some(lines) = lines {
        parts.push(Value::List(lines.into_iter().map(Value::Str).collect()));
    }
    Value::List(List::from_vec(parts))
}

fn end_of<R>(flight: Flight) -> Outcome<R> {
    let parts = flight
        .exception
        .as_ref()
        .and_then(Value::as_list)
        .cloned()
        .unwrap_or_default();
    let list = |at| {
        parts
            .get(at)
            .and_then(Value::as_list)
            .cloned()
            .unwrap_or_default()
    };
    let message = flight.raise.message();
    let raise = *flight.raise;
    Outcome::Raised(Box::new(Uncaught {
        code: raise.code,
        message,
        value: raise.value,
        stack: list(EXCEPTION_LEN - 1),
        traceback: list(EXCEPTION_LEN),
    }))
}
