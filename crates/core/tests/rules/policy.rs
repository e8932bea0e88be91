//! A policy document: what is written reads back, and an error names the line.

use acquaint_core::policy::{
    CleanupPolicy, FollowPolicy, InvitationPolicy, LimitPolicy, MailPolicy, MemberPolicy, Policy, Preset,
    ReminderPolicy, RestrictionPolicy, RetentionPolicy,
};
use acquaint_core::time::Span;
use proptest::prelude::*;

use crate::history::seeded;

fn wait() -> impl Strategy<Value = Span> {
    prop_oneof![0_u64..400, 0_u64..3_153_600_000, (0_u64..36_500).prop_map(|days| days * 86_400)]
        .prop_map(Span::seconds)
}

fn length() -> impl Strategy<Value = Span> {
    wait().prop_map(|span| span.max(Span::seconds(1)))
}

fn count() -> impl Strategy<Value = u32> {
    prop_oneof![1_u32..50, 1_u32..=1_000_000]
}

fn off<S: Strategy>(strategy: S) -> impl Strategy<Value = Option<S::Value>> {
    prop::option::of(strategy)
}

prop_compose! {
    fn invitation()(
        expires_after in off(length()),
        waits in [wait(), wait(), wait()],
        note_max_basic in count(),
        note_max_premium in count(),
        notes_per_month_basic in off(count()),
    ) -> InvitationPolicy {
        let [resend_after_withdrawal, resend_after_decline, resend_after_expiry] = waits;
        InvitationPolicy {
            expires_after, resend_after_withdrawal, resend_after_decline, resend_after_expiry,
            note_max_basic, note_max_premium, notes_per_month_basic,
        }
    }
}

prop_compose! {
    fn limits()(
        caps in (off(count()), off(count()), off(count()), off(count())),
        rolling_window in length(),
    ) -> LimitPolicy {
        let (pending_cap, rolling_basic, rolling_premium, connections) = caps;
        LimitPolicy { pending_cap, rolling_window, rolling_basic, rolling_premium, connections }
    }
}

prop_compose! {
    fn restriction()(
        unanswered in (length(), wait(), count()),
        acceptance_floor in off(prop_oneof![Just(0.0), Just(1.0), Just(1e-9), 0.0..1.0]),
        counts in (off(count()), off(count()), off(count())),
        reports_window in length(),
        mut ladder in prop::collection::vec(length(), 1..=16),
        ladder_memory in wait(),
    ) -> RestrictionPolicy {
        let (unanswered_window, unanswered_after, unanswered_min) = unanswered;
        let (reports, sends_per_hour, withdrawals_per_day) = counts;
        ladder.sort();
        RestrictionPolicy {
            unanswered_window, unanswered_after, unanswered_min, acceptance_floor, reports, reports_window,
            sends_per_hour, withdrawals_per_day, ladder, ladder_memory,
        }
    }
}

prop_compose! {
    fn mail()(
        switches in any::<[bool; 3]>(),
        hours in off((0..1_440, 1..1_440)),
        zone in prop::sample::select(vec!["UTC", "Europe/Rome", "America/Argentina/Buenos_Aires"]),
        digest in off((1_u64..=604_800).prop_map(Span::seconds)),
    ) -> MailPolicy {
        let [first_notice, accepted, may_invite_again] = switches;
        let hours = hours.map(|(from, length)| (from, (from + length) % 1_440));
        let hours = hours.map(|(from, to)| format!("{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60));
        MailPolicy {
            first_notice, accepted, may_invite_again, digest,
            quiet_hours: hours.map(|hours| hours.parse().unwrap()),
            time_zone: zone.parse().unwrap(),
        }
    }
}

prop_compose! {
    fn policy()(
        preset in prop_oneof![Just(Preset::Linkedin), Just(Preset::Open)],
        invitation in invitation(),
        after in prop::collection::btree_set(length(), 0..=16),
        (mail, limits) in (mail(), limits()),
        restriction in restriction(),
        switches in any::<[bool; 3]>(),
        (stale_after, inactive_after) in (length(), length()),
        daily_budget in count(),
        kept in prop::array::uniform3(off(length())),
        (idempotency_records, audit) in (length(), length()),
    ) -> Policy {
        let [on_invite, on_accept, must_be_registered] = switches;
        let [events, notifications, past_invitations] = kept;
        let mut policy = Policy {
            preset, invitation, mail, limits, restriction,
            reminders: ReminderPolicy { after: after.into_iter().collect() },
            follow: FollowPolicy { on_invite, on_accept },
            cleanup: CleanupPolicy { stale_after, inactive_after, daily_budget },
            members: MemberPolicy { must_be_registered },
            retention: RetentionPolicy { events, notifications, past_invitations, idempotency_records, audit },
        };
        // What cannot hold together is made to fit.
        if let Some(end) = policy.invitation.expires_after {
            policy.reminders.after.retain(|age| *age < end);
        }
        let judged = &mut policy.restriction;
        if judged.unanswered_after.as_seconds() + 1 >= judged.unanswered_window.as_seconds() {
            judged.unanswered_window = Span::days(36_500);
            judged.unanswered_after = judged.unanswered_after.min(Span::days(36_499));
        }
        if let Some(limit) = &mut judged.withdrawals_per_day {
            *limit = (*limit).max(2);
            policy.cleanup.daily_budget = policy.cleanup.daily_budget.min(*limit - 1);
        }
        policy
    }
}

proptest! {
    #![proptest_config(seeded(256))]

    #[test]
    fn what_is_written_reads_back_to_the_same_policy(policy in policy()) {
        let document = policy.to_toml();
        prop_assert_eq!(Policy::parse(&document), Ok(policy), "{}", document);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[a-z_\\[\\]=\"\n 0-9.#-]{0,80}") {
        let _ = Policy::parse(&text);
    }

    #[test]
    fn an_error_names_the_line_of_the_key(above in 0_usize..30, key in 0_usize..KEYS.len(), unknown in any::<bool>()) {
        let (section, name) = KEYS[key];
        let comments = "# a line above\n".repeat(above);
        let line = if unknown { format!("{name}x = 1") } else { format!("  {name} = 'é wrong'") };
        let error = Policy::parse(&format!("{comments}[{section}]\n\n{line}\n# below\n")).unwrap_err();
        prop_assert_eq!(error.line, above + 3, "{}", error);
    }
}

/// Every key of the contract.
const KEYS: [(&str, &str); 39] = [
    ("invitation", "expires_after"),
    ("invitation", "resend_after_withdrawal"),
    ("invitation", "resend_after_decline"),
    ("invitation", "resend_after_expiry"),
    ("invitation", "note_max_basic"),
    ("invitation", "note_max_premium"),
    ("invitation", "notes_per_month_basic"),
    ("reminders", "after"),
    ("mail", "first_notice"),
    ("mail", "accepted"),
    ("mail", "may_invite_again"),
    ("mail", "quiet_hours"),
    ("mail", "time_zone"),
    ("mail", "digest"),
    ("limits", "pending_cap"),
    ("limits", "rolling_window"),
    ("limits", "rolling_basic"),
    ("limits", "rolling_premium"),
    ("limits", "connections"),
    ("restriction", "unanswered_window"),
    ("restriction", "unanswered_after"),
    ("restriction", "unanswered_min"),
    ("restriction", "acceptance_floor"),
    ("restriction", "reports"),
    ("restriction", "reports_window"),
    ("restriction", "sends_per_hour"),
    ("restriction", "withdrawals_per_day"),
    ("restriction", "ladder"),
    ("restriction", "ladder_memory"),
    ("follow", "on_invite"),
    ("follow", "on_accept"),
    ("cleanup", "stale_after"),
    ("cleanup", "daily_budget"),
    ("members", "must_be_registered"),
    ("retention", "events"),
    ("retention", "notifications"),
    ("retention", "past_invitations"),
    ("retention", "idempotency_records"),
    ("retention", "audit"),
];

#[test]
fn a_contradiction_with_a_preset_names_the_line_that_was_given() {
    let cases = [
        (
            "\n[invitation]\n\nexpires_after = \"5d\"",
            4,
            "a reminder after 21d would come when the invitation has ended",
        ),
        ("\n[restriction]\n\n\nunanswered_window = \"10d\"", 5, "nothing older than 14d lies within 10d"),
        ("[restriction]\nwithdrawals_per_day = 25", 2, "cleanup.daily_budget (25) must lie below"),
        ("[cleanup]\ndaily_budget = 60", 2, "restriction.withdrawals_per_day (50)"),
        ("preset = \"open\"\n[restriction]\nwithdrawals_per_day = 3", 3, "must lie below"),
        ("[restriction]\nunanswered_window = \"15d\"\nunanswered_after = \"1295999s\"", 3, "nothing older than"),
    ];
    for (text, line, message) in cases {
        let error = Policy::parse(text).unwrap_err();
        assert_eq!(error.line, line, "{text:?}: {error}");
        assert!(error.message.contains(message), "{text:?}: {error}");
    }
}

#[test]
fn the_contract_s_own_document_is_the_preset() {
    let document = r#"
        preset = "linkedin"            # or "open": no caps, no restriction, no waits
        [invitation]
        expires_after = "180d"         # rule 11
        resend_after_withdrawal = "21d"
        resend_after_decline = "21d"
        resend_after_expiry = "0d"
        note_max_basic = 200
        note_max_premium = 300
        notes_per_month_basic = 5
        [reminders]
        after = ["7d", "21d"]
        [limits]
        pending_cap = 1500
        rolling_window = "7d"
        rolling_basic = 100
        rolling_premium = 200
        connections = 30000
        [restriction]
        unanswered_window = "90d"
        unanswered_after = "14d"
        unanswered_min = 50
        acceptance_floor = 0.20
        reports = 5
        reports_window = "7d"
        sends_per_hour = 40
        withdrawals_per_day = 50
        ladder = ["1d", "3d", "7d", "30d"]
        ladder_memory = "90d"
        [follow]
        on_invite = false
        on_accept = true
        [cleanup]
        stale_after = "14d"
        daily_budget = 25
    "#;
    assert_eq!(Policy::parse(document), Ok(Policy::default()));
}

#[test]
fn values_of_the_wrong_kind_unit_or_size_are_refused() {
    let wrong = [
        "[invitation]\nexpires_after = \"0d\"",
        "[invitation]\nexpires_after = \"-1d\"",
        "[invitation]\nexpires_after = \"36501d\"",
        "[invitation]\nexpires_after = 1979-05-27",
        "[invitation]\nnote_max_basic = 0",
        "[invitation]\nnote_max_basic = 1.5",
        "[limits]\npending_cap = 1000001",
        "[limits]\npending_cap = 99999999999999999999",
        "[limits]\npending_cap = true",
        "[limits]\npending_cap = \"OFF\"",
        "[limits]\nrolling_window = \"off\"",
        "[restriction]\nacceptance_floor = nan",
        "[restriction]\nacceptance_floor = -0.1",
        "[restriction]\nladder = \"1d\"",
        "[restriction]\nladder = [\"3d\", \"1d\"]",
        "[restriction]\nladder = [\"1d\", 3]",
        "[reminders]\nafter = [\"7d\", \"7d\"]",
        "[reminders]\nafter = []",
        "[follow]\non_invite = \"yes\"",
        "[members]\nmust_be_registered = 1",
        "[limits]\npending_cap = 1\npending_cap = 2",
        "[limitz]\n",
        "\n  preset = \"Open\"",
    ];
    for text in wrong {
        let error = Policy::parse(text).map(|_| ()).unwrap_err();
        assert!(error.line >= 1 && !error.message.is_empty(), "{text:?}: {error}");
        let last_line = text.lines().count();
        assert!(error.line == last_line || text.ends_with('\n'), "{text:?}: {error}");
    }
}
