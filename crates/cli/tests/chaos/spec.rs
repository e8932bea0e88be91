//! The rules themselves as a sequential object: one relation, changed by `acquaint_core::decide`.
//!
//! What clients saw of a relation must be what they could have seen if every call had happened at one
//! moment between its beginning and its end. [`Between`] is the object that the checker plays the
//! calls on, in one order after the other, until one explains all answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use acquaint_core::command::{Action, Command};
use acquaint_core::decide::{Answer, Facts, Moment, Written, decide, view_relation};
use acquaint_core::ids::{InvitationId, MemberId};
use acquaint_core::member::Member;
use acquaint_core::policy::{Policy, Preset};
use acquaint_core::relation::{Pair, Relation};
use acquaint_core::time::Time;
use acquaint_core::view::{Direction, InvitationState, InvitationView};
use acquaint_store::lines::{Entry, lines};
use stateright::semantics::SequentialSpec;
use uuid::Uuid;

/// One of the two members of a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    /// The member whom many others know.
    Hub,
    /// The member whom nobody else knows.
    Guest,
}

/// What a client asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    /// To invite the other one. The name is that of the invitation which came of it, where that is
    /// known from elsewhere than the answer.
    Invite(Option<InvitationId>),
    Withdraw(InvitationId),
    Accept(InvitationId),
    Decline(InvitationId),
    Follow,
    Unfollow,
    Block,
    Unblock,
    Disconnect,
    /// To show the relation.
    Look,
}

/// What a client was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// The invitation was sent (pending), or met another one (accepted).
    Invited(InvitationId, InvitationState),
    /// How the invitation is now.
    Invitation(InvitationState),
    Done,
    /// The code of the refusal.
    Refused(String),
    Relation(Sight),
}

/// A relation as one of the two sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sight {
    pub(crate) connected: bool,
    pub(crate) invitation: Option<(InvitationId, Direction)>,
    pub(crate) following: bool,
    pub(crate) followed: bool,
    pub(crate) blocking: bool,
}

/// Whoever calls, and what.
pub(crate) type Operation = (Who, Call);

/// A relation and what its two members have seen end.
#[derive(Debug, Clone)]
pub(crate) struct Between {
    policy: Arc<Policy>,
    hub: Arc<Member>,
    guest: Arc<Member>,
    relation: Arc<Relation>,
    past: BTreeMap<(MemberId, InvitationId), InvitationView>,
}

impl Between {
    /// Two who have nothing to do with each other yet.
    pub(crate) fn new(policy: Arc<Policy>, hub: &MemberId, guest: &MemberId) -> Self {
        let pair = Pair::new(hub, guest).unwrap();
        Self {
            policy,
            hub: Arc::new(Member::new(hub.clone())),
            guest: Arc::new(Member::new(guest.clone())),
            relation: Arc::new(Relation::new(pair)),
            past: BTreeMap::new(),
        }
    }

    /// The policy that the servers run with.
    pub(crate) fn policy() -> Arc<Policy> {
        Arc::new(Policy::preset(Preset::Open))
    }

    fn facts(&self, who: Who, named: Option<InvitationId>) -> Facts {
        let (actor, other) = match who {
            Who::Hub => (&self.hub, &self.guest),
            Who::Guest => (&self.guest, &self.hub),
        };
        let invitation = named.and_then(|id| self.past.get(&(actor.id.clone(), id)).cloned());
        Facts {
            actor: actor.clone(),
            other: other.clone(),
            relation: self.relation.clone(),
            invitation,
            oldest_expiry: None,
        }
    }

    fn look(&self, who: Who) -> Told {
        let view = view_relation(&self.facts(who, None), &self.policy, NOW);
        Told::Relation(Sight {
            connected: view.connected_since.is_some(),
            invitation: view.invitation.map(|invitation| (invitation.id, invitation.direction)),
            following: view.following,
            followed: view.followed_by,
            blocking: view.blocking,
        })
    }

    /// Carries out a call; `made` is the name of what it makes.
    fn carry_out(&mut self, (who, call): &Operation, made: InvitationId) -> Told {
        let other = match who {
            Who::Hub => self.guest.id.clone(),
            Who::Guest => self.hub.id.clone(),
        };
        let action = match call {
            Call::Look => return self.look(*who),
            Call::Invite(_) => Action::Invite { to: other, note: None, to_email: None },
            Call::Withdraw(invitation) => Action::Withdraw { invitation: *invitation },
            Call::Accept(invitation) => Action::Accept { invitation: *invitation },
            Call::Decline(invitation) => Action::Decline { invitation: *invitation, complaint: None },
            Call::Follow => Action::Follow { other },
            Call::Unfollow => Action::Unfollow { other },
            Call::Block => Action::Block { other },
            Call::Unblock => Action::Unblock { other },
            Call::Disconnect => Action::Disconnect { other },
        };
        let facts = self.facts(*who, action.invitation());
        let command = Command { actor: facts.actor.id.clone(), action };
        let decision = decide(&facts, &command, &self.policy, Moment { now: NOW, id: made.0 });
        if let Written::Put(relation) = decision.change.relation {
            self.keep(relation);
        }
        self.keep_member(*who, decision.change.actor);
        self.keep_member(who.opposite(), decision.change.other);
        match decision.answer {
            Ok(Answer::Invited { invitation, .. }) => Told::Invited(invitation.id, invitation.state),
            Ok(Answer::Invitation(invitation)) => Told::Invitation(invitation.state),
            Ok(_) => Told::Done,
            Err(refusal) => Told::Refused(refusal.code.name().to_owned()),
        }
    }

    fn keep(&mut self, relation: Arc<Relation>) {
        for line in lines(&relation) {
            if let Entry::Past(view) = line.entry {
                self.past.insert((line.owner, view.id), view);
            }
        }
        self.relation = relation;
    }

    fn keep_member(&mut self, who: Who, written: Written<Arc<Member>>) {
        if let Written::Put(member) = written {
            match who {
                Who::Hub => self.hub = member,
                Who::Guest => self.guest = member,
            }
        }
    }
}

/// The rules at work here know no time shorter than a day.
const NOW: Time = Time::from_unix(1_800_000_000);

impl Who {
    pub(crate) fn opposite(self) -> Self {
        match self {
            Who::Hub => Who::Guest,
            Who::Guest => Who::Hub,
        }
    }
}

impl SequentialSpec for Between {
    type Op = Operation;
    type Ret = Told;

    fn invoke(&mut self, operation: &Operation) -> Told {
        let made = match operation.1 {
            Call::Invite(Some(id)) => id,
            _ => InvitationId(Uuid::nil()),
        };
        self.carry_out(operation, made)
    }

    fn is_valid_step(&mut self, operation: &Operation, told: &Told) -> bool {
        let made = match told {
            Told::Invited(id, _) => *id,
            _ => InvitationId(Uuid::nil()),
        };
        self.carry_out(operation, made) == *told
    }
}
