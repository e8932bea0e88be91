//! Whom a member never wants withdrawn: people and tags that suggestions and plans leave alone.
//!
//! The list is a document of the member. It names only people whom the member has invited, so that an erasure,
//! which goes through those with whom somebody had to do, finds every list that names the erased one.

use std::collections::HashSet;

use acquaint_core::ids::MemberId;
use acquaint_core::member::Member;
use acquaint_core::relation::Pair;
use acquaint_core::view;
use acquaint_store::{DocumentChange, DocumentName, Kind, StoreError, StoreResult, Wanted};
use serde::{Deserialize, Serialize};

use crate::documents;
use crate::network::Network;

/// What the list is called in messages.
const LIST: &str = "a list of those who are not to be withdrawn";
/// The key of a member's one list.
const CURRENT: &str = "current";
/// How often a change is tried that others are in the way of.
const ATTEMPTS: usize = 8;

/// People and tags that are left alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkipList {
    /// Invitations to these people.
    pub members: Vec<MemberId>,
    /// Invitations to people with one of these tags.
    pub audiences: Vec<String>,
}

/// Why a list was not kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SkipError {
    /// The member never invited these, by their places.
    #[error("not all of these are people whom you invited")]
    Strangers(Vec<usize>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SkipList {
    /// Whether somebody is left alone.
    #[must_use]
    pub fn skips(&self, other: &Member) -> bool {
        let tags = &other.profile.audience;
        self.members.contains(&other.id) || tags.iter().any(|tag| self.audiences.contains(tag))
    }
}

impl Network {
    /// Whom the member never wants withdrawn.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn skip_list(&self, member: &MemberId) -> StoreResult<SkipList> {
        let document = self.document(&name(member)).await?;
        document.map_or_else(|| Ok(SkipList::default()), |document| documents::read(LIST, &document))
    }

    /// Takes another list from now on, also for a plan under way.
    ///
    /// # Errors
    /// [`SkipError`].
    pub async fn set_skip_list(&self, member: &MemberId, list: &SkipList) -> Result<(), SkipError> {
        let relations = list.members.iter().filter_map(|other| Pair::new(member, other)).collect();
        let loaded = self.store().load(&Wanted { relations, ..Wanted::default() }).await?;
        // As the member sees it: what others did in silence makes nobody known.
        let invited = loaded.relations.iter().flatten().filter_map(|relation| view::sent(relation, member));
        let invited: HashSet<MemberId> = invited.map(|view| view.other).collect();
        let is_stranger = |(place, other)| (!invited.contains(other)).then_some(place);
        let strangers: Vec<usize> = list.members.iter().enumerate().filter_map(is_stranger).collect();
        if !strangers.is_empty() {
            return Err(SkipError::Strangers(strangers));
        }
        Ok(self.change_skip_list(member, |kept| list.clone_into(kept)).await?)
    }

    /// Takes an erased member off the list of another.
    pub(crate) async fn forget_skipped(&self, owner: &MemberId, erased: &MemberId) -> StoreResult<()> {
        if self.skip_list(owner).await?.members.contains(erased) {
            self.change_skip_list(owner, |list| list.members.retain(|member| member != erased)).await?;
        }
        Ok(())
    }

    async fn change_skip_list(&self, member: &MemberId, change: impl Fn(&mut SkipList)) -> StoreResult<()> {
        for _ in 0..ATTEMPTS {
            let before = self.document(&name(member)).await?;
            let mut list = before.as_ref().map(|before| documents::read(LIST, before)).transpose()?.unwrap_or_default();
            change(&mut list);
            let content = documents::content(LIST, None, &list)?;
            let change = match before {
                Some(before) => DocumentChange::replace(before, content),
                None => DocumentChange::create(name(member), content),
            };
            match self.keep(vec![change]).await {
                Err(StoreError::Conflict) => {}
                kept => return kept,
            }
        }
        Err(StoreError::Unavailable("the list is being changed by others".into()))
    }
}

fn name(member: &MemberId) -> DocumentName {
    DocumentName { owner: Some(member.clone()), kind: Kind::SkipList, key: CURRENT.into() }
}
