//! `acquaint cleanup`: a member's clean-up (rules 36 to 41) through the server of their community.

use std::fmt::Write as _;

use acquaint_core::ids::{InvitationId, MemberId};
use clap::{Args, Subcommand};
use hyper::Method;
use hyper::body::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::failure::{Failure, Outcome};
use crate::output;
use crate::progress::grouped;
use crate::remote::{Remote, read};

/// How many suggestions are printed unless all are wanted.
const SHOWN: usize = 25;
/// Where the list of those is who are left alone.
const SKIPS: &str = "/v1/cleanup/skips";

#[derive(Debug, Args)]
#[command(
    after_help = "ACQUAINT_HOST_KEY is a key of the host's with the scopes read and act, or the member's own token."
)]
pub(crate) struct CleanupArgs {
    #[command(subcommand)]
    command: CleanupCommand,
    /// The server, as HOST:PORT or http://HOST:PORT
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7171", global = true)]
    server: String,
    /// For whom; a member's own token says it already
    #[arg(long, value_name = "ID", global = true)]
    member: Option<MemberId>,
    /// Print what the server answers, as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum CleanupCommand {
    /// Say which pending invitations to think of withdrawing, and why, the worst first
    Suggest {
        /// Print all of them
        #[arg(long)]
        all: bool,
    },
    /// Say what a plan would be; changes nothing
    Preview(ChoiceArgs),
    /// Make the plan that `preview` shows, and begin it
    Start(ChoiceArgs),
    /// Show the plan, and what came of each invitation
    Show,
    /// Let the plan wait
    Pause,
    /// Let a plan that waits, or was stopped, go on
    Resume,
    /// End the plan; what was withdrawn stays withdrawn
    Cancel,
    /// Take invitations off the plan whose turn has not come
    Skip {
        /// Their ids
        #[arg(required = true, value_name = "INVITATION")]
        invitations: Vec<InvitationId>,
    },
    /// List who was withdrawn, and from when they may be invited again
    Waiting,
    /// Show whom suggestions and plans leave alone for good, or change it
    Keep(KeepArgs),
}

/// Whom clean-up leaves alone from now on, and whom not any more.
#[derive(Debug, Args)]
struct KeepArgs {
    /// These people, separated by commas
    #[arg(long, value_name = "MEMBERS", value_delimiter = ',')]
    members: Vec<MemberId>,
    /// People with one of these tags, separated by commas
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    audiences: Vec<String>,
    /// No longer these people or tags, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    no_longer: Vec<String>,
}

/// Which invitations a plan names.
#[derive(Debug, Args)]
struct ChoiceArgs {
    /// Those older than this, such as 30d [default: what the policy calls stale]
    #[arg(long, value_name = "DURATION")]
    older_than: Option<String>,
    /// Not those to these people, separated by commas
    #[arg(long, value_name = "MEMBERS", value_delimiter = ',')]
    skip_members: Vec<MemberId>,
    /// Not those to people who have one of these tags, separated by commas
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    skip_audiences: Vec<String>,
    /// Withdrawals a day [default: what the policy allows, which is the most]
    #[arg(long, value_name = "NUMBER")]
    daily_budget: Option<u32>,
}

/// Carries out `acquaint cleanup`.
pub(crate) async fn run(args: &CleanupArgs) -> Outcome<()> {
    let server = Remote::open(&args.server, "a key of the host's or the member's token").await?;
    let mut server = match &args.member {
        Some(member) => server.for_member(member.clone()),
        None => server,
    };
    let post = |path: &'static str| (Method::POST, path, String::new());
    let (method, path, body) = match &args.command {
        CleanupCommand::Suggest { .. } => (Method::GET, "/v1/cleanup/suggestions", String::new()),
        CleanupCommand::Preview(choice) => (Method::POST, "/v1/cleanup/preview", choice.body()),
        CleanupCommand::Start(choice) => (Method::POST, "/v1/cleanup/plan", choice.plan(&mut server).await?),
        CleanupCommand::Show => (Method::GET, "/v1/cleanup/plan", String::new()),
        CleanupCommand::Pause => post("/v1/cleanup/plan/pause"),
        CleanupCommand::Resume => post("/v1/cleanup/plan/resume"),
        CleanupCommand::Cancel => post("/v1/cleanup/plan/cancel"),
        CleanupCommand::Skip { invitations } => {
            (Method::POST, "/v1/cleanup/plan/skip", json!({"invitations": invitations}).to_string())
        }
        CleanupCommand::Waiting => (Method::GET, "/v1/cleanup/waiting", String::new()),
        CleanupCommand::Keep(keep) if keep.changes_nothing() => (Method::GET, SKIPS, String::new()),
        CleanupCommand::Keep(keep) => (Method::PUT, SKIPS, keep.list(&mut server).await?),
    };
    let answer = server.find(method, path, body).await?;
    let answer = answer.ok_or_else(|| Failure::failed("there is no plan; `acquaint cleanup start` makes one"))?;
    if args.json {
        return output::line(&serde_json::to_string_pretty(&read::<Value>(&answer)?).map_err(Failure::failed)?);
    }
    output::line(&told(&args.command, &answer)?)
}

impl KeepArgs {
    fn changes_nothing(&self) -> bool {
        self.members.is_empty() && self.audiences.is_empty() && self.no_longer.is_empty()
    }

    /// The list as it is to be.
    async fn list(&self, server: &mut Remote) -> Outcome<String> {
        let SkipList { mut members, mut audiences } = server.call(Method::GET, SKIPS, String::new()).await?;
        members.extend(self.members.iter().map(MemberId::to_string));
        audiences.extend(self.audiences.iter().cloned());
        for list in [&mut members, &mut audiences] {
            list.retain(|name| !self.no_longer.contains(name));
            list.sort();
            list.dedup();
        }
        Ok(json!({"members": members, "audiences": audiences}).to_string())
    }
}

impl ChoiceArgs {
    fn body(&self) -> String {
        let mut body = serde_json::Map::new();
        body.insert("skip_members".into(), json!(self.skip_members));
        body.insert("skip_audiences".into(), json!(self.skip_audiences));
        if let Some(age) = &self.older_than {
            body.insert("older_than".into(), json!(age));
        }
        if let Some(budget) = self.daily_budget {
            body.insert("daily_budget".into(), json!(budget));
        }
        serde_json::Value::Object(body).to_string()
    }

    /// The plan that names what the preview shows.
    async fn plan(&self, server: &mut Remote) -> Outcome<String> {
        let preview: Preview = server.call(Method::POST, "/v1/cleanup/preview", self.body()).await?;
        if preview.invitations.is_empty() {
            return Err(Failure::failed("there is nothing old enough to withdraw"));
        }
        let ids: Vec<&str> = preview.invitations.iter().map(|invitation| invitation.id.as_str()).collect();
        Ok(json!({"invitations": ids, "daily_budget": preview.daily_budget}).to_string())
    }
}

#[derive(Deserialize)]
struct Invitation {
    id: String,
    to: String,
    sent_at: String,
    may_invite_again_at: Option<String>,
}

#[derive(Deserialize)]
struct Suggestions {
    total: u64,
    suggestions: Vec<Suggestion>,
}

#[derive(Deserialize)]
struct Suggestion {
    invitation: Invitation,
    reasons: Vec<String>,
    told: String,
}

#[derive(Deserialize)]
struct Preview {
    invitations: Vec<Invitation>,
    daily_budget: u32,
    finishes_at: Option<String>,
}

#[derive(Deserialize)]
struct Waiting {
    waiting: Vec<Invitation>,
}

#[derive(Deserialize)]
struct SkipList {
    members: Vec<String>,
    audiences: Vec<String>,
}

#[derive(Deserialize)]
struct Plan {
    state: String,
    daily_budget: u32,
    next_at: Option<String>,
    finishes_at: Option<String>,
    stopped: Option<Stopped>,
    open: u64,
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Stopped {
    code: String,
    retry_at: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    invitation_id: String,
    to: String,
    sent_at: String,
    outcome: Option<String>,
}

/// An answer, for people: a line for each invitation, with tabs between.
fn told(command: &CleanupCommand, answer: &Bytes) -> Outcome<String> {
    Ok(match command {
        CleanupCommand::Suggest { all } => suggestions(&read(answer)?, if *all { usize::MAX } else { SHOWN }),
        CleanupCommand::Preview(_) => preview(&read(answer)?),
        CleanupCommand::Waiting => waiting(&read(answer)?),
        CleanupCommand::Keep(_) => kept(&read(answer)?),
        CleanupCommand::Start(_)
        | CleanupCommand::Show
        | CleanupCommand::Pause
        | CleanupCommand::Resume
        | CleanupCommand::Cancel
        | CleanupCommand::Skip { .. } => plan(&read(answer)?),
    })
}

fn suggestions(found: &Suggestions, shown: usize) -> String {
    let mut text = format!("{} to think of", grouped(found.total));
    for Suggestion { invitation, reasons, told } in found.suggestions.iter().take(shown) {
        let Invitation { id, to, sent_at, .. } = invitation;
        let _ = write!(text, "\n{id}\t{to}\t{sent_at}\t{}\t{told}", reasons.join(","));
    }
    if found.suggestions.len() > shown {
        let _ = write!(text, "\n… and {} more: --all", grouped((found.suggestions.len() - shown) as u64));
    }
    text
}

fn preview(found: &Preview) -> String {
    let Preview { invitations, daily_budget, finishes_at } = found;
    let mut text = format!("{} would be withdrawn, {daily_budget} a day", grouped(invitations.len() as u64));
    if let Some(end) = finishes_at {
        let _ = write!(text, ", the last one at {end}");
    }
    for Invitation { id, to, sent_at, .. } in invitations {
        let _ = write!(text, "\n{id}\t{to}\t{sent_at}");
    }
    text
}

fn waiting(found: &Waiting) -> String {
    if found.waiting.is_empty() {
        return "nobody waits".into();
    }
    let line = |it: &Invitation| format!("{}\t{}", it.to, it.may_invite_again_at.as_deref().unwrap_or("-"));
    found.waiting.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn kept(found: &SkipList) -> String {
    let lines = |what: &'static str, names: &[String]| -> Vec<String> {
        names.iter().map(|name| format!("{what}\t{name}")).collect()
    };
    let all = [lines("member", &found.members), lines("audience", &found.audiences)].concat();
    if all.is_empty() { "nobody is left alone".into() } else { all.join("\n") }
}

fn plan(found: &Plan) -> String {
    let Plan { state, daily_budget, next_at, finishes_at, stopped, open, items } = found;
    let mut text =
        format!("{state}: {} of {} are open, {daily_budget} a day", grouped(*open), grouped(items.len() as u64));
    if let (Some(next), Some(end)) = (next_at, finishes_at) {
        let _ = write!(text, ", the next one at {next}, the last one at {end}");
    }
    if let Some(Stopped { code, retry_at }) = stopped {
        let from = retry_at.as_deref().map(|at| format!(" from {at} on")).unwrap_or_default();
        let _ = write!(text, "; stopped by {code}, `acquaint cleanup resume`{from}");
    }
    for Item { invitation_id, to, sent_at, outcome } in items {
        let _ = write!(text, "\n{invitation_id}\t{to}\t{sent_at}\t{}", outcome.as_deref().unwrap_or("open"));
    }
    text
}
