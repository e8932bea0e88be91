//! What makes mails out of letters and hands them over.

use std::path::Path;

use lettre::message::Mailbox;

use crate::letter::Letter;
use crate::message;
use crate::smtp::{SendError, Smtp, SmtpConfig, SmtpConfigError};
use crate::templates::{TemplateError, Templates};

/// What the community is called in mails whose sender has no name.
const NAMELESS: &str = "Acquaint";

/// Makes mails and hands them over.
pub struct Mailer {
    templates: Templates,
    smtp: Smtp,
    from: Mailbox,
}

/// Why mails cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum MailerError {
    /// A template is wrong.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The way to the server is.
    #[error(transparent)]
    Smtp(#[from] SmtpConfigError),
}

/// A mail that is ready to go.
pub(crate) struct Ready(lettre::Message);

impl Mailer {
    /// Mails over that server, with the templates in `templates` over those compiled in. The community
    /// is called by the name in the sender's address.
    ///
    /// # Errors
    /// [`MailerError`]. That the server answers is not looked at.
    pub fn new(config: &SmtpConfig, templates: Option<&Path>) -> Result<Self, MailerError> {
        let community = config.from.name.as_deref().unwrap_or(NAMELESS);
        let templates = Templates::load(templates, community)?;
        Ok(Self { templates, smtp: Smtp::new(config)?, from: config.from.clone() })
    }

    /// Puts a mail together.
    ///
    /// # Errors
    /// Why it will never be one.
    pub(crate) fn prepare(&self, letter: &Letter) -> Result<Ready, SendError> {
        let refused = |error: &dyn std::error::Error| SendError::Refused(error.to_string());
        let rendered = self.templates.render(letter).map_err(|error| refused(&error))?;
        message::compose(letter, rendered, &self.from).map(Ready).map_err(|error| refused(&error))
    }

    /// Hands a mail over. Once this returns, the server is answerable for it.
    ///
    /// # Errors
    /// [`SendError`].
    pub(crate) async fn hand_over(&self, Ready(message): Ready) -> Result<(), SendError> {
        self.smtp.send(message).await
    }
}
