//! A member: what the host told us about them, and what the rules count.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{MemberId, NotificationId};
use crate::tally::Tally;
use crate::time::{Month, Time};

/// A member's own row. A member nobody has heard of is [`Member::new`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub id: MemberId,
    /// Counts the changes of this row; 0 is a row that does not exist yet.
    pub version: u64,
    /// What the host told us; written only when the host does.
    pub profile: Arc<Profile>,
    /// What the rules count; written by nearly every command.
    pub ledger: Ledger,
}

impl Member {
    /// A member without a row: not registered, nothing counted.
    #[must_use]
    pub fn new(id: MemberId) -> Self {
        Self { id, version: 0, profile: Arc::default(), ledger: Ledger::default() }
    }
}

/// What the host told us about a member, and the member's settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Whether the host has registered this member, or erases them now.
    pub registration: Registration,
    /// Name for pages and mails.
    pub name: Option<String>,
    /// One line about the member.
    pub headline: Option<String>,
    /// Address for mails, and what rule 21 asks for.
    pub email: Option<String>,
    /// What the member pays for (rules 2, 3, 26).
    pub plan: Plan,
    /// Tags of the people this member wants to reach (rule 37).
    pub audience: Vec<String>,
    /// When the member was last seen (rule 37).
    pub last_active_at: Option<Time>,
    /// Who may invite this member (rule 21).
    pub who_may_invite: WhoMayInvite,
    /// Whether this member is reminded of invitations (rule 24).
    pub reminders: bool,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            registration: Registration::None,
            name: None,
            headline: None,
            email: None,
            plan: Plan::Basic,
            audience: Vec::new(),
            last_active_at: None,
            who_may_invite: WhoMayInvite::Anyone,
            reminders: true,
        }
    }
}

impl Profile {
    /// Whether the member exists for other members. Whether there is a row does not matter: an
    /// invitation makes one for its recipient, but not if the recipient blocks the sender (rule 14).
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.registration == Registration::Registered
    }
}

/// Where a member stands with the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Registration {
    /// The host never registered this member; they may still take part, if the policy lets them.
    #[default]
    None,
    /// Registered by the host.
    Registered,
    /// Being erased: nobody may invite this member any more.
    Erasing,
}

/// What a member pays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// The ordinary allowance.
    #[default]
    Basic,
    /// The larger one.
    Premium,
}

/// Who may invite a member (rule 21).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhoMayInvite {
    /// Anyone.
    #[default]
    Anyone,
    /// Those who know the member's e-mail address.
    Email,
    /// Nobody.
    Nobody,
}

/// What the rules count about a member.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// Invitations sent that look pending to this member (rule 25).
    pub pending_sent: u32,
    /// Invitations received that this member can answer.
    pub pending_received: u32,
    /// Connections (rule 16).
    pub connections: u32,
    /// When this member sent invitations, and which were accepted (rules 26, 28, 30).
    pub sends: Tally,
    /// When this member withdrew invitations (rule 31).
    pub withdrawals: Tally,
    /// When others reported this member's invitations (rule 29).
    pub reports: Tally,
    /// Notes attached in the month in which the last one was (rule 3).
    pub notes: Option<NoteCount>,
    /// The last restriction, running or over (rules 32, 33).
    pub restriction: Option<Restriction>,
    /// Notifications up to this one have been read.
    pub read_until: Option<NotificationId>,
}

impl Ledger {
    /// How many groups of moments the logs hold, as a measure of their size.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.sends.groups() + self.withdrawals.groups() + self.reports.groups()
    }
}

/// Notes attached in one month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteCount {
    /// Which month, in UTC.
    pub month: Month,
    /// How many.
    pub used: u32,
}

/// A time in which a member may not send (rule 32).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restriction {
    /// When it started; evidence up to here never counts again.
    pub since: Time,
    /// When it ends; over at this moment, not before.
    pub until: Time,
    /// What it was for, as far as the member is told.
    pub class: RestrictionClass,
    /// The rung of the ladder, from 0 (rule 33).
    pub rung: u8,
}

/// What a restriction is for. Unanswered invitations and reports share a class, so that nobody
/// learns that they were reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestrictionClass {
    /// Rules 28 and 29.
    UnansweredOrReported,
    /// Rules 30 and 31.
    Pace,
}
