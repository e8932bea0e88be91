//! How a member stands: allowance, evidence, restriction, risk (rules 25 to 34).

use serde::{Deserialize, Serialize};

use crate::member::{Ledger, Member, Restriction, RestrictionClass};
use crate::policy::{ACCEPTANCE_WARNING, PENDING_WARNING, Policy, VELOCITY_WINDOW, WITHDRAWAL_WINDOW};
use crate::refusal::{Code, Refusal};
use crate::tally::Count;
use crate::time::Time;

/// The rolling allowance of a member (rule 26).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    /// Invitations sent in the window.
    pub sent: u32,
    /// How many may be; `None` is no limit.
    pub limit: Option<u32>,
    /// When one more may be sent, if none may be now.
    pub next_slot_at: Option<Time>,
}

/// The rolling allowance at `now` (rule 26), exact to the second.
#[must_use]
pub fn allowance(member: &Member, policy: &Policy, now: Time) -> Allowance {
    let (window, limit) = (policy.limits.rolling_window, policy.limits.rolling(member.profile.plan));
    let sends = &member.ledger.sends;
    Allowance {
        sent: sends.count(now - window, now).all,
        limit,
        next_slot_at: limit.and_then(|limit| sends.below(limit, window, now)),
    }
}

/// The notes of the current month (rule 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoteAllowance {
    /// Notes attached this month.
    pub used: u32,
    /// How many may be; `None` is no limit.
    pub limit: Option<u32>,
}

/// The notes of the month that `now` lies in (rule 3).
#[must_use]
pub fn notes(member: &Member, policy: &Policy, now: Time) -> NoteAllowance {
    let this_month = member.ledger.notes.filter(|count| count.month == now.month());
    NoteAllowance {
        used: this_month.map_or(0, |count| count.used),
        limit: policy.invitation.notes_per_month(member.profile.plan),
    }
}

/// The restriction that holds at `now`, if any (rule 32).
#[must_use]
pub fn restriction(ledger: &Ledger, now: Time) -> Option<Restriction> {
    ledger.restriction.filter(|restriction| now < restriction.until)
}

/// What a send at `now` would set off (rules 28, 29 and 30), were it not refused for it.
#[must_use]
pub fn judge_send(ledger: &Ledger, policy: &Policy, now: Time) -> Option<RestrictionClass> {
    if too_many_reports(ledger, policy, now) {
        Some(RestrictionClass::UnansweredOrReported)
    } else {
        foresee_send(ledger, policy, now)
    }
}

/// As [`judge_send`], as far as the member may know beforehand: without the reports of others.
/// Those are judged when the member is about to send and not when they look, or whoever keeps
/// looking would see the moment at which they were reported.
#[must_use]
pub fn foresee_send(ledger: &Ledger, policy: &Policy, now: Time) -> Option<RestrictionClass> {
    if too_many_unanswered(ledger, policy, now) {
        Some(RestrictionClass::UnansweredOrReported)
    } else if too_fast(ledger, policy, now) {
        Some(RestrictionClass::Pace)
    } else {
        None
    }
}

/// Whether the withdrawals up to `now` set off a restriction (rule 31).
#[must_use]
pub fn judge_withdrawals(ledger: &Ledger, policy: &Policy, now: Time) -> bool {
    let after = evidence_since(ledger).max(now - WITHDRAWAL_WINDOW);
    let count = ledger.withdrawals.count(after, now).all;
    policy.restriction.withdrawals_per_day.is_some_and(|limit| count > limit)
}

fn too_many_unanswered(ledger: &Ledger, policy: &Policy, now: Time) -> bool {
    let rules = &policy.restriction;
    let judged = matured(ledger, policy, now, evidence_since(ledger));
    match (rules.acceptance_floor, judged.share()) {
        (Some(floor), Some(share)) => judged.all >= rules.unanswered_min && share < floor,
        _ => false,
    }
}

fn too_many_reports(ledger: &Ledger, policy: &Policy, now: Time) -> bool {
    let after = evidence_since(ledger).max(now - policy.restriction.reports_window);
    let count = ledger.reports.count(after, now).all;
    policy.restriction.reports.is_some_and(|limit| count >= limit)
}

fn too_fast(ledger: &Ledger, policy: &Policy, now: Time) -> bool {
    let after = evidence_since(ledger).max(now - VELOCITY_WINDOW);
    let count = ledger.sends.count(after, now).all;
    policy.restriction.sends_per_hour.is_some_and(|limit| count >= limit)
}

/// Invitations old enough to be judged, sent after `since` and within the window of rule 28.
fn matured(ledger: &Ledger, policy: &Policy, now: Time, since: Time) -> Count {
    let rules = &policy.restriction;
    // "Older than" is strict: the youngest that count are a second older.
    let youngest = Time::from_unix((now - rules.unanswered_after).unix() - 1);
    ledger.sends.count(since.max(now - rules.unanswered_window), youngest)
}

/// Evidence counts once: only what came after the start of the last restriction counts.
fn evidence_since(ledger: &Ledger) -> Time {
    ledger.restriction.map_or(Time::MIN, |restriction| restriction.since)
}

/// The restriction that starts at `now`, on the rung of the ladder that is due (rule 33).
#[must_use]
pub fn next_restriction(ledger: &Ledger, class: RestrictionClass, policy: &Policy, now: Time) -> Restriction {
    let rules = &policy.restriction;
    let remembered = ledger.restriction.filter(|last| now - rules.ladder_memory < last.since);
    let last_rung = rules.ladder.len().saturating_sub(1);
    let rung = remembered.map_or(0, |last| usize::from(last.rung) + 1).min(last_rung);
    let length = rules.ladder.get(rung).copied().unwrap_or_default();
    let still_running = restriction(ledger, now).map_or(now, |running| running.until);
    Restriction {
        since: now,
        until: still_running.max(now + length),
        class,
        rung: u8::try_from(rung).unwrap_or(u8::MAX),
    }
}

/// Refuses a member who is restricted at `now`.
///
/// # Errors
/// `restricted`, until the restriction ends.
pub fn refuse_restricted(ledger: &Ledger, now: Time) -> Result<(), Refusal> {
    restriction(ledger, now).map_or(Ok(()), |restriction| Err(Code::Restricted.until(restriction.until)))
}

/// How close a member is to a restriction (rule 34).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Nothing to worry about.
    Low,
    /// More than 70 % of the pending cap, or fewer than 30 % accepted.
    Elevated,
    /// Restricted, or the next send would be for what the member can see themselves.
    High,
}

/// How a member stands (rule 27). Nothing that a recipient did in silence shows here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// Invitations that look pending to the member.
    pub pending: u32,
    /// How many may be; `None` is no cap.
    pub pending_cap: Option<u32>,
    /// The rolling allowance.
    pub rolling: Allowance,
    /// The notes of this month.
    pub notes: NoteAllowance,
    /// Invitations of the last 90 days older than 14 days, and how many of them were accepted.
    pub acceptance: Count,
    /// Withdrawals in the last 24 hours.
    pub withdrawals_24h: u32,
    /// How close a restriction is.
    pub risk: Risk,
    /// The restriction that holds now.
    pub restriction: Option<Restriction>,
    /// Connections.
    pub connections: u32,
}

/// How `member` stands at `now` (rule 27).
#[must_use]
pub fn standing(member: &Member, policy: &Policy, now: Time) -> Standing {
    let ledger = &member.ledger;
    Standing {
        pending: ledger.pending_sent,
        pending_cap: policy.limits.pending_cap,
        rolling: allowance(member, policy, now),
        notes: notes(member, policy, now),
        acceptance: matured(ledger, policy, now, Time::MIN),
        withdrawals_24h: ledger.withdrawals.count(now - WITHDRAWAL_WINDOW, now).all,
        risk: risk(ledger, policy, now),
        restriction: restriction(ledger, now),
        connections: ledger.connections,
    }
}

/// A warning needs a fifth of the evidence that a restriction needs: early enough to act on, late
/// enough to mean something.
const WARNING_EVIDENCE: u32 = 5;

fn risk(ledger: &Ledger, policy: &Policy, now: Time) -> Risk {
    if restriction(ledger, now).is_some() || foresee_send(ledger, policy, now).is_some() {
        return Risk::High;
    }
    let crowded =
        policy.limits.pending_cap.is_some_and(|cap| f64::from(ledger.pending_sent) > PENDING_WARNING * f64::from(cap));
    let judged = matured(ledger, policy, now, evidence_since(ledger));
    let enough = judged.all >= policy.restriction.unanswered_min.div_ceil(WARNING_EVIDENCE);
    let ignored = policy.restriction.acceptance_floor.is_some()
        && enough
        && judged.share().is_some_and(|share| share < ACCEPTANCE_WARNING);
    if crowded || ignored { Risk::Elevated } else { Risk::Low }
}

/// How many invitations the general acceptance counts for, beside a member's own.
const PRIOR_WEIGHT: f64 = 10.0;
/// The share accepted among 13,840 first messages of a real community (see the rule book, "Measured
/// on real data"): what is expected of somebody of whom nothing is known.
const PRIOR_ACCEPTANCE: f64 = 0.467;

/// How much a member is suggested to others (rule 35), above 0 and at most 1: the share of their
/// invitations that is accepted, drawn towards the general one while there are few, and halved while
/// they are restricted. Only an order should be made of it; it is never shown.
#[must_use]
pub fn suggestion_weight(member: &Member, policy: &Policy, now: Time) -> f64 {
    let judged = matured(&member.ledger, policy, now, Time::MIN);
    let accepted = f64::from(judged.good) + PRIOR_WEIGHT * PRIOR_ACCEPTANCE;
    let share = accepted / (f64::from(judged.all) + PRIOR_WEIGHT);
    if restriction(&member.ledger, now).is_some() { share / 2.0 } else { share }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::MemberId;
    use crate::time::Span;

    /// A member twenty of whose invitations, sent long enough ago, met with so many acceptances.
    fn accepted(times: u32) -> Member {
        let mut member = Member::new(MemberId::new("ann").unwrap());
        for _ in 0..20 {
            member.ledger.sends.record(Time::from_unix(0), Span::days(90));
        }
        for _ in 0..times {
            member.ledger.sends.mark_good(Time::from_unix(0));
        }
        member
    }

    #[test]
    fn who_is_ignored_is_suggested_less() {
        let (policy, now) = (Policy::default(), Time::from_unix(0) + Span::days(20));
        let weight = |member: &Member| suggestion_weight(member, &policy, now);
        let stranger = Member::new(MemberId::new("bo").unwrap());
        assert!(weight(&accepted(0)) < weight(&stranger));
        assert!(weight(&stranger) < weight(&accepted(20)));
        assert!((0.0..=1.0).contains(&weight(&accepted(20))) && weight(&accepted(0)) > 0.0);
        let mut restricted = accepted(10);
        restricted.ledger.restriction =
            Some(next_restriction(&restricted.ledger, RestrictionClass::Pace, &policy, now));
        assert!(weight(&restricted) < weight(&accepted(10)));
    }
}
