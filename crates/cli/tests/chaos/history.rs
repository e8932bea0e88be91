//! What clients did and saw, and whether it makes sense.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use acquaint_core::ids::{InvitationId, MemberId};
use acquaint_core::policy::Policy;
use stateright::semantics::{ConsistencyTester, LinearizabilityTester};
use uuid::Uuid;

use super::spec::{Between, Call, Operation, Told, Who};

/// A client of one relation.
pub(crate) type Client = u32;

/// Something that happened at a client, in the order in which it happened.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Began(Client, Operation),
    /// `doubtful`: an attempt before the one that was answered may have been carried out, or may be yet.
    Ended(Client, Told, bool),
}

/// All that was done to one relation.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) hub: MemberId,
    pub(crate) guest: MemberId,
    steps: Mutex<Vec<Step>>,
}

impl History {
    pub(crate) fn new(hub: MemberId, guest: MemberId) -> Self {
        Self { hub, guest, steps: Mutex::new(Vec::new()) }
    }

    pub(crate) fn add(&self, step: Step) {
        self.steps.lock().unwrap().push(step);
    }

    pub(crate) fn id(&self, who: Who) -> &MemberId {
        match who {
            Who::Hub => &self.hub,
            Who::Guest => &self.guest,
        }
    }

    /// The latest invitation that anybody was told of.
    pub(crate) fn latest_invitation(&self) -> Option<InvitationId> {
        let steps = self.steps.lock().unwrap();
        steps.iter().rev().find_map(|step| match step {
            Step::Ended(_, Told::Invited(id, _), _) => Some(*id),
            Step::Ended(_, Told::Relation(sight), _) => sight.invitation.map(|(id, _)| id),
            _ => None,
        })
    }

    /// The last thing that a member saw of the relation.
    pub(crate) fn last_sight(&self, who: Who) -> Option<super::spec::Sight> {
        let steps = self.steps.lock().unwrap();
        let mut asked = BTreeMap::new();
        let mut last = None;
        for step in steps.iter() {
            match step {
                Step::Began(client, (actor, _)) => drop(asked.insert(*client, *actor)),
                Step::Ended(client, Told::Relation(sight), _) if asked.get(client) == Some(&who) => {
                    last = Some(sight.clone());
                }
                Step::Ended(..) => {}
            }
        }
        last
    }

    /// Whether one order of the calls explains all answers. `created` are the invitations between the
    /// two that the servers' events tell of, each with its sender.
    ///
    /// # Errors
    /// The history, for whoever looks into the failure.
    pub(crate) fn check(&self, policy: &Arc<Policy>, created: &[(Who, InvitationId)]) -> Result<(), String> {
        let steps = self.steps.lock().unwrap();
        let mut tester = LinearizabilityTester::new(Between::new(policy.clone(), &self.hub, &self.guest));
        let mut ghosts = Ghosts::of(&steps, created).map_err(|error| self.failed(&steps, &error))?;
        for (place, step) in steps.iter().enumerate() {
            for (client, operation) in ghosts.beginning_at(place) {
                tester.on_invoke(client, operation)?;
            }
            match step {
                Step::Began(client, operation) => tester.on_invoke(*client, operation.clone())?,
                Step::Ended(client, told, _) => tester.on_return(*client, told.clone())?,
            };
        }
        if tester.is_consistent() {
            return Ok(());
        }
        Err(self.failed(&steps, "no order of the calls explains the answers"))
    }

    fn failed(&self, steps: &[Step], why: &str) -> String {
        let told: Vec<String> = steps.iter().map(|step| format!("  {step:?}")).collect();
        format!("{} and {}: {why}\n{}", self.hub, self.guest, told.join("\n"))
    }
}

/// Calls that may have been carried out though their client was told something else. A client that
/// is not answered in time sends the call again; a refusal leaves nothing behind under its key, so
/// the first attempt may still take effect after the second one was refused.
struct Ghosts(Vec<(usize, Operation)>);

/// Ghosts are clients of their own, with numbers from here on.
const FIRST_GHOST: Client = 1_000;

impl Ghosts {
    fn of(steps: &[Step], created: &[(Who, InvitationId)]) -> Result<Self, String> {
        let mut began: BTreeMap<Client, (usize, Operation)> = BTreeMap::new();
        let mut doubtful = Vec::new();
        let mut told: BTreeSet<InvitationId> = BTreeSet::new();
        for (place, step) in steps.iter().enumerate() {
            match step {
                Step::Began(client, operation) => drop(began.insert(*client, (place, operation.clone()))),
                Step::Ended(client, answer, in_doubt) => {
                    if let Told::Invited(id, _) = answer {
                        told.insert(*id);
                    }
                    let refused = matches!(answer, Told::Refused(_));
                    doubtful.extend(began.remove(client).filter(|_| *in_doubt && refused));
                }
            }
        }
        let names: BTreeSet<_> = created.iter().map(|(_, id)| *id).collect();
        if names.len() != created.len() {
            return Err("an invitation was created twice".into());
        }
        let mut unclaimed: Vec<_> = created.iter().filter(|(_, id)| !told.contains(id)).collect();
        let mut ghosts = Vec::new();
        for (place, (who, call)) in doubtful {
            let call = match call {
                Call::Invite(_) => {
                    let found = unclaimed.iter().position(|(sender, _)| *sender == who);
                    // One that met another one was accepted at once and is no event of its own: its name
                    // was seen by nobody.
                    let unseen = || InvitationId(Uuid::from_u128(place as u128));
                    Call::Invite(Some(found.map_or_else(unseen, |found| unclaimed.remove(found).1)))
                }
                other => other,
            };
            ghosts.push((place, (who, call)));
        }
        match unclaimed.first() {
            Some((who, id)) => Err(format!("nobody asked for invitation {id} of {who:?}: it is doubled")),
            None => Ok(Self(ghosts)),
        }
    }

    fn beginning_at(&mut self, place: usize) -> Vec<(Client, Operation)> {
        let numbered = self.0.iter().zip(FIRST_GHOST..);
        numbered.filter(|((begins, _), _)| *begins == place).map(|((_, what), number)| (number, what.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use acquaint_core::view::InvitationState::{Accepted, Pending, Withdrawn};

    use super::*;

    fn check(steps: &[Step], created: &[(Who, InvitationId)]) -> Result<(), String> {
        let history = History::new("hub".parse().unwrap(), "guest".parse().unwrap());
        steps.iter().cloned().for_each(|step| history.add(step));
        history.check(&Between::policy(), created)
    }

    fn id(number: u128) -> InvitationId {
        InvitationId(Uuid::from_u128(number))
    }

    fn began(client: Client, who: Who, call: Call) -> Step {
        Step::Began(client, (who, call))
    }

    fn ended(client: Client, told: Told) -> Step {
        Step::Ended(client, told, false)
    }

    #[test]
    fn accepting_and_withdrawing_have_one_winner() {
        let race = |withdrawn: Told, accepted: Told| {
            let steps = [
                began(0, Who::Hub, Call::Invite(None)),
                ended(0, Told::Invited(id(1), Pending)),
                began(0, Who::Hub, Call::Withdraw(id(1))),
                began(1, Who::Guest, Call::Accept(id(1))),
                ended(0, withdrawn),
                ended(1, accepted),
            ];
            check(&steps, &[(Who::Hub, id(1))])
        };
        race(Told::Invitation(Withdrawn), Told::Refused("no_longer_available".into())).unwrap();
        race(Told::Refused("already_accepted".into()), Told::Invitation(Accepted)).unwrap();
        assert!(race(Told::Invitation(Withdrawn), Told::Invitation(Accepted)).unwrap_err().contains("no order"));
    }

    #[test]
    fn what_was_acknowledged_and_is_gone_is_found() {
        let nothing = super::super::spec::Sight {
            connected: false,
            invitation: None,
            following: false,
            followed: false,
            blocking: false,
        };
        let steps = [
            began(0, Who::Hub, Call::Invite(None)),
            ended(0, Told::Invited(id(1), Pending)),
            began(1, Who::Guest, Call::Look),
            ended(1, Told::Relation(nothing)),
        ];
        assert!(check(&steps, &[(Who::Hub, id(1))]).unwrap_err().contains("no order"));
    }

    #[test]
    fn an_invitation_that_nobody_was_told_of_needs_a_doubtful_call() {
        let steps = |doubtful| {
            [
                began(0, Who::Hub, Call::Follow),
                ended(0, Told::Done),
                began(0, Who::Hub, Call::Invite(None)),
                Step::Ended(0, Told::Refused("already_pending".into()), doubtful),
            ]
        };
        // Its own first attempt is what the second one found.
        check(&steps(true), &[(Who::Hub, id(1))]).unwrap();
        assert!(check(&steps(false), &[(Who::Hub, id(1))]).unwrap_err().contains("it is doubled"));
        assert!(check(&steps(true), &[(Who::Hub, id(1)), (Who::Hub, id(2))]).is_err());
    }
}
