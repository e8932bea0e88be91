//! Commits whose keeping can be checked afterwards, and tests that run in a process of their own.
#![allow(dead_code, reason = "each test file uses a part")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use acquaint_core::decide::Answer;
use acquaint_core::event::{Event, EventKind, RecordedEvent};
use acquaint_core::ids::{EventId, MemberId};
use acquaint_core::member::{Member, Profile};
use acquaint_core::time::Time;
use acquaint_store::{Changes, Claim, ClaimName, MemberChange, Record, Store, StoreResult, Wanted};
use acquaint_store_fjall::{FjallStore, Options};
use uuid::Uuid;

/// Small, so that a short test has flushes, compactions and several tables.
pub(crate) fn options() -> Options {
    Options { cache_bytes: 1 << 20, memtable_bytes: 32 << 10, ..Options::default() }
}

pub(crate) fn open(directory: &Path) -> StoreResult<FjallStore> {
    FjallStore::open(directory, &options())
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn member(number: u32) -> MemberId {
    MemberId::new(&format!("member-{number:06}")).unwrap()
}

fn claim_name(number: u32) -> ClaimName {
    ClaimName { scope: "test".into(), key: number.to_string() }
}

/// The commit of that number: a member, an event and a claim, none of which any other commit makes.
pub(crate) fn changes(number: u32) -> Changes {
    let at = Time::from_unix(i64::from(number));
    let before = Member::new(member(number));
    let profile =
        Profile { name: Some(format!("Member {number} {}", "of a long name ".repeat(10))), ..Profile::default() };
    let after = Member { version: 1, profile: profile.into(), ..before.clone() };
    let event = Event {
        at,
        actor: before.id.clone(),
        subject: before.id.clone(),
        invitation: None,
        kind: EventKind::MemberUpdated,
    };
    Changes {
        members: vec![MemberChange { before: Arc::new(before), after: Some(Arc::new(after)) }],
        events: vec![RecordedEvent { id: EventId(Uuid::from_u128(u128::from(number) + 1)), event }],
        claims: vec![Claim { name: claim_name(number), fingerprint: [7; 16], at, answer: Answer::Done }],
        ..Changes::default()
    }
}

/// How many commits there are from the first on, none missing and none in part.
pub(crate) fn count_commits(store: &FjallStore) -> u32 {
    let records = block_on(all_records(store)).unwrap();
    let events = records.iter().filter(|record| matches!(record, Record::Event(_))).count();
    let count = u32::try_from(events).unwrap();
    assert_eq!(records.len(), 3 * events, "a member, an event and a claim each");
    for number in 0..count {
        let wanted = Wanted { members: vec![member(number)], claims: vec![claim_name(number)], ..Wanted::default() };
        let loaded = block_on(store.load(&wanted)).unwrap();
        assert_eq!(loaded.members[0].as_ref(), changes(number).members[0].after.as_deref());
        assert_eq!(loaded.claims[0].as_ref(), changes(number).claims.first());
    }
    count
}

/// Everything in the store.
pub(crate) async fn all_records(store: &FjallStore) -> StoreResult<Vec<Record>> {
    let (mut records, mut place) = (Vec::new(), None);
    loop {
        let page = store.scan(place.as_ref(), 100).await?;
        if page.records.is_empty() {
            return Ok(records);
        }
        records.extend(page.records);
        place = page.next;
    }
}

/// This test program again, to run one of its ignored tests with a directory to work in.
pub(crate) fn child(test: &str, directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]).env("ACQUAINT_TEST_DIRECTORY", directory);
    command
}

/// The directory that [`child`] was given.
pub(crate) fn child_directory() -> std::path::PathBuf {
    std::env::var_os("ACQUAINT_TEST_DIRECTORY").expect("this test is run by another one").into()
}
