//! The one place that writes to standard output and standard error.
//!
//! A reader who goes away (`acquaint policy show open | head -1`) is no failure: what is left is
//! not written, quietly. A full disk behind a redirection is one.

use std::io::{self, ErrorKind, Write};

use crate::failure::{Failure, Outcome};

/// Writes a text and a newline to standard output, at once.
///
/// # Errors
/// When standard output cannot be written to, other than for want of a reader.
pub fn line(text: &str) -> Outcome<()> {
    raw(format!("{text}\n").as_bytes())
}

/// Writes bytes to standard output, at once.
///
/// # Errors
/// As [`line()`].
pub fn raw(bytes: &[u8]) -> Outcome<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::failed(format_args!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a text and a newline to standard error: progress, and what a person should know.
pub fn note(text: &str) {
    // Nobody is left to be told when this fails.
    let _ = io::stderr().lock().write_all(format!("{text}\n").as_bytes());
}

/// Writes the one line that ends a command that did not succeed.
pub fn failure(failure: &Failure) {
    note(&format!("acquaint: {}", failure.message()));
}
