//! A person's own LinkedIn export: read from files alone, kept as a ledger of the invitations they sent.
//!
//! LinkedIn hands everybody an archive of their data. `Invitations.csv` in it holds about the last six months
//! and does not say what became of an invitation; `Connections.csv` says who is connected. Put
//! together they tell who accepted; of all others nothing more is known than that they are *pending
//! or unknown* (ignored, withdrawn, or connected and apart again), and nothing here claims more.
//! `docs/linkedin.md` describes the files and what is made of them.
//!
//! | module | what it does |
//! |---|---|
//! | [`source`] | finds the files in an archive, a folder or one CSV, within limits |
//! | [`table`] | records and columns of a CSV, wherever its header is and whoever saved it again |
//! | [`moment`], [`person`] | dates in the forms that occur; who is whom |
//! | [`export`] | the rows of an export, and what could not be read |
//! | [`ledger`] | what is known about each person invited, over several imports |
//! | [`kept`] | the one file that it is kept in |
//! | [`import`] | an export brought into that file, and what came of it |
//!
//! Nothing here asks the network or the clock, and nothing is written but the file of [`kept`].

pub mod export;
pub mod import;
pub mod kept;
pub mod ledger;
pub mod moment;
pub mod person;
pub mod source;
pub mod table;

/// How one withdraws an invitation on LinkedIn, by hand; nothing here does it.
pub const STEPS: [&str; 3] = ["Open the page.", "Press Pending, below the name.", "Press Withdraw."];
