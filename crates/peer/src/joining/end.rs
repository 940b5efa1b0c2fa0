//! How joining ends: because the program stops, or because only an operator can help.
//!
//! In: what an enrollment answered. Out: the exit code and the one line for it.

use moor_keyring::EnrollRefusal;
use moor_link::enrollment::EnrollError;
use moor_node::Exit;

/// The end.
#[derive(Debug)]
pub(super) enum End {
    /// The program stops.
    Stopped,
    /// Waiting does not help.
    Hopeless { exit: Exit, text: String },
}

impl End {
    pub(super) fn new(exit: Exit, text: impl Into<String>) -> Self {
        let text = text.into();
        Self::Hopeless { exit, text }
    }

    /// A failure of this program or its machine.
    pub(super) fn broken(error: impl std::fmt::Display) -> Self {
        Self::new(Exit::Failure, error.to_string())
    }

    /// An enrollment that failed for good.
    pub(super) fn of_enrollment(error: &EnrollError) -> Self {
        let exit = match error {
            EnrollError::Refused(refusal) => match refusal {
                EnrollRefusal::UnknownToken => Exit::TokenUnknown,
                EnrollRefusal::Expired => Exit::TokenExpired,
                EnrollRefusal::UsedUp => Exit::TokenUsedUp,
                EnrollRefusal::WrongService { .. }
                | EnrollRefusal::UnknownService
                | EnrollRefusal::OtherService { .. } => Exit::TokenWrongService,
                EnrollRefusal::Revoked => Exit::Revoked,
                _ => Exit::Failure,
            },
            EnrollError::WrongServerKey(_) => Exit::WrongServerKey,
            EnrollError::NotEnrollment(_) | EnrollError::NotNetwork(_) => Exit::Usage,
            _ => Exit::Failure,
        };
        Self::new(exit, format!("enrollment: {error}"))
    }
}
