//! The figures made of insights (rule 42): a plot, the table behind it, and both as files.

use acquaint_core::insight::{Insights, MIN_SAMPLE, Share, Shares};
use acquaint_core::survival::Estimate;
use acquaint_core::time::{Span, Time};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use crate::{
    Axis, Canvas, FIRST, PAPER, PlotError, Size, ages, axes, cells, grouped, picture, place_of, quarters, room,
    round_up, standalone, to_f64, width,
};

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
/// Ages at which the curve is told in its table.
const AGES: [(u64, &str); 8] = [
    (3_600, "1 h"),
    (21_600, "6 h"),
    (86_400, "1 day"),
    (259_200, "3 days"),
    (604_800, "7 days"),
    (1_209_600, "14 days"),
    (2_419_200, "28 days"),
    (5_184_000, "60 days"),
];
/// Audiences that are shown, those that most were sent to.
const AUDIENCES: usize = 12;
/// How high the line of an audience is.
const LINE: u32 = 44;

/// A figure: what it shows, line by line.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The name of its files, without the ending.
    pub name: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// What a line of it is about: the head of the first column.
    pub about: &'static str,
    /// What is shown, in order.
    pub lines: Vec<Line>,
    shape: Shape,
}

/// One line of a figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What it is about.
    pub key: String,
    /// How many invitations; `None` along the curve, which is about all.
    pub sent: Option<usize>,
    /// How many of them the share rests on.
    pub sample: Option<usize>,
    /// The share that is accepted, unless the sample is too small.
    pub share: Option<Estimate>,
    /// Its place on an axis of seconds, where there is one.
    seconds: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// The share over age.
    Curve,
    /// Numbers, side by side.
    Counts,
    /// Shares, side by side.
    Shares,
    /// Shares below each other, for long names.
    Lines,
}

impl Line {
    fn of(key: impl Into<String>, share: Share) -> Self {
        let Share { sent, sample, accepted } = share;
        Self { key: key.into(), sent: Some(sent), sample: Some(sample), share: accepted, seconds: 0 }
    }
}

/// Every figure of some insights, whether or not there is enough to draw.
#[must_use]
pub fn figures(found: &Insights) -> Vec<Figure> {
    let shares = |name, title, about, lines| Figure { name, title, about, lines, shape: Shape::Shares };
    let mut audiences = lines(&found.by_tag, Clone::clone);
    audiences.sort_by_key(|line| std::cmp::Reverse(line.sent));
    audiences.truncate(AUDIENCES);
    vec![
        curve(found),
        pending(found),
        shares("months", "By month", "Month", lines(&found.by_month, |at| day(*at).chars().take(7).collect())),
        shares("weeks", "By week", "Week from", lines(&found.by_week, |at| day(*at))),
        shares(
            "notes",
            "With and without a note",
            "Note",
            lines(&found.by_note, |with| if *with { "with" } else { "without" }.into()),
        ),
        Figure { name: "audiences", title: "By audience", about: "Audience", lines: audiences, shape: Shape::Lines },
        shares("mutual", "By mutual connections", "Mutual connections", mutual(&found.by_mutual)),
        shares("weekdays", "By day of the week (UTC)", "Day", lines(&found.by_weekday, |day| weekday(*day).into())),
        shares("hours", "By hour (UTC)", "Hour", lines(&found.by_hour, |hour| format!("{hour:02}"))),
    ]
}

fn lines<K>(shares: &Shares<K>, key: impl Fn(&K) -> String) -> Vec<Line> {
    shares.iter().map(|(of, share)| Line::of(key(of), *share)).collect()
}

fn mutual(shares: &Shares<u32>) -> Vec<Line> {
    let name = |from: u32| match from {
        0 => "0".into(),
        1 => "1–2".into(),
        3 => "3–9".into(),
        10 => "10–29".into(),
        from => format!("{from}+"),
    };
    lines(shares, |from| name(*from))
}

fn weekday(day: u8) -> &'static str {
    WEEKDAYS.get(usize::from(day).saturating_sub(1)).copied().unwrap_or_default()
}

/// The day of a moment, in UTC.
fn day(time: Time) -> String {
    time.to_string().chars().take_while(|c| *c != 'T').collect()
}

fn curve(found: &Insights) -> Figure {
    let at = |(age, share): &(Span, Estimate)| Line {
        key: age_name(*age),
        sent: None,
        sample: None,
        share: Some(*share),
        seconds: age.as_seconds(),
    };
    let lines = found.curve.iter().map(at).collect();
    Figure { name: "curve", title: "Accepted by age", about: "Age", lines, shape: Shape::Curve }
}

fn pending(found: &Insights) -> Figure {
    let ends = found.pending.iter().skip(1).map(|(from, _)| Some(*from)).chain([None]);
    let line = |((from, count), to): (&(Span, usize), Option<Span>)| {
        let days = |span: Span| span.as_seconds() / Span::days(1).as_seconds();
        let key = to.map_or_else(|| format!("{}+ d", days(*from)), |to| format!("{}–{} d", days(*from), days(to)));
        Line { key, sent: Some(*count), sample: None, share: None, seconds: from.as_seconds() }
    };
    let lines = found.pending.iter().zip(ends).map(line).collect();
    Figure { name: "pending", title: "Pending by age", about: "Age", lines, shape: Shape::Counts }
}

fn age_name(age: Span) -> String {
    let seconds = age.as_seconds();
    match seconds {
        ..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{:.1} h", to_f64(seconds) / 3_600.0),
        _ => format!("{:.1} d", to_f64(seconds) / 86_400.0),
    }
}

impl Figure {
    /// Whether there is anything to draw; the table says why not.
    #[must_use]
    pub fn is_drawable(&self) -> bool {
        match self.shape {
            Shape::Counts => self.lines.iter().any(|line| line.sent > Some(0)),
            Shape::Curve => self.lines.len() > 1,
            Shape::Shares | Shape::Lines => self.lines.iter().any(|line| line.share.is_some()),
        }
    }

    /// Whether the numbers are counts and not shares.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        self.shape == Shape::Counts
    }

    /// The lines of the table for readers: those of the curve at round ages alone.
    #[must_use]
    pub fn told(&self) -> Vec<Line> {
        if self.shape != Shape::Curve {
            return self.lines.clone();
        }
        let last = self.lines.last().map_or(0, |line| line.seconds);
        let reached = AGES.into_iter().filter(|(seconds, _)| *seconds <= last);
        let at = |(seconds, name): (u64, &str)| {
            let line = self.lines.iter().rev().find(|line| line.seconds <= seconds)?;
            Some(Line { key: name.to_owned(), ..line.clone() })
        };
        reached.filter_map(at).collect()
    }

    /// What is said where nothing is drawn.
    #[must_use]
    pub fn silence(&self) -> String {
        match self.shape {
            Shape::Counts => "Nothing is pending.".into(),
            _ => format!("Fewer than {MIN_SAMPLE} invitations to judge by: nothing can be said yet."),
        }
    }

    /// The plot as SVG for a page.
    ///
    /// # Errors
    /// [`PlotError`].
    pub fn svg(&self, size: Size) -> Result<String, PlotError> {
        let height = match self.shape {
            Shape::Lines => LINE * u32::try_from(self.lines.len().max(1)).unwrap_or(1) + 34,
            _ => size.height,
        };
        let size = Size { height, ..size };
        picture(size, self.title, |canvas| match self.shape {
            Shape::Curve => self.draw_curve(canvas, size),
            Shape::Counts => self.draw_counts(canvas, size),
            Shape::Shares => self.draw_shares(canvas, size),
            Shape::Lines => self.draw_lines(canvas, size),
        })
    }

    /// The plot as a file, light or dark as its viewer wishes.
    ///
    /// # Errors
    /// [`PlotError`].
    pub fn file(&self) -> Result<String, PlotError> {
        Ok(standalone(&self.svg(Size::WIDE)?))
    }

    /// All lines as CSV; what is not known is empty.
    ///
    /// # Errors
    /// None that memory gives.
    pub fn csv(&self) -> Result<Vec<u8>, csv::Error> {
        let known = |number: Option<usize>| number.map(|number| number.to_string()).unwrap_or_default();
        let share = |share: Option<f64>| share.map(|share| format!("{share:.4}")).unwrap_or_default();
        let seconds = |line: &Line| match self.shape {
            Shape::Curve | Shape::Counts => line.seconds.to_string(),
            Shape::Shares | Shape::Lines => String::new(),
        };
        let row = |line: &Line| {
            [
                cells::unformulated(&line.key),
                seconds(line),
                known(line.sent),
                known(line.sample),
                share(line.share.map(|it| it.share)),
                share(line.share.map(|it| it.low)),
                share(line.share.map(|it| it.high)),
            ]
        };
        let header = ["key", "age_seconds", "invitations", "sample", "accepted", "low", "high"];
        cells::written(header, self.lines.iter().map(row))
    }

    /// An axis of shares, up to a round one above the highest.
    fn shares_axis(&self) -> Axis {
        let highest = self.lines.iter().filter_map(|line| line.share).map(|share| share.high).fold(0.0, f64::max);
        let end = [0.2, 0.4, 0.6, 0.8].into_iter().find(|end| *end >= highest).unwrap_or(1.0);
        let marks = (0..=4).map(|part| f64::from(part) / 4.0 * end);
        Axis::new(0.0..end, marks.map(|share| (share, format!("{:.0} %", share * 100.0))).collect())
    }

    fn draw_curve(&self, canvas: &Canvas<'_>, size: Size) -> Result<(), PlotError> {
        let (Some(first), Some(last)) = (self.lines.first(), self.lines.last()) else { return Ok(()) };
        let x = ages(first.seconds, last.seconds, size);
        let mut chart = axes(canvas, size, x, self.shares_axis())?;
        let points = || self.lines.iter().filter_map(|line| Some((place_of(line.seconds), line.share?)));
        let upper = points().map(|(x, share)| (x, share.high));
        let lower: Vec<_> = points().map(|(x, share)| (x, share.low)).collect();
        let band = Polygon::new(upper.chain(lower.into_iter().rev()).collect::<Vec<_>>(), FIRST.mix(0.15).filled());
        chart.draw_series([band]).map_err(PlotError::new)?;
        let line = points().map(|(x, share)| (x, share.share));
        chart.draw_series(LineSeries::new(line, FIRST.stroke_width(2))).map_err(PlotError::new)?;
        Ok(())
    }

    /// Marks below lines side by side, as many as fit.
    fn places(&self, size: Size) -> Axis {
        let widest = self.lines.iter().map(|line| width(&line.key, size)).fold(1.0, f64::max);
        let fit = room(size) / widest;
        let short = fit < to_f64(self.lines.len() as u64) && self.name == "weekdays";
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number of labels")]
        let every = if short { 1 } else { self.lines.len().div_ceil((fit as usize).max(1)).max(1) };
        let name = |key: &str| if short { key.chars().take(2).collect() } else { key.to_owned() };
        let marks = self.lines.iter().enumerate().step_by(every);
        let marks = marks.map(|(place, line)| (to_f64(place as u64), name(&line.key))).collect();
        Axis::new(-0.5..to_f64(self.lines.len() as u64) - 0.5, marks)
    }

    fn draw_counts(&self, canvas: &Canvas<'_>, size: Size) -> Result<(), PlotError> {
        let counts = || self.lines.iter().map(|line| line.sent.unwrap_or_default() as u64);
        // The number above the tallest bar wants room too.
        let highest = counts().max().unwrap_or_default().max(4);
        let end = round_up(highest + highest.div_ceil(10));
        let mut chart = axes(canvas, size, self.places(size), Axis::new(0.0..to_f64(end), quarters(end)))?;
        let places = || counts().zip(0_u64..).map(|(count, place)| (count, to_f64(place)));
        let bars = places().filter(|(count, _)| *count > 0);
        let bars = bars.map(|(count, x)| Rectangle::new([(x - 0.36, 0.0), (x + 0.36, to_f64(count))], FIRST.filled()));
        chart.draw_series(bars).map_err(PlotError::new)?;
        let style = size.text_at(HPos::Center, VPos::Bottom);
        let numbers = places().filter(|(count, _)| *count > 0);
        let numbers = numbers
            .map(|(count, x)| EmptyElement::at((x, to_f64(count))) + Text::new(grouped(count), (0, -4), style.clone()));
        chart.draw_series(numbers).map_err(PlotError::new)?;
        Ok(())
    }

    fn draw_shares(&self, canvas: &Canvas<'_>, size: Size) -> Result<(), PlotError> {
        let mut chart = axes(canvas, size, self.places(size), self.shares_axis())?;
        let told = || {
            self.lines.iter().zip(0_u64..).filter_map(|(line, place)| line.share.map(|share| (to_f64(place), share)))
        };
        let interval = |(x, share): (f64, Estimate)| {
            PathElement::new(vec![(x, share.low), (x, share.high)], FIRST.mix(0.55).stroke_width(3))
        };
        chart.draw_series(told().map(interval)).map_err(PlotError::new)?;
        let point = |(x, share): (f64, Estimate)| {
            EmptyElement::at((x, share.share))
                + Circle::new((0, 0), 6, PAPER.filled())
                + Circle::new((0, 0), 5, FIRST.filled())
        };
        chart.draw_series(told().map(point)).map_err(PlotError::new)?;
        Ok(())
    }

    fn draw_lines(&self, canvas: &Canvas<'_>, size: Size) -> Result<(), PlotError> {
        let mut next = 0.0;
        let below = canvas.margin(0, 0, -36, 0);
        let lines = to_f64(self.lines.len() as u64);
        let mut chart = axes(&below, size, self.shares_axis(), Axis::new(-lines..0.0, Vec::new()))?;
        for line in &self.lines {
            let (name, y) = (next - 0.3, next - 0.72);
            next -= 1.0;
            let label = Text::new(shortened(&line.key), (0, 0), size.text_at(HPos::Left, VPos::Center));
            chart.draw_series([EmptyElement::at((0.0, name)) + label]).map_err(PlotError::new)?;
            let Some(share) = line.share else { continue };
            let interval = PathElement::new(vec![(share.low, y), (share.high, y)], FIRST.mix(0.55).stroke_width(3));
            chart.draw_series([interval]).map_err(PlotError::new)?;
            let point = EmptyElement::at((share.share, y))
                + Circle::new((0, 0), 6, PAPER.filled())
                + Circle::new((0, 0), 5, FIRST.filled());
            chart.draw_series([point]).map_err(PlotError::new)?;
        }
        Ok(())
    }
}

/// A name that fits; the table has all of it.
fn shortened(name: &str) -> String {
    if name.chars().count() <= 34 { name.to_owned() } else { name.chars().take(33).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use acquaint_core::history::{Fate, Sent};
    use acquaint_core::insight;

    use super::*;

    fn found(count: u64) -> Insights {
        let now: Time = "2026-11-25T12:00:00Z".parse().unwrap();
        let sent = (0..count).map(|n| {
            let at = now - Span::days(20 + n % 60) - Span::hours(n % 24);
            let fate = if n % 3 == 0 { Fate::Accepted(at + Span::hours(n % 200)) } else { Fate::Pending };
            let tags = vec![if n % 2 == 0 {
                "=cmd()".to_owned()
            } else {
                "an <audience> with a very long name, longer than fits".into()
            }];
            Sent { at, fate, with_note: n % 4 == 0, tags, mutual: u32::try_from(n % 40).ok() }
        });
        insight::look(&sent.collect::<Vec<_>>(), Span::days(14), now)
    }

    #[test]
    fn every_figure_is_drawn_and_told() {
        for figure in figures(&found(900)) {
            assert!(figure.is_drawable(), "{}", figure.name);
            for size in [Size::SMALL, Size::WIDE] {
                let svg = figure.svg(size).unwrap();
                assert!(
                    svg.starts_with("<svg role=\"img\"") && svg.contains(&format!("<title>{}</title>", figure.title))
                );
                assert!(!svg.contains("style=") && !svg.contains("<audience>"), "{svg}");
            }
            let csv = String::from_utf8(figure.csv().unwrap()).unwrap();
            assert_eq!(csv.lines().count(), figure.lines.len() + 1);
            assert!(!csv.lines().any(|line| line.starts_with('=')), "{csv}");
            assert!(!figure.told().is_empty());
        }
    }

    #[test]
    fn where_the_sample_is_small_nothing_is_drawn() {
        for figure in figures(&found(12)) {
            assert_eq!(figure.is_drawable(), figure.is_counted(), "{}", figure.name);
            assert!(figure.silence().ends_with('.'));
        }
        assert!(figures(&found(0)).iter().all(|figure| !figure.is_drawable()));
    }

    /// Where the names of an axis stand in a picture, as plotters writes them: a line of `<text …>` with its
    /// words after it.
    #[test]
    fn the_names_of_the_ages_do_not_touch() {
        for size in [Size::SMALL, Size::WIDE] {
            let svg = figures(&found(900)).remove(0).svg(size).unwrap();
            let attribute = |tag: &str, name: &str| {
                let value = tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?;
                value.parse::<f64>().ok()
            };
            let texts = svg.split("<text ").skip(1).filter_map(|text| {
                let (tag, rest) = text.split_once('>')?;
                let words = rest.split('<').next()?.trim();
                let is_age = AGES.iter().any(|(_, name)| *name == words);
                is_age.then(|| Some((attribute(&format!(" {tag}"), "x")?, words.to_owned()))).flatten()
            });
            let mut marks: Vec<(f64, String)> = texts.collect();
            marks.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(marks.len() >= 3 && marks.iter().any(|(_, name)| name == "1 day"), "{marks:?}");
            for pair in marks.windows(2) {
                let [(left, one), (right, other)] = pair else { continue };
                assert!(right - left > (width(one, size) + width(other, size)) / 2.0 - 1.0, "{marks:?}");
            }
        }
    }

    #[test]
    fn the_curve_is_told_at_round_ages() {
        let told = figures(&found(900)).remove(0).told();
        let keys: Vec<_> = told.iter().map(|line| line.key.as_str()).collect();
        assert_eq!(keys, ["1 h", "6 h", "1 day", "3 days", "7 days", "14 days", "28 days", "60 days"]);
        let shares: Vec<_> = told.iter().map(|line| line.share.unwrap().share).collect();
        assert!(shares.is_sorted(), "{shares:?}");
    }
}
