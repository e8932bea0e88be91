//! The rows of the tables: their columns, what goes into them, what is read from them.
//!
//! The order of a table's columns is the order of [`ToRow::values`] and of the readers.

use acquaint_core::command::Engagement;
use acquaint_core::event::{Event, EventKind, Notification, NotificationKind, RecordedEvent};
use acquaint_core::ids::{EngagementId, EventId, InvitationId, MemberId, NotificationId};
use acquaint_core::view::InvitationView;
use acquaint_store::{Claim, ClaimName, Content, Document, DocumentName, Kind};
use uuid::Uuid;

use crate::names::Named;
use crate::value::{Fields, ToRow, Unreadable, Value};

/// A table: its name, the type of its rows on their way there, its primary key, and its columns with their
/// types.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) row: &'static str,
    pub(crate) key: &'static [&'static str],
    pub(crate) columns: &'static [(&'static str, &'static str)],
}

pub(crate) const PAST: Table = Table {
    name: "past_invitations",
    row: "past_row",
    key: &["member_id", "invitation_id"],
    columns: &[
        ("member_id", "text"),
        ("invitation_id", "uuid"),
        ("direction", "text"),
        ("other_id", "text"),
        ("note", "text"),
        ("state", "text"),
        ("sent_at", "timestamptz"),
        ("expires_at", "timestamptz"),
        ("decided_at", "timestamptz"),
    ],
};

pub(crate) const NOTIFICATIONS: Table = Table {
    name: "notifications",
    row: "notification_row",
    key: &["member_id", "notification_id"],
    columns: &[
        ("member_id", "text"),
        ("notification_id", "uuid"),
        ("at", "timestamptz"),
        ("about", "text"),
        ("invitation_id", "uuid"),
        ("kind", "text"),
        ("engagement_kind", "text"),
        ("engagement_subject", "text"),
        ("engagement_text", "text"),
    ],
};

pub(crate) const EVENTS: Table = Table {
    name: "events",
    row: "event_row",
    key: &["member_id", "event_id"],
    columns: &[
        ("member_id", "text"),
        ("event_id", "uuid"),
        ("at", "timestamptz"),
        ("actor", "text"),
        ("subject", "text"),
        ("invitation_id", "uuid"),
        ("kind", "text"),
        ("delivered", "boolean"),
        ("complaint", "text"),
        ("reminder_number", "smallint"),
        ("engagement_id", "uuid"),
        ("engagement_kind", "text"),
        ("engagement_subject", "text"),
        ("engagement_text", "text"),
        ("restricted_until", "timestamptz"),
        ("restricted_class", "text"),
    ],
};

pub(crate) const CLAIMS: Table = Table {
    name: "idempotency_records",
    row: "claim_row",
    key: &["member_id", "key"],
    columns: &[
        ("member_id", "text"),
        ("key", "text"),
        ("fingerprint", "uuid"),
        ("at", "timestamptz"),
        ("answer", "jsonb"),
    ],
};

pub(crate) const DOCUMENTS: Table = Table {
    name: "documents",
    row: "document_row",
    key: &["member_id", "kind", "key"],
    columns: &[
        ("member_id", "text"),
        ("kind", "text"),
        ("key", "text"),
        ("version", "bigint"),
        ("due_at", "timestamptz"),
        ("body", "json"),
    ],
};

/// An invitation that is over, as its owner sees it.
#[derive(Debug)]
pub(crate) struct PastRow<'a> {
    pub(crate) owner: &'a MemberId,
    pub(crate) view: InvitationView,
}

impl ToRow for PastRow<'_> {
    fn values(&self) -> Vec<Value<'_>> {
        let view = &self.view;
        vec![
            self.owner.into(),
            view.id.0.into(),
            view.direction.name().into(),
            (&view.other).into(),
            view.note.as_deref().into(),
            view.state.name().into(),
            view.sent_at.into(),
            view.expires_at.into(),
            view.decided_at.into(),
        ]
    }
}

/// Whose it is, and the invitation.
pub(crate) fn read_past(mut row: Fields<'_>) -> Result<(MemberId, InvitationView), Unreadable> {
    let owner = row.member()?;
    let view = InvitationView {
        id: InvitationId(row.take()?),
        direction: row.named()?,
        other: row.member()?,
        note: row.take()?,
        state: row.named()?,
        sent_at: row.time()?,
        expires_at: row.maybe_time()?,
        decided_at: row.maybe_time()?,
    };
    Ok((owner, view))
}

/// A line in its owner's notifications.
#[derive(Debug)]
pub(crate) struct NotificationRow<'a> {
    pub(crate) owner: &'a MemberId,
    pub(crate) notification: &'a Notification,
}

impl ToRow for NotificationRow<'_> {
    fn values(&self) -> Vec<Value<'_>> {
        let line = self.notification;
        let mut values = vec![
            self.owner.into(),
            line.id.0.into(),
            line.at.into(),
            (&line.about).into(),
            line.invitation.map(|id| id.0).into(),
            line.kind.name().into(),
        ];
        values.extend(engagement_values(match &line.kind {
            NotificationKind::Engagement(engagement) => Some(engagement),
            NotificationKind::InvitationReceived
            | NotificationKind::InvitationReminder
            | NotificationKind::InvitationAccepted
            | NotificationKind::MayInviteAgain => None,
        }));
        values
    }
}

/// Whose it is, and the line.
pub(crate) fn read_notification(mut row: Fields<'_>) -> Result<(MemberId, Notification), Unreadable> {
    let owner = row.member()?;
    let (id, at, about) = (NotificationId(row.take()?), row.time()?, row.member()?);
    let invitation = row.take::<Option<Uuid>>()?.map(InvitationId);
    let kind: &str = row.take()?;
    let engagement = read_engagement(&mut row)?;
    let kind = match (kind, engagement) {
        ("invitation_received", None) => NotificationKind::InvitationReceived,
        ("invitation_reminder", None) => NotificationKind::InvitationReminder,
        ("invitation_accepted", None) => NotificationKind::InvitationAccepted,
        ("may_invite_again", None) => NotificationKind::MayInviteAgain,
        ("engagement", Some(engagement)) => NotificationKind::Engagement(engagement),
        (other, _) => return Err(Unreadable(format!("there is no notification of the kind {other:?}"))),
    };
    Ok((owner, Notification { id, at, about, invitation, kind }))
}

fn engagement_values(engagement: Option<&Engagement>) -> [Value<'_>; 3] {
    [
        engagement.map(|engagement| engagement.kind.name()).into(),
        engagement.and_then(|engagement| engagement.subject.as_deref()).into(),
        engagement.and_then(|engagement| engagement.text.as_deref()).into(),
    ]
}

fn read_engagement(row: &mut Fields<'_>) -> Result<Option<Engagement>, Unreadable> {
    let (kind, subject, text) = (row.maybe_named()?, row.take()?, row.take()?);
    Ok(kind.map(|kind| Engagement { kind, subject, text }))
}

/// With which member's rows an event is kept: the one of the two whose id comes first.
pub(crate) fn event_home(event: &Event) -> &MemberId {
    (&event.actor).min(&event.subject)
}

impl ToRow for &RecordedEvent {
    fn values(&self) -> Vec<Value<'_>> {
        let event = &self.event;
        let mut values = vec![
            event_home(event).into(),
            self.id.0.into(),
            event.at.into(),
            (&event.actor).into(),
            (&event.subject).into(),
            event.invitation.map(|id| id.0).into(),
            event.kind.name().into(),
        ];
        values.extend(Details::of(&event.kind).values());
        values
    }
}

/// What belongs to some kinds of events.
#[derive(Default)]
struct Details<'a> {
    delivered: Option<bool>,
    complaint: Option<&'static str>,
    number: Option<u8>,
    engagement: Option<(EngagementId, &'a Engagement)>,
    restricted: Option<(acquaint_core::time::Time, &'static str)>,
}

impl<'a> Details<'a> {
    fn of(kind: &'a EventKind) -> Self {
        let none = Details::default();
        match kind {
            EventKind::InvitationCreated { delivered } => Details { delivered: Some(*delivered), ..none },
            EventKind::InvitationDeclined { complaint } => Details { complaint: complaint.map(Named::name), ..none },
            EventKind::InvitationReminded { number } => Details { number: Some(*number), ..none },
            EventKind::EngagementCreated { id, engagement, delivered } => {
                Details { delivered: Some(*delivered), engagement: Some((*id, engagement)), ..none }
            }
            EventKind::MemberRestricted { until, class } => {
                Details { restricted: Some((*until, class.name())), ..none }
            }
            EventKind::InvitationAccepted
            | EventKind::InvitationWithdrawn
            | EventKind::InvitationExpired
            | EventKind::InvitationWaitEnded
            | EventKind::ConnectionRemoved
            | EventKind::FollowCreated
            | EventKind::FollowRemoved
            | EventKind::BlockCreated
            | EventKind::BlockRemoved
            | EventKind::MemberUpdated
            | EventKind::MemberErased => none,
        }
    }

    fn values(self) -> Vec<Value<'a>> {
        let mut values = vec![
            self.delivered.into(),
            self.complaint.into(),
            self.number.into(),
            self.engagement.map(|(id, _)| id.0).into(),
        ];
        values.extend(engagement_values(self.engagement.map(|(_, engagement)| engagement)));
        values.extend([self.restricted.map(|(until, _)| until).into(), self.restricted.map(|(_, class)| class).into()]);
        values
    }
}

pub(crate) fn read_event(mut row: Fields<'_>) -> Result<RecordedEvent, Unreadable> {
    row.member()?;
    let (id, at, actor, subject) = (EventId(row.take()?), row.time()?, row.member()?, row.member()?);
    let invitation = row.take::<Option<Uuid>>()?.map(InvitationId);
    let kind = read_kind(row.take()?, &mut row)?;
    Ok(RecordedEvent { id, event: Event { at, actor, subject, invitation, kind } })
}

fn read_kind(name: &str, row: &mut Fields<'_>) -> Result<EventKind, Unreadable> {
    let missing = || Unreadable(format!("an event {name:?} without what belongs to it"));
    let (delivered, complaint) = (row.take::<Option<bool>>()?, row.maybe_named()?);
    let number = row.maybe_number::<i16, u8>()?;
    let engagement_id = row.take::<Option<Uuid>>()?.map(EngagementId);
    let engagement = read_engagement(row)?;
    let (until, class) = (row.maybe_time()?, row.maybe_named()?);
    Ok(match name {
        "invitation.created" => EventKind::InvitationCreated { delivered: delivered.ok_or_else(missing)? },
        "invitation.accepted" => EventKind::InvitationAccepted,
        "invitation.declined" => EventKind::InvitationDeclined { complaint },
        "invitation.withdrawn" => EventKind::InvitationWithdrawn,
        "invitation.expired" => EventKind::InvitationExpired,
        "invitation.reminded" => EventKind::InvitationReminded { number: number.ok_or_else(missing)? },
        "invitation.wait_ended" => EventKind::InvitationWaitEnded,
        "connection.removed" => EventKind::ConnectionRemoved,
        "follow.created" => EventKind::FollowCreated,
        "follow.removed" => EventKind::FollowRemoved,
        "block.created" => EventKind::BlockCreated,
        "block.removed" => EventKind::BlockRemoved,
        "engagement.created" => EventKind::EngagementCreated {
            id: engagement_id.ok_or_else(missing)?,
            engagement: engagement.ok_or_else(missing)?,
            delivered: delivered.ok_or_else(missing)?,
        },
        "member.restricted" => {
            EventKind::MemberRestricted { until: until.ok_or_else(missing)?, class: class.ok_or_else(missing)? }
        }
        "member.updated" => EventKind::MemberUpdated,
        "member.erased" => EventKind::MemberErased,
        other => return Err(Unreadable(format!("there is no event of the kind {other:?}"))),
    })
}

/// An idempotency record, with its answer as JSON.
#[derive(Debug)]
pub(crate) struct ClaimRow<'a> {
    claim: &'a Claim,
    answer: String,
}

impl<'a> ClaimRow<'a> {
    pub(crate) fn of(claim: &'a Claim) -> Result<Self, Unreadable> {
        let answer = serde_json::to_string(&claim.answer);
        let answer = answer.map_err(|error| Unreadable(format!("an answer cannot be written: {error}")))?;
        Ok(Self { claim, answer })
    }
}

impl ToRow for ClaimRow<'_> {
    fn values(&self) -> Vec<Value<'_>> {
        let claim = self.claim;
        vec![
            claim.name.scope.as_str().into(),
            claim.name.key.as_str().into(),
            Uuid::from_bytes(claim.fingerprint).into(),
            claim.at.into(),
            self.answer.as_str().into(),
        ]
    }
}

pub(crate) fn read_claim(mut row: Fields<'_>) -> Result<Claim, Unreadable> {
    let name = ClaimName { scope: row.take()?, key: row.take()? };
    let (fingerprint, at) = (row.take::<Uuid>()?.into_bytes(), row.time()?);
    let answer = serde_json::from_str(row.take()?).map_err(|error| Unreadable(format!("a saved answer: {error}")))?;
    Ok(Claim { name, fingerprint, at, answer })
}

impl ToRow for Document {
    fn values(&self) -> Vec<Value<'_>> {
        let Document { name, version, content } = self;
        vec![
            name.owner_text().into(),
            name.kind.name().into(),
            name.key.as_str().into(),
            (*version).into(),
            content.due.into(),
            content.body.as_str().into(),
        ]
    }
}

pub(crate) fn read_document(mut row: Fields<'_>) -> Result<Document, Unreadable> {
    let (owner, kind, key) = (row.take::<&str>()?, row.take::<&str>()?, row.take()?);
    let unreadable = || Unreadable(format!("there are no documents of the kind {kind:?} of {owner:?}"));
    let owner = if owner.is_empty() { None } else { Some(MemberId::new(owner).map_err(|_| unreadable())?) };
    let name = DocumentName { owner, kind: Kind::named(kind).ok_or_else(unreadable)?, key };
    let version = row.number::<i64, u64>()?;
    Ok(Document { name, version, content: Content { due: row.maybe_time()?, body: row.take()? } })
}
