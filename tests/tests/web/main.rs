//! The web host with a real daemon: HTTP and WebSockets as programs use them, and the page in a real browser.

mod browser;
mod driver;
mod http;
mod play;
mod site;
