//! Clean-up (rules 36 to 40): what might be withdrawn and why, a plan looked at before it begins, and
//! the plan at work.

use std::collections::{BTreeMap, HashSet};

use acquaint_app::{CleanupError, PlanChange, SkipError, SkipList};
use acquaint_core::advice::{Suggestion, plainly};
use acquaint_core::cleanup::{Item, Outcome, Plan, State as PlanState};
use acquaint_core::ids::{InvitationId, MemberId};
use acquaint_core::policy::Policy;
use acquaint_core::time::Time;
use acquaint_core::view::InvitationView;
use askama::Template;
use axum::extract::{Path, State};

use super::answer;
use super::form::{Answered, Fields, Posted};
use super::people::Person;
use super::session::{Me, Said};
use super::shell::{Part, Shell};
use super::when::{When, counted};
use super::words::told;
use super::{Mishap, Web};

/// The address of all this.
const HERE: &str = "/cleanup";
/// Suggestions on the page, and so invitations in one plan that is made there.
const SHOWN: usize = 200;
/// Lines of a plan that are shown of those to come, and of those that are done.
const LINES: usize = 50;

/// An invitation that might be withdrawn.
struct Row {
    id: InvitationId,
    to: Person,
    sent: When,
    reasons: Vec<&'static str>,
    chance: String,
}

/// A tag that people on the list have.
struct Tag {
    name: String,
    count: u64,
}

/// Whom the member leaves alone for good.
struct Kept {
    people: Vec<Person>,
    tags: Vec<String>,
}

#[derive(Template)]
#[template(path = "cleanup.html")]
struct Choose {
    shell: Shell,
    rows: Vec<Row>,
    total: usize,
    tags: Vec<Tag>,
    kept: Kept,
    budgets: Vec<u32>,
    /// What became of the plan before.
    over: Option<Progress>,
}

/// A plan before it begins.
#[derive(Template)]
#[template(path = "cleanup_confirm.html")]
struct Confirm {
    shell: Shell,
    rows: Vec<Row>,
    budget: u32,
    days: String,
    last: When,
}

/// A plan that goes on, or waits.
#[derive(Template)]
#[template(path = "cleanup_plan.html")]
struct Watch {
    shell: Shell,
    progress: Progress,
    next: Vec<Entry>,
    done: Vec<Entry>,
    more: usize,
}

/// How far a plan has come.
struct Progress {
    state: &'static str,
    title: String,
    text: String,
    /// In hundredths.
    share: usize,
    outcomes: Vec<String>,
}

/// An item of a plan.
struct Entry {
    id: InvitationId,
    to: Person,
    sent: When,
    outcome: Option<(&'static str, String, When)>,
}

/// The suggestions, or the plan that goes on.
pub(crate) async fn page(State(web): State<Web>, me: Me) -> Answered {
    let plan = web.network().cleanup_plan(&me.id).await?;
    match plan {
        Some(plan) if !plan.state.is_over() => watch(&web, &me, &plan).await,
        over => choose(&web, &me, over).await,
    }
}

async fn choose(web: &Web, me: &Me, over: Option<Plan>) -> Answered {
    let suggestions = web.network().suggestions(&me.id).await?;
    let total = suggestions.len();
    let (mut rows, mut tags) = (Vec::new(), BTreeMap::<String, u64>::new());
    for suggestion in suggestions {
        let member = web.network().member(&suggestion.of.other).await?;
        member.profile.audience.iter().for_each(|tag| *tags.entry(tag.clone()).or_default() += 1);
        if rows.len() < SHOWN {
            rows.push(row(&suggestion, Person::new(&member), web.network().now()));
        }
    }
    let tags = tags.into_iter().map(|(name, count)| Tag { name, count }).collect();
    let kept = Kept::load(web, &me.id).await?;
    let (policy, now) = (web.network().policy(), web.network().now());
    let over = over.map(|plan| Progress::new(&plan, &policy, now));
    let shell = Shell::new(web, me, Part::Network, "Clean up").await?;
    answer::page(web, &me.visitor, &Choose { shell, rows, total, tags, kept, budgets: budgets(&policy), over })
}

impl Kept {
    async fn load(web: &Web, member: &MemberId) -> Result<Self, Mishap> {
        let list = web.network().skip_list(member).await?;
        let mut people = Vec::with_capacity(list.members.len());
        for id in &list.members {
            people.push(Person::load(web.network(), id).await?);
        }
        Ok(Self { people, tags: list.audiences })
    }

    fn count(&self) -> usize {
        self.people.len() + self.tags.len()
    }
}

fn row(suggestion: &Suggestion<InvitationView>, to: Person, now: Time) -> Row {
    Row {
        id: suggestion.of.id,
        to,
        sent: When::new(suggestion.sent_at, now),
        reasons: suggestion.reasons.iter().map(|reason| reason.sentence()).collect(),
        chance: plainly(suggestion.chance),
    }
}

/// Withdrawals a day that can be chosen, the most first.
fn budgets(policy: &Policy) -> Vec<u32> {
    let most = policy.cleanup.daily_budget;
    let mut all: Vec<u32> = [most, most / 2, 10, 5].into_iter().filter(|budget| (1..=most).contains(budget)).collect();
    all.sort_unstable_by(|a, b| b.cmp(a));
    all.dedup();
    all
}

/// What a form chose.
struct Chosen {
    invitations: Vec<InvitationId>,
    budget: u32,
}

impl Chosen {
    fn read(fields: &Fields, policy: &Policy) -> Self {
        let mut invitations: Vec<InvitationId> =
            fields.all("id").filter_map(|id| id.parse().ok()).take(SHOWN).collect();
        let mut seen = HashSet::new();
        invitations.retain(|id| seen.insert(*id));
        let most = policy.cleanup.daily_budget;
        let budget = fields.get("budget").and_then(|budget| budget.parse().ok()).unwrap_or(most);
        Self { invitations, budget: budget.clamp(1, most) }
    }
}

/// Shows the plan that was chosen, before it begins. Changes nothing.
pub(crate) async fn preview(State(web): State<Web>, Posted { me, fields, .. }: Posted) -> Answered {
    let (policy, now) = (web.network().policy(), web.network().now());
    let chosen = Chosen::read(&fields, &policy);
    let mut rows = Vec::new();
    let mut items = Vec::new();
    for suggestion in web.network().suggestions(&me.id).await? {
        if chosen.invitations.contains(&suggestion.of.id) {
            let view = &suggestion.of;
            items.push(Item { invitation: view.id, to: view.other.clone(), sent_at: view.sent_at, outcome: None });
            let to = Person::load(web.network(), &view.other).await?;
            rows.push(row(&suggestion, to, now));
        }
    }
    let plan = Plan::new(items, chosen.budget, now);
    let Some(last) = plan.finishes_at() else {
        return answer::go(&web, &me.visitor, HERE, Some(&Said::bad("Choose at least one invitation.")));
    };
    let days = rows.len().div_ceil(usize::try_from(plan.daily_budget).unwrap_or(1)) as u64;
    let shell = Shell::new(&web, &me, Part::Network, "Clean up: the plan").await?;
    let page =
        Confirm { shell, rows, budget: plan.daily_budget, days: counted(days, "day"), last: When::new(last, now) };
    answer::page(&web, &me.visitor, &page)
}

/// Begins the plan.
pub(crate) async fn start(State(web): State<Web>, Posted { me, fields, .. }: Posted) -> Answered {
    let chosen = Chosen::read(&fields, &web.network().policy());
    let made = web.network().plan_cleanup(&me.id, &chosen.invitations, Some(chosen.budget)).await;
    let said = match made {
        Ok(_) => Said::good("The plan begins. You can pause it, or keep single invitations, at any time."),
        Err(CleanupError::Submit(error)) => return Err(error.into()),
        Err(CleanupError::NotPending(_)) => {
            Said::bad("Some of these were answered or ended in the meantime. Look through the list again.")
        }
        Err(error) => Said::bad(format!("Nothing was begun: {error}.")),
    };
    answer::go(&web, &me.visitor, HERE, Some(&said))
}

/// Pauses, resumes or cancels the plan, or takes an invitation off it.
pub(crate) async fn change(
    State(web): State<Web>,
    Path(what): Path<String>,
    Posted { me, fields, .. }: Posted,
) -> Answered {
    let (change, said) = match what.as_str() {
        "pause" => (PlanChange::Pause, "The plan waits."),
        "resume" => (PlanChange::Resume, "The plan goes on."),
        "cancel" => (PlanChange::Cancel, "The plan is ended. What was withdrawn stays withdrawn."),
        "skip" => {
            let ids = fields.all("id").filter_map(|id| id.parse().ok()).collect();
            (PlanChange::Skip(ids), "That invitation is kept.")
        }
        _ => return Err(Mishap::NotFound),
    };
    let said = match web.network().change_cleanup(&me.id, &change).await {
        Ok(_) => Said::good(said),
        Err(CleanupError::Submit(error)) => return Err(error.into()),
        Err(_) => return Err(Mishap::NotFound),
    };
    answer::go(&web, &me.visitor, HERE, Some(&said))
}

/// Leaves people and tags alone for good, or not any more.
pub(crate) async fn keep(
    State(web): State<Web>,
    Path(what): Path<String>,
    Posted { me, fields, .. }: Posted,
) -> Answered {
    let members = fields.all("member").filter_map(|id| id.parse().ok()).collect();
    let named = SkipList { members, audiences: fields.all("tag").map(str::to_owned).collect() };
    let network = web.network();
    let said = match what.as_str() {
        _ if named == SkipList::default() => Said::bad("Choose whom to leave alone."),
        "add" => match network.skip_also(&me.id, &named).await {
            Ok(()) => Said::good("They are left alone from now on, also by plans."),
            Err(SkipError::Store(error)) => return Err(error.into()),
            Err(SkipError::Strangers(_)) => return Err(Mishap::NotFound),
            Err(error @ SkipError::TooMany) => Said::bad(format!("The list would be too long: {error}.")),
        },
        "remove" => {
            network.skip_no_longer(&me.id, &named).await?;
            Said::good("They are looked at again.")
        }
        _ => return Err(Mishap::NotFound),
    };
    answer::go(&web, &me.visitor, HERE, Some(&said))
}

async fn watch(web: &Web, me: &Me, plan: &Plan) -> Answered {
    let (policy, now) = (web.network().policy(), web.network().now());
    let mut next = Vec::new();
    for item in plan.open().take(LINES) {
        next.push(entry(web, item, now).await?);
    }
    let mut done = Vec::new();
    for item in plan.items.iter().rev().filter(|item| item.outcome.is_some()).take(LINES) {
        done.push(entry(web, item, now).await?);
    }
    let more = plan.open().count() - next.len();
    let shell = Shell::new(web, me, Part::Network, "Clean up").await?;
    answer::page(web, &me.visitor, &Watch { shell, progress: Progress::new(plan, &policy, now), next, done, more })
}

async fn entry(web: &Web, item: &Item, now: Time) -> Result<Entry, Mishap> {
    let to = Person::load(web.network(), &item.to).await?;
    let outcome = item.outcome.map(|(outcome, at)| {
        let (tone, text) = outcome_words(outcome);
        (tone, text.to_owned(), When::new(at, now))
    });
    Ok(Entry { id: item.invitation, to, sent: When::new(item.sent_at, now), outcome })
}

fn outcome_words(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Withdrawn => ("", "Withdrawn"),
        Outcome::AlreadyAccepted => ("good", "Accepted before its turn: you are connected"),
        Outcome::NoLongerAvailable => ("", "Had ended before its turn"),
        Outcome::Skipped => ("", "You keep it"),
        Outcome::Refused(code) => ("bad", code.sentence()),
    }
}

impl Progress {
    fn new(plan: &Plan, policy: &Policy, now: Time) -> Self {
        let (all, open) = (plan.items.len(), plan.open().count());
        let done = all - open;
        let (title, text) = told_state(plan, done, policy, now);
        Self { state: plan.state.name(), title, text, share: done * 100 / all.max(1), outcomes: outcomes(plan) }
    }
}

fn told_state(plan: &Plan, done: usize, policy: &Policy, now: Time) -> (String, String) {
    let of = format!("{done} of {} done", plan.items.len());
    match plan.state {
        PlanState::Running => {
            let when = |at: Option<Time>| at.map(|at| When::new(at, now));
            let next = when(plan.due()).map_or_else(String::new, |next| format!("The next one goes {}. ", next.words));
            let last = when(plan.finishes_at());
            let last = last.map_or_else(String::new, |last| {
                format!("The last one goes on {}, if nothing comes in between. ", last.date)
            });
            let budget = counted(plan.daily_budget.into(), "withdrawal");
            (of, format!("{next}{last}At most {budget} in 24 hours, those by hand among them."))
        }
        PlanState::Paused => (format!("Paused, {of}"), "Nothing is withdrawn until you go on.".into()),
        PlanState::Stopped(why) => {
            let why = told(why, "them", policy, now).text;
            (format!("Stopped, {of}"), format!("{why} The plan goes on when you say so."))
        }
        PlanState::Cancelled => {
            (format!("The last plan was ended, {of}"), "What was withdrawn stays withdrawn.".into())
        }
        PlanState::Finished => ("The last plan is finished".into(), String::new()),
    }
}

/// How many came to what.
fn outcomes(plan: &Plan) -> Vec<String> {
    let mut counts = BTreeMap::<&str, u64>::new();
    for (outcome, _) in plan.items.iter().filter_map(|item| item.outcome) {
        let words = match outcome {
            Outcome::Withdrawn => "withdrawn",
            Outcome::AlreadyAccepted => "accepted before their turn",
            Outcome::NoLongerAvailable => "ended before their turn",
            Outcome::Skipped => "kept",
            Outcome::Refused(_) => "refused",
        };
        *counts.entry(words).or_default() += 1;
    }
    counts.into_iter().map(|(words, count)| format!("{count} {words}")).collect()
}
