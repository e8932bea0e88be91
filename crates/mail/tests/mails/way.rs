//! The way over SMTP: servers that fail, stall and break off, that want TLS, that want to know who we are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use acquaint_app::outbox::{Channel, Letter, Stage};
use acquaint_core::member::Profile;
use acquaint_core::time::Span;
use acquaint_mail::{Security, SmtpConfig};
use acquaint_testkit::mail::{MailServer, Taken};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::town::{Town, letters, mails, smtp, start, until};

#[tokio::test]
async fn every_mail_arrives_over_a_server_that_often_fails() {
    let many = 40;
    let town = Town::new("", &["--trouble", "0.5", "--seed", "7"]).await;
    let ann = town.member("ann").await;
    let mut expected = BTreeSet::new();
    for number in 0..many {
        let to = town.member(&format!("m{number}")).await;
        town.invite(&ann, &to, None).await;
        expected.insert(format!("m{number}@example.org"));
    }
    let recipients = |taken: &[Taken]| taken.iter().flat_map(|mail| mail.to.clone()).collect::<BTreeSet<_>>();
    let taken = town.mails_until(|taken| recipients(taken) == expected, Span::seconds(10)).await;
    // One that was taken although the answer was lost comes again as the same mail.
    let mut by_id: BTreeMap<String, BTreeSet<(Vec<String>, String)>> = BTreeMap::new();
    for mail in &taken {
        by_id.entry(mail.header("Message-ID").remove(0)).or_default().insert((mail.to.clone(), mail.data.clone()));
    }
    assert_eq!(by_id.len(), many, "one mail for each, and none invented");
    assert!(by_id.values().all(|same| same.len() == 1), "a retry is the same mail, byte for byte");
    assert!(taken.len() > many, "the server lost answers: {}", taken.len());
    town.end().await;
}

#[tokio::test]
async fn a_mail_that_is_refused_for_good_can_be_sent_off_once_more() {
    let town = Town::new("", &[]).await;
    let ann = town.member("ann").await;
    let wrong = Profile { email: Some("refused@example.org".into()), ..Profile::default() };
    let bob = town.register("bob", wrong).await;
    town.invite(&ann, &bob, None).await;
    let dead = until(async || letters(&town.network, Stage::Dead).await.pop()).await.delivery;
    assert_eq!(dead.attempts.len(), 1, "a mailbox that does not exist is asked once");
    assert!(dead.attempts[0].said.text.contains("no such mailbox"), "{:?}", dead.attempts);
    assert!(town.server.taken().is_empty());
    town.register("bob", Profile::default()).await;
    assert!(town.network.redrive(&dead, Stage::Dead).await.unwrap());
    assert_eq!(town.mails(1).await[0].to, ["bob@example.org"]);
    town.end().await;
}

/// A certificate for localhost and the authority that signed it, in files.
fn certificates(folder: &Path) -> (Vec<u8>, [String; 4]) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(params, authority_key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let path = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let [cert, key] = [path("cert.pem", certificate.pem()), path("key.pem", key.serialize_pem())];
    (authority.pem().into_bytes(), ["--cert".into(), cert, "--key".into(), key])
}

#[tokio::test]
async fn the_way_is_encrypted_and_the_server_knows_us() {
    for (security, word) in [(Security::StartTls, "starttls"), (Security::Tls, "tls")] {
        let folder = tempfile::tempdir().unwrap();
        let (authority, files) = certificates(folder.path());
        let login = ["--tls", word, "--user", "us", "--password", "p w"].map(String::from);
        let server = MailServer::start(files.into_iter().chain(login)).unwrap();
        let config = SmtpConfig {
            security,
            authority: Some(authority),
            login: Some(("us".into(), "p w".into())),
            ..smtp(&server)
        };
        assert!(!format!("{config:?}").contains("p w"), "{config:?}");
        let town = Town::with("", server, &config).await;
        let (ann, bob) = (town.member("ann").await, town.member("bob").await);
        town.invite(&ann, &bob, None).await;
        let mail = town.mails(1).await.remove(0);
        assert_eq!(mail.user.as_deref(), Some("us"), "{word}");
        assert!(mail.tls, "{word}");
        town.end().await;
    }
}

/// Nothing goes to a server with a certificate of somebody else's, or that does not know our password;
/// it waits until that is mended.
#[tokio::test]
async fn what_a_strange_server_does_not_get_waits() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, files) = certificates(folder.path());
    let arguments = ["--tls", "starttls", "--user", "us", "--password", "right"].map(String::from);
    let server = MailServer::start(files.into_iter().chain(arguments)).unwrap();
    let right = SmtpConfig {
        security: Security::StartTls,
        authority: Some(authority),
        login: Some(("us".into(), "right".into())),
        ..smtp(&server)
    };
    let stranger = SmtpConfig { authority: None, ..right.clone() };
    let forgetful = SmtpConfig { login: Some(("us".into(), "wrong".into())), ..right.clone() };
    let network = crate::town::network("").await;
    let (ann, bob) = (id_of(&network, "ann").await, id_of(&network, "bob").await);
    let channel: Arc<dyn Channel> = Arc::new(mails(&network, &stranger).await);
    let outbox = start(&network, channel).await;
    crate::town::invite(&network, &ann, &bob, None).await;
    waits_after(&network, 1).await;
    outbox.shutdown().await;
    let channel: Arc<dyn Channel> = Arc::new(mails(&network, &forgetful).await);
    let outbox = start(&network, channel).await;
    network.advance_clock(Span::minutes(10)).await.unwrap();
    waits_after(&network, 2).await;
    outbox.shutdown().await;
    assert!(server.taken().is_empty());
    let channel: Arc<dyn Channel> = Arc::new(mails(&network, &right).await);
    let outbox = start(&network, channel).await;
    network.advance_clock(Span::minutes(10)).await.unwrap();
    assert_eq!(until(async || server.taken().pop()).await.to, ["bob@example.org"]);
    outbox.shutdown().await;
    network.shutdown().await;
}

async fn id_of(network: &acquaint_app::Network, name: &str) -> acquaint_core::ids::MemberId {
    crate::town::register(network, name, Profile::default()).await
}

/// Until the one delivery has failed that often.
async fn waits_after(network: &acquaint_app::Network, failed: u32) {
    let has_failed = |letter: &Letter| letter.delivery.failed >= failed;
    until(async || letters(network, Stage::Pending).await.iter().any(has_failed).then_some(())).await;
}
