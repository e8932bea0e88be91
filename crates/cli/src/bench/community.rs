//! The community that is measured: who there is, what is pending, and what anybody does next.

use acquaint_app::Request;
use acquaint_core::command::{Action, Command};
use acquaint_core::ids::{InvitationId, MemberId};
use acquaint_core::time::{Span, Time};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// How large it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) members: u32,
    pub(super) pending: u32,
}

/// A pending invitation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending {
    pub(super) id: InvitationId,
    pub(super) from: u32,
    pub(super) to: u32,
}

/// The community.
pub(super) struct Community {
    pub(super) size: Size,
    pub(super) pending: Vec<Pending>,
    /// Callers seeded so far: each draws other numbers.
    seeds: u64,
}

/// When the community begins.
pub(super) fn start_time() -> Time {
    // 2026-01-01T00:00:00Z
    Time::from_unix(1_767_225_600)
}

/// When the measurements are made: all that was loaded is pending, and no reminder is due.
pub(super) fn measured_at() -> Time {
    start_time() + Span::days(6)
}

/// A member of that number; ids of ten bytes.
pub(super) fn member(number: u32) -> Option<MemberId> {
    MemberId::new(&format!("u{number:09}")).ok()
}

/// Every eighth invitation has a note of this length: few do, and basic members have few.
const NOTE: &str = "We met at the conference in May; I would like to keep in touch about the project.";

impl Community {
    pub(super) fn new(size: Size) -> Self {
        Self { size, pending: Vec::new(), seeds: 0 }
    }

    /// A caller with a share of what is pending, to withdraw and accept from.
    pub(super) fn caller(&mut self, pending: usize) -> Caller {
        self.seeds += 1;
        let from = self.pending.len().saturating_sub(pending);
        Caller {
            random: StdRng::seed_from_u64(self.seeds),
            members: self.size.members,
            pending: self.pending.split_off(from),
        }
    }

    /// Shuffles what is pending, so that what a caller withdraws lies anywhere.
    pub(super) fn shuffle(&mut self) {
        self.seeds += 1;
        let mut random = StdRng::seed_from_u64(self.seeds);
        for last in (1..self.pending.len()).rev() {
            self.pending.swap(last, random.random_range(0..=last));
        }
    }
}

/// Somebody who does one thing after another.
pub(super) struct Caller {
    random: StdRng,
    members: u32,
    pub(super) pending: Vec<Pending>,
}

/// What to do.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Send { from: u32, to: u32, note: bool },
    Withdraw(Pending),
    Accept(Pending),
}

impl Caller {
    /// 60 % send, 25 % withdraw, 15 % accept; sends when nothing is left to withdraw or accept.
    pub(super) fn next(&mut self) -> Step {
        match self.random.random_range(0..100) {
            0..60 => self.send(),
            60..85 => self.pending.pop().map_or_else(|| self.send(), Step::Withdraw),
            _ => self.pending.pop().map_or_else(|| self.send(), Step::Accept),
        }
    }

    pub(super) fn send(&mut self) -> Step {
        let (from, to) = self.two();
        Step::Send { from, to, note: self.random.random_ratio(1, 8) }
    }

    /// Two different members.
    pub(super) fn two(&mut self) -> (u32, u32) {
        let from = self.random.random_range(0..self.members);
        let to = self.random.random_range(0..self.members - 1);
        (from, if to >= from { to + 1 } else { to })
    }
}

/// The text that comes with an invitation, if any.
pub(super) fn note(wanted: bool) -> Option<&'static str> {
    wanted.then_some(NOTE)
}

impl Step {
    /// The same as a request of the engine.
    pub(super) fn request(self) -> Option<Request> {
        let (actor, action) = match self {
            Step::Send { from, to, note: wanted } => {
                let note = note(wanted).map(str::to_owned);
                (member(from)?, Action::Invite { to: member(to)?, note, to_email: None })
            }
            Step::Withdraw(pending) => (member(pending.from)?, Action::Withdraw { invitation: pending.id }),
            Step::Accept(pending) => (member(pending.to)?, Action::Accept { invitation: pending.id }),
        };
        Some(Request { command: Command { actor, action }, claim: None })
    }
}
