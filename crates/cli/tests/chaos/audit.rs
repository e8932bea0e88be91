//! What must be true once it is calm again.

use std::collections::{BTreeMap, BTreeSet};

use acquaint_core::ids::InvitationId;
use acquaint_core::view::Direction;
use serde_json::Value;

use super::caller::{Caller, invitation_id};
use super::history::{Client, History};
use super::load::{Load, read_events_after};
use super::spec::{Between, Call, Sight, Who};

/// Looks at everything; panics at the first thing that is wrong.
pub(crate) fn audit(load: &Load, read_meanwhile: &[Value]) {
    let histories = load.histories();
    let mut callers: Vec<Caller> = (0..load.servers.len()).map(|server| Caller::new(&load.servers, server)).collect();
    // Every server shows both sides of every relation, and what it shows belongs to the history.
    for history in &histories {
        for (caller, client) in callers.iter_mut().zip(LAST_LOOKS..) {
            for who in [Who::Hub, Who::Guest] {
                load.call(caller, history, client, who, &Call::Look, "");
            }
        }
    }
    let caller = &mut callers[0];
    let mut events = Vec::new();
    read_events_after(caller, &mut events);
    same_events(read_meanwhile, &events);
    let told = Told::by(&events);
    let policy = Between::policy();
    let mut failures = Vec::new();
    for history in &histories {
        let key = (history.hub.to_string(), history.guest.to_string());
        let nothing = Account::default();
        let between = told.between.get(&key).unwrap_or(&nothing);
        failures.extend(history.check(&policy, &between.created).err());
        between.agrees_with(history);
    }
    assert!(failures.is_empty(), "{} relations cannot be explained:\n{}", failures.len(), failures.join("\n"));
    counters_equal_lists(
        caller,
        &histories.iter().flat_map(|history| [&history.hub, &history.guest]).map(ToString::to_string).collect(),
    );
}

/// The numbers of those who look at the end.
const LAST_LOOKS: Client = 100;

/// Nothing came in before what had been read already.
fn same_events(meanwhile: &[Value], after: &[Value]) {
    let ids =
        |events: &[Value]| events.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let (meanwhile, after) = (ids(meanwhile), ids(after));
    let missed: Vec<_> = after.iter().filter(|id| !meanwhile.contains(id)).collect();
    assert!(missed.is_empty(), "events that a reader with a cursor missed: {missed:?}");
    assert_eq!(meanwhile, after, "events are read in one order, each once");
    assert!(after.is_sorted(), "events are in the order of their ids");
}

/// What the events say of every relation.
#[derive(Default)]
struct Told {
    between: BTreeMap<(String, String), Account>,
}

/// What the events say of one relation: a second way to find out how it is.
#[derive(Default)]
struct Account {
    created: Vec<(Who, InvitationId)>,
    pending: BTreeMap<Who, InvitationId>,
    connected: bool,
    following: BTreeSet<Who>,
    blocking: BTreeSet<Who>,
}

impl Told {
    fn by(events: &[Value]) -> Self {
        let mut told = Self::default();
        for event in events {
            let (actor, subject) = (event["actor"].as_str().unwrap(), event["subject"].as_str().unwrap());
            let (who, hub, guest) =
                if actor.starts_with("hub-") { (Who::Hub, actor, subject) } else { (Who::Guest, subject, actor) };
            told.between.entry((hub.to_owned(), guest.to_owned())).or_default().happened(who, event);
        }
        told
    }
}

impl Account {
    fn happened(&mut self, who: Who, event: &Value) {
        let id = || invitation_id(&event["invitation_id"]);
        match event["type"].as_str().unwrap() {
            "invitation.created" => {
                self.created.push((who, id()));
                let before = self.pending.insert(who, id());
                assert_eq!(before, None, "a second pending invitation: {event}");
            }
            "invitation.accepted" => {
                assert_eq!(self.pending.remove(&who.opposite()), Some(id()), "{event}");
                assert!(!std::mem::replace(&mut self.connected, true), "{event}");
            }
            "invitation.withdrawn" => assert_eq!(self.pending.remove(&who), Some(id()), "{event}"),
            "invitation.declined" => assert_eq!(self.pending.get(&who.opposite()), Some(&id()), "{event}"),
            "connection.removed" => assert!(std::mem::replace(&mut self.connected, false), "{event}"),
            "follow.created" => assert!(self.following.insert(who), "{event}"),
            "follow.removed" => assert!(self.following.remove(&who), "{event}"),
            "block.created" => assert!(self.blocking.insert(who), "{event}"),
            "block.removed" => assert!(self.blocking.remove(&who), "{event}"),
            other => panic!("an event that nobody caused: {other}"),
        }
    }

    /// Nothing half applied: what happened adds up to what is there.
    fn agrees_with(&self, history: &History) {
        for who in [Who::Hub, Who::Guest] {
            let Some(Sight { connected, invitation, following, blocking, .. }) = history.last_sight(who) else {
                panic!("nobody looked");
            };
            let sent = invitation.filter(|(_, direction)| *direction == Direction::Sent).map(|(id, _)| id);
            let shown = (connected, sent, following, blocking);
            let told = (
                self.connected,
                self.pending.get(&who).copied(),
                self.following.contains(&who),
                self.blocking.contains(&who),
            );
            assert_eq!(shown, told, "{who:?} of {} and {}: shown, and told by events", history.hub, history.guest);
        }
    }
}

/// What is counted is what is listed, and who is connected to somebody, somebody is connected to.
fn counters_equal_lists(caller: &mut Caller, members: &BTreeSet<String>) {
    let mut connections: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for member in members {
        let standing = caller.get("/v1/standing", member);
        let listed = caller.list("/v1/connections", member);
        assert_eq!(standing["connections"], listed.len(), "connections of {member}");
        let names = listed.iter().map(|item| item["member"].as_str().unwrap().to_owned()).collect();
        connections.insert(member, names);
        let sent = caller.list("/v1/invitations/sent", member);
        assert_eq!(standing["pending"], sent.len(), "pending of {member}");
        for list in ["sent", "received"] {
            let path = format!("/v1/invitations/{list}");
            let total = caller.get(&format!("{path}?limit=1"), member)["total_pending"].clone();
            assert_eq!(total, caller.list(&path, member).len(), "{list} by {member}");
        }
    }
    for (member, others) in &connections {
        for other in others {
            assert!(connections[other.as_str()].contains(*member), "{other} is not connected to {member}");
        }
    }
}
