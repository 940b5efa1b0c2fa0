//! What a host itself says to users, whatever kind of host it is.
//!
//! Nothing comes in; texts go out, one line each. Everything else that a user reads comes from the world.

/// The daemon is away: once for each outage.
pub const AWAY: &str =
    "*** The server is restarting. You are still connected, and what you type is kept. ***";

/// The daemon is back: once for each [`AWAY`].
pub const BACK: &str = "*** The server is back. ***";

/// The daemon does not know the session any more.
pub const SESSION_LOST: &str = "*** The server has lost your session. Please connect again. ***";

/// The daemon or the host has no room for one more connection.
pub const FULL: &str = "*** There are too many connections. Please try again later. ***";

/// The daemon takes no new sessions because it is stopping.
pub const STOPPING: &str = "*** The server is stopping. Please try again later. ***";

/// This host is stopping.
pub const HOST_STOPS: &str =
    "*** This entrance to the server is closing. Please connect again in a while. ***";

/// The daemon has revoked this host's key.
pub const REVOKED: &str =
    "*** This entrance to the server has been closed by its operator. Please use another one. ***";

/// What the user signed in with does not count any more.
pub const SIGN_IN_AGAIN: &str = "*** Your sign-in has ended. Please sign in again. ***";
