//! Plots as SVG: what the report of a replay and the pages of insights share.
//!
//! They are drawn in the colours of a light page. Whoever shows them lays [`DARK`] over that, or a
//! style sheet of their own, which exchanges each colour.
//!
//! | module | what it holds |
//! |---|---|
//! | `ages` | an axis of ages and delays |
//! | `axis` | an axis with marks of our own choosing |
//! | [`figures`] | the figures made of insights (rule 42): each a plot, a table and a CSV file |
//! | [`cells`] | CSV that a spreadsheet does not run |

mod ages;
mod axis;
pub mod cells;
pub mod figures;

use std::fmt::Display;

pub use ages::{ages, place_of};
use ages::{room, width};
pub use axis::Axis;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Text and marks.
pub const INK: RGBColor = RGBColor(0x33, 0x41, 0x55);
/// Lines behind what is shown.
pub const GRID: RGBColor = RGBColor(0xe2, 0xe8, 0xf0);
/// What is shown.
pub const FIRST: RGBColor = RGBColor(0x25, 0x63, 0xeb);
/// What is shown beside it.
pub const SECOND: RGBColor = RGBColor(0xd9, 0x77, 0x06);
/// The surface that the plots lie on, for the rims of marks.
pub const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xfe);

/// A style sheet that exchanges the colours of a plot for those of a dark page.
pub const DARK: &str = "\
[fill=\"#334155\"]{fill:#cbd5e1}[stroke=\"#334155\"]{stroke:#cbd5e1}\
[fill=\"#E2E8F0\"]{fill:#334155}[stroke=\"#E2E8F0\"]{stroke:#334155}\
[fill=\"#2563EB\"]{fill:#60a5fa}[stroke=\"#2563EB\"]{stroke:#60a5fa}\
[fill=\"#D97706\"]{fill:#fbbf24}[stroke=\"#D97706\"]{stroke:#fbbf24}\
[fill=\"#FFFFFE\"]{fill:#111827}[stroke=\"#FFFFFE\"]{stroke:#111827}";

/// A plot could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw a plot: {0}")]
pub struct PlotError(String);

impl PlotError {
    /// Out of what the library says.
    pub fn new(error: impl Display) -> Self {
        Self(error.to_string())
    }
}

/// How large a plot is drawn, in pixels.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
    /// Height of letters.
    pub font: i32,
    /// Marks on the axis at the bottom, at most.
    pub ticks: usize,
}

impl Size {
    /// For a desk, or a file.
    pub const WIDE: Size = Size { width: 960, height: 360, font: 17, ticks: 8 };
    /// For a phone.
    pub const NARROW: Size = Size { width: 350, height: 280, font: 15, ticks: 4 };
    /// For a phone, and for two beside each other at a desk.
    pub const SMALL: Size = Size { width: 380, height: 250, font: 17, ticks: 5 };

    /// Whether there is much room.
    #[must_use]
    pub fn is_wide(self) -> bool {
        self.width >= Self::WIDE.width
    }

    /// The style of text.
    #[must_use]
    pub fn text(self) -> TextStyle<'static> {
        ("sans-serif", self.font).into_font().color(&INK)
    }

    /// The style of text beside a point.
    #[must_use]
    pub fn text_at(self, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
        self.text().pos(Pos::new(horizontal, vertical))
    }
}

/// What is drawn on.
pub type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// Two axes, and the plot between them.
pub type Plot<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;

/// A picture as SVG that scales with its page and tells its title to those who listen.
///
/// # Errors
/// What `draw` says.
pub fn picture<E: From<PlotError>>(
    size: Size,
    title: &str,
    draw: impl FnOnce(&Canvas<'_>) -> Result<(), E>,
) -> Result<String, E> {
    let mut svg = String::new();
    {
        let canvas = SVGBackend::with_string(&mut svg, (size.width, size.height)).into_drawing_area();
        draw(&canvas)?;
        canvas.present().map_err(PlotError::new)?;
    }
    let title = title.replace('&', "&amp;").replace('<', "&lt;");
    let fixed = format!("width=\"{}\" height=\"{}\" ", size.width, size.height);
    let named = svg.replacen(&fixed, "role=\"img\" ", 1).replacen('>', &format!("><title>{title}</title>"), 1);
    Ok(named.lines().map(str::trim).collect::<Vec<_>>().join("\n"))
}

/// A picture as a file of its own, light or dark as its viewer wishes.
#[must_use]
pub fn standalone(svg: &str) -> String {
    let style = format!("<style>@media (prefers-color-scheme:dark){{svg{{background:#111827}}{DARK}}}</style>");
    match svg.find('>') {
        Some(end) => {
            let (head, rest) = svg.split_at(end + 1);
            format!("{head}\n{style}{rest}")
        }
        None => svg.to_owned(),
    }
}

/// Draws the axes, with room for their labels and a rim so that nothing is cut at the edges.
///
/// # Errors
/// [`PlotError`].
pub fn axes<'a, 'b>(canvas: &'a Canvas<'b>, size: Size, x: Axis, y: Axis) -> Result<Plot<'a, 'b>, PlotError> {
    let (left, bottom) = if size.is_wide() { (56, 34) } else { (44, 28) };
    let chart = ChartBuilder::on(canvas)
        .margin_top(12)
        .margin_right(28)
        .x_label_area_size(bottom)
        .y_label_area_size(left)
        .build_cartesian_2d(x, y);
    let mut chart = chart.map_err(PlotError::new)?;
    let mut mesh = chart.configure_mesh();
    mesh.light_line_style(TRANSPARENT).bold_line_style(GRID).axis_style(GRID).label_style(size.text());
    mesh.draw().map_err(PlotError::new)?;
    Ok(chart)
}

/// A round number at or above `value` to end an axis with, so that a quarter of it is round, too.
#[must_use]
pub fn round_up(value: u64) -> u64 {
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
#[must_use]
pub fn quarters(end: u64) -> Vec<(f64, String)> {
    (0..=4).map(|part| end / 4 * part).map(|number| (to_f64(number), grouped(number))).collect()
}

/// `1,463`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count as a place on an axis.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts and days lie far below 2^52")]
pub fn to_f64(number: u64) -> f64 {
    number as f64
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
    fn thousands_are_set_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (13_840, "13,840"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
