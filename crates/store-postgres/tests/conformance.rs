//! The suite that every store must pass, in a schema of its own for each case.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests, and what helps them, stop at the first surprise")]

mod common;

acquaint_store::conformance::suite! {
    block_on: |future| common::runtime().block_on(future),
    open: common::fresh,
}
