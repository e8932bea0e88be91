//! Webhooks: what happened is posted to endpoints that the host names, signed after the Standard Webhooks
//! specification (<https://www.standardwebhooks.com>).
//!
//! [`Webhooks`] keeps the endpoints; as a [`Channel`](acquaint_app::outbox::Channel) of the outbox it says what
//! goes where and posts it. Order, waits, dead letters and the log are the outbox's.

pub mod addresses;
mod channel;
mod endpoint;
mod post;
mod secret;
#[cfg(test)]
mod slow;
mod trust;

pub use addresses::Allowed;
pub use channel::CHANNEL;
pub use endpoint::{Endpoint, EndpointError, Fault, MOST, SwitchedOff, Terms, Webhooks, Why};
pub use secret::EndpointSecret;
pub use trust::tls_client;
