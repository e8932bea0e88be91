//! Whom we trust when we connect to others: those whom the machine trusts.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// How encrypted connections to others are made, with the certificates that the machine trusts now (or those in
/// the file that `SSL_CERT_FILE` names). What of them cannot be read is told in the log: without it nobody would
/// know why every connection is refused.
///
/// # Errors
/// If there is no encryption to be had.
pub fn tls_client() -> Result<ClientConfig, rustls::Error> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "certificates that this machine trusts cannot be read");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        tracing::warn!(
            "no certificates are trusted, so encrypted connections to others will fail: install them (Debian's package \
             ca-certificates), or name a file of them in SSL_CERT_FILE"
        );
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
