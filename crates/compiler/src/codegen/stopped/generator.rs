//! What the code of a stopped program is written with: its parts, labels, and the other machine's stack.
//!
//! Every place of that stack has a register of its own, or none where it holds nothing but a mark. Each vector is a part with
//! code of its own, put one behind the other at the end; labels are places in parts until then.

use moor_bytecode::{
    CodeTable, CommandVariable, Filter, Gives, Handler, Instruction as I, Program, TAKE,
};
use moor_value::{List, Str, Value};
use rustc_hash::FxHashMap;

use super::super::FindBuiltin;
use super::super::emit::{Label, Labels, REGISTERS_MAX};
use super::super::exits::FinallyScope;
use super::super::fork::ForkTexts;
use super::super::pools::Pools;
use super::layout::{At, Dialect, Shared, Vector, Widths};
use super::stack::{Mark, Origin, Slot};
use super::{Callee, Given, StopError};
use crate::ast::{Ast, Expr, Pos};
use crate::names::VarId;

/// A loop around the code that is being generated.
pub(super) struct Loop {
    /// The variables that name it.
    pub(super) names: Vec<VarId>,
    pub(super) end: Label,
    pub(super) next: Label,
    /// Where the other machine goes on for `continue`, and for `break`.
    pub(super) top: Mark,
    pub(super) bottom: Mark,
    /// How much is on its stack there.
    pub(super) top_depth: usize,
    pub(super) bottom_depth: usize,
    /// How many `finally` parts are around it.
    pub(super) finallies: usize,
}

/// A vector: its layout there, its code here.
#[derive(Default)]
pub(super) struct Part<'a> {
    pub(super) vector: Vector,
    /// Which `fork` it is the body of; none for the main program.
    pub(super) number: Option<u32>,
    widths: Option<Widths>,
    marks: Vec<At>,
    pub(super) code: Vec<I>,
    lines: Vec<(u16, u32)>,
    handlers: Vec<Handler>,
    pub(super) slots: Vec<Slot>,
    /// Of each of them what it holds.
    origins: Vec<Origin<'a>>,
    /// Registers of the values that `^` and `$` mean, innermost last.
    pub(super) indexed: Vec<u16>,
    pub(super) loops: Vec<Loop>,
    pub(super) finallies: Vec<FinallyScope>,
}

/// A call: where it ends.
pub(super) struct Site {
    pub(super) part: usize,
    /// The instruction behind it, within its part.
    pub(super) pc: u16,
    end: At,
    /// The length of its instruction.
    bytes: u64,
    depth: usize,
    line: u32,
}

/// The call that was looked for.
pub(super) struct Found<'a> {
    /// Its number among the sites.
    pub(super) site: usize,
    pub(super) part: usize,
    /// The instruction behind it; within its part, until the parts are put together.
    pub(super) pc: u16,
    pub(super) result: u16,
    pub(super) slots: Vec<Slot>,
    pub(super) origins: Vec<Origin<'a>>,
    pub(super) callee: Callee,
}

/// The call whose stack is to be told.
#[derive(Clone, Copy)]
pub(super) enum Wanted<'a> {
    None,
    /// The first one that this expression is.
    Call(&'a Expr),
    /// The call of this number.
    Site(usize),
}

/// The state of one compilation.
pub(super) struct Generator<'a> {
    pub(super) ast: &'a Ast,
    builtins: &'a FindBuiltin<'a>,
    /// Whether the other server has a builtin function of the name.
    pub(super) is_there: &'a dyn Fn(&str) -> bool,
    pub(super) dialect: Dialect,
    pub(super) shared: Shared,
    pub(super) table: CodeTable,
    pub(super) parts: Vec<Part<'a>>,
    /// The part that is being generated.
    pub(super) part: usize,
    /// The register of each variable of the tree.
    registers: Vec<u16>,
    first_temp: u32,
    next: u32,
    high: u32,
    labels: Vec<(usize, u16)>,
    pools: Pools,
    pub(super) sites: Vec<Site>,
    wanted: Wanted<'a>,
    pub(super) found: Option<Found<'a>>,
    pub(super) fork_texts: ForkTexts,
    pos: Pos,
    pub(super) error: Option<StopError>,
}

impl<'a> Generator<'a> {
    pub(super) fn new(
        given: Given<'a>,
        variables: &[Str],
        wanted: Wanted<'a>,
    ) -> Result<Self, StopError> {
        let Given {
            ast,
            dialect,
            builtins,
            is_there,
        } = given;
        let mut by_name = FxHashMap::default();
        for (place, name) in variables.iter().enumerate().rev() {
            by_name.insert(name.as_str().to_ascii_lowercase(), place as u16);
        }
        let known = |name: &str| by_name.get(&name.to_ascii_lowercase()).copied();
        let registers = ast.names.iter().map(|(_, spelling)| {
            known(spelling).ok_or_else(|| StopError::Variable(spelling.to_owned()))
        });
        let mut table = CodeTable {
            variables: variables.to_vec(),
            player: known("player"),
            ..CodeTable::default()
        };
        let command = CommandVariable::ALL.into_iter();
        let command = command.filter_map(|which| Some((which, known(which.name())?)));
        table.command = command.collect();
        Ok(Self {
            ast,
            builtins,
            is_there,
            dialect,
            shared: Shared::default(),
            table,
            parts: vec![Part::default()],
            part: 0,
            registers: registers.collect::<Result<_, _>>()?,
            first_temp: variables.len() as u32,
            next: variables.len() as u32,
            high: variables.len() as u32 + 1,
            labels: Vec::new(),
            pools: Pools::default(),
            sites: Vec::new(),
            wanted,
            found: None,
            fork_texts: ForkTexts::default(),
            pos: Pos { line: 1, column: 1 },
            error: None,
        })
    }

    pub(super) fn fail(&mut self, error: StopError) {
        self.error.get_or_insert(error);
    }

    pub(super) fn here(&mut self) -> &mut Part<'a> {
        &mut self.parts[self.part]
    }

    /// Later instructions belong to this place in the source.
    pub(super) fn at(&mut self, pos: Pos) {
        if pos.line > 0 {
            self.pos = pos;
        }
    }

    pub(super) fn emit(&mut self, instruction: I) {
        let line = self.pos.line;
        let part = self.here();
        if part.code.len() >= usize::from(u16::MAX) {
            self.fail(StopError::TooLarge);
            return;
        }
        let at = part.code.len() as u16;
        if part.lines.last().is_none_or(|&(_, last)| last != line) {
            part.lines.push((at, line));
        }
        part.code.push(instruction);
    }

    /// The place of the next instruction.
    pub(super) fn pc(&self) -> u16 {
        self.parts[self.part].code.len() as u16
    }

    pub(super) fn label(&mut self) -> Label {
        let Ok(number) = u16::try_from(self.labels.len()) else {
            self.fail(StopError::TooLarge);
            return Label(0);
        };
        self.labels.push((self.part, 0));
        Label(number)
    }

    pub(super) fn bind(&mut self, label: Label) {
        let place = (self.part, self.pc());
        if let Some(known) = self.labels.get_mut(usize::from(label.0)) {
            *known = place;
        }
    }

    pub(super) fn jump(&mut self, label: Label) {
        self.emit(I::Jump {
            ticks: 0,
            target: label.0,
        });
    }

    pub(super) fn handle(&mut self, start: u16, end: u16, target: Label, take: (Filter, Gives)) {
        let (filter, gives) = take;
        self.here().handlers.push(Handler {
            start,
            end,
            target: target.0,
            filter,
            gives,
        });
    }

    /// A place of the other machine's code, which is told later.
    pub(super) fn mark(&mut self) -> Mark {
        let part = self.here();
        part.marks.push(At::default());
        part.marks.len() - 1
    }

    pub(super) fn set_mark(&mut self, mark: Mark) {
        let part = self.here();
        part.marks[mark] = part.vector.here();
    }

    pub(super) fn variable(&self, id: VarId) -> u16 {
        self.registers[id.0 as usize]
    }

    /// Opcodes of the other machine, and operands of one byte.
    pub(super) fn bytes(&mut self, count: u32) {
        self.here().vector.bytes(count);
    }

    /// An opcode with a jump's target.
    pub(super) fn jump_bytes(&mut self, opcode: u32) {
        let vector = &mut self.here().vector;
        vector.bytes(opcode);
        vector.label();
    }

    pub(super) fn variable_operand(&mut self, id: VarId) {
        let slot = self.variable(id);
        self.parts[self.part]
            .vector
            .variable(slot, &mut self.shared);
    }

    pub(super) fn variable_bytes(&mut self, id: VarId) {
        let slot = self.variable(id);
        self.parts[self.part]
            .vector
            .use_variable(slot, &mut self.shared);
    }

    /// Reserves registers above those of the stack. They are free again at the next push.
    pub(super) fn above(&mut self, count: u32) -> u16 {
        let end = self.next + count;
        if end > REGISTERS_MAX {
            self.fail(StopError::TooLarge);
        } else {
            self.high = self.high.max(end);
        }
        register(self.next)
    }

    pub(super) fn push(&mut self, slot: Slot) {
        self.above(slot.width());
        self.next += slot.width();
        self.here().slots.push(slot);
        self.here().origins.push(Origin::Mark);
    }

    /// Says what the place on top of the stack holds.
    pub(super) fn stands_for(&mut self, origin: Origin<'a>) {
        if let Some(top) = self.here().origins.last_mut() {
            *top = origin;
        }
    }

    /// A value on the stack; its register.
    pub(super) fn push_value(&mut self) -> u16 {
        let register = self.above(1);
        self.push(Slot::Value(register));
        register
    }

    pub(super) fn pop(&mut self, count: usize) {
        for _ in 0..count {
            if let Some(slot) = self.here().slots.pop() {
                self.here().origins.pop();
                self.next -= slot.width();
            }
        }
    }

    /// The register of the value on top of the stack.
    pub(super) fn top(&self) -> u16 {
        register(self.next - 1)
    }

    pub(super) fn depth(&self) -> usize {
        self.parts[self.part].slots.len()
    }

    /// How many registers the program has.
    pub(super) fn registers_count(&self) -> usize {
        self.high as usize
    }

    /// Begins with an empty stack; answers what [`end_stack`](Self::end_stack) wants.
    pub(super) fn begin_stack(&mut self) -> u32 {
        std::mem::replace(&mut self.next, self.first_temp)
    }

    pub(super) fn end_stack(&mut self, next: u32) {
        self.next = next;
    }

    /// A name that the program spells out.
    pub(super) fn name(&mut self, text: &str) -> u16 {
        self.pools.name(text).unwrap_or_else(|_| {
            self.fail(StopError::TooLarge);
            0
        })
    }

    pub(super) fn load(&mut self, dst: u16, value: &Value) {
        match self.pools.load(dst, value) {
            Ok(instruction) => self.emit(instruction),
            Err(_) => self.fail(StopError::TooLarge),
        }
    }

    /// A builtin function with the list of its arguments on top of the stack, which its value replaces.
    pub(super) fn call_builtin(&mut self, name: &str) {
        let base = self.top();
        let by_its_own = (self.builtins)(name).map(|builtin| (builtin, name));
        if by_its_own.is_none() {
            self.put_before(name, base);
        }
        let by_another = || Some(((self.builtins)(BY_NAME)?, BY_NAME));
        let Some((builtin, name)) = by_its_own.or_else(by_another) else {
            return self.fail(StopError::Construct("a builtin function"));
        };
        self.pools.builtin(builtin, name);
        self.emit(I::CallBuiltinSpread {
            dst: base,
            base,
            builtin,
        });
    }

    /// `list = {text, @list}`.
    fn put_before(&mut self, text: &str, list: u16) {
        let built = self.above(1);
        self.load(built, &Value::List(List::from_vec(vec![Value::from(text)])));
        self.extend(built, list);
        self.emit(I::Take {
            dst: list,
            src: built,
        });
    }

    pub(super) fn extend(&mut self, list: u16, src: u16) {
        self.emit(I::Extend {
            flags: TAKE,
            list,
            src,
        });
    }

    /// Notes that a call ends here, whose instruction has so many bytes there; its value is on top of the stack.
    pub(super) fn call_ends(
        &mut self,
        call: &'a Expr,
        bytes: u64,
        callee: impl FnOnce() -> Callee,
    ) {
        let is_wanted = match self.wanted {
            Wanted::None => false,
            Wanted::Call(wanted) => self.found.is_none() && std::ptr::eq(wanted, call),
            Wanted::Site(number) => number == self.sites.len(),
        };
        if is_wanted {
            let part = &self.parts[self.part];
            let below = part.slots.len() - 1;
            self.found = Some(Found {
                site: self.sites.len(),
                part: self.part,
                pc: self.pc(),
                result: self.top(),
                slots: part.slots[..below].to_vec(),
                origins: part.origins[..below].to_vec(),
                callee: callee(),
            });
        }
        self.sites.push(Site {
            part: self.part,
            pc: self.pc(),
            end: self.parts[self.part].vector.here(),
            bytes,
            depth: self.depth() - 1,
            line: self.pos.line,
        });
    }

    /// The part is complete.
    pub(super) fn end_part(&mut self) {
        self.emit(I::ReturnI { imm: 0 });
        self.bytes(1);
        let widths = self.parts[self.part].vector.widths(&self.shared);
        self.here().widths = Some(widths);
    }

    /// The number of the call that ends at an offset of a vector, with so much on the stack. The second offset is that of its
    /// instruction, or the same again.
    pub(super) fn site_at(
        &self,
        vector: Option<u32>,
        offset: u64,
        instruction: u64,
        depth: usize,
    ) -> Option<usize> {
        let fits = |site: &Site| {
            let part = &self.parts[site.part];
            part.number == vector
                && site.depth == depth
                && part.widths.is_some_and(|widths| {
                    let end = site.end.offset(&widths);
                    let call = end.checked_sub(site.bytes);
                    end == offset && (instruction == end || call == Some(instruction))
                })
        };
        self.sites.iter().position(fits)
    }

    /// The line of the call that ends nearest before an offset of a vector, from 1; of the first one if none does.
    pub(super) fn line_near(&self, vector: Option<u32>, offset: u64) -> u32 {
        let is_before = |site: &&Site| {
            let part = &self.parts[site.part];
            let end = part.widths.map(|widths| site.end.offset(&widths));
            part.number == vector && end.is_some_and(|end| end <= offset)
        };
        let last = self.sites.iter().rfind(is_before);
        last.or(self.sites.first()).map_or(1, |site| site.line)
    }

    /// Where a call ends and where it stands, as offsets.
    pub(super) fn offsets_of(&self, site: usize) -> Option<(u64, u64)> {
        let site = self.sites.get(site)?;
        let end = site.end.offset(self.parts[site.part].widths.as_ref()?);
        Some((end, end.checked_sub(site.bytes)?))
    }

    /// The line of a call.
    pub(super) fn line_of(&self, site: usize) -> u32 {
        self.sites.get(site).map_or(1, |site| site.line)
    }

    /// The offset of a mark of a part.
    pub(super) fn mark_offset(&self, part: usize, mark: Mark) -> Option<i64> {
        let part = &self.parts[part];
        let offset = part.marks[mark].offset(part.widths.as_ref()?);
        i64::try_from(offset).ok()
    }

    /// Puts the parts together.
    pub(super) fn program(mut self) -> Result<(Program, Vec<u16>), StopError> {
        let mut starts = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let start = self.table.code.len();
            if start + part.code.len() >= usize::from(u16::MAX) {
                return Err(StopError::TooLarge);
            }
            let start = start as u16;
            starts.push(start);
            self.table.code.extend_from_slice(&part.code);
            let lines = part.lines.iter().map(|&(at, line)| (start + at, line));
            self.table.lines.extend(lines);
            let handlers = part.handlers.iter().map(|handler| Handler {
                start: start + handler.start,
                end: start + handler.end,
                ..*handler
            });
            self.table.handlers.extend(handlers);
        }
        for (fork, _) in &mut self.table.forks {
            *fork = starts[usize::from(*fork)];
        }
        let labels = self.labels.iter();
        let places = labels.map(|&(part, at)| starts[part] + at).collect();
        Labels::at(places).resolve(&mut self.table);
        self.pools.fill(&mut self.table);
        self.table.registers = u16::try_from(self.high).map_err(|_| StopError::TooLarge)?;
        Ok((Program::new(self.table)?, starts))
    }
}

/// The register of a place on the stack. The walk goes on where there are too many, so that it ends as it began; neighbours of the
/// register that stands for those have numbers too.
fn register(place: u32) -> u16 {
    place.min(REGISTERS_MAX) as u16
}

/// The builtin function that calls another by its name.
pub(super) const BY_NAME: &str = "call_function";
