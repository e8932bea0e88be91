//! A small network in maps: loads facts, asks `decide`, keeps what follows.

use std::collections::BTreeMap;
use std::sync::Arc;

use acquaint_core::command::{Action, Command};
use acquaint_core::decide::{self, Answer, Change, Decision, Facts, Moment, NotificationChange, Written};
use acquaint_core::event::{Event, EventKind, Notification};
use acquaint_core::ids::{InvitationId, MemberId, NotificationId};
use acquaint_core::member::{Member, Profile};
use acquaint_core::policy::Policy;
use acquaint_core::refusal::{Code, Refusal};
use acquaint_core::relation::{Complaint, Pair, Relation};
use acquaint_core::standing::{self, Standing};
use acquaint_core::time::{Span, Time};
use acquaint_core::view::{self, InvitationState, InvitationView, RelationView};
use uuid::Uuid;

pub(crate) type Outcome = Result<Answer, Refusal>;

pub(crate) fn id(name: &str) -> MemberId {
    MemberId::new(name).unwrap()
}

pub(crate) fn pair(a: &str, b: &str) -> Pair {
    Pair::new(&id(a), &id(b)).unwrap()
}

/// A start in the middle of a month, so that a day more or less stays in it.
pub(crate) fn start() -> Time {
    "2026-06-10T12:00:00Z".parse().unwrap()
}

#[derive(Debug, Clone)]
pub(crate) struct Net {
    pub(crate) policy: Policy,
    pub(crate) now: Time,
    pub(crate) members: BTreeMap<MemberId, Member>,
    pub(crate) relations: BTreeMap<Pair, Relation>,
    pub(crate) past: BTreeMap<(MemberId, InvitationId), InvitationView>,
    pub(crate) notifications: BTreeMap<(MemberId, NotificationId), Notification>,
    pub(crate) events: Vec<Event>,
    /// Every invitation with its sender and recipient, in the order of sending.
    pub(crate) sent: Vec<(InvitationId, MemberId, MemberId)>,
    serial: u64,
}

impl Net {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            policy,
            now: start(),
            members: BTreeMap::new(),
            relations: BTreeMap::new(),
            past: BTreeMap::new(),
            notifications: BTreeMap::new(),
            events: Vec::new(),
            sent: Vec::new(),
            serial: 0,
        }
    }

    /// Under the preset `linkedin`.
    pub(crate) fn linkedin() -> Self {
        Self::new(Policy::default())
    }

    /// Under the preset `linkedin` with these keys over it.
    pub(crate) fn with(document: &str) -> Self {
        Self::new(Policy::parse(document).unwrap())
    }

    pub(crate) fn member(&self, name: &MemberId) -> Member {
        self.members.get(name).cloned().unwrap_or_else(|| Member::new(name.clone()))
    }

    pub(crate) fn relation(&self, pair: &Pair) -> Relation {
        self.relations.get(pair).cloned().unwrap_or_else(|| Relation::new(pair.clone()))
    }

    /// Changes a member's row past all rules, to arrange what would take long to bring about.
    pub(crate) fn arrange_member(&mut self, name: &str, change: impl FnOnce(&mut Member)) {
        let mut member = self.member(&id(name));
        change(&mut member);
        member.version += 1;
        self.members.insert(member.id.clone(), member);
    }

    pub(crate) fn arrange_relation(&mut self, a: &str, b: &str, change: impl FnOnce(&mut Relation)) {
        let mut relation = self.relation(&pair(a, b));
        change(&mut relation);
        relation.version += 1;
        self.relations.insert(relation.pair.clone(), relation);
    }

    pub(crate) fn facts(&self, actor: &MemberId, other: &MemberId, invitation: Option<InvitationId>) -> Facts {
        let pair = Pair::new(actor, other).unwrap();
        let relation = self.relation(&pair);
        let current = [view::sent(&relation, actor), view::received(&relation, actor)];
        let named = invitation.and_then(|wanted| {
            let current = current.into_iter().flatten().find(|view| view.id == wanted);
            current.or_else(|| self.past.get(&(actor.clone(), wanted)).cloned())
        });
        let pending = self.pending_sent(actor);
        Facts {
            actor: Arc::new(self.member(actor)),
            other: Arc::new(self.member(other)),
            relation: Arc::new(relation),
            invitation: named,
            oldest_expiry: pending.iter().filter_map(|view| view.expires_at).min(),
        }
    }

    /// The pending invitations that a member sees as sent, by their ids.
    pub(crate) fn pending_sent(&self, member: &MemberId) -> Vec<InvitationView> {
        self.pending(member, view::sent)
    }

    /// The pending invitations that a member sees as received, by their ids.
    pub(crate) fn pending_received(&self, member: &MemberId) -> Vec<InvitationView> {
        self.pending(member, view::received)
    }

    fn pending(
        &self,
        member: &MemberId,
        side: fn(&Relation, &MemberId) -> Option<InvitationView>,
    ) -> Vec<InvitationView> {
        let own = self.relations.values().filter(|relation| relation.pair.both().contains(&member));
        let mut views: Vec<_> = own
            .filter_map(|relation| side(relation, member))
            .filter(|view| view.state == InvitationState::Pending)
            .collect();
        views.sort_by_key(|view| view.id);
        views
    }

    /// Carries out a command now.
    pub(crate) fn act(&mut self, actor: &MemberId, action: Action) -> Outcome {
        self.serial += 1;
        self.act_as(actor, action, self.serial)
    }

    fn act_as(&mut self, actor: &MemberId, action: Action, serial: u64) -> Outcome {
        let milliseconds = u128::from(self.now.unix().unsigned_abs()) * 1_000;
        let id = Uuid::from_u128(milliseconds << 80 | 0x7 << 76 | 0b10 << 62 | u128::from(serial));
        let moment = Moment { now: self.now, id };
        let named = action.invitation();
        let sent = named.and_then(|id| self.sent.iter().find(|sent| sent.0 == id));
        let other = action.other().cloned().or_else(|| {
            let (_, from, to) = sent?;
            Some(if from == actor { to.clone() } else { from.clone() })
        });
        let command = Command { actor: actor.clone(), action };
        let other = other.filter(|other| other != actor);
        let Some(other) = other else {
            let before = self.member(actor);
            let decision = decide::decide_alone(&before, &command, moment);
            return self.keep(&before, None, decision);
        };
        let facts = self.facts(actor, &other, named);
        let decision = decide::decide(&facts, &command, &self.policy, moment);
        if let Ok(Answer::Invited { invitation, .. }) = &decision.answer {
            self.sent.push((invitation.id, actor.clone(), other));
        }
        self.keep(&facts.actor, Some(&facts), decision)
    }

    fn keep(&mut self, actor: &Member, facts: Option<&Facts>, decision: Decision) -> Outcome {
        let Change { actor: acting, other, settled, relation, events, notifications } = decision.change;
        self.keep_member(actor, acting);
        if let Some(facts) = facts {
            self.keep_member(&facts.other, other);
            let before = settled.clone().unwrap_or_else(|| Arc::clone(&facts.relation));
            self.keep_relation(&facts.relation, settled.map_or(Written::Unchanged, Written::Put));
            self.keep_relation(&before, relation);
        }
        for change in notifications {
            match change {
                NotificationChange::Put(owner, line) => {
                    let replaced = self.notifications.insert((owner, line.id), line);
                    assert_eq!(replaced, None, "a notification has an id of its own");
                }
                NotificationChange::Remove(owner, id) => {
                    self.notifications.remove(&(owner, id));
                }
            }
        }
        self.events.extend(events);
        decision.answer
    }

    fn keep_member(&mut self, before: &Member, written: Written<Arc<Member>>) {
        match written {
            Written::Unchanged => {}
            Written::Put(after) => {
                assert_eq!(after.version, before.version + 1, "each change is the next version");
                self.members.insert(after.id.clone(), Member::clone(&after));
            }
            Written::Removed => {
                self.members.remove(&before.id);
            }
        }
    }

    fn keep_relation(&mut self, before: &Relation, written: Written<Arc<Relation>>) {
        match written {
            Written::Unchanged => {}
            Written::Put(after) => {
                assert_eq!(after.version, before.version + 1, "each change is the next version");
                for viewer in after.pair.both() {
                    let shown = [view::sent(&after, viewer), view::received(&after, viewer)];
                    for view in shown.into_iter().flatten().filter(|view| view.state != InvitationState::Pending) {
                        self.past.insert((viewer.clone(), view.id), view);
                    }
                }
                self.relations.insert(after.pair.clone(), Relation::clone(&after));
            }
            Written::Removed => {
                self.relations.remove(&before.pair);
            }
        }
    }

    /// Lets time pass; whatever falls due happens at its own moment, in order.
    pub(crate) fn wait(&mut self, span: Span) {
        let until = self.now + span;
        loop {
            let due = |relation: &Relation| Some((relation.next_due()?, relation.pair.clone()));
            let next = self.relations.values().filter_map(due).filter(|(at, _)| *at <= until).min();
            let Some((at, pair)) = next else { break };
            self.now = self.now.max(at);
            // A timer's id follows from its pair, so that two networks in which not the same timers
            // run still give the same ids to what they have in common.
            let names = pair.both().into_iter().flat_map(|name| name.as_str().bytes().chain([0]));
            let serial = names.fold(0_u64, |hash, byte| (hash * 31 + u64::from(byte)) % (1 << 40)) | 1 << 60;
            self.act_as(pair.low(), Action::Due { other: pair.high().clone() }, serial).unwrap();
            let later = self.relation(&pair).next_due();
            assert!(later.is_none_or(|later| later > self.now), "what was done is not due again");
        }
        self.now = until;
    }

    /// As [`Net::wait`], to that moment.
    pub(crate) fn wait_until(&mut self, moment: Time) -> &mut Self {
        assert!(moment >= self.now, "time goes forward");
        self.wait(moment.since(self.now));
        self
    }

    /// Lets time pass with the timers standing still.
    pub(crate) fn wait_without_timers(&mut self, span: Span) {
        self.now = self.now + span;
    }

    pub(crate) fn invite(&mut self, from: &str, to: &str) -> Result<InvitationId, Refusal> {
        self.invite_with_note(from, to, None)
    }

    pub(crate) fn invite_with_note(
        &mut self,
        from: &str,
        to: &str,
        note: Option<&str>,
    ) -> Result<InvitationId, Refusal> {
        let action = Action::Invite { to: id(to), note: note.map(str::to_owned), to_email: None };
        match self.act(&id(from), action)? {
            Answer::Invited { invitation, .. } => Ok(invitation.id),
            other => panic!("not an invitation: {other:?}"),
        }
    }

    /// How an invitation stands after an answer to it, for whoever gave it.
    fn invitation_after(&mut self, actor: &str, action: Action) -> Result<InvitationState, Refusal> {
        match self.act(&id(actor), action)? {
            Answer::Invitation(view) => Ok(view.state),
            other => panic!("not an invitation: {other:?}"),
        }
    }

    pub(crate) fn withdraw(&mut self, actor: &str, invitation: InvitationId) -> Result<InvitationState, Refusal> {
        self.invitation_after(actor, Action::Withdraw { invitation })
    }

    pub(crate) fn accept(&mut self, actor: &str, invitation: InvitationId) -> Result<InvitationState, Refusal> {
        self.invitation_after(actor, Action::Accept { invitation })
    }

    pub(crate) fn decline(&mut self, actor: &str, invitation: InvitationId) -> Result<InvitationState, Refusal> {
        self.invitation_after(actor, Action::Decline { invitation, complaint: None })
    }

    pub(crate) fn complain(
        &mut self,
        actor: &str,
        invitation: InvitationId,
        complaint: Complaint,
    ) -> Result<InvitationState, Refusal> {
        self.invitation_after(actor, Action::Decline { invitation, complaint: Some(complaint) })
    }

    pub(crate) fn follow(&mut self, actor: &str, other: &str) -> Outcome {
        self.act(&id(actor), Action::Follow { other: id(other) })
    }

    pub(crate) fn block(&mut self, actor: &str, other: &str) -> Outcome {
        self.act(&id(actor), Action::Block { other: id(other) })
    }

    pub(crate) fn unblock(&mut self, actor: &str, other: &str) -> Outcome {
        self.act(&id(actor), Action::Unblock { other: id(other) })
    }

    pub(crate) fn disconnect(&mut self, actor: &str, other: &str) -> Outcome {
        self.act(&id(actor), Action::Disconnect { other: id(other) })
    }

    pub(crate) fn register(&mut self, name: &str, profile: Profile) {
        self.act(&id(name), Action::Register { profile }).unwrap();
    }

    /// Connects the two.
    pub(crate) fn connect(&mut self, a: &str, b: &str) {
        let invitation = self.invite(a, b).unwrap();
        self.accept(b, invitation).unwrap();
    }

    /// Whether an invitation would be allowed, asked without sending.
    pub(crate) fn check(&self, from: &str, to: &str) -> Result<(), Refusal> {
        let facts = self.facts(&id(from), &id(to), None);
        decide::check_invite(&facts, None, None, &self.policy, self.now)
    }

    pub(crate) fn view(&self, viewer: &str, other: &str) -> RelationView {
        decide::view_relation(&self.facts(&id(viewer), &id(other), None), &self.policy, self.now)
    }

    pub(crate) fn standing(&self, name: &str) -> Standing {
        standing::standing(&self.member(&id(name)), &self.policy, self.now)
    }

    /// How `viewer` sees the last invitation that they sent to the other.
    pub(crate) fn sent_state(&self, viewer: &str, other: &str) -> Option<InvitationState> {
        view::sent(&self.relation(&pair(viewer, other)), &id(viewer)).map(|view| view.state)
    }

    /// How `viewer` sees the last invitation that they received from the other.
    pub(crate) fn received_state(&self, viewer: &str, other: &str) -> Option<InvitationState> {
        view::received(&self.relation(&pair(viewer, other)), &id(viewer)).map(|view| view.state)
    }

    /// Everything but the number that makes ids fresh.
    pub(crate) fn rows(&self) -> impl PartialEq + std::fmt::Debug + '_ {
        (&self.members, &self.relations, &self.notifications, &self.events)
    }

    pub(crate) fn count_events(&self, wanted: impl Fn(&EventKind) -> bool) -> usize {
        self.events.iter().filter(|event| wanted(&event.kind)).count()
    }

    pub(crate) fn notifications_of(&self, name: &str) -> Vec<&Notification> {
        let own = self.notifications.iter().filter(|((owner, _), _)| *owner == id(name));
        own.map(|(_, line)| line).collect()
    }
}

/// The code of a refusal, with the moment from which the same is no longer refused.
pub(crate) fn refused<T: std::fmt::Debug>(outcome: Result<T, Refusal>) -> (Code, Option<Time>) {
    let refusal = outcome.unwrap_err();
    (refusal.code, refusal.retry_at)
}
