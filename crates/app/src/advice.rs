//! What a member may learn from the invitations they sent: which to withdraw (rules 37 to 39), whom they may
//! invite again (rule 41), and where they are accepted (rule 42).
//!
//! All of it is made from [`view::sent`], so that nothing a recipient did in silence shows. A relation
//! keeps the last invitation each way; of somebody who was invited again the earlier ones do not count.

use std::sync::Arc;

use acquaint_core::advice::{self, LONGEST_JUDGED, Measure, Pending, Suggestion};
use acquaint_core::history::Sent;
use acquaint_core::ids::MemberId;
use acquaint_core::insight::{self, Insights};
use acquaint_core::member::Member;
use acquaint_core::relation::Pair;
use acquaint_core::time::Time;
use acquaint_core::view::{self, InvitationState, InvitationView};
use acquaint_store::{StoreResult, Wanted};

use crate::network::Network;

/// Of how many people that a member had to do with the invitations are looked at; in the order of their
/// ids, which has nothing to do with how they answered.
const LOOKED_AT: usize = 5_000;
/// For how many of these mutual connections are counted: each takes a read of somebody's connections.
const MUTUAL_COUNTED: usize = 200;
/// Relations in one read.
const STRIDE: usize = 256;

/// A pending invitation, with what its sender's advice is made from.
pub(crate) fn pending_to(view: InvitationView, sender: &Member, to: &Member) -> Pending<InvitationView> {
    Pending {
        sent_at: view.sent_at,
        last_active_at: to.profile.last_active_at,
        outside_audience: advice::is_outside(&sender.profile, &to.profile),
        of: view,
    }
}

/// An invitation that a member sent.
struct SentTo {
    /// As the sender sees it.
    view: InvitationView,
    /// To whom.
    to: Arc<Member>,
    /// Whether the two are connected, however that came about.
    connected: bool,
}

impl Network {
    /// Which pending invitations the member might withdraw, the worst first, without those that are to be
    /// left alone. Changes nothing.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn suggestions(&self, member: &MemberId) -> StoreResult<Vec<Suggestion<InvitationView>>> {
        let (sent, sender) = (self.sent_to(member).await?, self.member(member).await?);
        let (policy, now) = (self.policy(), self.now());
        let history: Vec<_> = sent.iter().filter_map(|it| Sent::of_view(&it.view, &it.to.profile, None)).collect();
        let curve = advice::curve(&history, now);
        let ends_after = policy.invitation.expires_after.unwrap_or(LONGEST_JUDGED);
        let measure = Measure { policy: &policy.cleanup, curve: &curve, ends_after, now };
        let left_alone = self.skip_list(member).await?;
        let pending = sent.into_iter().filter(|it| it.view.state == InvitationState::Pending);
        let pending = pending.filter(|it| !left_alone.skips(&it.to));
        let pending = pending.map(|it| pending_to(it.view, &sender, &it.to));
        Ok(advice::suggest(pending, &measure))
    }

    /// Whom the member withdrew an invitation to, and from when each may be invited again, the earliest first.
    /// Those who are connected by now, or invited again, are not among them.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn waiting(&self, member: &MemberId) -> StoreResult<Vec<(Time, InvitationView)>> {
        let policy = self.policy();
        let sent = self.sent_to(member).await?.into_iter().filter(|it| !it.connected).map(|it| it.view);
        let withdrawn = sent.filter(|view| view.state == InvitationState::Withdrawn);
        let mut waiting: Vec<_> =
            withdrawn.filter_map(|view| Some((view.may_invite_again_at(&policy)?, view))).collect();
        waiting.sort_by_key(|(at, view)| (*at, view.id));
        Ok(waiting)
    }

    /// When and where the member's invitations are accepted.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn insights(&self, member: &MemberId) -> StoreResult<Insights> {
        let circle = self.circle(member).await?;
        let mut sent = Vec::new();
        for (place, SentTo { view, to, .. }) in self.sent_to(member).await?.into_iter().enumerate() {
            let mutual = if place < MUTUAL_COUNTED { Some(self.mutual(&circle, &to.id, 0).await?) } else { None };
            let mutual = mutual.and_then(|mutual| u32::try_from(mutual.count).ok());
            sent.extend(Sent::of_view(&view, &to.profile, mutual));
        }
        Ok(insight::look(&sent, self.policy().restriction.unanswered_after, self.now()))
    }

    /// The last invitation that the member sent to each of the people they had to do with, as they see it.
    async fn sent_to(&self, member: &MemberId) -> StoreResult<Vec<SentTo>> {
        let (mut sent, mut looked_at, mut after) = (Vec::new(), 0, None);
        while looked_at < LOOKED_AT {
            let others = self.store().related(member, after.as_ref(), STRIDE).await?;
            let relations = others.iter().filter_map(|other| Pair::new(member, other)).collect();
            let loaded = self.store().load(&Wanted { relations, ..Wanted::default() }).await?;
            for relation in loaded.relations.iter().flatten() {
                if let Some(view) = view::sent(relation, member) {
                    let to = self.member(&view.other).await?;
                    sent.push(SentTo { view, to, connected: relation.state.connected_since.is_some() });
                }
            }
            looked_at += others.len();
            if others.len() < STRIDE {
                break;
            }
            after = others.into_iter().next_back();
        }
        Ok(sent)
    }
}
