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
mod pages;
mod position;
mod privacy;
mod races;
mod sessions;
mod silence;
mod stores;
mod tokens;
mod town;
