//! `report.html`: one file with everything in it, light or dark, for wide and narrow screens.

use askama::Template;

use super::charts::Chart;
use super::model::{DayLine, Report, share};
use super::rules::{numbered, words};
use super::text::percent;
use crate::failure::{Failure, Outcome};
use crate::progress::grouped;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    tiles: Vec<Tile>,
    accepted: Option<&'a Chart>,
    pending: Option<&'a Chart>,
    refusals: Option<&'a Chart>,
    restricted: Option<&'a Chart>,
    dark: &'static str,
}

/// A number at the head of the page.
struct Tile {
    name: &'static str,
    number: String,
    about: String,
}

/// The whole page.
pub(super) fn render(report: &Report, charts: &[Chart]) -> Outcome<String> {
    let find = |name: &str| charts.iter().find(|chart| chart.name == name);
    let page = Page {
        report,
        tiles: tiles(report),
        accepted: find("accepted"),
        pending: find("pending"),
        refusals: find("refusals"),
        restricted: find("restricted"),
        dark: acquaint_plot::DARK,
    };
    page.render().map_err(|error| Failure::failed(format_args!("cannot make the report: {error}")))
}

fn tiles(report: &Report) -> Vec<Tile> {
    let invitations = &report.invitations;
    let tile = |name, number, about: String| Tile { name, number: grouped(number), about };
    let of = |part, whole, of_what: &str| format!("{} of {of_what}", percent(share(part, whole)));
    vec![
        tile("sent", invitations.sent, of(invitations.sent, invitations.attempts, "all attempts")),
        tile("refused", invitations.refused, of(invitations.refused, invitations.attempts, "all attempts")),
        tile("connections", report.connections, of(report.connections, invitations.sent, "those sent")),
        tile("still pending", invitations.pending, of(invitations.pending, invitations.sent, "those sent")),
    ]
}

impl Page<'_> {
    fn number(&self, number: &u64) -> String {
        grouped(*number)
    }

    fn percent(&self, share: &f64) -> String {
        percent(*share)
    }

    fn numbered(&self, rules: &str) -> String {
        numbered(rules)
    }

    fn words(&self, span: &acquaint_core::time::Span) -> String {
        words(*span)
    }

    fn day(&self, at: &Option<acquaint_core::time::Time>) -> String {
        at.map(|at| at.to_string()).and_then(|at| at.split('T').next().map(str::to_owned)).unwrap_or_default()
    }

    /// Every seventh day and the last: enough for a table that people read.
    fn weeks(&self) -> Vec<&DayLine> {
        let days = &self.report.days;
        let last = days.len().saturating_sub(1);
        let picked = days.iter().enumerate().filter(|(place, _)| place % 7 == 0 || *place == last);
        picked.map(|(_, day)| day).collect()
    }
}
