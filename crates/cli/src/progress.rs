//! How far long work has come: a bar on a terminal, a plain line now and then elsewhere.
//!
//! Plain lines come at every tenth of the work, so that a log of a long run stays short and two
//! runs on the same input write the same.

use std::io::IsTerminal;

pub(crate) use acquaint_plot::grouped;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output;

/// Plain lines in the whole of a work whose size is known.
const PLAIN_LINES: u64 = 10;
/// How much lies between two plain lines where the size is not known.
const PLAIN_STEP: u64 = 100_000;

/// The progress of one piece of work, on standard error.
#[derive(Debug)]
pub struct Progress {
    verb: &'static str,
    unit: &'static str,
    total: Option<u64>,
    done: u64,
    next_line: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Begins: `Progress::new("replayed", "rows", Some(59_835))`.
    #[must_use]
    pub fn new(verb: &'static str, unit: &'static str, total: Option<u64>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| bar(verb, unit, total));
        let mut progress = Self { verb, unit, total, done: 0, next_line: 0, bar };
        progress.next_line = progress.step();
        progress
    }

    /// So much is done in all.
    pub fn set(&mut self, done: u64) {
        self.done = done;
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        } else if done >= self.next_line {
            let next = (done / self.step() + 1) * self.step();
            // The last line tells of all of it.
            self.next_line = self.total.filter(|total| done < *total).map_or(next, |total| next.min(total));
            output::note(&self.plain());
        }
    }

    /// More is done.
    pub fn add(&mut self, more: u64) {
        self.set(self.done + more);
    }

    /// The work is over; the bar goes away, so that what follows stands alone.
    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }

    fn step(&self) -> u64 {
        self.total.map_or(PLAIN_STEP, |total| total.div_ceil(PLAIN_LINES)).max(1)
    }

    fn plain(&self) -> String {
        let (verb, unit, done) = (self.verb, self.unit, grouped(self.done));
        match self.total {
            Some(total) => {
                let percent = self.done.saturating_mul(100) / total.max(1);
                format!("{verb} {done} of {} {unit} ({percent} %)", grouped(total))
            }
            None => format!("{verb} {done} {unit}"),
        }
    }
}

fn bar(verb: &'static str, unit: &'static str, total: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
    let template = match total {
        Some(_) => format!("{verb} {{human_pos}} of {{human_len}} {unit} {{wide_bar}} {{percent}} % · {{eta}} left"),
        None => format!("{{spinner}} {verb} {{human_pos}} {unit} · {{elapsed}}"),
    };
    // The template is one of the two above; a plain bar stands in should indicatif think otherwise.
    bar.set_style(ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_lines_tell_the_share() {
        let progress =
            Progress { verb: "replayed", unit: "rows", total: Some(59_835), done: 6_000, next_line: 0, bar: None };
        assert_eq!(progress.plain(), "replayed 6,000 of 59,835 rows (10 %)");
        assert_eq!(progress.step(), 5_984);
    }
}
