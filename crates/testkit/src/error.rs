//! Why something could not be started or broken: one line for whoever reads a failed test.

use std::fmt;

/// A message of one line, or with the log of a server below it. `unwrap` shows it as it is.
pub struct Error(String);

/// What everything here returns.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error that says this.
    pub fn new(message: impl fmt::Display) -> Self {
        Self(message.to_string())
    }

    /// Says what was attempted when something failed: `.map_err(Error::while_doing("start it"))`.
    pub fn while_doing<E: fmt::Display>(what: impl fmt::Display) -> impl FnOnce(E) -> Self {
        move |error| Self(format!("cannot {what}: {error}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}
