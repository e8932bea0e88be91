//! `acquaint store copy`: what is in the one is in the other, also after a crash in the middle; or it is
//! said what is in the way.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests, and what helps them, stop at the first surprise")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use acquaint_core::ids::{InvitationId, MemberId};
use acquaint_core::member::Member;
use acquaint_core::relation::{Invitation, Pair, Relation};
use acquaint_core::time::Time;
use acquaint_store::{Record, Store};
use acquaint_store_fjall::{FjallStore, Options};
use acquaint_testkit::postgres::{Cluster, Options as PostgresOptions, Place};
use acquaint_testkit::proxy::{Proxy, Weather};
use common::{Ran, acquaint, run};
use uuid::Uuid;

/// Records of so many members, each with a pending invitation to the next.
fn community(members: u32) -> Vec<Record> {
    let id = |number: u32| format!("member-{number:06}").parse::<MemberId>().unwrap();
    let mut records = Vec::new();
    for number in 0..members {
        let mut member = Member::new(id(number));
        member.version = 1;
        member.ledger.connections = number;
        records.push(Record::Member(Box::new(member.into())));
        let pair = Pair::new(&id(number), &id(number + 1)).unwrap();
        let mut relation = Relation::new(pair);
        relation.version = 1;
        relation.state.low.invitation = Some(Invitation {
            id: InvitationId(Uuid::from_u128(u128::from(number) + 1)),
            note: Some("We met in Oslo.".into()),
            sent_at: Time::from_unix(1_700_000_000),
            expires_at: None,
            end: None,
            kept: None,
            reminder_moments: 0,
            reminders: Vec::new(),
            next_due: None,
        });
        records.push(Record::Relation(Box::new(relation.into())));
    }
    records
}

fn fill(directory: &Path, records: &[Record]) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = FjallStore::open(directory, &Options::default()).unwrap();
        for page in records.chunks(10_000) {
            store.restore(page).await.unwrap();
        }
    });
}

/// A folder with a store in it, and the names of what a copy needs.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new(members: u32) -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        fill(&desk.path("from"), &community(members));
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn store(&self, name: &str) -> String {
        format!("fjall:{}", self.path(name).display())
    }

    /// The command, from the first store to that one.
    fn copy(&self, to: &str) -> Command {
        let mut command = acquaint();
        command.current_dir(self.folder.path());
        command.args(["store", "copy", "--from", &self.store("from"), "--to", to]);
        command
    }

    fn run(&self, to: &str) -> Ran {
        Ran(self.copy(to).output().unwrap())
    }

    /// What a store holds, as a backup tells it.
    fn records(&self, store: &str) -> Vec<u8> {
        let ran = run(&["backup", "-", "--store", store]);
        assert_eq!(ran.code(), 0, "{}", ran.stderr());
        let text = zstd::decode_all(ran.0.stdout.as_slice()).unwrap();
        let (first, last) =
            (text.iter().position(|byte| *byte == b'\n'), text.windows(7).rposition(|w| w == b"{\"end\":"));
        text.get(first.unwrap()..last.unwrap()).unwrap().to_vec()
    }

    fn is_clean(&self) -> bool {
        !self.path("acquaint-copy.progress").exists() && !self.path("to.partial").exists()
    }
}

#[test]
fn a_copy_is_the_same_and_is_made_once() {
    let desk = Desk::new(700);
    let to = desk.store("to");
    let told = desk.run(&to).succeeds();
    assert!(told.contains(": 1,400 records: 700 member, 700 relation; the same as in fjall:"), "{told}");
    assert_eq!(desk.records(&to), desk.records(&desk.store("from")));
    assert!(desk.is_clean());
    desk.run(&to).fails(1, "is not empty: name a new store; nothing was written");
    desk.run(&desk.store("from")).fails(2, "--from and --to name the same store");
    desk.run("paper:there").fails(2, "--to: expected fjall:DIRECTORY");
    run(&["store", "copy", "--from", &desk.store("none"), "--to", &desk.store("more")])
        .fails(1, "there is no store in");
}

/// Starts a copy and kills it once it has said how far it is.
fn kill_in_the_middle(desk: &Desk, to: &str) {
    let mut child = desk.copy(to).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("copied")));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(desk.path("acquaint-copy.progress").exists(), "it was quicker than the kill");
}

#[test]
fn killed_in_the_middle_it_goes_on_where_it_was() {
    let desk = Desk::new(10_000);
    let to = desk.store("to");
    kill_in_the_middle(&desk, &to);
    assert!(!desk.path("to").exists());
    desk.run(&desk.store("other")).fails(1, "acquaint-copy.progress belongs to another copy, from fjall:");
    // Killed again, as often as one likes.
    kill_in_the_middle(&desk, &to);
    let ran = desk.run(&to);
    assert!(ran.stderr().contains("going on after "), "{}", ran.stderr());
    assert!(!ran.stderr().contains("going on after 0 "), "{}", ran.stderr());
    ran.succeeds();
    assert_eq!(desk.records(&to), desk.records(&desk.store("from")));
    assert!(desk.is_clean());
}

#[test]
fn a_target_that_lost_what_it_had_is_not_gone_on_with() {
    let desk = Desk::new(10_000);
    let to = desk.store("to");
    kill_in_the_middle(&desk, &to);
    fs::remove_dir_all(desk.path("to.partial")).unwrap();
    desk.run(&to).fails(1, "which is empty: remove the file to begin anew");
    fs::remove_file(desk.path("acquaint-copy.progress")).unwrap();
    fs::remove_dir_all(desk.path("to.partial")).unwrap();
    desk.run(&to).succeeds();
}

#[test]
fn a_target_that_holds_something_else_is_found_out() {
    let desk = Desk::new(10_000);
    let to = desk.store("to");
    kill_in_the_middle(&desk, &to);
    let mut stranger = Member::new("stranger".parse().unwrap());
    stranger.version = 1;
    fill(&desk.path("to.partial"), &[Record::Member(Box::new(stranger.into()))]);
    desk.run(&to).fails(1, "at least 1 member differ, among them stranger; if nothing else wrote to either");
    assert!(!desk.path("to").exists());
}

#[test]
fn without_the_file_that_tells_of_it_a_part_is_left_alone() {
    let desk = Desk::new(10_000);
    let to = desk.store("to");
    kill_in_the_middle(&desk, &to);
    fs::remove_file(desk.path("acquaint-copy.progress")).unwrap();
    desk.run(&to).fails(1, "to.partial is left from a restore or a copy that broke off: remove it and try again");
}

#[test]
fn a_source_that_a_server_holds_is_named() {
    let desk = Desk::new(10);
    let _server = common::Server::start(&desk.path("from"), &[]);
    desk.run(&desk.store("to")).fails(1, "another process holds the store");
    assert!(desk.is_clean());
}

#[test]
fn a_full_disk_is_said_and_gone_on_from() {
    let desk = Desk::new(10_000);
    let to = desk.store("to");
    // No file of the target may grow beyond 256 blocks of 512 bytes.
    let copy = desk.copy(&to);
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 256; exec \"$@\"", "sh"])
        .arg(copy.get_program())
        .args(copy.get_args());
    let ran = Ran(limited.current_dir(desk.folder.path()).output().unwrap());
    ran.fails(1, "File too large");
    desk.run(&to).succeeds();
    assert_eq!(desk.records(&to), desk.records(&desk.store("from")));
}

/// A migrated place in PostgreSQL.
fn postgres() -> Place {
    let place = Place::new().unwrap();
    run(&["migrate", "--store", place.url()]).succeeds();
    place
}

#[test]
fn to_postgres_and_back_nothing_is_different() {
    let desk = Desk::new(2_500);
    let place = postgres();
    let told = desk.run(place.url()).succeeds();
    assert!(told.contains("5,000 records: 2,500 member, 2,500 relation; the same as in fjall:"), "{told}");
    desk.run(place.url()).fails(1, "is not empty: name a new store; nothing was written");
    let mut back = acquaint();
    back.current_dir(desk.folder.path()).args(["store", "copy", "--from", place.url(), "--to", &desk.store("back")]);
    Ran(back.output().unwrap()).succeeds();
    assert_eq!(desk.records(&desk.store("back")), desk.records(&desk.store("from")));
    assert!(desk.is_clean());
}

#[test]
fn a_database_without_our_tables_is_told_apart_from_an_empty_one() {
    let desk = Desk::new(10);
    let place = Place::new().unwrap();
    desk.run(place.url()).fails(1, "acquaint migrate");
    run(&["migrate", "--store", place.url()]).succeeds();
    desk.run(place.url()).succeeds();
}

#[test]
fn a_database_that_goes_away_in_the_middle_is_gone_on_with() {
    let desk = Desk::new(10_000);
    let cluster = Cluster::start(&PostgresOptions::default()).unwrap();
    run(&["migrate", "--store", &cluster.url("postgres")]).succeeds();
    let network = Proxy::to(cluster.address()).unwrap();
    let to = cluster.url("postgres").replace(&cluster.address().to_string(), &network.address().to_string());
    let mut child = desk.copy(&to).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.any(|line| line.starts_with("copied")));
    network.set(Weather::Refusing);
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let last = said.last().unwrap();
    assert!(last.starts_with("acquaint: ") && last.contains("the same command goes on"), "{last}");
    network.set(Weather::Fair);
    let ran = desk.run(&to);
    assert!(ran.stderr().contains("going on after "), "{}", ran.stderr());
    ran.succeeds();
}
