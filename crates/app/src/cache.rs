//! Rows that were read or written lately, so that most commands read nothing from the store.
//!
//! An embedded store has one owner, so the engine knows every change: what is here is what was
//! last committed. Readers of members fill it too, through a guard that loses to a commit that
//! comes between. Where several engines share a store, nothing is kept, and every row is read anew.

use std::sync::Arc;

use acquaint_core::ids::MemberId;
use acquaint_core::member::Member;
use acquaint_core::relation::{Pair, Relation};
use acquaint_store::{Store, StoreResult, Wanted};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// Committed members and relations, bounded by their size in memory. A row that does not exist is
/// kept as version 0.
#[derive(Debug)]
pub(crate) struct RowCache {
    /// Whether anything is kept.
    keeps: bool,
    members: Cache<MemberId, Arc<Member>, Weight>,
    relations: Cache<Pair, Arc<Relation>, Weight>,
}

/// Estimates what a row takes, in bytes, with the cache's own bookkeeping.
#[derive(Debug, Clone)]
struct Weight;

/// What an entry takes beside its texts: the row, its key, two reference counts, a slot.
const MEMBER_BYTES: usize = 320;
const RELATION_BYTES: usize = 640;

impl Weighter<MemberId, Arc<Member>> for Weight {
    fn weight(&self, id: &MemberId, member: &Arc<Member>) -> u64 {
        let profile = &member.profile;
        let texts = [&profile.name, &profile.headline, &profile.email];
        let text: usize = texts.into_iter().flatten().map(String::len).sum();
        let tags: usize = profile.audience.iter().map(|tag| tag.len() + 24).sum();
        (MEMBER_BYTES + id.as_str().len() + text + tags + member.ledger.groups() * 16) as u64
    }
}

impl Weighter<Pair, Arc<Relation>> for Weight {
    fn weight(&self, pair: &Pair, relation: &Arc<Relation>) -> u64 {
        let state = &relation.state;
        let notes = [&state.low, &state.high].map(|side| side.invitation.as_ref().and_then(|i| i.note.as_ref()));
        let note: usize = notes.into_iter().flatten().map(String::len).sum();
        (RELATION_BYTES + note + pair.low().as_str().len() + pair.high().as_str().len()) as u64
    }
}

impl RowCache {
    /// A cache of about that many bytes, three quarters of them for members: every command and nearly
    /// every read asks for two of those, while a relation is seldom asked for twice. None at all
    /// unless `sole_owner`: somebody else may change a row unseen.
    pub(crate) fn new(bytes: u64, sole_owner: bool) -> Self {
        let bytes = if sole_owner { bytes } else { 0 };
        let relations = bytes / 4;
        let members = bytes - relations;
        let expected = |bytes: u64, row: usize| usize::try_from(bytes).unwrap_or(usize::MAX) / row;
        Self {
            keeps: sole_owner,
            members: Cache::with_weighter(expected(members, MEMBER_BYTES), members, Weight),
            relations: Cache::with_weighter(expected(relations, RELATION_BYTES), relations, Weight),
        }
    }

    pub(crate) fn peek_member(&self, id: &MemberId) -> Option<Arc<Member>> {
        self.members.get(id)
    }

    pub(crate) fn peek_relation(&self, pair: &Pair) -> Option<Arc<Relation>> {
        self.relations.get(pair)
    }

    pub(crate) fn put_member(&self, member: Arc<Member>) {
        if self.keeps {
            self.members.insert(member.id.clone(), member);
        }
    }

    pub(crate) fn put_relation(&self, relation: Arc<Relation>) {
        if self.keeps {
            self.relations.insert(relation.pair.clone(), relation);
        }
    }

    /// The committed row of a member; version 0 if there is none.
    pub(crate) async fn member(&self, store: &dyn Store, id: &MemberId) -> StoreResult<Arc<Member>> {
        let read = async {
            let wanted = Wanted { members: vec![id.clone()], ..Wanted::default() };
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
            return Ok((actor, other, self.relation(store, pair).await?));
        }
        let wanted =
            Wanted { members: vec![actor.clone(), other.clone()], relations: vec![pair.clone()], ..Wanted::default() };
        let mut loaded = store.load(&wanted).await?;
        let last = row_of(other, loaded.members.pop().flatten());
        let first = row_of(actor, loaded.members.pop().flatten());
        Ok((first, last, relation_of(pair, loaded.relations.pop().flatten())))
    }

    /// The committed relation of two members. One that is not here is read and not kept: there are
    /// far more relations than room, and who looks is seldom who acts.
    async fn relation(&self, store: &dyn Store, pair: &Pair) -> StoreResult<Arc<Relation>> {
        if let Some(relation) = self.peek_relation(pair) {
            return Ok(relation);
        }
        let wanted = Wanted { relations: vec![pair.clone()], ..Wanted::default() };
        Ok(relation_of(pair, store.load(&wanted).await?.relations.pop().flatten()))
    }
}

fn row_of(id: &MemberId, found: Option<Member>) -> Arc<Member> {
    Arc::new(found.unwrap_or_else(|| Member::new(id.clone())))
}

fn relation_of(pair: &Pair, found: Option<Relation>) -> Arc<Relation> {
    Arc::new(found.unwrap_or_else(|| Relation::new(pair.clone())))
}
