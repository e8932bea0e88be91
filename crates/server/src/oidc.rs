//! Signing in with an OpenID Connect provider, for communities that run the pages alone: the code
//! flow with PKCE (RFC 7636), a nonce and a state, all three for one attempt.
//!
//! The provider's description and keys are asked for at every attempt, so that they may change.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata};
use openidconnect::{
    AsyncHttpClient, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse, IssuerUrl, Nonce,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse,
};

use crate::fetch::Web;

/// Longest answer of the provider that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// A provider, and who we are there. Clones are the same.
#[derive(Clone)]
pub struct Oidc(Arc<Inner>);

struct Inner {
    issuer: IssuerUrl,
    client_id: ClientId,
    client_secret: Option<ClientSecret>,
    redirect: RedirectUrl,
    web: Web,
}

impl fmt::Debug for Oidc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Oidc({}, …)", self.0.issuer.as_str())
    }
}

/// Why somebody could not sign in with the provider. It never repeats a secret.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OidcError {
    /// The settings are none of a provider's.
    #[error("this is no address of a provider or of ours: {0}")]
    Settings(String),
    /// The provider cannot be reached, or makes no sense.
    #[error("the provider does not answer as it should: {0}")]
    Provider(String),
    /// What came back is not the answer to what was asked.
    #[error("the answer of the provider is not good: {0}")]
    Refused(String),
}

/// What one attempt has to remember until the browser comes back.
pub(crate) struct Attempt {
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
}

/// Who the provider says that somebody is.
pub(crate) struct Proven {
    pub(crate) subject: String,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
}

impl Oidc {
    /// A provider by its issuer, our name and secret there, and the address to which it sends browsers
    /// back.
    ///
    /// # Errors
    /// [`OidcError::Settings`].
    pub fn new(issuer: &str, client_id: &str, secret: Option<String>, redirect: &str) -> Result<Self, OidcError> {
        let wrong = |error: &dyn fmt::Display| OidcError::Settings(error.to_string());
        Ok(Self(Arc::new(Inner {
            issuer: IssuerUrl::new(issuer.into()).map_err(|error| wrong(&error))?,
            client_id: ClientId::new(client_id.into()),
            client_secret: secret.map(ClientSecret::new),
            redirect: RedirectUrl::new(redirect.into()).map_err(|error| wrong(&error))?,
            web: Web::new().map_err(|error| wrong(&error))?,
        })))
    }

    /// Begins an attempt: where to send the browser, and what to remember.
    pub(crate) async fn begin(&self) -> Result<(String, Attempt), OidcError> {
        let inner = &self.0;
        let client = CoreClient::from_provider_metadata(self.describe().await?, inner.client_id.clone(), None)
            .set_redirect_uri(inner.redirect.clone());
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let request =
            client.authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random);
        let scopes = ["profile", "email"].map(|scope| Scope::new(scope.into()));
        let (url, state, nonce) = request.add_scopes(scopes).set_pkce_challenge(challenge).url();
        let (state, nonce) = (state.secret().clone(), nonce.secret().clone());
        Ok((url.to_string(), Attempt { state, nonce, verifier: verifier.secret().clone() }))
    }

    /// Ends it, with the code that the browser brought back.
    pub(crate) async fn finish(&self, code: &str, attempt: Attempt) -> Result<Proven, OidcError> {
        let inner = &self.0;
        let refused = |error: &dyn fmt::Display| OidcError::Refused(error.to_string());
        let (id, secret) = (inner.client_id.clone(), inner.client_secret.clone());
        let client = CoreClient::from_provider_metadata(self.describe().await?, id, secret)
            .set_redirect_uri(inner.redirect.clone());
        let request = client.exchange_code(AuthorizationCode::new(code.into())).map_err(|error| refused(&error))?;
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(attempt.verifier));
        let answer = request.request_async(self).await.map_err(|error| refused(&error))?;
        let token = answer.id_token().ok_or_else(|| refused(&"there is no ID token"))?;
        // The library checks signature, issuer, audience and expiry, by the system's clock: the provider
        // knows no other.
        let claims =
            token.claims(&client.id_token_verifier(), &Nonce::new(attempt.nonce)).map_err(|error| refused(&error))?;
        Ok(Proven {
            subject: claims.subject().to_string(),
            name: claims.name().and_then(|name| name.get(None)).map(|name| name.to_string()),
            email: claims.email().map(|email| email.to_string()),
        })
    }

    async fn describe(&self) -> Result<CoreProviderMetadata, OidcError> {
        let metadata = CoreProviderMetadata::discover_async(self.0.issuer.clone(), self).await;
        metadata.map_err(|error| OidcError::Provider(error.to_string()))
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, OidcError> {
        self.0.web.ask(request, LONGEST).await.map_err(|error| OidcError::Provider(error.to_string()))
    }
}

impl<'c> AsyncHttpClient<'c> for Oidc {
    type Error = OidcError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, OidcError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}
