//! Lists from a replica, over HTTP: who brings back what they wrote sees it.

use std::sync::Arc;
use std::time::Duration;

use acquaint_core::time::Span;
use acquaint_server::{TokenConfig, TokenKeys};
use acquaint_store_postgres::migrate::Migrator;
use acquaint_store_postgres::{Options, PostgresStore};
use acquaint_testkit::postgres::{Cluster, Options as ClusterOptions};
use serde_json::{Value, json};

use crate::stores;
use crate::tokens::{SECRET, claims, shared};
use crate::town::{Plan, Town};

const HEADER: &str = "acquaint-position";
const LISTS: [&str; 7] = [
    "/v1/invitations/sent",
    "/v1/invitations/received",
    "/v1/connections",
    "/v1/following",
    "/v1/followers",
    "/v1/blocks",
    "/v1/notifications",
];

/// A town on a database that a standby follows.
async fn followed() -> (Town, Cluster, Cluster) {
    let primary = Cluster::start(&ClusterOptions::default()).unwrap();
    primary.create_database("town").unwrap();
    let url = |cluster: &Cluster| cluster.url("town").parse().unwrap();
    let options = Options::with_seed(stores::seed());
    Migrator::connect(&url(&primary), &options).await.unwrap().apply().await.unwrap();
    let standby = primary.standby(false).unwrap();
    let options = Options { replicas: vec![url(&standby)], staleness: Duration::from_secs(3_600), ..options };
    let store = PostgresStore::open(&url(&primary), &options).await.unwrap();
    let (keys, audience) = (TokenKeys::secret(SECRET).unwrap(), "acquaint".to_owned());
    let tokens = Some(TokenConfig { keys, audience, issuer: None, leeway: Span::seconds(30) });
    (Town::built(Plan { store: Some(Arc::new(store)), tokens, ..Plan::default() }).await, primary, standby)
}

async fn list(town: &Town, member: &str, path: &str, position: Option<&str>) -> Value {
    let call = town.by(member, "GET", path);
    let call = position.map(str::to_owned).into_iter().fold(call, |call, position| call.header(HEADER, position));
    let reply = call.send().await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header(HEADER), None, "a read changes nothing");
    reply.json()
}

/// How many reads replicas have answered.
async fn replica_reads(town: &Town) -> u64 {
    let metrics = town.host("GET", "/metrics").send().await.text();
    let line = metrics.lines().find_map(|line| line.strip_prefix("acquaint_store_replica_reads_total "));
    line.unwrap().parse().unwrap()
}

async fn until_a_replica_answers(town: &Town) {
    let before = replica_reads(town).await;
    let answered = async {
        while replica_reads(town).await == before {
            list(town, "ann", "/v1/invitations/sent", Some("0")).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), answered).await.unwrap();
}

#[tokio::test]
async fn who_brings_back_their_position_sees_what_they_did() {
    let (town, _primary, standby) = followed().await;
    until_a_replica_answers(&town).await;
    for other in ["bob", "cem", "dan"] {
        let sent = town.by("ann", "POST", "/v1/invitations").json(&json!({"to": other})).send().await;
        let mut position = sent.header(HEADER).unwrap().to_owned();
        if other == "cem" {
            let id = sent.json()["id"].as_str().unwrap().to_owned();
            let accepted = town.by(other, "POST", &format!("/v1/invitations/{id}/accept")).send().await;
            accepted.header(HEADER).unwrap().clone_into(&mut position);
        }
        for (member, path) in LISTS.iter().flat_map(|path| [("ann", path), (other, path)]) {
            let seen = list(&town, member, path, Some(&position)).await;
            assert_eq!(seen, list(&town, member, path, None).await, "{member} {path}");
        }
    }
    standby.psql("town", "SELECT pg_wal_replay_pause()").unwrap();
    let blocked = town.by("ann", "PUT", "/v1/blocks/eve").send().await;
    let position = blocked.header(HEADER).unwrap();
    let blocks = list(&town, "ann", "/v1/blocks", Some(position)).await;
    assert_eq!(blocks["items"][0]["member"], "eve", "a replica that stands still does not hide it");
}

#[tokio::test]
async fn a_position_is_read_strictly_and_told_to_the_host_alone() {
    let (town, _primary, _standby) = followed().await;
    for wrong in ["", "x", "-1", "0 0", "11112222333344445"] {
        let reply = town.by("ann", "GET", "/v1/connections").header(HEADER, wrong).send().await;
        assert_eq!(reply.problem(422, "invalid_request")["errors"][0]["parameter"], "Acquaint-Position");
    }
    let twice = town.by("ann", "GET", "/v1/connections").header(HEADER, "1").header(HEADER, "2");
    twice.send().await.problem(422, "invalid_request");
    let bearer = format!("Bearer {}", shared(&claims()));
    let by_token = town.call("POST", "/v1/invitations").header("authorization", bearer).json(&json!({"to": "bob"}));
    let reply = by_token.send().await;
    assert_eq!((reply.status, reply.header(HEADER)), (201, None));
}

#[tokio::test]
async fn where_there_are_no_replicas_nobody_is_told_a_position() {
    let town = Town::new().await;
    let reply = town.by("ann", "POST", "/v1/invitations").json(&json!({"to": "bob"})).send().await;
    assert_eq!((reply.status, reply.header(HEADER)), (201, None));
    assert_eq!(list(&town, "ann", "/v1/invitations/sent", Some("ffff")).await["total_pending"], 1);
}
