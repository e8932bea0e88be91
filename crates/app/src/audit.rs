//! The audit trail: who administered what, when, and about whom.
//!
//! An entry is written before the thing is done, and what came of it afterwards: what cannot be
//! recorded is not done, and an entry without an outcome tells of a server that was killed on the way.
//! Entries are documents of the host, the latest first, and go by themselves
//! ([`RetentionPolicy::audit`](acquaint_core::policy::RetentionPolicy)). Erasing a member leaves what was
//! done and by whom, and takes out that it was about them.

use acquaint_core::access::Principal;
use acquaint_core::ids::MemberId;
use acquaint_core::time::Time;
use acquaint_store::{Document, DocumentChange, DocumentName, DocumentPage, Kind, StoreError, StoreResult};
use serde::{Deserialize, Serialize};

use crate::network::Network;
use crate::{documents, ids};

/// What an entry is called in messages.
const ENTRY: &str = "an entry of the audit trail";
/// How many entries are read at a time.
const AT_ONCE: usize = 100;
/// How often a change is tried that others are in the way of.
const ATTEMPTS: usize = 8;

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "key", rename_all = "snake_case")]
pub enum By {
    /// The product, with the key of that name.
    Host(String),
    /// The operator with the key of that name.
    Operator(String),
    /// Somebody with the store in their hands.
    CommandLine,
}

impl By {
    /// Who a caller is in the trail; members are not in it.
    #[must_use]
    pub fn caller(principal: &Principal) -> Option<Self> {
        match principal {
            Principal::Host { key, .. } => Some(Self::Host(key.to_string())),
            Principal::Operator { key } => Some(Self::Operator(key.to_string())),
            Principal::Member(_) => None,
        }
    }

    /// The word for what they are, and the name of their key if they have one.
    #[must_use]
    pub fn told(self) -> (&'static str, Option<String>) {
        match self {
            Self::Host(key) => ("host", Some(key)),
            Self::Operator(key) => ("operator", Some(key)),
            Self::CommandLine => ("command_line", None),
        }
    }
}

/// An entry of the trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place: later entries have smaller ids.
    #[serde(skip)]
    pub id: String,
    /// When it was begun.
    pub at: Time,
    /// Who did it.
    pub by: By,
    /// What, by its name in the description of the API.
    pub operation: String,
    /// About whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<MemberId>,
    /// It was about a member who has been erased since.
    #[serde(default)]
    pub is_erased: bool,
    /// On what else, such as the name of a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What came of it, as a status of HTTP; missing if nobody lived to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

/// What is about to be done.
#[derive(Debug, Clone)]
pub struct Act<'a> {
    /// Who does it.
    pub by: By,
    /// What, by its name in the description of the API.
    pub operation: &'a str,
    /// About whom.
    pub member: Option<MemberId>,
    /// On what else.
    pub target: Option<String>,
}

impl Network {
    /// Writes down what is about to be done; the id of the entry.
    ///
    /// # Errors
    /// If the store fails, or the system gives no random numbers: then it should not be done.
    pub async fn record(&self, act: Act<'_>) -> StoreResult<String> {
        let now = self.now();
        let Act { by, operation, member, target } = act;
        let entry = Entry {
            id: id_at(self.clock_millis())?,
            at: now,
            by,
            operation: operation.to_owned(),
            member,
            is_erased: false,
            target,
            status: None,
        };
        let until = now + self.policy().retention.audit;
        let content = documents::content(ENTRY, Some(until), &entry)?;
        self.keep(vec![DocumentChange::create(name(&entry.id), content)]).await?;
        Ok(entry.id)
    }

    /// Writes down what came of it, and on what it was done if that was not known before.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn record_outcome(&self, id: &str, status: u16, target: Option<String>) -> StoreResult<()> {
        self.amend(id, |entry| {
            entry.status = Some(status);
            entry.target = target.clone().or(entry.target.take());
        })
        .await
    }

    /// Up to `limit` entries, the latest first, behind the one with the id `after`.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn audit(&self, after: Option<&str>, limit: usize) -> StoreResult<Vec<Entry>> {
        let page = DocumentPage { owner: None, kind: Kind::Audit, after: after.map(str::to_owned), limit };
        self.documents(&page).await?.iter().map(read).collect()
    }

    /// When something about a member was administered, and what; the latest first.
    pub(crate) async fn administered_about(&self, member: &MemberId) -> StoreResult<Vec<(Time, String)>> {
        let (mut about, mut after) = (Vec::new(), None);
        loop {
            let page = self.audit(after.as_deref(), AT_ONCE).await?;
            let Some(last) = page.last() else { return Ok(about) };
            after = Some(last.id.clone());
            let theirs = page.into_iter().filter(|entry| entry.member.as_ref() == Some(member));
            about.extend(theirs.map(|entry| (entry.at, entry.operation)));
        }
    }

    /// Takes a member out of the trail.
    pub(crate) async fn forget_in_audit(&self, member: &MemberId) -> StoreResult<()> {
        let mut after: Option<String> = None;
        loop {
            let page = self.audit(after.as_deref(), AT_ONCE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id.clone());
            for entry in page.iter().filter(|entry| entry.member.as_ref() == Some(member)) {
                self.amend(&entry.id, |entry| {
                    entry.member = None;
                    entry.is_erased = true;
                })
                .await?;
            }
        }
    }

    /// Changes an entry that is still there.
    async fn amend(&self, id: &str, change: impl Fn(&mut Entry)) -> StoreResult<()> {
        for _ in 0..ATTEMPTS {
            let Some(before) = self.store().document(&name(id)).await? else { return Ok(()) };
            let mut entry = read(&before)?;
            change(&mut entry);
            let content = documents::content(ENTRY, before.content.due, &entry)?;
            match self.keep(vec![DocumentChange::replace(before, content)]).await {
                Err(StoreError::Conflict) => {}
                kept => return kept,
            }
        }
        Err(StoreError::Unavailable("an entry of the audit trail is being changed by others".into()))
    }
}

/// An id that comes before those of earlier moments.
fn id_at(millis: u64) -> StoreResult<String> {
    let random = ids::random::<16>().map_err(|error| StoreError::Failed(error.to_string()))?;
    Ok(format!("{:016x}{:032x}", u64::MAX - millis, u128::from_be_bytes(random)))
}

fn name(id: &str) -> DocumentName {
    DocumentName { owner: None, kind: Kind::Audit, key: id.to_owned() }
}

fn read(document: &Document) -> StoreResult<Entry> {
    let entry: Entry = documents::read(ENTRY, document)?;
    Ok(Entry { id: document.name.key.clone(), ..entry })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use acquaint_core::policy::Policy;
    use acquaint_core::time::Span;
    use acquaint_store::memory::MemoryStore;

    use super::*;
    use crate::{Clock, EngineConfig};

    async fn network() -> Network {
        let clock = Clock::settable(Time::from_unix(1_000_000));
        Network::start(Arc::new(MemoryStore::new()), Policy::default(), clock, EngineConfig::default()).await.unwrap()
    }

    fn act<'a>(operation: &'a str, member: Option<&str>) -> Act<'a> {
        let member = member.map(|id| MemberId::new(id).unwrap());
        Act { by: By::Operator("olga".into()), operation, member, target: None }
    }

    #[tokio::test]
    async fn entries_are_listed_from_the_latest_and_go_after_their_time() {
        let network = network().await;
        let mut ids = Vec::new();
        for number in 0..5_u16 {
            let id = network.record(act("exportMember", Some("ann"))).await.unwrap();
            network.record_outcome(&id, 200 + number, Some(format!("t{number}"))).await.unwrap();
            ids.push(id);
            network.advance_clock(Span::seconds(1)).await.unwrap();
        }
        let all = network.audit(None, 10).await.unwrap();
        let statuses: Vec<u16> = all.iter().filter_map(|entry| entry.status).collect();
        assert_eq!(statuses, [204, 203, 202, 201, 200]);
        assert_eq!(network.audit(Some(&all[1].id), 2).await.unwrap(), all[2..4]);
        assert_eq!(all[4].target.as_deref(), Some("t0"));
        network.advance_clock(Span::seconds(365 * 86_400 - 3)).await.unwrap();
        assert_eq!(network.audit(None, 10).await.unwrap(), all[..2]);
        // Its outcome comes late.
        network.record_outcome(&ids[0], 200, None).await.unwrap();
        assert_eq!(network.audit(None, 10).await.unwrap(), all[..2]);
    }

    #[tokio::test]
    async fn an_erased_member_is_in_no_entry_and_the_rest_stays() {
        let network = network().await;
        for number in 0..AT_ONCE + 5 {
            let member = if number % 2 == 0 { "ann" } else { "bob" };
            network.record(act("exportMember", Some(member))).await.unwrap();
        }
        let before = network.audit(None, 1_000).await.unwrap();
        network.forget_in_audit(&MemberId::new("ann").unwrap()).await.unwrap();
        let after = network.audit(None, 1_000).await.unwrap();
        assert_eq!(after.len(), before.len());
        for (before, after) in before.into_iter().zip(after) {
            let is_hers = before.member.as_ref().is_some_and(|member| member.as_str() == "ann");
            let expected = if is_hers { Entry { member: None, is_erased: true, ..before } } else { before };
            assert_eq!(after, expected);
        }
    }
}
