//! The API over real HTTP, on a free loopback port, with the memory store.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

mod access;
mod attacks;
mod callers;
mod calls;
mod cleanup;
mod commands;
mod encrypted;
mod errors;
mod idempotency;
mod keys;
mod letters;
mod limits;
mod live;
mod oidc;
mod operators;
mod pages;
mod position;
mod privacy;
mod races;
mod sessions;
mod several;
mod silence;
mod stores;
mod timing;
mod tokens;
mod town;
