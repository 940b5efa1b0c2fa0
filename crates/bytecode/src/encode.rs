//! Programs as bytes (docs/formats/bytecode.md). Decoded programs are verified like fresh ones.
//!
//! Builtin functions are stored by name, because their numbers belong to one build of the server; the caller of
//! [`Program::decode`] says which number a name has now.

use std::sync::Arc;

use moor_value::codec::NoHandles;
use moor_value::{Str, Symbol};
use thiserror::Error;

use crate::bytes::{ReadError, Reader, Writer};
use crate::instruction::Instruction;
use crate::program::{
    CodeTable, CommandVariable, Filter, FunctionCode, Gives, Handler, Local, Name, Program,
    Scatter, ScatterKind, ScatterTarget,
};
use crate::verify::VerifyError;

/// The version that [`Program::encode`] writes, the first byte of the encoding.
pub const FORMAT_VERSION: u8 = 5;
/// The oldest version that is read: it has no texts of `fork` bodies; before 3 there are no variables of blocks, before 4 no
/// functions, before 5 no text of the whole.
const FORMAT_VERSION_MIN: u8 = 1;

/// How deep functions within functions are decoded.
pub const FUNCTION_DEPTH_MAX: usize = 32;

/// Why bytes are not a program.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Written by another version of the format.
    #[error(
        "program format {0}; this server reads formats {FORMAT_VERSION_MIN} to {FORMAT_VERSION}"
    )]
    Version(u8),
    /// Damaged bytes.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// An opcode that does not exist.
    #[error("unknown opcode {0}")]
    Opcode(u8),
    /// The program calls a builtin function that this server has not got.
    #[error("unknown builtin function {0}")]
    Builtin(String),
    /// Functions stand in one another deeper than [`FUNCTION_DEPTH_MAX`].
    #[error("more than {FUNCTION_DEPTH_MAX} functions within one another")]
    Depth,
    /// The program does not pass verification.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

impl Program {
    /// The program's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.u8(FORMAT_VERSION);
        w.u16(self.registers);
        w.u16(self.player.unwrap_or(crate::UNSET));
        w.count(self.variables.len());
        self.variables
            .iter()
            .for_each(|name| w.bytes(name.as_bytes()));
        w.count(self.command.len());
        for &(variable, register) in &self.command {
            w.u8(variable as u8);
            w.u16(register);
        }
        w.count(self.constants.len());
        self.constants.iter().for_each(|value| w.value(value));
        w.count(self.names.len());
        self.names
            .iter()
            .for_each(|name| w.bytes(name.text.as_bytes()));
        w.count(self.builtins.len());
        self.builtins
            .iter()
            .for_each(|(_, name)| w.bytes(name.as_str().as_bytes()));
        w.count(self.code.len());
        for instruction in &self.code {
            w.out
                .extend_from_slice(&self.with_local_builtin(*instruction).to_bytes());
        }
        self.encode_tables(&mut w);
        w.out
    }

    fn with_local_builtin(&self, mut instruction: Instruction) -> Instruction {
        if let Some(builtin) = builtin_of(&mut instruction) {
            let place = self
                .builtins
                .iter()
                .position(|(number, _)| number == builtin);
            *builtin = place.expect("a verified program lists its builtins") as u16;
        }
        instruction
    }

    fn encode_tables(&self, w: &mut Writer) {
        w.count(self.handlers.len());
        self.handlers
            .iter()
            .for_each(|handler| put_handler(w, handler));
        w.count(self.scatters.len());
        for scatter in &self.scatters {
            w.u16(scatter.done);
            w.count(scatter.targets.len());
            scatter
                .targets
                .iter()
                .for_each(|target| put_target(w, target));
        }
        w.count(self.lines.len());
        for &(start, line) in &self.lines {
            w.u16(start);
            w.u32(line);
        }
        w.count(self.forks.len());
        for (start, text) in &self.forks {
            w.u16(*start);
            w.bytes(text.as_bytes());
        }
        w.count(self.locals.len());
        for local in &self.locals {
            w.u16(local.start);
            w.u16(local.end);
            w.u16(local.register);
            w.bytes(local.name.as_bytes());
        }
        w.count(self.captures.len());
        for (name, register) in &self.captures {
            w.bytes(name.as_bytes());
            w.u16(*register);
        }
        w.u16(self.own.unwrap_or(crate::UNSET));
        w.count(self.functions.len());
        for function in &self.functions {
            w.bytes(function.source.as_bytes());
            w.u32(function.line);
            w.count(function.captures.len());
            function
                .captures
                .iter()
                .for_each(|register| w.u16(*register));
            w.bytes(&function.program.encode());
        }
        w.u8(u8::from(self.source.is_some()));
        self.source.iter().for_each(|text| w.bytes(text.as_bytes()));
    }

    /// Takes one program off the front of `input`. `builtin` gives the number of a builtin function's name.
    ///
    /// # Errors
    /// Each [`DecodeError`] as its own description says.
    pub fn decode(
        input: &mut &[u8],
        builtin: &dyn Fn(&str) -> Option<u16>,
    ) -> Result<Self, DecodeError> {
        Self::decode_within(input, builtin, 0)
    }

    fn decode_within(
        input: &mut &[u8],
        builtin: &dyn Fn(&str) -> Option<u16>,
        depth: usize,
    ) -> Result<Self, DecodeError> {
        let mut r = Reader { input };
        let version = r.u8()?;
        if !(FORMAT_VERSION_MIN..=FORMAT_VERSION).contains(&version) {
            return Err(DecodeError::Version(version));
        }
        let table = decode_table(&mut r, version, builtin, depth)?;
        *input = r.input;
        Ok(Program::new(table)?)
    }
}

fn decode_table(
    r: &mut Reader<'_>,
    version: u8,
    builtin: &dyn Fn(&str) -> Option<u16>,
    depth: usize,
) -> Result<CodeTable, DecodeError> {
    let registers = r.u16()?;
    let player = Some(r.u16()?).filter(|&register| register != crate::UNSET);
    let variables = r.many(Reader::text)?;
    let command = r.many(|r| Ok::<_, ReadError>((take_command(r)?, r.u16()?)))?;
    let constants = r.many(|r| r.value(&mut NoHandles))?;
    let names = r.many(|r| {
        let text = r.text()?;
        Ok::<_, ReadError>(Name {
            symbol: Symbol::intern(text.as_str()),
            text,
        })
    })?;
    let builtins = r.many(|r| {
        let name = r.text()?;
        let unknown = || DecodeError::Builtin(name.as_str().to_owned());
        let number = builtin(name.as_str()).ok_or_else(unknown)?;
        Ok::<_, DecodeError>((number, Symbol::intern(name.as_str())))
    })?;
    let code = r.many(|r| take_instruction(r, &builtins))?;
    let handlers = r.many(take_handler)?;
    let scatters = r.many(|r| {
        let done = r.u16()?;
        let targets = r.many(take_target)?;
        Ok::<_, ReadError>(Scatter { targets, done })
    })?;
    let lines = r.many(|r| Ok::<_, ReadError>((r.u16()?, r.u32()?)))?;
    let forks = match version {
        1 => Vec::new(),
        _ => r.many(|r| Ok::<_, ReadError>((r.u16()?, r.text()?)))?,
    };
    let locals = match version {
        1 | 2 => Vec::new(),
        _ => r.many(take_local)?,
    };
    let (captures, own, functions) = match version {
        1..=3 => (Vec::new(), None, Vec::new()),
        _ => take_functions(r, builtin, depth)?,
    };
    let source = match version {
        1..=4 => None,
        _ => take_source(r)?,
    };
    Ok(CodeTable {
        code,
        constants,
        names,
        builtins,
        variables,
        registers,
        player,
        command,
        handlers,
        scatters,
        lines,
        forks,
        locals,
        captures,
        own,
        functions,
        source,
    })
}

fn take_source(r: &mut Reader<'_>) -> Result<Option<Str>, ReadError> {
    match r.u8()? {
        0 => Ok(None),
        1 => r.text().map(Some),
        tag => Err(ReadError::Tag {
            what: "source text",
            tag,
        }),
    }
}

fn builtin_of(instruction: &mut Instruction) -> Option<&mut u16> {
    match instruction {
        Instruction::Length { builtin, .. }
        | Instruction::CallBuiltin { builtin, .. }
        | Instruction::CallBuiltinSpread { builtin, .. } => Some(builtin),
        _ => None,
    }
}

fn take_instruction(
    r: &mut Reader<'_>,
    builtins: &[(u16, Symbol)],
) -> Result<Instruction, DecodeError> {
    let bytes = r.word()?;
    let mut instruction = Instruction::from_bytes(bytes).ok_or(DecodeError::Opcode(bytes[0]))?;
    if let Some(builtin) = builtin_of(&mut instruction) {
        let entry = builtins.get(usize::from(*builtin));
        *builtin = entry
            .ok_or(ReadError::Tag {
                what: "builtin",
                tag: *builtin as u8,
            })?
            .0;
    }
    Ok(instruction)
}

fn take_command(r: &mut Reader<'_>) -> Result<CommandVariable, ReadError> {
    let tag = r.u8()?;
    let variable = CommandVariable::ALL.get(usize::from(tag)).copied();
    variable.ok_or(ReadError::Tag {
        what: "command variable",
        tag,
    })
}

fn put_handler(w: &mut Writer, handler: &Handler) {
    w.u16(handler.start);
    w.u16(handler.end);
    w.u16(handler.target);
    let (tag, data) = match handler.filter {
        Filter::Any => (0, 0),
        Filter::Codes(mask) => (1, mask),
        Filter::Register(r) => (2, u32::from(r)),
    };
    w.u8(tag);
    w.u32(data);
    let (tag, register) = match handler.gives {
        Gives::Nothing => (0, 0),
        Gives::Code(r) => (1, r),
        Gives::Exception(r) => (2, r),
        Gives::Pending(r) => (3, r),
        Gives::Head(r) => (4, r),
    };
    w.u8(tag);
    w.u16(register);
}

fn take_handler(r: &mut Reader<'_>) -> Result<Handler, ReadError> {
    let (start, end, target) = (r.u16()?, r.u16()?, r.u16()?);
    let filter = match (r.u8()?, r.u32()?) {
        (0, _) => Filter::Any,
        (1, mask) => Filter::Codes(mask),
        (2, register) => Filter::Register(register as u16),
        (tag, _) => {
            return Err(ReadError::Tag {
                what: "handler filter",
                tag,
            });
        }
    };
    let gives = match (r.u8()?, r.u16()?) {
        (0, _) => Gives::Nothing,
        (1, register) => Gives::Code(register),
        (2, register) => Gives::Exception(register),
        (3, register) => Gives::Pending(register),
        (4, register) => Gives::Head(register),
        (tag, _) => {
            return Err(ReadError::Tag {
                what: "handler",
                tag,
            });
        }
    };
    Ok(Handler {
        start,
        end,
        target,
        filter,
        gives,
    })
}

/// What a function captures, where it finds itself, and the functions in it.
type Functions = (Vec<(Str, u16)>, Option<u16>, Vec<FunctionCode>);

fn take_functions(
    r: &mut Reader<'_>,
    builtin: &dyn Fn(&str) -> Option<u16>,
    depth: usize,
) -> Result<Functions, DecodeError> {
    let captures = r.many(|r| Ok::<_, ReadError>((r.text()?, r.u16()?)))?;
    let own = Some(r.u16()?).filter(|&register| register != crate::UNSET);
    let functions = r.many(|r| {
        if depth == FUNCTION_DEPTH_MAX {
            return Err(DecodeError::Depth);
        }
        let (source, line) = (r.text()?, r.u32()?);
        let captures = r.many(|r| r.u16())?;
        let program = Program::decode_within(&mut r.bytes()?, builtin, depth + 1)?;
        Ok(FunctionCode {
            source,
            line,
            program: Arc::new(program),
            captures,
        })
    })?;
    Ok((captures, own, functions))
}

fn take_local(r: &mut Reader<'_>) -> Result<Local, ReadError> {
    Ok(Local {
        start: r.u16()?,
        end: r.u16()?,
        register: r.u16()?,
        name: r.text()?,
    })
}

fn put_target(w: &mut Writer, target: &ScatterTarget) {
    w.u16(target.register);
    let (tag, default) = match target.kind {
        ScatterKind::Required => (0, 0),
        ScatterKind::Optional => (1, 0),
        ScatterKind::Default(at) => (2, at),
        ScatterKind::Rest => (3, 0),
    };
    w.u8(tag);
    w.u16(default);
}

fn take_target(r: &mut Reader<'_>) -> Result<ScatterTarget, ReadError> {
    let register = r.u16()?;
    let kind = match (r.u8()?, r.u16()?) {
        (0, _) => ScatterKind::Required,
        (1, _) => ScatterKind::Optional,
        (2, at) => ScatterKind::Default(at),
        (3, _) => ScatterKind::Rest,
        (tag, _) => {
            return Err(ReadError::Tag {
                what: "scatter target",
                tag,
            });
        }
    };
    Ok(ScatterTarget { register, kind })
}
