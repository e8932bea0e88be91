//! Invitations that somebody sent, as the sender sees them, wherever they come from.
//!
//! Advice and insights are made from these alone. A member's come from [`view::sent`](crate::view::sent), so a
//! silent decline is pending here like everywhere else that the sender looks (rule 5); a person's own from
//! another network come from its export.

use crate::member::Profile;
use crate::survival::Observation;
use crate::time::{Span, Time};
use crate::view::{Direction, InvitationState, InvitationView};

/// One invitation that somebody sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// When.
    pub at: Time,
    /// What its sender knows became of it.
    pub fate: Fate,
    /// Whether a note went with it.
    pub with_note: bool,
    /// The recipient's tags, as far as they are known (rule 37).
    pub tags: Vec<String>,
    /// Connections that the two have in common, where that is known.
    pub mutual: Option<u32>,
}

/// What the sender of an invitation knows became of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fate {
    /// Nothing yet.
    #[default]
    Pending,
    /// It was accepted.
    Accepted(Time),
    /// It was withdrawn, or ended by itself.
    Ended(Time),
}

impl Sent {
    /// From what the sender is shown of it; `None` for one that was received.
    #[must_use]
    pub fn of_view(view: &InvitationView, recipient: &Profile, mutual: Option<u32>) -> Option<Self> {
        let ended = view.decided_at.unwrap_or(view.sent_at);
        let fate = match (view.direction, view.state) {
            (Direction::Received, _) => return None,
            (Direction::Sent, InvitationState::Pending) => Fate::Pending,
            (Direction::Sent, InvitationState::Accepted) => Fate::Accepted(ended),
            (Direction::Sent, _) => Fate::Ended(ended),
        };
        let tags = recipient.audience.clone();
        Some(Self { at: view.sent_at, fate, with_note: view.note.is_some(), tags, mutual })
    }

    /// What it says at `now` about the spread of acceptances over age.
    #[must_use]
    pub fn observation(&self, now: Time) -> Observation {
        match self.fate {
            Fate::Pending => Observation { age: now.since(self.at), accepted: false },
            Fate::Accepted(at) => Observation { age: at.since(self.at), accepted: true },
            Fate::Ended(at) => Observation { age: at.since(self.at), accepted: false },
        }
    }

    /// How old it is at `now`.
    #[must_use]
    pub fn age(&self, now: Time) -> Span {
        now.since(self.at)
    }
}
