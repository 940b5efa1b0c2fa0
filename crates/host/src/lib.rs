//! What every host shares: sessions, their lines and events, from the side of the users.
