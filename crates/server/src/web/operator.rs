//! The pages of those who look after the community: where events are posted to, what came of it, and what
//! was given up on any channel.
//!
//! Operators sign in with their key. The browser keeps by what the key is known, sealed, and not the key; it is
//! good for twelve hours and for as long as the key is. What they press is asked of the table of
//! [`access`] and is in the audit trail, as if they had called the API. In the demo, which is served on
//! loopback alone and has no keys, whoever comes is an operator.

use std::sync::Arc;

use acquaint_app::audit::{Act, By};
use acquaint_app::keys;
use acquaint_app::outbox::{Letter, LetterPlace, Stage};
use acquaint_core::access::{self, Named, Operation, Principal};
use acquaint_core::ids::MemberId;
use acquaint_core::time::{Span, Time};
use acquaint_webhooks::{Endpoint, EndpointError, Why};
use askama::Template;
use axum::Router;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::{get, post};

use super::form::{self, Answered, Fields, Sent};
use super::guard::{self, Admitted, Guarded};
use super::invitations::{Query, with};
use super::session::{Entry, Said, Secret, Visitor};
use super::when::{When, grouped};
use super::{Door, Mishap, Seals, Web, answer};
use crate::config::Limits;

/// The address of the first page.
const HERE: &str = "/operator";
/// Where what was given up is listed.
const DEAD: &str = "/operator/dead-letters";
/// How long an operator stays signed in.
const LONGEST: Span = Span::hours(12);
/// Deliveries on one page.
const LINES: usize = 50;

/// The addresses of these pages, for metrics.
pub(crate) const ADDRESSES: [&str; 8] = [
    HERE,
    "/operator/enter",
    "/operator/leave",
    "/operator/webhooks/{id}",
    "/operator/webhooks/{id}/replay",
    "/operator/webhooks/{id}/{what}",
    DEAD,
    "/operator/dead-letters/redrive",
];

/// What these pages have at hand.
#[derive(Clone)]
struct Desk(Web);

/// Somebody who looks after the community.
#[derive(Debug, Clone)]
struct Operator {
    key: Arc<str>,
    visitor: Visitor,
}

/// These pages.
pub(crate) fn router(web: Web) -> Router {
    let desk = Desk(web);
    Router::new()
        .route(HERE, get(home))
        .route("/operator/enter", post(enter))
        .route("/operator/leave", post(leave))
        .route("/operator/webhooks/{id}", get(endpoint))
        .route("/operator/webhooks/{id}/replay", post(replay))
        .route("/operator/webhooks/{id}/{what}", post(change))
        .route(DEAD, get(dead_letters))
        .route("/operator/dead-letters/redrive", post(redrive))
        .layer(axum::middleware::from_fn_with_state(desk.clone(), guard::around::<Desk>))
        .with_state(desk)
}

impl Seals for Desk {
    fn secret(&self) -> &Secret {
        self.0.secret()
    }

    fn limits(&self) -> &Limits {
        self.0.limits()
    }
}

impl Guarded for Desk {
    async fn admit(&self, request: &mut Request) -> Result<Admitted, Mishap> {
        if !guard::is_here(&self.0, request.headers()) {
            return Err(Mishap::StrangeHost);
        }
        let callers = self.0.app().callers();
        let room = callers.room().map_err(|_| Mishap::Busy)?;
        match (self.operator(request.headers()).await?, self.0.door()) {
            (Some(operator), door) => {
                let counted = match door {
                    Door::Demo(_) => Ok(()),
                    Door::Members(_) => callers.known(&operator.principal()),
                };
                counted.map_err(|_| Mishap::TooOften)?;
                request.extensions_mut().insert(operator.visitor.clone());
                request.extensions_mut().insert(operator);
            }
            (None, _) => {
                callers.stranger(request.extensions(), request.headers()).map_err(|_| Mishap::TooOften)?;
            }
        }
        Ok(Admitted { room: Some(room), cookie: None })
    }
}

impl Desk {
    /// Who is signed in, as long as their key is good.
    async fn operator(&self, headers: &HeaderMap) -> Result<Option<Operator>, Mishap> {
        if let Door::Demo(_) = self.0.door() {
            let visitor = Visitor::read(headers, self.secret());
            return Ok(Some(Operator { key: "demo".into(), visitor }));
        }
        let Some(entry) = Entry::read(headers, self.secret()) else { return Ok(None) };
        if self.now().since(entry.since) >= LONGEST {
            return Ok(None);
        }
        let found = self.0.app().keyring().known_by(self.0.network(), &entry.digest).await?;
        let Some(Principal::Operator { key }) = found else { return Ok(None) };
        Ok(Some(Operator { key, visitor: Visitor::operator(headers, self.secret(), &entry) }))
    }

    fn now(&self) -> Time {
        self.0.network().now()
    }

    fn page(&self, operator: &Operator, page: &impl Template) -> Answered {
        answer::page(self, &operator.visitor, page)
    }

    /// Has something done as the API would have it done: if the table says so, and recorded before and after.
    async fn administer<T>(
        &self,
        operator: &Operator,
        operation: Operation,
        target: &str,
        done: impl Future<Output = Result<T, Mishap>>,
    ) -> Result<T, Mishap> {
        let principal = operator.principal();
        access::admit(principal.clone(), operation, Named::default()).map_err(|_| Mishap::NotFound)?;
        let Some(by) = By::caller(&principal).filter(|_| operation.is_recorded(&principal)) else { return done.await };
        let network = self.0.network();
        let act = Act { by, operation: operation.name(), member: None, target: Some(target.to_owned()) };
        let entry = network.record(act).await?;
        let done = done.await;
        let status = done.as_ref().map_or_else(Mishap::status, |_| StatusCode::OK);
        network.record_outcome(&entry, status.as_u16(), None).await?;
        done
    }
}

impl Operator {
    fn principal(&self) -> Principal {
        Principal::Operator { key: Arc::clone(&self.key) }
    }
}

/// Found by the guard before.
impl<S: Sync> FromRequestParts<S> for Operator {
    type Rejection = Mishap;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Mishap> {
        parts.extensions.get::<Self>().cloned().ok_or(Mishap::NoOperator)
    }
}

/// The frame around every page.
struct Frame {
    title: String,
    here: &'static str,
    key: Arc<str>,
    is_demo: bool,
    token: String,
    said: Option<Said>,
}

impl Frame {
    fn new(desk: &Desk, operator: &Operator, title: impl Into<String>, here: &'static str) -> Self {
        Self {
            title: title.into(),
            here,
            key: Arc::clone(&operator.key),
            is_demo: matches!(desk.0.door(), Door::Demo(_)),
            token: operator.visitor.token(desk.secret()),
            said: operator.visitor.said.clone(),
        }
    }
}

#[derive(Template)]
#[template(path = "operator_door.html")]
struct DoorPage {
    is_wrong: bool,
}

/// Signs in with a key.
async fn enter(State(desk): State<Desk>, request: Request) -> Answered {
    let (parts, body) = request.into_parts();
    let fields = form::read(&desk, &parts.headers, body).await?;
    let key = fields.get("key").unwrap_or_default().trim();
    let network = desk.0.network();
    let Some(Principal::Operator { .. }) = desk.0.app().keyring().find(network, key.as_bytes()).await? else {
        return Ok(answer::html(StatusCode::UNAUTHORIZED, DoorPage { is_wrong: true }.render()?));
    };
    let entry = Entry { digest: keys::digest(key.as_bytes()), since: desk.now() };
    let visitor = Visitor::operator(&parts.headers, desk.secret(), &entry);
    let mut response = answer::go(&desk, &visitor, HERE, None)?;
    let cookie = entry.cookie(desk.secret()).ok_or(Mishap::Ours)?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Signs out.
async fn leave(State(desk): State<Desk>, _: Operator, Sent { visitor, .. }: Sent) -> Answered {
    let mut response = answer::go(&desk, &visitor, HERE, None)?;
    response.headers_mut().insert(header::SET_COOKIE, Entry::no_cookie());
    Ok(response)
}

/// An endpoint, for people.
struct Shown {
    id: String,
    url: String,
    description: String,
    events: String,
    made: When,
    is_on: bool,
    tone: &'static str,
    state: String,
}

impl Shown {
    fn new(endpoint: Endpoint, now: Time) -> Self {
        let (tone, state) = match (endpoint.off, endpoint.failing_since) {
            (Some(off), _) => {
                let why = match off.why {
                    Why::Asked => "as was asked",
                    Why::Failing => "nothing arrived for three days",
                    Why::Gone => "it answered that it is gone for good",
                };
                ("bad", format!("Off since {}: {why}", When::new(off.at, now).date))
            }
            (None, Some(since)) => ("bad", format!("On; nothing has arrived since {}", When::new(since, now).exact)),
            (None, None) => ("good", "On".to_owned()),
        };
        let events: Vec<&str> = endpoint.terms.events.iter().map(|event| event.name()).collect();
        Self {
            id: endpoint.id,
            url: endpoint.terms.url,
            description: endpoint.terms.description.unwrap_or_default(),
            events: if events.is_empty() { "everything".to_owned() } else { events.join(", ") },
            made: When::new(endpoint.created_at, now),
            is_on: endpoint.off.is_none(),
            tone,
            state,
        }
    }
}

#[derive(Template)]
#[template(path = "operator_home.html")]
struct Home {
    frame: Frame,
    endpoints: Vec<Shown>,
}

/// The endpoints, or the way in.
async fn home(State(desk): State<Desk>, operator: Result<Operator, Mishap>) -> Answered {
    let Ok(operator) = operator else {
        return Ok(answer::html(StatusCode::OK, DoorPage { is_wrong: false }.render()?));
    };
    let listed = async { Ok(desk.0.app().webhooks().list().await?) };
    let listed = desk.administer(&operator, Operation::ListWebhooks, "", listed).await?;
    let endpoints = listed.into_iter().map(|endpoint| Shown::new(endpoint, desk.now())).collect();
    let frame = Frame::new(&desk, &operator, "Webhooks", "webhooks");
    desk.page(&operator, &Home { frame, endpoints })
}

/// A delivery, for people.
struct Line {
    id: String,
    channel: String,
    target: String,
    member: String,
    kind: String,
    made: When,
    next: Option<When>,
    attempts: Vec<Tried>,
    is_over: bool,
}

struct Tried {
    at: When,
    told: String,
    arrived: bool,
}

impl Line {
    fn new(Letter { delivery, stage, next_at }: Letter, now: Time) -> Self {
        let kind = delivery.payload.get("type").and_then(|kind| kind.as_str()).unwrap_or_default().to_owned();
        let attempts = delivery.attempts.into_iter().rev().map(|attempt| {
            let status = attempt.said.code.map(|code| format!("{code} ")).unwrap_or_default();
            let told = format!("{status}{} ({} ms)", attempt.said.text, attempt.millis);
            Tried { at: When::new(attempt.at, now), told: told.trim_start().to_owned(), arrived: attempt.arrived }
        });
        Self {
            id: delivery.id,
            channel: delivery.channel,
            target: delivery.target,
            member: delivery.owner.map(|owner| owner.to_string()).unwrap_or_default(),
            kind,
            made: When::new(delivery.created_at, now),
            next: next_at.filter(|_| stage == Stage::Pending).map(|at| When::new(at, now)),
            attempts: attempts.collect(),
            is_over: stage != Stage::Pending,
        }
    }
}

#[derive(Template)]
#[template(path = "operator_webhook.html")]
struct EndpointPage {
    frame: Frame,
    endpoint: Shown,
    stage: &'static str,
    lines: Vec<Line>,
    next: Option<String>,
}

fn address(id: &str) -> String {
    format!("{HERE}/webhooks/{id}")
}

/// An endpoint, and its deliveries of one kind.
async fn endpoint(
    State(desk): State<Desk>,
    operator: Operator,
    Path(id): Path<String>,
    Query(query): Query,
) -> Answered {
    let webhooks = desk.0.app().webhooks();
    let found = async { webhooks.get(&id).await?.ok_or(Mishap::NotFound) };
    let found = desk.administer(&operator, Operation::GetWebhook, &id, found).await?;
    let wanted = query.get("stage").unwrap_or_default();
    let stage = Stage::ALL.into_iter().find(|stage| stage.name() == wanted).unwrap_or(Stage::Pending);
    let read = async { Ok(webhooks.deliveries(&id, stage, query.get("after"), LINES + 1).await?) };
    let mut read = desk.administer(&operator, Operation::ListWebhookDeliveries, &id, read).await?;
    let has_more = read.len() > LINES;
    read.truncate(LINES);
    let after = read.last().filter(|_| has_more).map(Letter::cursor);
    let next = after.map(|after| format!("{}?{}", address(&id), with(&[("stage", stage.name())], "after", &after)));
    let lines = read.into_iter().map(|letter| Line::new(letter, desk.now())).collect();
    let frame = Frame::new(&desk, &operator, "An endpoint", "webhooks");
    let endpoint = Shown::new(found, desk.now());
    desk.page(&operator, &EndpointPage { frame, endpoint, stage: stage.name(), lines, next })
}

/// Tries an endpoint out, switches it, sends off what was given up, or removes it.
async fn change(
    State(desk): State<Desk>,
    Path((id, what)): Path<(String, String)>,
    operator: Operator,
    Sent { visitor, .. }: Sent,
) -> Answered {
    let webhooks = desk.0.app().webhooks();
    let mut to = address(&id);
    let (operation, changing): (_, Changing<'_>) = match what.as_str() {
        "test" => (
            Operation::TestWebhook,
            Box::pin(async { webhooks.test(&id).await.map(|_| "Something to try it out is on its way.".to_owned()) }),
        ),
        "enable" => (
            Operation::EnableWebhook,
            Box::pin(async { webhooks.switch(&id, true).await.map(|_| "It is on.".to_owned()) }),
        ),
        "disable" => (
            Operation::DisableWebhook,
            Box::pin(async { webhooks.switch(&id, false).await.map(|_| "It is off.".to_owned()) }),
        ),
        "redrive" => (
            Operation::RedriveWebhook,
            Box::pin(async {
                let count = webhooks.redrive(&id).await?;
                Ok(format!("Sent off once more: {}.", grouped(count as u64)))
            }),
        ),
        "delete" => {
            HERE.clone_into(&mut to);
            (
                Operation::DeleteWebhook,
                Box::pin(async {
                    let is_gone = webhooks.delete(&id).await?;
                    if is_gone { Ok("The endpoint is gone.".to_owned()) } else { Err(EndpointError::Unknown) }
                }),
            )
        }
        _ => return Err(Mishap::NotFound),
    };
    let done = desk.administer(&operator, operation, &id, async { Ok(changing.await?) }).await?;
    answer::go(&desk, &visitor, &to, Some(&Said::good(done)))
}

/// A change of an endpoint, and what is said of it then.
type Changing<'a> = std::pin::Pin<Box<dyn Future<Output = Result<String, EndpointError>> + Send + 'a>>;

/// Sends a delivery off once more that is over.
async fn replay(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    operator: Operator,
    Sent { visitor, fields }: Sent,
) -> Answered {
    let delivery = fields.get("delivery").unwrap_or_default();
    let replayed = async { Ok(desk.0.app().webhooks().replay(&id, delivery).await?) };
    desk.administer(&operator, Operation::ReplayWebhookDelivery, &id, replayed).await?;
    answer::go(&desk, &visitor, &fields.back(&address(&id)), Some(&Said::good("It is sent off once more.")))
}

#[derive(Template)]
#[template(path = "operator_letters.html")]
struct DeadPage {
    frame: Frame,
    lines: Vec<Line>,
    next: Option<String>,
}

/// What was given up, on any channel.
async fn dead_letters(State(desk): State<Desk>, operator: Operator, Query(query): Query) -> Answered {
    let after: Option<LetterPlace> = query.get("after").map(str::parse).transpose().map_err(|()| Mishap::NotFound)?;
    let read = async { Ok(desk.0.network().letters(Stage::Dead, after, LINES).await?) };
    let read = desk.administer(&operator, Operation::ListDeadLetters, "", read).await?;
    let next = read.next.map(|place| format!("{DEAD}?{}", with(&[], "after", &place.to_string())));
    let lines = read.items.into_iter().map(|letter| Line::new(letter, desk.now())).collect();
    let frame = Frame::new(&desk, &operator, "Dead letters", "dead");
    desk.page(&operator, &DeadPage { frame, lines, next })
}

/// Sends off once more what was given up.
async fn redrive(State(desk): State<Desk>, operator: Operator, Sent { visitor, fields }: Sent) -> Answered {
    let id = fields.get("id").unwrap_or_default();
    desk.administer(&operator, Operation::RedriveDeadLetter, id, redriven(&desk, &fields)).await?;
    answer::go(&desk, &visitor, DEAD, Some(&Said::good("It is sent off once more.")))
}

async fn redriven(desk: &Desk, fields: &Fields) -> Result<(), Mishap> {
    let word = |name| fields.get(name).filter(|text: &&str| !text.contains('/')).ok_or(Mishap::NotFound);
    let (channel, target, id) = (word("channel")?, word("target")?, word("id")?);
    let member = fields.get("member").map(MemberId::new).transpose().map_err(|_| Mishap::NotFound)?;
    let is_on_its_way = desk.0.network().redrive_dead(member.as_ref(), channel, target, id).await?;
    if is_on_its_way { Ok(()) } else { Err(Mishap::NotFound) }
}

impl From<EndpointError> for Mishap {
    fn from(error: EndpointError) -> Self {
        match error {
            EndpointError::Unknown => Self::NotFound,
            EndpointError::Store(error) => error.into(),
            EndpointError::Secret(error) => error.into(),
            error @ (EndpointError::Invalid(_) | EndpointError::TooMany | EndpointError::Post(_)) => {
                tracing::error!(%error, "what an operator asked for could not be done");
                Self::Ours
            }
        }
    }
}
