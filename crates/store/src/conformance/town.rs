//! A small community that lives in two stores at once: the one under test and the model.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use acquaint_core::command::{Action, Command};
use acquaint_core::decide::{self, Answer, Change, Decision, Facts, Moment, NotificationChange, Written};
use acquaint_core::event::RecordedEvent;
use acquaint_core::ids::{EventId, InvitationId, MemberId};
use acquaint_core::member::Member;
use acquaint_core::policy::{Policy, Preset};
use acquaint_core::refusal::{Code, Refusal};
use acquaint_core::relation::{Pair, Relation};
use acquaint_core::time::{Span, Time};
use acquaint_core::view::{self, InvitationView};
use uuid::Uuid;

use super::whole::{Page, Whole, scan, unordered};
use crate::memory::MemoryStore;
use crate::{Changes, Claim, ClaimName, MemberChange, RelationChange, Store, StoreResult, Wanted};

/// What a command came to.
pub(super) type Outcome = Result<Answer, Refusal>;

/// Members who act; each commit goes to the store under test and to the model.
pub struct Town {
    /// The store under test.
    pub store: Arc<dyn Store>,
    /// The model.
    pub model: MemoryStore,
    /// The rules in force.
    pub policy: Policy,
    /// The time.
    pub now: Time,
    /// Everybody who has acted or been acted upon.
    pub members: BTreeSet<MemberId>,
    /// Invitations with sender and recipient, in the order in which they were sent.
    pub invitations: Vec<(InvitationId, MemberId, MemberId)>,
    /// Idempotency records that were made.
    pub claims: Vec<ClaimName>,
    serial: u64,
}

impl Town {
    /// A town on an empty store, under the `open` policy.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            model: MemoryStore::new(),
            policy: Policy::preset(Preset::Open),
            now: Time::from_unix(1_780_000_000),
            members: BTreeSet::new(),
            invitations: Vec::new(),
            claims: Vec::new(),
            serial: 0,
        }
    }

    /// Lets time pass.
    pub fn wait(&mut self, span: Span) {
        self.now = self.now + span;
    }

    /// A UUID version 7 that sorts after those before it.
    pub fn fresh_id(&mut self) -> Uuid {
        self.serial += 1;
        let milliseconds = u128::from(self.now.unix().unsigned_abs()) * 1_000;
        Uuid::from_u128(milliseconds << 80 | 0x7 << 76 | 0b10 << 62 | u128::from(self.serial))
    }

    /// Carries out one command and commits it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn act(&mut self, actor: &MemberId, action: Action) -> StoreResult<Outcome> {
        let outcomes = self.act_together(&[Command { actor: actor.clone(), action }]).await?;
        Ok(outcomes.into_iter().next().unwrap_or(Err(Code::NotFound.refuse())))
    }

    /// Carries out commands one after the other and commits what follows from all of them at once.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn act_together(&mut self, commands: &[Command]) -> StoreResult<Vec<Outcome>> {
        self.act_in_turn(commands.iter().map(|command| |_: &Town| command.clone())).await
    }

    /// As [`Town::act_together`], each command made from the town as those before it left it.
    pub(super) async fn act_in_turn<C>(&mut self, commands: impl IntoIterator<Item = C>) -> StoreResult<Vec<Outcome>>
    where
        C: FnOnce(&Town) -> Command,
    {
        let mut batch = Batch::default();
        let mut outcomes = Vec::new();
        for command in commands {
            let command = command(self);
            let outcome = self.decide(&mut batch, &command).await?;
            if let Ok(answer) = &outcome {
                let key = format!("key-{}", self.claims.len());
                let name = ClaimName { scope: command.actor.to_string(), key };
                self.claims.push(name.clone());
                batch.claims.push(Claim { name, fingerprint: [7; 16], at: self.now, answer: answer.clone() });
            }
            outcomes.push(outcome);
        }
        let changes = batch.into_changes();
        self.store.commit(&changes).await?;
        self.model.commit(&changes).await?;
        Ok(outcomes)
    }

    async fn decide(&mut self, batch: &mut Batch, command: &Command) -> StoreResult<Outcome> {
        let moment = Moment { now: self.now, id: self.fresh_id() };
        let actor = self.member(batch, &command.actor).await?;
        self.members.insert(command.actor.clone());
        let named = command.action.invitation();
        let sender_and_recipient = named.and_then(|id| self.invitations.iter().find(|sent| sent.0 == id).cloned());
        let other = match (command.action.other(), &sender_and_recipient) {
            (Some(other), _) => Some(other.clone()),
            (None, Some((_, sender, recipient))) if *recipient == command.actor => Some(sender.clone()),
            (None, Some((_, _, recipient))) => Some(recipient.clone()),
            (None, None) => None,
        };
        let pair = other.as_ref().and_then(|other| Pair::new(&command.actor, other));
        let (Some(other), Some(pair)) = (other, pair) else {
            let decision = decide::decide_alone(&actor, command, moment);
            return Ok(self.take(batch, &actor, None, decision));
        };
        self.members.insert(other.clone());
        let facts = Facts {
            other: self.member(batch, &other).await?,
            relation: self.relation(batch, &pair).await?,
            invitation: match named {
                Some(id) => self.invitation(batch, &command.actor, &pair, id).await?,
                None => None,
            },
            oldest_expiry: None,
            actor,
        };
        let decision = decide::decide(&facts, command, &self.policy, moment);
        if let Ok(Answer::Invited { invitation, .. }) = &decision.answer {
            self.invitations.push((invitation.id, command.actor.clone(), other.clone()));
        }
        Ok(self.take(batch, &facts.actor, Some((&facts.other, &facts.relation)), decision))
    }

    /// Adds what was decided to the batch.
    fn take(
        &mut self,
        batch: &mut Batch,
        actor: &Arc<Member>,
        two: Option<(&Arc<Member>, &Arc<Relation>)>,
        decision: Decision,
    ) -> Outcome {
        let Change { actor: acting, other, settled, relation, events, notifications } = decision.change;
        batch.put_member(actor, acting);
        if let Some((other_before, relation_before)) = two {
            batch.put_member(other_before, other);
            batch.put_relation(relation_before, settled.map_or(Written::Unchanged, Written::Put));
            batch.put_relation(relation_before, relation);
        }
        batch.notifications.extend(notifications);
        for event in events {
            let id = EventId(self.fresh_id());
            batch.events.push(RecordedEvent { id, event });
        }
        decision.answer
    }

    async fn member(&self, batch: &Batch, id: &MemberId) -> StoreResult<Arc<Member>> {
        let stranger = || Arc::new(Member::new(id.clone()));
        if let Some(change) = batch.members.get(id) {
            return Ok(change.after.clone().unwrap_or_else(stranger));
        }
        let wanted = Wanted { members: vec![id.clone()], ..Wanted::default() };
        let found = self.store.load(&wanted).await?.members.into_iter().next().flatten();
        Ok(found.map_or_else(stranger, Arc::new))
    }

    async fn relation(&self, batch: &Batch, pair: &Pair) -> StoreResult<Arc<Relation>> {
        let nothing = || Arc::new(Relation::new(pair.clone()));
        if let Some(change) = batch.relations.get(pair) {
            return Ok(change.after().cloned().unwrap_or_else(nothing));
        }
        let wanted = Wanted { relations: vec![pair.clone()], ..Wanted::default() };
        let found = self.store.load(&wanted).await?.relations.into_iter().next().flatten();
        Ok(found.map_or_else(nothing, Arc::new))
    }

    /// The invitation as `viewer` last saw it, in this batch or before it.
    async fn invitation(
        &self,
        batch: &Batch,
        viewer: &MemberId,
        pair: &Pair,
        id: InvitationId,
    ) -> StoreResult<Option<InvitationView>> {
        let steps = batch.relations.get(pair).map(|change| change.steps.as_slice()).unwrap_or_default();
        let shown = |relation: &Arc<Relation>| {
            let both = [view::sent(relation, viewer), view::received(relation, viewer)];
            both.into_iter().flatten().find(|view| view.id == id)
        };
        if let Some(view) = steps.iter().rev().flatten().find_map(shown) {
            return Ok(Some(view));
        }
        let wanted = Wanted { invitations: vec![(viewer.clone(), id)], ..Wanted::default() };
        Ok(self.store.load(&wanted).await?.invitations.into_iter().next().flatten())
    }

    /// What is to be read, with that many lines on a page.
    #[must_use]
    pub fn page(&self, limit: usize) -> Page {
        Page {
            members: self.members.clone(),
            invitations: self.invitations.iter().map(|sent| sent.0).collect(),
            claims: self.claims.clone(),
            limit,
        }
    }

    /// Compares all that can be read with the model, with that many lines on a page.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn compare(&self, limit: usize) -> StoreResult<()> {
        let page = self.page(limit);
        let (found, expected) = (Whole::read(&*self.store, &page).await?, Whole::read(&self.model, &page).await?);
        assert_eq!(found, expected, "the store (left) differs from the model (right), read {limit} lines a page");
        Ok(())
    }

    /// Compares all records with the model's.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn compare_records(&self, limit: usize) -> StoreResult<()> {
        let (found, expected) = (scan(&*self.store, limit).await?, scan(&self.model, limit).await?);
        assert_eq!(unordered(&found), unordered(&expected), "the records (left) differ from the model's (right)");
        Ok(())
    }
}

/// What several commands change, one seeing those before it.
#[derive(Default)]
struct Batch {
    members: BTreeMap<MemberId, MemberChange>,
    relations: BTreeMap<Pair, RelationChange>,
    notifications: Vec<NotificationChange>,
    events: Vec<RecordedEvent>,
    claims: Vec<Claim>,
}

impl Batch {
    fn put_member(&mut self, before: &Arc<Member>, written: Written<Arc<Member>>) {
        let after = match written {
            Written::Unchanged => return,
            Written::Put(member) => Some(member),
            Written::Removed => None,
        };
        let first = || MemberChange { before: Arc::clone(before), after: None };
        self.members.entry(before.id.clone()).or_insert_with(first).after = after;
    }

    fn put_relation(&mut self, before: &Arc<Relation>, written: Written<Arc<Relation>>) {
        let step = match written {
            Written::Unchanged => return,
            Written::Put(relation) => Some(relation),
            Written::Removed => None,
        };
        let first = || RelationChange { before: Arc::clone(before), steps: Vec::new() };
        self.relations.entry(before.pair.clone()).or_insert_with(first).steps.push(step);
    }

    fn into_changes(self) -> Changes {
        Changes {
            members: self.members.into_values().collect(),
            relations: self.relations.into_values().collect(),
            notifications: self.notifications,
            events: self.events,
            claims: self.claims,
            documents: Vec::new(),
            promise: None,
        }
    }
}
