//! Errors that are raised in programs, with the messages and values that ToastStunt gives them.

use moor_value::{ErrorCode, List, ObjId, Str, Value, ValueType};

/// An error on its way to a handler.
#[derive(Clone, Debug, PartialEq)]
pub struct Raise {
    /// Usually an error code; `raise()` takes any value.
    pub code: Value,
    /// What it is, in words; none where these are the usual ones of the code.
    message: Option<Str>,
    /// What comes with it.
    pub value: Value,
    /// No handler may take it: the task is aborted as out of seconds.
    pub(crate) fatal: bool,
}

impl Raise {
    /// An error with its usual message and the value 0.
    #[cold]
    pub fn new(code: ErrorCode) -> Box<Self> {
        Box::new(Self {
            code: Value::Err(code),
            message: None,
            value: Value::ZERO,
            fatal: false,
        })
    }

    /// An error as a value, with its own message or its usual one; `None` for what is no error.
    pub fn of(value: &Value) -> Option<Box<Self>> {
        value.error_message().map(|_| {
            Box::new(Self {
                code: value.clone(),
                message: None,
                value: Value::ZERO,
                fatal: false,
            })
        })
    }

    /// An error with everything said.
    #[cold]
    pub fn with(code: Value, message: Str, value: Value) -> Box<Self> {
        Box::new(Self {
            code,
            message: Some(message),
            value,
            fatal: false,
        })
    }

    /// What it is, in words.
    pub fn message(&self) -> Str {
        match (&self.message, &self.code) {
            (Some(message), _) => message.clone(),
            (None, code) => code.error_message().unwrap_or(Str::EMPTY),
        }
    }

    /// A size beyond its limit.
    #[cold]
    pub(crate) fn quota(catchable: bool) -> Box<Self> {
        let mut raise = Self::new(ErrorCode::Quota);
        raise.fatal = !catchable;
        raise
    }

    /// E_TYPE that tells what was expected and what came; its value is `{{expected ...}, got}` as type numbers.
    #[cold]
    pub fn type_mismatch(got: &Value, expected: &[ValueType]) -> Box<Self> {
        let names: Vec<&str> = expected.iter().map(|t| type_name(*t)).collect();
        let names = match names.as_slice() {
            [head @ .., last] if !head.is_empty() => format!("{} or {last}", head.join(", ")),
            names => names.join(""),
        };
        let message = format!(
            "Type mismatch (expected {names}; got {})",
            type_name(got.value_type())
        );
        let numbers = expected
            .iter()
            .map(|t| Value::Int(*t as i64))
            .collect::<List>();
        let value = List::from_vec(vec![
            Value::List(numbers),
            Value::Int(got.value_type() as i64),
        ]);
        Self::with(
            Value::Err(ErrorCode::Type),
            Str::from(message),
            Value::List(value),
        )
    }

    /// E_VARNF.
    #[cold]
    pub(crate) fn variable(name: &str) -> Box<Self> {
        let value = vec![Value::Obj(ObjId::NOTHING), Value::from(name)];
        let message = format!("{}: {name}", ErrorCode::VarNf.message());
        Self::with(
            Value::Err(ErrorCode::VarNf),
            Str::from(message),
            Value::from(value),
        )
    }

    /// What failing to read or write `object.name` raises.
    #[cold]
    pub fn property(code: ErrorCode, object: &Value, name: &str) -> Box<Self> {
        match code {
            ErrorCode::PropNf => Self::missing(code, object, name, ".", ""),
            ErrorCode::Type => Self::type_mismatch(object, &[ValueType::Obj]),
            code => Self::new(code),
        }
    }

    /// What failing to call `object:name()` raises.
    #[cold]
    pub fn verb(code: ErrorCode, object: &Value, name: &str) -> Box<Self> {
        match code {
            ErrorCode::VerbNf => Self::missing(code, object, name, ":", "()"),
            code => Self::new(code),
        }
    }

    fn missing(
        code: ErrorCode,
        object: &Value,
        name: &str,
        before: &str,
        after: &str,
    ) -> Box<Self> {
        let message = format!(
            "{}: {}{before}{name}{after}",
            code.message(),
            object.to_literal()
        );
        let value = List::from_vec(vec![object.clone(), Value::from(name)]);
        Self::with(Value::Err(code), Str::from(message), Value::List(value))
    }
}

/// The name that error messages use for a type.
pub fn type_name(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Int => "integer",
        ValueType::Obj => "object",
        ValueType::Str => "string",
        ValueType::Err => "error",
        ValueType::List => "list",
        ValueType::None => "none",
        ValueType::Float => "float",
        ValueType::Map => "map",
        ValueType::Anon => "anonymous object",
        ValueType::Waif => "waif",
        ValueType::Bool => "bool",
        ValueType::Flyweight => "flyweight",
        ValueType::Lambda => "function",
        ValueType::Sym => "symbol",
        ValueType::Binary => "binary",
    }
}
