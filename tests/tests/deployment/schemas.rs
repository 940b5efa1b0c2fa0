//! The YAML files against the schemas of those who read them.
//!
//! In: the files, the validators of tests/requirements.txt. Out: what they refuse. Where a validator is not installed the
//! test says so and passes.

use std::process::{Command, Output};

use crate::files::{names, root};
use crate::kubernetes;

/// Runs a validator; `None` where there is none.
fn validator(program: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new(program)
        .args(arguments)
        .current_dir(root())
        .output()
    {
        Ok(output) => Some(output),
        Err(_) => {
            moor_tests::say(format_args!(
                "skipped: {program} (tests/requirements.txt) is not installed"
            ));
            None
        }
    }
}

fn assert_valid(output: &Output) {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}{err}");
}

#[test]
fn compose_files_are_compose_files() {
    let arguments = [
        "--builtin-schema",
        "vendor.compose-spec",
        "docker-compose.yml",
        "docker-compose.cluster.yml",
    ];
    if let Some(output) = validator("check-jsonschema", &arguments) {
        assert_valid(&output);
    }
}

#[test]
fn manifests_are_manifests() {
    let files = names(kubernetes::FOLDER, ".yaml");
    let files = files
        .iter()
        .map(String::as_str)
        .filter(|name| !name.ends_with("kustomization.yaml"));
    let arguments: Vec<&str> = ["--strict"].into_iter().chain(files).collect();
    if let Some(output) = validator("kubernetes-validate", &arguments) {
        assert_valid(&output);
    }
}

#[test]
fn kustomize_builds_the_manifests() {
    if let Some(output) = validator("kubectl", &["kustomize", kubernetes::FOLDER]) {
        assert_valid(&output);
    }
}
