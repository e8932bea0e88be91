//! Writes the report into a directory.

use std::fs;
use std::path::Path;

use super::model::{Malformed, Report};
use super::{charts, page};
use crate::failure::{Failure, Outcome};

/// Writes `report.html`, `report.json`, the tables and the plots.
pub(crate) fn write(report: &Report, directory: &Path) -> Outcome<()> {
    let charts = charts::draw_all(report)?;
    let html = page::render(report, &charts)?;
    let json = serde_json::to_string_pretty(report).map_err(Failure::failed)?;
    make(directory)?;
    put(directory, "report.html", html.as_bytes())?;
    put(directory, "report.json", format!("{json}\n").as_bytes())?;
    for chart in &charts {
        put(directory, &format!("{}.svg", chart.name), acquaint_plot::standalone(&chart.wide).as_bytes())?;
    }
    tables(report, directory)?;
    write_malformed(&report.malformed, directory)
}

/// Writes `malformed.csv`, also where nothing else is written because of them.
pub(crate) fn write_malformed(malformed: &[Malformed], directory: &Path) -> Outcome<()> {
    make(directory)?;
    let rows = malformed.iter().map(|row| [row.line.to_string(), row.reason.clone()]);
    table(directory, "malformed.csv", ["line", "reason"], rows)
}

fn make(directory: &Path) -> Outcome<()> {
    fs::create_dir_all(directory)
        .map_err(|error| Failure::failed(format_args!("cannot make {}: {error}", directory.display())))
}

fn put(directory: &Path, name: &str, bytes: &[u8]) -> Outcome<()> {
    let path = directory.join(name);
    fs::write(&path, bytes).map_err(|error| Failure::failed(format_args!("cannot write {}: {error}", path.display())))
}

fn tables(report: &Report, directory: &Path) -> Outcome<()> {
    let curve = report
        .curve
        .iter()
        .map(|point| [point.seconds.to_string(), point.accepted.to_string(), format!("{:.6}", point.share)]);
    table(directory, "accepted.csv", ["within_seconds", "accepted", "share_of_accepted"], curve)?;
    let pending = report.days.iter().map(|day| {
        [&day.sent, &day.refused, &day.accepted, &day.expired, &day.reminded, &day.pending].map(u64::to_string)
    });
    let pending =
        report.days.iter().zip(pending).map(|(day, [sent, refused, accepted, expired, reminded, pending])| {
            [day.date.clone(), sent, refused, accepted, expired, reminded, pending]
        });
    let header = ["date", "sent", "refused", "accepted", "expired", "reminded", "pending_at_end_of_day"];
    table(directory, "pending.csv", header, pending)?;
    let refusals = report.refusals.iter().map(|line| {
        let (rules, sentence) = (line.rules.to_owned(), line.sentence.to_owned());
        [line.code.to_string(), rules, sentence, line.count.to_string(), format!("{:.6}", line.share_of_attempts)]
    });
    table(directory, "refusals.csv", ["code", "rules", "sentence", "refused", "share_of_attempts"], refusals)?;
    let restricted = report.days.iter().map(|day| {
        let (unanswered, pace) = (day.restricted_unanswered_or_reported, day.restricted_pace);
        [day.date.clone(), unanswered.to_string(), pace.to_string()]
    });
    table(
        directory,
        "restricted.csv",
        ["date", "unanswered_or_reported_at_end_of_day", "pace_at_end_of_day"],
        restricted,
    )
}

fn table<const N: usize>(
    directory: &Path,
    name: &str,
    header: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> Outcome<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).map_err(Failure::failed)?;
    for row in rows {
        writer.write_record(row).map_err(Failure::failed)?;
    }
    let bytes = writer.into_inner().map_err(Failure::failed)?;
    put(directory, name, &bytes)
}
