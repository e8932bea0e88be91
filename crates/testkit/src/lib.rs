//! What tests start and break: PostgreSQL servers of their own, processes that are frozen, a network
//! that fails at an exact moment, and an SMTP server that does what it should not. For tests only; nothing that is shipped depends on it.
//!
//! Everything here runs for real. Nothing waits for a while: what is waited for is a line of a log,
//! the end of a process or a byte on a connection.
#![cfg(unix)]

mod error;
pub mod mail;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod proxy;

pub use error::{Error, Result};
