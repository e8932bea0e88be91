//! The binary `acquaint`. Everything it does is in the library beside it.

use std::process::ExitCode;

/// The engine makes many short-lived rows on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    acquaint_cli::run()
}
