//! Queued tasks of a textdump.
//! In: lines. Out: forked, suspended and interrupted tasks, complete and unjudged.

use moor_value::{ObjId, Str, Value};

use super::format::{self, FORMAT_MAX};
use super::lines::{Line, LineReader};
use super::values::ValueReader;
use crate::error::{Place, ReadError};
use crate::task::{Activation, ForkedTask, Frame, StoppedTask, Tasks, Variable};

/// How many frames a task may have where the file does not say.
const FRAMES_MAX_DEFAULT: i64 = 50;

/// A line of what a builtin function noted begins with this, and has [`BUILTIN_DATA_INFIX`] in it.
const BUILTIN_DATA_PREFIX: &[u8] = b"bf_";
const BUILTIN_DATA_INFIX: &str = " data: ";

pub(crate) struct TaskReader<'r, 'a, 'h> {
    pub(crate) lines: &'r mut LineReader<'a>,
    pub(crate) values: &'r mut ValueReader<'h>,
    pub(crate) version: u8,
}

impl TaskReader<'_, '_, '_> {
    pub(crate) fn tasks(&mut self) -> Result<Tasks, ReadError> {
        let mut tasks = Tasks::default();
        self.lines.place = Place::Tasks;
        self.clocks()?;
        let count = self.lines.count_of(" queued tasks", "`N queued tasks`")?;
        for number in 1..=count {
            self.lines.place = Place::Forked(number as u64);
            tasks.forked.push(self.forked()?);
        }
        self.lines.place = Place::Tasks;
        if self.may_end() {
            return Ok(tasks);
        }
        let count = self
            .lines
            .count_of(" suspended tasks", "`N suspended tasks`")?;
        for number in 1..=count {
            self.lines.place = Place::Suspended(number as u64);
            tasks.suspended.push(self.suspended()?);
        }
        self.lines.place = Place::Tasks;
        if self.version < format::INTERRUPT || self.may_end() {
            return Ok(tasks);
        }
        let count = self
            .lines
            .count_of(" interrupted tasks", "`N interrupted tasks`")?;
        for number in 1..=count {
            self.lines.place = Place::Interrupted(number as u64);
            tasks.interrupted.push(self.interrupted()?);
        }
        Ok(tasks)
    }

    /// Older servers did not write the later lists; where tasks come last, the file may end before them.
    fn may_end(&self) -> bool {
        self.version < format::ANONYMOUS && self.lines.is_at_end()
    }

    /// Clocks went out of use before LambdaMOO was published.
    fn clocks(&mut self) -> Result<(), ReadError> {
        for _ in 0..self.lines.count_of(" clocks", "`N clocks`")? {
            self.lines.next("a clock")?;
        }
        Ok(())
    }

    fn forked(&mut self) -> Result<ForkedTask, ReadError> {
        let expected = "a forked task (`0 LINE START ID`)";
        let line = self.lines.next(expected)?;
        let numbers = line.numbers::<4>();
        let [_, first_line, start, id] =
            numbers.ok_or_else(|| self.lines.unexpected(line, expected))?;
        let activation = self.activation()?;
        let variables = self.variables()?;
        let line = self.lines.next_number();
        Ok(ForkedTask {
            id,
            start,
            first_line,
            activation,
            variables,
            source: self.source()?,
            line,
        })
    }

    fn source(&mut self) -> Result<Vec<String>, ReadError> {
        let lines = self.lines.program()?;
        Ok(lines.into_iter().map(String::from).collect())
    }

    fn variables(&mut self) -> Result<Vec<Variable>, ReadError> {
        let count = self.lines.count_of(" variables", "`N variables`")?;
        let mut variables = Vec::new();
        for _ in 0..count {
            variables.push(Variable {
                name: self.lines.string("the name of a variable")?,
                value: self.values.value(self.lines)?,
            });
        }
        Ok(variables)
    }

    /// The second line of a header may go on with a value's type: `START ID TYPE`.
    fn suspended(&mut self) -> Result<StoppedTask, ReadError> {
        let expected = "a suspended task (`START ID` and the type of a value)";
        let line = self.lines.next(expected)?;
        let (start, id, value) = match (line.numbers::<3>(), line.numbers::<2>()) {
            (Some([start, id, kind]), _) => {
                let value = self.values.value_of_kind(self.lines, line, kind)?;
                (start, id, value)
            }
            (_, Some([start, id])) => (start, id, Value::ZERO),
            _ => return Err(self.lines.unexpected(line, expected)),
        };
        self.machine(id, start, value, Str::EMPTY)
    }

    fn interrupted(&mut self) -> Result<StoppedTask, ReadError> {
        let expected = "an interrupted task (`ID STATUS`)";
        let line = self.lines.next(expected)?;
        let text = line.text();
        let Some((Ok(id), status)) = text
            .split_once(' ')
            .map(|(id, status)| (id.parse(), status))
        else {
            return Err(self.lines.unexpected(line, expected));
        };
        let value = Value::Err(moor_value::ErrorCode::Intrpt);
        self.machine(id, 0, value, Str::new(status))
    }

    fn machine(
        &mut self,
        id: i64,
        start: i64,
        value: Value,
        status: Str,
    ) -> Result<StoppedTask, ReadError> {
        let local = match self.version >= format::TASK_LOCAL {
            true => self.values.value(self.lines)?,
            false => Value::Map(moor_value::Map::new()),
        };
        let [top, root_vector, root_function, frames_max] = self.machine_header()?;
        let mut frames = Vec::new();
        for _ in 0..=top {
            frames.push(self.frame()?);
        }
        Ok(StoppedTask {
            id,
            start,
            value,
            status,
            local,
            root_vector,
            root_function,
            frames_max,
            frames,
        })
    }

    fn machine_header(&mut self) -> Result<[i64; 4], ReadError> {
        let expected = "the state of a machine (`TOP VECTOR FUNCTION MAX`)";
        let line = self.lines.next(expected)?;
        let short = |[top, vector, function]: [i64; 3]| [top, vector, function, FRAMES_MAX_DEFAULT];
        let numbers = line.numbers::<4>().or_else(|| line.numbers().map(short));
        let whole = numbers.filter(|[top, ..]| (0..=i64::from(u32::MAX)).contains(top));
        whole.ok_or_else(|| self.lines.unexpected(line, expected))
    }

    fn frame(&mut self) -> Result<Frame, ReadError> {
        let language = self.language()?;
        let line = self.lines.next_number();
        let source = self.source()?;
        let variables = self.variables()?;
        let expected = "`N rt_stack slots in use`";
        let count = self.lines.count_of(" rt_stack slots in use", expected)?;
        let mut stack = Vec::new();
        for _ in 0..count {
            stack.push(self.values.slot(self.lines)?);
        }
        let activation = self.activation()?;
        let temp = self.values.slot(self.lines)?;
        self.frame_end(Frame {
            language,
            source,
            line,
            variables,
            stack,
            activation,
            temp,
            pc: 0,
            builtin_pc: 0,
            error_pc: 0,
            builtin: Str::EMPTY,
            builtin_data: Vec::new(),
        })
    }

    fn language(&mut self) -> Result<u8, ReadError> {
        if self.version < format::FLOAT {
            return Ok(self.version);
        }
        let expected = "`language version N`";
        let line = self.lines.next(expected)?;
        let text = line.text();
        let number = text
            .strip_prefix("language version ")
            .and_then(|digits| digits.parse().ok());
        number
            .filter(|number| *number <= FORMAT_MAX)
            .ok_or_else(|| self.lines.unexpected(line, expected))
    }

    fn frame_end(&mut self, mut frame: Frame) -> Result<Frame, ReadError> {
        let expected = "the places of a frame (`PC BUILTIN_PC ERROR_PC`)";
        let line = self.lines.next(expected)?;
        let places = line.numbers::<3>();
        let places = places.or_else(|| line.numbers().map(|[pc, builtin]| [pc, builtin, pc]));
        let [pc, builtin_pc, error_pc] = places
            .and_then(natural)
            .ok_or_else(|| self.lines.unexpected(line, expected))?;
        (frame.pc, frame.builtin_pc, frame.error_pc) = (pc, builtin_pc, error_pc);
        if builtin_pc != 0 {
            frame.builtin = self.lines.string("the name of a builtin function")?;
            while let Some(line) = self.lines.peek().filter(|line| is_builtin_data(*line)) {
                frame.builtin_data.push(Str::new(&line.text()));
                self.lines.next("what a builtin function noted")?;
            }
        }
        Ok(frame)
    }

    fn activation(&mut self) -> Result<Activation, ReadError> {
        // LambdaMOO writes a number here that nobody reads.
        self.values.value(self.lines)?;
        let this = self.value_from(format::THIS)?;
        let vloc = self.value_from(format::ANONYMOUS)?;
        let threaded = match self.version >= format::THREADED {
            true => self.lines.int("the thread mode")? != 0,
            false => true,
        };
        let expected = "nine numbers of an activation";
        let line = self.lines.next(expected)?;
        let numbers = line.numbers::<9>();
        let [receiver, _, _, player, _, progr, definer, _, debug] =
            numbers.ok_or_else(|| self.lines.unexpected(line, expected))?;
        for _ in 0..4 {
            self.lines
                .string("a string of the command that is not used")?;
        }
        Ok(Activation {
            this: this.unwrap_or(Value::Obj(ObjId(receiver))),
            player: ObjId(player),
            progr: ObjId(progr),
            vloc: vloc.unwrap_or(Value::Obj(ObjId(definer))),
            verb: self.lines.string("the name that a verb was called by")?,
            verb_names: self.lines.string("the names of a verb")?,
            debug: debug != 0,
            threaded,
        })
    }

    /// A value that is there from a format on.
    fn value_from(&mut self, version: u8) -> Result<Option<Value>, ReadError> {
        match self.version >= version {
            true => self.values.value(self.lines).map(Some),
            false => Ok(None),
        }
    }
}

fn natural(numbers: [i64; 3]) -> Option<[u64; 3]> {
    let [a, b, c] = numbers.map(|number| u64::try_from(number).ok());
    Some([a?, b?, c?])
}

fn is_builtin_data(line: Line<'_>) -> bool {
    line.bytes.starts_with(BUILTIN_DATA_PREFIX) && line.text().contains(BUILTIN_DATA_INFIX)
}
