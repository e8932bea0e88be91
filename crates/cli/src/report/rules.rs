//! What each rule says under the policy of a replay, and what it did there.

use acquaint_core::member::RestrictionClass;
use acquaint_core::policy::Policy;
use acquaint_core::refusal::Code;
use acquaint_core::time::Span;
use serde::Serialize;

use super::model::Report;
use crate::progress::grouped;

/// A rule and its share in the numbers.
#[derive(Debug, Serialize)]
pub(crate) struct RuleLine {
    /// Its number in the rule book.
    pub(crate) rule: &'static str,
    /// What it says under this policy.
    pub(crate) says: String,
    /// What it did in this replay.
    pub(crate) did: String,
}

/// The rules behind a refusal.
pub(super) fn of_code(code: Code) -> &'static str {
    match code {
        Code::SelfInvitation | Code::SelfTarget => "1",
        Code::UnknownMember => "21",
        Code::AlreadyConnected | Code::AlreadyPending => "1, 12",
        Code::NotAcceptingInvitations => "20, 21",
        Code::EmailRequired => "21",
        Code::Cooldown => "9, 10",
        Code::Restricted => "28 to 33",
        Code::PendingCap => "25",
        Code::RollingLimit => "26",
        Code::ConnectionCap => "16",
        Code::NoteTooLong | Code::NoteNotText => "2",
        Code::NoteQuota => "3",
        Code::AlreadyAccepted | Code::NoLongerAvailable | Code::NotFound => "13",
        Code::Blocking => "20",
    }
}

/// `rule 25`, `rules 28 to 33`.
pub(super) fn numbered(rules: &str) -> String {
    let several = rules.contains(|c: char| !c.is_ascii_digit());
    format!("rule{} {rules}", if several { "s" } else { "" })
}

/// The rules behind a class of restrictions, and what it is for.
pub(super) fn of_class(class: RestrictionClass) -> (&'static str, &'static str) {
    match class {
        RestrictionClass::UnansweredOrReported => ("28, 29", "too many unanswered or reported"),
        RestrictionClass::Pace => ("30, 31", "too many at once"),
    }
}

/// The name of a class as in `report.json`.
pub(super) fn class_name(class: RestrictionClass) -> &'static str {
    match class {
        RestrictionClass::UnansweredOrReported => "unanswered_or_reported",
        RestrictionClass::Pace => "pace",
    }
}

/// Every rule that a stream of invitations and replies can touch, in the order of the rule book.
pub(super) fn explain(report: &Report, policy: &Policy) -> Vec<RuleLine> {
    let mut lines = life(report, policy);
    lines.extend(limits(report, policy));
    lines.extend(restrictions(report, policy));
    lines
}

fn line(rule: &'static str, says: impl Into<String>, did: impl Into<String>) -> RuleLine {
    RuleLine { rule, says: says.into(), did: did.into() }
}

/// `1 reply`, `2 replies`.
pub(super) fn counted(number: u64, one: &str, more: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { more })
}

fn refused(report: &Report, code: Code) -> u64 {
    report.refusals.iter().find(|line| line.code == code).map_or(0, |line| line.count)
}

fn life(report: &Report, policy: &Policy) -> Vec<RuleLine> {
    let (invitations, replies) = (&report.invitations, &report.replies);
    let to_refused: u64 = replies.to_refused.values().sum();
    let too_late = replies.refused.get(&Code::NoLongerAvailable).copied().unwrap_or_default();
    let expires = policy.invitation.expires_after.map_or_else(
        || "An unanswered invitation never ends by itself (switched off).".into(),
        |after| format!("An unanswered invitation ends by itself after {}.", words(after)),
    );
    let reminders = match policy.reminders.after.as_slice() {
        [] => "Nobody is reminded (switched off).".into(),
        after => {
            let after: Vec<String> = after.iter().copied().map(words).collect();
            format!("The recipient is reminded of an unanswered invitation after {}.", after.join(" and "))
        }
    };
    let reminded: Vec<String> =
        report.reminders.iter().map(|(number, count)| format!("{} {}", grouped(*count), ordinal(*number))).collect();
    vec![
        line(
            "1",
            "A pair's first message is an attempt to invite.",
            format!(
                "{}: {} sent, {} refused.",
                counted(invitations.attempts, "attempt", "attempts"),
                grouped(invitations.sent),
                grouped(invitations.refused)
            ),
        ),
        line(
            "4",
            "The first message the other way is the acceptance.",
            format!(
                "{}: {} accepted, {} to an invitation that had been refused, {} too late or over a cap.",
                counted(replies.total, "reply", "replies"),
                grouped(replies.accepted),
                grouped(to_refused),
                grouped(replies.refused.values().sum())
            ),
        ),
        line(
            "11",
            expires,
            format!(
                "{} ended so; {} came after that.",
                grouped(invitations.expired),
                counted(too_late, "reply", "replies")
            ),
        ),
        line(
            "12",
            "Two members who invite each other are connected.",
            format!(
                "{} met one sent the other way in the same second.",
                counted(invitations.crossed, "invitation", "invitations")
            ),
        ),
        line(
            "22",
            reminders,
            if reminded.is_empty() { "0 reminders.".into() } else { format!("{}.", reminded.join(", ")) },
        ),
    ]
}

fn ordinal(number: u8) -> String {
    match number {
        1 => "first reminders".into(),
        2 => "second reminders".into(),
        more => format!("reminders no. {more}"),
    }
}

fn limits(report: &Report, policy: &Policy) -> Vec<RuleLine> {
    let turned_away = |code| format!("{} refused.", grouped(refused(report, code)));
    let limits = &policy.limits;
    let cap = |cap: Option<u32>, says: &dyn Fn(String) -> String| {
        cap.map_or_else(|| "No limit (switched off).".into(), |cap| says(grouped(cap.into())))
    };
    vec![
        line(
            "16",
            cap(limits.connections, &|cap| format!("A member has at most {cap} connections.")),
            turned_away(Code::ConnectionCap),
        ),
        line(
            "25",
            cap(limits.pending_cap, &|cap| format!("A member has at most {cap} invitations pending.")),
            turned_away(Code::PendingCap),
        ),
        line(
            "26",
            cap(limits.rolling_basic, &|cap| {
                format!("A member sends at most {cap} invitations in any {}.", words(limits.rolling_window))
            }),
            turned_away(Code::RollingLimit),
        ),
    ]
}

fn restrictions(report: &Report, policy: &Policy) -> Vec<RuleLine> {
    let rules = &policy.restriction;
    let off = || "Switched off.".to_owned();
    let unanswered = rules.acceptance_floor.map_or_else(off, |floor| {
        format!(
            "Of the invitations sent in the last {} and older than {}, at least {}: fewer than {:.0} % accepted restricts.",
            words(rules.unanswered_window),
            words(rules.unanswered_after),
            rules.unanswered_min,
            floor * 100.0
        )
    });
    let pace = rules.sends_per_hour.map_or_else(off, |sends| format!("More than {sends} sends in an hour restrict."));
    let ladder: Vec<String> = rules.ladder.iter().copied().map(words).collect();
    let lengths: Vec<String> = report
        .restriction_lengths
        .iter()
        .map(|line| format!("{} of {}", grouped(line.restrictions), words(line.length)))
        .collect();
    let class = |class: RestrictionClass| {
        let found = report.restrictions.iter().find(|line| line.class == class);
        let (count, members) = found.map_or((0, 0), |line| (line.restrictions, line.members));
        format!("{} of {}.", counted(count, "restriction", "restrictions"), counted(members, "member", "members"))
    };
    vec![
        line("28", unanswered, class(RestrictionClass::UnansweredOrReported)),
        line("30", pace, class(RestrictionClass::Pace)),
        line(
            "32",
            "A restriction stops sending, and nothing else.",
            format!("{} refused.", grouped(refused(report, Code::Restricted))),
        ),
        line(
            "33",
            format!(
                "Restrictions that start within {} of each other last {}; the last length repeats.",
                words(rules.ladder_memory),
                ladder.join(", ")
            ),
            if lengths.is_empty() { "None.".into() } else { format!("{}.", lengths.join(", ")) },
        ),
    ]
}

/// A span as people say it: `21 days`.
pub(super) fn words(span: Span) -> String {
    let seconds = span.as_seconds();
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let unit = units.into_iter().find(|(length, _)| seconds.is_multiple_of(*length));
    let (length, name) = unit.unwrap_or((1, "second"));
    let number = seconds / length;
    format!("{number} {name}{}", if number == 1 { "" } else { "s" })
}
