//! Programs of a folder: what they are given, what comes back, and how they are ended.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use moor_files::executables::{Bounds, Call, Cancel, Ended, ExecutableError, Executables};

const BOUNDS: Bounds = Bounds {
    time_max: Duration::from_secs(60),
    output_bytes_max: 1 << 20,
};

/// A folder with one program, `tool`, of these lines of a shell.
fn folder(script: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    write_script(&folder.path().join("tool"), script);
    folder
}

fn write_script(path: &Path, script: &str) {
    std::fs::write(path, format!("#!/bin/sh\n{script}\n")).expect("a script");
    let mode = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(path, mode).expect("its mode");
}

fn call(args: &[&str], input: &[u8]) -> Call {
    let args = std::iter::once(&"tool").chain(args);
    Call {
        args: args.map(|arg| (*arg).to_owned()).collect(),
        environment: vec![("PATH".into(), "/bin:/usr/bin".into())],
        input: input.to_vec(),
    }
}

fn run_with(
    script: &str,
    call: Call,
    bounds: Bounds,
    cancel: &Cancel,
) -> Result<Ended, ExecutableError> {
    let folder = folder(script);
    let executables = Executables::open(folder.path(), None).expect("it is there");
    loop {
        let tool = executables.find("tool").expect("it is there");
        match tool.run(call.clone(), bounds, cancel) {
            // The script was written while another test forked, whose child has the file open until it becomes its program.
            Err(ExecutableError::Io(error)) if error.kind() == ErrorKind::ExecutableFileBusy => {}
            ended => return ended,
        }
    }
}

fn run(script: &str, call: Call) -> Ended {
    let cancel = Cancel::new().expect("a descriptor");
    run_with(script, call, BOUNDS, &cancel).expect("it ran")
}

#[test]
fn input_arguments_code_and_both_outputs_pass() {
    let ended = run(
        "cat; printf '%s|' \"$@\" >&2; exit 7",
        call(&["a b", "", "*"], b"in\0\xFF"),
    );
    assert_eq!(ended.code, 7);
    assert_eq!(ended.stdout, b"in\0\xFF");
    assert_eq!(ended.stderr, b"a b||*|");
}

#[test]
fn more_than_a_pipe_holds_goes_through_both_ways() {
    let input = vec![b'x'; 300_000];
    let ended = run("cat; cat /dev/zero | head -c 300000 >&2", call(&[], &input));
    assert_eq!((ended.stdout, ended.stderr.len()), (input, 300_000));
}

#[test]
fn a_program_that_does_not_read_its_input_is_no_harm() {
    let input = vec![b'x'; 300_000];
    assert_eq!(
        run("exec 0<&-; echo done", call(&[], &input)).stdout,
        b"done\n"
    );
}

#[test]
fn nothing_of_this_process_is_handed_down() {
    let open = tempfile::NamedTempFile::new().expect("an open file");
    let listed = run("ls -l /proc/self/fd", call(&[], b""));
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let name = open.path().to_string_lossy().into_owned();
    let is_closed = listed.contains("pipe:") && !listed.contains(&name);
    assert!(is_closed, "{listed}");
    // A shell adds variables of its own.
    let variables = run("env | grep -v ^_= | grep -v ^PWD=", call(&[], b""));
    assert_eq!(variables.stdout, b"PATH=/bin:/usr/bin\n");
}

#[test]
fn a_program_runs_in_its_folder() {
    let listed = run("ls", call(&[], b""));
    assert_eq!(listed.stdout, b"tool\n");
}

#[test]
fn a_signal_is_told_by_the_code_and_what_cannot_run_by_an_error() {
    assert_eq!(run("kill -9 $$", call(&[], b"")).code, 128 + 9);
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("tool"), "text").expect("a file");
    let executables = Executables::open(folder.path(), None).expect("it is there");
    let tool = executables.find("tool").expect("it is there");
    let cancel = Cancel::new().expect("a descriptor");
    let error = tool.run(call(&[], b""), BOUNDS, &cancel);
    assert!(matches!(error, Err(ExecutableError::Io(_))), "{error:?}");
}

#[test]
fn output_has_a_bound_and_time_too() {
    let cancel = Cancel::new().expect("a descriptor");
    let bounds = |output_bytes_max, time_max| Bounds {
        time_max,
        output_bytes_max,
    };
    let long = Duration::from_secs(60);
    for (written, is_allowed) in [(1000, true), (1001, false)] {
        let script = format!("head -c {written} /dev/zero");
        let ended = run_with(&script, call(&[], b""), bounds(1000, long), &cancel);
        assert_eq!(ended.is_ok(), is_allowed, "{written}");
    }
    let endless = run_with("cat /dev/zero", call(&[], b""), bounds(1000, long), &cancel);
    assert!(matches!(
        endless,
        Err(ExecutableError::TooMuch { bytes_max: 1000 })
    ));
    let short = bounds(1000, Duration::from_millis(50));
    let late = run_with("sleep 1000", call(&[], b""), short, &cancel);
    assert!(
        matches!(late, Err(ExecutableError::TooLong { .. })),
        "{late:?}"
    );
}

#[test]
fn who_is_not_waited_for_any_more_is_ended() {
    let cancel = Cancel::new().expect("a descriptor");
    cancel.say();
    let ended = run_with("sleep 1000", call(&[], b""), BOUNDS, &cancel);
    assert!(
        matches!(ended, Err(ExecutableError::Cancelled)),
        "{ended:?}"
    );
}

#[test]
fn what_a_program_leaves_behind_ends_with_it() {
    // The one that stays has the outputs open, and writes its number first.
    let ended = run("sleep 1000 & echo $!", call(&[], b""));
    let number = String::from_utf8(ended.stdout).expect("a number");
    let path = format!("/proc/{}/stat", number.trim());
    // It has been killed: it is gone, or dead and not yet taken note of.
    while let Ok(stat) = std::fs::read_to_string(&path) {
        if stat.contains(") Z") {
            break;
        }
        std::thread::yield_now();
    }
}
