//! Why a command did not do what it was asked, and which exit code says so.

use std::fmt::Display;

/// What every step of a command returns.
pub type Outcome<T> = Result<T, Failure>;

/// A command failed. The message is one line that says what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    kind: Kind,
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Failed,
    Usage,
}

impl Failure {
    /// The command was understood and did not succeed: exit code 1.
    #[must_use]
    pub fn failed(message: impl Display) -> Self {
        Self { kind: Kind::Failed, message: one_line(&message.to_string()) }
    }

    /// The command line, a setting or the input is wrong: exit code 2.
    #[must_use]
    pub fn usage(message: impl Display) -> Self {
        Self { kind: Kind::Usage, message: one_line(&message.to_string()) }
    }

    /// The exit code of the process.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            Kind::Failed => 1,
            Kind::Usage => 2,
        }
    }

    /// The message, one line.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// Messages of other libraries may span lines; ours never do.
pub(crate) fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(" ").chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line() {
        assert_eq!(Failure::failed("a\n\n  b\tc\u{1b}[0m").message(), "a b c [0m");
        assert_eq!(Failure::failed("").exit_code(), 1);
        assert_eq!(Failure::usage("").exit_code(), 2);
    }
}
