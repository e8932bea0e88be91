//! What is counted during a replay: answers to commands, and the events they led to.
//!
//! The two are counted apart, from different sources, so that the report can say whether they agree.

use std::collections::{BTreeMap, HashSet};

use acquaint_core::event::{Event, EventKind};
use acquaint_core::ids::MemberId;
use acquaint_core::member::RestrictionClass;
use acquaint_core::refusal::Code;
use acquaint_core::time::{Span, Time};

/// Counts by the reason of a refusal, in order of precedence.
pub(crate) type ByCode = BTreeMap<Code, u64>;

/// A day in UTC, counted from 1970-01-01.
pub(crate) type Day = i64;

const SECONDS_A_DAY: i64 = 86_400;

/// The day that a moment lies in.
pub(crate) fn day(at: Time) -> Day {
    at.unix().div_euclid(SECONDS_A_DAY)
}

/// The date of a day: `2004-04-15`.
pub(crate) fn date(day: Day) -> String {
    let start = Time::from_unix(day.saturating_mul(SECONDS_A_DAY)).to_string();
    start.split('T').next().unwrap_or_default().to_owned()
}

/// What the engine answered.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) rows: u64,
    pub(crate) further: u64,
    pub(crate) members: HashSet<MemberId>,
    pub(crate) first_at: Option<Time>,
    pub(crate) last_at: Option<Time>,
    pub(crate) invited: Invited,
    pub(crate) replied: Replied,
    /// Seconds between an invitation and its acceptance, for each connection.
    pub(crate) delays: Vec<u64>,
    /// Refused invitations of each day.
    pub(crate) refused_on: BTreeMap<Day, u64>,
}

/// What became of invitations.
#[derive(Debug, Default)]
pub(crate) struct Invited {
    pub(crate) attempts: u64,
    /// Those that wait for an answer, and those that crossed.
    pub(crate) sent: u64,
    /// Those that met one from the other side.
    pub(crate) crossed: u64,
    pub(crate) refused: ByCode,
}

/// What became of replies.
#[derive(Debug, Default)]
pub(crate) struct Replied {
    pub(crate) replies: u64,
    pub(crate) accepted: u64,
    /// The invitation had been refused, for this reason: there was nothing to accept.
    pub(crate) to_refused: ByCode,
    /// The acceptance itself was refused.
    pub(crate) refused: ByCode,
}

/// What the events tell.
#[derive(Debug, Default)]
pub(crate) struct Happened {
    pub(crate) created: u64,
    pub(crate) accepted: u64,
    pub(crate) expired: u64,
    /// First reminders, second ones, …
    pub(crate) reminded: BTreeMap<u8, u64>,
    pub(crate) restrictions: Vec<Restricted>,
    pub(crate) days: BTreeMap<Day, DayCounts>,
}

/// Somebody was restricted.
#[derive(Debug, Clone)]
pub(crate) struct Restricted {
    pub(crate) member: MemberId,
    pub(crate) since: Time,
    pub(crate) until: Time,
    pub(crate) class: RestrictionClass,
}

impl Restricted {
    pub(crate) fn length(&self) -> Span {
        self.until.since(self.since)
    }
}

/// What happened on one day.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct DayCounts {
    pub(crate) created: u64,
    pub(crate) accepted: u64,
    pub(crate) expired: u64,
    pub(crate) reminded: u64,
    pub(crate) restricted: u64,
}

impl Happened {
    /// Counts an event.
    pub(crate) fn count(&mut self, event: &Event) {
        let today = self.days.entry(day(event.at)).or_default();
        match event.kind {
            EventKind::InvitationCreated { .. } => {
                self.created += 1;
                today.created += 1;
            }
            EventKind::InvitationAccepted => {
                self.accepted += 1;
                today.accepted += 1;
            }
            EventKind::InvitationExpired => {
                self.expired += 1;
                today.expired += 1;
            }
            EventKind::InvitationReminded { number } => {
                *self.reminded.entry(number).or_default() += 1;
                today.reminded += 1;
            }
            EventKind::MemberRestricted { until, class } => {
                let restricted = Restricted { member: event.actor.clone(), since: event.at, until, class };
                self.restrictions.push(restricted);
                today.restricted += 1;
            }
            _ => {}
        }
    }

    /// Invitations that were made and have neither been accepted nor ended.
    pub(crate) fn pending(&self) -> u64 {
        self.created.saturating_sub(self.accepted + self.expired)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_utc() {
        assert_eq!(day(Time::from_unix(86_399)), 0);
        assert_eq!(day(Time::from_unix(86_400)), 1);
        assert_eq!(date(day("2004-04-15T23:59:59Z".parse().unwrap())), "2004-04-15");
    }
}
