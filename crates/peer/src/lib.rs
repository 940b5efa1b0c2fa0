//! What every program that joins a daemon shares. It knows nothing of what messages mean.
