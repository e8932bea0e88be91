//! Ports for servers that are stopped and come back under the same number.
//!
//! A port that the system hands out for `:0` may be taken by somebody's outgoing connection while
//! the server that had it is down. So these lie below the range that Linux and macOS give to
//! outgoing connections.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Error, Result};

const FIRST: u32 = 15_000;
const COUNT: u32 = 17_000;

/// A port of 127.0.0.1 where nobody listens just now. Each call tries others first, and so does each
/// process; whoever binds it too late tries again with another one.
///
/// # Errors
/// If all are taken.
pub fn free() -> Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Tests of one run are processes with neighbouring ids; the factor spreads them.
    let start = std::process::id().wrapping_mul(211);
    for _ in 0..COUNT {
        let number = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + number % COUNT).map_err(Error::new)?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Error::new(format_args!("every port from {FIRST} to {} is taken", FIRST + COUNT - 1)))
}
