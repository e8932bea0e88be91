//! When something is next due for an invitation (rules 11, 22 and 41).

use crate::policy::Policy;
use crate::relation::{End, Ending, Invitation};
use crate::time::{Span, Time};

/// The next moment at which an invitation is due. While it is pending: its next reminder as long as the
/// recipient can still answer it, else its end. Once it was withdrawn: the end of the wait, if there is one.
#[must_use]
pub fn next_due(invitation: &Invitation, policy: &Policy) -> Option<Time> {
    if let Some(end) = invitation.end {
        return wait_end(end, policy);
    }
    let reminder = if invitation.is_answerable() { next_reminder(invitation, policy) } else { None };
    match (reminder, invitation.expires_at) {
        (Some(reminder), Some(end)) => Some(reminder.min(end)),
        (reminder, end) => reminder.or(end),
    }
}

/// When the sender of an invitation that was withdrawn has waited long enough (rule 9).
fn wait_end(end: End, policy: &Policy) -> Option<Time> {
    let wait = policy.invitation.resend_after_withdrawal;
    (end.how == Ending::Withdrawn && wait > Span::ZERO).then(|| end.at + wait)
}

/// The moment of the next reminder, whether or not the recipient can still answer.
fn next_reminder(invitation: &Invitation, policy: &Policy) -> Option<Time> {
    let age = policy.reminders.after.get(usize::from(invitation.reminder_moments))?;
    Some(invitation.sent_at + *age)
}

/// The reminder moments of an invitation, as far as its sender may know: they follow from when it
/// was sent and from the policy, and not from what the recipient does or wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReminderMoments {
    /// How many there are.
    pub all: usize,
    /// How many have passed.
    pub passed: usize,
    /// The next one.
    pub next: Option<Time>,
}

/// The reminder moments of an invitation sent at `sent_at`, as seen at `now` (rule 22).
#[must_use]
pub fn reminder_moments(sent_at: Time, policy: &Policy, now: Time) -> ReminderMoments {
    let moments = || policy.reminders.after.iter().map(|age| sent_at + *age);
    ReminderMoments {
        all: policy.reminders.after.len(),
        passed: moments().filter(|moment| *moment <= now).count(),
        next: moments().find(|moment| *moment > now),
    }
}

/// How many reminder moments have passed by `now`. The last of them is worth a reminder; those
/// before it are too late to make sense.
#[must_use]
pub fn reminder_moments_until(invitation: &Invitation, policy: &Policy, now: Time) -> u8 {
    let passed = policy.reminders.after.iter().filter(|age| invitation.sent_at + **age <= now).count();
    u8::try_from(passed).unwrap_or(u8::MAX).max(invitation.reminder_moments)
}
