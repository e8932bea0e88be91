//! "Your LinkedIn": a person's own export in a browser, apart from any community.
//!
//! Nothing is done on LinkedIn and nothing is asked of it: each line has a link that its owner opens, the
//! three steps there, and a button to say that it was done. The pages need no script.

mod import;

use std::sync::Arc;

use acquaint_app::Clock;
use acquaint_core::advice::{LONGEST_JUDGED, plainly};
use acquaint_core::insight;
use acquaint_core::policy::Policy;
use acquaint_core::time::{Span, Time};
use acquaint_linkedin::STEPS;
use acquaint_linkedin::kept::{Kept, KeptError};
use acquaint_linkedin::ledger::{Invited, Ledger, Status};
use acquaint_linkedin::person::folded;
use acquaint_plot::grouped;
use askama::Template;
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use prometheus_client::registry::Registry;

use import::IMPORT;

use super::form::{Answered, Fields, Sent};
use super::guard::{Admitted, Guarded};
use super::insights::Cards;
use super::invitations::{Query, with};
use super::session::{Said, Secret, Visitor};
use super::when::{When, counted};
use super::{Mishap, Seals, answer, assets, guard};
use crate::calendar::{self, Entry};
use crate::callers::Callers;
use crate::config::{Limits, Own, ServerConfig};
use crate::figures;
use crate::observe::{Around, Front, Observer};

/// Lines on one page.
const LINES: usize = 50;
/// The address of the list.
const SENT: &str = "/linkedin/sent";

/// The addresses of the pages.
const ADDRESSES: [&str; 13] = [
    "/",
    "/linkedin",
    SENT,
    IMPORT,
    "/linkedin/cleanup",
    "/linkedin/waiting",
    "/linkedin/waiting.ics",
    "/linkedin/insights",
    "/linkedin/insights/{file}",
    "/linkedin/withdrew",
    "/linkedin/takeback",
    "/assets/{file}",
    "/favicon.ico",
];

/// What every page has at hand.
#[derive(Clone)]
struct Desk(Arc<Inner>);

struct Inner {
    kept: Kept,
    policy: Policy,
    clock: Clock,
    secret: Secret,
    limits: Limits,
}

impl Guarded for Desk {
    async fn admit(&self, request: &mut Request) -> Result<Admitted, Mishap> {
        if !guard::is_of_this_machine(request.headers()) {
            return Err(Mishap::StrangeHost);
        }
        let visitor = Visitor::read(request.headers(), self.secret());
        request.extensions_mut().insert(visitor);
        Ok(Admitted { room: None, cookie: None })
    }
}

impl Seals for Desk {
    fn secret(&self) -> &Secret {
        &self.0.secret
    }

    fn limits(&self) -> &Limits {
        &self.0.limits
    }
}

/// Everything that is answered, observed.
///
/// # Errors
/// If two routes are the same.
pub(crate) fn front(own: Own, config: &ServerConfig) -> Result<Front, matchit::InsertError> {
    let Own { kept, policy, clock, secret } = own;
    let desk = Desk(Arc::new(Inner { kept, policy, clock, secret: Secret::new(secret), limits: config.limits }));
    let router = Router::new()
        .route("/", get(async || Redirect::to(SENT)))
        .route("/linkedin", get(async || Redirect::to(SENT)))
        .route(SENT, get(sent))
        .route(IMPORT, get(import::page).post(import::take).layer(import::limit()))
        .route("/linkedin/cleanup", get(cleanup))
        .route("/linkedin/waiting", get(waiting))
        .route("/linkedin/waiting.ics", get(dates))
        .route("/linkedin/insights", get(insights))
        .route("/linkedin/insights/{file}", get(figure))
        .route("/linkedin/withdrew", post(withdrew))
        .route("/linkedin/takeback", post(take_back))
        .route("/assets/{file}", get(assets::file))
        .route("/favicon.ico", get(async || Redirect::permanent("/assets/mark.svg")))
        .fallback(async || Mishap::NotFound)
        .layer(axum::middleware::from_fn_with_state(desk.clone(), guard::around::<Desk>))
        .with_state(desk);
    let observer = Arc::new(Observer::new(&mut Registry::default()));
    let around = Around { observer, callers: Arc::new(Callers::new(config)), is_encrypted: false };
    Front::new(router, around, ADDRESSES)
}

impl Desk {
    fn now(&self) -> Time {
        self.0.clock.now()
    }

    async fn ledger(&self) -> Result<Ledger, Mishap> {
        let kept = self.0.kept.clone();
        Ok(tokio::task::spawn_blocking(move || kept.ledger()).await.map_err(|_| Mishap::Ours)??)
    }

    /// Changes what is known about one person; what it is then.
    async fn change(&self, key: &str, change: fn(&mut Ledger, usize, Time)) -> Result<(Invited, usize), Mishap> {
        let (kept, key, now) = (self.0.kept.clone(), key.to_owned(), self.now());
        let changed = tokio::task::spawn_blocking(move || {
            kept.change::<_, KeptError>(|ledger| {
                let place = ledger.people().iter().position(|it| key_of(it) == key);
                place.into_iter().for_each(|place| change(ledger, place, now));
                Ok(place)
            })
        });
        let (place, ledger) = changed.await.map_err(|_| Mishap::Ours)??;
        let person = place.and_then(|place| ledger.people().get(place)).ok_or(Mishap::NotFound)?;
        Ok((person.clone(), ledger.budget_left(&self.0.policy, now)))
    }

    fn page(&self, visitor: &Visitor, page: &impl Template) -> Answered {
        answer::page(self, visitor, page)
    }
}

/// The frame around every page.
struct Frame {
    title: &'static str,
    here: &'static str,
    token: String,
    said: Option<Said>,
    /// The last day that the export knows.
    as_of: Option<When>,
    steps: [&'static str; 3],
}

impl Frame {
    fn new(desk: &Desk, visitor: &Visitor, ledger: &Ledger, title: &'static str, here: &'static str) -> Self {
        let as_of = ledger.as_of().map(|at| When::new(at, desk.now()));
        let (token, said) = (visitor.token(desk.secret()), visitor.said.clone());
        Self { title, here, token, said, as_of, steps: STEPS }
    }
}

/// A person who was invited.
struct Line {
    key: String,
    name: String,
    link: Option<String>,
    sent: When,
    with_note: bool,
    status: String,
    is_guess: bool,
    is_gone: bool,
    chance: String,
    why: String,
    may_withdraw: bool,
    may_take_back: bool,
}

impl Line {
    fn new(it: &Invited, chance: String, policy: &Policy, now: Time) -> Self {
        let day = |at: Time| When::new(at, now).date;
        let status = match (it.status(), it.connected_on, it.may_invite_again_at(policy)) {
            (Status::Accepted, Some(on), _) => format!("Connected on {}", day(on)),
            (Status::Withdrawn, _, Some(again)) if again > now => {
                format!("You withdrew it; you may invite them again from {}", day(again))
            }
            (Status::Withdrawn, _, _) => "You withdrew it; you may invite them again".into(),
            (Status::Accepted | Status::PendingOrUnknown, _, _) => "Pending or unknown".into(),
        };
        Self {
            key: key_of(it),
            name: name_of(it),
            link: it.link(),
            sent: When::new(it.sent_at, now),
            with_note: it.with_note,
            status,
            is_guess: it.is_guess,
            is_gone: it.is_gone,
            chance,
            why: String::new(),
            may_withdraw: it.may_be_pending(),
            may_take_back: it.status() == Status::Withdrawn,
        }
    }
}

/// What stands for a person in a form; the same for as long as they are the same.
fn key_of(it: &Invited) -> String {
    let mut hasher = blake3::Hasher::new();
    match &it.address {
        Some(address) => hasher.update(address.as_bytes()),
        None => hasher.update(it.name.as_bytes()).update(&it.sent_at.unix().to_be_bytes()),
    };
    hasher.finalize().to_hex().as_str().chars().take(24).collect()
}

fn name_of(it: &Invited) -> String {
    if it.name.is_empty() { it.address.clone().unwrap_or_else(|| "Somebody".into()) } else { it.name.clone() }
}

/// Which are looked for.
#[derive(Default)]
struct Filter {
    status: Option<Status>,
    weeks: String,
    /// `with`, `without`, or nothing.
    note: String,
    name: String,
    after: usize,
}

impl Filter {
    fn read(query: &Fields) -> Self {
        let status = query.get("status").and_then(|wanted| Status::ALL.into_iter().find(|it| it.name() == wanted));
        let weeks = query.get("weeks").filter(|weeks| ["2", "4", "12"].contains(weeks)).unwrap_or_default().to_owned();
        let note = query.get("note").filter(|note| ["with", "without"].contains(note)).unwrap_or_default().to_owned();
        let name = query.get("name").unwrap_or_default().trim().chars().take(100).collect();
        Self { status, weeks, note, name, after: query.get("after").and_then(|it| it.parse().ok()).unwrap_or_default() }
    }

    fn is_wanted(&self, it: &Invited, now: Time) -> bool {
        let age = self.weeks.parse::<u64>().ok().map(|weeks| Span::days(7 * weeks));
        self.status.is_none_or(|status| it.status() == status)
            && age.is_none_or(|age| now.since(it.sent_at) > age)
            && (self.note.is_empty() || it.with_note == (self.note == "with"))
            && (self.name.is_empty() || folded(&it.name).contains(&folded(&self.name)))
    }

    fn is(&self, status: &str) -> bool {
        self.status.is_some_and(|it| it.name() == status)
    }

    /// The address of the lines after these.
    fn next(&self, after: usize) -> String {
        let status = self.status.map(Status::name).unwrap_or_default();
        let pairs = [("status", status), ("weeks", &self.weeks), ("note", &self.note), ("name", &self.name)];
        format!("{SENT}?{}", with(&pairs, "after", &after.to_string()))
    }
}

#[derive(Template)]
#[template(path = "own_sent.html")]
struct SentPage {
    frame: Frame,
    filter: Filter,
    lines: Vec<Line>,
    total: String,
    next: Option<String>,
}

/// Everybody who was invited, the oldest first.
async fn sent(State(desk): State<Desk>, visitor: Visitor, Query(query): Query) -> Answered {
    let (ledger, now, policy) = (desk.ledger().await?, desk.now(), &desk.0.policy);
    let filter = Filter::read(&query);
    let mut wanted: Vec<&Invited> = ledger.people().iter().filter(|it| filter.is_wanted(it, now)).collect();
    wanted.sort_by_key(|it| it.sent_at);
    let curve = ledger.curve(now);
    let ends_after = policy.invitation.expires_after.unwrap_or(LONGEST_JUDGED);
    let line = |it: &&Invited| {
        let chance = it.may_be_pending().then(|| curve.chance(now.since(it.sent_at), ends_after)).flatten();
        Line::new(it, chance.map(plainly).unwrap_or_default(), policy, now)
    };
    let lines: Vec<Line> = wanted.iter().skip(filter.after).take(LINES).map(line).collect();
    let shown = filter.after.saturating_add(lines.len());
    let next = (shown < wanted.len()).then(|| filter.next(shown));
    let frame = Frame::new(&desk, &visitor, &ledger, "Sent", "sent");
    desk.page(&visitor, &SentPage { frame, total: grouped(wanted.len() as u64), filter, lines, next })
}

#[derive(Template)]
#[template(path = "own_cleanup.html")]
struct CleanupPage {
    frame: Frame,
    lines: Vec<Line>,
    is_empty: bool,
    total: String,
    left: usize,
    days: String,
}

/// Which to withdraw today, the worst first, within the budget.
async fn cleanup(State(desk): State<Desk>, visitor: Visitor) -> Answered {
    let (ledger, now, policy) = (desk.ledger().await?, desk.now(), &desk.0.policy);
    let (suggested, left) = (ledger.suggestions(policy, now), ledger.budget_left(policy, now));
    let today = suggested.iter().take(left).filter_map(|it| Some((it, ledger.people().get(it.of)?)));
    let lines = today.map(|(suggestion, person)| {
        let why: Vec<_> = suggestion.reasons.iter().map(|reason| reason.sentence()).collect();
        Line { why: why.join(" "), ..Line::new(person, plainly(suggestion.chance), policy, now) }
    });
    let budget = usize::try_from(policy.cleanup.daily_budget.max(1)).unwrap_or(1);
    let days = counted(suggested.len().div_ceil(budget) as u64, "day");
    let (lines, is_empty, total) = (lines.collect(), suggested.is_empty(), grouped(suggested.len() as u64));
    let frame = Frame::new(&desk, &visitor, &ledger, "Clean up", "cleanup");
    desk.page(&visitor, &CleanupPage { frame, lines, is_empty, total, left, days })
}

/// Somebody who was withdrawn.
struct Waiting {
    line: Line,
    again: When,
    is_over: bool,
    note: String,
}

#[derive(Template)]
#[template(path = "own_waiting.html")]
struct WaitingPage {
    frame: Frame,
    waiting: Vec<Waiting>,
}

fn waiting_list<'a>(ledger: &'a Ledger, policy: &Policy) -> Vec<(Time, &'a Invited)> {
    let mut list: Vec<_> =
        ledger.people().iter().filter_map(|it| Some((it.may_invite_again_at(policy)?, it))).collect();
    list.sort_by(|a, b| (a.0, &a.1.name).cmp(&(b.0, &b.1.name)));
    list
}

/// Whom to invite again, and from when.
async fn waiting(State(desk): State<Desk>, visitor: Visitor) -> Answered {
    let (ledger, now, policy) = (desk.ledger().await?, desk.now(), &desk.0.policy);
    let waiting = waiting_list(&ledger, policy).into_iter().map(|(at, it)| Waiting {
        line: Line::new(it, String::new(), policy, now),
        again: When::new(at, now),
        is_over: at <= now,
        note: super::waiting::beginning(&name_of(it)),
    });
    let waiting = waiting.collect();
    let frame = Frame::new(&desk, &visitor, &ledger, "Wait list", "waiting");
    desk.page(&visitor, &WaitingPage { frame, waiting })
}

/// The dates of the wait list, as a file for a calendar.
async fn dates(State(desk): State<Desk>) -> Result<Response, Mishap> {
    let ledger = desk.ledger().await?;
    let entry = |(at, it): (Time, &Invited)| Entry {
        uid: format!("{}@acquaint", key_of(it)),
        made_at: it.withdrawn_at.unwrap_or(at),
        at,
        summary: format!("You may invite {} again on LinkedIn", name_of(it)),
        description: it.link().unwrap_or_default(),
    };
    let entries: Vec<Entry> = waiting_list(&ledger, &desk.0.policy).into_iter().map(entry).collect();
    Ok(calendar::answer("Invite again on LinkedIn", &entries))
}

#[derive(Template)]
#[template(path = "own_insights.html")]
struct InsightsPage {
    frame: Frame,
    cards: Cards,
}

fn look(desk: &Desk, ledger: &Ledger) -> insight::Insights {
    let now = ledger.as_of().unwrap_or_else(|| desk.now());
    insight::look(&ledger.history(), desk.0.policy.restriction.unanswered_after, now)
}

/// When and where invitations were accepted.
async fn insights(State(desk): State<Desk>, visitor: Visitor) -> Answered {
    let ledger = desk.ledger().await?;
    let cards = Cards::new(&look(&desk, &ledger), "/linkedin/insights")?;
    let frame = Frame::new(&desk, &visitor, &ledger, "Insights", "insights");
    desk.page(&visitor, &InsightsPage { frame, cards })
}

/// A figure as a file.
async fn figure(State(desk): State<Desk>, Path(name): Path<String>) -> Answered {
    let ledger = desk.ledger().await?;
    Ok(figures::file(&look(&desk, &ledger), &name).ok_or(Mishap::NotFound)?.map_err(Mishap::from)?.into_response())
}

/// Notes that the owner withdrew an invitation on LinkedIn.
async fn withdrew(State(desk): State<Desk>, Sent { visitor, fields }: Sent) -> Answered {
    let key = fields.get("key").unwrap_or_default();
    let changed = desk.change(key, |ledger, place, now| {
        ledger.mark_withdrawn(place, now);
    });
    let (person, left) = changed.await?;
    let said = match person.may_invite_again_at(&desk.0.policy) {
        Some(again) => {
            let (name, date) = (name_of(&person), When::new(again, desk.now()).date);
            Said::good(format!("Noted. You may invite {name} again from {date}. {left} are left for today."))
        }
        None => Said::bad(format!("{} has accepted: there is nothing to withdraw.", name_of(&person))),
    };
    answer::go(&desk, &visitor, &fields.back("/linkedin/cleanup"), Some(&said))
}

/// Takes that back.
async fn take_back(State(desk): State<Desk>, Sent { visitor, fields }: Sent) -> Answered {
    let key = fields.get("key").unwrap_or_default();
    let (person, _) = desk.change(key, |ledger, place, _| ledger.unmark_withdrawn(place)).await?;
    let said = Said::good(format!("The invitation to {} counts as not withdrawn again.", name_of(&person)));
    answer::go(&desk, &visitor, &fields.back(SENT), Some(&said))
}
