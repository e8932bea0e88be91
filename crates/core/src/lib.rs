//! The rules of Acquaint, pure.
//!
//! There is one way to change state, [`decide`](decide::decide), and one way to show it to
//! somebody, [`view`]. Neither reads a clock, draws a random number or touches the outside: time
//! and fresh identifiers are arguments, and what comes back is data. The rule numbers in the
//! documentation refer to the rule book in `docs/rules.md`.
//!
//! | module | what it holds |
//! |---|---|
//! | [`ids`], [`time`] | names of members and things; whole seconds and spans |
//! | [`policy`] | every number of the rule book, read from TOML, checked |
//! | [`member`], [`relation`] | the two aggregates: a member's own row, and all between two members |
//! | [`history`], [`survival`] | invitations as their sender sees them; acceptance over age, estimated |
//! | [`advice`] | what to withdraw, why, and the chance that it is still accepted (rules 37 to 39) |
//! | [`insight`] | when and where invitations are accepted (rule 42) |
//! | [`cleanup`] | a plan that withdraws day by day (rule 40) |
//! | [`command`], [`decide`] | what may be asked, and what follows from it |
//! | [`access`] | who may do what |
//! | [`refusal`] | the closed, ordered list of reasons why not |
//! | [`tally`], [`standing`] | counting in windows; allowances, evidence, restriction, risk |
//! | [`timers`] | when an invitation is next due for a reminder or its end |
//! | [`view`] | what each side is shown; silence is kept here |

pub mod access;
pub mod advice;
pub mod catalogue;
pub mod cleanup;
pub mod command;
pub mod decide;
pub mod event;
pub mod history;
pub mod ids;
pub mod insight;
pub mod member;
pub mod policy;
pub mod refusal;
pub mod relation;
pub mod standing;
pub mod survival;
pub mod tally;
pub mod time;
pub mod timers;
pub mod told;
pub mod view;
