//! What each message of a stream means between its two members.
//!
//! The first message of a pair is an invitation, the first one the other way its acceptance. If
//! both first messages bear the same second, nobody can have answered anybody: both are
//! invitations, and they cross (rule 12). Whatever comes later changes nothing.

use std::collections::HashMap;

use acquaint_core::ids::InvitationId;
use acquaint_core::refusal::Code;
use acquaint_core::relation::Pair;
use acquaint_core::time::Time;

use crate::rows::Row;

/// What a message means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The sender invites the recipient.
    Invitation,
    /// The sender answers the recipient's invitation, and this is what became of that.
    Reply(First),
    /// One of the two has written before.
    Further,
}

/// What became of a pair's first invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    /// It was sent.
    Sent(InvitationId, Time),
    /// It was refused.
    Refused(Code),
}

/// Every pair that has written so far.
#[derive(Debug, Default)]
pub(super) struct Pairs(HashMap<Pair, State>);

#[derive(Debug)]
struct State {
    /// Whether the member whose id comes first wrote first.
    low_began: bool,
    began_at: Time,
    both_wrote: bool,
    first: Option<First>,
}

impl Pairs {
    /// What the row means, given all rows before. What became of earlier seconds' invitations must
    /// have been [noted](Pairs::note).
    pub(super) fn meaning(&mut self, row: &Row) -> Option<Meaning> {
        let pair = Pair::new(&row.from, &row.to)?;
        let is_low = *pair.low() == row.from;
        let Some(state) = self.0.get_mut(&pair) else {
            let state = State { low_began: is_low, began_at: row.at, both_wrote: false, first: None };
            self.0.insert(pair, state);
            return Some(Meaning::Invitation);
        };
        if state.both_wrote || state.low_began == is_low {
            return Some(Meaning::Further);
        }
        state.both_wrote = true;
        match state.first {
            Some(first) if state.began_at < row.at => Some(Meaning::Reply(first)),
            _ => Some(Meaning::Invitation),
        }
    }

    /// Notes what became of an invitation; of two that cross, the first counts.
    pub(super) fn note(&mut self, pair: &Pair, first: First) {
        if let Some(state) = self.0.get_mut(pair) {
            state.first.get_or_insert(first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(from: &str, to: &str, at: i64) -> Row {
        Row { line: 1, from: from.parse().unwrap(), to: to.parse().unwrap(), at: Time::from_unix(at) }
    }

    #[test]
    fn the_first_invites_and_the_first_the_other_way_replies() {
        let refused = First::Refused(Code::RollingLimit);
        let pair = Pair::new(&"a".parse().unwrap(), &"b".parse().unwrap()).unwrap();
        let mut pairs = Pairs::default();
        assert_eq!(pairs.meaning(&row("b", "a", 1)), Some(Meaning::Invitation));
        pairs.note(&pair, refused);
        assert_eq!(pairs.meaning(&row("b", "a", 2)), Some(Meaning::Further));
        assert_eq!(pairs.meaning(&row("a", "b", 3)), Some(Meaning::Reply(refused)));
        assert_eq!(pairs.meaning(&row("a", "b", 4)), Some(Meaning::Further));
        assert_eq!(pairs.meaning(&row("b", "a", 5)), Some(Meaning::Further));
    }

    #[test]
    fn both_first_messages_in_one_second_cross() {
        let mut pairs = Pairs::default();
        assert_eq!(pairs.meaning(&row("a", "b", 1)), Some(Meaning::Invitation));
        assert_eq!(pairs.meaning(&row("b", "a", 1)), Some(Meaning::Invitation));
        assert_eq!(pairs.meaning(&row("b", "a", 1)), Some(Meaning::Further));
    }
}
