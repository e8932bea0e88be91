//! Invitations, Received: accepting, ignoring, and saying what was wrong with one.

use acquaint_app::Circle;
use acquaint_core::command::Action;
use acquaint_core::decide::Answer;
use acquaint_core::ids::InvitationId;
use acquaint_core::relation::Complaint;
use acquaint_core::view::{Direction, InvitationState, InvitationView};
use acquaint_store::{Order, PendingPage};
use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;

use super::answer::{self, Count};
use super::form::{Answered, Posted, in_place};
use super::invitations::{LINES, Named, Query, look, with};
use super::people::{NAMED, Person, Shared};
use super::session::{Me, Said};
use super::shell::{Part, Shell};
use super::when::When;
use super::words::told;
use super::{Mishap, Web};

/// The address of the list.
const LIST: &str = "/invitations/received";

/// A line of the list, in whatever state it is.
#[derive(Template)]
#[template(path = "received_row.html")]
pub(crate) struct ReceivedRow {
    id: InvitationId,
    from: Person,
    note: String,
    shared: Shared,
    sent: When,
    state: State_,
    token: String,
    /// Where the list is, for those without JavaScript.
    back: String,
}

/// How the line stands.
enum State_ {
    Pending,
    Accepted,
    /// Ignored; what more was said.
    Ignored(Option<Complaint>),
    /// Something came in between, in words.
    Changed(String),
}

impl ReceivedRow {
    /// The line of an invitation as it is.
    pub(crate) async fn load(web: &Web, me: &Me, view: InvitationView, back: &str) -> Result<Self, Mishap> {
        let circle = web.network().circle(&me.id).await?;
        Self::in_circle(web, me, view, &circle, back).await
    }

    async fn in_circle(web: &Web, me: &Me, view: InvitationView, circle: &Circle, back: &str) -> Result<Self, Mishap> {
        let mutual = web.network().mutual(circle, &view.other, NAMED).await?;
        let state = match view.state {
            InvitationState::Accepted => State_::Accepted,
            InvitationState::Declined => State_::Ignored(None),
            InvitationState::Gone => State_::Changed("This invitation is no longer there.".into()),
            InvitationState::Pending | InvitationState::Withdrawn | InvitationState::Expired => State_::Pending,
        };
        Ok(Self {
            id: view.id,
            from: Person::load(web.network(), &view.other).await?,
            note: view.note.unwrap_or_default(),
            shared: Shared::load(web.network(), &mutual).await?,
            sent: When::new(view.sent_at, web.network().now()),
            state,
            token: me.visitor.token(web.secret()),
            back: back.to_owned(),
        })
    }
}

/// The latest invitations, and where the list goes on.
pub(crate) async fn latest(
    web: &Web,
    me: &Me,
    after: Option<InvitationId>,
    limit: usize,
    back: &str,
) -> Result<(Vec<ReceivedRow>, Option<InvitationId>), Mishap> {
    let network = web.network();
    let (direction, order) = (Direction::Received, Order::Newest);
    let page = PendingPage { member: me.id.clone(), direction, order, after, limit: limit + 1, seen: None };
    let mut found = network.pending(&page).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().map(|view| view.id).filter(|_| more);
    let circle = network.circle(&me.id).await?;
    let mut rows = Vec::with_capacity(found.len());
    for view in found {
        rows.push(ReceivedRow::in_circle(web, me, view, &circle, back).await?);
    }
    Ok((rows, next))
}

/// Lines, and where the list goes on.
#[derive(Template)]
#[template(path = "received_rows.html")]
struct Rows {
    rows: Vec<ReceivedRow>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "received.html")]
struct Page {
    shell: Shell,
    list: Rows,
    is_first: bool,
}

/// The list, or more of its lines.
pub(crate) async fn page(State(web): State<Web>, me: Me, Query(query): Query, headers: HeaderMap) -> Answered {
    let after = query.get("after").and_then(|after| after.parse().ok());
    let address = |after: InvitationId| format!("{LIST}?{}", with(&[], "after", &after.to_string()));
    let here = after.map_or_else(|| LIST.to_owned(), address);
    let (rows, next) = latest(&web, &me, after, LINES, &here).await?;
    let list = Rows { rows, next: next.map(address) };
    if in_place(&headers) && query.get("part") == Some("rows") {
        return answer::part(&list, "", &[]);
    }
    let shell = Shell::new(&web, &me, Part::Network, "Received invitations").await?;
    answer::page(&web, &me.visitor, &Page { shell, list, is_first: after.is_none() })
}

/// Accepts.
pub(crate) async fn accept(
    State(web): State<Web>,
    Named(id): Named,
    Posted { me, fields, in_place }: Posted,
) -> Answered {
    let done = Done { action: Action::Accept { invitation: id }, state: State_::Accepted };
    done.answer(&web, &me, id, &fields.back(LIST), in_place).await
}

/// Ignores, perhaps with a complaint.
pub(crate) async fn decline(
    State(web): State<Web>,
    Named(id): Named,
    Posted { me, fields, in_place }: Posted,
) -> Answered {
    let complaint = match fields.get("reason") {
        Some("dont_know") => Some(Complaint::DontKnow),
        Some("spam") => Some(Complaint::Spam),
        _ => None,
    };
    let done = Done { action: Action::Decline { invitation: id, complaint }, state: State_::Ignored(complaint) };
    done.answer(&web, &me, id, &fields.back(LIST), in_place).await
}

/// What is done with an invitation, and how its line stands then.
struct Done {
    action: Action,
    state: State_,
}

impl Done {
    async fn answer(self, web: &Web, me: &Me, id: InvitationId, back: &str, in_place: bool) -> Answered {
        let view = look(web, me, id).await?;
        let mut row = ReceivedRow::load(web, me, view, back).await?;
        let said = match web.act(&me.id, self.action).await? {
            Ok(Answer::Invitation(_)) => {
                let name = &row.from.name;
                let said = match self.state {
                    State_::Accepted => format!("You and {name} are connected."),
                    _ => format!("Ignored. {name} is not told."),
                };
                row.state = self.state;
                Said::good(said)
            }
            Ok(_) => return Err(Mishap::Ours),
            Err(refusal) => {
                let told = told(refusal, &row.from.name, &web.network().policy(), web.network().now());
                row.state = State_::Changed(told.text.clone());
                Said::bad(told.text)
            }
        };
        if in_place {
            let waiting = web.network().member(&me.id).await?.ledger.pending_received;
            return answer::part(&row, &said.text, &[Count { place: "count-received", number: waiting }]);
        }
        answer::go(web, &me.visitor, back, Some(&said))
    }
}
