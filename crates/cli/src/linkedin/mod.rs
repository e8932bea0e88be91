//! `acquaint linkedin`: a person's own export, on the terminal.
//!
//! Files are read and one file is kept; nothing is asked of LinkedIn, and nothing leaves the machine.

mod insights;
mod pages;
mod show;

use std::path::{Path, PathBuf};

use acquaint_app::Clock;
use acquaint_core::advice::{LONGEST_JUDGED, plainly};
use acquaint_core::policy::Policy;
use acquaint_core::time::{Span, Time};
use acquaint_linkedin::STEPS;
use acquaint_linkedin::export::Part;
use acquaint_linkedin::import::{Figure, Imported, NotImported};
use acquaint_linkedin::kept::{Kept, KeptError};
use acquaint_linkedin::ledger::{Invited, Ledger, Status};
use acquaint_linkedin::source::Source;
use clap::{Args, Subcommand};

use crate::failure::{Failure, Outcome};
use crate::output;
use crate::progress::{Progress, grouped};
use pages::PagesArgs;
use show::ShowArgs;

#[derive(Debug, Args)]
#[command(
    after_help = "Nothing is asked of LinkedIn and nothing leaves this machine. docs/linkedin.md says what is read \
    and what is made of it."
)]
pub(crate) struct LinkedinArgs {
    #[command(subcommand)]
    command: LinkedinCommand,
    /// Directory in which what is known is kept
    #[arg(long, visible_alias = "into", value_name = "DIR", default_value = "acquaint-linkedin", global = true)]
    ledger: PathBuf,
    /// What time it is, for tests
    #[arg(long, value_name = "TIME", hide = true, global = true)]
    now: Option<Time>,
}

#[derive(Debug, Subcommand)]
enum LinkedinCommand {
    /// Read an export: the zip archive, its folder, or Invitations.csv or Connections.csv alone
    Import {
        /// The export
        export: PathBuf,
    },
    /// List the invitations you sent, the oldest first
    Show(ShowArgs),
    /// Say which to withdraw today, why, and how; and who may be invited again
    #[command(visible_alias = "plan")]
    Next,
    /// Say when and where your invitations are accepted, each number with its sample
    Insights {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show it in a browser: sent, clean-up, wait list and insights, on this machine alone
    Pages(PagesArgs),
    /// Note that you withdrew an invitation
    Withdrew {
        /// The address of the person's profile, or their name
        #[arg(value_name = "URL|NAME")]
        who: String,
    },
    /// Take back that you withdrew an invitation: you did not
    Undo {
        /// The address of the person's profile, or their name
        #[arg(value_name = "URL|NAME")]
        who: String,
    },
}

/// Carries out `acquaint linkedin`.
pub(crate) fn run(args: &LinkedinArgs) -> Outcome<()> {
    let now = args.now.unwrap_or_else(|| Clock::system().now());
    let (kept, policy) = (Kept::new(&args.ledger), Policy::default());
    match &args.command {
        LinkedinCommand::Import { export } => import(&kept, export, now),
        LinkedinCommand::Show(show) => show.run(&kept.ledger()?, &policy, now),
        LinkedinCommand::Next => next(&kept.ledger()?, &policy, now),
        LinkedinCommand::Insights { json } => insights::run(&kept.ledger()?, &policy, now, *json),
        LinkedinCommand::Pages(pages) => pages.run(kept, policy, args.now),
        LinkedinCommand::Withdrew { who } => withdrew(&kept, who, &policy, now),
        LinkedinCommand::Undo { who } => undo(&kept, who, &policy, now),
    }
}

impl From<KeptError> for Failure {
    fn from(error: KeptError) -> Self {
        match error {
            KeptError::Nothing(_) => Failure::usage(error),
            KeptError::Unreadable { .. } | KeptError::Io { .. } => Failure::failed(error),
        }
    }
}

fn import(kept: &Kept, path: &Path, now: Time) -> Outcome<()> {
    let shown = path.display();
    let mut source = Source::find(path).map_err(|error| Failure::usage(format_args!("{shown}: {error}")))?;
    let mut progress = Progress::new("read", "rows", None);
    let imported = kept.import(&mut source, now, |rows| progress.set(rows));
    progress.finish();
    let Imported { figures, remarks, troubles, untold } = imported.map_err(|error| match error {
        NotImported::Kept(error) => error.into(),
        NotImported::Unreadable(_) | NotImported::NotTaken(_) => {
            Failure::usage(format_args!("{shown}: {}", named_once(path, &error.to_string())))
        }
    })?;
    remarks.iter().for_each(|remark| output::note(remark));
    for trouble in troubles {
        output::note(&format!("{} line {}: {}", trouble.part.name(), trouble.line, trouble.reason));
    }
    if untold > 0 {
        output::note(&format!("… and {} more rows that were not understood", grouped(untold)));
    }
    output::line(&figures.iter().map(figure).collect::<Vec<_>>().join("\n"))
}

fn figure(Figure { name, is_part, count, of_these, remark }: &Figure) -> String {
    let name = if *is_part { format!("  {name}") } else { (*name).to_owned() };
    let of_these = of_these.map(|number| format!("{} ", grouped(number))).unwrap_or_default();
    format!("{name:<24}{:>12}  {of_these}{remark}", grouped(*count)).trim_end().to_owned()
}

/// What is wrong with a part, without the name of the part where the path is that file.
fn named_once<'t>(path: &Path, told: &'t str) -> &'t str {
    let is_part = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    let rest = Part::ALL.into_iter().find_map(|part| told.strip_prefix(part.name())?.strip_prefix(": "));
    rest.filter(|_| is_part).unwrap_or(told)
}

fn next(ledger: &Ledger, policy: &Policy, now: Time) -> Outcome<()> {
    let (suggested, left) = (ledger.suggestions(policy, now), ledger.budget_left(policy, now));
    let mut lines = Vec::new();
    if suggested.is_empty() {
        lines.push("nothing is old enough to withdraw".to_owned());
    } else if left == 0 {
        lines.push(format!("enough for today: {} are left for other days", grouped(suggested.len() as u64)));
    } else {
        let today = left.min(suggested.len());
        lines.push(format!("withdraw {today} today, of {} that are old:", grouped(suggested.len() as u64)));
        let told = suggested.iter().take(today).filter_map(|it| Some((it, ledger.people().get(it.of)?)));
        for (suggestion, person) in told {
            let why: Vec<_> = suggestion.reasons.iter().map(|reason| reason.sentence()).collect();
            let (name, age, why) = (named(person), age(person, now), why.join(" "));
            lines.push(format!("  {name}, {age}. {why} {}", sentence(&plainly(suggestion.chance))));
            lines.extend(person.link().map(|link| format!("    {link}")));
        }
        let steps = (1..).zip(STEPS).map(|(number, step)| format!("{number}. {step}"));
        lines.push(steps.collect::<Vec<_>>().join("  "));
        lines.push("Then say so: acquaint linkedin withdrew URL".into());
    }
    let again = ledger.people().iter().filter_map(|it| Some((it.may_invite_again_at(policy)?, it)));
    let mut again: Vec<_> = again.collect();
    again.sort_by(|a, b| (a.0, &a.1.name).cmp(&(b.0, &b.1.name)));
    for (from, person) in again {
        let when = if from <= now { "now, best with a note".into() } else { format!("from {}", day(from)) };
        lines.push(format!("{} may be invited again {when}", named(person)));
    }
    output::line(&lines.join("\n"))
}

fn withdrew(kept: &Kept, who: &str, policy: &Policy, now: Time) -> Outcome<()> {
    let (told, _) = kept.change(|ledger| {
        let place = invited(ledger, who)?;
        match ledger.mark_withdrawn(place, now) {
            Status::Accepted => Err(Failure::usage(format_args!("{who} has accepted; there is nothing to withdraw"))),
            _ => {
                let again = ledger.people().get(place).and_then(|it| it.may_invite_again_at(policy));
                let again = again.map_or_else(String::new, |at| format!("; may be invited again from {}", day(at)));
                Ok(format!("noted{again}; {} left for today", ledger.budget_left(policy, now)))
            }
        }
    })?;
    output::line(&told)
}

fn undo(kept: &Kept, who: &str, policy: &Policy, now: Time) -> Outcome<()> {
    let (told, _) = kept.change(|ledger| {
        let place = invited(ledger, who)?;
        if ledger.people().get(place).is_none_or(|person| person.status() != Status::Withdrawn) {
            return Err(Failure::usage(format_args!("you did not say that you withdrew the invitation to {who}")));
        }
        ledger.unmark_withdrawn(place);
        Ok(format!("it counts as not withdrawn again; {} left for today", ledger.budget_left(policy, now)))
    })?;
    output::line(&told)
}

/// The place of the one person whom somebody means.
fn invited(ledger: &Ledger, who: &str) -> Outcome<usize> {
    match ledger.find(who)[..] {
        [place] => Ok(place),
        [] => Err(Failure::usage(format_args!("nobody you invited is {who:?}: see `acquaint linkedin show`"))),
        [..] => Err(Failure::usage(format_args!("several people are named {who:?}: give the address of the profile"))),
    }
}

/// A person's name, or what stands for it.
fn named(person: &Invited) -> &str {
    if person.name.is_empty() { person.address.as_deref().unwrap_or("somebody") } else { &person.name }
}

fn age(person: &Invited, now: Time) -> String {
    format!("sent {} ({} days ago)", day(person.sent_at), days(now.since(person.sent_at)))
}

fn days(span: Span) -> u64 {
    span.as_seconds() / Span::days(1).as_seconds()
}

/// The day of a moment, in UTC.
fn day(time: Time) -> String {
    let text = time.to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}

/// With a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
}

/// The age up to which chances are judged.
fn ends_after(policy: &Policy) -> Span {
    policy.invitation.expires_after.unwrap_or(LONGEST_JUDGED)
}
