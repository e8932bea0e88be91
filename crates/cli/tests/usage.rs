//! Bad usage: exit code 2, one line that says what to do, and nothing is changed.

mod common;

use std::fs;

use common::{acquaint, run};

#[test]
fn bad_usage_is_told_in_one_line() {
    let cases: [(&[&str], &str); 15] = [
        (&[], "acquaint --help"),
        (&["dance"], "unrecognized subcommand 'dance'"),
        (&["serve", "--lisen", "x"], "unexpected argument '--lisen'"),
        (&["replay"], "not provided: <FILE>"),
        (&["policy", "check"], "not provided: <FILE>"),
        (&["policy", "show", "closed"], "expected \"linkedin\" or \"open\""),
        (&["serve", "--listen", "nowhere"], "--listen: expected an address and a port such as 127.0.0.1:7171"),
        (&["serve", "--store", "postgres://u:secret@h/d?sslmode=no"], "sslmode is one of disable, prefer, require"),
        (&["serve", "--store", "acquaint-data"], "--store: expected fjall:DIRECTORY or postgres://"),
        (&["migrate", "--store", "fjall:x"], "fjall:x is an embedded store, which needs no migration"),
        (&["serve", "--queue-length", "0"], "--queue-length: expected a whole number from 1 to"),
        (&["serve", "--log-format", "xml"], "--log-format: expected text or json"),
        (&["serve", "--config", "missing.toml"], "cannot read the settings in missing.toml"),
        (&["replay", "missing.csv"], "cannot read missing.csv"),
        (&["policy", "check", "missing.toml"], "cannot read the policy in missing.toml"),
    ];
    for (args, why) in cases {
        let mut command = acquaint();
        command.env("ACQUAINT_HOST_KEY", "k").args(args);
        common::Ran(command.output().unwrap()).fails(2, why);
    }
}

#[test]
fn a_password_in_an_address_is_not_repeated() {
    let ran = run(&["backup", "x", "--store", "postgres://u:secret@127.0.0.1:1/d"]);
    assert!(!ran.stderr().contains("secret"), "{}", ran.stderr());
    ran.fails(1, "cannot connect to PostgreSQL at 127.0.0.1:1: ");
}

#[test]
fn help_and_version_are_answers() {
    assert!(run(&["--help"]).succeeds().contains("replay"));
    assert!(run(&["serve", "--help"]).succeeds().contains("--listen"));
    assert!(run(&["--version"]).succeeds().starts_with("acquaint "));
}

#[test]
fn the_api_describes_itself() {
    let document = run(&["openapi"]).succeeds();
    assert!(document.ends_with("}\n"));
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
}

#[test]
fn a_server_needs_a_key_and_dev_needs_a_loopback_address() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("fjall:{}", folder.path().join("store").display());
    run(&["serve", "--store", &store]).fails(2, "there is no host key: put one into ACQUAINT_HOST_KEY");
    run(&["serve", "--store", &store, "--dev", "--listen", "0.0.0.0:0"])
        .fails(2, "--dev lets every caller set the clock");
    let empty = folder.path().join("key");
    fs::write(&empty, "\n").unwrap();
    run(&["serve", "--store", &store, "--host-key-file", empty.to_str().unwrap()]).fails(2, "holds no host key");
    assert!(!folder.path().join("store").exists());
}

#[test]
fn a_flag_beats_a_variable_beats_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("acquaint.toml");
    let config = config.to_str().unwrap();
    // The value that counts is the one that is complained about.
    fs::write(config, "log_level = 'info'\n\nqueue_length = 0\n").unwrap();
    let queue = |variable: Option<&str>, flag: &[&str]| {
        let mut command = acquaint();
        command.args(["serve", "--config", config]).args(flag).env("ACQUAINT_HOST_KEY", "k");
        command.envs(variable.map(|value| ("ACQUAINT_QUEUE_LENGTH", value)));
        common::Ran(command.output().unwrap())
    };
    queue(None, &[]).fails(2, "acquaint.toml line 3: queue_length: expected a whole number from 1 to");
    queue(Some("many"), &[]).fails(2, "ACQUAINT_QUEUE_LENGTH: expected a whole number");
    queue(Some("many"), &["--queue-length", "-1"]).fails(2, "unexpected argument '-1'");
    queue(Some("many"), &["--queue-length=none"]).fails(2, "--queue-length: expected a whole number");
    // One that is overruled disturbs nobody.
    queue(Some("many"), &["--queue-length", "5", "--log-format", "xml"]).fails(2, "--log-format: expected");
    // An empty variable is none; the file may be named by a variable, too.
    let mut command = acquaint();
    command.arg("serve").env("ACQUAINT_CONFIG", config).env("ACQUAINT_QUEUE_LENGTH", "").env("ACQUAINT_HOST_KEY", "k");
    common::Ran(command.output().unwrap()).fails(2, "acquaint.toml line 3: queue_length");
}

#[test]
fn an_unknown_key_in_the_file_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("acquaint.toml");
    fs::write(&config, "listen = '127.0.0.1:0'\nlog_levle = 'info'\n").unwrap();
    let ran = run(&["serve", "--config", config.to_str().unwrap()]);
    ran.fails(2, "acquaint.toml line 2: there is no setting \"log_levle\", did you mean log_level?");
}

#[test]
fn a_policy_is_checked_with_its_lines() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.toml");
    let check = |text: &str| {
        fs::write(&file, text).unwrap();
        run(&["policy", "check", file.to_str().unwrap()])
    };
    assert!(check("preset = \"open\"\n").succeeds().contains("a valid policy, over the preset open"));
    assert!(check("\u{feff}preset = \"open\"\r\n").succeeds().contains("a valid policy"));
    check("preset = \"open\"\n[limits]\npending_capp = 3\n").fails(2, "policy.toml line 3, column 1: unknown field");
    check("[limits]\npending_cap = \"many\"\n").fails(2, "policy.toml line 2");
    check("[reminders]\n\nafter = [\"21d\", \"7d\"]\n").fails(2, "policy.toml line 3");
    fs::write(&file, b"preset = \"open\"\n# \xff\n").unwrap();
    run(&["policy", "check", file.to_str().unwrap()]).fails(2, "policy.toml line 2: not UTF-8 text");
}

#[test]
fn a_preset_that_is_shown_is_a_valid_policy() {
    let folder = tempfile::tempdir().unwrap();
    for preset in ["linkedin", "open"] {
        let file = folder.path().join(preset);
        fs::write(&file, run(&["policy", "show", preset]).succeeds()).unwrap();
        run(&["policy", "check", file.to_str().unwrap()]).succeeds();
    }
}
