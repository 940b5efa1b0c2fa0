//! Layers, origins and messages of [`super::parse_with_environment`]. It knows the flags of one invented program.

use super::*;
use crate::NodeArgs;

/// An invented program.
#[derive(clap::Parser, Debug)]
struct Args {
    /// Where the world is.
    data_dir: PathBuf,
    /// A port.
    ///
    /// Told in two paragraphs.
    #[arg(long, default_value_t = 8888)]
    telnet_port: u16,
    /// Endpoints.
    #[arg(long, value_delimiter = ',')]
    rpc_listen: Vec<String>,
    /// A switch.
    #[arg(long)]
    hold_input: bool,
    #[command(flatten)]
    node: NodeArgs,
}

type Variables<'a> = &'a [(&'a str, &'a str)];

fn parsed(argv: &[&str], variables: Variables<'_>) -> Result<Args, ConfigError> {
    let argv = std::iter::once("/usr/bin/anything")
        .chain(argv.iter().copied())
        .map(OsString::from);
    parse_with_environment("moor-example", argv, |name| {
        variables
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| OsString::from(value))
    })
}

/// A folder with the configuration file, and the file's path.
fn file(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("moor.toml");
    std::fs::write(&path, text).expect("written");
    let path = path.to_str().expect("UTF-8").to_string();
    (folder, path)
}

fn message(argv: &[&str], variables: Variables<'_>) -> String {
    let text = parsed(argv, variables)
        .expect_err("this is a mistake")
        .to_string();
    assert!(!text.contains('\n'), "more than one line: {text}");
    text
}

#[test]
fn the_command_line_wins_over_the_environment_over_the_file_over_the_default() {
    let (_folder, path) = file("telnet-port = 1\n");
    let file: &[&str] = &["d", "--config", &path];
    let variable: Variables<'_> = &[("MOOR_TELNET_PORT", "2")];
    assert_eq!(parsed(&["d"], &[]).expect("default").telnet_port, 8888);
    assert_eq!(parsed(file, &[]).expect("file").telnet_port, 1);
    assert_eq!(parsed(file, variable).expect("environment").telnet_port, 2);
    assert_eq!(
        parsed(&[file, &["--telnet-port", "3"]].concat(), variable)
            .expect("command line")
            .telnet_port,
        3
    );
}

#[test]
fn lists_switches_and_positional_arguments_come_from_every_layer() {
    let (_folder, path) =
        file("data-dir = 'w'\nhold-input = true\nrpc-listen = ['ipc://a', 'tcp://b']\n");
    let from_file = parsed(&["--config", &path], &[]).expect("file");
    assert_eq!(from_file.data_dir, Path::new("w"));
    assert!(from_file.hold_input);
    assert_eq!(from_file.rpc_listen, ["ipc://a", "tcp://b"]);
    let variables = [
        ("MOOR_CONFIG", path.as_str()),
        ("MOOR_RPC_LISTEN", "x,y"),
        ("MOOR_HOLD_INPUT", "off"),
    ];
    let from_environment = parsed(&[], &variables).expect("environment");
    assert!(!from_environment.hold_input);
    assert_eq!(from_environment.rpc_listen, ["x", "y"]);
    assert_eq!(from_environment.data_dir, Path::new("w"));
    let line = parsed(
        &[
            "v",
            "--config",
            &path,
            "--hold-input=false",
            "--rpc-listen",
            "z",
        ],
        &variables,
    )
    .expect("line");
    assert!(!line.hold_input);
    assert_eq!(line.rpc_listen, ["z"]);
    assert_eq!(line.data_dir, Path::new("v"));
}

#[test]
fn unknown_keys_name_the_key_the_file_and_the_near_match() {
    let (_folder, path) = file("telnet-prot = 1\n");
    let text = message(&["d", "--config", &path], &[]);
    assert!(
        text.contains(&path) && text.contains("`telnet-prot`") && text.contains("`telnet-port`"),
        "{text}"
    );
    let (_folder, path) = file("zzz = 1\n");
    assert!(message(&["d", "--config", &path], &[]).contains("--help"));
}

#[test]
fn the_file_cannot_name_another_file() {
    let (_folder, path) = file("config = 'other.toml'\n");
    assert!(message(&["d", "--config", &path], &[]).contains("unknown key `config`"));
}

#[test]
fn wrong_values_name_the_origin_the_value_and_the_mend() {
    let text = message(&["d"], &[("MOOR_TELNET_PORT", "many")]);
    assert!(text.starts_with("MOOR_TELNET_PORT = many: "), "{text}");
    let text = message(&["d"], &[("MOOR_LOG_FORMAT", "xml")]);
    assert_eq!(text, "MOOR_LOG_FORMAT = xml: is not one of text, json");
    for (line, told) in [
        (
            "telnet-port = 70000",
            "telnet-port = 70000: 70000 is not in 0..=65535",
        ),
        ("telnet-port = [1]", "takes one value, not a list"),
        ("telnet-port = {}", "takes a value, not a table"),
        ("log-level = 2026-01-01", "put it in quotes"),
        (
            "drain-timeout = -1",
            "drain-timeout = -1: is not a number of seconds",
        ),
    ] {
        let (_folder, path) = file(line);
        let text = message(&["d", "--config", &path], &[]);
        assert!(
            text.starts_with(&path) && text.contains(told),
            "{line}: {text}"
        );
    }
}

#[test]
fn wrong_command_lines_are_one_line() {
    let text = message(&["d", "--telnet-prot", "1"], &[]);
    assert!(
        text.contains("--telnet-prot") && text.contains("--telnet-port"),
        "{text}"
    );
    let text = message(&["d", "--telnet-port", "many"], &[]);
    assert!(
        text.contains("--telnet-port") && text.contains("many"),
        "{text}"
    );
    assert!(message(&[], &[]).contains("<DATA_DIR>"));
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let text = message(&["d", "--config", "/nonexistent/moor.toml"], &[]);
    assert!(
        text.starts_with("--config /nonexistent/moor.toml: "),
        "{text}"
    );
    let (_folder, path) = file("telnet-port = 1\nlog-format = \n");
    let text = message(&["d", "--config", &path], &[]);
    assert!(text.starts_with(&format!("{path}:2: ")), "{text}");
}

#[test]
fn help_names_the_variables_and_is_no_mistake() {
    let shown = parsed(&["--help"], &[("MOOR_TELNET_PORT", "1")]).expect_err("help is shown");
    let text = shown.to_string();
    assert!(matches!(shown, ConfigError::Show(_)));
    assert!(
        text.contains("[env: MOOR_TELNET_PORT]") && text.contains("moor-example"),
        "{text}"
    );
    assert!(matches!(
        parsed(&["--version"], &[]),
        Err(ConfigError::Show(_))
    ));
}

#[test]
fn seconds_are_numbers_from_zero_on() {
    assert_eq!(seconds("0"), Ok(Duration::ZERO));
    assert_eq!(seconds(" 0.25 "), Ok(Duration::from_millis(250)));
    for text in ["", "-1", "ten", "NaN", "inf", "1e300"] {
        assert_eq!(seconds(text), Err(SecondsError), "{text:?}");
    }
}
