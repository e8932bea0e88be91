//! `acquaint backup` and `restore`: what comes back is what was there, or nothing is written.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests, and what helps them, stop at the first surprise"
)]

mod common;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use acquaint_cli::backup::{read_all, verify, write_all};
use acquaint_core::event::{Event, EventKind, Notification, NotificationKind, RecordedEvent};
use acquaint_core::ids::{EventId, InvitationId, MemberId, NotificationId};
use acquaint_core::member::Member;
use acquaint_core::relation::{Invitation, Pair, Relation};
use acquaint_core::time::Time;
use acquaint_core::view::{Direction, InvitationState, InvitationView};
use acquaint_store::memory::MemoryStore;
use acquaint_store::{Record, Store};
use common::run;
use proptest::prelude::*;
use uuid::Uuid;

/// A store with something in it, made by a replay.
fn filled(folder: &Path) -> String {
    let file = folder.join("rows.csv");
    let rows: String =
        (0..300).map(|n| format!("m{},m{},{}\n", n % 37, n % 37 + 1 + n % 5, 1_000_000 + n * 977)).collect();
    fs::write(&file, rows).unwrap();
    let store = format!("fjall:{}", folder.join("store").display());
    run(&["replay", file.to_str().unwrap(), "--store", &store, "--policy", "open"]).succeeds();
    store
}

/// The lines of a backup between the first and the last, which tell of the time.
fn records(file: &Path) -> Vec<String> {
    let mut text = String::new();
    zstd::Decoder::new(fs::File::open(file).unwrap()).unwrap().read_to_string(&mut text).unwrap();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[1..lines.len() - 1].to_vec()
}

fn path(folder: &Path, name: &str) -> (PathBuf, String) {
    let path = folder.join(name);
    let text = path.to_str().unwrap().to_owned();
    (path, text)
}

#[test]
fn what_is_restored_backs_up_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    let ((first, first_name), (second, second_name)) = (path(folder.path(), "1"), path(folder.path(), "2"));
    let told = run(&["backup", &first_name, "--store", &store]).succeeds();
    assert!(told.contains("relation"), "{told}");
    let copy = format!("fjall:{}", folder.path().join("copy").display());
    run(&["restore", &first_name, "--store", &copy]).succeeds();
    run(&["backup", &second_name, "--store", &copy]).succeeds();
    assert!(!records(&first).is_empty());
    assert_eq!(records(&first), records(&second));
    assert!(!folder.path().join("1.partial").exists());
    assert!(!folder.path().join("copy.partial").exists());
    let partial = folder.path().join("third.partial");
    fs::create_dir(&partial).unwrap();
    let third = format!("fjall:{}", folder.path().join("third").display());
    run(&["restore", &first_name, "--store", &third])
        .fails(1, "is left from a restore or a copy that broke off: remove it");
    fs::remove_dir(&partial).unwrap();
    fs::create_dir(folder.path().join("third")).unwrap();
    run(&["restore", &first_name, "--store", &third]).succeeds();
    // The copy is a store like any other: a second restore finds it full.
    run(&["restore", &first_name, "--store", &copy]).fails(1, "is not empty: name a new store");
    run(&["backup", &first_name, "--store", &store]).fails(1, "exists: give another name, or --force");
    run(&["backup", &first_name, "--store", &store, "--force"]).succeeds();
    // To standard output, the same records.
    let piped = run(&["backup", "-", "--store", &store]);
    fs::write(&second, &piped.0.stdout).unwrap();
    assert_eq!(records(&first), records(&second));
}

#[test]
fn a_file_that_is_not_whole_restores_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    let (file, name) = path(folder.path(), "backup");
    run(&["backup", &name, "--store", &store]).succeeds();
    let whole = fs::read(&file).unwrap();
    let middle = whole.len() / 2;
    let flipped = |place: usize| {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x10;
        bytes
    };
    let cases = [
        (whole[..middle].to_vec(), "cut off after line"),
        (whole[..whole.len() - 1].to_vec(), "cut off after line"),
        (flipped(middle), "damaged"),
        (flipped(whole.len() - 2), "damaged"),
        ([&whole[..], b"more"].concat(), "has something after its end"),
        (b"from,to,unix_time\n".to_vec(), "is not a backup made by acquaint"),
        (Vec::new(), "is not a backup made by acquaint"),
    ];
    let target = folder.path().join("target");
    let target_store = format!("fjall:{}", target.display());
    for (bytes, why) in cases {
        fs::write(&file, bytes).unwrap();
        let ran = run(&["restore", &name, "--store", &target_store]);
        ran.fails(1, why);
        assert!(ran.stderr().contains("nothing was restored"), "{}", ran.stderr());
        assert!(!target.exists());
    }
    run(&["restore", "missing", "--store", &target_store]).fails(1, "cannot be read");
    run(&["backup", "another", "--store", &target_store]).fails(1, "there is no store in");
    assert!(!target.exists());
}

fn id() -> impl Strategy<Value = MemberId> {
    "[a-zé\"\\\\,]{1,8}".prop_map(|text| text.parse().unwrap())
}

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn time() -> impl Strategy<Value = Time> {
    (0..4_000_000_000_i64).prop_map(Time::from_unix)
}

fn relation() -> impl Strategy<Value = Option<Record>> {
    let invitation = (uuid(), proptest::option::of(".{0,20}"), time()).prop_map(|(id, note, sent_at)| Invitation {
        id: InvitationId(id),
        note,
        sent_at,
        expires_at: None,
        end: None,
        kept: None,
        reminder_moments: 0,
        reminders: Vec::new(),
        next_due: Some(sent_at),
    });
    (id(), id(), any::<u32>(), proptest::option::of(invitation)).prop_map(|(a, b, version, invitation)| {
        let mut relation = Relation::new(Pair::new(&a, &b)?);
        relation.version = u64::from(version) + 1;
        relation.state.low.invitation = invitation;
        Some(Record::Relation(Box::new(relation.into())))
    })
}

fn record() -> impl Strategy<Value = Option<Record>> {
    let member = (id(), any::<u32>(), any::<u32>()).prop_map(|(id, version, connections)| {
        let mut member = Member::new(id);
        member.version = u64::from(version) + 1;
        member.ledger.connections = connections;
        Some(Record::Member(Box::new(member.into())))
    });
    let notification = (id(), id(), uuid(), time()).prop_map(|(owner, about, id, at)| {
        let kind = NotificationKind::InvitationAccepted;
        let notification = Notification { id: NotificationId(id), at, about, invitation: None, kind };
        Some(Record::Notification { owner, notification })
    });
    let event = (id(), id(), uuid(), time()).prop_map(|(actor, subject, id, at)| {
        let event = Event { at, actor, subject, invitation: None, kind: EventKind::InvitationAccepted };
        Some(Record::Event(RecordedEvent { id: EventId(id), event }))
    });
    let past =
        (id(), id(), uuid(), time(), proptest::option::of(".{0,20}")).prop_map(|(owner, other, id, at, note)| {
            let invitation = InvitationView {
                id: InvitationId(id),
                direction: Direction::Sent,
                other,
                note,
                state: InvitationState::Withdrawn,
                sent_at: at,
                expires_at: None,
                decided_at: Some(at),
            };
            Some(Record::Past { owner, invitation })
        });
    prop_oneof![member, relation(), notification, event, past]
}

async fn all(store: &MemoryStore) -> Vec<Record> {
    let mut all = Vec::new();
    let mut place = None;
    loop {
        let page = store.scan(place.as_ref(), 7).await.unwrap();
        if page.records.is_empty() {
            return all;
        }
        all.extend(page.records);
        place = page.next;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a store holds comes back, and a flipped bit or a cut is always found.
    #[test]
    fn a_round_trip_changes_nothing(records in proptest::collection::vec(record(), 0..60), place: prop::sample::Index, bit in 0..8_u32) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = MemoryStore::default();
            let records: Vec<Record> = records.into_iter().flatten().collect();
            store.restore(&records).await.unwrap();
            let (bytes, counts) = write_all(&store, Vec::new(), Time::from_unix(1), |_| {}).await.unwrap();
            let (_, verified) = verify(bytes.as_slice(), |_| {}).unwrap();
            assert_eq!(counts, verified);
            let copy = MemoryStore::default();
            read_all(&copy, bytes.as_slice(), |_| {}).await.unwrap();
            assert_eq!(all(&store).await, all(&copy).await);
            assert!(verify(&bytes[..place.index(bytes.len())], |_| {}).is_err());
            let place = place.index(bytes.len());
            let mut flipped = bytes.clone();
            flipped[place] ^= 1_u8 << bit;
            assert!(verify(flipped.as_slice(), |_| {}).is_err());
        });
    }
}
