//! `acquaint serve` with a certificate.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;

use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use common::{KEY, Server, acquaint};

fn certificate(folder: &Path) -> Vec<u8> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.join("certificate.pem"), made.cert.pem()).unwrap();
    made.cert.der().to_vec()
}

/// Whether a client that trusts this certificate alone is let in.
fn is_shown(address: &str, certificate: &[u8]) -> bool {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.to_vec().into()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let mut connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    while connection.is_handshaking() {
        if connection.complete_io(&mut stream).is_err() {
            return false;
        }
    }
    true
}

#[test]
fn a_certificate_that_changes_is_taken_and_a_wrong_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (file, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
    let first = certificate(folder.path());
    let more = ["--tls-certificate", file.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let server = Server::start(&folder.path().join("store"), &more);
    assert!(is_shown(&server.address, &first));
    std::fs::write(&file, "no certificate").unwrap();
    server.signal("HUP");
    assert!(is_shown(&server.address, &first));
    let second = certificate(folder.path());
    server.signal("HUP");
    // The signal takes its time; whoever connects meanwhile is shown one or the other.
    while !is_shown(&server.address, &second) {}
    let secret = std::fs::read_to_string(&key).unwrap();
    server.signal("TERM");
    let (code, _, log) = server.end();
    assert_eq!(code, Some(0));
    assert!(secret.lines().all(|line| !log.contains(line)), "{log}");
}

#[test]
fn a_certificate_goes_with_its_key() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    let (file, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
    let (file, key) = (file.to_str().unwrap(), key.to_str().unwrap());
    for (given, why) in [
        (&["--tls-certificate", file][..], "so --tls-key is needed too"),
        (&["--tls-key", key], "so --tls-certificate is needed too"),
        (&["--tls-certificate", key, "--tls-key", key], "there is no certificate"),
        (&["--tls-certificate", file, "--tls-key", file], "there is no private key"),
        (&["--trusted-proxies", "10.0.0.0/8,everybody"], "expected addresses or networks"),
        (&["--member-rate", "many"], "expected a whole number"),
    ] {
        let mut command = acquaint();
        command.arg("serve").args(given).env("ACQUAINT_HOST_KEY", KEY);
        common::Ran(command.output().unwrap()).fails(2, why);
    }
}
