//! A community in a PostgreSQL database: migrated, served, backed up and brought back.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests, and what helps them, stop at the first surprise")]

mod common;

use std::process::Command;

use acquaint_testkit::postgres::{Cluster, Options, Place};
use common::{KEY, Ran, Server, acquaint, run, until};

/// The program with a store that its variable names, as a password should be.
fn on(place: &Place, args: &[&str]) -> Command {
    let mut command = acquaint();
    command.env("ACQUAINT_STORE", place.url()).env("ACQUAINT_HOST_KEY", KEY).args(args);
    command
}

fn ran(place: &Place, args: &[&str]) -> Ran {
    Ran(on(place, args).output().unwrap())
}

fn migrated() -> Place {
    let place = Place::new().unwrap();
    ran(&place, &["migrate"]).succeeds();
    place
}

fn serve(place: &Place) -> Server {
    Server::spawn(on(place, &["serve", "--listen", "127.0.0.1:0", "--pool-size", "4", "--statement-timeout", "20s"]))
}

#[test]
fn a_database_is_migrated_before_it_is_served() {
    let place = Place::new().unwrap();
    let advice = "has no tables of Acquaint: run `acquaint migrate --store …` first";
    ran(&place, &["serve", "--listen", "127.0.0.1:0"]).fails(1, advice);
    let sql = ran(&place, &["migrate", "--dry-run"]).succeeds();
    assert!(sql.contains("CREATE TABLE members"), "{sql}");
    ran(&place, &["serve", "--listen", "127.0.0.1:0"]).fails(1, advice);
    let done = ran(&place, &["migrate"]).succeeds();
    assert!(done.contains("migration 1 (tables) applied"), "{done}");
    assert!(ran(&place, &["migrate"]).succeeds().contains("is up to date"));
    assert_eq!(ran(&place, &["migrate", "--dry-run"]).succeeds(), "");
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    let place = migrated();
    let server = serve(&place);
    let (status, body) = server.client().call("POST", "/v1/invitations", "ann", r#"{"to":"bob"}"#).unwrap();
    assert_eq!(status, 201, "{body}");
    let (_, metrics) = server.client().call("GET", "/metrics", "ann", "").unwrap();
    assert!(metrics.contains("\nacquaint_store_registrations_total 1\n"), "{metrics}");
    server.signal("KILL");
    server.end();
    let server = serve(&place);
    let (status, body) = server.client().call("GET", "/v1/invitations/received", "bob", "").unwrap();
    assert!(status == 200 && body.contains("\"ann\""), "{body}");
    server.signal("TERM");
    let (code, _, log) = server.end();
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn a_backup_moves_between_stores_of_any_kind() {
    let place = migrated();
    let server = serve(&place);
    for (from, to) in [("ann", "bob"), ("cem", "ann"), ("bob", "cem")] {
        let body = format!(r#"{{"to":"{to}","note":"“Hi” \\ {{x}}"}}"#);
        assert_eq!(server.client().call("POST", "/v1/invitations", from, &body).unwrap().0, 201);
    }
    server.signal("TERM");
    server.end();
    let folder = tempfile::tempdir().unwrap();
    let in_folder = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (backup, marker) = (in_folder("backup"), in_folder("marker"));
    ran(&place, &["backup", &backup]).succeeds();
    ran(&place, &["restore", &backup]).fails(1, "is not empty: name a new store; nothing was written");
    let embedded = format!("fjall:{}", in_folder("store"));
    run(&["restore", &backup, "--store", &embedded]).succeeds();
    // A copy ends with a comparison of the two.
    let other = migrated();
    let copied = run(&["store", "copy", "--from", &embedded, "--to", other.url(), "--progress", &marker]).succeeds();
    assert!(copied.contains("the same as in"), "{copied}");
    let third = format!("fjall:{}", in_folder("third"));
    let copied = run(&["store", "copy", "--from", place.url(), "--to", &third, "--progress", &marker]).succeeds();
    assert!(copied.contains("the same as in"), "{copied}");
    let again = run(&["store", "copy", "--from", other.url(), "--to", &third, "--progress", &marker]);
    again.fails(1, "is not empty");
}

#[test]
fn replicas_are_standbys_of_a_database_and_their_passwords_are_nobodys() {
    let cases = [
        ("postgres://me:hush@db/town", "--read-replicas: the embedded store has no replicas"),
        ("fjall:hush", "--read-replicas: a replica is a PostgreSQL database"),
        ("postgres://me:hush@db/town hush", "--read-replicas: expected fjall:DIRECTORY or postgres://"),
    ];
    for (replicas, why) in cases {
        let refused = run(&["serve", "--store", "fjall:none", "--read-replicas", replicas]);
        refused.fails(2, why);
        assert!(!refused.stderr().contains("hush"), "{}", refused.stderr());
    }
}

#[test]
fn a_standby_answers_for_lists() {
    let primary = Cluster::start(&Options::default()).unwrap();
    primary.create_database("town").unwrap();
    let migrated = acquaint().args(["migrate", "--store", &primary.url("town")]).output().unwrap();
    Ran(migrated).succeeds();
    let standby = primary.standby(false).unwrap();
    let mut command = acquaint();
    command.env("ACQUAINT_HOST_KEY", KEY).env("ACQUAINT_READ_REPLICAS", standby.url("town"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--read-staleness", "1h", "--store", &primary.url("town")]);
    let server = Server::spawn(command);
    let (status, body) = server.client().call("POST", "/v1/invitations", "ann", r#"{"to":"bob"}"#).unwrap();
    assert_eq!(status, 201, "{body}");
    let (mut client, position) = (server.client(), Some(("Acquaint-Position", "0")));
    // Each second the server looks for standbys, and notes how far the primary is.
    let mut list = String::new();
    until(|| {
        (_, list) = client.call_with("GET", "/v1/invitations/sent", "ann", position, "").unwrap();
        let (_, metrics) = client.call("GET", "/metrics", "ann", "").unwrap();
        !metrics.contains("acquaint_store_replica_reads_total 0\n")
    });
    assert!(list.contains("total_pending"), "{list}");
}
