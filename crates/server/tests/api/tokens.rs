//! Members by token: who is let in, as whom, and who is not.

use std::sync::LazyLock;

use acquaint_core::time::Span;
use acquaint_server::{TokenAlgorithm, TokenConfig, TokenKeys, TokenKeysError};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use rsa::pkcs1::EncodeRsaPrivateKey;
use serde_json::{Value, json};

use crate::town::{KEY, Plan, Reply, START, Town};

pub(crate) const SECRET: &[u8] = b"a secret of more than thirty-two bytes";
/// `START`, in seconds.
const NOW: i64 = 1_767_225_600;

static RSA: LazyLock<EncodingKey> = LazyLock::new(|| {
    let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2_048).unwrap();
    EncodingKey::from_rsa_der(key.to_pkcs1_der().unwrap().as_bytes())
});
static EC: LazyLock<EncodingKey> = LazyLock::new(|| {
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    EncodingKey::from_ec_der(key.as_ref())
});
static ED: LazyLock<EncodingKey> = LazyLock::new(|| ed(7));

/// The Ed25519 key of a seed, as PKCS #8 (RFC 8410).
fn ed(seed: u8) -> EncodingKey {
    let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
    der.extend([seed; 32]);
    EncodingKey::from_ed_der(&der)
}

pub(crate) fn claims() -> Value {
    json!({"sub": "ada", "aud": "acquaint", "exp": NOW + 600, "nbf": NOW - 5})
}

/// The claims with one of them changed, or taken away.
fn but(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

fn signed(algorithm: Algorithm, kid: Option<&str>, claims: &Value, key: &EncodingKey) -> String {
    let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
    encode(&header, claims, key).unwrap()
}

pub(crate) fn shared(claims: &Value) -> String {
    signed(Algorithm::HS256, None, claims, &EncodingKey::from_secret(SECRET))
}

/// A token of that member's, as [`taken`] takes them.
pub(crate) fn token(member: &str) -> String {
    shared(&but("sub", member.into()))
}

/// Which tokens are taken: those signed with our secret.
pub(crate) fn taken() -> TokenConfig {
    let keys = TokenKeys::secret(SECRET).unwrap();
    TokenConfig { keys, audience: "acquaint".into(), issuer: None, leeway: Span::seconds(0) }
}

fn set(keys: &[(&EncodingKey, Algorithm, &str)]) -> String {
    let named = |(key, algorithm, id): &(&EncodingKey, Algorithm, &str)| {
        let mut jwk = Jwk::from_encoding_key(key, *algorithm).unwrap();
        jwk.common.key_id = Some((*id).to_owned());
        jwk
    };
    serde_json::to_string(&JwkSet { keys: keys.iter().map(named).collect() }).unwrap()
}

async fn town(keys: TokenKeys) -> Town {
    let (audience, issuer) = ("acquaint".to_owned(), None);
    let tokens = Some(TokenConfig { keys, audience, issuer, leeway: Span::seconds(30) });
    Town::built(Plan { tokens, ..Plan::default() }).await
}

async fn shared_town() -> Town {
    town(TokenKeys::secret(SECRET).unwrap()).await
}

async fn standing(town: &Town, token: &str) -> Reply {
    town.call("GET", "/v1/standing").header("authorization", format!("Bearer {token}")).send().await
}

#[test]
fn the_start_is_what_the_claims_are_made_for() {
    let start: acquaint_core::time::Time = START.parse().unwrap();
    assert_eq!(start.unix(), NOW);
}

#[tokio::test]
async fn a_member_calls_for_themselves_and_for_nobody_else() {
    let town = shared_town().await;
    let bearer = format!("Bearer {}", shared(&claims()));
    let call = |method: &str, path: &str| town.call(method, path).header("authorization", bearer.clone());
    let invited = call("POST", "/v1/invitations").json(&json!({"to": "bob"})).send().await;
    assert_eq!(invited.status, 201, "{}", invited.text());
    let received = town.by("bob", "GET", "/v1/invitations/received").send().await.json();
    assert_eq!(received["items"][0]["from"], "ada");

    let named = |name: &str| call("GET", "/v1/standing").header("acquaint-member", name);
    assert_eq!(named("ada").send().await.status, 200);
    named("bob").send().await.problem(403, "forbidden");
    for (method, path) in [("GET", "/v1/events"), ("PUT", "/v1/members/ada"), ("DELETE", "/v1/members/ada")] {
        call(method, path).send().await.problem(403, "forbidden");
    }
    call("POST", "/v1/commands").json(&json!({"commands": []})).send().await.problem(403, "forbidden");
    call("PUT", "/v1/dev/clock").json(&json!({"now": START})).send().await.problem(403, "forbidden");
    call("GET", "/v1/events").header("accept", "text/event-stream").send().await.problem(403, "forbidden");

    let email = json!({"email": "bob@example.org"});
    assert_eq!(town.host("PUT", "/v1/members/bob").json(&email).send().await.status, 200);
    let seen = call("GET", "/v1/members/bob").send().await.json();
    assert_eq!(seen, json!({"id": "bob"}), "a member sees no address of another's");
}

#[tokio::test]
async fn every_algorithm_is_taken_where_it_is_the_one() {
    let keys = [
        (&*RSA, Algorithm::RS256, TokenAlgorithm::Rs256),
        (&*EC, Algorithm::ES256, TokenAlgorithm::Es256),
        (&*ED, Algorithm::EdDSA, TokenAlgorithm::EdDsa),
    ];
    let all = set(&keys.map(|(key, algorithm, pinned)| (key, algorithm, pinned.name())));
    for (_, _, pinned) in keys {
        let town = town(TokenKeys::set(pinned, &all).unwrap()).await;
        for (key, algorithm, name) in keys {
            let token = signed(algorithm, Some(name.name()), &claims(), key);
            let expected = if name == pinned { 200 } else { 401 };
            assert_eq!(standing(&town, &token).await.status, expected, "{name:?} where {pinned:?} is right");
        }
        standing(&town, &shared(&claims())).await.problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_forged_token_is_refused() {
    let town = shared_town().await;
    let part = |value: Value| BASE64.encode(value.to_string());
    let good = shared(&claims());
    assert_eq!(standing(&town, &good).await.status, 200);
    let (signed_part, signature) = good.rsplit_once('.').unwrap();
    let (head, body) = signed_part.split_once('.').unwrap();
    let other_body = part(but("sub", json!("bob")));
    let key = EncodingKey::from_secret(SECRET);
    let critical = Header { crit: Some(vec!["exp".into()]), ..Header::new(Algorithm::HS256) };
    let forged = [
        format!("{}.{body}.", part(json!({"alg": "none"}))),
        format!("{}.{body}.{signature}", part(json!({"alg": "None", "typ": "JWT"}))),
        format!("{head}.{other_body}.{signature}"),
        format!("{head}.{body}."),
        format!("{head}.{body}"),
        format!("{good}.{signature}"),
        format!("{head}.{body}.{}", &signature[..signature.len() - 2]),
        format!(".{body}.{signature}"),
        format!("{good}{}", "A".repeat(9_000)),
        "..".into(),
        signed(Algorithm::HS256, None, &claims(), &EncodingKey::from_secret(b"another secret of thirty-two bytes")),
        signed(Algorithm::HS256, None, &claims(), &EncodingKey::from_secret(b"")),
        signed(Algorithm::HS384, None, &claims(), &key),
        signed(Algorithm::HS512, None, &claims(), &key),
        encode(&critical, &claims(), &key).unwrap(),
    ];
    for token in &forged {
        let reply = standing(&town, token).await;
        reply.problem(401, "unauthenticated");
        assert!(reply.header("www-authenticate").unwrap().contains("invalid_token"), "{token}");
    }
}

/// The public key is public: as the secret of HS256 it must be worth nothing.
#[tokio::test]
async fn the_public_key_is_no_secret() {
    let all = set(&[(&*RSA, Algorithm::RS256, "one")]);
    let town = town(TokenKeys::set(TokenAlgorithm::Rs256, &all).unwrap()).await;
    let public: Value = serde_json::from_str(&all).unwrap();
    let modulus = public["keys"][0]["n"].as_str().unwrap();
    for secret in [all.as_bytes(), modulus.as_bytes(), &BASE64.decode(modulus).unwrap()] {
        let token = signed(Algorithm::HS256, Some("one"), &claims(), &EncodingKey::from_secret(secret));
        standing(&town, &token).await.problem(401, "unauthenticated");
    }
    // A key that the token brings along is not looked at either.
    let brought = Header {
        jwk: Some(Jwk::from_encoding_key(&EC, Algorithm::ES256).unwrap()),
        jku: Some("https://evil.example/jwks.json".into()),
        kid: Some("one".into()),
        ..Header::new(Algorithm::ES256)
    };
    standing(&town, &encode(&brought, &claims(), &EC).unwrap()).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn the_claims_are_checked() {
    let town = shared_town().await;
    let good = [
        claims(),
        but("nbf", Value::Null),
        but("aud", json!(["other", "acquaint"])),
        but("exp", json!(NOW - 29)),
        but("nbf", json!(NOW + 30)),
        but("exp", json!(NOW as f64 + 0.5)),
        but("iat", json!("yesterday")),
    ];
    for claims in good {
        assert_eq!(standing(&town, &shared(&claims)).await.status, 200, "{claims}");
    }
    let bad = [
        but("exp", Value::Null),
        but("exp", json!(NOW - 30)),
        but("exp", json!((NOW + 600).to_string())),
        but("nbf", json!(NOW + 31)),
        but("nbf", json!((NOW - 600).to_string())),
        but("aud", Value::Null),
        but("aud", json!("acquaint2")),
        but("aud", json!([])),
        but("aud", json!({"acquaint": true})),
        but("sub", Value::Null),
        but("sub", json!("")),
        but("sub", json!("a b")),
        but("sub", json!("ada\r\nX: y")),
        but("sub", json!(["ada"])),
    ];
    for claims in bad {
        standing(&town, &shared(&claims)).await.problem(401, "unauthenticated");
    }
    town.advance("11m").await;
    standing(&town, &shared(&claims())).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn an_issuer_is_asked_for_where_one_is_named() {
    let keys = TokenKeys::secret(SECRET).unwrap();
    let tokens = TokenConfig { keys, audience: "acquaint".into(), issuer: Some("us".into()), leeway: Span::ZERO };
    let town = Town::built(Plan { tokens: Some(tokens), ..Plan::default() }).await;
    assert_eq!(standing(&town, &shared(&but("iss", json!("us")))).await.status, 200);
    for wrong in [claims(), but("iss", json!("them")), but("iss", json!(1))] {
        standing(&town, &shared(&wrong)).await.problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn keys_are_changed_while_the_server_runs() {
    let other = ed(8);
    let (old, new) = ((&*ED, Algorithm::EdDSA, "old"), (&other, Algorithm::EdDSA, "new"));
    let keys = TokenKeys::set(TokenAlgorithm::EdDsa, &set(&[old])).unwrap();
    let town = town(keys.clone()).await;
    let (by_old, by_new) = (
        signed(Algorithm::EdDSA, Some("old"), &claims(), &ED),
        signed(Algorithm::EdDSA, Some("new"), &claims(), &other),
    );
    assert_eq!(standing(&town, &by_old).await.status, 200);
    standing(&town, &by_new).await.problem(401, "unauthenticated");
    keys.missing().await;

    keys.replace(&set(&[old, new])).unwrap();
    for token in [&by_old, &by_new] {
        assert_eq!(standing(&town, token).await.status, 200);
    }
    let nameless = signed(Algorithm::EdDSA, None, &claims(), &other);
    standing(&town, &nameless).await.problem(401, "unauthenticated");

    assert_eq!(keys.replace("{}"), Err(TokenKeysError::NoSet));
    let foreign = set(&[(&*EC, Algorithm::ES256, "new")]);
    assert_eq!(keys.replace(&foreign), Err(TokenKeysError::NoKey(TokenAlgorithm::EdDsa)));
    assert_eq!(standing(&town, &by_new).await.status, 200, "what is no set changes nothing");

    keys.replace(&set(&[new])).unwrap();
    standing(&town, &by_old).await.problem(401, "unauthenticated");
    assert_eq!(standing(&town, &nameless).await.status, 200, "the only key needs no name");
}

#[tokio::test]
async fn an_idempotency_key_of_another_principal_is_another_key() {
    let town = shared_town().await;
    let post = |bearer: String| {
        let call = town.call("POST", "/v1/invitations").header("authorization", bearer);
        call.header("acquaint-member", "ada").header("idempotency-key", "k").json(&json!({"to": "bob"}))
    };
    assert_eq!(post(format!("Bearer {KEY}")).send().await.status, 201);
    assert_eq!(post("Bearer another".into()).send().await.status, 201, "the host is one, whatever its key");
    let member = post(format!("Bearer {}", shared(&claims()))).send().await;
    member.problem(409, "already_pending");
}

#[test]
fn secrets_are_long_and_are_not_shown() {
    assert_eq!(TokenKeys::secret(&SECRET[..31]).unwrap_err(), TokenKeysError::ShortSecret);
    let shown = format!("{:?}", TokenKeys::secret(SECRET).unwrap());
    assert!(!shown.contains("secret") && !shown.contains("115"), "{shown}");
}
