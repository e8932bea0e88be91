//! A client that does not give up: it sends a call, with its idempotency key, to one server after the
//! other until one of them answers.

use std::io;
use std::time::Duration;

use acquaint_core::ids::InvitationId;
use acquaint_core::view::{Direction, InvitationState};
use serde_json::{Value, json};

use super::common::Client;
use super::spec::{Call, Sight, Told};

/// How long a client waits for an answer before it asks another server.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);

/// Talks to any of several servers.
pub(crate) struct Caller {
    servers: Vec<String>,
    /// The one that answered last.
    at: usize,
    connection: Option<Client>,
    /// Calls that were sent again.
    pub(crate) again: u64,
}

/// What a server answered in the end.
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) body: Value,
    /// Whether an attempt before this one may have been carried out.
    pub(crate) doubtful: bool,
}

/// A request.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) member: &'a str,
    pub(crate) key: Option<&'a str>,
    pub(crate) body: String,
}

impl Caller {
    pub(crate) fn new(servers: &[String], first: usize) -> Self {
        Self { servers: servers.to_vec(), at: first % servers.len(), connection: None, again: 0 }
    }

    /// Asks until there is an answer that is not "try again".
    pub(crate) fn ask(&mut self, request: &Request) -> Answered {
        let mut doubtful = false;
        loop {
            match self.attempt(request) {
                Ok((status, body)) if status != 503 => return Answered { status, body, doubtful },
                Ok((_, body)) => doubtful |= body["code"] != "overloaded",
                Err(error) => doubtful |= error.kind() != io::ErrorKind::ConnectionRefused,
            }
            self.again += 1;
            self.connection = None;
            self.at = (self.at + 1) % self.servers.len();
            std::thread::yield_now();
        }
    }

    fn attempt(&mut self, request: &Request) -> io::Result<(u16, Value)> {
        if self.connection.is_none() {
            self.connection = Some(Client::connect_within(&self.servers[self.at], PATIENCE)?);
        }
        let connection = self.connection.as_mut().ok_or_else(|| io::Error::other("no connection"))?;
        let Request { method, path, member, key, body } = request;
        let (status, body) =
            connection.call_with(method, path, member, key.map(|key| ("Idempotency-Key", key)), body)?;
        let body = if body.is_empty() { Value::Null } else { serde_json::from_str(&body)? };
        Ok((status, body))
    }

    /// A page of something, for a member.
    pub(crate) fn get(&mut self, path: &str, member: &str) -> Value {
        let answered = self.ask(&Request { method: "GET", path, member, key: None, body: String::new() });
        assert_eq!(answered.status, 200, "{path}: {}", answered.body);
        answered.body
    }

    /// Every item of a list, page by page.
    pub(crate) fn list(&mut self, path: &str, member: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("{path}?limit=100{cursor}"), member);
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// Makes a call between two members; what was told, and whether the call is doubtful.
    pub(crate) fn make(&mut self, actor: &str, other: &str, call: &Call, key: &str) -> (Told, bool) {
        let direct = |path: String, body: Value| (path, body.to_string());
        let (path, body) = match call {
            Call::Look => return (self.look(actor, other), false),
            Call::Invite(_) => direct("/v1/invitations".into(), json!({ "to": other })),
            Call::Withdraw(id) => direct(format!("/v1/invitations/{id}/withdraw"), json!({})),
            Call::Accept(id) => direct(format!("/v1/invitations/{id}/accept"), json!({})),
            Call::Decline(id) => direct(format!("/v1/invitations/{id}/decline"), json!({})),
            Call::Follow => command("follow", actor, other, key),
            Call::Unfollow => command("unfollow", actor, other, key),
            Call::Block => command("block", actor, other, key),
            Call::Unblock => command("unblock", actor, other, key),
            Call::Disconnect => command("disconnect", actor, other, key),
        };
        let in_batch = path == BATCH;
        let key = (!in_batch).then_some(key);
        loop {
            let Answered { status, body: answer, doubtful } =
                self.ask(&Request { method: "POST", path: &path, member: actor, key, body: body.clone() });
            if !in_batch {
                return (told(call, status, &answer, &answer), doubtful);
            }
            let outcome = &answer["outcomes"][0];
            let status = u16::try_from(outcome["status"].as_u64().unwrap()).unwrap();
            // A call of many commands is answered even where one of them has to be sent again.
            if status != 503 {
                return (told(call, status, outcome, &outcome["problem"]), doubtful);
            }
        }
    }

    fn look(&mut self, actor: &str, other: &str) -> Told {
        let seen = self.get(&format!("/v1/relations/{other}"), actor);
        let invitation = seen.get("invitation").filter(|invitation| !invitation.is_null()).map(|invitation| {
            let direction = if invitation["direction"] == "sent" { Direction::Sent } else { Direction::Received };
            (invitation_id(&invitation["id"]), direction)
        });
        Told::Relation(Sight {
            connected: seen.get("connected_since").is_some_and(|since| !since.is_null()),
            invitation,
            following: seen["following"].as_bool().unwrap(),
            followed: seen["followed_by"].as_bool().unwrap(),
            blocking: seen["blocking"].as_bool().unwrap(),
        })
    }
}

const BATCH: &str = "/v1/commands";

/// Contacts are changed by PUT and DELETE, which know no keys; as commands they have one.
fn command(what: &str, actor: &str, other: &str, key: &str) -> (String, String) {
    let command = json!({ "id": "1", "as": actor, "do": what, "member": other, "idempotency_key": key });
    (BATCH.into(), json!({ "commands": [command] }).to_string())
}

fn told(call: &Call, status: u16, answer: &Value, problem: &Value) -> Told {
    match (status, call) {
        (200 | 201, Call::Invite(_)) => Told::Invited(invitation_id(&answer["id"]), state(&answer["state"])),
        (200, _) => Told::Invitation(state(&answer["state"])),
        (204, _) => Told::Done,
        (403 | 404 | 409 | 429, _) => Told::Refused(problem["code"].as_str().unwrap_or_default().to_owned()),
        _ => panic!("{call:?} was answered with {status}: {answer}"),
    }
}

pub(crate) fn invitation_id(id: &Value) -> InvitationId {
    id.as_str().unwrap_or_default().parse().unwrap()
}

fn state(state: &Value) -> InvitationState {
    serde_json::from_value(state.clone()).unwrap()
}
