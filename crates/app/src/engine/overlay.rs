//! Rows that were decided and are not committed yet, batch by batch.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use acquaint_core::ids::{InvitationId, MemberId};
use acquaint_core::member::Member;
use acquaint_core::relation::{Pair, Relation};
use acquaint_core::view::{self, InvitationState, InvitationView};
use acquaint_store::{Changes, Claim, ClaimName, MemberChange, RelationChange};

/// The rows that one batch decided on.
#[derive(Debug, Default)]
pub(super) struct BatchRows {
    number: u64,
    members: HashMap<MemberId, Arc<Member>>,
    relations: HashMap<Pair, RelationChange>,
    claims: HashMap<ClaimName, Claim>,
}

/// How an invitation ended for `viewer` on the way of a change, whatever took its place since.
pub(super) fn ended(change: &RelationChange, viewer: &MemberId, id: InvitationId) -> Option<InvitationView> {
    let shown = |step: &Arc<Relation>| [view::sent(step, viewer), view::received(step, viewer)];
    let steps = change.steps.iter().rev().flatten().flat_map(shown).flatten();
    steps.into_iter().find(|view| view.id == id && view.state != InvitationState::Pending)
}

/// Batches on their way to the store, the oldest first. What a later batch says holds.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    batches: VecDeque<BatchRows>,
}

impl Overlay {
    /// Forgets the batches up to that number: they are committed, and the cache has their rows.
    pub(super) fn forget_until(&mut self, committed: u64) {
        while self.batches.front().is_some_and(|batch| batch.number <= committed) {
            self.batches.pop_front();
        }
    }

    /// Forgets all: a commit failed, and none of this will be.
    pub(super) fn clear(&mut self) {
        self.batches.clear();
    }

    pub(super) fn push(&mut self, number: u64, changes: &Changes) {
        let member = |change: &MemberChange| (change.before.id.clone(), change.row());
        let relation = |change: &RelationChange| (change.before.pair.clone(), change.clone());
        self.batches.push_back(BatchRows {
            number,
            members: changes.members.iter().map(member).collect(),
            relations: changes.relations.iter().map(relation).collect(),
            claims: changes.claims.iter().map(|claim| (claim.name.clone(), claim.clone())).collect(),
        });
    }

    pub(super) fn member(&self, id: &MemberId) -> Option<&Arc<Member>> {
        self.batches.iter().rev().find_map(|batch| batch.members.get(id))
    }

    pub(super) fn relation(&self, pair: &Pair) -> Option<Arc<Relation>> {
        self.batches.iter().rev().find_map(|batch| batch.relations.get(pair)).map(RelationChange::row)
    }

    /// How an invitation between the two ended for `viewer`, if it did in one of these batches.
    pub(super) fn ended(&self, pair: &Pair, viewer: &MemberId, id: InvitationId) -> Option<InvitationView> {
        self.batches.iter().rev().find_map(|batch| ended(batch.relations.get(pair)?, viewer, id))
    }

    pub(super) fn claim(&self, name: &ClaimName) -> Option<&Claim> {
        self.batches.iter().rev().find_map(|batch| batch.claims.get(name))
    }
}
