//! The private address under which a member's wait list is a calendar (rule 41).
//!
//! Calendar programs can send neither a key nor a cookie, so whoever knows the address may read. It is
//! `MEMBER.SECRET`, the member's id in base64url so that it needs no index, and 128 random bits. A new
//! address takes the place of the old one, which is how one that became known is closed.

use acquaint_core::ids::MemberId;
use acquaint_store::{Content, Document, DocumentChange, DocumentName, Kind, StoreError, StoreResult};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::network::Network;
use crate::secret::{addressed, addressee};
use crate::{documents, ids};

/// The key of a member's one address.
const WAITING: &str = "waiting";
/// What it is called in messages.
const ADDRESS: &str = "the address of a calendar";
/// How often a change is tried that others are in the way of.
const ATTEMPTS: usize = 8;

/// What is kept: the address can be shown again, because it opens this list alone.
#[derive(Serialize, Deserialize)]
struct Kept {
    secret: String,
}

impl Network {
    /// The last word of the address of the member's calendar, if there is one.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn calendar(&self, member: &MemberId) -> StoreResult<Option<String>> {
        let kept = self.document(&name(member)).await?.as_ref().map(read).transpose()?;
        Ok(kept.map(|kept| addressed(member, &kept.secret)))
    }

    /// Gives the member's calendar a new address; the old one opens nothing any more.
    ///
    /// # Errors
    /// If the store fails, or the system gives no random numbers.
    pub async fn renew_calendar(&self, member: &MemberId) -> StoreResult<String> {
        let bits = ids::random().map_err(|error| StoreError::Failed(error.to_string()))?;
        let secret = format!("{:032x}", u128::from_be_bytes(bits));
        let content = documents::content(ADDRESS, None, &Kept { secret: secret.clone() })?;
        self.write_calendar(member, Some(content)).await?;
        Ok(addressed(member, &secret))
    }

    /// Closes the member's calendar; whether there was one.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn close_calendar(&self, member: &MemberId) -> StoreResult<bool> {
        self.write_calendar(member, None).await
    }

    /// Whose calendar it is that this last word of an address opens.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn calendar_owner(&self, given: &str) -> StoreResult<Option<MemberId>> {
        let Some((member, secret)) = addressee(given) else { return Ok(None) };
        let kept = self.document(&name(&member)).await?.as_ref().map(read).transpose()?;
        let opens = kept.is_some_and(|kept| bool::from(kept.secret.as_bytes().ct_eq(secret.as_bytes())));
        Ok(opens.then_some(member))
    }

    async fn write_calendar(&self, member: &MemberId, content: Option<Content>) -> StoreResult<bool> {
        for _ in 0..ATTEMPTS {
            let before = self.document(&name(member)).await?;
            let existed = before.is_some();
            let change = match (before, content.clone()) {
                (None, None) => return Ok(false),
                (None, Some(content)) => DocumentChange::create(name(member), content),
                (Some(before), Some(content)) => DocumentChange::replace(before, content),
                (Some(before), None) => DocumentChange::remove(before),
            };
            match self.keep(vec![change]).await {
                Err(StoreError::Conflict) => {}
                done => return done.map(|()| existed),
            }
        }
        Err(StoreError::Unavailable("the address is being changed by others".into()))
    }
}

fn name(member: &MemberId) -> DocumentName {
    DocumentName { owner: Some(member.clone()), kind: Kind::Calendar, key: WAITING.into() }
}

fn read(document: &Document) -> StoreResult<Kept> {
    documents::read(ADDRESS, document)
}
