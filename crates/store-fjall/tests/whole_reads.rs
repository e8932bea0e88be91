//! Reads beside commits: whatever comes from memory and whatever from the disk, a read sees all of a
//! commit or nothing of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use acquaint_core::ids::MemberId;
use acquaint_core::relation::{Pair, Relation};
use acquaint_core::time::Time;
use acquaint_store::{Changes, RelationChange, Store, Wanted};
use acquaint_store_fjall::{FjallStore, Options};

const COMMITS: u64 = 400;
/// More relations than the smallest memory holds, so that some are read from fjall.
const PAIRS: usize = 64;

fn pairs() -> Vec<Pair> {
    let member = |name: String| MemberId::new(&name).unwrap();
    (0..PAIRS).map(|n| Pair::new(&member(format!("a{n}")), &member(format!("b{n}"))).unwrap()).collect()
}

fn relation(pair: &Pair, version: u64) -> Arc<Relation> {
    let mut relation = Relation { version, ..Relation::new(pair.clone()) };
    relation.state.connected_since = (version > 0).then(|| Time::from_unix(i64::try_from(version).unwrap()));
    Arc::new(relation)
}

/// Commits that each move every relation to the next version.
async fn write(store: &FjallStore) {
    for version in 0..COMMITS {
        let change = |pair: &Pair| RelationChange {
            before: relation(pair, version),
            steps: vec![Some(relation(pair, version + 1))],
        };
        let changes = Changes { relations: pairs().iter().map(change).collect(), ..Changes::default() };
        store.commit(&changes).await.unwrap();
    }
}

/// Reads two of them at a time until there are no more commits; returns how often.
async fn read(store: &FjallStore, done: &AtomicBool) -> usize {
    let pairs = pairs();
    let mut reads = 0;
    while !done.load(Ordering::Acquire) {
        let (one, other) = (reads % PAIRS, (reads * 7 + 1) % PAIRS);
        let wanted = Wanted { relations: vec![pairs[one].clone(), pairs[other].clone()], ..Wanted::default() };
        let loaded = store.load(&wanted).await.unwrap().relations;
        let seen: Vec<_> = loaded.iter().map(|found| found.as_ref().map(|found| found.version)).collect();
        assert_eq!(seen[0], seen[1], "half of a commit was seen, {one} {other}");
        reads += 1;
    }
    reads
}

#[test]
fn a_read_beside_commits_sees_whole_ones() {
    let directory = tempfile::tempdir().unwrap();
    // Room for about half of the rows.
    let options = Options { row_bytes: 8 << 10, ..common::options() };
    let store = FjallStore::open(directory.path(), &options).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2).map(|_| scope.spawn(|| common::block_on(read(&store, &done)))).collect();
        common::block_on(write(&store));
        done.store(true, Ordering::Release);
        let reads: usize = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
        assert!(reads > 0);
    });
}
