//! What falls due: endings, reminders, and the end of a wait (rules 11, 22 to 24, 41).

use std::sync::Arc;

use super::{Answer, Draft, Who};
use crate::event::{EventKind, NotificationKind};
use crate::member::{Registration, WhoMayInvite};
use crate::refusal::Refusal;
use crate::relation::{Ending, Invitation, Kept, Why};
use crate::timers;

impl Draft<'_> {
    /// Ends what has run out by now, at the moment at which it ran out. Every command begins with
    /// this, so that a late timer never lets anybody answer an invitation that has ended.
    pub(super) fn settle(&mut self) {
        self.settle_side(Who::Actor);
        self.settle_side(Who::Other);
        if !Arc::ptr_eq(&self.relation, &self.facts.relation) {
            self.relation_mut().version += 1;
            self.settled = Some(Arc::clone(&self.relation));
        }
    }

    fn settle_side(&mut self, sender: Who) {
        let Some(invitation) = self.pending_from(sender) else { return };
        let Some(expired_at) = invitation.expires_at.filter(|end| *end <= self.now()) else { return };
        let declined = matches!(invitation.kept, Some(Kept { why: Why::Declined(_), .. }));
        let Some(ended) = self.end_invitation(sender, Ending::Expired, expired_at) else { return };
        self.tell_at(sender, Some(ended.id), EventKind::InvitationExpired, expired_at);
        if declined {
            let quiet_until = expired_at + self.policy.invitation.resend_after_decline;
            self.side_mut(sender.opposite()).quiet_until = Some(quiet_until);
        }
    }

    /// Does what is due. What was withdrawn, answered or ended is not pending any more, so
    /// a timer that comes late reminds of nothing (rule 23).
    pub(super) fn fall_due(&mut self) -> Result<Answer, Refusal> {
        for sender in [Who::Actor, Who::Other] {
            self.remind_of(sender);
            self.end_wait_of(sender);
        }
        Ok(Answer::Done)
    }

    fn remind_of(&mut self, sender: Who) {
        let (policy, now) = (self.policy, self.now());
        let wants_reminders = self.member(sender.opposite()).profile.reminders;
        let due = |invitation: &&Invitation| invitation.next_due.is_some_and(|due| due <= now);
        let Some(invitation) = self.pending_from(sender).filter(due) else { return };
        let (id, answerable) = (invitation.id, invitation.is_answerable());
        let moments = timers::reminder_moments_until(invitation, policy, now);
        let is_new = moments > invitation.reminder_moments;
        let reminder = (is_new && answerable && wants_reminders).then(|| {
            self.tell(sender, Some(id), EventKind::InvitationReminded { number: moments });
            self.notify(sender.opposite(), Some(id), NotificationKind::InvitationReminder)
        });
        if let Some(invitation) = &mut self.side_mut(sender).invitation {
            invitation.reminder_moments = moments;
            invitation.reminders.extend(reminder);
            invitation.next_due = timers::next_due(invitation, policy);
        }
    }

    /// Tells the sender of a withdrawn invitation that they may invite the same member again (rule 41), unless
    /// they see that it would be idle. What the recipient does in silence changes nothing here (rule 5).
    fn end_wait_of(&mut self, sender: Who) {
        let now = self.now();
        let over = |invitation: &&Invitation| invitation.next_due.is_some_and(|due| due <= now);
        let withdrawn = self.side(sender).invitation.as_ref().filter(|invitation| !invitation.is_pending());
        let Some(id) = withdrawn.filter(over).map(|invitation| invitation.id) else { return };
        if self.could_invite(sender) {
            self.tell(sender, Some(id), EventKind::InvitationWaitEnded);
            self.notify(sender, Some(id), NotificationKind::MayInviteAgain);
        }
        if let Some(invitation) = &mut self.side_mut(sender).invitation {
            invitation.next_due = None;
        }
    }

    /// Whether an invitation from `sender` would make sense as far as they see it: the two are not connected, no
    /// invitation waits for their answer, they do not block the other, who is there and has not said that nobody
    /// may invite them.
    fn could_invite(&self, sender: Who) -> bool {
        let waits = self.pending_from(sender.opposite()).is_some_and(Invitation::is_answerable);
        let other = &self.member(sender.opposite()).profile;
        self.relation.state.connected_since.is_none()
            && !waits
            && self.side(sender).blocking_since.is_none()
            && other.registration != Registration::Erasing
            && other.who_may_invite != WhoMayInvite::Nobody
    }
}
