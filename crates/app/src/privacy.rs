//! Privacy: what is kept about a member, erasing them, and how long the past is kept.
//!
//! Rows and lists lie under a member's own name. What others were told about them, the log of events
//! and the idempotency records do not, so an export and an erasure go through all that tells of the
//! past, page by page.

use std::sync::Arc;

use acquaint_core::cleanup::Plan;
use acquaint_core::command::{Action, Command};
use acquaint_core::event::{EventKind, Notification, RecordedEvent};
use acquaint_core::ids::MemberId;
use acquaint_core::member::Member;
use acquaint_core::policy::RetentionPolicy;
use acquaint_core::time::{Span, Time};
use acquaint_core::view::{ContactList, Direction, InvitationState, InvitationView};
use acquaint_store::{
    Claim, ClaimName, Contact, ContactPage, NotificationPage, Order, PendingPage, Record, ScanPlace, StoreResult,
};

use crate::cleanup;
use crate::engine::{Request, SubmitError};
use crate::network::Network;
use crate::outbox;
use crate::scheduler::AT_ONCE;
use crate::sessions::Visit;
use crate::skips::SkipList;

/// How many records of the past are looked at in one go.
const RECORDS_AT_ONCE: usize = 1_000;
/// How long after one look for what is too old the next begins.
const BETWEEN_LOOKS: Span = Span::hours(6);

/// All that is kept about a member, as far as the member may know it.
///
/// What others did in silence is not in it, for the same reason for which it is nowhere else: a
/// declined invitation is here as its sender sees it.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Their row.
    pub member: Arc<Member>,
    /// Pending invitations, sent and received, the latest first.
    pub pending: [Vec<InvitationView>; 2],
    /// Invitations that are over.
    pub past: Vec<InvitationView>,
    /// Connections, those they follow, those who follow them, those they block; the latest first.
    pub contacts: [Vec<Contact>; 4],
    /// What they were told, the latest first.
    pub notifications: Vec<Notification>,
    /// What they did, in order, where it stands in the log of events.
    pub acts: Vec<RecordedEvent>,
    /// Idempotency keys that were used for them, and when.
    pub keys: Vec<(ClaimName, Time)>,
    /// Their clean-up plan.
    pub plan: Option<Plan>,
    /// Whom they never want withdrawn.
    pub skips: SkipList,
    /// Browsers that are signed in as them; what each is known by is not told.
    pub visits: Vec<Visit>,
    /// Whether their wait list has the private address of a calendar.
    pub has_calendar: bool,
    /// When something about them was administered, and what; the latest first.
    pub administered: Vec<(Time, String)>,
}

/// The lists of [`Kept::contacts`], in order.
const LISTS: [ContactList; 4] =
    [ContactList::Connections, ContactList::Following, ContactList::Followers, ContactList::Blocks];

/// How far the look for what is too old has come.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    place: Option<ScanPlace>,
    /// When the next look begins, once one is over.
    next_at: Option<Time>,
}

impl Network {
    /// All that is kept about a member. Goes through all that tells of the past.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn kept_about(&self, id: &MemberId) -> StoreResult<Kept> {
        let mut kept = Kept {
            member: self.member(id).await?,
            pending: [self.all_pending(id, Direction::Sent).await?, self.all_pending(id, Direction::Received).await?],
            past: Vec::new(),
            contacts: Default::default(),
            notifications: self.all_notifications(id).await?,
            acts: Vec::new(),
            keys: Vec::new(),
            plan: self.cleanup_plan(id).await?,
            skips: self.skip_list(id).await?,
            visits: self.visits(id).await?,
            has_calendar: self.calendar(id).await?.is_some(),
            administered: self.administered_about(id).await?,
        };
        for (slot, list) in kept.contacts.iter_mut().zip(LISTS) {
            *slot = self.all_contacts(id, list).await?;
        }
        let mut from = None;
        loop {
            let page = self.store().scan_history(from.as_ref(), RECORDS_AT_ONCE).await?;
            for record in page.records {
                match record {
                    Record::Past { owner, invitation } if owner == *id && is_shown(&invitation) => {
                        kept.past.push(invitation);
                    }
                    Record::Event(event) if is_own_act(&event, id) => kept.acts.push(event),
                    Record::Claim(Claim { name, at, .. }) if is_scope_of(&name.scope, id) => {
                        kept.keys.push((name, at));
                    }
                    _ => {}
                }
            }
            from = page.next;
            if from.is_none() {
                return Ok(kept);
            }
        }
    }

    async fn all_pending(&self, member: &MemberId, direction: Direction) -> StoreResult<Vec<InvitationView>> {
        let (order, limit, seen) = (Order::Newest, RECORDS_AT_ONCE, None);
        let mut page = PendingPage { member: member.clone(), direction, order, after: None, limit, seen };
        let mut all = Vec::new();
        while !took_last(&mut all, self.pending(&page).await?) {
            page.after = all.last().map(|last: &InvitationView| last.id);
        }
        Ok(all)
    }

    async fn all_contacts(&self, member: &MemberId, list: ContactList) -> StoreResult<Vec<Contact>> {
        let mut page = ContactPage { member: member.clone(), list, after: None, limit: RECORDS_AT_ONCE, seen: None };
        let mut all = Vec::new();
        while !took_last(&mut all, self.contacts(&page).await?) {
            page.after = all.last().cloned();
        }
        Ok(all)
    }

    async fn all_notifications(&self, member: &MemberId) -> StoreResult<Vec<Notification>> {
        let mut page = NotificationPage { member: member.clone(), after: None, limit: RECORDS_AT_ONCE, seen: None };
        let mut all = Vec::new();
        while !took_last(&mut all, self.notifications(&page).await?) {
            page.after = all.last().map(|last: &Notification| last.id);
        }
        Ok(all)
    }

    /// Erases a member: first nobody may invite them any more, then every relation goes and what
    /// others were told about them, then their row. Returns whether there was anything. If it is broken
    /// off, calling it again finishes it. The one thing left is an event that says that it was done.
    ///
    /// # Errors
    /// If the store fails on the way.
    pub async fn erase(&self, member: &MemberId) -> Result<bool, SubmitError> {
        let known = self.member(member).await?.version > 0;
        if !known && self.store().related(member, None, 1).await?.is_empty() {
            return Ok(false);
        }
        let request = |action| Request { command: Command { actor: member.clone(), action }, claim: None };
        self.submit(request(Action::BeginErasure)).await?.ok();
        loop {
            let related = self.store().related(member, None, AT_ONCE).await?;
            if related.is_empty() {
                break;
            }
            for other in &related {
                cleanup::without(self, other, member).await?;
                self.forget_skipped(other, member).await?;
            }
            let forget = related.into_iter().map(|other| request(Action::Forget { other })).collect();
            for outcome in self.submit_all(forget).await? {
                outcome?.ok();
            }
        }
        self.store().erase_lists(member).await?;
        self.forget_mentions(member).await?;
        self.forget_in_audit(member).await?;
        outbox::forget(self, member).await?;
        self.submit(request(Action::FinishErasure)).await?.ok();
        Ok(true)
    }

    /// Removes every record of the past that names a member.
    async fn forget_mentions(&self, member: &MemberId) -> StoreResult<()> {
        let mut from = None;
        loop {
            let page = self.store().scan_history(from.as_ref(), RECORDS_AT_ONCE).await?;
            let records: Vec<Record> = page.records.into_iter().filter(|record| names(record, member)).collect();
            if !records.is_empty() {
                self.store().remove_history(&records).await?;
            }
            from = page.next;
            if from.is_none() {
                return Ok(());
            }
        }
    }

    /// Looks at a page of the past, and removes what the policy keeps no longer. Returns whether there
    /// is more to look at now.
    pub(crate) async fn retain(&self, sweep: &mut Sweep, now: Time) -> StoreResult<bool> {
        let retention = self.policy().retention;
        let is_resting = sweep.next_at.is_some_and(|at| now < at && at <= now + BETWEEN_LOOKS);
        if is_resting || retention.events.or(retention.notifications).or(retention.past_invitations).is_none() {
            return Ok(false);
        }
        // Ids come after the last event there is, so that one stays.
        let last = self.store().last_event().await?;
        let page = self.store().scan_history(sweep.place.as_ref(), RECORDS_AT_ONCE).await?;
        let is_newest = |record: &Record| matches!(record, Record::Event(event) if Some(event.id) == last);
        let is_old = |record: &Record| is_too_old(record, &retention, now) && !is_newest(record);
        let records: Vec<Record> = page.records.into_iter().filter(is_old).collect();
        if !records.is_empty() {
            self.store().remove_history(&records).await?;
        }
        sweep.next_at = page.next.is_none().then(|| now + BETWEEN_LOOKS);
        sweep.place = page.next;
        Ok(sweep.place.is_some())
    }
}

/// Adds a page to what was read of a list, and says whether it was the last.
fn took_last<T>(all: &mut Vec<T>, page: Vec<T>) -> bool {
    let is_end = page.len() < RECORDS_AT_ONCE;
    all.extend(page);
    is_end
}

fn is_too_old(record: &Record, retention: &RetentionPolicy, now: Time) -> bool {
    let (at, kept) = match record {
        Record::Event(event) => (event.event.at, retention.events),
        Record::Notification { notification, .. } => (notification.at, retention.notifications),
        Record::Past { invitation, .. } => {
            (invitation.decided_at.unwrap_or(invitation.sent_at), retention.past_invitations)
        }
        // These are found by their age.
        Record::Claim(_) | Record::Member(_) | Record::Relation(_) | Record::Document(_) => return false,
    };
    kept.is_some_and(|kept| at < now - kept)
}

/// Whether a record of the past names a member, as its owner or otherwise.
fn names(record: &Record, member: &MemberId) -> bool {
    match record {
        Record::Past { owner, invitation } => owner == member || invitation.other == *member,
        Record::Notification { owner, notification } => owner == member || notification.about == *member,
        Record::Event(RecordedEvent { event, .. }) => event.actor == *member || event.subject == *member,
        Record::Claim(claim) => is_scope_of(&claim.name.scope, member) || is_in_answer(claim, member),
        Record::Member(_) | Record::Relation(_) | Record::Document(_) => false,
    }
}

/// Idempotency keys belong to a principal and a member: `host/ann`.
fn is_scope_of(scope: &str, member: &MemberId) -> bool {
    scope.split_once('/').is_some_and(|(_, id)| id == member.as_str())
}

/// Whether an answer names a member. It is looked at as it is kept, so that no form of it is forgotten.
fn is_in_answer(claim: &Claim, member: &MemberId) -> bool {
    fn is_in(value: &serde_json::Value, id: &str) -> bool {
        match value {
            serde_json::Value::String(text) => text == id,
            serde_json::Value::Array(items) => items.iter().any(|item| is_in(item, id)),
            serde_json::Value::Object(fields) => fields.values().any(|field| is_in(field, id)),
            _ => false,
        }
    }
    // What cannot be read is not kept.
    serde_json::to_value(&claim.answer).map_or(true, |answer| is_in(&answer, member.as_str()))
}

/// Whether the member is shown it: one that was withdrawn, or ended by itself, is gone for its recipient
/// (rule 8).
fn is_shown(invitation: &InvitationView) -> bool {
    invitation.state != InvitationState::Gone
}

/// Whether an event is what a member did, and not what became of it: reminders, waits and endings by
/// themselves bear the sender's name, and would tell a sender what the recipient did in silence.
fn is_own_act(event: &RecordedEvent, member: &MemberId) -> bool {
    event.event.actor == *member
        && match event.event.kind {
            EventKind::InvitationExpired | EventKind::InvitationReminded { .. } | EventKind::InvitationWaitEnded => {
                false
            }
            EventKind::InvitationCreated { .. }
            | EventKind::InvitationAccepted
            | EventKind::InvitationDeclined { .. }
            | EventKind::InvitationWithdrawn
            | EventKind::ConnectionRemoved
            | EventKind::FollowCreated
            | EventKind::FollowRemoved
            | EventKind::BlockCreated
            | EventKind::BlockRemoved
            | EventKind::EngagementCreated { .. }
            | EventKind::MemberRestricted { .. }
            | EventKind::MemberUpdated
            | EventKind::MemberErased => true,
        }
}
