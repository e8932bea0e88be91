//! Why a command was refused: one closed list, in order of precedence.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// A command was refused, and nothing was used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {}", code.sentence())]
pub struct Refusal {
    /// Why.
    pub code: Code,
    /// When the same command would no longer be refused for this reason, where time heals it.
    pub retry_at: Option<Time>,
}

/// The reasons. Those of an invitation come first, in the order of precedence of the rule book:
/// the first that applies is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// Person-level: one cannot invite oneself.
    SelfInvitation,
    /// Person-level: there is no such member.
    UnknownMember,
    /// Person-level: the two are connected.
    AlreadyConnected,
    /// Person-level: there is a pending invitation to this member.
    AlreadyPending,
    /// Person-level: the member takes no invitations (rule 21).
    NotAcceptingInvitations,
    /// Person-level: the member takes invitations from those who know their e-mail (rule 21).
    EmailRequired,
    /// Person-level: a wait runs (rules 9, 10, 20).
    Cooldown,
    /// Account-level: the sender is restricted (rules 28 to 33).
    Restricted,
    /// Account-level: too many pending (rule 25).
    PendingCap,
    /// Account-level: the rolling allowance is used up (rule 26).
    RollingLimit,
    /// Account-level: one of the two has as many connections as one may have (rule 16).
    ConnectionCap,
    /// Content: the note is too long (rule 2).
    NoteTooLong,
    /// Content: no note is left this month (rule 3).
    NoteQuota,
    /// Content: the note has characters that are not text.
    NoteNotText,
    /// Answering or withdrawing: the invitation was accepted (rule 13).
    AlreadyAccepted,
    /// Answering or withdrawing: the invitation is no longer there (rule 13).
    NoLongerAvailable,
    /// There is nothing of that name that the caller may see.
    NotFound,
    /// The caller blocks the other member, and would have to unblock them first.
    Blocking,
    /// Following, blocking or engaging with oneself.
    SelfTarget,
}

/// What the member can do about a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// Wait until `retry_at`.
    Wait,
    /// Withdraw a pending invitation.
    Withdraw,
    /// Ask those who run the community.
    ContactOperator,
    /// Nothing.
    None,
}

impl Code {
    /// Every code, in order of precedence.
    pub const ALL: [Code; 19] = [
        Code::SelfInvitation,
        Code::UnknownMember,
        Code::AlreadyConnected,
        Code::AlreadyPending,
        Code::NotAcceptingInvitations,
        Code::EmailRequired,
        Code::Cooldown,
        Code::Restricted,
        Code::PendingCap,
        Code::RollingLimit,
        Code::ConnectionCap,
        Code::NoteTooLong,
        Code::NoteQuota,
        Code::NoteNotText,
        Code::AlreadyAccepted,
        Code::NoLongerAvailable,
        Code::NotFound,
        Code::Blocking,
        Code::SelfTarget,
    ];

    /// The stable name, alike in API, pages, command line and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Code::SelfInvitation => "self_invitation",
            Code::UnknownMember => "unknown_member",
            Code::AlreadyConnected => "already_connected",
            Code::AlreadyPending => "already_pending",
            Code::NotAcceptingInvitations => "not_accepting_invitations",
            Code::EmailRequired => "email_required",
            Code::Cooldown => "cooldown",
            Code::Restricted => "restricted",
            Code::PendingCap => "pending_cap",
            Code::RollingLimit => "rolling_limit",
            Code::ConnectionCap => "connection_cap",
            Code::NoteTooLong => "note_too_long",
            Code::NoteQuota => "note_quota",
            Code::NoteNotText => "note_not_text",
            Code::AlreadyAccepted => "already_accepted",
            Code::NoLongerAvailable => "no_longer_available",
            Code::NotFound => "not_found",
            Code::Blocking => "blocking",
            Code::SelfTarget => "self_target",
        }
    }

    /// One sentence for people.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Code::SelfInvitation => "You cannot invite yourself.",
            Code::UnknownMember => "There is no such member.",
            Code::AlreadyConnected => "You are already connected.",
            Code::AlreadyPending => "You have already invited this member, and the invitation is pending.",
            Code::NotAcceptingInvitations => "This member does not take invitations from you.",
            Code::EmailRequired => "This member takes invitations only from people who know their e-mail address.",
            Code::Cooldown => "It is too early to do this again with the same member.",
            Code::Restricted => "Sending invitations is restricted for you for a while.",
            Code::PendingCap => "You have as many pending invitations as one may have. Withdraw some first.",
            Code::RollingLimit => "You have used up your invitations for now.",
            Code::ConnectionCap => "One of you has as many connections as one may have.",
            Code::NoteTooLong => "The note is too long.",
            Code::NoteQuota => "You have used up your notes for this month.",
            Code::NoteNotText => "The note contains characters that are not text.",
            Code::AlreadyAccepted => "The invitation has already been accepted.",
            Code::NoLongerAvailable => "The invitation is no longer there.",
            Code::NotFound => "There is nothing here.",
            Code::Blocking => "You have blocked this member. Unblock them first.",
            Code::SelfTarget => "You cannot do this with yourself.",
        }
    }

    /// What can be done about it.
    #[must_use]
    pub fn remedy(self) -> Remedy {
        match self {
            Code::Cooldown | Code::Restricted | Code::RollingLimit | Code::NoteQuota => Remedy::Wait,
            Code::PendingCap => Remedy::Withdraw,
            Code::UnknownMember | Code::ConnectionCap => Remedy::ContactOperator,
            Code::SelfInvitation
            | Code::AlreadyConnected
            | Code::AlreadyPending
            | Code::NotAcceptingInvitations
            | Code::EmailRequired
            | Code::NoteTooLong
            | Code::NoteNotText
            | Code::AlreadyAccepted
            | Code::NoLongerAvailable
            | Code::NotFound
            | Code::Blocking
            | Code::SelfTarget => Remedy::None,
        }
    }

    /// A refusal with this code that time does not heal.
    #[must_use]
    pub fn refuse(self) -> Refusal {
        Refusal { code: self, retry_at: None }
    }

    /// A refusal with this code that is over at `retry_at`.
    #[must_use]
    pub fn until(self, retry_at: Time) -> Refusal {
        Refusal { code: self, retry_at: Some(retry_at) }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
