//! Members that were read or written lately: every command and nearly every read asks for two.
//!
//! An embedded store has one owner, so the engine knows every change: what is here is what was
//! last committed. Readers of members fill it too, through a guard that loses to a commit that
//! comes between. Where several engines share a store, nothing is kept, and every row is read anew.

use std::sync::Arc;

use acquaint_core::ids::MemberId;
use acquaint_core::member::Member;
use acquaint_core::relation::{Pair, Relation};
use acquaint_store::{Position, Store, StoreResult, Wanted};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// Committed members, bounded by their size in memory. One that does not exist is kept as version 0.
/// Relations are kept by the store if at all: packed, they take a quarter of the room.
#[derive(Debug)]
pub(crate) struct MemberCache {
    /// Whether anything is kept.
    keeps: bool,
    members: Cache<MemberId, Arc<Member>, Weight>,
}

/// Estimates what a row takes, in bytes, with the cache's own bookkeeping.
#[derive(Debug, Clone)]
struct Weight;

/// What an entry takes beside its texts: the row, its key, two reference counts, a slot.
const MEMBER_BYTES: usize = 320;

impl Weighter<MemberId, Arc<Member>> for Weight {
    fn weight(&self, id: &MemberId, member: &Arc<Member>) -> u64 {
        let profile = &member.profile;
        let texts = [&profile.name, &profile.headline, &profile.email];
        let text: usize = texts.into_iter().flatten().map(String::len).sum();
        let tags: usize = profile.audience.iter().map(|tag| tag.len() + 24).sum();
        (MEMBER_BYTES + id.as_str().len() + text + tags + member.ledger.groups() * 16) as u64
    }
}

impl MemberCache {
    /// A cache of about that many bytes; none at all unless `sole_owner`: somebody else may change a
    /// row unseen.
    pub(crate) fn new(bytes: u64, sole_owner: bool) -> Self {
        let bytes = if sole_owner { bytes } else { 0 };
        let expected = usize::try_from(bytes).unwrap_or(usize::MAX) / MEMBER_BYTES;
        Self { keeps: sole_owner, members: Cache::with_weighter(expected, bytes, Weight) }
    }

    pub(crate) fn peek_member(&self, id: &MemberId) -> Option<Arc<Member>> {
        self.members.get(id)
    }

    pub(crate) fn put_member(&self, member: Arc<Member>) {
        if self.keeps {
            self.members.insert(member.id.clone(), member);
        }
    }

    /// The committed row of a member; version 0 if there is none.
    pub(crate) async fn member(&self, store: &dyn Store, id: &MemberId) -> StoreResult<Arc<Member>> {
        self.member_seen(store, id, None).await
    }

    /// The same, from a replica where nothing is kept and somebody who has seen that much may see it.
    pub(crate) async fn member_seen(
        &self,
        store: &dyn Store,
        id: &MemberId,
        seen: Option<Position>,
    ) -> StoreResult<Arc<Member>> {
        let read = async {
            let wanted = Wanted { members: vec![id.clone()], seen, ..Wanted::default() };
            let found = store.load(&wanted).await?.members.pop().flatten();
            Ok(row_of(id, found))
        };
        // Waiting for another's read would miss a commit that came after it began.
        if self.keeps { self.members.get_or_insert_async(id, read).await } else { read.await }
    }

    /// The committed rows of two members and of what is between them; version 0 for what is not
    /// there.
    pub(crate) async fn rows(
        &self,
        store: &dyn Store,
        [actor, other]: [&MemberId; 2],
        pair: &Pair,
    ) -> StoreResult<(Arc<Member>, Arc<Member>, Arc<Relation>)> {
        if self.keeps {
            let (actor, other) = (self.member(store, actor).await?, self.member(store, other).await?);
            let wanted = Wanted { relations: vec![pair.clone()], ..Wanted::default() };
            let found = store.load(&wanted).await?.relations.pop().flatten();
            return Ok((actor, other, relation_of(pair, found)));
        }
        let wanted =
            Wanted { members: vec![actor.clone(), other.clone()], relations: vec![pair.clone()], ..Wanted::default() };
        let mut loaded = store.load(&wanted).await?;
        let last = row_of(other, loaded.members.pop().flatten());
        let first = row_of(actor, loaded.members.pop().flatten());
        Ok((first, last, relation_of(pair, loaded.relations.pop().flatten())))
    }
}

fn row_of(id: &MemberId, found: Option<Member>) -> Arc<Member> {
    Arc::new(found.unwrap_or_else(|| Member::new(id.clone())))
}

fn relation_of(pair: &Pair, found: Option<Relation>) -> Arc<Relation> {
    Arc::new(found.unwrap_or_else(|| Relation::new(pair.clone())))
}
