//! Encrypted connections, to a server with a certificate of its own.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests, and what helps them, stop at the first surprise")]

mod common;

use std::path::Path;

use acquaint_store::{Store as _, StoreError};
use acquaint_store_postgres::PostgresStore;
use acquaint_testkit::postgres::{Cluster, Options as ClusterOptions};
use common::{address, migrate, options, runtime};
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};

/// An authority, and what it signs with.
fn authority() -> (Certificate, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (certificate, Issuer::new(params, key))
}

/// Has the server write a file of its own, which nobody else may read.
fn give(cluster: &Cluster, name: &str, text: &str) {
    let lines: Vec<_> = text.lines().map(|line| format!("'{}'", line.trim_end())).collect();
    let lines = lines.join(", ");
    let program = format!("umask 077; cat > {name}");
    cluster.psql("postgres", &format!("COPY (SELECT unnest(ARRAY[{lines}])) TO PROGRAM '{program}'")).unwrap();
}

/// A server with a certificate for that name, and a migrated database `town`.
async fn encrypted(issuer: &Issuer<'static, KeyPair>, name: &str) -> Cluster {
    let mut cluster = Cluster::start(&ClusterOptions::default()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, issuer).unwrap();
    give(&cluster, "server.crt", &certificate.pem());
    give(&cluster, "server.key", &key.serialize_pem());
    cluster.psql("postgres", "ALTER SYSTEM SET ssl = on").unwrap();
    cluster.restart().unwrap();
    cluster.create_database("town").unwrap();
    migrate(&cluster.url("town")).await;
    cluster
}

fn url(cluster: &Cluster, roots: &Path) -> String {
    format!("{}?sslmode=verify-full&sslrootcert={}", cluster.url("town"), roots.display())
}

async fn refusal(url: &str) -> String {
    match PostgresStore::open(&address(url), &options()).await {
        Err(StoreError::Failed(text)) => text,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[test]
fn a_server_with_the_right_certificate_is_talked_to_in_secret() {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let (roots, others) = (folder.path().join("roots.pem"), folder.path().join("others.pem"));
        let (certificate, issuer) = authority();
        std::fs::write(&roots, certificate.pem()).unwrap();
        std::fs::write(&others, authority().0.pem()).unwrap();
        let cluster = encrypted(&issuer, "127.0.0.1").await;
        let secret =
            "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND datname = 'town'";
        for url in [url(&cluster, &roots), format!("{}?sslmode=require", cluster.url("town")), cluster.url("town")] {
            let store = common::open(&url).await;
            store.health().await.unwrap();
            assert_ne!(cluster.psql("town", secret).unwrap().trim(), "0", "{url}");
        }
        let plain = common::open(&format!("{}?sslmode=disable", cluster.url("town"))).await;
        plain.health().await.unwrap();
        let told = refusal(&url(&cluster, &others)).await;
        assert!(told.contains("certificate"), "{told}");
    });
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let roots = folder.path().join("roots.pem");
        let (certificate, issuer) = authority();
        std::fs::write(&roots, certificate.pem()).unwrap();
        let cluster = encrypted(&issuer, "db.example.org").await;
        let told = refusal(&url(&cluster, &roots)).await;
        assert!(told.contains("certificate"), "{told}");
    });
}
