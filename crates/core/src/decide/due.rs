//! What falls due: endings and reminders (rules 11, 22 to 24).

use std::sync::Arc;

use super::{Answer, Draft, Who};
use crate::event::{EventKind, NotificationKind};
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

    /// Reminds of what is due. What was withdrawn, answered or ended is not pending any more, so
    /// a timer that comes late does nothing (rule 23).
    pub(super) fn remind(&mut self) -> Result<Answer, Refusal> {
        self.remind_of(Who::Actor);
        self.remind_of(Who::Other);
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
}
