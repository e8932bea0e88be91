//! The words for closed sets, as they stand in columns.

use acquaint_core::command::EngagementKind;
use acquaint_core::member::{Plan, Registration, RestrictionClass, WhoMayInvite};
use acquaint_core::relation::{Complaint, Ending, Why};
use acquaint_core::view::{Direction, InvitationState};

use crate::value::{Fields, Unreadable};

/// A set of values, each with its word.
pub(crate) trait Named: Copy + 'static {
    /// Every value.
    const ALL: &'static [Self];

    /// The word.
    fn name(self) -> &'static str;
}

macro_rules! names {
    ($($set:ident { $($value:pat => $word:literal),* $(,)? } of [$($each:expr),* $(,)?])*) => {
        $(
            impl Named for $set {
                const ALL: &'static [Self] = &[$($each),*];

                fn name(self) -> &'static str {
                    match self { $($value => $word),* }
                }
            }
        )*
    };
}

names! {
    Registration {
        Registration::None => "none",
        Registration::Registered => "registered",
        Registration::Erasing => "erasing",
    } of [Registration::None, Registration::Registered, Registration::Erasing]
    Plan {
        Plan::Basic => "basic",
        Plan::Premium => "premium",
    } of [Plan::Basic, Plan::Premium]
    WhoMayInvite {
        WhoMayInvite::Anyone => "anyone",
        WhoMayInvite::Email => "email",
        WhoMayInvite::Nobody => "nobody",
    } of [WhoMayInvite::Anyone, WhoMayInvite::Email, WhoMayInvite::Nobody]
    RestrictionClass {
        RestrictionClass::UnansweredOrReported => "unanswered_or_reported",
        RestrictionClass::Pace => "pace",
    } of [RestrictionClass::UnansweredOrReported, RestrictionClass::Pace]
    Ending {
        Ending::Accepted => "accepted",
        Ending::Withdrawn => "withdrawn",
        Ending::Expired => "expired",
    } of [Ending::Accepted, Ending::Withdrawn, Ending::Expired]
    Complaint {
        Complaint::DontKnow => "dont_know",
        Complaint::Spam => "spam",
    } of [Complaint::DontKnow, Complaint::Spam]
    Why {
        Why::Declined(None) => "declined",
        Why::Declined(Some(Complaint::DontKnow)) => "declined_dont_know",
        Why::Declined(Some(Complaint::Spam)) => "declined_spam",
        Why::Undelivered => "undelivered",
        Why::Blocked => "blocked",
    } of [
        Why::Declined(None),
        Why::Declined(Some(Complaint::DontKnow)),
        Why::Declined(Some(Complaint::Spam)),
        Why::Undelivered,
        Why::Blocked,
    ]
    Direction {
        Direction::Sent => "sent",
        Direction::Received => "received",
    } of [Direction::Sent, Direction::Received]
    InvitationState {
        InvitationState::Pending => "pending",
        InvitationState::Accepted => "accepted",
        InvitationState::Declined => "declined",
        InvitationState::Withdrawn => "withdrawn",
        InvitationState::Expired => "expired",
        InvitationState::Gone => "gone",
    } of [
        InvitationState::Pending,
        InvitationState::Accepted,
        InvitationState::Declined,
        InvitationState::Withdrawn,
        InvitationState::Expired,
        InvitationState::Gone,
    ]
    EngagementKind {
        EngagementKind::Like => "like",
        EngagementKind::Comment => "comment",
        EngagementKind::Share => "share",
    } of [EngagementKind::Like, EngagementKind::Comment, EngagementKind::Share]
}

impl Fields<'_> {
    /// The value whose word is in the next column.
    pub(crate) fn named<T: Named>(&mut self) -> Result<T, Unreadable> {
        let word: &str = self.take()?;
        parse(word)
    }

    /// As [`Fields::named`], where there may be none.
    pub(crate) fn maybe_named<T: Named>(&mut self) -> Result<Option<T>, Unreadable> {
        self.take::<Option<&str>>()?.map(parse).transpose()
    }
}

fn parse<T: Named>(word: &str) -> Result<T, Unreadable> {
    let value = T::ALL.iter().copied().find(|value| value.name() == word);
    value.ok_or_else(|| Unreadable(format!("the word {word:?} has no meaning here")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_are_read_back<T: Named>() {
        for value in T::ALL {
            assert_eq!(parse::<T>(value.name()).unwrap().name(), value.name());
        }
        assert!(parse::<T>("neither").is_err());
    }

    #[test]
    fn words_are_read_back() {
        all_are_read_back::<Registration>();
        all_are_read_back::<Why>();
        all_are_read_back::<InvitationState>();
    }
}
