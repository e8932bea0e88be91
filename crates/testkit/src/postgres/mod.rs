//! PostgreSQL for tests: a server of one's own that may be killed, frozen and promoted
//! ([`Cluster`]), or a place on whatever servers the tests of this run share ([`Place`]).

mod cluster;
mod place;
mod programs;

pub use cluster::{Cluster, Options};
pub use place::{Place, URLS};

/// The superuser of every cluster that is started here.
pub const USER: &str = "acquaint";
