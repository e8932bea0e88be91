//! Withdrawing, accepting, declining. Asked twice, they answer like the first time.

use super::{Answer, Draft, NotificationChange, Who};
use crate::event::EventKind;
use crate::ids::InvitationId;
use crate::policy::WITHDRAWAL_WINDOW;
use crate::refusal::{Code, Refusal};
use crate::relation::{Complaint, End, Ending, Invitation, Kept, Why};
use crate::standing;
use crate::time::Time;
use crate::timers;
use crate::view::{self, Direction, InvitationState, InvitationView};

impl Draft<'_> {
    /// Rules 7, 8, 13, 14 and 31.
    pub(super) fn withdraw(&mut self, id: InvitationId) -> Result<Answer, Refusal> {
        let shown = self.shown(id, Direction::Sent)?;
        match shown.state {
            InvitationState::Pending => {}
            InvitationState::Withdrawn => return Ok(Answer::Invitation(shown)),
            InvitationState::Accepted => return Err(Code::AlreadyAccepted.refuse()),
            InvitationState::Expired | InvitationState::Declined | InvitationState::Gone => {
                return Err(Code::NoLongerAvailable.refuse());
            }
        }
        self.withdraw_pending();
        self.shown(id, Direction::Sent).map(Answer::Invitation)
    }

    /// Withdraws the acting member's pending invitation, if there is one.
    pub(super) fn withdraw_pending(&mut self) {
        let now = self.now();
        let Some(ended) = self.end_invitation(Who::Actor, Ending::Withdrawn, now) else { return };
        self.tell(Who::Actor, Some(ended.id), EventKind::InvitationWithdrawn);
        let policy = self.policy;
        let ledger = &mut self.member_mut(Who::Actor).ledger;
        ledger.withdrawals.record(now, WITHDRAWAL_WINDOW);
        if standing::judge_withdrawals(ledger, policy, now) {
            self.restrict(crate::member::RestrictionClass::Pace);
        }
    }

    /// Rules 4, 13 and 16.
    pub(super) fn accept(&mut self, id: InvitationId) -> Result<Answer, Refusal> {
        let shown = self.shown(id, Direction::Received)?;
        match shown.state {
            InvitationState::Pending => {}
            InvitationState::Accepted => return Ok(Answer::Invitation(shown)),
            InvitationState::Declined
            | InvitationState::Gone
            | InvitationState::Withdrawn
            | InvitationState::Expired => return Err(Code::NoLongerAvailable.refuse()),
        }
        self.refuse_full()?;
        self.connect(Who::Other);
        self.shown(id, Direction::Received).map(Answer::Invitation)
    }

    /// Rules 5, 6 and 29. The sender's rows change only where the sender cannot see it.
    pub(super) fn decline(&mut self, id: InvitationId, complaint: Option<Complaint>) -> Result<Answer, Refusal> {
        let shown = self.shown(id, Direction::Received)?;
        match shown.state {
            InvitationState::Pending => {}
            InvitationState::Declined => return Ok(Answer::Invitation(shown)),
            InvitationState::Accepted => return Err(Code::AlreadyAccepted.refuse()),
            InvitationState::Gone | InvitationState::Withdrawn | InvitationState::Expired => {
                return Err(Code::NoLongerAvailable.refuse());
            }
        }
        self.keep_from_recipient(Who::Other, Why::Declined(complaint));
        if complaint.is_some() {
            self.side_mut(Who::Actor).bars = true;
            let (now, memory) = (self.now(), self.policy.restriction.reports_window);
            self.member_mut(Who::Other).ledger.reports.record(now, memory);
        }
        self.tell(Who::Actor, Some(id), EventKind::InvitationDeclined { complaint });
        self.shown(id, Direction::Received).map(Answer::Invitation)
    }

    /// The invitation of that id as the acting member sees it: from the relation, or, when a newer
    /// one has taken its place there, as it ended.
    fn shown(&self, id: InvitationId, direction: Direction) -> Result<InvitationView, Refusal> {
        let current = match direction {
            Direction::Sent => view::sent(&self.relation, &self.actor.id),
            Direction::Received => view::received(&self.relation, &self.actor.id),
        };
        let past = || {
            let ended = |view: &InvitationView| view.state != InvitationState::Pending;
            self.facts.invitation.clone().filter(ended)
        };
        let is_it = |view: &InvitationView| view.id == id && view.direction == direction;
        current.filter(is_it).or_else(|| past().filter(is_it)).ok_or(Code::NotFound.refuse())
    }

    /// Ends the pending invitation of `sender` for both, frees the room that it took, and retracts
    /// what reminded of it (rules 8, 11, 25).
    pub(super) fn end_invitation(&mut self, sender: Who, how: Ending, at: Time) -> Option<Ended> {
        let (recipient, policy) = (sender.opposite(), self.policy);
        let invitation = self.side_mut(sender).invitation.as_mut().filter(|invitation| invitation.is_pending())?;
        let answerable = invitation.is_answerable();
        invitation.end = Some(End { how, at });
        invitation.next_due = timers::next_due(invitation, policy);
        let ended = Ended { id: invitation.id, sent_at: invitation.sent_at };
        let reminders = std::mem::take(&mut invitation.reminders);
        self.retract(recipient, reminders);
        let ledger = &mut self.member_mut(sender).ledger;
        ledger.pending_sent = ledger.pending_sent.saturating_sub(1);
        if answerable {
            let ledger = &mut self.member_mut(recipient).ledger;
            ledger.pending_received = ledger.pending_received.saturating_sub(1);
        }
        Some(ended)
    }

    /// Takes the invitation of `sender` from its recipient's eyes; the sender sees it pending on.
    pub(super) fn keep_from_recipient(&mut self, sender: Who, why: Why) {
        let (recipient, now, policy) = (sender.opposite(), self.now(), self.policy);
        let answerable = |invitation: &&mut Invitation| invitation.is_answerable();
        let Some(invitation) = self.side_mut(sender).invitation.as_mut().filter(answerable) else { return };
        invitation.kept = Some(Kept { why, at: now });
        invitation.next_due = timers::next_due(invitation, policy);
        let reminders = std::mem::take(&mut invitation.reminders);
        self.retract(recipient, reminders);
        let ledger = &mut self.member_mut(recipient).ledger;
        ledger.pending_received = ledger.pending_received.saturating_sub(1);
    }

    fn retract(&mut self, recipient: Who, reminders: Vec<crate::ids::NotificationId>) {
        let recipient = self.member(recipient).id.clone();
        let removals = reminders.into_iter().map(|id| NotificationChange::Remove(recipient.clone(), id));
        self.notifications.extend(removals);
    }
}

/// What there was to an invitation that ended.
pub(super) struct Ended {
    pub(super) id: InvitationId,
    pub(super) sent_at: Time,
}
