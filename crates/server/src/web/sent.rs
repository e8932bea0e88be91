//! Invitations, Sent: what waits for an answer, and withdrawing it, one after the other (rules 7,
//! 9 and 36: there is no button for all of them).

use acquaint_app::SentSearch;
use acquaint_core::command::Action;
use acquaint_core::decide::Answer;
use acquaint_core::ids::InvitationId;
use acquaint_core::member::Member;
use acquaint_core::refusal::Code;
use acquaint_core::time::{Span, Time};
use acquaint_core::timers;
use acquaint_core::view::{InvitationState, InvitationView};
use acquaint_store::Order;
use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;

use super::answer::{self, Count};
use super::form::{Answered, Fields, Posted, in_place};
use super::invitations::{LINES, Named, Query, look, with};
use super::people::Person;
use super::session::{Me, Said};
use super::shell::{Part, Shell};
use super::when::{When, span};
use super::words::told;
use super::{Mishap, Web};

/// The address of the list.
const LIST: &str = "/invitations/sent";

/// A line of the list, in whatever state it is.
#[derive(Template)]
#[template(path = "sent_row.html")]
pub(crate) struct SentRow {
    id: InvitationId,
    to: Person,
    note: String,
    sent: When,
    ends: Option<When>,
    reminders: String,
    state: State_,
    token: String,
    /// Where the list is, for those without JavaScript.
    back: String,
    /// The same, as a value in an address.
    back_query: String,
    /// `the 21 days` of rule 9, as the policy has them.
    wait: String,
    /// From when the same person may be invited again, if it were withdrawn now.
    again_from: String,
}

/// How the line stands.
enum State_ {
    Pending,
    /// Asked whether to withdraw.
    Asking,
    /// Withdrawn; when the same person may be invited again.
    Withdrawn(When),
    Accepted,
    Expired,
    /// Something came in between, in words.
    Changed(String),
}

impl SentRow {
    /// The line of an invitation as it is.
    pub(crate) async fn load(web: &Web, me: &Me, view: InvitationView, back: &str) -> Result<Self, Mishap> {
        let to = web.network().member(&view.other).await?;
        Ok(Self::new(web, me, view, &to, back))
    }

    fn new(web: &Web, me: &Me, view: InvitationView, to: &Member, back: &str) -> Self {
        let (network, now) = (web.network(), web.network().now());
        let policy = network.policy();
        let wait = policy.invitation.resend_after_withdrawal;
        let again = now + wait;
        let state = match view.state {
            InvitationState::Withdrawn => {
                State_::Withdrawn(When::new(view.may_invite_again_at(&policy).unwrap_or(now), now))
            }
            InvitationState::Accepted => State_::Accepted,
            InvitationState::Expired => State_::Expired,
            InvitationState::Pending | InvitationState::Declined | InvitationState::Gone => State_::Pending,
        };
        let back_query = with(&[], "back", back);
        Self {
            id: view.id,
            to: Person::new(to),
            note: view.note.unwrap_or_default(),
            sent: When::new(view.sent_at, now),
            ends: view.expires_at.map(|at| When::new(at, now)),
            reminders: reminders(&timers::reminder_moments(view.sent_at, &policy, now), now),
            state,
            token: me.visitor.token(web.secret()),
            back: back.to_owned(),
            back_query,
            wait: span(wait),
            again_from: When::new(again, now).until(again, now),
        }
    }
}

/// What the sender may know of reminders: when they are due (rule 22), and not whether the other
/// takes them.
fn reminders(moments: &timers::ReminderMoments, now: Time) -> String {
    let next = moments.next.map(|at| When::new(at, now).words);
    match (moments.passed, next) {
        _ if moments.all == 0 => "no reminders".into(),
        (0, Some(next)) => format!("first reminder {next}"),
        (passed, Some(next)) => format!("{passed} of {} reminders due so far, the next {next}", moments.all),
        (_, None) => format!("all {} reminders were due", moments.all),
    }
}

/// Which invitations are looked for, as the address says it.
#[derive(Debug, Clone, Default)]
struct Filter {
    weeks: String,
    note: String,
    name: String,
    order: String,
}

impl Filter {
    fn read(query: &Fields) -> Self {
        let one_of = |name: &str, known: &[&str]| {
            query.get(name).filter(|value| known.contains(value)).unwrap_or_default().to_owned()
        };
        Self {
            weeks: one_of("weeks", &["1", "2", "4"]),
            note: one_of("note", &["with", "without"]),
            name: query.get("name").unwrap_or_default().trim().chars().take(100).collect(),
            order: one_of("order", &["oldest"]),
        }
    }

    /// Whether everything is shown, the newest first.
    fn is_plain(&self) -> bool {
        self.pairs().is_empty()
    }

    fn is_set(&self) -> bool {
        !(self.weeks.is_empty() && self.note.is_empty() && self.name.is_empty())
    }

    fn pairs(&self) -> Vec<(&'static str, &str)> {
        let all = [("weeks", &self.weeks), ("note", &self.note), ("name", &self.name), ("order", &self.order)];
        all.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name, value.as_str())).collect()
    }

    fn address(&self, after: Option<InvitationId>) -> String {
        let pairs = self.pairs();
        match after {
            Some(after) => format!("{LIST}?{}", with(&pairs, "after", &after.to_string())),
            None if pairs.is_empty() => LIST.to_owned(),
            None => {
                let query: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
                format!("{LIST}?{query}")
            }
        }
    }

    fn search(&self, after: Option<InvitationId>, now: Time) -> SentSearch {
        SentSearch {
            order: if self.order == "oldest" { Order::Oldest } else { Order::Newest },
            after,
            before: self.weeks.parse::<u64>().ok().map(|weeks| now - Span::days(7 * weeks)),
            with_note: match self.note.as_str() {
                "with" => Some(true),
                "without" => Some(false),
                _ => None,
            },
            name: Some(self.name.clone()).filter(|name| !name.is_empty()),
            limit: LINES,
        }
    }
}

/// Lines, and where the list goes on.
#[derive(Template)]
#[template(path = "rows.html")]
struct Rows<'a> {
    rows: Vec<SentRow>,
    next: Option<String>,
    filter: &'a Filter,
}

#[derive(Template)]
#[template(path = "sent.html")]
struct Page<'a> {
    shell: Shell,
    list: Rows<'a>,
    filter: &'a Filter,
    /// Whether this is the beginning of the list.
    is_first: bool,
}

/// The list, or more of its lines.
pub(crate) async fn page(State(web): State<Web>, me: Me, Query(query): Query, headers: HeaderMap) -> Answered {
    let network = web.network();
    let filter = Filter::read(&query);
    let after = query.get("after").and_then(|after| after.parse().ok());
    let here = filter.address(after);
    let found = network.search_sent(&me.id, &filter.search(after, network.now())).await?;
    let mut rows = Vec::with_capacity(found.items.len());
    for (view, to) in found.items {
        rows.push(SentRow::new(&web, &me, view, &to, &here));
    }
    if let Some(done) = query.get("done").and_then(|done| done.parse().ok()) {
        put_back(&web, &me, done, &filter, &here, &mut rows).await?;
    }
    let list = Rows { rows, next: found.next.map(|next| filter.address(Some(next))), filter: &filter };
    if in_place(&headers) && query.get("part") == Some("rows") {
        return answer::part(&list, "", &[]);
    }
    let shell = Shell::new(&web, &me, Part::Network, "Sent invitations").await?;
    answer::page(&web, &me.visitor, &Page { shell, list, filter: &filter, is_first: after.is_none() })
}

/// Puts the line that was just withdrawn back where it was, so that the list keeps its place.
async fn put_back(
    web: &Web,
    me: &Me,
    done: InvitationId,
    filter: &Filter,
    here: &str,
    rows: &mut Vec<SentRow>,
) -> Result<(), Mishap> {
    let Some(view) = web.network().invitation(&me.id, done).await? else { return Ok(()) };
    let over = [InvitationState::Withdrawn, InvitationState::Accepted].contains(&view.state);
    if !over || rows.iter().any(|row| row.id == done) {
        return Ok(());
    }
    let comes_before = |row: &SentRow| if filter.order == "oldest" { row.id < done } else { row.id > done };
    let place = rows.iter().take_while(|row| comes_before(row)).count();
    rows.insert(place, SentRow::load(web, me, view, here).await?);
    Ok(())
}

/// The question before a withdrawal, as a page of its own.
#[derive(Template)]
#[template(path = "withdraw.html")]
struct Ask {
    shell: Shell,
    row: SentRow,
}

/// Asks whether to withdraw, in the list or on a page of its own.
pub(crate) async fn ask(
    State(web): State<Web>,
    me: Me,
    Named(id): Named,
    Query(query): Query,
    headers: HeaderMap,
) -> Answered {
    let view = look(&web, &me, id).await?;
    let pending = view.state == InvitationState::Pending;
    let mut row = SentRow::load(&web, &me, view, &query.back(LIST)).await?;
    if pending {
        row.state = State_::Asking;
    }
    if in_place(&headers) {
        let live = if pending { format!("Withdraw your invitation to {}?", row.to.name) } else { String::new() };
        return answer::part(&row, &live, &[]);
    }
    let shell = Shell::new(&web, &me, Part::Network, "Withdraw an invitation").await?;
    answer::page(&web, &me.visitor, &Ask { shell, row })
}

/// Withdraws.
pub(crate) async fn withdraw(
    State(web): State<Web>,
    Named(id): Named,
    Posted { me, fields, in_place }: Posted,
) -> Answered {
    let view = look(&web, &me, id).await?;
    let back = fields.back(LIST);
    let outcome = web.act(&me.id, Action::Withdraw { invitation: id }).await?;
    let mut row = SentRow::load(&web, &me, view, &back).await?;
    let said = match outcome {
        Ok(Answer::Invitation(now_so)) => {
            row = SentRow::load(&web, &me, now_so, &back).await?;
            Said::good(format!("Your invitation to {} is withdrawn.", row.to.name))
        }
        Ok(_) => return Err(Mishap::Ours),
        Err(refusal) => {
            let (policy, now) = (web.network().policy(), web.network().now());
            let told = told(refusal, &row.to.name, &policy, now);
            row.state = if refusal.code == Code::AlreadyAccepted {
                State_::Accepted
            } else {
                State_::Changed(told.text.clone())
            };
            Said::bad(told.text)
        }
    };
    if in_place {
        let pending = web.network().member(&me.id).await?.ledger.pending_sent;
        return answer::part(&row, &said.text, &[Count { place: "count-sent", number: pending }]);
    }
    answer::go(&web, &me.visitor, &after_withdrawal(&back, id), Some(&said))
}

/// The list again, with the line still in its place.
fn after_withdrawal(back: &str, id: InvitationId) -> String {
    if !back.starts_with(LIST) {
        return back.to_owned();
    }
    let path = back.split('#').next().unwrap_or(LIST);
    let kept: Vec<&str> = path.split(['?', '&']).skip(1).filter(|pair| !pair.starts_with("done=")).collect();
    let query = kept.iter().fold(format!("done={id}"), |query, pair| format!("{query}&{pair}"));
    format!("{LIST}?{query}#{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_withdrawal_the_list_is_where_it_was() {
        let id: InvitationId = "inv_019000000000700080000000000000ab".parse().unwrap();
        assert_eq!(after_withdrawal("/people/ann", id), "/people/ann");
        let back = "/invitations/sent?done=inv_1&weeks=2&name=a%26b#inv_1";
        assert_eq!(after_withdrawal(back, id), format!("/invitations/sent?done={id}&weeks=2&name=a%26b#{id}"));
    }

    #[test]
    fn a_filter_is_what_the_address_says() {
        let filter = Filter::read(&Fields::parse(b"weeks=2&note=maybe&name=+Zo%C3%AB+&order=oldest&x=1"));
        assert_eq!(filter.address(None), "/invitations/sent?weeks=2&name=Zo%C3%AB&order=oldest");
        assert!(filter.is_set());
        let now = Time::from_unix(1_800_000_000);
        let search = filter.search(None, now);
        assert_eq!((search.before, search.with_note, search.order), (Some(now - Span::days(14)), None, Order::Oldest));
        assert_eq!(Filter::default().address(None), LIST);
    }
}
