//! Commits for tests.

use std::sync::Arc;

use acquaint_core::event::{Event, EventKind, RecordedEvent};
use acquaint_core::ids::{EventId, MemberId};
use acquaint_core::member::Member;
use acquaint_core::time::Time;
use acquaint_store::{Changes, MemberChange, Store, StoreResult, Wanted};
use uuid::Uuid;

pub(crate) fn id(name: &str) -> MemberId {
    MemberId::new(name).unwrap()
}

pub(crate) fn event_id(number: u128) -> EventId {
    EventId(Uuid::from_u128(number))
}

/// Members that go from one version to the next.
pub(crate) fn members(names: &[&str], before: u64) -> Changes {
    let member = |name: &str, version| Arc::new(Member { version, ..Member::new(id(name)) });
    let change = |name: &&str| MemberChange { before: member(name, before), after: Some(member(name, before + 1)) };
    Changes { members: names.iter().map(change).collect(), ..Changes::default() }
}

/// A commit with nothing but an event.
pub(crate) fn event(number: u128) -> Changes {
    let (actor, subject) = (id("ann"), id("bob"));
    let kind = EventKind::FollowCreated;
    let event = Event { at: Time::from_unix(0), actor, subject, invitation: None, kind };
    Changes { events: vec![RecordedEvent { id: event_id(number), event }], ..Changes::default() }
}

pub(crate) fn promise(number: u128) -> Changes {
    Changes { promise: Some(event_id(number)), ..Changes::default() }
}

pub(crate) async fn version(store: &dyn Store, name: &str) -> StoreResult<Option<u64>> {
    let wanted = Wanted { members: vec![id(name)], ..Wanted::default() };
    Ok(store.load(&wanted).await?.members.into_iter().flatten().map(|member| member.version).next())
}

/// The numbers of the events that can be read.
pub(crate) async fn events(store: &dyn Store) -> StoreResult<Vec<u128>> {
    Ok(store.events(None, 100).await?.into_iter().map(|event| event.id.0.as_u128()).collect())
}
