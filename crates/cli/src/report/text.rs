//! The report as a page of plain text, for the terminal.

use super::model::{Report, share};
use super::rules::{class_name, numbered, words};
use crate::progress::grouped;

/// Columns of a line: a label, a number, and what there is to say about it.
const LABEL: usize = 34;
const NUMBER: usize = 8;

/// The report for the terminal.
pub(crate) fn summary(report: &Report) -> String {
    let mut page = Page::default();
    head(report, &mut page);
    invitations(report, &mut page);
    replies(report, &mut page);
    rest(report, &mut page);
    delays(report, &mut page);
    disagreements(report, &mut page);
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, label: &str, number: u64, about: &str) {
        let line = format!("{label:<LABEL$}{:>NUMBER$}  {about}", grouped(number));
        self.text(line.trim_end());
    }

    fn text(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn head(report: &Report, page: &mut Page) {
    let stream = &report.stream;
    let date = |at: Option<acquaint_core::time::Time>| {
        at.map(|at| at.to_string()).and_then(|at| at.split('T').next().map(str::to_owned)).unwrap_or_default()
    };
    let rows = grouped(stream.rows);
    let members = grouped(stream.members);
    let (first, last) = (date(stream.first_at), date(stream.last_at));
    page.text(&format!("{}, {}", stream.file, report.policy.name));
    page.text(&format!("{rows} messages among {members} members, {first} to {last}\n"));
}

fn invitations(report: &Report, page: &mut Page) {
    let invitations = &report.invitations;
    page.line("invitations attempted", invitations.attempts, "first messages of a pair");
    page.line("  sent", invitations.sent, &format!("{} of them crossed", grouped(invitations.crossed)));
    page.line("  refused", invitations.refused, "");
    for line in &report.refusals {
        let about = format!("{}: {}", numbered(line.rules), line.sentence);
        page.line(&format!("    {}", line.code), line.count, &about);
    }
}

fn replies(report: &Report, page: &mut Page) {
    let replies = &report.replies;
    page.line("replies", replies.total, "first messages the other way");
    page.line("  accepted", replies.accepted, "");
    let to_refused = replies.to_refused.values().sum();
    page.line("  to a refused invitation", to_refused, "there was nothing to accept");
    for (code, count) in &replies.refused {
        page.line(&format!("  {code}"), *count, code.sentence());
    }
    let rate = share(report.connections, report.invitations.sent);
    page.line("connections", report.connections, &format!("{} of the invitations sent", percent(rate)));
}

fn rest(report: &Report, page: &mut Page) {
    page.line("expired", report.invitations.expired, "rule 11");
    page.line("pending at the end", report.invitations.pending, "");
    page.line("reminders", report.reminders.values().sum(), "rule 22");
    let restrictions = report.restrictions.iter().map(|line| line.restrictions).sum();
    page.line("restrictions", restrictions, "");
    for line in report.restrictions.iter().filter(|line| line.restrictions > 0) {
        let about = format!("of {} members, rules {}: {}", grouped(line.members), line.rules, line.meaning);
        page.line(&format!("  {}", class_name(line.class)), line.restrictions, &about);
    }
    if report.stream.malformed > 0 {
        page.line("malformed rows, skipped", report.stream.malformed, "");
    }
}

fn delays(report: &Report, page: &mut Page) {
    if report.connections == 0 {
        return;
    }
    page.text("\naccepted within                   of all acceptances   of all sent");
    for line in &report.accepted_within {
        let (all, sent) = (percent(line.share_of_accepted), percent(line.share_of_sent));
        page.text(&format!("  {:<32}{all:>18}{sent:>14}", words(line.within)));
    }
}

fn disagreements(report: &Report, page: &mut Page) {
    for line in report.agreement.iter().filter(|line| !line.holds()) {
        page.text(&format!("\nDOES NOT AGREE: {}: {} and {}", line.what, line.one, line.other));
    }
}
