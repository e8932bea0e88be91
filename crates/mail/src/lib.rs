//! Mails: members are told by e-mail what waits for them.
//!
//! A mail begins as plain data ([`letter::Letter`]), gets its form from templates that the host can
//! replace ([`templates::Templates`]), becomes a message with the same bytes at each attempt, and leaves
//! over SMTP. None of the first three knows a clock, a store or a network. [`Mails`] is the channel of the
//! outbox that decides what is told, to whom and when.

mod channel;
pub mod letter;
mod mailer;
mod message;
pub mod samples;
mod smtp;
pub mod templates;

pub use channel::{Addresses, Mails};
pub use lettre::message::Mailbox;
pub use mailer::{Mailer, MailerError};
pub use smtp::{Security, SmtpConfig, SmtpConfigError};
