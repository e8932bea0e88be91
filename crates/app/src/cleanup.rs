//! Clean-up plans at work (rules 36 to 40): looked at first, made, and carried out when they are due.
//!
//! A member has one plan at a time, a document of their own. Carrying it out is a [`Duty`]: each
//! withdrawal is an ordinary command, so what was accepted meanwhile is left alone by the same rule
//! as everywhere. If the server dies between a withdrawal and writing it down, the next look finds the
//! invitation withdrawn already, and a second withdrawal changes nothing.

use acquaint_core::cleanup::{Item, MAX_ITEMS, Outcome, Plan, Turn};
use acquaint_core::command::{Action, Command};
use acquaint_core::ids::{InvitationId, MemberId};
use acquaint_core::refusal::Refusal;
use acquaint_core::time::{Span, Time};
use acquaint_core::view::{Direction, InvitationState, InvitationView};
use acquaint_store::{Content, Document, DocumentChange, DocumentName, Kind, Order, PendingPage, StoreError};
use async_trait::async_trait;

use crate::advice::pending_to;
use crate::documents;
use crate::duties::Duty;
use crate::engine::{Request, SubmitError};
use crate::network::Network;
use crate::scheduler::AT_ONCE;
use crate::skips::SkipList;

/// What a plan is called in messages.
const PLAN: &str = "a clean-up plan";
/// The key of a member's one plan.
const CURRENT: &str = "current";
/// How often a change is tried that others are in the way of.
const ATTEMPTS: usize = 8;

/// Which pending invitations somebody thinks of withdrawing.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Those older than this; the policy's `stale_after` when left out.
    pub older_than: Option<Span>,
    /// Never those to these, besides those whom the member leaves alone for good.
    pub skip: SkipList,
}

/// Why a plan was not made or changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CleanupError {
    /// There is one that is not over.
    #[error("there is a plan already: cancel it first")]
    Busy,
    /// There is none.
    #[error("there is no plan")]
    NoPlan,
    /// These are not pending invitations that the member sent, by their places.
    #[error("not all of these are pending invitations of yours")]
    NotPending(Vec<usize>),
    /// The store or the engine failed.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl From<StoreError> for CleanupError {
    fn from(error: StoreError) -> Self {
        Self::Submit(error.into())
    }
}

/// What an owner does with a plan.
#[derive(Debug, Clone)]
pub enum PlanChange {
    /// Wait until told to go on.
    Pause,
    /// Go on.
    Resume,
    /// End it.
    Cancel,
    /// Take these off it.
    Skip(Vec<InvitationId>),
}

impl Network {
    /// The invitations that a plan of that choice would name, in the order of rule 38: the oldest
    /// [`MAX_ITEMS`] of that choice. Changes nothing.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn choose_for_cleanup(
        &self,
        member: &MemberId,
        choice: &Choice,
    ) -> Result<Vec<InvitationView>, StoreError> {
        let (policy, now, sender) = (self.policy(), self.now(), self.member(member).await?);
        let oldest_kept = now - choice.older_than.unwrap_or(policy.cleanup.stale_after);
        let (mut chosen, mut after, left_alone) = (Vec::new(), None, self.skip_list(member).await?);
        loop {
            let page = PendingPage {
                member: member.clone(),
                direction: Direction::Sent,
                order: Order::Oldest,
                after,
                limit: AT_ONCE,
                seen: None,
            };
            let read = self.pending(&page).await?;
            after = read.last().map(|view| view.id);
            let reached_young = read.len() < AT_ONCE || read.last().is_some_and(|view| view.sent_at >= oldest_kept);
            for view in read.into_iter().filter(|view| view.sent_at < oldest_kept) {
                let to = self.member(&view.other).await?;
                if !choice.skip.skips(&to) && !left_alone.skips(&to) {
                    chosen.push(pending_to(view, &sender, &to));
                }
            }
            if reached_young || chosen.len() >= MAX_ITEMS {
                chosen.truncate(MAX_ITEMS);
                chosen.sort_by_key(|pending| pending.rank(&policy.cleanup, now));
                return Ok(chosen.into_iter().map(|pending| pending.of).collect());
            }
        }
    }

    /// The member's plan, also one that is over, until the next takes its place.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn cleanup_plan(&self, member: &MemberId) -> Result<Option<Plan>, StoreError> {
        self.document(&name(member)).await?.as_ref().map(read).transpose()
    }

    /// Makes a plan of pending invitations of the member's, in that order, and begins it. The same one
    /// again, while it goes on, is that one.
    ///
    /// # Errors
    /// [`CleanupError`].
    pub async fn plan_cleanup(
        &self,
        member: &MemberId,
        invitations: &[InvitationId],
        daily_budget: Option<u32>,
    ) -> Result<Plan, CleanupError> {
        let most = self.policy().cleanup.daily_budget;
        let items = self.items(member, invitations).await?;
        let plan = Plan::new(items, daily_budget.unwrap_or(most).min(most), self.now());
        let before = self.document(&name(member)).await?;
        if let Some(running) = before.as_ref().map(read).transpose()?.filter(|plan| !plan.state.is_over()) {
            let chosen = running.items.iter().map(|item| item.invitation);
            let is_same = running.daily_budget == plan.daily_budget && chosen.eq(invitations.iter().copied());
            return if is_same { Ok(running) } else { Err(CleanupError::Busy) };
        }
        let content = content(&plan)?;
        let change = match before {
            Some(before) => DocumentChange::replace(before, content),
            None => DocumentChange::create(name(member), content),
        };
        match self.keep(vec![change]).await {
            Ok(()) => Ok(plan),
            // Somebody made one at the same moment.
            Err(StoreError::Conflict) => Err(CleanupError::Busy),
            Err(error) => Err(error.into()),
        }
    }

    async fn items(&self, member: &MemberId, invitations: &[InvitationId]) -> Result<Vec<Item>, CleanupError> {
        let (mut items, mut others) = (Vec::new(), Vec::new());
        for (place, &id) in invitations.iter().enumerate() {
            let view = self.invitation(member, id).await?;
            match view.filter(|view| view.direction == Direction::Sent && view.state == InvitationState::Pending) {
                Some(view) => {
                    items.push(Item { invitation: id, to: view.other, sent_at: view.sent_at, outcome: None });
                }
                None => others.push(place),
            }
        }
        if others.is_empty() { Ok(items) } else { Err(CleanupError::NotPending(others)) }
    }

    /// Changes the member's plan, and returns it as it is then. One that is over stays as it is.
    ///
    /// # Errors
    /// [`CleanupError`].
    pub async fn change_cleanup(&self, member: &MemberId, change: &PlanChange) -> Result<Plan, CleanupError> {
        for _ in 0..ATTEMPTS {
            let document = self.document(&name(member)).await?.ok_or(CleanupError::NoPlan)?;
            let before = read(&document)?;
            let after = changed(before.clone(), change, self.now())?;
            if after == before {
                return Ok(after);
            }
            match self.keep(vec![DocumentChange::replace(document, content(&after)?)]).await {
                Ok(()) => return Ok(after),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Unavailable("the plan is being changed by others".into()).into())
    }
}

fn changed(mut plan: Plan, change: &PlanChange, now: Time) -> Result<Plan, CleanupError> {
    match change {
        PlanChange::Pause => plan.pause(),
        PlanChange::Resume => plan.resume(now),
        PlanChange::Cancel => plan.cancel(),
        PlanChange::Skip(invitations) => {
            let is_on = |wanted: &InvitationId| plan.items.iter().any(|item| item.invitation == *wanted);
            let missing = |(place, wanted)| (!is_on(wanted)).then_some(place);
            let missing: Vec<_> = invitations.iter().enumerate().filter_map(missing).collect();
            if !missing.is_empty() {
                return Err(CleanupError::NotPending(missing));
            }
            plan.skip(invitations, now);
        }
    }
    Ok(plan)
}

/// A member's plan without those invitations that went to somebody who is erased; nothing if there are
/// none.
pub(crate) async fn without(network: &Network, owner: &MemberId, erased: &MemberId) -> Result<(), SubmitError> {
    for _ in 0..ATTEMPTS {
        let Some(document) = network.document(&name(owner)).await? else { return Ok(()) };
        let mut plan = read(&document)?;
        let before = plan.items.len();
        plan.items.retain(|item| item.to != *erased);
        if plan.items.len() == before {
            return Ok(());
        }
        let content = content(&plan)?;
        match network.keep(vec![DocumentChange::replace(document, content)]).await {
            Err(StoreError::Conflict) => {}
            kept => return Ok(kept?),
        }
    }
    Err(StoreError::Conflict.into())
}

fn name(member: &MemberId) -> DocumentName {
    DocumentName { owner: Some(member.clone()), kind: Kind::CleanupPlan, key: CURRENT.into() }
}

fn read(document: &Document) -> Result<Plan, StoreError> {
    documents::read(PLAN, document)
}

fn content(plan: &Plan) -> Result<Content, StoreError> {
    documents::content(PLAN, plan.due(), plan)
}

/// Carries out plans.
pub(crate) struct CarryOut;

#[async_trait]
impl Duty for CarryOut {
    fn kind(&self) -> Kind {
        Kind::CleanupPlan
    }

    async fn perform(&self, network: &Network, document: Document) -> Result<(), SubmitError> {
        let Some(owner) = document.name.owner.clone() else { return Ok(()) };
        let mut plan = read(&document)?;
        // Only the last of these can be a withdrawal: it uses up the interval.
        for _ in 0..MAX_ITEMS {
            let now = network.now();
            match plan.turn(&network.member(&owner).await?.ledger, now) {
                Turn::Withdraw(invitation) => {
                    let outcome = match is_left_alone(network, &owner, &plan, invitation).await? {
                        true => Outcome::Skipped,
                        false => withdraw(network, &owner, invitation).await?,
                    };
                    plan.record(outcome, now);
                }
                Turn::Wait(until) => {
                    plan.wait(until);
                    break;
                }
                Turn::Stop(why) => {
                    plan.stop(why);
                    break;
                }
                Turn::Rest => break,
            }
        }
        Ok(network.keep(vec![DocumentChange::replace(document, content(&plan)?)]).await?)
    }
}

/// Whether the owner has put the recipient on the list of those who are left alone since the plan was made.
async fn is_left_alone(
    network: &Network,
    owner: &MemberId,
    plan: &Plan,
    invitation: InvitationId,
) -> Result<bool, SubmitError> {
    let list = network.skip_list(owner).await?;
    let Some(item) = plan.items.iter().find(|item| item.invitation == invitation) else { return Ok(false) };
    Ok(list != SkipList::default() && list.skips(&*network.member(&item.to).await?))
}

async fn withdraw(network: &Network, owner: &MemberId, invitation: InvitationId) -> Result<Outcome, SubmitError> {
    let command = Command { actor: owner.clone(), action: Action::Withdraw { invitation } };
    match network.submit(Request { command, claim: None }).await? {
        Ok(_) => Ok(Outcome::Withdrawn),
        Err(Refusal { code, .. }) => Ok(Outcome::of_refusal(code)),
    }
}
