//! Every number of the rule book: a preset, a TOML document over it, and the checks on both.
//!
//! `None` means that the rule is switched off. [`Policy::parse`] reads a document,
//! [`Policy::to_toml`] writes one that reads back to the same policy.

mod mail;
mod parse;
mod show;

use std::fmt;
use std::str::FromStr;

use crate::member::Plan;
use crate::time::Span;

pub use mail::{HoursError, MailPolicy, QuietHours, Zone, ZoneError};
pub use parse::PolicyError;

/// The rules in force. Cheap to share, never changed in place.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// What the document started from.
    pub preset: Preset,
    /// Life of an invitation: rules 2, 3, 9, 10, 11.
    pub invitation: InvitationPolicy,
    /// Reminders: rule 22.
    pub reminders: ReminderPolicy,
    /// Caps and allowance: rules 16, 25, 26.
    pub limits: LimitPolicy,
    /// What leads to a restriction, and how long it lasts: rules 28 to 33.
    pub restriction: RestrictionPolicy,
    /// Which mails there are, and when they may leave.
    pub mail: MailPolicy,
    /// Whether connecting or inviting also follows: rules 4 and 17.
    pub follow: FollowPolicy,
    /// Clean-up: rules 37, 38 and 40.
    pub cleanup: CleanupPolicy,
    /// Who counts as a member.
    pub members: MemberPolicy,
    /// How long the past is kept.
    pub retention: RetentionPolicy,
}

/// A built-in policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preset {
    /// The defaults of the rule book.
    #[default]
    Linkedin,
    /// No caps, no allowance, no restriction and no waits; invitations still end after 180 days.
    Open,
}

impl Preset {
    /// Every preset, in the order in which help texts name them.
    pub const ALL: [Preset; 2] = [Preset::Linkedin, Preset::Open];

    /// The name in a policy document.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Preset::Linkedin => "linkedin",
            Preset::Open => "open",
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Preset {
    type Err = UnknownPreset;

    fn from_str(text: &str) -> Result<Self, UnknownPreset> {
        Self::ALL.into_iter().find(|preset| preset.name() == text).ok_or(UnknownPreset)
    }
}

/// The name is not that of a preset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected \"linkedin\" or \"open\"")]
pub struct UnknownPreset;

/// `[invitation]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationPolicy {
    /// An unanswered invitation ends by itself after this (rule 11).
    pub expires_after: Option<Span>,
    /// How long the sender waits after withdrawing (rule 9).
    pub resend_after_withdrawal: Span,
    /// For how long after a declined invitation ended a new one is kept from the decliner (rule 10).
    pub resend_after_decline: Span,
    /// How long the sender waits after an expiry (rule 10).
    pub resend_after_expiry: Span,
    /// Longest note of a `basic` member, in grapheme clusters (rule 2).
    pub note_max_basic: u32,
    /// Longest note of a `premium` member, in grapheme clusters (rule 2).
    pub note_max_premium: u32,
    /// Notes a `basic` member may attach in a calendar month in UTC (rule 3).
    pub notes_per_month_basic: Option<u32>,
}

impl InvitationPolicy {
    /// The longest note of a member of this plan, in grapheme clusters (rule 2).
    #[must_use]
    pub fn note_max(&self, plan: Plan) -> u32 {
        match plan {
            Plan::Basic => self.note_max_basic,
            Plan::Premium => self.note_max_premium,
        }
    }

    /// How many notes a member of this plan may attach in a month (rule 3).
    #[must_use]
    pub fn notes_per_month(&self, plan: Plan) -> Option<u32> {
        match plan {
            Plan::Basic => self.notes_per_month_basic,
            Plan::Premium => None,
        }
    }
}

/// `[reminders]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReminderPolicy {
    /// Ages of an invitation at which the recipient is reminded (rule 22), ascending; empty is off.
    pub after: Vec<Span>,
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitPolicy {
    /// Most pending invitations a member may have sent (rule 25).
    pub pending_cap: Option<u32>,
    /// Length of the rolling window (rule 26).
    pub rolling_window: Span,
    /// Invitations a `basic` member may send in the rolling window (rule 26).
    pub rolling_basic: Option<u32>,
    /// Invitations a `premium` member may send in the rolling window (rule 26).
    pub rolling_premium: Option<u32>,
    /// Most connections a member may have (rule 16).
    pub connections: Option<u32>,
}

impl LimitPolicy {
    /// Invitations a member of this plan may send in the rolling window (rule 26).
    #[must_use]
    pub fn rolling(&self, plan: Plan) -> Option<u32> {
        match plan {
            Plan::Basic => self.rolling_basic,
            Plan::Premium => self.rolling_premium,
        }
    }
}

/// `[restriction]`
#[derive(Debug, Clone, PartialEq)]
pub struct RestrictionPolicy {
    /// Invitations sent within this count as evidence (rule 28).
    pub unanswered_window: Span,
    /// Only invitations older than this are judged (rule 28).
    pub unanswered_after: Span,
    /// Fewer judged invitations than this prove nothing (rule 28).
    pub unanswered_min: u32,
    /// A lower share accepted restricts (rule 28), 0 to 1; `None` switches the rule off.
    pub acceptance_floor: Option<f64>,
    /// This many reports restrict (rule 29).
    pub reports: Option<u32>,
    /// Reports count for this long (rule 29).
    pub reports_window: Span,
    /// More sends than this in an hour restrict (rule 30).
    pub sends_per_hour: Option<u32>,
    /// More withdrawals than this in 24 hours restrict (rule 31).
    pub withdrawals_per_day: Option<u32>,
    /// Lengths of successive restrictions (rule 33); the last repeats.
    pub ladder: Vec<Span>,
    /// A restriction that starts within this of the start of the last takes the next rung (rule 33).
    pub ladder_memory: Span,
}

/// `[follow]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowPolicy {
    /// Whether inviting also follows (rule 17).
    pub on_invite: bool,
    /// Whether both follow each other once connected (rule 4).
    pub on_accept: bool,
}

/// `[cleanup]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CleanupPolicy {
    /// A pending invitation is stale after this age (rule 38).
    pub stale_after: Span,
    /// A recipient who was not seen for longer than this is inactive (rule 37).
    pub inactive_after: Span,
    /// Withdrawals a plan makes in a day (rule 40).
    pub daily_budget: u32,
}

/// `[members]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberPolicy {
    /// Whether only members whom the host registered may invite and be invited.
    pub must_be_registered: bool,
}

/// `[retention]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Events older than this are removed.
    pub events: Option<Span>,
    /// Notifications older than this are removed, but for those of pending invitations.
    pub notifications: Option<Span>,
    /// Invitations that ended longer ago than this can no longer be looked at.
    pub past_invitations: Option<Span>,
    /// Idempotency records are kept for so long; a key is free again after that.
    pub idempotency_records: Span,
    /// How long the audit trail says what was done; an entry keeps the length of when it was written.
    pub audit: Span,
}

/// The window of the velocity rule (30).
pub const VELOCITY_WINDOW: Span = Span::hours(1);
/// The window of the withdrawal rule (31).
pub const WITHDRAWAL_WINDOW: Span = Span::hours(24);
/// How long after unblocking the same member cannot be blocked again (rule 20).
pub const REBLOCK_WAIT: Span = Span::hours(48);
/// A share of the pending cap above which standing warns (rule 34).
pub const PENDING_WARNING: f64 = 0.70;
/// An acceptance rate below which standing warns (rule 34).
pub const ACCEPTANCE_WARNING: f64 = 0.30;

impl Policy {
    /// The built-in policy of that name.
    #[must_use]
    pub fn preset(preset: Preset) -> Self {
        match preset {
            Preset::Linkedin => Self::linkedin(),
            Preset::Open => Self::open(),
        }
    }

    fn linkedin() -> Self {
        Self {
            preset: Preset::Linkedin,
            invitation: InvitationPolicy {
                expires_after: Some(Span::days(180)),
                resend_after_withdrawal: Span::days(21),
                resend_after_decline: Span::days(21),
                resend_after_expiry: Span::ZERO,
                note_max_basic: 200,
                note_max_premium: 300,
                notes_per_month_basic: Some(5),
            },
            reminders: ReminderPolicy { after: vec![Span::days(7), Span::days(21)] },
            mail: MailPolicy {
                first_notice: true,
                accepted: true,
                may_invite_again: true,
                quiet_hours: None,
                time_zone: Zone::UTC,
                digest: Some(Span::days(1)),
            },
            limits: LimitPolicy {
                pending_cap: Some(1_500),
                rolling_window: Span::days(7),
                rolling_basic: Some(100),
                rolling_premium: Some(200),
                connections: Some(30_000),
            },
            restriction: RestrictionPolicy {
                unanswered_window: Span::days(90),
                unanswered_after: Span::days(14),
                unanswered_min: 50,
                acceptance_floor: Some(0.20),
                reports: Some(5),
                reports_window: Span::days(7),
                sends_per_hour: Some(40),
                withdrawals_per_day: Some(50),
                ladder: vec![Span::days(1), Span::days(3), Span::days(7), Span::days(30)],
                ladder_memory: Span::days(90),
            },
            follow: FollowPolicy { on_invite: false, on_accept: true },
            cleanup: CleanupPolicy { stale_after: Span::days(14), inactive_after: Span::days(90), daily_budget: 25 },
            members: MemberPolicy { must_be_registered: false },
            retention: RetentionPolicy {
                events: None,
                notifications: None,
                past_invitations: None,
                idempotency_records: Span::days(3),
                audit: Span::days(365),
            },
        }
    }

    fn open() -> Self {
        let mut policy = Self { preset: Preset::Open, ..Self::linkedin() };
        policy.invitation.resend_after_withdrawal = Span::ZERO;
        policy.invitation.resend_after_decline = Span::ZERO;
        policy.invitation.notes_per_month_basic = None;
        policy.limits.pending_cap = None;
        policy.limits.rolling_basic = None;
        policy.limits.rolling_premium = None;
        policy.limits.connections = None;
        policy.restriction.acceptance_floor = None;
        policy.restriction.reports = None;
        policy.restriction.sends_per_hour = None;
        policy.restriction.withdrawals_per_day = None;
        policy
    }

    /// For how long a send must be remembered so that every rule in force can still be judged.
    #[must_use]
    pub fn send_memory(&self) -> Span {
        let rolling = self.limits.rolling_basic.or(self.limits.rolling_premium);
        let windows = [
            rolling.map(|_| self.limits.rolling_window),
            self.restriction.sends_per_hour.map(|_| VELOCITY_WINDOW),
            self.restriction.acceptance_floor.map(|_| self.restriction.unanswered_window),
        ];
        windows.into_iter().flatten().max().unwrap_or(Span::ZERO)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::linkedin()
    }
}
