//! The report of a replay: what the numbers are, and what they look like.

mod charts;
mod files;
mod model;
mod page;
mod rules;
mod text;

pub(crate) use files::{write, write_malformed};
pub(crate) use model::{Checks, Malformed, Report, Source};
pub(crate) use text::summary;
