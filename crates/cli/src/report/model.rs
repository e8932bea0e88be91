//! The report as data; `report.json` is exactly this.

use std::collections::{BTreeMap, HashSet};

use acquaint_core::member::RestrictionClass;
use acquaint_core::policy::Policy;
use acquaint_core::refusal::Code;
use acquaint_core::time::{Span, Time};
use serde::Serialize;

use super::rules::{self, RuleLine};
use crate::replay::{Answers, ByCode, Day, Happened, Restricted, date, day};

/// The delays that the rule book names.
const DELAYS: [Span; 8] = [
    Span::hours(1),
    Span::days(1),
    Span::days(3),
    Span::days(7),
    Span::days(14),
    Span::days(21),
    Span::days(28),
    Span::days(60),
];

/// Points of the curve of acceptances, evenly spaced on a scale of powers.
const CURVE_POINTS: u32 = 160;
/// Where that curve begins.
const CURVE_START: f64 = 60.0;

/// What was replayed under which rules.
pub(crate) struct Source {
    pub(crate) file: String,
    pub(crate) policy_name: String,
    pub(crate) policy: Policy,
    pub(crate) malformed: Vec<Malformed>,
}

/// A row that was not replayed.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Malformed {
    pub(crate) line: u64,
    pub(crate) reason: String,
}

/// What the members' own counters say at the end.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Checks {
    pub(crate) pending: u64,
    pub(crate) connections: u64,
}

/// All that is reported.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) stream: Stream,
    pub(crate) policy: PolicyFacts,
    pub(crate) invitations: Invitations,
    pub(crate) replies: Replies,
    pub(crate) connections: u64,
    pub(crate) accepted_within: Vec<DelayLine>,
    pub(crate) refusals: Vec<RefusalLine>,
    pub(crate) reminders: BTreeMap<u8, u64>,
    pub(crate) restrictions: Vec<ClassLine>,
    pub(crate) restriction_lengths: Vec<LengthLine>,
    pub(crate) rules: Vec<RuleLine>,
    pub(crate) agreement: Vec<Agreement>,
    pub(crate) curve: Vec<CurvePoint>,
    pub(crate) days: Vec<DayLine>,
    pub(crate) malformed: Vec<Malformed>,
}

/// What was read.
#[derive(Debug, Serialize)]
pub(crate) struct Stream {
    pub(crate) file: String,
    pub(crate) rows: u64,
    pub(crate) malformed: u64,
    /// Messages after the first in their direction: they change nothing.
    pub(crate) further: u64,
    pub(crate) members: u64,
    pub(crate) first_at: Option<Time>,
    pub(crate) last_at: Option<Time>,
}

/// The rules in force.
#[derive(Debug, Serialize)]
pub(crate) struct PolicyFacts {
    pub(crate) name: String,
    pub(crate) document: String,
}

/// What became of invitations.
#[derive(Debug, Serialize)]
pub(crate) struct Invitations {
    pub(crate) attempts: u64,
    pub(crate) sent: u64,
    /// Those among the sent that met one from the other side.
    pub(crate) crossed: u64,
    pub(crate) refused: u64,
    pub(crate) expired: u64,
    pub(crate) pending: u64,
}

/// What became of replies.
#[derive(Debug, Serialize)]
pub(crate) struct Replies {
    pub(crate) total: u64,
    pub(crate) accepted: u64,
    /// To an invitation that had been refused, by the reason of that.
    pub(crate) to_refused: ByCode,
    /// Refused themselves: the invitation had ended, or somebody had too many connections.
    pub(crate) refused: ByCode,
}

/// How many acceptances came within a delay.
#[derive(Debug, Serialize)]
pub(crate) struct DelayLine {
    pub(crate) within: Span,
    pub(crate) accepted: u64,
    pub(crate) share_of_accepted: f64,
    pub(crate) share_of_sent: f64,
}

/// Refusals for one reason.
#[derive(Debug, Serialize)]
pub(crate) struct RefusalLine {
    pub(crate) code: Code,
    pub(crate) rules: &'static str,
    pub(crate) sentence: &'static str,
    pub(crate) count: u64,
    pub(crate) share_of_attempts: f64,
}

/// Restrictions of one class.
#[derive(Debug, Serialize)]
pub(crate) struct ClassLine {
    pub(crate) class: RestrictionClass,
    pub(crate) rules: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) restrictions: u64,
    pub(crate) members: u64,
}

/// Restrictions of one length.
#[derive(Debug, Serialize)]
pub(crate) struct LengthLine {
    pub(crate) length: Span,
    pub(crate) restrictions: u64,
}

/// One number, found in two ways.
#[derive(Debug, Serialize)]
pub(crate) struct Agreement {
    pub(crate) what: &'static str,
    pub(crate) one: u64,
    pub(crate) other: u64,
}

impl Agreement {
    pub(crate) fn holds(&self) -> bool {
        self.one == self.other
    }
}

/// The share of all acceptances that came within so many seconds.
#[derive(Debug, Serialize)]
pub(crate) struct CurvePoint {
    pub(crate) seconds: u64,
    pub(crate) accepted: u64,
    pub(crate) share: f64,
}

/// One day; what is pending and who is restricted is as at its end.
#[derive(Debug, Default, Serialize)]
pub(crate) struct DayLine {
    #[serde(skip)]
    pub(crate) day: Day,
    pub(crate) date: String,
    pub(crate) sent: u64,
    pub(crate) refused: u64,
    pub(crate) accepted: u64,
    pub(crate) expired: u64,
    pub(crate) reminded: u64,
    pub(crate) pending: u64,
    pub(crate) restricted_unanswered_or_reported: u64,
    pub(crate) restricted_pace: u64,
}

impl Report {
    /// Works out the report.
    pub(crate) fn new(source: Source, mut answers: Answers, happened: &Happened, checks: Checks) -> Self {
        answers.delays.sort_unstable();
        let (invited, replied) = (&answers.invited, &answers.replied);
        let refused = invited.refused.values().sum();
        let invitations = Invitations {
            attempts: invited.attempts,
            sent: invited.sent,
            crossed: invited.crossed,
            refused,
            expired: happened.expired,
            pending: happened.pending(),
        };
        let replies = Replies {
            total: replied.replies,
            accepted: replied.accepted,
            to_refused: replied.to_refused.clone(),
            refused: replied.refused.clone(),
        };
        let restrictions = by_class(&happened.restrictions);
        let mut report = Self {
            connections: happened.accepted,
            accepted_within: delays(&answers.delays, invitations.sent),
            refusals: refusals(&invited.refused, invited.attempts),
            reminders: happened.reminded.clone(),
            restriction_lengths: by_length(&happened.restrictions),
            rules: Vec::new(),
            agreement: agreement(&answers, happened, checks),
            curve: curve(&answers.delays),
            days: days(&answers, happened),
            malformed: Vec::new(),
            policy: PolicyFacts { name: source.policy_name, document: source.policy.to_toml() },
            stream: Stream {
                file: source.file,
                rows: answers.rows,
                malformed: source.malformed.len() as u64,
                further: answers.further,
                members: answers.members.len() as u64,
                first_at: answers.first_at,
                last_at: answers.last_at,
            },
            invitations,
            replies,
            restrictions,
        };
        report.rules = rules::explain(&report, &source.policy);
        report.malformed = source.malformed;
        report
    }

    /// Whether every number that was found in two ways is the same.
    pub(crate) fn agrees(&self) -> bool {
        self.agreement.iter().all(Agreement::holds)
    }
}

/// A share of nothing is nothing.
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts lie far below 2^52")]
    let share = part as f64 / whole.max(1) as f64;
    share
}

/// How many of the sorted delays are at most so long.
fn within(delays: &[u64], seconds: u64) -> u64 {
    delays.partition_point(|delay| *delay <= seconds) as u64
}

fn delays(delays: &[u64], sent: u64) -> Vec<DelayLine> {
    let line = |span: Span| {
        let accepted = within(delays, span.as_seconds());
        DelayLine {
            within: span,
            accepted,
            share_of_accepted: share(accepted, delays.len() as u64),
            share_of_sent: share(accepted, sent),
        }
    };
    DELAYS.into_iter().map(line).collect()
}

fn curve(delays: &[u64]) -> Vec<CurvePoint> {
    let Some(longest) = delays.last() else { return Vec::new() };
    #[expect(clippy::cast_precision_loss, reason = "a delay lies far below 2^52 seconds")]
    let longest = (*longest as f64).max(CURVE_START * 2.0);
    let point = |step: u32| {
        let exponent = f64::from(step) / f64::from(CURVE_POINTS);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive and small")]
        let seconds = (CURVE_START * (longest / CURVE_START).powf(exponent)).round() as u64;
        let accepted = within(delays, seconds);
        CurvePoint { seconds, accepted, share: share(accepted, delays.len() as u64) }
    };
    (0..=CURVE_POINTS).map(point).collect()
}

fn refusals(refused: &ByCode, attempts: u64) -> Vec<RefusalLine> {
    let line = |(code, count): (&Code, &u64)| RefusalLine {
        code: *code,
        rules: rules::of_code(*code),
        sentence: code.sentence(),
        count: *count,
        share_of_attempts: share(*count, attempts),
    };
    refused.iter().map(line).collect()
}

fn by_class(restrictions: &[Restricted]) -> Vec<ClassLine> {
    let line = |class: RestrictionClass| {
        let of_class = || restrictions.iter().filter(move |restricted| restricted.class == class);
        let members: HashSet<_> = of_class().map(|restricted| &restricted.member).collect();
        let (rules, meaning) = rules::of_class(class);
        ClassLine { class, rules, meaning, restrictions: of_class().count() as u64, members: members.len() as u64 }
    };
    [RestrictionClass::UnansweredOrReported, RestrictionClass::Pace].into_iter().map(line).collect()
}

fn by_length(restrictions: &[Restricted]) -> Vec<LengthLine> {
    let mut lengths: BTreeMap<Span, u64> = BTreeMap::new();
    for restricted in restrictions {
        *lengths.entry(restricted.length()).or_default() += 1;
    }
    lengths.into_iter().map(|(length, restrictions)| LengthLine { length, restrictions }).collect()
}

fn agreement(answers: &Answers, happened: &Happened, checks: Checks) -> Vec<Agreement> {
    let (invited, replied) = (&answers.invited, &answers.replied);
    let refused: u64 = invited.refused.values().sum();
    let unheard: u64 = replied.to_refused.values().chain(replied.refused.values()).sum();
    vec![
        Agreement { what: "attempts = sent + refused", one: invited.attempts, other: invited.sent + refused },
        Agreement {
            what: "replies = accepted + to a refused invitation + refused",
            one: replied.replies,
            other: replied.accepted + unheard,
        },
        Agreement {
            what: "sent = events of invitations made + crossed",
            one: invited.sent,
            other: happened.created + invited.crossed,
        },
        Agreement {
            what: "accepted + crossed = events of acceptances",
            one: replied.accepted + invited.crossed,
            other: happened.accepted,
        },
        Agreement {
            what: "pending by events = by the members' counters",
            one: happened.pending(),
            other: checks.pending,
        },
        Agreement {
            what: "acceptances by events = connections by the members' counters",
            one: happened.accepted,
            other: checks.connections,
        },
        Agreement {
            what: "rows = attempts + replies + further messages",
            one: answers.rows,
            other: invited.attempts + replied.replies + answers.further,
        },
    ]
}

fn days(answers: &Answers, happened: &Happened) -> Vec<DayLine> {
    let (Some(first), Some(last)) = (answers.first_at, answers.last_at) else { return Vec::new() };
    let mut pending = 0;
    let line = |today: Day| {
        let counts = happened.days.get(&today).copied().unwrap_or_default();
        pending = (pending + counts.created).saturating_sub(counts.accepted + counts.expired);
        let end = Time::from_unix((today + 1).saturating_mul(86_400) - 1);
        let restricted = |class| {
            let holds = |one: &&Restricted| one.class == class && one.since <= end && end < one.until;
            happened.restrictions.iter().filter(holds).map(|one| &one.member).collect::<HashSet<_>>().len() as u64
        };
        DayLine {
            day: today,
            date: date(today),
            sent: counts.created,
            refused: answers.refused_on.get(&today).copied().unwrap_or_default(),
            accepted: counts.accepted,
            expired: counts.expired,
            reminded: counts.reminded,
            pending,
            restricted_unanswered_or_reported: restricted(RestrictionClass::UnansweredOrReported),
            restricted_pace: restricted(RestrictionClass::Pace),
        }
    };
    (day(first)..=day(last)).map(line).collect()
}
