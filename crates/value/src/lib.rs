//! MOO values and the small vocabulary that everything else shares: object numbers, error codes,
//! interned names, strings, symbols, lists, maps, binaries, flyweights, errors with messages, and counted handles to
//! anonymous objects and waifs.
//!
//! Comes in: Rust data, program literals, encoded bytes. Goes out: values with MOO's equality,
//! order, truth, literal text, size and depth, and a documented byte encoding.
//! It knows nothing of programs, of the object database, of files or of the network.

mod binary;
pub mod codec;
mod error_code;
mod error_value;
mod float;
mod flyweight;
pub mod fold;
mod handle;
mod lambda;
mod list;
mod literal;
mod map;
mod obj_id;
mod order;
mod parts;
mod string;
mod sym;
mod symbol;
mod unshared;
mod value;

pub use binary::Binary;
pub use error_code::ErrorCode;
pub use error_value::{ErrorName, ErrorValue};
pub use float::{FloatText, write_general, write_scientific};
pub use flyweight::{Flyweight, RESERVED_SLOTS};
pub use handle::{AnonRef, Dead, Graveyard, WaifRef};
pub use lambda::{Lambda, Origin, Ready};
pub use list::List;
pub use map::{Map, MapKey};
pub use obj_id::ObjId;
pub use string::{INLINE_BYTES_MAX, Str};
pub use sym::Sym;
pub use symbol::Symbol;
pub use value::{DEPTH_MAX, STACK_BYTES_MIN, Value, ValueType};
