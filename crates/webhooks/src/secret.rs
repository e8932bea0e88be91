//! Secrets with which deliveries are signed. They are made from the community's secret, the endpoint's name
//! and a number, so that none is kept anywhere.

use acquaint_app::CommunitySecret;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// What the community's secret is used for here.
const PURPOSE: &str = "acquaint 2026-11-28 webhook signatures";

/// A secret in the form of Standard Webhooks: `whsec_` and base64. Not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointSecret(String);

impl EndpointSecret {
    /// The secret of an endpoint, by its number.
    pub(crate) fn of(community: &CommunitySecret, endpoint: &str, number: u32) -> Self {
        let key = community.key_for(PURPOSE);
        let bytes = blake3::keyed_hash(&key, format!("{endpoint}/{number}").as_bytes());
        Self(format!("whsec_{}", BASE64_STANDARD.encode(bytes.as_bytes())))
    }

    /// The secret, to be shown to whoever runs the endpoint.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The signature of a delivery, `v1,…`; nothing if the secret is none.
    pub(crate) fn sign(&self, id: &str, at: i64, body: &[u8]) -> Option<String> {
        standardwebhooks::Webhook::new(&self.0).ok()?.sign(id, at, body).ok()
    }
}

impl std::fmt::Debug for EndpointSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EndpointSecret(…)")
    }
}
