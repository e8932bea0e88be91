//! The catalogue of events: what is told has the form that it says, and the documentation says the same.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests stop at the first surprise")]

use std::collections::BTreeSet;

use acquaint_core::catalogue::{EventType, catalogue};
use acquaint_core::command::{Engagement, EngagementKind};
use acquaint_core::event::{Event, EventKind, RecordedEvent};
use acquaint_core::ids::{EngagementId, EventId, InvitationId, MemberId};
use acquaint_core::member::RestrictionClass;
use acquaint_core::relation::Complaint;
use acquaint_core::time::Time;
use acquaint_core::told::ToldEvent;
use serde_json::Value;
use uuid::Uuid;

/// Each kind of event, with everything in it that may be.
fn kinds() -> Vec<EventKind> {
    let engagement =
        Engagement { kind: EngagementKind::Comment, subject: Some("post".into()), text: Some("well said".into()) };
    vec![
        EventKind::InvitationCreated { delivered: true },
        EventKind::InvitationAccepted,
        EventKind::InvitationDeclined { complaint: Some(Complaint::Spam) },
        EventKind::InvitationWithdrawn,
        EventKind::InvitationExpired,
        EventKind::InvitationReminded { number: 1 },
        EventKind::InvitationWaitEnded,
        EventKind::ConnectionRemoved,
        EventKind::FollowCreated,
        EventKind::FollowRemoved,
        EventKind::BlockCreated,
        EventKind::BlockRemoved,
        EventKind::EngagementCreated { id: EngagementId(Uuid::nil()), engagement, delivered: false },
        EventKind::MemberRestricted { until: Time::from_unix(0), class: RestrictionClass::Pace },
        EventKind::MemberUpdated,
        EventKind::MemberErased,
    ]
}

fn told(kind: EventKind) -> Value {
    let invitation = kind.name().starts_with("invitation.").then(|| InvitationId(Uuid::nil()));
    let member = |name| MemberId::new(name).unwrap();
    let event = Event { at: Time::from_unix(0), actor: member("ann"), subject: member("bo"), invitation, kind };
    serde_json::to_value(ToldEvent::from(RecordedEvent { id: EventId(Uuid::nil()), event })).unwrap()
}

fn names(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn what_is_told_has_the_fields_of_its_schema_and_no_others() {
    let kinds = kinds();
    let types: Vec<EventType> = kinds.iter().map(EventKind::event_type).collect();
    assert_eq!(types, EventType::ALL, "one example for each type, in order");
    for kind in kinds {
        let (schema, told) = (kind.event_type().schema(), told(kind));
        assert_eq!(schema["properties"]["type"]["const"], told["type"]);
        for (schema, told) in [(&schema, &told), (&schema["properties"]["data"], &told["data"])] {
            assert_eq!(names(&schema["properties"]), names(told), "{}", told["type"]);
            let mut required = schema["required"].as_array().unwrap().iter();
            assert!(required.all(|name| told.get(name.as_str().unwrap()).is_some()), "{told}");
        }
    }
}

#[test]
fn a_type_is_found_by_its_name() {
    for &kind in EventType::ALL {
        assert_eq!(EventType::named(kind.name()), Some(kind));
    }
    assert_eq!(EventType::named("webhook.test"), None);
}

#[test]
fn the_documentation_lists_every_type() {
    let documentation = include_str!("../../../docs/events.md");
    let catalogue = catalogue();
    let expected: Vec<String> = catalogue["items"].as_array().unwrap().iter().map(row).collect();
    let listed: Vec<&str> = documentation.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(listed, expected, "docs/events.md: put these rows there");
    assert!(documentation.contains(&format!("version {}", catalogue["version"])));
}

fn row(item: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let data = &item["schema"]["properties"]["data"];
    let required = data["required"].as_array().unwrap();
    let fields = names(&data["properties"]).into_iter().map(|name| {
        let is_required = required.iter().any(|required| *required == name.as_str());
        if is_required { format!("`{name}`") } else { format!("`{name}?`") }
    });
    let fields = fields.collect::<Vec<_>>().join(", ");
    format!("| `{}` | {} | {fields} | {} |", text(&item["type"]), text(&item["audience"]), text(&item["meaning"]))
}
