//! The worker kit: a worker is one async function from a request to an answer.
