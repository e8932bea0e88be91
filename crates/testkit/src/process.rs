//! Signals to processes by their number, and the children of a process.

use std::process::Command;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::{Error, Result};

/// The number of a process.
pub type ProcessId = u32;

/// Stops a process where it stands: it keeps its memory, its connections and its locks, and does
/// nothing until [`thaw`].
///
/// # Errors
/// If there is no such process, or it is not ours.
pub fn freeze(process: ProcessId) -> Result<()> {
    send(process, Signal::STOP)
}

/// Lets a frozen process go on.
///
/// # Errors
/// As [`freeze`].
pub fn thaw(process: ProcessId) -> Result<()> {
    send(process, Signal::CONT)
}

/// Ends a process without a chance to do anything about it.
///
/// # Errors
/// As [`freeze`].
pub fn kill(process: ProcessId) -> Result<()> {
    send(process, Signal::KILL)
}

/// Whether there is such a process.
#[must_use]
pub fn is_running(process: ProcessId) -> bool {
    pid(process).is_ok_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}

fn pid(process: ProcessId) -> Result<Pid> {
    let raw = i32::try_from(process).ok().and_then(Pid::from_raw);
    raw.ok_or_else(|| Error::new(format_args!("{process} is not the number of a process")))
}

pub(crate) fn send(process: ProcessId, signal: Signal) -> Result<()> {
    kill_process(pid(process)?, signal).map_err(Error::while_doing(format_args!("send a signal to process {process}")))
}

/// The processes that this one started and that are still there.
///
/// # Errors
/// If `pgrep` is missing.
pub fn children(process: ProcessId) -> Result<Vec<ProcessId>> {
    let output = Command::new("pgrep").arg("-P").arg(process.to_string()).output();
    let output = output.map_err(Error::while_doing("run pgrep (install it: apt-get install procps)"))?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(|line| line.trim().parse().ok()).collect())
}
