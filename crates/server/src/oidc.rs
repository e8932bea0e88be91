//! Signing in with an OpenID Connect provider, for communities that run the pages alone: the code
//! flow with PKCE (RFC 7636), a nonce and a state, all three for one attempt.
//!
//! The provider's description and keys are asked for at every attempt, so that they may change.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata};
use openidconnect::{
    AsyncHttpClient, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse, IssuerUrl, Nonce,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse,
};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// How long the provider may take for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
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
    tls: Arc<ClientConfig>,
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
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let tls = builder.map_err(|error| wrong(&error))?.with_root_certificates(roots).with_no_client_auth();
        Ok(Self(Arc::new(Inner {
            issuer: IssuerUrl::new(issuer.into()).map_err(|error| wrong(&error))?,
            client_id: ClientId::new(client_id.into()),
            client_secret: secret.map(ClientSecret::new),
            redirect: RedirectUrl::new(redirect.into()).map_err(|error| wrong(&error))?,
            tls: Arc::new(tls),
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

    /// One request and its answer. Redirects are not followed: they would lead us to wherever somebody
    /// wants.
    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, OidcError> {
        let told = |error: &dyn fmt::Display| OidcError::Provider(error.to_string());
        let answer = timeout(PATIENCE, self.exchange(request)).await;
        answer.map_err(|_| told(&"it takes too long"))?
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, OidcError> {
        let told = |error: &dyn fmt::Display| OidcError::Provider(error.to_string());
        let uri = request.uri().clone();
        let host = uri.host().ok_or_else(|| told(&"an address without a host"))?.to_owned();
        let is_encrypted = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_encrypted { 443 } else { 80 });
        let stream = TcpStream::connect((host.as_str(), port)).await.map_err(|error| told(&error))?;
        if !is_encrypted {
            return speak(stream, request).await;
        }
        let name = ServerName::try_from(host).map_err(|error| told(&error))?;
        let connector = TlsConnector::from(Arc::clone(&self.0.tls));
        speak(connector.connect(name, stream).await.map_err(|error| told(&error))?, request).await
    }
}

impl<'c> AsyncHttpClient<'c> for Oidc {
    type Error = OidcError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, OidcError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: HttpRequest,
) -> Result<HttpResponse, OidcError> {
    let told = |error: &dyn fmt::Display| OidcError::Provider(error.to_string());
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| told(&error))?;
    let (mut parts, body) = request.into_parts();
    let authority = parts.uri.authority().map(|authority| authority.as_str().to_owned()).unwrap_or_default();
    parts.headers.insert("host", authority.parse().map_err(|_| told(&"an address without a host"))?);
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    parts.uri = path.parse().map_err(|_| told(&"an address without a path"))?;
    let exchange = async {
        let answer = sender.send_request(hyper::Request::from_parts(parts, Full::new(Bytes::from(body)))).await;
        let (parts, body) = answer.map_err(|error| told(&error))?.into_parts();
        let body = Limited::new(body, LONGEST).collect().await.map_err(|error| told(&error))?;
        Ok(HttpResponse::from_parts(parts, body.to_bytes().to_vec()))
    };
    let mut connection = std::pin::pin!(connection);
    let mut exchange = std::pin::pin!(exchange);
    tokio::select! {
        answer = &mut exchange => answer,
        ended = &mut connection => {
            ended.map_err(|error| told(&error))?;
            exchange.await
        }
    }
}
