//! The catalogue of events: every type with its meaning, who may know of it, and the form in which programs
//! are told, as a JSON Schema.
//!
//! The form has a version. Within one version fields may be added, and types; none is taken away or means
//! something else. Receivers ignore what they do not know.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::ids::MemberId;

/// The version of the form of events.
pub const VERSION: u32 = 1;

/// Who may be told of an event. Events go to the host; what it passes on has to keep to this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Both, `actor` and `subject`; the subject only if it was `delivered`, where the event says so.
    Both,
    /// The one whose act it was, and nobody else: the other side must not notice.
    Actor,
    /// The one whom it concerns, and nobody else.
    Subject,
    /// The host alone.
    Host,
}

macro_rules! types {
    ($($kind:ident => $name:literal, $audience:ident, $meaning:literal;)*) => {
        /// What can happen.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "each says its meaning")]
        pub enum EventType {
            $($kind),*
        }

        impl EventType {
            /// Every type, in the order of the documentation.
            pub const ALL: &'static [EventType] = &[$(EventType::$kind),*];

            /// Its stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(EventType::$kind => $name),* }
            }

            /// What it means, in a sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(EventType::$kind => $meaning),* }
            }

            /// Who may be told of it.
            #[must_use]
            pub const fn audience(self) -> Audience {
                match self { $(EventType::$kind => Audience::$audience),* }
            }
        }
    };
}

types! {
    InvitationCreated => "invitation.created", Both,
        "The actor invited the subject. Nobody may tell the subject if it was not delivered.";
    InvitationAccepted => "invitation.accepted", Both,
        "The actor accepted the subject's invitation, or invited them while theirs was pending.";
    InvitationDeclined => "invitation.declined", Actor,
        "The actor declined the subject's invitation in silence.";
    InvitationWithdrawn => "invitation.withdrawn", Actor,
        "The actor withdrew their invitation to the subject in silence.";
    InvitationExpired => "invitation.expired", Actor,
        "The actor's invitation to the subject ended by itself.";
    InvitationReminded => "invitation.reminded", Subject,
        "The subject was reminded of the actor's invitation.";
    InvitationWaitEnded => "invitation.wait_ended", Actor,
        "The wait after a withdrawal is over: the actor may invite the subject again.";
    ConnectionRemoved => "connection.removed", Both,
        "The actor ended the connection with the subject.";
    FollowCreated => "follow.created", Both,
        "The actor follows the subject.";
    FollowRemoved => "follow.removed", Both,
        "The actor no longer follows the subject.";
    BlockCreated => "block.created", Actor,
        "The actor blocks the subject in silence.";
    BlockRemoved => "block.removed", Actor,
        "The actor no longer blocks the subject.";
    EngagementCreated => "engagement.created", Both,
        "The actor liked, commented or shared something of the subject's. Nobody may tell the subject if it was not delivered.";
    MemberRestricted => "member.restricted", Actor,
        "The actor may not send invitations until the moment that is named.";
    MemberUpdated => "member.updated", Host,
        "The host registered a member or changed what is known about them.";
    MemberErased => "member.erased", Host,
        "A member was erased; this is all that is left of them.";
}

impl EventType {
    /// The type of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// The form in which programs are told of it (JSON Schema, draft 2020-12).
    #[must_use]
    pub fn schema(self) -> Value {
        let time = || json!({"type": "string", "format": "date-time"});
        let member = |meaning: &str| json!({"type": "string", "minLength": 1, "maxLength": MemberId::MAX_BYTES, "description": meaning});
        let mut properties = json!({
            "id": {"type": "string", "pattern": "^evt_[0-9a-f]{32}$", "description": "Which; ids ascend in the order of commits."},
            "type": {"const": self.name()},
            "at": time(),
            "actor": member("Whose act it was; for a reminder or an end by itself, the sender."),
            "subject": member("Whom it concerns."),
            "data": self.data(),
        });
        let mut required = vec!["id", "type", "at", "actor", "subject", "data"];
        if let Some(properties) = properties.as_object_mut().filter(|_| self.has_invitation()) {
            properties.insert("invitation_id".into(), json!({"type": "string", "pattern": "^inv_[0-9a-f]{32}$"}));
            required.push("invitation_id");
        }
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.name(),
            "description": self.meaning(),
            "type": "object",
            "properties": properties,
            "required": required,
        })
    }

    /// Whether it is about an invitation.
    fn has_invitation(self) -> bool {
        self.name().starts_with("invitation.")
    }

    /// What belongs to this type alone.
    fn data(self) -> Value {
        let text = || json!({"type": "string"});
        let delivered = json!({"type": "boolean", "description": "Whether the subject sees it."});
        let (properties, required): (Value, &[&str]) = match self {
            Self::InvitationCreated => (json!({"delivered": delivered}), &["delivered"]),
            Self::InvitationDeclined => {
                (json!({"reason": {"enum": ["dont_know", "spam"], "description": "What the actor said."}}), &[])
            }
            Self::InvitationReminded => (
                json!({"number": {"type": "integer", "minimum": 1, "description": "The first, the second, …"}}),
                &["number"],
            ),
            Self::EngagementCreated => (
                json!({
                    "engagement_id": {"type": "string", "pattern": "^eng_[0-9a-f]{32}$"},
                    "kind": {"enum": ["like", "comment", "share"]},
                    "subject": text(),
                    "text": text(),
                    "delivered": delivered,
                }),
                &["engagement_id", "kind", "delivered"],
            ),
            Self::MemberRestricted => (
                json!({
                    "until": {"type": "string", "format": "date-time"},
                    "class": {"enum": ["unanswered_or_reported", "pace"]},
                }),
                &["until", "class"],
            ),
            Self::InvitationAccepted
            | Self::InvitationWithdrawn
            | Self::InvitationExpired
            | Self::InvitationWaitEnded
            | Self::ConnectionRemoved
            | Self::FollowCreated
            | Self::FollowRemoved
            | Self::BlockCreated
            | Self::BlockRemoved
            | Self::MemberUpdated
            | Self::MemberErased => (json!({}), &[]),
        };
        json!({"type": "object", "properties": properties, "required": required})
    }
}

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> serde::Deserialize<'de> for EventType {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| serde::de::Error::custom("there is no event of this type"))
    }
}

/// The catalogue as programs read it.
#[must_use]
pub fn catalogue() -> Value {
    let types = EventType::ALL.iter().map(|kind| {
        json!({
            "type": kind.name(),
            "meaning": kind.meaning(),
            "audience": kind.audience(),
            "schema": kind.schema(),
        })
    });
    json!({"version": VERSION, "items": types.collect::<Vec<_>>()})
}
