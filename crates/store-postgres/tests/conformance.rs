//! The suite that every store must pass, in a schema of its own for each case.
#![cfg(unix)]

mod common;

acquaint_store::conformance::suite! {
    block_on: |future| common::runtime().block_on(future),
    open: common::fresh,
}
