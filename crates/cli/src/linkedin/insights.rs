//! `acquaint linkedin insights`: when and where invitations are accepted, as tables or as JSON.

use std::fmt::Display;

use acquaint_core::insight::{self, Insights, MIN_SAMPLE, Shares};
use acquaint_core::policy::Policy;
use acquaint_core::survival::Estimate;
use acquaint_core::time::{Span, Time};
use acquaint_linkedin::ledger::Ledger;

use super::{day, days};
use crate::failure::{Failure, Outcome};
use crate::output;

/// Ages at which the curve is told.
const AGES: [Span; 6] = [Span::days(1), Span::days(3), Span::days(7), Span::days(14), Span::days(28), Span::days(60)];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Tells what the ledger's history says.
pub(super) fn run(ledger: &Ledger, policy: &Policy, now: Time, json: bool) -> Outcome<()> {
    let now = ledger.as_of().unwrap_or(now);
    let found = insight::look(&ledger.history(), policy.restriction.unanswered_after, now);
    if json {
        return output::line(&serde_json::to_string_pretty(&found).map_err(Failure::failed)?);
    }
    output::raw(tables(&found).as_bytes())
}

fn tables(found: &Insights) -> String {
    let within = days(found.within);
    let mut text = format!("accepted within {within} days, of the invitations of the last six months known\n");
    rows(&mut text, "all", &vec![("", found.all)], |it| (*it).to_owned());
    rows(&mut text, "by note", &found.by_note, |with| if *with { "with a note" } else { "without" }.to_owned());
    rows(&mut text, "by month", &found.by_month, |month| day(*month));
    rows(&mut text, "by day of the week (UTC)", &found.by_weekday, |day| {
        WEEKDAYS.get(usize::from(*day).saturating_sub(1)).copied().unwrap_or_default().to_owned()
    });
    rows(&mut text, "by hour (UTC)", &found.by_hour, |hour| format!("{hour:02}"));
    text += "\naccepted by an age\n";
    for age in AGES {
        let known = found.curve.iter().rev().find(|(at, _)| *at <= age);
        // The curve ends where too few were watched.
        if let Some((_, share)) = known.filter(|_| found.curve.last().is_some_and(|(last, _)| *last >= age)) {
            text += &format!("  {:<12}{}\n", format!("{} d", days(age)), percent(*share));
        }
    }
    text += "\npending or unknown, by age\n";
    for (from, count) in &found.pending {
        text += &format!("  {:<12}{count:>8}\n", format!("{} d on", days(*from)));
    }
    text
}

fn rows<K, D: Display>(text: &mut String, title: &str, shares: &Shares<K>, key: impl Fn(&K) -> D) {
    *text += &format!("\n{title}\n");
    for (of, share) in shares {
        let told = share.accepted.map_or_else(|| format!("fewer than {MIN_SAMPLE} to judge by"), percent);
        *text += &format!("  {:<12}{:>8} sent  {told}\n", key(of).to_string(), share.sent);
    }
}

fn percent(Estimate { share, low, high }: Estimate) -> String {
    format!("{:5.1} %  ({:.1} to {:.1} %)", share * 100.0, low * 100.0, high * 100.0)
}
