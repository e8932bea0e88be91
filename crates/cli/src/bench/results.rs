//! What was measured, for people and for programs.

use std::fmt::Write as _;
use std::path::Path;

use acquaint_store_fjall::floor::FloorReport;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::usage::Cores;
use crate::failure::{Failure, Outcome};
use crate::progress::grouped;

/// All figures of one run.
#[derive(Debug, Default, Serialize)]
pub(super) struct Results {
    pub(super) members: u32,
    pub(super) pending: u32,
    pub(super) preload: Option<Run>,
    pub(super) disk_bytes_per_pending: Option<u64>,
    pub(super) costs: Vec<Cost>,
    pub(super) engine: Option<Run>,
    /// The engine's rate as a share of the bare store's in each round, in ascending order.
    pub(super) engine_ratios: Vec<f64>,
    pub(super) floor: Option<Run>,
    pub(super) healthz: Option<Run>,
    pub(super) http: Vec<Measured>,
    /// The page of invitations sent, of a member with 1,500 pending, one visit after the other.
    pub(super) sent_page: Option<Run>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reminders: Option<Reminders>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) database: Option<DatabaseResults>,
    pub(super) start_seconds: Option<f64>,
    pub(super) start_after_kill_seconds: Option<f64>,
    pub(super) resident_mib: Option<u64>,
    pub(super) resident_peak_mib: Option<u64>,
}

/// Reminders that were all due at once, and what callers got before and meanwhile.
#[derive(Debug, Serialize)]
pub(super) struct Reminders {
    pub(super) run: Run,
    pub(super) idle: Run,
    pub(super) busy: Run,
    pub(super) idle_mib: Option<u64>,
    pub(super) peak_mib: Option<u64>,
}

/// Sends to a community in a database, in several ways; of each its median round.
#[derive(Debug, Serialize)]
pub(super) struct DatabaseResults {
    pub(super) store: String,
    pub(super) preload: Run,
    pub(super) ways: Vec<Way>,
    pub(super) ratios: Vec<Ratio>,
}

/// One way of sending: its run, and how many cores each side kept busy.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Way {
    pub(super) name: &'static str,
    pub(super) run: Run,
    pub(super) cores: Cores,
}

/// The rate of one way by that of another, in each round, in ascending order.
#[derive(Debug, Serialize)]
pub(super) struct Ratio {
    pub(super) name: &'static str,
    pub(super) rounds: Vec<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<f64>,
}

impl Ratio {
    /// The one in the middle.
    pub(super) fn median(&self) -> f64 {
        self.rounds.get(self.rounds.len() / 2).copied().unwrap_or_default()
    }
}

/// A stretch of work.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Run {
    pub(super) commands: usize,
    pub(super) refused: usize,
    pub(super) seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) batches: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) longest_commit_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) p99_ms: Option<f64>,
}

/// What one command reads and writes, on average.
#[derive(Debug, Serialize)]
pub(super) struct Cost {
    pub(super) kind: &'static str,
    pub(super) keys_read: f64,
    pub(super) bytes_read: f64,
    pub(super) keys_written: f64,
    pub(super) bytes_written: f64,
}

/// A kind of HTTP request: its median round, and the median of its ratios to the floor.
#[derive(Debug, Serialize)]
pub(super) struct Measured {
    pub(super) name: &'static str,
    pub(super) run: Run,
    pub(super) ratio: f64,
    pub(super) against: &'static str,
    pub(super) target: f64,
}

impl Run {
    /// What a replay on the bare store took, for so many commands.
    pub(super) fn of_floor(report: &FloorReport, commands: usize) -> Self {
        Self {
            commands,
            seconds: report.took.as_secs_f64(),
            batches: u64::try_from(report.batches).ok(),
            longest_commit_ms: Some(report.longest_commit.as_secs_f64() * 1_000.0),
            ..Self::default()
        }
    }

    /// Commands a second.
    pub(super) fn rate(&self) -> f64 {
        as_float(self.commands) / self.seconds.max(f64::MIN_POSITIVE)
    }

    pub(super) fn take_latencies(&mut self, latencies: &Histogram<u64>) {
        let millis =
            |quantile| as_float(usize::try_from(latencies.value_at_quantile(quantile)).unwrap_or(usize::MAX)) / 1_000.0;
        self.p50_ms = Some(millis(0.50));
        self.p99_ms = Some(millis(0.99));
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts far below what a float holds exactly")]
fn as_float(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rates are positive and small")]
fn per_second(rate: f64) -> String {
    format!("{}/s", grouped(rate as u64))
}

impl Results {
    pub(super) fn new(members: u32, pending: u32) -> Self {
        Self { members, pending, ..Self::default() }
    }

    /// Takes the round of engine and bare store whose ratio lies in the middle, with the longest
    /// commit of all.
    pub(super) fn take_rounds(&mut self, mut rounds: Vec<(Run, Run)>) {
        let longest =
            |run: fn(&(Run, Run)) -> &Run| rounds.iter().filter_map(|r| run(r).longest_commit_ms).reduce(f64::max);
        let longest = (longest(|(engine, _)| engine), longest(|(_, floor)| floor));
        let ratio = |(engine, floor): &(Run, Run)| engine.rate() / floor.rate();
        rounds.sort_by(|a, b| ratio(a).total_cmp(&ratio(b)));
        self.engine_ratios = rounds.iter().map(ratio).collect();
        let middle = rounds.len() / 2;
        if let Some((engine, floor)) = rounds.into_iter().nth(middle) {
            self.engine = Some(Run { longest_commit_ms: longest.0, ..engine });
            self.floor = Some(Run { longest_commit_ms: longest.1, ..floor });
        }
    }

    pub(super) fn engine_ratio(&self) -> Option<f64> {
        Some(self.engine.as_ref()?.rate() / self.floor.as_ref()?.rate())
    }

    /// The figures as a table.
    pub(super) fn to_text(&self) -> String {
        let mut text = format!(
            "{} members, {} pending invitations loaded\n",
            grouped(self.members.into()),
            grouped(self.pending.into())
        );
        for (name, run) in
            [("load", &self.preload), ("engine", &self.engine), ("bare store", &self.floor), ("healthz", &self.healthz)]
        {
            if let Some(run) = run {
                line(&mut text, name, run);
            }
        }
        if let Some(ratio) = self.engine_ratio() {
            let (low, high) =
                (self.engine_ratios.first().unwrap_or(&ratio), self.engine_ratios.last().unwrap_or(&ratio));
            let _ =
                writeln!(text, "engine / bare store           {ratio:.2}, from {low:.2} to {high:.2} (wanted: 0.70)");
        }
        for measured in &self.http {
            line(&mut text, measured.name, &measured.run);
            let Measured { ratio, against, target, .. } = measured;
            let _ = writeln!(text, "  of {against:<24} {ratio:.2} (wanted: {target:.2})");
        }
        if let Some(run) = &self.sent_page {
            line(&mut text, "page Sent, 1,500 pending", run);
            let _ = writeln!(text, "  p50 wanted: 5.00 ms");
        }
        self.reminders.iter().for_each(|reminders| reminders.tell(&mut text));
        self.database.iter().for_each(|database| database.tell(&mut text));
        self.resources(&mut text);
        for Cost { kind, keys_read, bytes_read, keys_written, bytes_written } in &self.costs {
            let _ = writeln!(
                text,
                "one {kind:<10} reads {keys_read:.1} keys, {bytes_read:.0} B; writes {keys_written:.1} keys, {bytes_written:.0} B"
            );
        }
        text.trim_end().to_owned()
    }

    fn resources(&self, text: &mut String) {
        if let Some(bytes) = self.disk_bytes_per_pending {
            let _ = writeln!(text, "on disk                       {} B for each pending invitation", grouped(bytes));
        }
        if let (Some(resident), Some(peak)) = (self.resident_mib, self.resident_peak_mib) {
            let _ = writeln!(text, "resident                      {resident} MiB, {peak} MiB at its peak");
        }
        if let (Some(clean), Some(killed)) = (self.start_seconds, self.start_after_kill_seconds) {
            let _ = writeln!(text, "start                         {clean:.2} s, {killed:.2} s after kill -9");
        }
    }

    /// Writes the figures for programs.
    pub(super) fn write_json(&self, file: &Path) -> Outcome<()> {
        let json = serde_json::to_string_pretty(self).map_err(Failure::failed)?;
        std::fs::write(file, json + "\n")
            .map_err(|error| Failure::failed(format_args!("cannot write {}: {error}", file.display())))
    }
}

impl Reminders {
    fn tell(&self, text: &mut String) {
        line(text, "reminders", &self.run);
        text.push_str("  wanted: 5,000/s\n");
        line(text, "callers, nothing due", &self.idle);
        line(text, "callers meanwhile", &self.busy);
        if let (Some(idle), Some(busy)) = (self.idle.p99_ms, self.busy.p99_ms) {
            let _ = writeln!(text, "  p99 {:.2} of idle (wanted: under 2.00)", busy / idle);
        }
        if let (Some(idle), Some(peak)) = (self.idle_mib, self.peak_mib) {
            let _ = writeln!(
                text,
                "memory                        {idle} MiB idle, {peak} MiB at the peak (wanted: under 300 more)"
            );
        }
    }
}

impl DatabaseResults {
    fn tell(&self, text: &mut String) {
        line(text, "load", &self.preload);
        for Way { name, run, cores } in &self.ways {
            line(text, name, run);
            let _ = writeln!(text, "  {cores}");
        }
        for ratio in &self.ratios {
            let (low, high) = (ratio.rounds.first(), ratio.rounds.last());
            let _ = write!(text, "{:<29} {:.2}", ratio.name, ratio.median());
            if let (Some(low), Some(high)) = (low, high) {
                let _ = write!(text, ", from {low:.2} to {high:.2}");
            }
            match ratio.target {
                Some(target) => {
                    let _ = writeln!(text, " (wanted: {target:.2})");
                }
                None => text.push('\n'),
            }
        }
    }
}

fn line(text: &mut String, name: &str, run: &Run) {
    let _ = write!(text, "{name:<29} {:>12}", per_second(run.rate()));
    if let (Some(p50), Some(p99)) = (run.p50_ms, run.p99_ms) {
        let _ = write!(text, "   p50 {p50:.2} ms, p99 {p99:.2} ms");
    }
    if let Some(batches) = run.batches.filter(|batches| *batches > 0) {
        let size = run.commands as u64 / batches;
        let _ = write!(text, "   {size} a commit");
    }
    if let Some(longest) = run.longest_commit_ms {
        let _ = write!(text, ", longest commit {longest:.0} ms");
    }
    if run.refused > 0 {
        let _ = write!(text, "   {} refused", grouped(run.refused as u64));
    }
    text.push('\n');
}
