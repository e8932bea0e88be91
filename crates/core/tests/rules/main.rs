//! The rule book, held against `decide` and `view`.
//!
//! | module | what it proves |
//! |---|---|
//! | [`transitions`] | every state between two members × every command |
//! | [`precedence`] | of two refusals that hold together, the earlier in the rule book is returned |
//! | [`clarifications`] | "Where the rules could be read in two ways", to the second |
//! | [`life`], [`limits`] | the single rules, by their numbers |
//! | [`properties`] | what holds after any history |
//! | [`silence`] | what a recipient does in silence cannot be seen by the sender |
//! | [`policy`] | a policy document is read, written and checked |
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise; everything that is named exists"
)]

mod clarifications;
mod history;
mod life;
mod limits;
mod net;
mod policy;
mod precedence;
mod properties;
mod silence;
mod transitions;
