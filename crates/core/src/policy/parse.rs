//! Reading a policy document: first the raw keys with their places, then the meaning.
//!
//! Every error names the line, so that whoever edits the file sees where.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use toml::Spanned;

use super::mail::MAX_DIGEST;
use super::{Policy, Preset, QuietHours, Zone};
use crate::time::Span;

/// Why a document is not a policy, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct PolicyError {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What is wrong, and what is expected.
    pub message: String,
}

impl PolicyError {
    fn at(text: &str, offset: usize, message: String) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        Self { line: before.matches('\n').count() + 1, column, message }
    }
}

impl Policy {
    /// Reads a policy document. A key that is left out keeps the value of its preset.
    ///
    /// # Errors
    /// [`PolicyError`] for text that is not TOML, an unknown key, a value of the wrong kind or unit
    /// or out of range, and for keys that contradict each other.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let raw: RawPolicy = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            PolicyError::at(text, offset, error.message().trim().replace('\n', ", "))
        })?;
        let (policy, places) = raw.resolve();
        match policy.contradiction() {
            None => Ok(policy),
            Some((keys, message)) => {
                // The document may give one key of the two; the other is the preset's then.
                let given = keys.iter().find_map(|key| places.iter().find(|(name, _)| name == key));
                let offset = given.map_or(0, |(_, place)| place.start);
                Err(PolicyError::at(text, offset, message))
            }
        }
    }

    /// The first values that cannot hold together: whose they are and what is wrong.
    fn contradiction(&self) -> Option<Contradiction> {
        self.contradiction_in_life().or_else(|| self.contradiction_in_restriction())
    }

    fn contradiction_in_life(&self) -> Option<Contradiction> {
        let after = &self.reminders.after;
        if !after.is_sorted_by(|a, b| a < b) {
            return Some((&["reminders.after"], "reminders.after: the ages must ascend".into()));
        }
        if let (Some(last), Some(end)) = (after.last(), self.invitation.expires_after)
            && *last >= end
        {
            let message = format!(
                "reminders.after: a reminder after {last} would come when the invitation has ended ({end}); see \
                 invitation.expires_after"
            );
            return Some((&["reminders.after", "invitation.expires_after"], message));
        }
        if self.mail.digest.is_some_and(|digest| digest > MAX_DIGEST) {
            let message = format!("mail.digest: expected at most {MAX_DIGEST}; older mails are not remembered");
            return Some((&["mail.digest"], message));
        }
        None
    }

    fn contradiction_in_restriction(&self) -> Option<Contradiction> {
        let rules = &self.restriction;
        // "Older than" is strict, so even a second more than the age leaves nothing to judge.
        let youngest = rules.unanswered_after.as_seconds() + 1;
        if rules.acceptance_floor.is_some() && youngest >= rules.unanswered_window.as_seconds() {
            let message = format!(
                "restriction.unanswered_after: nothing older than {} lies within {} (restriction.unanswered_window)",
                rules.unanswered_after, rules.unanswered_window
            );
            return Some((&["restriction.unanswered_after", "restriction.unanswered_window"], message));
        }
        if !rules.ladder.is_sorted() {
            return Some((&["restriction.ladder"], "restriction.ladder: the lengths must not descend".into()));
        }
        match rules.withdrawals_per_day {
            Some(limit) if self.cleanup.daily_budget >= limit => {
                let message = format!(
                    "cleanup.daily_budget ({}) must lie below restriction.withdrawals_per_day ({limit}), or following \
                     the plan restricts",
                    self.cleanup.daily_budget
                );
                Some((&["cleanup.daily_budget", "restriction.withdrawals_per_day"], message))
            }
            _ => None,
        }
    }
}

/// The keys whose values cannot hold together, the likeliest to blame first, and what is wrong.
type Contradiction = (&'static [&'static str], String);

/// A value, or the word `"off"`.
struct Switch<T>(Option<T>);

impl<'de, T: Value> Deserialize<'de> for Switch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SwitchVisitor::<T> { may_be_off: true, kind: PhantomData }).map(Switch)
    }
}

/// A value that cannot be switched off.
struct Always<T>(T);

impl<'de, T: Value> Deserialize<'de> for Always<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = SwitchVisitor::<T> { may_be_off: false, kind: PhantomData };
        match deserializer.deserialize_any(visitor)? {
            Some(value) => Ok(Always(value)),
            None => Err(de::Error::custom(format_args!("expected {}", T::EXPECTED))),
        }
    }
}

/// One kind of value in a policy document; each constructor refuses what is not of its kind.
trait Value: Sized {
    const EXPECTED: &'static str;

    fn from_int(_: i64) -> Option<Self> {
        None
    }

    fn from_float(_: f64) -> Option<Self> {
        None
    }

    fn from_text(_: &str) -> Option<Self> {
        None
    }

    fn from_list(_: Vec<Span>) -> Option<Self> {
        None
    }
}

/// A whole number from 1 to a million.
struct Count(u32);

impl Value for Count {
    const EXPECTED: &'static str = "a whole number from 1 to 1000000";

    fn from_int(number: i64) -> Option<Self> {
        u32::try_from(number).ok().filter(|n| (1..=1_000_000).contains(n)).map(Count)
    }
}

/// A share from 0 to 1.
struct Share(f64);

impl Value for Share {
    const EXPECTED: &'static str = "a share from 0.0 to 1.0";

    fn from_int(number: i64) -> Option<Self> {
        u8::try_from(number).ok().and_then(|number| Self::from_float(f64::from(number)))
    }

    fn from_float(number: f64) -> Option<Self> {
        (0.0..=1.0).contains(&number).then_some(Share(number))
    }
}

/// A wait, which may be none.
impl Value for Span {
    const EXPECTED: &'static str = "a duration such as \"21d\", \"36h\" or \"90s\", at most \"36500d\"";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// A window or length, at least a second.
struct Length(Span);

impl Value for Length {
    const EXPECTED: &'static str =
        "a duration of at least \"1s\", such as \"21d\", \"36h\" or \"90s\", at most \"36500d\"";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok().filter(|span| *span > Span::ZERO).map(Length)
    }
}

/// At least one length.
struct Lengths(Vec<Span>);

impl Value for Lengths {
    const EXPECTED: &'static str = "a list of one to sixteen durations of at least \"1s\"";

    fn from_list(spans: Vec<Span>) -> Option<Self> {
        let fits = (1..=16).contains(&spans.len()) && spans.iter().all(|span| *span > Span::ZERO);
        fits.then_some(Lengths(spans))
    }
}

impl Value for QuietHours {
    const EXPECTED: &'static str = "hours of the day such as \"22:00-07:00\", the two not the same";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Value for Zone {
    const EXPECTED: &'static str = "the name of a time zone such as \"Europe/Rome\" or \"UTC\"";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

struct SwitchVisitor<T> {
    may_be_off: bool,
    kind: PhantomData<T>,
}

impl<T: Value> SwitchVisitor<T> {
    fn refuse<E: de::Error>(&self) -> E {
        E::custom(format_args!("expected {}{}", T::EXPECTED, if self.may_be_off { ", or \"off\"" } else { "" }))
    }
}

impl<'de, T: Value> Visitor<'de> for SwitchVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)?;
        if self.may_be_off { f.write_str(", or \"off\"") } else { Ok(()) }
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        T::from_int(number).map(Some).ok_or_else(|| self.refuse())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
        T::from_float(number).map(Some).ok_or_else(|| self.refuse())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        if self.may_be_off && text == "off" {
            return Ok(None);
        }
        T::from_text(text).map(Some).ok_or_else(|| self.refuse())
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut spans = Vec::new();
        while let Some(span) = list.next_element()? {
            spans.push(span);
        }
        T::from_list(spans).map(Some).ok_or_else(|| self.refuse())
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPolicy {
    #[serde(default)]
    preset: Option<RawPreset>,
    #[serde(default)]
    invitation: RawInvitation,
    #[serde(default)]
    reminders: RawReminders,
    #[serde(default)]
    mail: RawMail,
    #[serde(default)]
    limits: RawLimits,
    #[serde(default)]
    restriction: RawRestriction,
    #[serde(default)]
    follow: RawFollow,
    #[serde(default)]
    cleanup: RawCleanup,
    #[serde(default)]
    members: RawMembers,
    #[serde(default)]
    retention: RawRetention,
}

struct RawPreset(Preset);

impl<'de> Deserialize<'de> for RawPreset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map(RawPreset).map_err(de::Error::custom)
    }
}

#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawInvitation {
    expires_after: Option<Spanned<Switch<Length>>>,
    resend_after_withdrawal: Option<Spanned<Switch<Span>>>,
    resend_after_decline: Option<Spanned<Switch<Span>>>,
    resend_after_expiry: Option<Spanned<Switch<Span>>>,
    note_max_basic: Option<Spanned<Always<Count>>>,
    note_max_premium: Option<Spanned<Always<Count>>>,
    notes_per_month_basic: Option<Spanned<Switch<Count>>>,
}

#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawReminders {
    after: Option<Spanned<Switch<Lengths>>>,
}

#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawMail {
    first_notice: Option<bool>,
    accepted: Option<bool>,
    may_invite_again: Option<bool>,
    quiet_hours: Option<Spanned<Switch<QuietHours>>>,
    time_zone: Option<Spanned<Always<Zone>>>,
    digest: Option<Spanned<Switch<Length>>>,
}

#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawLimits {
    pending_cap: Option<Spanned<Switch<Count>>>,
    rolling_window: Option<Spanned<Always<Length>>>,
    rolling_basic: Option<Spanned<Switch<Count>>>,
    rolling_premium: Option<Spanned<Switch<Count>>>,
    connections: Option<Spanned<Switch<Count>>>,
}

#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawRestriction {
    unanswered_window: Option<Spanned<Always<Length>>>,
    unanswered_after: Option<Spanned<Always<Span>>>,
    unanswered_min: Option<Spanned<Always<Count>>>,
    acceptance_floor: Option<Spanned<Switch<Share>>>,
    reports: Option<Spanned<Switch<Count>>>,
    reports_window: Option<Spanned<Always<Length>>>,
    sends_per_hour: Option<Spanned<Switch<Count>>>,
    withdrawals_per_day: Option<Spanned<Switch<Count>>>,
    ladder: Option<Spanned<Always<Lengths>>>,
    ladder_memory: Option<Spanned<Always<Span>>>,
}

#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawFollow {
    on_invite: Option<bool>,
    on_accept: Option<bool>,
}

#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawCleanup {
    stale_after: Option<Spanned<Always<Length>>>,
    inactive_after: Option<Spanned<Always<Length>>>,
    daily_budget: Option<Spanned<Always<Count>>>,
}

#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawMembers {
    must_be_registered: Option<bool>,
}

#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawRetention {
    events: Option<Spanned<Switch<Length>>>,
    notifications: Option<Spanned<Switch<Length>>>,
    past_invitations: Option<Spanned<Switch<Length>>>,
    idempotency_records: Option<Spanned<Always<Length>>>,
    audit: Option<Spanned<Always<Length>>>,
}

/// Where each key that was given stands in the document.
type Places = Vec<(&'static str, Range<usize>)>;

/// Puts a value that was given over the preset's and remembers where it stood.
fn put<T, U>(
    places: &mut Places,
    key: &'static str,
    slot: &mut U,
    given: Option<Spanned<T>>,
    meaning: impl FnOnce(T) -> U,
) {
    if let Some(value) = given {
        places.push((key, value.span()));
        *slot = meaning(value.into_inner());
    }
}

impl RawPolicy {
    fn resolve(self) -> (Policy, Places) {
        let mut policy = Policy::preset(self.preset.map_or_else(Preset::default, |preset| preset.0));
        let mut places = Places::new();
        self.invitation.resolve(&mut policy, &mut places);
        put(&mut places, "reminders.after", &mut policy.reminders.after, self.reminders.after, |v| {
            v.0.map_or_else(Vec::new, |list| list.0)
        });
        self.mail.resolve(&mut policy, &mut places);
        self.limits.resolve(&mut policy, &mut places);
        self.restriction.resolve(&mut policy, &mut places);
        let follow = &mut policy.follow;
        follow.on_invite = self.follow.on_invite.unwrap_or(follow.on_invite);
        follow.on_accept = self.follow.on_accept.unwrap_or(follow.on_accept);
        put(&mut places, "cleanup.stale_after", &mut policy.cleanup.stale_after, self.cleanup.stale_after, |v| v.0.0);
        put(
            &mut places,
            "cleanup.inactive_after",
            &mut policy.cleanup.inactive_after,
            self.cleanup.inactive_after,
            |v| v.0.0,
        );
        put(&mut places, "cleanup.daily_budget", &mut policy.cleanup.daily_budget, self.cleanup.daily_budget, |v| {
            v.0.0
        });
        let members = &mut policy.members;
        members.must_be_registered = self.members.must_be_registered.unwrap_or(members.must_be_registered);
        self.retention.resolve(&mut policy, &mut places);
        (policy, places)
    }
}

impl RawRetention {
    fn resolve(self, policy: &mut Policy, places: &mut Places) {
        let kept = &mut policy.retention;
        let span = |value: Switch<Length>| value.0.map(|length| length.0);
        put(places, "retention.events", &mut kept.events, self.events, span);
        put(places, "retention.notifications", &mut kept.notifications, self.notifications, span);
        put(places, "retention.past_invitations", &mut kept.past_invitations, self.past_invitations, span);
        let records = &mut kept.idempotency_records;
        put(places, "retention.idempotency_records", records, self.idempotency_records, |v| v.0.0);
        put(places, "retention.audit", &mut kept.audit, self.audit, |v| v.0.0);
    }
}

fn count(value: Switch<Count>) -> Option<u32> {
    value.0.map(|count| count.0)
}

impl RawInvitation {
    fn resolve(self, policy: &mut Policy, places: &mut Places) {
        let rules = &mut policy.invitation;
        // A wait that is switched off is no wait.
        let wait = |Switch(given): Switch<Span>| given.unwrap_or_default();
        put(places, "invitation.expires_after", &mut rules.expires_after, self.expires_after, |v| {
            v.0.map(|length| length.0)
        });
        put(
            places,
            "invitation.resend_after_withdrawal",
            &mut rules.resend_after_withdrawal,
            self.resend_after_withdrawal,
            wait,
        );
        put(
            places,
            "invitation.resend_after_decline",
            &mut rules.resend_after_decline,
            self.resend_after_decline,
            wait,
        );
        put(places, "invitation.resend_after_expiry", &mut rules.resend_after_expiry, self.resend_after_expiry, wait);
        put(places, "invitation.note_max_basic", &mut rules.note_max_basic, self.note_max_basic, |v| v.0.0);
        put(places, "invitation.note_max_premium", &mut rules.note_max_premium, self.note_max_premium, |v| v.0.0);
        put(
            places,
            "invitation.notes_per_month_basic",
            &mut rules.notes_per_month_basic,
            self.notes_per_month_basic,
            count,
        );
    }
}

impl RawMail {
    fn resolve(self, policy: &mut Policy, places: &mut Places) {
        let mail = &mut policy.mail;
        mail.first_notice = self.first_notice.unwrap_or(mail.first_notice);
        mail.accepted = self.accepted.unwrap_or(mail.accepted);
        mail.may_invite_again = self.may_invite_again.unwrap_or(mail.may_invite_again);
        put(places, "mail.quiet_hours", &mut mail.quiet_hours, self.quiet_hours, |v| v.0);
        put(places, "mail.time_zone", &mut mail.time_zone, self.time_zone, |v| v.0);
        put(places, "mail.digest", &mut mail.digest, self.digest, |v| v.0.map(|length| length.0));
    }
}

impl RawLimits {
    fn resolve(self, policy: &mut Policy, places: &mut Places) {
        let rules = &mut policy.limits;
        put(places, "limits.pending_cap", &mut rules.pending_cap, self.pending_cap, count);
        put(places, "limits.rolling_window", &mut rules.rolling_window, self.rolling_window, |v| v.0.0);
        put(places, "limits.rolling_basic", &mut rules.rolling_basic, self.rolling_basic, count);
        put(places, "limits.rolling_premium", &mut rules.rolling_premium, self.rolling_premium, count);
        put(places, "limits.connections", &mut rules.connections, self.connections, count);
    }
}

impl RawRestriction {
    fn resolve(self, policy: &mut Policy, places: &mut Places) {
        let rules = &mut policy.restriction;
        put(places, "restriction.unanswered_window", &mut rules.unanswered_window, self.unanswered_window, |v| v.0.0);
        put(places, "restriction.unanswered_after", &mut rules.unanswered_after, self.unanswered_after, |v| v.0);
        put(places, "restriction.unanswered_min", &mut rules.unanswered_min, self.unanswered_min, |v| v.0.0);
        put(places, "restriction.acceptance_floor", &mut rules.acceptance_floor, self.acceptance_floor, |v| {
            v.0.map(|share| share.0)
        });
        put(places, "restriction.reports", &mut rules.reports, self.reports, count);
        put(places, "restriction.reports_window", &mut rules.reports_window, self.reports_window, |v| v.0.0);
        put(places, "restriction.sends_per_hour", &mut rules.sends_per_hour, self.sends_per_hour, count);
        put(places, "restriction.withdrawals_per_day", &mut rules.withdrawals_per_day, self.withdrawals_per_day, count);
        put(places, "restriction.ladder", &mut rules.ladder, self.ladder, |v| v.0.0);
        put(places, "restriction.ladder_memory", &mut rules.ladder_memory, self.ladder_memory, |v| v.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> (usize, String) {
        let error = Policy::parse(text).unwrap_err();
        (error.line, error.message)
    }

    #[test]
    fn an_empty_document_is_the_linkedin_preset() {
        assert_eq!(Policy::parse(""), Ok(Policy::preset(Preset::Linkedin)));
        assert_eq!(Policy::parse("preset = \"open\""), Ok(Policy::preset(Preset::Open)));
    }

    #[test]
    fn a_key_overrides_its_preset_and_off_switches_off() {
        let policy =
            Policy::parse("[limits]\npending_cap = 7\nrolling_basic = \"off\"\n[reminders]\nafter = \"off\"").unwrap();
        assert_eq!(policy.limits.pending_cap, Some(7));
        assert_eq!(policy.limits.rolling_basic, None);
        assert!(policy.reminders.after.is_empty());
    }

    #[test]
    fn errors_name_the_line() {
        let cases = [
            ("preset = \"closed\"", 1, "expected \"linkedin\" or \"open\""),
            ("[limits]\npending_capp = 3", 2, "unknown field `pending_capp`"),
            ("[limits]\n\npending_cap = \"many\"", 3, "expected a whole number from 1 to 1000000, or \"off\""),
            ("[limits]\npending_cap = -1", 2, "expected a whole number"),
            ("[invitation]\nexpires_after = 180", 2, "expected a duration of at least \"1s\""),
            ("[invitation]\nexpires_after = \"180 days\"", 2, "expected a duration"),
            ("[invitation]\nnote_max_basic = \"off\"", 2, "expected a whole number"),
            ("[restriction]\nacceptance_floor = 20", 2, "expected a share from 0.0 to 1.0"),
            ("[restriction]\nladder = []", 2, "expected a list of one to sixteen durations"),
            ("[reminders]\nafter = [\"21d\", \"7d\"]", 2, "reminders.after: the ages must ascend"),
            (
                "[reminders]\nafter = [\"200d\"]",
                2,
                "a reminder after 200d would come when the invitation has ended (180d)",
            ),
            ("[restriction]\nunanswered_after = \"90d\"", 2, "nothing older than 90d lies within 90d"),
            ("[cleanup]\ndaily_budget = 50", 2, "must lie below restriction.withdrawals_per_day (50)"),
            ("[mail]\nquiet_hours = \"at night\"", 2, "expected hours of the day such as \"22:00-07:00\""),
            ("[mail]\ntime_zone = \"Rome\"", 2, "expected the name of a time zone such as \"Europe/Rome\""),
            ("[mail]\ntime_zone = \"off\"", 2, "expected the name of a time zone"),
            ("[mail]\ndigest = \"0s\"", 2, "expected a duration of at least \"1s\""),
            ("[mail]\ndigest = \"8d\"", 2, "expected at most 7d"),
            ("[invitation\n", 1, ""),
        ];
        for (text, line, message) in cases {
            let (found_line, found) = error(text);
            assert_eq!(found_line, line, "{text:?}: {found}");
            assert!(found.contains(message), "{text:?}: {found}");
        }
    }

    #[test]
    fn what_is_shown_reads_back() {
        for preset in Preset::ALL {
            let policy = Policy::preset(preset);
            assert_eq!(Policy::parse(&policy.to_toml()), Ok(policy));
        }
    }
}
