//! Runs a stream through the engine, second by second.
//!
//! The engine's clock is set to each second in which something happens, so that whatever falls due
//! on the way (reminders, endings) happens at its own moment.

use acquaint_app::{Network, Request};
use acquaint_core::command::{Action, Command};
use acquaint_core::decide::Answer;
use acquaint_core::ids::MemberId;
use acquaint_core::refusal::Refusal;
use acquaint_core::relation::Pair;
use acquaint_core::time::Time;
use acquaint_core::view::InvitationState;

use super::numbers::{Answers, Happened, day};
use super::pairs::{First, Meaning, Pairs};
use crate::failure::{Failure, Outcome};
use crate::rows::Row;

/// Commands of one second that are submitted together, at most.
const AT_ONCE: usize = 500;
/// Events read at a time.
const PAGE: usize = 1_000;

/// A stream on its way through the engine.
pub(super) struct Drive {
    network: Network,
    pairs: Pairs,
    answers: Answers,
    /// Commands of one second that wait to be submitted together.
    second: Vec<Planned>,
}

/// A command, and what is needed to count its outcome.
struct Planned {
    actor: MemberId,
    action: Action,
    pair: Pair,
    at: Time,
    /// When the invitation that is answered was sent.
    sent_at: Option<Time>,
}

impl Drive {
    pub(super) fn new(network: Network) -> Self {
        Self { network, pairs: Pairs::default(), answers: Answers::default(), second: Vec::new() }
    }

    pub(super) fn network(&self) -> &Network {
        &self.network
    }

    /// Takes a row; rows come in the order of time.
    pub(super) async fn row(&mut self, row: Row) -> Outcome<()> {
        if self.second.first().is_some_and(|first| first.at != row.at) || self.second.len() >= AT_ONCE {
            self.submit().await?;
        }
        self.count(&row);
        let Some(meaning) = self.pairs.meaning(&row) else { return Ok(()) };
        match meaning {
            Meaning::Invitation => {
                self.answers.invited.attempts += 1;
                let action = Action::Invite { to: row.to.clone(), note: None, to_email: None };
                self.plan(row, action, None);
            }
            Meaning::Reply(First::Sent(invitation, sent_at)) => {
                self.answers.replied.replies += 1;
                self.plan(row, Action::Accept { invitation }, Some(sent_at));
            }
            Meaning::Reply(First::Refused(code)) => {
                self.answers.replied.replies += 1;
                *self.answers.replied.to_refused.entry(code).or_default() += 1;
            }
            Meaning::Further => self.answers.further += 1,
        }
        Ok(())
    }

    fn count(&mut self, row: &Row) {
        let answers = &mut self.answers;
        answers.rows += 1;
        answers.first_at.get_or_insert(row.at);
        answers.last_at = Some(row.at);
        for member in [&row.from, &row.to] {
            if !answers.members.contains(member) {
                answers.members.insert(member.clone());
            }
        }
    }

    fn plan(&mut self, row: Row, action: Action, sent_at: Option<Time>) {
        if let Some(pair) = Pair::new(&row.from, &row.to) {
            self.second.push(Planned { actor: row.from, action, pair, at: row.at, sent_at });
        }
    }

    async fn submit(&mut self) -> Outcome<()> {
        let planned = std::mem::take(&mut self.second);
        let Some(at) = planned.first().map(|first| first.at) else { return Ok(()) };
        self.network.set_clock(at).await.map_err(Failure::failed)?;
        let command = |planned: &Planned| Command { actor: planned.actor.clone(), action: planned.action.clone() };
        let requests = planned.iter().map(|planned| Request { command: command(planned), claim: None }).collect();
        let outcomes = self.network.submit_all(requests).await.map_err(Failure::failed)?;
        for (planned, outcome) in planned.iter().zip(outcomes) {
            let answer = outcome.map_err(Failure::failed)?;
            match planned.sent_at {
                None => self.invited(planned, answer)?,
                Some(sent_at) => self.replied(planned, sent_at, answer.err()),
            }
        }
        Ok(())
    }

    fn invited(&mut self, planned: &Planned, answer: Result<Answer, Refusal>) -> Outcome<()> {
        let first = match answer {
            Ok(Answer::Invited { invitation, .. }) => {
                self.answers.invited.sent += 1;
                if invitation.state == InvitationState::Accepted {
                    self.answers.invited.crossed += 1;
                    self.answers.delays.push(0);
                }
                First::Sent(invitation.id, planned.at)
            }
            Ok(_) => return Err(Failure::failed("the engine answered an invitation with something else")),
            Err(refusal) => {
                *self.answers.invited.refused.entry(refusal.code).or_default() += 1;
                *self.answers.refused_on.entry(day(planned.at)).or_default() += 1;
                First::Refused(refusal.code)
            }
        };
        self.pairs.note(&planned.pair, first);
        Ok(())
    }

    fn replied(&mut self, planned: &Planned, sent_at: Time, refusal: Option<Refusal>) {
        match refusal {
            None => {
                self.answers.replied.accepted += 1;
                self.answers.delays.push(planned.at.since(sent_at).as_seconds());
            }
            Some(refusal) => *self.answers.replied.refused.entry(refusal.code).or_default() += 1,
        }
    }

    /// Submits what waits, moves the clock to the last row, and reads the events.
    pub(super) async fn finish(mut self) -> Outcome<(Answers, Happened)> {
        self.submit().await?;
        if let Some(last) = self.answers.last_at {
            self.network.set_clock(last).await.map_err(Failure::failed)?;
        }
        let mut happened = Happened::default();
        let mut last = None;
        loop {
            let events = self.network.events(last, PAGE).await.map_err(Failure::failed)?;
            let Some(event) = events.last() else { break };
            last = Some(event.id);
            events.iter().for_each(|event| happened.count(&event.event));
        }
        Ok((self.answers, happened))
    }
}
