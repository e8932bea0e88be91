//! The one way to change state.
//!
//! [`decide`] takes the facts of one command, the command, the policy and the moment, and says what
//! follows: new versions of rows, events, notifications, and an answer or a refusal. It changes
//! nothing itself. A refusal uses nothing up; the one thing it may leave behind is the restriction
//! that it starts (rules 28 to 30).

mod alone;
mod answer;
mod contact;
mod due;
mod invite;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::command::{Action, Command};
use crate::event::{Event, EventKind, Notification, NotificationKind};
use crate::ids::{EngagementId, InvitationId, MemberId, NotificationId};
use crate::member::{Member, Profile, RestrictionClass};
use crate::policy::Policy;
use crate::refusal::{Code, Refusal};
use crate::relation::{Invitation, Relation, Side};
use crate::standing::{self, Allowance};
use crate::time::Time;
use crate::view::{self, InvitationView, RelationView};

pub use alone::decide_alone;

/// What a command between two members is decided on.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The acting member.
    pub actor: Arc<Member>,
    /// The other one.
    pub other: Arc<Member>,
    /// All there is between them.
    pub relation: Arc<Relation>,
    /// The invitation that the command names, as the acting member last saw it. It matters once
    /// the relation holds a newer one.
    pub invitation: Option<InvitationView>,
    /// When the acting member's oldest pending invitation ends by itself; wanted only from a
    /// sender who is at the pending cap, to say when time frees room (rule 25).
    pub oldest_expiry: Option<Time>,
}

/// When a command is decided, and the identifier for what it makes.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The time.
    pub now: Time,
    /// A UUID version 7 that was never used before and sorts after those used before it.
    pub id: Uuid,
}

/// What follows from a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What is to be written.
    pub change: Change,
    /// What the caller is told.
    pub answer: Result<Answer, Refusal>,
}

/// What is to be written, all of it or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// The acting member's row.
    pub actor: Written<Arc<Member>>,
    /// The other member's row.
    pub other: Written<Arc<Member>>,
    /// The relation as it was in between: with what had run out ended, before the command put
    /// something else in its place. A step on the way to `relation`, so that lists of what is over
    /// miss nothing.
    pub settled: Option<Arc<Relation>>,
    /// The relation of the two.
    pub relation: Written<Arc<Relation>>,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// What people find in their notifications, or no longer find there.
    pub notifications: Vec<NotificationChange>,
}

impl Change {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What becomes of a row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Written<T> {
    /// It stays as it is.
    #[default]
    Unchanged,
    /// This is its next version.
    Put(T),
    /// It is removed.
    Removed,
}

/// A change of somebody's notifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotificationChange {
    /// A new one.
    Put(MemberId, Notification),
    /// One that is retracted (rule 8). It may be gone already.
    Remove(MemberId, NotificationId),
}

/// What the caller of a command is told when it was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// An invitation was sent, or met one from the other side.
    Invited {
        /// The invitation, as the sender sees it.
        invitation: InvitationView,
        /// The rolling allowance after it.
        allowance: Allowance,
    },
    /// An invitation was withdrawn, accepted or declined.
    Invitation(InvitationView),
    /// An engagement was recorded.
    Engaged(EngagementId),
    /// The member is as told.
    Registered(Arc<Profile>),
    /// Done, or so already.
    Done,
}

/// Decides a command between two members. Commands on one's own row are for [`decide_alone`].
#[must_use]
pub fn decide(facts: &Facts, command: &Command, policy: &Policy, moment: Moment) -> Decision {
    let mut draft = Draft::new(facts, policy, moment);
    draft.settle();
    let answer = draft.carry_out(&command.action);
    Decision { change: draft.into_change(command), answer }
}

/// Whether an invitation would be allowed now, and if not, why: the same rules, nothing changed,
/// and nothing said about reports that nobody has been told of yet (rule 29).
///
/// # Errors
/// The refusal that sending would meet.
pub fn check_invite(
    facts: &Facts,
    note: Option<&str>,
    to_email: Option<&str>,
    policy: &Policy,
    now: Time,
) -> Result<(), Refusal> {
    let draft = Draft::to_ask(facts, policy, now);
    draft.check_invite(note, to_email)
}

/// The relation as the acting member of `facts` sees it at `now`, with what they may do.
#[must_use]
pub fn view_relation(facts: &Facts, policy: &Policy, now: Time) -> RelationView {
    let draft = Draft::to_ask(facts, policy, now);
    let refusal = draft.check_invite(None, None).err();
    view::relation(&draft.relation, &draft.actor.id, refusal, now)
}

/// The facts as they become: each row is copied when it is first changed, and compared at the end. Who
/// only asks, or is refused, copies nothing.
struct Draft<'a> {
    facts: &'a Facts,
    policy: &'a Policy,
    moment: Moment,
    actor: Arc<Member>,
    other: Arc<Member>,
    relation: Arc<Relation>,
    settled: Option<Arc<Relation>>,
    forgotten: bool,
    /// Nothing is carried out; somebody wants to know what would be.
    only_asking: bool,
    events: Vec<Event>,
    notifications: Vec<NotificationChange>,
}

/// One of the two members of a draft.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Actor,
    Other,
}

impl Who {
    fn opposite(self) -> Self {
        match self {
            Who::Actor => Who::Other,
            Who::Other => Who::Actor,
        }
    }
}

impl<'a> Draft<'a> {
    fn new(facts: &'a Facts, policy: &'a Policy, moment: Moment) -> Self {
        Self {
            facts,
            policy,
            moment,
            actor: Arc::clone(&facts.actor),
            other: Arc::clone(&facts.other),
            relation: Arc::clone(&facts.relation),
            settled: None,
            forgotten: false,
            only_asking: false,
            events: Vec::new(),
            notifications: Vec::new(),
        }
    }

    /// A draft in which nothing is carried out.
    fn to_ask(facts: &'a Facts, policy: &'a Policy, now: Time) -> Self {
        let mut draft = Self { only_asking: true, ..Self::new(facts, policy, Moment { now, id: Uuid::nil() }) };
        draft.settle();
        draft
    }

    fn carry_out(&mut self, action: &Action) -> Result<Answer, Refusal> {
        match action {
            Action::Invite { note, to_email, .. } => self.invite(note.as_deref(), to_email.as_deref()),
            Action::Withdraw { invitation } => self.withdraw(*invitation),
            Action::Accept { invitation } => self.accept(*invitation),
            Action::Decline { invitation, complaint } => self.decline(*invitation, *complaint),
            Action::Disconnect { .. } => self.disconnect(),
            Action::Follow { .. } => self.follow(),
            Action::Unfollow { .. } => self.unfollow(),
            Action::Block { .. } => self.block(),
            Action::Unblock { .. } => self.unblock(),
            Action::Engage { engagement, .. } => self.engage(engagement),
            Action::Due { .. } => self.fall_due(),
            Action::Forget { .. } => self.forget(),
            Action::Register { .. }
            | Action::ChangeSettings { .. }
            | Action::MarkRead { .. }
            | Action::BeginErasure
            | Action::FinishErasure => Err(Code::NotFound.refuse()),
        }
    }

    /// What differs from the facts, with the next versions.
    fn into_change(self, command: &Command) -> Change {
        let (settled, relation) = if self.forgotten {
            let exists = self.facts.relation.version > 0;
            (None, if exists { Written::Removed } else { Written::Unchanged })
        } else {
            let last = self.settled.as_ref().unwrap_or(&self.facts.relation);
            match (self.relation.state == last.state, self.settled) {
                (true, None) => (None, Written::Unchanged),
                (true, Some(settled)) => (None, Written::Put(settled)),
                (false, settled) => {
                    let mut relation = self.relation;
                    Arc::make_mut(&mut relation).version += 1;
                    (settled, Written::Put(relation))
                }
            }
        };
        debug_assert!(command.actor == self.actor.id, "the facts are those of the acting member");
        Change {
            actor: written_member(self.actor, &self.facts.actor),
            other: written_member(self.other, &self.facts.other),
            settled,
            relation,
            events: self.events,
            notifications: self.notifications,
        }
    }

    fn now(&self) -> Time {
        self.moment.now
    }

    fn member(&self, who: Who) -> &Member {
        match who {
            Who::Actor => &self.actor,
            Who::Other => &self.other,
        }
    }

    fn member_mut(&mut self, who: Who) -> &mut Member {
        match who {
            Who::Actor => Arc::make_mut(&mut self.actor),
            Who::Other => Arc::make_mut(&mut self.other),
        }
    }

    fn relation_mut(&mut self) -> &mut Relation {
        Arc::make_mut(&mut self.relation)
    }

    fn side(&self, who: Who) -> &Side {
        self.relation.side(&self.member(who).id)
    }

    fn side_mut(&mut self, who: Who) -> &mut Side {
        let id = self.member(who).id.clone();
        self.relation_mut().side_mut(&id)
    }

    /// The pending invitation that `who` sent, as they see it.
    fn pending_from(&self, who: Who) -> Option<&Invitation> {
        self.side(who).invitation.as_ref().filter(|invitation| invitation.is_pending())
    }

    fn tell(&mut self, actor: Who, invitation: Option<InvitationId>, kind: EventKind) {
        let at = self.moment.now;
        self.tell_at(actor, invitation, kind, at);
    }

    fn tell_at(&mut self, actor: Who, invitation: Option<InvitationId>, kind: EventKind, at: Time) {
        let subject = self.member(actor.opposite()).id.clone();
        self.events.push(Event { at, actor: self.member(actor).id.clone(), subject, invitation, kind });
    }

    /// Puts a notification before `whom`, about the other one.
    fn notify(&mut self, whom: Who, invitation: Option<InvitationId>, kind: NotificationKind) -> NotificationId {
        let id = NotificationId(self.moment.id);
        let about = self.member(whom.opposite()).id.clone();
        let notification = Notification { id, at: self.moment.now, about, invitation, kind };
        self.notifications.push(NotificationChange::Put(self.member(whom).id.clone(), notification));
        id
    }

    /// Starts a restriction of the acting member now (rules 28 to 33).
    fn restrict(&mut self, class: RestrictionClass) {
        let restriction = standing::next_restriction(&self.actor.ledger, class, self.policy, self.now());
        self.member_mut(Who::Actor).ledger.restriction = Some(restriction);
        let actor = self.actor.id.clone();
        let kind = EventKind::MemberRestricted { until: restriction.until, class };
        self.events.push(Event { at: self.now(), actor: actor.clone(), subject: actor, invitation: None, kind });
    }
}

fn written_member(mut member: Arc<Member>, before: &Arc<Member>) -> Written<Arc<Member>> {
    let same = |member: &Member| member.ledger == before.ledger && Arc::ptr_eq(&member.profile, &before.profile);
    if Arc::ptr_eq(&member, before) || same(&member) {
        return Written::Unchanged;
    }
    Arc::make_mut(&mut member).version += 1;
    Written::Put(member)
}
