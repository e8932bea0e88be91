//! Writing a policy out, every key with the rule that it belongs to.

use std::fmt::Display;

use super::Policy;
use crate::time::Span;

impl Policy {
    /// A complete policy document that [`Policy::parse`] reads back to this policy.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut page = Page(format!("preset = \"{}\"\n", self.preset));
        self.show_life(&mut page);
        self.show_limits(&mut page);
        self.show_rest(&mut page);
        page.0
    }

    fn show_life(&self, page: &mut Page) {
        let rules = &self.invitation;
        page.section("invitation");
        page.key(
            "expires_after",
            quoted_or_off(rules.expires_after),
            "rule 11: an unanswered invitation ends by itself",
        );
        page.key("resend_after_withdrawal", quoted(rules.resend_after_withdrawal), "rule 9: wait after withdrawing");
        page.key(
            "resend_after_decline",
            quoted(rules.resend_after_decline),
            "rule 10: kept from the decliner, unseen by the sender",
        );
        page.key("resend_after_expiry", quoted(rules.resend_after_expiry), "rule 10: wait after an expiry");
        page.key("note_max_basic", rules.note_max_basic, "rule 2: characters as a reader counts them");
        page.key("note_max_premium", rules.note_max_premium, "rule 2");
        page.key("notes_per_month_basic", or_off(rules.notes_per_month_basic), "rule 3: per calendar month, UTC");
        page.section("reminders");
        page.key("after", list_or_off(&self.reminders.after), "rule 22: ages at which the recipient is reminded");
        self.show_mail(page);
    }

    fn show_mail(&self, page: &mut Page) {
        let mail = &self.mail;
        page.section("mail");
        page.key("first_notice", mail.first_notice, "the recipient is told of an invitation by mail");
        page.key("accepted", mail.accepted, "the sender is told that it was accepted");
        page.key("may_invite_again", mail.may_invite_again, "rule 41: … and that a wait is over");
        let hours = mail.quiet_hours.map_or_else(|| "\"off\"".into(), |hours| format!("\"{hours}\""));
        page.key("quiet_hours", hours, "no mail leaves in these hours, …");
        page.key("time_zone", format!("\"{}\"", mail.time_zone), "… by the clocks of this zone");
        page.key("digest", quoted_or_off(mail.digest), "at most one mail of reminders to a member in this time");
    }

    fn show_limits(&self, page: &mut Page) {
        let (limits, rules) = (&self.limits, &self.restriction);
        page.section("limits");
        page.key("pending_cap", or_off(limits.pending_cap), "rule 25: most pending invitations sent");
        page.key("rolling_window", quoted(limits.rolling_window), "rule 26");
        page.key("rolling_basic", or_off(limits.rolling_basic), "rule 26: sends in the window, basic members");
        page.key("rolling_premium", or_off(limits.rolling_premium), "rule 26: sends in the window, premium members");
        page.key("connections", or_off(limits.connections), "rule 16: most connections");
        page.section("restriction");
        page.key("unanswered_window", quoted(rules.unanswered_window), "rule 28: sends of this long are judged …");
        page.key("unanswered_after", quoted(rules.unanswered_after), "rule 28: … once they are older than this …");
        page.key("unanswered_min", rules.unanswered_min, "rule 28: … and at least so many");
        page.key(
            "acceptance_floor",
            or_off(rules.acceptance_floor.map(|share| format!("{share:?}"))),
            "rule 28: a lower share accepted restricts",
        );
        page.key("reports", or_off(rules.reports), "rule 29: so many reports restrict");
        page.key("reports_window", quoted(rules.reports_window), "rule 29");
        page.key("sends_per_hour", or_off(rules.sends_per_hour), "rule 30: more restrict");
        page.key("withdrawals_per_day", or_off(rules.withdrawals_per_day), "rule 31: more in 24 h restrict");
        page.key("ladder", list_or_off(&rules.ladder), "rule 33: lengths of successive restrictions");
        page.key("ladder_memory", quoted(rules.ladder_memory), "rule 33: how long the last one is remembered");
    }

    fn show_rest(&self, page: &mut Page) {
        page.section("follow");
        page.key("on_invite", self.follow.on_invite, "rule 17: inviting also follows");
        page.key("on_accept", self.follow.on_accept, "rule 4: the connected follow each other");
        page.section("cleanup");
        page.key("stale_after", quoted(self.cleanup.stale_after), "rule 38");
        page.key(
            "inactive_after",
            quoted(self.cleanup.inactive_after),
            "rule 37: who was not seen for longer is inactive",
        );
        page.key("daily_budget", self.cleanup.daily_budget, "rule 40: withdrawals a plan makes in a day");
        page.section("members");
        page.key(
            "must_be_registered",
            self.members.must_be_registered,
            "only registered members may invite and be invited",
        );
        let kept = &self.retention;
        page.section("retention");
        page.key("events", quoted_or_off(kept.events), "how long events are kept; \"off\" is for ever");
        page.key("notifications", quoted_or_off(kept.notifications), "how long notifications are kept");
        page.key("past_invitations", quoted_or_off(kept.past_invitations), "how long after their end");
        page.key("idempotency_records", quoted(kept.idempotency_records), "how long a key is remembered");
        page.key("audit", quoted(kept.audit), "how long the audit trail says who administered what");
    }
}

struct Page(String);

impl Page {
    fn section(&mut self, name: &str) {
        self.0.push_str(&format!("\n[{name}]\n"));
    }

    fn key(&mut self, name: &str, value: impl Display, meaning: &str) {
        let line = format!("{name} = {value}");
        self.0.push_str(&format!("{line:<38} # {meaning}\n"));
    }
}

fn quoted(span: Span) -> String {
    format!("\"{span}\"")
}

fn quoted_or_off(span: Option<Span>) -> String {
    span.map_or_else(|| "\"off\"".into(), quoted)
}

fn or_off(value: Option<impl Display>) -> String {
    value.map_or_else(|| "\"off\"".into(), |value| value.to_string())
}

fn list_or_off(spans: &[Span]) -> String {
    if spans.is_empty() {
        return "\"off\"".into();
    }
    let items: Vec<String> = spans.iter().copied().map(quoted).collect();
    format!("[{}]", items.join(", "))
}
