//! Whom a member never wants withdrawn: people and tags that suggestions and plans leave alone.
//!
//! The list is a document of the member. It names only people whom the member has invited, so that an erasure,
//! which goes through those with whom somebody had to do, finds every list that names the erased one.

use std::collections::HashSet;

use acquaint_core::cleanup::MAX_ITEMS;
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
/// Most people on one list: as many as a plan may name.
pub const MAX_SKIPPED: usize = MAX_ITEMS;
/// Most tags on one list.
pub const MAX_SKIPPED_TAGS: usize = 50;
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
    /// More than [`MAX_SKIPPED`] people or [`MAX_SKIPPED_TAGS`] tags.
    #[error("at most {MAX_SKIPPED} people and {MAX_SKIPPED_TAGS} tags")]
    TooMany,
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

    fn check_length(&self) -> Result<(), SkipError> {
        let is_too_long = self.members.len() > MAX_SKIPPED || self.audiences.len() > MAX_SKIPPED_TAGS;
        if is_too_long { Err(SkipError::TooMany) } else { Ok(()) }
    }

    /// Takes those of another as well, each once.
    fn add(&mut self, other: &Self) {
        let members = other.members.iter().filter(|it| !self.members.contains(it)).cloned().collect::<Vec<_>>();
        let audiences = other.audiences.iter().filter(|it| !self.audiences.contains(it)).cloned().collect::<Vec<_>>();
        self.members.extend(members);
        self.audiences.extend(audiences);
    }

    /// Lets those of another go.
    fn remove(&mut self, other: &Self) {
        self.members.retain(|it| !other.members.contains(it));
        self.audiences.retain(|it| !other.audiences.contains(it));
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
        list.check_length()?;
        self.check_invited(member, &list.members).await?;
        Ok(self.change_skip_list(member, |kept| list.clone_into(kept)).await?)
    }

    /// Puts these on the list as well.
    ///
    /// # Errors
    /// [`SkipError`].
    pub async fn skip_also(&self, member: &MemberId, more: &SkipList) -> Result<(), SkipError> {
        let mut list = self.skip_list(member).await?;
        list.add(more);
        list.check_length()?;
        self.check_invited(member, &more.members).await?;
        Ok(self.change_skip_list(member, |kept| kept.add(more)).await?)
    }

    /// Takes these off the list.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn skip_no_longer(&self, member: &MemberId, fewer: &SkipList) -> StoreResult<()> {
        self.change_skip_list(member, |kept| kept.remove(fewer)).await
    }

    async fn check_invited(&self, member: &MemberId, others: &[MemberId]) -> Result<(), SkipError> {
        let relations = others.iter().filter_map(|other| Pair::new(member, other)).collect();
        let loaded = self.store().load(&Wanted { relations, ..Wanted::default() }).await?;
        // As the member sees it: what others did in silence makes nobody known.
        let invited = loaded.relations.iter().flatten().filter_map(|relation| view::sent(relation, member));
        let invited: HashSet<MemberId> = invited.map(|view| view.other).collect();
        let is_stranger = |(place, other)| (!invited.contains(other)).then_some(place);
        let strangers: Vec<usize> = others.iter().enumerate().filter_map(is_stranger).collect();
        if strangers.is_empty() { Ok(()) } else { Err(SkipError::Strangers(strangers)) }
    }

    /// Takes an erased member off the list of another.
    pub(crate) async fn forget_skipped(&self, owner: &MemberId, erased: &MemberId) -> StoreResult<()> {
        if !self.skip_list(owner).await?.members.contains(erased) {
            return Ok(());
        }
        self.skip_no_longer(owner, &SkipList { members: vec![erased.clone()], audiences: Vec::new() }).await
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
