//! Sending an invitation: the refusals in their order, and the meeting of two.

use unicode_segmentation::UnicodeSegmentation;

use super::{Answer, Draft, Who};
use crate::event::{EventKind, NotificationKind};
use crate::ids::InvitationId;
use crate::member::{Member, NoteCount, Plan, Registration, WhoMayInvite};
use crate::refusal::{Code, Refusal};
use crate::relation::{End, Ending, Follow, Invitation, Kept, Why};
use crate::time::Span;
use crate::{standing, timers, view};

impl Draft<'_> {
    pub(super) fn invite(&mut self, note: Option<&str>, to_email: Option<&str>) -> Result<Answer, Refusal> {
        let checked = self.check_invite(note, to_email);
        if let Err(refusal) = checked {
            self.restrict_if_set_off(refusal);
            return Err(refusal);
        }
        let note = text(note).map(str::to_owned);
        self.count_note(note.is_some());
        if self.pending_from(Who::Other).is_some() {
            self.meet(note);
        } else {
            self.send(note);
        }
        let invitation = view::sent(&self.relation, &self.actor.id).ok_or(Code::NotFound.refuse())?;
        let allowance = standing::allowance(&self.actor, self.policy, self.now());
        Ok(Answer::Invited { invitation, allowance })
    }

    /// The refusals of the rule book, in order. An invitation that meets one from the other side is
    /// an acceptance, so that neither settings, waits nor the account's limits on sending apply.
    pub(super) fn check_invite(&self, note: Option<&str>, to_email: Option<&str>) -> Result<(), Refusal> {
        self.refuse_person()?;
        if self.pending_from(Who::Other).is_none() {
            self.refuse_unwanted(to_email)?;
            self.refuse_cooldown()?;
            self.refuse_account()?;
        }
        self.refuse_full()?;
        self.refuse_note(note)
    }

    fn refuse_person(&self) -> Result<(), Refusal> {
        let unknown = |member: &Member| match member.profile.registration {
            Registration::Registered => false,
            Registration::None => self.policy.members.must_be_registered,
            Registration::Erasing => true,
        };
        if unknown(&self.actor) || unknown(&self.other) {
            return Err(Code::UnknownMember.refuse());
        }
        if self.relation.state.connected_since.is_some() {
            return Err(Code::AlreadyConnected.refuse());
        }
        if self.pending_from(Who::Actor).is_some() {
            return Err(Code::AlreadyPending.refuse());
        }
        if self.side(Who::Actor).blocking_since.is_some() {
            // Before a meeting too: a blocker unblocks first (rule 20).
            return Err(Code::NotAcceptingInvitations.refuse());
        }
        Ok(())
    }

    fn refuse_unwanted(&self, to_email: Option<&str>) -> Result<(), Refusal> {
        let profile = &self.other.profile;
        match profile.who_may_invite {
            WhoMayInvite::Anyone => Ok(()),
            WhoMayInvite::Nobody => Err(Code::NotAcceptingInvitations.refuse()),
            WhoMayInvite::Email => match (profile.email.as_deref(), to_email) {
                (Some(email), Some(given)) if email.trim().eq_ignore_ascii_case(given.trim()) => Ok(()),
                _ => Err(Code::EmailRequired.refuse()),
            },
        }
    }

    /// Waits after a withdrawal and after an expiry (rules 9 and 10), from what the sender sees.
    fn refuse_cooldown(&self) -> Result<(), Refusal> {
        let rules = &self.policy.invitation;
        let wait = |how| match how {
            Ending::Withdrawn => rules.resend_after_withdrawal,
            Ending::Expired => rules.resend_after_expiry,
            Ending::Accepted => Span::ZERO,
        };
        let ended = self.side(Who::Actor).invitation.as_ref().and_then(|last| last.end);
        match ended.map(|end| end.at + wait(end.how)) {
            Some(retry_at) if self.now() < retry_at => Err(Code::Cooldown.until(retry_at)),
            _ => Ok(()),
        }
    }

    fn refuse_account(&self) -> Result<(), Refusal> {
        let (ledger, now) = (&self.actor.ledger, self.now());
        standing::refuse_restricted(ledger, now)?;
        let judged = if self.only_asking { standing::foresee_send } else { standing::judge_send };
        if let Some(class) = judged(ledger, self.policy, now) {
            let coming = standing::next_restriction(ledger, class, self.policy, now);
            return Err(Code::Restricted.until(coming.until));
        }
        if self.policy.limits.pending_cap.is_some_and(|cap| ledger.pending_sent >= cap) {
            return Err(Refusal { code: Code::PendingCap, retry_at: self.facts.oldest_expiry });
        }
        match standing::allowance(&self.actor, self.policy, now).next_slot_at {
            Some(next_slot_at) => Err(Code::RollingLimit.until(next_slot_at)),
            None => Ok(()),
        }
    }

    /// The connection cap of both (rule 16), at sending and again at accepting.
    pub(super) fn refuse_full(&self) -> Result<(), Refusal> {
        let most = self.actor.ledger.connections.max(self.other.ledger.connections);
        match self.policy.limits.connections {
            Some(cap) if most >= cap => Err(Code::ConnectionCap.refuse()),
            _ => Ok(()),
        }
    }

    fn refuse_note(&self, note: Option<&str>) -> Result<(), Refusal> {
        let Some(note) = text(note) else { return Ok(()) };
        let plan = self.actor.profile.plan;
        let max = self.policy.invitation.note_max(plan);
        if longer_than(note, max) {
            return Err(Code::NoteTooLong.refuse());
        }
        let notes = standing::notes(&self.actor, self.policy, self.now());
        if notes.limit.is_some_and(|limit| notes.used >= limit) {
            return Err(Code::NoteQuota.until(self.now().month().next_start()));
        }
        let not_text = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if note.contains(not_text) { Err(Code::NoteNotText.refuse()) } else { Ok(()) }
    }

    /// A send that would be one too many starts the restriction that it is refused with.
    fn restrict_if_set_off(&mut self, refusal: Refusal) {
        let running = standing::restriction(&self.actor.ledger, self.now()).is_some();
        if refusal.code == Code::Restricted
            && !running
            && let Some(class) = standing::judge_send(&self.actor.ledger, self.policy, self.now())
        {
            self.restrict(class);
        }
    }

    fn count_note(&mut self, has_note: bool) {
        if has_note && self.actor.profile.plan == Plan::Basic {
            let used = standing::notes(&self.actor, self.policy, self.now()).used;
            let month = self.now().month();
            self.member_mut(Who::Actor).ledger.notes = Some(NoteCount { month, used: used + 1 });
        }
    }

    fn send(&mut self, note: Option<String>) {
        let now = self.now();
        let theirs = self.side(Who::Other);
        let kept_out =
            theirs.blocking_since.is_some() || theirs.bars || theirs.quiet_until.is_some_and(|until| now < until);
        let mut invitation = self.new_invitation(note);
        if kept_out {
            invitation.kept = Some(Kept { why: Why::Undelivered, at: now });
        }
        invitation.next_due = timers::next_due(&invitation, self.policy);
        let id = invitation.id;
        self.want_contact();
        self.side_mut(Who::Actor).invitation = Some(invitation);
        let memory = self.policy.send_memory();
        let ledger = &mut self.member_mut(Who::Actor).ledger;
        ledger.pending_sent += 1;
        ledger.sends.record(now, memory);
        if !kept_out {
            self.member_mut(Who::Other).ledger.pending_received += 1;
        }
        self.tell(Who::Actor, Some(id), EventKind::InvitationCreated { delivered: !kept_out });
        if self.policy.follow.on_invite {
            self.start_following(Who::Actor);
        }
    }

    /// Two members who invite each other are connected (rule 12). The second invitation is kept
    /// beside the first, accepted at once; it cost nobody's attention, so it counts as no send.
    fn meet(&mut self, note: Option<String>) {
        let mut invitation = self.new_invitation(note);
        invitation.end = Some(End { how: Ending::Accepted, at: self.now() });
        self.want_contact();
        self.side_mut(Who::Actor).invitation = Some(invitation);
        self.connect(Who::Other);
    }

    fn new_invitation(&self, note: Option<String>) -> Invitation {
        let now = self.now();
        Invitation {
            id: InvitationId(self.moment.id),
            note,
            sent_at: now,
            expires_at: self.policy.invitation.expires_after.map(|after| now + after),
            end: None,
            kept: None,
            reminder_moments: 0,
            reminders: Vec::new(),
            next_due: None,
        }
    }

    /// Whoever invites somebody wants contact after all: what they said before no longer holds.
    fn want_contact(&mut self) {
        let mine = self.side_mut(Who::Actor);
        mine.bars = false;
        mine.quiet_until = None;
    }

    /// Connects the two by the pending invitation of `sender` (rules 4 and 12).
    pub(super) fn connect(&mut self, sender: Who) {
        let now = self.now();
        let Some(ended) = self.end_invitation(sender, Ending::Accepted, now) else { return };
        self.member_mut(sender).ledger.sends.mark_good(ended.sent_at);
        self.relation_mut().state.connected_since = Some(now);
        self.member_mut(Who::Actor).ledger.connections += 1;
        self.member_mut(Who::Other).ledger.connections += 1;
        self.tell(sender.opposite(), Some(ended.id), EventKind::InvitationAccepted);
        self.notify(sender, Some(ended.id), NotificationKind::InvitationAccepted);
        if self.policy.follow.on_accept {
            self.start_following(Who::Actor);
            self.start_following(Who::Other);
        }
    }

    /// Makes `who` follow the other, unless they do. A blocker does not see it (rule 20).
    pub(super) fn start_following(&mut self, who: Who) {
        let hidden = self.side(who.opposite()).blocking_since.is_some();
        let since = self.now();
        if self.side(who).follow.is_none() {
            self.side_mut(who).follow = Some(Follow { since, hidden });
            self.tell(who, None, EventKind::FollowCreated);
        }
    }
}

/// A note of nothing but white space is no note.
fn text(note: Option<&str>) -> Option<&str> {
    note.filter(|note| !note.trim().is_empty())
}

/// Whether a note has more than `max` characters as a reader counts them (rule 2).
fn longer_than(note: &str, max: u32) -> bool {
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    // A cluster has at least one byte, so a short note needs no counting.
    note.len() > max && note.graphemes(true).nth(max).is_some()
}
