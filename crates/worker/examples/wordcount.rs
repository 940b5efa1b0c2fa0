//! A whole worker: it counts the words of texts. docs/WORKERS.md explains it line by line.
//!
//! In: `worker_request("wordcount", {text})` of the world. Out: `["lines" -> INT, "words" -> INT]`.

use moor_worker::{Call, WireValue, WorkerError, failure};

fn main() -> std::process::ExitCode {
    moor_worker::run(
        "moor-wordcount-worker",
        "wordcount",
        std::env::args_os(),
        wordcount,
    )
}

async fn wordcount(call: Call) -> Result<WireValue, WorkerError> {
    let WireValue::List(args) = call.args else {
        return Err(failure("E_ARGS", "give {text}"));
    };
    let [WireValue::Str(text)] = &args[..] else {
        return Err(failure("E_TYPE", "give one string: {text}"));
    };
    Ok(WireValue::Map(vec![
        entry("lines", text.lines().count()),
        entry("words", text.split_whitespace().count()),
    ]))
}

fn entry(key: &str, count: usize) -> (WireValue, WireValue) {
    // A message has at most 8 MiB: the count fits.
    (WireValue::Str(key.to_owned()), WireValue::Int(count as i64))
}
