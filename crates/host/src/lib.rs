//! What every host shares: sessions, their numbered lines and events, from the side of the users.
//!
//! In: what a link to the daemon reports, and connections of users behind the trait [`Connection`]. Out: requests to
//! the daemon, events to connections. [`Course`] and [`LineWindow`] are pure; [`Hub`] is the one task that speaks with
//! the daemon; [`Requests`] is the way to it, which lines take without passing through the hub, as events do in [`SessionTable`].
//!
//! It does not know how a user is connected (telnet, WebSocket), how text is shown, or what a line means.

mod args;
mod connection;
mod course;
mod daemon_link;
mod hub;
mod meters;
mod notices;
mod questions;
mod session_table;
mod threads;
mod uplink;
mod window;

pub use args::DaemonArgs;
pub use connection::{Connection, DaemonNews, Listeners, Progress, initial_options};
pub use course::Course;
pub use daemon_link::{DOWNLINK_MAX, Ear};
pub use hub::{Bounds, CONNECTION_NEWS_MAX, FromConnection, Hub};
pub use notices::{AWAY, BACK, FULL, HOST_STOPS, REVOKED, SESSION_LOST, SIGN_IN_AGAIN, STOPPING};
pub use questions::AskError;
pub use session_table::SessionTable;
pub use threads::block_on;
pub use uplink::{Downlink, Requests, Uplink, UplinkError};
pub use window::{LineWindow, WINDOW_BYTES_MAX, WINDOW_LINES_MAX};
