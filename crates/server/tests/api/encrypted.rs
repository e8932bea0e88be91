//! Encrypted connections, with a client that checks the certificate.

use std::sync::Arc;

use acquaint_server::Tls;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::town::{KEY, Plan, Town};

struct Made {
    certificate: String,
    key: String,
    der: CertificateDer<'static>,
}

fn made() -> Made {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    Made { certificate: cert.pem(), key: signing_key.serialize_pem(), der: cert.der().clone() }
}

/// What a client that trusts this certificate alone is answered.
async fn ask(town: &Town, trusted: &Made) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(town.address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let request = format!(
        "GET /v1/standing HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\nacquaint-member: ada\r\n\
         connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn connections_are_encrypted_and_the_certificate_may_change() {
    let (old, new) = (made(), made());
    let tls = Tls::new(old.certificate.as_bytes(), old.key.as_bytes()).unwrap();
    let town = Town::built(Plan { tls: Some(tls.clone()), ..Plan::default() }).await;
    let answer = ask(&town, &old).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains("strict-transport-security: max-age=31536000\r\n"), "{answer}");
    assert!(ask(&town, &new).await.is_err(), "a client checks whom it talks to");
    tls.replace(new.certificate.as_bytes(), new.key.as_bytes()).unwrap();
    assert!(ask(&town, &new).await.is_ok() && ask(&town, &old).await.is_err());
}

#[tokio::test]
async fn nothing_is_answered_in_the_clear() {
    let made = made();
    let tls = Tls::new(made.certificate.as_bytes(), made.key.as_bytes()).unwrap();
    let town = Town::built(Plan { tls: Some(tls), ..Plan::default() }).await;
    let mut stream = TcpStream::connect(town.address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: t\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP/1.1"));
    let plain = Town::new().await;
    assert!(plain.call("GET", "/healthz").send().await.header("strict-transport-security").is_none());
}
