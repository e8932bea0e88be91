//! `acquaint linkedin show`: the invitations as a table, as JSON or as CSV.

use acquaint_core::policy::Policy;
use acquaint_core::survival::{Curve, Estimate};
use acquaint_core::time::{Span, Time};
use acquaint_linkedin::ledger::{Invited, Ledger, Status};
use acquaint_linkedin::person::folded;
use acquaint_plot::cells::{unformulated, written};
use clap::Args;
use serde::Serialize;

use super::{day, days, ends_after, named};
use crate::failure::{Failure, Outcome};
use crate::output;

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// Those with this status alone: accepted, withdrawn or pending_or_unknown
    #[arg(long, value_name = "STATUS", value_parser = status)]
    status: Option<Status>,
    /// Those older than this alone, such as 30d
    #[arg(long, value_name = "DURATION")]
    older_than: Option<Span>,
    /// Those with a note alone
    #[arg(long, conflicts_with = "without_note")]
    with_note: bool,
    /// Those without a note alone
    #[arg(long)]
    without_note: bool,
    /// Those whose name contains this
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// As JSON
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// As CSV
    #[arg(long)]
    csv: bool,
}

fn status(text: &str) -> Result<Status, String> {
    let found = Status::ALL.into_iter().find(|status| status.name() == text);
    found.ok_or_else(|| "expected accepted, withdrawn or pending_or_unknown".into())
}

/// One invitation as it is shown.
#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    link: Option<String>,
    sent_at: Time,
    with_note: bool,
    status: Status,
    is_guess: bool,
    is_gone: bool,
    connected_on: Option<Time>,
    withdrawn_at: Option<Time>,
    may_invite_again_at: Option<Time>,
    chance: Option<Estimate>,
}

impl ShowArgs {
    pub(super) fn run(&self, ledger: &Ledger, policy: &Policy, now: Time) -> Outcome<()> {
        let mut chosen: Vec<_> = ledger.people().iter().filter(|it| self.is_wanted(it, now)).collect();
        chosen.sort_by_key(|it| it.sent_at);
        let curve = ledger.curve(now);
        let lines: Vec<_> = chosen.into_iter().map(|it| Line::new(it, &curve, policy, now)).collect();
        if self.json {
            let text = serde_json::to_string_pretty(&lines).map_err(Failure::failed)?;
            output::line(&text)
        } else if self.csv {
            output::raw(&csv(&lines).map_err(Failure::failed)?)
        } else {
            output::raw(table(&lines, now).as_bytes())
        }
    }

    fn is_wanted(&self, it: &Invited, now: Time) -> bool {
        self.status.is_none_or(|status| it.status() == status)
            && self.older_than.is_none_or(|age| now.since(it.sent_at) > age)
            && (!self.with_note || it.with_note)
            && (!self.without_note || !it.with_note)
            && self.name.as_ref().is_none_or(|name| folded(&it.name).contains(&folded(name)))
    }
}

impl<'a> Line<'a> {
    fn new(it: &'a Invited, curve: &Curve, policy: &Policy, now: Time) -> Self {
        let judged = it.may_be_pending().then(|| curve.chance(now.since(it.sent_at), ends_after(policy)));
        Self {
            name: named(it),
            link: it.link(),
            sent_at: it.sent_at,
            with_note: it.with_note,
            status: it.status(),
            is_guess: it.is_guess,
            is_gone: it.is_gone,
            connected_on: it.connected_on,
            withdrawn_at: it.withdrawn_at,
            may_invite_again_at: it.may_invite_again_at(policy),
            chance: judged.flatten(),
        }
    }
}

fn table(lines: &[Line<'_>], now: Time) -> String {
    let mut text = format!("{:<10}  {:>5}  {:<19}  {:>8}  {}\n", "sent", "days", "status", "chance", "who");
    for it in lines {
        let chance = it.chance.map_or_else(String::new, |chance| format!("{:.1} %", chance.share * 100.0));
        let status = format!("{}{}", it.status.name(), if it.is_guess { "?" } else { "" });
        let (sent, days, name) = (day(it.sent_at), days(now.since(it.sent_at)), it.name);
        let (note, gone) = (if it.with_note { ", with note" } else { "" }, if it.is_gone { ", gone" } else { "" });
        text += &format!("{sent:<10}  {days:>5}  {status:<19}  {chance:>8}  {name}{note}{gone}\n");
    }
    text
}

fn csv(lines: &[Line<'_>]) -> Result<Vec<u8>, csv::Error> {
    let header = [
        "name",
        "link",
        "sent_at",
        "with_note",
        "status",
        "is_guess",
        "is_gone",
        "connected_on",
        "withdrawn_at",
        "may_invite_again_at",
        "chance",
        "chance_low",
        "chance_high",
    ];
    let time = |time: Option<Time>| time.map(|time| time.to_string()).unwrap_or_default();
    let share = |share: Option<f64>| share.map(|share| format!("{share:.4}")).unwrap_or_default();
    let row = |it: &Line<'_>| {
        [
            unformulated(it.name),
            it.link.clone().unwrap_or_default(),
            it.sent_at.to_string(),
            it.with_note.to_string(),
            it.status.name().into(),
            it.is_guess.to_string(),
            it.is_gone.to_string(),
            time(it.connected_on),
            time(it.withdrawn_at),
            time(it.may_invite_again_at),
            share(it.chance.map(|chance| chance.share)),
            share(it.chance.map(|chance| chance.low)),
            share(it.chance.map(|chance| chance.high)),
        ]
    };
    written(header, lines.iter().map(row))
}
