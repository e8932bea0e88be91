//! Where a host publishes the keys that its tokens are checked with: an address on the web.

use axum::http::{Request, StatusCode, Uri};

use crate::fetch::{FetchError, Web, is_safe};

/// Longest key set that is read, in bytes: room for dozens of keys.
const LONGEST: usize = 64 << 10;

/// The address of a JSON Web Key Set (RFC 7517).
#[derive(Clone)]
pub struct KeySetAddress {
    uri: Uri,
    web: Web,
}

/// Why there is no key set from an address.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeySetError {
    /// Nobody could say who answers there.
    #[error("expected https:// and a name, without a password; http:// is for this machine alone")]
    Unsafe,
    /// Something else is there.
    #[error("the answer is {0}, and not 200")]
    Status(u16),
    /// It is no text.
    #[error("the answer is not UTF-8")]
    NoText,
    /// There is no answer.
    #[error("there is no answer: {0}")]
    NoAnswer(String),
}

impl From<FetchError> for KeySetError {
    fn from(error: FetchError) -> Self {
        Self::NoAnswer(error.to_string())
    }
}

impl KeySetAddress {
    /// Whether a text is meant as an address, and not as the name of a file.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.starts_with("https://") || text.starts_with("http://")
    }

    /// The address that this text is.
    ///
    /// # Errors
    /// [`KeySetError::Unsafe`] if the keys could be changed on the way.
    pub fn new(text: &str) -> Result<Self, KeySetError> {
        let uri: Uri = text.parse().map_err(|_| KeySetError::Unsafe)?;
        if !is_safe(&uri) {
            return Err(KeySetError::Unsafe);
        }
        Ok(Self { uri, web: Web::new()? })
    }

    /// What is there now: at most 64 KiB within ten seconds, from that address and no other.
    ///
    /// # Errors
    /// [`KeySetError`].
    pub async fn get(&self) -> Result<String, KeySetError> {
        let request = Request::get(self.uri.clone()).header("accept", "application/jwk-set+json, application/json");
        let request = request.body(Vec::new()).map_err(|_| KeySetError::Unsafe)?;
        let answer = self.web.ask(request, LONGEST).await?;
        if answer.status() != StatusCode::OK {
            return Err(KeySetError::Status(answer.status().as_u16()));
        }
        String::from_utf8(answer.into_body()).map_err(|_| KeySetError::NoText)
    }
}

impl std::fmt::Display for KeySetAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.uri.fmt(f)
    }
}
