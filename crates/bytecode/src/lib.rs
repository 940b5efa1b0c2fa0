//! The register bytecode that MOO programs are compiled to: instructions, programs, their byte layout.
//!
//! Comes in: instructions and tables from a code generator, or bytes from a store. Goes out: a [`Program`] that
//! has been verified (every register, constant, name and jump lies within its table), its bytes, its listing.
//! It knows nothing of source text, of objects or of how an instruction is carried out; the table in
//! `instruction.rs` says what each instruction means, and listing, verifier and codec are made from that table.

pub mod bytes;
mod encode;
mod instruction;
mod listing;
mod operand;
mod program;
mod verify;

pub use encode::{DecodeError, FORMAT_VERSION, FUNCTION_DEPTH_MAX};
pub use instruction::{Instruction, OPCODES, OpcodeInfo};
pub use listing::Listing;
pub use operand::{Operand, Operands, RESULT, SENSE_WANT, Sense, TAKE};
pub use program::{
    CodeTable, CommandVariable, Filter, FunctionCode, Gives, Handler, Local, Name, Program,
    Scatter, ScatterKind, ScatterTarget, UNSET,
};
pub use verify::VerifyError;
