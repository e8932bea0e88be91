//! Pages of lists: limits, orders, and cursors that say where a list goes on.
//!
//! A cursor leaves the server sealed for the member who asked, and is taken back from that member
//! alone, so nobody can make one up or learn anything with another's.

use acquaint_app::outbox::Stage;
use acquaint_core::ids::{InvitationId, MemberId, NotificationId};
use acquaint_core::time::Time;
use acquaint_core::view::{ContactList, Direction};
use acquaint_store::{Contact, Order, Position};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::api::schema;
use crate::app::App;
use crate::auth::admitted;
use crate::position;
use crate::problem::{Fault, Kind, Problem};
use crate::seal::{Purpose, Seal};

/// How many items a page has unless told otherwise, and at most.
pub(crate) const USUAL: usize = 25;
pub(crate) const MOST: usize = 100;

/// Which part of a list is wanted.
pub(crate) struct Part {
    pub(crate) limit: usize,
    pub(crate) cursor: Option<String>,
    /// What the reader has seen, who may be answered by a replica then.
    pub(crate) seen: Option<Position>,
    /// What its cursors are sealed with; those of events are ids, and bare.
    seal: Option<Seal>,
}

/// Which part of a list is wanted, and from which end.
pub(crate) struct OrderedPart {
    pub(crate) part: Part,
    pub(crate) order: Order,
}

/// Which part of the events is wanted; `cursor` is the id of an event.
pub(crate) struct AfterPart(pub(crate) Part);

/// The query of a list, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described, not built")]
pub(crate) struct PartQuery {
    /// At most so many items.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u32>,
    /// Where to go on: `next_cursor` of the page before, with the same order.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// The query of a list that can be read from both ends, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described, not built")]
pub(crate) struct OrderedQuery {
    /// At most so many items.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u32>,
    /// Where to go on: `next_cursor` of the page before, with the same order.
    #[param(nullable = false)]
    cursor: Option<String>,
    /// From which end.
    #[param(schema_with = schema::order, required = false)]
    order: Option<String>,
}

/// The query of the events, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described, not built")]
pub(crate) struct AfterQuery {
    /// At most so many events.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u32>,
    /// Only events after the one with this id.
    #[param(schema_with = schema::event_id_or_empty, required = false)]
    after: Option<String>,
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// What is on it, in order.
    pub(crate) items: Vec<T>,
    /// Where the list goes on; null at its end.
    #[schema(required)]
    pub(crate) next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page out of what was read, which is one more than the page takes if the list goes on.
    /// `cursor` makes the cursor of an item, `show` its form on the page.
    pub(crate) fn cut<R>(mut read: Vec<R>, part: &Part, cursor: impl Fn(&R) -> String, show: impl Fn(R) -> T) -> Self {
        let more = read.len() > part.limit;
        read.truncate(part.limit);
        let next_cursor = if more { read.last().map(cursor) } else { None };
        let next_cursor = next_cursor.map(|bare| match &part.seal {
            Some(seal) => seal.sealed(&bare),
            None => bare,
        });
        Self { items: read.into_iter().map(show).collect(), next_cursor }
    }
}

impl FromRequestParts<App> for Part {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let query = Query::new(parts, &["limit", "cursor"])?;
        Self::sealed(query, parts, app).await
    }
}

impl FromRequestParts<App> for OrderedPart {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let mut query = Query::new(parts, &["limit", "cursor", "order"])?;
        let order = match query.take("order").as_deref() {
            None | Some("newest") => Order::Newest,
            Some("oldest") => Order::Oldest,
            Some(_) => return Err(Problem::invalid(Fault::parameter("order", "newest or oldest"))),
        };
        Ok(Self { part: Part::sealed(query, parts, app).await?, order })
    }
}

/// Which part of the deliveries is wanted, and of what becomes of them.
pub(crate) struct LettersPart {
    pub(crate) part: Part,
    pub(crate) stage: Option<Stage>,
}

/// The query of deliveries to one target, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described, not built")]
pub(crate) struct LettersQuery {
    /// At most so many deliveries.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u32>,
    /// Where to go on: `next_cursor` of the page before, with the same stage.
    #[param(nullable = false)]
    after: Option<String>,
    /// What became of them; `delivered` unless something else is said.
    #[param(schema_with = schema::stage, required = false)]
    stage: Option<String>,
}

/// The query of dead letters, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described, not built")]
pub(crate) struct PlaceQuery {
    /// At most so many deliveries.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u32>,
    /// Where to go on: `next_cursor` of the page before.
    #[param(nullable = false)]
    after: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for LettersPart {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let mut query = Query::new(parts, &["limit", "after", "stage"])?;
        let no_stage = |()| Problem::invalid(Fault::parameter("stage", "pending, delivered or dead"));
        let stage = query.take("stage").map(|word| word.parse()).transpose().map_err(no_stage)?;
        let cursor = query.take("after");
        if cursor.as_ref().is_some_and(|text| text.len() > 512 || text.contains(char::is_control)) {
            return Err(Problem::invalid(Fault::parameter("after", "next_cursor of the page before")));
        }
        Ok(Self { part: Part { limit: query.limit()?, cursor, seen: None, seal: None }, stage })
    }
}

impl<S: Sync> FromRequestParts<S> for AfterPart {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let mut query = Query::new(parts, &["limit", "after"])?;
        Ok(Self(Part { limit: query.limit()?, cursor: query.take("after"), seen: None, seal: None }))
    }
}

/// The parameters of a query: known, each once. One without a value is as good as left out, except
/// for the limit.
struct Query(Vec<(&'static str, String)>);

impl Query {
    fn new(parts: &Parts, known: &[&'static str]) -> Result<Self, Problem> {
        let mut found: Vec<(&'static str, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            let Some(&known) = known.iter().find(|known| **known == name) else {
                let detail = format!("there is no parameter {name:?} here, only {}", known.join(", "));
                return Err(Problem::invalid(Fault::parameter("query", detail)));
            };
            if found.iter().any(|(other, _)| *other == known) {
                return Err(Problem::invalid(Fault::parameter(known, "the parameter is there more than once")));
            }
            found.push((known, value.into_owned()));
        }
        found.retain(|(known, value)| *known == "limit" || !value.is_empty());
        Ok(Self(found))
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let place = self.0.iter().position(|(known, _)| *known == name)?;
        Some(self.0.swap_remove(place).1)
    }

    fn limit(&mut self) -> Result<usize, Problem> {
        let Some(text) = self.take("limit") else { return Ok(USUAL) };
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        let limit = text.parse().ok().filter(|limit| digits && (1..=MOST).contains(limit));
        limit.ok_or_else(|| Problem::invalid(Fault::parameter("limit", format!("a whole number from 1 to {MOST}"))))
    }
}

/// Says for which list a cursor was made: another one refuses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    Pending(Direction, Order),
    Contacts(ContactList),
    Notifications,
    Audit,
}

/// The first byte of every cursor; another form of cursors takes another one.
const VERSION: u8 = 1;

/// Every list that is answered in pages.
pub(crate) const LISTS: [List; 10] = [
    List::Pending(Direction::Sent, Order::Newest),
    List::Pending(Direction::Sent, Order::Oldest),
    List::Pending(Direction::Received, Order::Newest),
    List::Pending(Direction::Received, Order::Oldest),
    List::Contacts(ContactList::Connections),
    List::Contacts(ContactList::Following),
    List::Contacts(ContactList::Followers),
    List::Contacts(ContactList::Blocks),
    List::Notifications,
    List::Audit,
];

impl List {
    fn tag(self) -> u8 {
        match self {
            List::Pending(Direction::Sent, Order::Newest) => 1,
            List::Pending(Direction::Sent, Order::Oldest) => 2,
            List::Pending(Direction::Received, Order::Newest) => 3,
            List::Pending(Direction::Received, Order::Oldest) => 4,
            List::Contacts(ContactList::Connections) => 5,
            List::Contacts(ContactList::Following) => 6,
            List::Contacts(ContactList::Followers) => 7,
            List::Contacts(ContactList::Blocks) => 8,
            List::Notifications => 9,
            List::Audit => 10,
        }
    }

    /// The cursor after the item with this id.
    pub(crate) fn after_id(self, id: Uuid) -> String {
        self.encode(&[id.as_bytes()])
    }

    /// The cursor after this contact.
    pub(crate) fn after_contact(self, contact: &Contact) -> String {
        self.encode(&[&contact.since.unix().to_be_bytes(), contact.other.as_str().as_bytes()])
    }

    /// The cursor after the item that is known by this text.
    pub(crate) fn after_text(self, text: &str) -> String {
        self.encode(&[text.as_bytes()])
    }

    fn encode(self, key: &[&[u8]]) -> String {
        let mut bytes = vec![VERSION, self.tag()];
        key.iter().for_each(|part| bytes.extend_from_slice(part));
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    fn decode(self, cursor: &str) -> Option<Vec<u8>> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
        bytes.strip_prefix(&[VERSION, self.tag()]).map(<[u8]>::to_vec)
    }

    fn id(self, cursor: &str) -> Option<Uuid> {
        self.decode(cursor).and_then(|key| Uuid::from_slice(&key).ok())
    }

    /// The cursor of the same place, if this is one of this list's.
    pub(crate) fn respelled(self, cursor: &str) -> Option<String> {
        match self {
            List::Contacts(_) => self.contact(cursor).map(|contact| self.after_contact(&contact)),
            List::Audit => self.text(cursor).map(|text| self.after_text(&text)),
            List::Pending(..) | List::Notifications => self.id(cursor).map(|id| self.after_id(id)),
        }
    }

    fn text(self, cursor: &str) -> Option<String> {
        self.decode(cursor).and_then(|key| String::from_utf8(key).ok()).filter(|text| !text.is_empty())
    }

    pub(crate) fn contact(self, cursor: &str) -> Option<Contact> {
        let key = self.decode(cursor)?;
        let (since, other) = key.split_first_chunk::<8>()?;
        let since = i64::from_be_bytes(*since);
        let contact =
            Contact { since: Time::from_unix(since), other: MemberId::new(std::str::from_utf8(other).ok()?).ok()? };
        Some(contact).filter(|contact| contact.since.unix() == since)
    }
}

impl Part {
    /// The part that a query asks for, with a cursor that was sealed for this caller.
    async fn sealed(mut query: Query, parts: &Parts, app: &App) -> Result<Self, Problem> {
        let limit = query.limit()?;
        let seal = app.seal(Purpose::Cursor, admitted(&parts.extensions)?.member.as_ref()).await?;
        let cursor = query.take("cursor");
        let cursor = cursor.map(|cursor| seal.opened(&cursor).map(str::to_owned).ok_or(Kind::InvalidCursor));
        let seen = position::seen(&parts.headers)?;
        Ok(Self { limit, cursor: cursor.transpose()?, seen, seal: Some(seal) })
    }

    /// One more than the page takes, to see whether the list goes on.
    pub(crate) fn to_read(&self) -> usize {
        self.limit + 1
    }

    fn after<T>(&self, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        match &self.cursor {
            None => Ok(None),
            Some(cursor) => read(cursor).map(Some).ok_or(Kind::InvalidCursor.into()),
        }
    }

    pub(crate) fn after_invitation(&self, list: List) -> Result<Option<InvitationId>, Problem> {
        self.after(|cursor| list.id(cursor).map(InvitationId))
    }

    pub(crate) fn after_notification(&self, list: List) -> Result<Option<NotificationId>, Problem> {
        self.after(|cursor| list.id(cursor).map(NotificationId))
    }

    pub(crate) fn after_text(&self, list: List) -> Result<Option<String>, Problem> {
        self.after(|cursor| list.text(cursor))
    }

    pub(crate) fn after_contact(&self, list: List) -> Result<Option<Contact>, Problem> {
        self.after(|cursor| list.contact(cursor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_by_its_own_list_alone() {
        let id = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_00ab);
        let contact = Contact { since: Time::from_unix(-5), other: MemberId::new("名").unwrap() };
        for made in LISTS {
            for read in LISTS {
                let same = made == read;
                assert_eq!(read.id(&made.after_id(id)), same.then_some(id));
                assert_eq!(read.contact(&made.after_contact(&contact)), same.then(|| contact.clone()));
                let whole = match made {
                    List::Contacts(_) => made.after_contact(&contact),
                    List::Audit => made.after_text("fe01"),
                    List::Pending(..) | List::Notifications => made.after_id(id),
                };
                assert_eq!(read.respelled(&whole), same.then(|| whole.clone()));
            }
        }
    }

    #[test]
    fn a_cursor_that_nobody_made_is_refused() {
        let list = List::Notifications;
        let whole = list.after_id(Uuid::nil());
        let far = List::Contacts(ContactList::Blocks).encode(&[&i64::MAX.to_be_bytes(), b"a"]);
        for wrong in ["", "!", "AQ", "AQk", "é", &whole[1..], &format!("{whole}="), &format!("{whole}AA"), &far] {
            assert_eq!(list.id(wrong), None, "{wrong}");
            assert_eq!(List::Contacts(ContactList::Blocks).contact(wrong), None, "{wrong}");
        }
    }
}
