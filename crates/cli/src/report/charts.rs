//! The plots, as SVG, each in a wide form and in a narrow one for phones.
//!
//! They are drawn in the colours of a light page. Whoever shows them lays [`DARK`] over that, which
//! exchanges each colour for its dark counterpart.

use std::fmt::Display;
use std::ops::Range;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::model::{DayLine, Report};
use super::rules;
use super::text::percent;
use crate::failure::{Failure, Outcome};
use crate::progress::grouped;
use crate::replay::{Day, date};

const INK: RGBColor = RGBColor(0x33, 0x41, 0x55);
const GRID: RGBColor = RGBColor(0xe2, 0xe8, 0xf0);
const FIRST: RGBColor = RGBColor(0x25, 0x63, 0xeb);
const SECOND: RGBColor = RGBColor(0xd9, 0x77, 0x06);
/// The surface that the plots lie on, for the rims of marks.
const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xfe);

/// A style sheet that exchanges the colours of a plot for those of a dark page.
pub(super) const DARK: &str = "\
[fill=\"#334155\"]{fill:#cbd5e1}[stroke=\"#334155\"]{stroke:#cbd5e1}\
[fill=\"#E2E8F0\"]{fill:#334155}[stroke=\"#E2E8F0\"]{stroke:#334155}\
[fill=\"#2563EB\"]{fill:#60a5fa}[stroke=\"#2563EB\"]{stroke:#60a5fa}\
[fill=\"#D97706\"]{fill:#fbbf24}[stroke=\"#D97706\"]{stroke:#fbbf24}\
[fill=\"#FFFFFE\"]{fill:#111827}[stroke=\"#FFFFFE\"]{stroke:#111827}";

/// A plot in both forms.
pub(crate) struct Chart {
    /// The name of its file, without the ending.
    pub(crate) name: &'static str,
    pub(crate) wide: String,
    pub(crate) narrow: String,
}

/// How large a plot is drawn.
#[derive(Clone, Copy)]
struct Size {
    width: u32,
    height: u32,
    font: i32,
    /// Marks on the axis of time.
    ticks: usize,
}

const WIDE: Size = Size { width: 960, height: 360, font: 17, ticks: 8 };
const NARROW: Size = Size { width: 350, height: 280, font: 15, ticks: 4 };

impl Size {
    fn is_wide(self) -> bool {
        self.width >= WIDE.width
    }

    fn text(self) -> TextStyle<'static> {
        ("sans-serif", self.font).into_font().color(&INK)
    }

    fn text_at(self, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
        self.text().pos(Pos::new(horizontal, vertical))
    }
}

/// How high a bar of refusals is, with its name.
const REFUSAL_HEIGHT: i32 = 64;

type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Draw = fn(&Report, &Canvas<'_>, Size) -> Outcome<()>;

/// Every plot that there is something to show in.
pub(crate) fn draw_all(report: &Report) -> Outcome<Vec<Chart>> {
    let peak = report.days.iter().map(|day| day.pending).max().unwrap_or_default();
    let restricted = report.days.iter().map(restricted).max().unwrap_or_default();
    let mut charts = Vec::new();
    let mut add = |name, title: String, height: Option<u32>, draw: Draw| -> Outcome<()> {
        let sized = |size: Size| Size { height: height.unwrap_or(size.height), ..size };
        let wide = picture(report, sized(WIDE), &title, draw)?;
        let narrow = picture(report, sized(NARROW), &title, draw)?;
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

/// A plot as a file of its own, light or dark as its viewer wishes.
pub(crate) fn standalone(chart: &Chart) -> String {
    let style = format!("<style>@media (prefers-color-scheme:dark){{svg{{background:#111827}}{DARK}}}</style>");
    match chart.wide.find('>') {
        Some(end) => {
            let (head, rest) = chart.wide.split_at(end + 1);
            format!("{head}\n{style}{rest}")
        }
        None => chart.wide.clone(),
    }
}

fn failed(error: impl Display) -> Failure {
    Failure::failed(format_args!("cannot draw a plot: {error}"))
}

fn picture(report: &Report, size: Size, title: &str, draw: Draw) -> Outcome<String> {
    let mut svg = String::new();
    {
        let canvas = SVGBackend::with_string(&mut svg, (size.width, size.height)).into_drawing_area();
        draw(report, &canvas, size)?;
        canvas.present().map_err(failed)?;
    }
    // Scales with the page, and tells what it shows to those who listen.
    let title = title.replace('&', "&amp;").replace('<', "&lt;");
    let fixed = format!("width=\"{}\" height=\"{}\" ", size.width, size.height);
    let named = svg.replacen(&fixed, "role=\"img\" ", 1).replacen('>', &format!("><title>{title}</title>"), 1);
    Ok(named.lines().map(str::trim).collect::<Vec<_>>().join("\n"))
}

type Plot<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;

/// Draws the axes, with room for their labels and a rim so that nothing is cut at the edges.
fn axes<'a, 'b>(canvas: &'a Canvas<'b>, size: Size, x: Axis, y: Axis) -> Outcome<Plot<'a, 'b>> {
    let (left, bottom) = if size.is_wide() { (56, 34) } else { (44, 28) };
    let chart = ChartBuilder::on(canvas)
        .margin_top(12)
        .margin_right(28)
        .x_label_area_size(bottom)
        .y_label_area_size(left)
        .build_cartesian_2d(x, y);
    let mut chart = chart.map_err(failed)?;
    let mut mesh = chart.configure_mesh();
    mesh.light_line_style(TRANSPARENT).bold_line_style(GRID).axis_style(GRID).label_style(size.text());
    mesh.draw().map_err(failed)?;
    Ok(chart)
}

/// A round number at or above `value` to end an axis with, so that a quarter of it is round, too.
fn round_up(value: u64) -> u64 {
    const TENTHS: [u64; 9] = [10, 15, 20, 25, 30, 40, 50, 60, 80];
    let mut step = 1_u64;
    while step < u64::MAX / 1_000 {
        let quarters = TENTHS.iter().map(|tenths| tenths * step).filter(|tenths| tenths.is_multiple_of(10));
        if let Some(quarter) = quarters.map(|tenths| tenths / 10).find(|quarter| quarter * 4 >= value) {
            return quarter * 4;
        }
        step *= 10;
    }
    u64::MAX
}

/// Five marks from nothing to `end`, a multiple of four.
fn quarters(end: u64) -> Vec<(f64, String)> {
    (0..=4).map(|part| end / 4 * part).map(|number| (to_f64(number), grouped(number))).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts and days lie far below 2^52")]
fn to_f64(number: u64) -> f64 {
    number as f64
}

/// Marks at these delays, those of the rule book among them.
const DELAY_MARKS: [(u64, &str, bool); 7] = [
    (60, "1 min", true),
    (600, "10 min", false),
    (3_600, "1 h", true),
    (21_600, "6 h", false),
    (86_400, "1 day", true),
    (604_800, "7 days", true),
    (5_184_000, "60 days", true),
];

fn accepted(report: &Report, canvas: &Canvas<'_>, size: Size) -> Outcome<()> {
    let log = |seconds: u64| to_f64(seconds.max(1)).ln();
    let (Some(first), Some(last)) = (report.curve.first(), report.curve.last()) else { return Ok(()) };
    let marks = DELAY_MARKS
        .into_iter()
        .filter(|(seconds, _, always)| *seconds <= last.seconds && (*always || size.is_wide()))
        .map(|(seconds, name, _)| (log(seconds), name.to_owned()));
    let x = Axis::new(log(first.seconds)..log(last.seconds), marks.collect());
    let shares = [0.0, 0.25, 0.5, 0.75, 1.0];
    let y = Axis::new(0.0..1.0, shares.map(|share| (share, format!("{:.0} %", share * 100.0))).into());
    let mut chart = axes(canvas, size, x, y)?;
    let curve = || report.curve.iter().map(|point| (log(point.seconds), point.share));
    chart.draw_series(AreaSeries::new(curve(), 0.0, FIRST.mix(0.12))).map_err(failed)?;
    chart.draw_series(LineSeries::new(curve(), FIRST.stroke_width(2))).map_err(failed)?;
    // The named delays; where they crowd, only every other one is labelled.
    let labelled: &[u64] = if size.is_wide() { &[3_600, 86_400, 604_800] } else { &[3_600, 86_400] };
    for line in report.accepted_within.iter().filter(|line| line.within.as_seconds() <= last.seconds) {
        let at = (log(line.within.as_seconds()), line.share_of_accepted);
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
    axes(canvas, size, x, y).map(Some)
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
    fn an_axis_ends_in_a_round_number() {
        for (value, end) in
            [(0, 4), (4, 4), (5, 8), (17, 20), (41, 60), (4_087, 6_000), (7_132, 8_000), (8_100, 10_000)]
        {
            assert_eq!(round_up(value), end, "{value}");
        }
    }

    #[test]
    fn marks_of_days_fit() {
        assert_eq!(day_marks(&(0..3), 8), [0, 1, 2, 3]);
        let months = day_marks(&(0..200), 8);
        assert_eq!(months.iter().map(|day| date(*day)).next_back().as_deref(), Some("1970-07-01"));
        assert!(day_marks(&(0..4_000), 4).len() <= 4);
    }
}
