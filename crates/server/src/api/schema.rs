//! Schemas of the words that the API shares with the rules.

use acquaint_app::keys::Holder;
use acquaint_app::outbox::Stage;
use acquaint_core::access::Scope;
use acquaint_core::catalogue::EventType;
use acquaint_core::cleanup::MAX_ITEMS;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{KnownFormat, Object, Schema, SchemaFormat};

/// A text of this form.
fn text(description: &str, pattern: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description)).pattern(Some(pattern))
}

/// One of these words.
fn word(description: &str, words: &[&str]) -> Object {
    let builder = ObjectBuilder::new().schema_type(Type::String).description(Some(description));
    builder.enum_values(Some(words.iter().copied())).build()
}

/// What may be left out may also be null.
fn or_null(object: Object) -> Object {
    let mut object = object;
    object.schema_type = SchemaType::from_iter([Type::String, Type::Null]);
    if let Some(words) = &mut object.enum_values {
        words.push(serde_json::Value::Null);
    }
    object
}

/// Whose a key is.
pub(crate) fn holder() -> Object {
    word("Whose it is.", &Holder::ALL.map(Holder::name))
}

/// Who administered something.
pub(crate) fn audit_by() -> Object {
    word("Who did it.", &["host", "operator", "command_line"])
}

/// What a key is good for; nothing that has scopes, if it is an operator's.
pub(crate) fn scopes() -> Schema {
    let words = Scope::ALL.map(Scope::name);
    ArrayBuilder::new().items(word("What a key is good for.", &words)).into()
}

pub(crate) fn member_id() -> Object {
    let builder = text("A member, as the host names them.", r"^[^\s\u0000-\u001f\u007f-\u009f/?#%]+$");
    builder.min_length(Some(1)).max_length(Some(128)).examples(["ada"]).build()
}

pub(crate) fn invitation_id() -> Object {
    let builder = text("An invitation.", "^inv_[0-9a-f]{32}$");
    builder.examples(["inv_01933e5c7a4b7c3d8e9f0a1b2c3d4e5f"]).build()
}

pub(crate) fn invitation_id_or_null() -> Object {
    or_null(invitation_id())
}

pub(crate) fn member_id_or_null() -> Object {
    or_null(member_id())
}

pub(crate) fn engagement_id() -> Object {
    text("An engagement.", "^eng_[0-9a-f]{32}$").build()
}

pub(crate) fn notification_id() -> Object {
    text("A notification.", "^ntf_[0-9a-f]{32}$").build()
}

pub(crate) fn notification_id_or_null() -> Object {
    or_null(notification_id())
}

pub(crate) fn stage() -> Object {
    let words = Stage::ALL.map(Stage::name);
    word("What became of deliveries.", &words)
}

pub(crate) fn event_type() -> Object {
    let words: Vec<&str> = EventType::ALL.iter().map(|kind| kind.name()).collect();
    word("What happened.", &words)
}

pub(crate) fn event_types() -> Schema {
    ArrayBuilder::new().items(event_type()).into()
}

pub(crate) fn event_id() -> Object {
    text("An event.", "^evt_[0-9a-f]{32}$").build()
}

pub(crate) fn event_id_or_empty() -> Object {
    text("An event; nothing is the beginning.", "^(evt_[0-9a-f]{32})?$").build()
}

pub(crate) fn audience_or_null() -> Schema {
    let tag = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(64));
    let tags = ArrayBuilder::new().items(tag).max_items(Some(50));
    let tags = tags.schema_type(SchemaType::from_iter([Type::Array, Type::Null]));
    Schema::Array(tags.description(Some("Tags of the people whom this member wants to reach (rule 37).")).build())
}

pub(crate) fn time() -> Object {
    let builder = ObjectBuilder::new().schema_type(Type::String);
    let builder = builder.format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    builder.description(Some("RFC 3339, answered in UTC and whole seconds.")).examples(["2026-11-23T08:00:00Z"]).build()
}

pub(crate) fn time_or_null() -> Object {
    or_null(time())
}

pub(crate) fn span() -> Object {
    text("A whole number of days, hours, minutes or seconds, at most 36500d.", "^[0-9]{1,10}[dhms]$")
        .examples(["21d"])
        .build()
}

pub(crate) fn span_or_null() -> Object {
    or_null(span())
}

fn up_to_a_plan(items: Object, least: usize) -> Schema {
    let array = ArrayBuilder::new().items(items).min_items(Some(least)).max_items(Some(MAX_ITEMS));
    Schema::Array(array.build())
}

pub(crate) fn members() -> Schema {
    up_to_a_plan(member_id(), 0)
}

pub(crate) fn invitation_ids() -> Schema {
    up_to_a_plan(invitation_id(), 1)
}

pub(crate) fn reasons() -> Schema {
    let words = ["recipient_inactive", "outside_audience", "stale"];
    let array = ArrayBuilder::new().items(word("Why.", &words)).min_items(Some(1));
    Schema::Array(array.description(Some("Why, the worst first (rule 37).")).build())
}

pub(crate) fn plan_state() -> Object {
    word("Whether it goes on by itself.", &["running", "paused", "stopped", "cancelled", "finished"])
}

pub(crate) fn plan_outcome() -> Object {
    let words = ["withdrawn", "already_accepted", "no_longer_available", "refused", "skipped"];
    word("What came of it.", &words)
}

pub(crate) fn email_or_null() -> Object {
    let object = text("An e-mail address.", "^[^@]+@[^@]+$").max_length(Some(254)).build();
    or_null(object)
}

pub(crate) fn plan() -> Object {
    word("What the member pays for.", &["basic", "premium"])
}

pub(crate) fn plan_or_null() -> Object {
    or_null(plan())
}

pub(crate) fn who_may_invite() -> Object {
    word("Who may invite the member (rule 21).", &["anyone", "email", "nobody"])
}

pub(crate) fn who_may_invite_or_null() -> Object {
    or_null(who_may_invite())
}

pub(crate) fn complaint_or_null() -> Object {
    or_null(word("What was wrong with the invitation (rule 6).", &["dont_know", "spam"]))
}

pub(crate) fn direction() -> Object {
    word("Whether the caller sent or received it.", &["sent", "received"])
}

pub(crate) fn sent_state() -> Object {
    word("How the invitation stands for its sender.", &["pending", "accepted", "withdrawn", "expired"])
}

pub(crate) fn received_state() -> Object {
    word("How the invitation stands for its recipient.", &["pending", "accepted", "declined"])
}

pub(crate) fn remedy() -> Object {
    word("What the member can do about it.", &["wait", "withdraw", "contact_operator", "none"])
}

pub(crate) fn risk() -> Object {
    word("How close a restriction is (rule 34).", &["low", "elevated", "high"])
}

pub(crate) fn restriction_class() -> Object {
    word("What a restriction is for.", &["unanswered_or_reported", "pace"])
}

pub(crate) fn engagement_kind() -> Object {
    word("What was done (rule 18).", &["like", "comment", "share"])
}

pub(crate) fn engagement_kind_or_null() -> Object {
    or_null(engagement_kind())
}

pub(crate) fn notification_kind() -> Object {
    let words = ["invitation_received", "invitation_reminder", "invitation_accepted", "engagement", "may_invite_again"];
    word("What the notification is about.", &words)
}

pub(crate) fn order() -> Object {
    let mut object = word("From which end.", &["newest", "oldest"]);
    object.default = Some("newest".into());
    object
}

pub(crate) fn verb() -> Object {
    word("What is to be done.", &super::commands::Verb::NAMES)
}
