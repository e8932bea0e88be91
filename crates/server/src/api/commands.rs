//! Many commands at once, each on its own.

use std::borrow::Cow;

use acquaint_app::{ClaimRequest, Outcome, Request};
use acquaint_core::command::{Action, Command, Engagement, EngagementKind};
use acquaint_core::decide::Answer;
use acquaint_core::ids::{InvitationId, MemberId, NotificationId};
use acquaint_core::policy::Policy;
use acquaint_core::relation::Complaint;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::engagements::check_engagement;
use super::members::MAX_EMAIL;
use super::reply::{Engaged, Invitation, astray, invited_status, json};
use super::schema;
use crate::app::App;
use crate::auth::Host;
use crate::body::{self, Batch, Key, check_text};
use crate::problem::{Document, Fault, Problem};

/// Most commands in one call.
const MOST: usize = 1_000;
/// Longest id of a command, in characters.
const MAX_ID: usize = 128;
/// The path of the call, as the instance of its problems.
const PATH: &str = "/v1/commands";

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(carry_out))
}

/// Commands, each of which is read on its own, so that one that is wrong fails alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    commands: Vec<&'a RawValue>,
}

/// Commands.
#[derive(ToSchema)]
#[schema(as = Commands)]
#[expect(dead_code, reason = "described, not built")]
struct CommandsBody<'a> {
    #[schema(max_items = 1000)]
    commands: Vec<CommandBody<'a>>,
}

/// A command. Which of the other fields belong to it is up to `do`: `invite` takes `to`, `note`,
/// `to_email`; `withdraw` and `accept` take `invitation`; `decline` takes `invitation` and `reason`;
/// `follow`, `unfollow`, `block`, `unblock` and `disconnect` take `member`; `engage` takes `target`,
/// `kind`, `subject` and `text`; `mark_read` takes `up_to`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Command)]
struct CommandBody<'a> {
    /// The caller's name for it, which comes back with its outcome.
    #[serde(borrow)]
    #[schema(min_length = 1, max_length = 128)]
    id: Cow<'a, str>,
    /// For whom.
    #[schema(schema_with = schema::member_id)]
    r#as: MemberId,
    #[schema(schema_with = schema::verb)]
    r#do: Verb,
    /// A key of its own, in place of the one that follows from the header `Idempotency-Key`.
    #[serde(borrow)]
    #[schema(min_length = 1, max_length = 255)]
    idempotency_key: Option<Cow<'a, str>>,
    #[schema(schema_with = schema::member_id_or_null, required = false)]
    to: Option<MemberId>,
    note: Option<String>,
    #[schema(max_length = 254)]
    to_email: Option<String>,
    #[schema(schema_with = schema::invitation_id_or_null, required = false)]
    invitation: Option<InvitationId>,
    #[schema(schema_with = schema::complaint_or_null, required = false)]
    reason: Option<Complaint>,
    #[schema(schema_with = schema::member_id_or_null, required = false)]
    member: Option<MemberId>,
    #[schema(schema_with = schema::member_id_or_null, required = false)]
    target: Option<MemberId>,
    #[schema(schema_with = schema::engagement_kind_or_null, required = false)]
    kind: Option<EngagementKind>,
    #[schema(max_length = 200)]
    subject: Option<String>,
    #[schema(max_length = 2000)]
    text: Option<String>,
    #[schema(schema_with = schema::notification_id_or_null, required = false)]
    up_to: Option<NotificationId>,
}

/// What a command does.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verb {
    Invite,
    Withdraw,
    Accept,
    Decline,
    Disconnect,
    Follow,
    Unfollow,
    Block,
    Unblock,
    Engage,
    MarkRead,
}

impl Verb {
    /// The names of all.
    pub(crate) const NAMES: [&'static str; 11] = [
        "invite",
        "withdraw",
        "accept",
        "decline",
        "disconnect",
        "follow",
        "unfollow",
        "block",
        "unblock",
        "engage",
        "mark_read",
    ];
}

fn required<T>(value: &mut Option<T>, name: &str) -> Result<T, Fault> {
    value.take().ok_or_else(|| Fault::at(format!("/{name}"), format!("missing field `{name}`")))
}

impl CommandBody<'_> {
    /// What is to be done. Takes the fields that belong to it.
    fn action(&mut self) -> Result<Action, Fault> {
        Ok(match self.r#do {
            Verb::Invite => {
                let to = required(&mut self.to, "to")?;
                Action::Invite { to, note: self.note.take(), to_email: self.to_email.take() }
            }
            Verb::Withdraw => Action::Withdraw { invitation: required(&mut self.invitation, "invitation")? },
            Verb::Accept => Action::Accept { invitation: required(&mut self.invitation, "invitation")? },
            Verb::Decline => {
                let invitation = required(&mut self.invitation, "invitation")?;
                Action::Decline { invitation, complaint: self.reason.take() }
            }
            Verb::Disconnect => Action::Disconnect { other: required(&mut self.member, "member")? },
            Verb::Follow => Action::Follow { other: required(&mut self.member, "member")? },
            Verb::Unfollow => Action::Unfollow { other: required(&mut self.member, "member")? },
            Verb::Block => Action::Block { other: required(&mut self.member, "member")? },
            Verb::Unblock => Action::Unblock { other: required(&mut self.member, "member")? },
            Verb::Engage => {
                let target = required(&mut self.target, "target")?;
                let kind = required(&mut self.kind, "kind")?;
                let engagement = Engagement { kind, subject: self.subject.take(), text: self.text.take() };
                Action::Engage { target, engagement }
            }
            Verb::MarkRead => Action::MarkRead { up_to: self.up_to.take() },
        })
    }

    /// Adds what is wrong with the words of the command.
    fn check(&self, faults: &mut Vec<Fault>) {
        check_text(faults, "/id", Some(&self.id), MAX_ID, false);
        if self.id.is_empty() {
            faults.push(Fault::at("/id", "at least one character"));
        }
        if self.idempotency_key.as_ref().is_some_and(|key| !body::is_key(key.as_bytes())) {
            faults.push(Fault::at("/idempotency_key", "1 to 255 visible ASCII characters"));
        }
        check_text(faults, "/to_email", self.to_email.as_deref(), MAX_EMAIL, false);
        check_engagement(faults, "", self.subject.as_deref(), self.text.as_deref());
    }

    /// Adds the fields that are left over: they do not belong to what is done.
    fn check_rest(&self, faults: &mut Vec<Fault>) {
        let rest = [
            ("to", self.to.is_some()),
            ("note", self.note.is_some()),
            ("to_email", self.to_email.is_some()),
            ("invitation", self.invitation.is_some()),
            ("reason", self.reason.is_some()),
            ("member", self.member.is_some()),
            ("target", self.target.is_some()),
            ("kind", self.kind.is_some()),
            ("subject", self.subject.is_some()),
            ("text", self.text.is_some()),
            ("up_to", self.up_to.is_some()),
        ];
        let left = rest.iter().filter(|(_, there)| *there);
        faults.extend(left.map(|(name, _)| Fault::at(format!("/{name}"), "does not belong to this command")));
    }

    fn resolve(mut self, raw: &str, index: usize, key: Option<&Key>) -> Result<Request, Problem> {
        let mut faults = Vec::new();
        self.check(&mut faults);
        let action = self.action().map_err(|fault| faults.push(fault)).ok();
        self.check_rest(&mut faults);
        let Some(action) = action.filter(|_| faults.is_empty()) else { return Err(Problem::invalid_all(faults)) };
        let claim: Option<ClaimRequest> = match (&self.idempotency_key, key) {
            (Some(own), _) => Some(body::own_claim(&self.r#as, own, raw)),
            (None, Some(key)) => Some(key.claim_at(index, &self.r#as)),
            (None, None) => None,
        };
        Ok(Request { command: Command { actor: self.r#as, action }, claim })
    }
}

/// A command on its way to its outcome.
struct Item<'a> {
    /// The caller's name for it, as far as it could be read.
    id: Option<Cow<'a, str>>,
    progress: Progress,
}

enum Progress {
    /// It waits for an answer; an engagement is echoed in it.
    Waits(Option<(MemberId, Engagement)>),
    Done(StatusCode, Told),
    Failed(Problem),
}

enum Told {
    Nothing,
    Invitation(Invitation),
    Engaged(Engaged),
}

/// What became of a command.
#[derive(Serialize, ToSchema)]
#[schema(as = Outcome)]
struct OutcomeBody<'a> {
    /// The caller's name for the command; null if it could not be read.
    #[schema(required)]
    id: Option<&'a str>,
    /// The status that the command would have been answered with on its own.
    #[schema(minimum = 200, maximum = 599)]
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    invitation: Option<&'a Invitation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    engagement: Option<&'a Engaged>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    problem: Option<Document<'a>>,
}

/// What became of each command, in order.
#[derive(Serialize, ToSchema)]
#[schema(as = Outcomes)]
struct OutcomesBody<'a> {
    #[schema(value_type = Vec<OutcomeBody<'a>>)]
    outcomes: Vec<Item<'a>>,
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (status, told, problem) = match &self.progress {
            Progress::Done(status, told) => (*status, told, None),
            Progress::Failed(problem) => (problem.status(), &Told::Nothing, Some(problem.document(PATH))),
            Progress::Waits(_) => (StatusCode::INTERNAL_SERVER_ERROR, &Told::Nothing, None),
        };
        let (invitation, engagement) = match told {
            Told::Nothing => (None, None),
            Told::Invitation(invitation) => (Some(invitation), None),
            Told::Engaged(engaged) => (None, Some(engaged)),
        };
        let id = self.id.as_deref();
        OutcomeBody { id, status: status.as_u16(), invitation, engagement, problem }.serialize(serializer)
    }
}

/// As much as can be read of a command that is wrong.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
}

/// The place of a command in the body, as a pointer.
fn at(index: usize) -> String {
    format!("/commands/{index}")
}

/// Reads a command; what is to be submitted is added to `requests`.
fn read<'a>(raw: &'a RawValue, index: usize, key: Option<&Key>, requests: &mut Vec<Request>) -> Item<'a> {
    let text = raw.get();
    match body::parse::<CommandBody<'a>>(text.as_bytes()) {
        Ok(command) => {
            let id = Some(command.id.clone());
            let progress = match command.resolve(text, index, key) {
                Ok(request) => {
                    let echo = match &request.command.action {
                        Action::Engage { target, engagement } => Some((target.clone(), engagement.clone())),
                        _ => None,
                    };
                    requests.push(request);
                    Progress::Waits(echo)
                }
                Err(problem) => Progress::Failed(problem.within(&at(index))),
            };
            Item { id, progress }
        }
        Err(problem) => {
            let id = serde_json::from_str::<Named<'a>>(text).ok().map(|named| named.id);
            Item { id, progress: Progress::Failed(problem.within(&at(index))) }
        }
    }
}

/// Reads a whole body: a command for each element, and what is to be submitted.
fn read_all<'a>(bytes: &'a [u8], key: Option<&Key>) -> Result<(Vec<Item<'a>>, Vec<Request>), Problem> {
    let envelope: Envelope<'a> = body::parse(body::or_empty(bytes))?;
    if envelope.commands.len() > MOST {
        return Err(Problem::invalid(Fault::at("/commands", format!("at most {MOST} commands"))));
    }
    let mut requests = Vec::with_capacity(envelope.commands.len());
    let commands = envelope.commands.into_iter().enumerate();
    let items = commands.map(|(index, raw)| read(raw, index, key, &mut requests)).collect();
    Ok((items, requests))
}

/// What is wrong with a body as this call reads it, in the whole and in its commands.
pub(crate) fn problems(bytes: &[u8]) -> Vec<Problem> {
    let failed = |item: Item<'_>| match item.progress {
        Progress::Failed(problem) => Some(problem),
        Progress::Waits(_) | Progress::Done(..) => None,
    };
    match read_all(bytes, None) {
        Ok((items, _)) => items.into_iter().filter_map(failed).collect(),
        Err(problem) => vec![problem],
    }
}

impl Progress {
    /// From an outcome of the engine to what is told.
    fn end(self, outcome: Outcome, index: usize, app: &App, policy: &Policy) -> Self {
        let Progress::Waits(echo) = self else { return self };
        match (outcome, echo) {
            (Ok(Ok(Answer::Invited { invitation, .. })), _) => {
                let status = invited_status(&invitation);
                Progress::Done(status, Told::Invitation(Invitation::new(invitation, policy)))
            }
            (Ok(Ok(Answer::Invitation(view))), _) => {
                Progress::Done(StatusCode::OK, Told::Invitation(Invitation::new(view, policy)))
            }
            (Ok(Ok(Answer::Engaged(id))), Some((target, engagement))) => {
                Progress::Done(StatusCode::CREATED, Told::Engaged(Engaged::new(id, target, engagement)))
            }
            (Ok(Ok(Answer::Done)), _) => Progress::Done(StatusCode::NO_CONTENT, Told::Nothing),
            (Ok(Ok(other)), _) => Progress::Failed(astray(&other)),
            (Ok(Err(refusal)), _) => Progress::Failed(app.refused(refusal).within(&at(index))),
            (Err(error), _) => Progress::Failed(error.into()),
        }
    }
}

/// Carry out commands for any members, each on its own: none undoes another.
#[utoipa::path(
    post, path = "/v1/commands", tag = "commands", operation_id = "carryOutCommands", request_body = CommandsBody,
    responses((status = 200, description = "What became of each, in order.", body = OutcomesBody))
)]
async fn carry_out(State(app): State<App>, _: Host, batch: Batch) -> Result<Response, Problem> {
    let (items, requests) = read_all(&batch.bytes, batch.key.as_ref())?;
    let mut outcomes = app.network().submit_all(requests).await?.into_iter();
    let policy = app.network().policy();
    let items = items.into_iter().enumerate().map(|(index, item)| {
        let outcome = if matches!(item.progress, Progress::Waits(_)) { outcomes.next() } else { None };
        let progress = match outcome {
            Some(outcome) => item.progress.end(outcome, index, &app, &policy),
            None => item.progress,
        };
        Item { id: item.id, progress }
    });
    Ok(json(StatusCode::OK, &OutcomesBody { outcomes: items.collect() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_its_name() {
        for name in Verb::NAMES {
            assert!(serde_json::from_value::<Verb>(name.into()).is_ok(), "{name}");
        }
    }

    fn problem_of(text: &str) -> Option<String> {
        let raw = RawValue::from_string(text.to_owned()).unwrap();
        let item = read(&raw, 7, None, &mut Vec::new());
        let told = serde_json::to_value(&item).unwrap();
        match item.progress {
            Progress::Failed(_) => Some(told["problem"]["pointer"].as_str().unwrap_or("-").to_owned()),
            _ => None,
        }
    }

    #[test]
    fn a_wrong_command_is_told_where_it_is_wrong() {
        assert_eq!(problem_of(r#"{"id": "1", "as": "a", "do": "invite", "to": "b", "note": null}"#), None);
        for (text, pointer) in [
            (r#"{"id": "1", "as": "a", "do": "invite"}"#, "/commands/7/to"),
            (r#"{"id": "1", "as": "a", "do": "invite", "to": "b", "member": "c"}"#, "/commands/7/member"),
            (r#"{"id": "1", "as": "a", "do": "invite", "to": "b c"}"#, "/commands/7/to"),
            (r#"{"id": "1", "as": "a", "do": "dance"}"#, "/commands/7/do"),
            (r#"{"id": "1", "as": "a", "do": "withdraw", "invitation": "inv_1"}"#, "/commands/7/invitation"),
            (r#"{"id": "", "as": "a", "do": "mark_read"}"#, "/commands/7/id"),
            (r#"{"as": "a", "do": "mark_read"}"#, "/commands/7/id"),
            ("[]", "/commands/7"),
            (
                r#"["1", "a", "mark_read", null, null, null, null, null, null, null, null, null, null, null, null]"#,
                "/commands/7",
            ),
            ("null", "/commands/7"),
        ] {
            assert_eq!(problem_of(text).as_deref(), Some(pointer), "{text}");
        }
    }
}
