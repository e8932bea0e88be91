//! What pages ask beside the lists: whom two members both know, whom one may know, and a search in
//! what was sent.
//!
//! Everything here is made from what the viewer is shown anyway (their lists and their views of
//! relations), so silence is kept. And everything is bounded: a member with thousands of
//! connections costs no more than one with some hundreds.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use acquaint_core::ids::{InvitationId, MemberId};
use acquaint_core::member::{Member, Registration};
use acquaint_core::standing;
use acquaint_core::time::Time;
use acquaint_core::view::{ContactList, Direction, InvitationView, RelationView};
use acquaint_store::{ContactPage, NotificationPage, Order, PendingPage, StoreResult};

use crate::Network;

/// Connections of one member that are looked at, the latest.
const KNOWN: usize = 500;
/// Connections whose own connections are looked at for [`Network::people_you_may_know`].
const BRIDGES: usize = 40;
/// Connections looked at behind each of those.
const BEHIND_BRIDGE: usize = 60;
/// Candidates whose relation to the viewer is looked at, for each that is wanted.
const TRIES: usize = 4;
/// Pending invitations read at a time by [`Network::search_sent`].
const STRIDE: usize = 100;
/// Pending invitations that one call of [`Network::search_sent`] looks at.
const SEARCHED: usize = 2_000;

/// The connections of one member, to find mutual ones in.
#[derive(Debug, Clone)]
pub struct Circle(HashSet<MemberId>);

/// Mutual connections of two members.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mutual {
    /// How many there are among those that were looked at.
    pub count: usize,
    /// Some of them, the other's latest first.
    pub some: Vec<MemberId>,
}

/// Somebody whom a member may know.
#[derive(Debug, Clone)]
pub struct MayKnow {
    /// Who.
    pub member: Arc<Member>,
    /// Whom both know.
    pub mutual: Mutual,
}

/// Which pending invitations a sender looks for.
#[derive(Debug, Clone, Default)]
pub struct SentSearch {
    /// From which end.
    pub order: Order,
    /// Those after this one, in that order.
    pub after: Option<InvitationId>,
    /// Only those sent before this moment.
    pub before: Option<Time>,
    /// Only those with a note, or only those without.
    pub with_note: Option<bool>,
    /// Only those to members whose name holds this, whatever the case.
    pub name: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// What was found among the pending invitations.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The invitations, with those whom they went to.
    pub items: Vec<(InvitationView, Arc<Member>)>,
    /// Where to look on; `None` once everything was looked at.
    pub next: Option<InvitationId>,
}

impl SentSearch {
    fn takes(&self, view: &InvitationView, to: &Member) -> bool {
        let holds = |name: &String| {
            let shown = to.profile.name.as_deref().unwrap_or_else(|| to.id.as_str());
            shown.to_lowercase().contains(&name.to_lowercase())
        };
        self.before.is_none_or(|moment| view.sent_at < moment)
            && self.with_note.is_none_or(|wanted| view.note.is_some() == wanted)
            && self.name.as_ref().is_none_or(holds)
    }
}

impl Network {
    /// The connections of a member, the latest of them where there are very many.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn circle(&self, member: &MemberId) -> StoreResult<Circle> {
        let known = self.latest_connections(member, KNOWN).await?;
        Ok(Circle(known.into_iter().collect()))
    }

    async fn latest_connections(&self, member: &MemberId, limit: usize) -> StoreResult<Vec<MemberId>> {
        let page =
            ContactPage { member: member.clone(), list: ContactList::Connections, after: None, limit, seen: None };
        Ok(self.contacts(&page).await?.into_iter().map(|contact| contact.other).collect())
    }

    /// Whom the owner of `circle` and `other` both know; at most `some` of them are named.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn mutual(&self, circle: &Circle, other: &MemberId, some: usize) -> StoreResult<Mutual> {
        let theirs = self.latest_connections(other, KNOWN).await?;
        let both: Vec<MemberId> = theirs.into_iter().filter(|id| circle.0.contains(id)).collect();
        Ok(Mutual { count: both.len(), some: both.into_iter().take(some).collect() })
    }

    /// Connections of connections whom the member has nothing to do with yet and could invite, by
    /// the number of mutual connections and by standing (rule 35).
    ///
    /// # Errors
    /// If the store fails.
    pub async fn people_you_may_know(&self, viewer: &MemberId, limit: usize) -> StoreResult<Vec<MayKnow>> {
        let mut found = Vec::new();
        for (id, mutual) in self.second_degree(viewer).await?.into_iter().take(limit.saturating_mul(TRIES)) {
            let strange = self.relation(viewer, &id).await?.is_some_and(|relation| is_stranger(&relation));
            let member = self.member(&id).await?;
            if strange && member.profile.registration != Registration::Erasing {
                found.push(MayKnow { member, mutual });
            }
        }
        let (policy, now) = (self.policy(), self.now());
        let weight = |candidate: &MayKnow| {
            let count = u32::try_from(candidate.mutual.count).unwrap_or(u32::MAX);
            f64::from(count) * standing::suggestion_weight(&candidate.member, &policy, now)
        };
        found.sort_by(|a, b| weight(b).total_cmp(&weight(a)).then_with(|| a.member.id.cmp(&b.member.id)));
        found.truncate(limit);
        Ok(found)
    }

    /// Connections of connections, those with the most mutual ones first.
    async fn second_degree(&self, viewer: &MemberId) -> StoreResult<Vec<(MemberId, Mutual)>> {
        let known = self.latest_connections(viewer, KNOWN).await?;
        let own: HashSet<&MemberId> = known.iter().collect();
        let mut found: HashMap<MemberId, Mutual> = HashMap::new();
        for bridge in known.iter().take(BRIDGES) {
            for other in self.latest_connections(bridge, BEHIND_BRIDGE).await? {
                if other != *viewer && !own.contains(&other) {
                    let mutual = found.entry(other).or_default();
                    mutual.count += 1;
                    mutual.some.push(bridge.clone());
                }
            }
        }
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort_by(|(a, left), (b, right)| right.count.cmp(&left.count).then_with(|| a.cmp(b)));
        Ok(found)
    }

    /// Looks for pending invitations that a member sent. One call looks at a bounded number of
    /// them, so a page may be short although there is more: [`Found::next`] says so.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn search_sent(&self, member: &MemberId, search: &SentSearch) -> StoreResult<Found> {
        let mut found = Found { items: Vec::new(), next: search.after };
        let mut looked_at = 0;
        while looked_at < SEARCHED {
            let read = self.sent_stride(member, search.order, found.next).await?;
            looked_at += read.len();
            let last_stride = read.len() < STRIDE;
            for view in read {
                if found.items.len() == search.limit {
                    return Ok(found);
                }
                found.next = Some(view.id);
                let to = self.member(&view.other).await?;
                if search.takes(&view, &to) {
                    found.items.push((view, to));
                }
            }
            if last_stride {
                found.next = None;
                break;
            }
        }
        Ok(found)
    }

    async fn sent_stride(
        &self,
        member: &MemberId,
        order: Order,
        after: Option<InvitationId>,
    ) -> StoreResult<Vec<InvitationView>> {
        let member = member.clone();
        self.pending(&PendingPage { member, direction: Direction::Sent, order, after, limit: STRIDE, seen: None }).await
    }

    /// How many notifications a member has not read, counted up to `most`.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn unread(&self, member: &MemberId, most: usize) -> StoreResult<usize> {
        let read_until = self.member(member).await?.ledger.read_until;
        let latest = self
            .notifications(&NotificationPage { member: member.clone(), after: None, limit: most, seen: None })
            .await?;
        Ok(latest.iter().take_while(|notification| Some(notification.id) > read_until).count())
    }
}

/// Whether the viewer has nothing to do with the other yet and could begin. What the other did in
/// silence does not show in the viewer's view, so it changes nothing here.
fn is_stranger(relation: &RelationView) -> bool {
    use acquaint_core::refusal::Code;
    let person_level = |code| code < Code::Restricted;
    relation.invitation.is_none()
        && relation.connected_since.is_none()
        && !relation.blocking
        && relation.invite_refusal.is_none_or(|refusal| !person_level(refusal.code))
}
