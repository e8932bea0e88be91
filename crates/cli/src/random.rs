//! Random bytes from the operating system.

use rand::TryRng;
use rand::rngs::SysRng;

use crate::failure::{Failure, Outcome};

/// So many of them.
pub(crate) fn bytes<const N: usize>() -> Outcome<[u8; N]> {
    let mut bytes = [0; N];
    SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(|error| Failure::failed(format_args!("the operating system gives no random numbers: {error}")))?;
    Ok(bytes)
}
