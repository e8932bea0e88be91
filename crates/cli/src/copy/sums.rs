//! What two stores hold, compared member by member in bounded memory.
//!
//! Every record is added to the sum of each member it belongs to, as a digest of the member and the
//! record; sums do not depend on the order in which a store is read. Members share 65,536 sums, so
//! that a billion of them take a megabyte. Where two sums differ, a second reading keeps a sum for
//! every member that shares them and finds the names.

use std::collections::BTreeMap;

use acquaint_core::ids::MemberId;
use acquaint_store::{Record, Store, StoreResult};
use sha2::{Digest, Sha256};

use crate::backup::Pages;
use crate::backup::format::{Counts, kind};

/// How many sums members share; the first two bytes of a digest choose one.
const SHARED: usize = 1 << 16;

/// What a store holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) counts: Counts,
    shared: Vec<u128>,
}

impl Sums {
    /// Reads a store to its end; `progress` is told of every page.
    pub(crate) async fn of(store: &dyn Store, mut progress: impl FnMut(u64)) -> StoreResult<Self> {
        let mut sums = Self { counts: Counts::new(), shared: vec![0; SHARED] };
        let mut pages = Pages::from(store, None);
        loop {
            let page = pages.next().await?;
            if page.is_empty() {
                return Ok(sums);
            }
            page.iter().for_each(|record| sums.add(record));
            progress(page.len() as u64);
        }
    }

    fn add(&mut self, record: &Record) {
        *self.counts.entry(kind(record).into()).or_default() += 1;
        for owner in owners(record) {
            if let Some(sum) = self.shared.get_mut(place(owner)) {
                *sum = sum.wrapping_add(digest(owner, record));
            }
        }
    }

    /// How many records there are.
    pub(crate) fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The places in which two stores differ.
    fn differing(&self, other: &Self) -> Vec<usize> {
        let both = self.shared.iter().zip(&other.shared).enumerate();
        both.filter(|(_, (ours, theirs))| ours != theirs).map(|(place, _)| place).collect()
    }

    /// What is different, in words; reads both stores once more to find out whose it is.
    pub(crate) async fn difference(&self, other: &Self, ours: &dyn Store, theirs: &dyn Store) -> StoreResult<String> {
        let places = self.differing(other);
        let Some(first) = places.first() else {
            return Ok(format!("{:?} against {:?}", self.counts, other.counts));
        };
        let (here, there) = (members_at(ours, *first).await?, members_at(theirs, *first).await?);
        let all = here.keys().chain(there.keys());
        let mut names: Vec<&str> = all.filter(|name| here.get(*name) != there.get(*name)).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        let names = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        Ok(format!("at least {} differ, among them {names}", members(places.len())))
    }
}

/// How many members a message names.
const NAMED: usize = 5;

fn members(count: usize) -> String {
    if count == 1 { "1 member".into() } else { format!("{count} members") }
}

/// A sum for every member whose shared sum stands at that place.
async fn members_at(store: &dyn Store, at: usize) -> StoreResult<BTreeMap<String, u128>> {
    let mut sums: BTreeMap<String, u128> = BTreeMap::new();
    let mut pages = Pages::from(store, None);
    loop {
        let page = pages.next().await?;
        if page.is_empty() {
            return Ok(sums);
        }
        for record in &page {
            for owner in owners(record).into_iter().filter(|owner| place(owner) == at) {
                let sum = sums.entry(owner.to_owned()).or_default();
                *sum = sum.wrapping_add(digest(owner, record));
            }
        }
    }
}

/// Whose a record is. An event is its actor's, an idempotency record that of whoever used the key.
fn owners(record: &Record) -> Vec<&str> {
    match record {
        Record::Member(member) => vec![member.id.as_str()],
        Record::Relation(relation) => [&relation.between.0, &relation.between.1].map(MemberId::as_str).to_vec(),
        Record::Past { owner, .. } | Record::Notification { owner, .. } => vec![owner.as_str()],
        Record::Event(event) => vec![event.event.actor.as_str()],
        Record::Claim(claim) => vec![claim.name.scope.as_str()],
        Record::Document(document) => vec![document.name.owner_text()],
    }
}

/// Which of the shared sums is a member's.
fn place(owner: &str) -> usize {
    let digest = Sha256::digest(owner);
    digest.iter().take(2).fold(0, |place, byte| place << 8 | usize::from(*byte))
}

/// A number for a record of a member that no other record has, as far as anybody has seen.
fn digest(owner: &str, record: &Record) -> u128 {
    let mut digest = Sha256::new();
    digest.update((owner.len() as u64).to_be_bytes());
    digest.update(owner);
    let text = serde_json::to_vec(record);
    debug_assert!(text.is_ok(), "every record can be written as JSON");
    digest.update(text.unwrap_or_default());
    digest.finalize().iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use acquaint_core::member::Member;
    use acquaint_store::memory::MemoryStore;

    use super::*;

    fn members(names: &[&str], versions: u64) -> Vec<Record> {
        let member = |name: &&str| {
            let mut member = Member::new(name.parse().unwrap());
            member.version = versions;
            Record::Member(Box::new(member.into()))
        };
        names.iter().map(member).collect()
    }

    async fn store(records: &[Record]) -> MemoryStore {
        let store = MemoryStore::default();
        store.restore(records).await.unwrap();
        store
    }

    #[tokio::test]
    async fn a_member_that_differs_is_named() {
        let same = members(&["ann", "bo", "cy"], 1);
        let (one, two) = (store(&same).await, store(&same).await);
        let sums = Sums::of(&one, |_| {}).await.unwrap();
        assert_eq!(sums, Sums::of(&two, |_| {}).await.unwrap());
        assert_eq!(sums.total(), 3);
        two.restore(&members(&["bo"], 2)).await.unwrap();
        let other = Sums::of(&two, |_| {}).await.unwrap();
        assert_ne!(sums, other);
        let told = sums.difference(&other, &one, &two).await.unwrap();
        assert_eq!(told, "at least 1 member differ, among them bo");
    }

    #[tokio::test]
    async fn a_missing_member_differs_and_the_order_does_not() {
        let (one, two) = (store(&members(&["ann", "bo"], 1)).await, store(&members(&["bo"], 1)).await);
        let (sums, other) = (Sums::of(&one, |_| {}).await.unwrap(), Sums::of(&two, |_| {}).await.unwrap());
        assert!(sums.difference(&other, &one, &two).await.unwrap().ends_with("among them ann"));
        let mut backwards = Sums { counts: Counts::new(), shared: vec![0; SHARED] };
        members(&["bo", "ann"], 1).iter().for_each(|record| backwards.add(record));
        assert_eq!(backwards, sums);
    }
}
