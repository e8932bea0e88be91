//! Checks of this repository that no ready-made tool makes: `cargo xtask NAME`.
//!
//! | name | what it checks |
//! |---|---|
//! | `layers` | which crate may depend on what ([`layers`]) |
//! | `tidy` | small rules for every file ([`tidy`]) |
//! | `openapi [--write] [--of PROGRAM]` | the committed `openapi.json` is what the handlers say ([`openapi`]); `PROGRAM` is an `acquaint` that is built already |
//!
//! A check returns what it found wrong, one sentence each. Exit codes: 0 nothing is wrong,
//! 1 something is, 2 bad usage or the check itself could not run.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]

mod layers;
mod openapi;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

/// What a check found wrong; or, as an error, why it could not look.
type Findings = Result<Vec<String>, String>;

const USAGE: &str = "usage: cargo xtask layers | tidy | openapi [--write] [--of PROGRAM]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = root();
    let (name, findings) = match *arguments.as_slice() {
        ["layers"] => ("layers", layers::check(&root)),
        ["tidy"] => ("tidy", tidy::check(&root)),
        ["openapi"] => ("openapi", openapi::check(&root, None)),
        ["openapi", "--of", program] => ("openapi", openapi::check(&root, Some(program))),
        ["openapi", "--write"] => ("openapi", openapi::write(&root, None)),
        ["openapi", "--write", "--of", program] => ("openapi", openapi::write(&root, Some(program))),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match findings {
        Ok(found) if found.is_empty() => {
            println!("{name}: ok");
            ExitCode::SUCCESS
        }
        Ok(found) => {
            for finding in &found {
                eprintln!("{name}: {finding}");
            }
            eprintln!("{name}: {} found", found.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{name}: could not check: {error}");
            ExitCode::from(2)
        }
    }
}

/// The repository's root: the folder above this package.
fn root() -> PathBuf {
    let package = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    package.parent().map_or(package.clone(), PathBuf::from)
}
