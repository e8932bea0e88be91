//! The plots, as SVG, each in a wide form and in a narrow one for phones.
//!
//! They are drawn in the colours of a light page. Whoever shows them lays [`DARK`] over that, which
//! exchanges each colour for its dark counterpart.

use std::ops::Range;

use acquaint_plot::{
    Axis, Canvas, FIRST, PAPER, Plot, PlotError, SECOND, Size, ages, axes, grouped, picture, place_of, quarters,
    round_up, to_f64,
};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::model::{DayLine, Report};
use super::rules;
use super::text::percent;
use crate::failure::{Failure, Outcome};
use crate::replay::{Day, date};

/// A plot in both forms.
pub(crate) struct Chart {
    /// The name of its file, without the ending.
    pub(crate) name: &'static str,
    pub(crate) wide: String,
    pub(crate) narrow: String,
}

/// How high a bar of refusals is, with its name.
const REFUSAL_HEIGHT: i32 = 64;

type Draw = fn(&Report, &Canvas<'_>, Size) -> Outcome<()>;

/// Every plot that there is something to show in.
pub(crate) fn draw_all(report: &Report) -> Outcome<Vec<Chart>> {
    let peak = report.days.iter().map(|day| day.pending).max().unwrap_or_default();
    let restricted = report.days.iter().map(restricted).max().unwrap_or_default();
    let mut charts = Vec::new();
    let mut add = |name, title: String, height: Option<u32>, draw: Draw| -> Outcome<()> {
        let sized = |size: Size| Size { height: height.unwrap_or(size.height), ..size };
        let drawn = |size: Size| picture(size, &title, |canvas| draw(report, canvas, size));
        let (wide, narrow) = (drawn(sized(Size::WIDE))?, drawn(sized(Size::NARROW))?);
        charts.push(Chart { name, wide, narrow });
        Ok(())
    };
    if !report.curve.is_empty() {
        add("accepted", "Share of all acceptances that came within a delay".into(), None, accepted)?;
    }
    add("pending", format!("Pending invitations by day, at most {}", grouped(peak)), None, pending)?;
    if !report.refusals.is_empty() {
        let bars = u32::try_from(report.refusals.len()).unwrap_or(u32::MAX);
        let height = bars.saturating_mul(REFUSAL_HEIGHT.unsigned_abs());
        add("refusals", "Refused invitations by reason".into(), Some(height), refusals)?;
    }
    if restricted > 0 {
        add("restricted", format!("Restricted members by day, at most {}", grouped(restricted)), None, restrictions)?;
    }
    Ok(charts)
}

impl From<PlotError> for Failure {
    fn from(error: PlotError) -> Self {
        Failure::failed(error)
    }
}

fn failed(error: impl std::fmt::Display) -> Failure {
    PlotError::new(error).into()
}

fn accepted(report: &Report, canvas: &Canvas<'_>, size: Size) -> Outcome<()> {
    let (Some(first), Some(last)) = (report.curve.first(), report.curve.last()) else { return Ok(()) };
    let x = ages(first.seconds, last.seconds, size);
    let shares = [0.0, 0.25, 0.5, 0.75, 1.0];
    let y = Axis::new(0.0..1.0, shares.map(|share| (share, format!("{:.0} %", share * 100.0))).into());
    let mut chart = axes(canvas, size, x, y)?;
    let curve = || report.curve.iter().map(|point| (place_of(point.seconds), point.share));
    chart.draw_series(AreaSeries::new(curve(), 0.0, FIRST.mix(0.12))).map_err(failed)?;
    chart.draw_series(LineSeries::new(curve(), FIRST.stroke_width(2))).map_err(failed)?;
    // The named delays; where they crowd, only every other one is labelled.
    let labelled: &[u64] = if size.is_wide() { &[3_600, 86_400, 604_800] } else { &[3_600, 86_400] };
    for line in report.accepted_within.iter().filter(|line| line.within.as_seconds() <= last.seconds) {
        let at = (place_of(line.within.as_seconds()), line.share_of_accepted);
        let rim =
            EmptyElement::at(at) + Circle::new((0, 0), 5, PAPER.filled()) + Circle::new((0, 0), 4, FIRST.filled());
        chart.draw_series([rim]).map_err(failed)?;
        if labelled.contains(&line.within.as_seconds()) {
            let label = Text::new(percent(line.share_of_accepted), (10, 4), size.text_at(HPos::Left, VPos::Top));
            chart.draw_series([EmptyElement::at(at) + label]).map_err(failed)?;
        }
    }
    Ok(())
}

/// Days at which the axis of time is marked: months, weeks or days, thinned out until they fit.
fn day_marks(days: &Range<Day>, most: usize) -> Vec<Day> {
    let is_first_of_month = |day: &Day| date(*day).ends_with("-01");
    let all: Vec<Day> = (days.start..=days.end).collect();
    let months: Vec<Day> = all.iter().copied().filter(is_first_of_month).collect();
    let marks = if months.len() >= 3 { months } else { all };
    let every = marks.len().div_ceil(most).max(1);
    marks.into_iter().step_by(every).collect()
}

/// The first day, the last one, and where a day stands on the axis.
fn span(report: &Report) -> Option<(Range<Day>, impl Fn(Day) -> f64 + use<>)> {
    let (first, last) = (report.days.first()?.day, report.days.last()?.day);
    // One day alone still needs an axis with a length.
    Some((first..last.max(first + 1), move |day: Day| to_f64(day.abs_diff(first))))
}

/// Axes of days and of a number that is at most `most`.
fn day_axes<'a, 'b>(report: &Report, canvas: &'a Canvas<'b>, size: Size, most: u64) -> Outcome<Option<Plot<'a, 'b>>> {
    let Some((days, x_of)) = span(report) else { return Ok(None) };
    let end = round_up(most.max(4));
    let marks = day_marks(&days, size.ticks).into_iter().map(|day| (x_of(day), short_date(day, size)));
    // A bar at either end needs half of its width beyond.
    let x = Axis::new(-0.5..x_of(days.end) + 0.5, marks.collect());
    let y = Axis::new(0.0..to_f64(end), quarters(end));
    Ok(axes(canvas, size, x, y).map(Some)?)
}

/// `1 May`, with the year where there is room.
fn short_date(day: Day, size: Size) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let date = date(day);
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<usize>().unwrap_or_default());
    let (year, month, day) = (parts.next(), parts.next().unwrap_or(1), parts.next().unwrap_or(1));
    let month = MONTHS.get(month.wrapping_sub(1)).copied().unwrap_or_default();
    match year {
        Some(year) if size.is_wide() => format!("{day} {month} {year}"),
        _ => format!("{day} {month}"),
    }
}

fn pending(report: &Report, canvas: &Canvas<'_>, size: Size) -> Outcome<()> {
    let most = report.days.iter().map(|day| day.pending).max().unwrap_or_default();
    let (Some(mut plot), Some((_, x_of))) = (day_axes(report, canvas, size, most)?, span(report)) else {
        return Ok(());
    };
    let points = || report.days.iter().map(|day| (x_of(day.day), to_f64(day.pending)));
    plot.draw_series(AreaSeries::new(points(), 0.0, FIRST.mix(0.12))).map_err(failed)?;
    plot.draw_series(LineSeries::new(points(), FIRST.stroke_width(2))).map_err(failed)?;
    Ok(())
}

fn restricted(day: &DayLine) -> u64 {
    day.restricted_unanswered_or_reported + day.restricted_pace
}

/// A bar for each day, both classes one on the other.
fn restrictions(report: &Report, canvas: &Canvas<'_>, size: Size) -> Outcome<()> {
    let most = report.days.iter().map(restricted).max().unwrap_or_default();
    let (legend, rest) = canvas.split_vertically(if size.is_wide() { 30 } else { 48 });
    let names = [(FIRST, "unanswered or reported (rules 28, 29)"), (SECOND, "too many at once (rules 30, 31)")];
    for ((color, name), place) in names.into_iter().zip(0..) {
        let (x, y) = if size.is_wide() { (8 + 340 * place, 6) } else { (8, 4 + 22 * place) };
        legend.draw(&Rectangle::new([(x, y), (x + 12, y + 12)], color.filled())).map_err(failed)?;
        let label = Text::new(name, (x + 20, y + 6), size.text_at(HPos::Left, VPos::Center));
        legend.draw(&label).map_err(failed)?;
    }
    let (Some(mut plot), Some((_, x_of))) = (day_axes(report, &rest, size, most)?, span(report)) else { return Ok(()) };
    let bar = |day: &DayLine, from: u64, to: u64, color: RGBColor| {
        let x = x_of(day.day);
        (to > from).then(|| Rectangle::new([(x - 0.45, to_f64(from)), (x + 0.45, to_f64(to))], color.filled()))
    };
    let unanswered = |day: &DayLine| day.restricted_unanswered_or_reported;
    let below = report.days.iter().filter_map(|day| bar(day, 0, unanswered(day), FIRST));
    let above = report.days.iter().filter_map(|day| bar(day, unanswered(day), restricted(day), SECOND));
    plot.draw_series(below.chain(above)).map_err(failed)?;
    Ok(())
}

/// One bar below the other, each under its name.
fn refusals(report: &Report, canvas: &Canvas<'_>, size: Size) -> Outcome<()> {
    let most = report.refusals.iter().map(|line| line.count).max().unwrap_or_default();
    let room = i32::try_from(size.width).unwrap_or(i32::MAX) - if size.is_wide() { 110 } else { 70 };
    for (line, place) in report.refusals.iter().zip(0..) {
        let top = place * REFUSAL_HEIGHT;
        let name = format!("{} · {}", line.code, rules::numbered(line.rules));
        let name = Text::new(name, (8, top + 8), size.text_at(HPos::Left, VPos::Top));
        canvas.draw(&name).map_err(failed)?;
        #[expect(clippy::cast_possible_truncation, reason = "at most the width of the plot")]
        let length = (f64::from(room) * to_f64(line.count) / to_f64(most.max(1))) as i32;
        let bar = Rectangle::new([(8, top + 30), (8 + length.max(2), top + 54)], FIRST.filled());
        canvas.draw(&bar).map_err(failed)?;
        let count = Text::new(grouped(line.count), (16 + length, top + 42), size.text_at(HPos::Left, VPos::Center));
        canvas.draw(&count).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_days_fit() {
        assert_eq!(day_marks(&(0..3), 8), [0, 1, 2, 3]);
        let months = day_marks(&(0..200), 8);
        assert_eq!(months.iter().map(|day| date(*day)).next_back().as_deref(), Some("1970-07-01"));
        assert!(day_marks(&(0..4_000), 4).len() <= 4);
    }
}
