//! The promises of the port about documents.

use std::sync::Arc;

use acquaint_core::time::Time;

use super::cases::{LIMITS, assert_conflict, compare_in_every_page_size, id, member_change, member_version, members};
use super::{Town, whole};
use crate::{Changes, Content, Document, DocumentChange, DocumentName, Kind, Store, StoreResult};

fn document_name(owner: &str, kind: Kind, key: &str) -> DocumentName {
    let owner = (!owner.is_empty()).then(|| id(owner));
    DocumentName { owner, kind, key: key.into() }
}

/// JSON whose letters a store might be tempted to change.
fn content(due: Option<i64>, text: &str) -> Content {
    Content { due: due.map(Time::from_unix), body: format!("{{ \"b\": 1.0, \"a\":\"{text}\", \"a\": null }}") }
}

/// A commit of documents, to both stores.
async fn keep(town: &Town, documents: Vec<DocumentChange>) -> StoreResult<()> {
    let changes = Changes { documents, ..Changes::default() };
    town.store.commit(&changes).await?;
    town.model.commit(&changes).await
}

#[expect(clippy::expect_used, reason = "a test fails by it")]
async fn kept(store: &dyn Store, name: &DocumentName) -> StoreResult<Document> {
    Ok(store.document(name).await?.expect("the document is there"))
}

/// A document is written over the version that was read, and over no other; what was removed begins anew.
///
/// # Errors
/// See above.
pub async fn a_document_that_moved_is_a_conflict(store: Arc<dyn Store>) -> StoreResult<()> {
    let name = document_name("a", Kind::CleanupPlan, "1");
    let commit = async |change| store.commit(&Changes { documents: vec![change], ..Changes::default() }).await;
    assert_eq!(store.document(&name).await?, None);
    commit(DocumentChange::create(name.clone(), content(Some(5), "first"))).await?;
    let first = kept(&*store, &name).await?;
    assert_eq!((first.version, &first.content), (1, &content(Some(5), "first")));
    assert_conflict(&commit(DocumentChange::create(name.clone(), content(None, "twice"))).await);
    commit(DocumentChange::replace(first.clone(), content(None, "second"))).await?;
    assert_conflict(&commit(DocumentChange::replace(first.clone(), content(None, "late"))).await);
    assert_conflict(&commit(DocumentChange::remove(first)).await);
    let second = kept(&*store, &name).await?;
    assert_eq!((second.version, &second.content), (2, &content(None, "second")));
    commit(DocumentChange::remove(second.clone())).await?;
    assert_conflict(&commit(DocumentChange::remove(second)).await);
    assert_eq!(store.document(&name).await?, None);
    assert!(store.is_empty().await?);
    commit(DocumentChange::create(name.clone(), content(None, "anew"))).await?;
    assert_eq!(kept(&*store, &name).await?.version, 1);
    Ok(())
}

/// Documents of several owners and kinds, some due, with keys that are easily mixed up.
pub(super) async fn town(store: Arc<dyn Store>) -> StoreResult<Town> {
    let town = Town::new(store);
    let mut changes = Vec::new();
    for owner in ["", "a", "aa", "b"] {
        for kind in [Kind::CleanupPlan, Kind::Delivery] {
            for (place, key) in ["!", "1", "10", "2", "é", "名 前"].into_iter().enumerate() {
                let due = [None, Some(30), Some(-10), Some(30), Some(20)].into_iter().cycle().nth(place).flatten();
                changes.push(DocumentChange::create(document_name(owner, kind, key), content(due, key)));
            }
        }
    }
    keep(&town, changes).await?;
    Ok(town)
}

async fn compare_documents(town: &Town) -> StoreResult<()> {
    for limit in LIMITS {
        let found = whole::documents(&*town.store, &["", "a", "aa", "b", "c"], limit).await?;
        assert_eq!(found, whole::documents(&town.model, &["", "a", "aa", "b", "c"], limit).await?);
        for until in [-11, -10, 20, 30, 90].map(Time::from_unix) {
            for &kind in Kind::ALL {
                let due = whole::due_documents(&*town.store, kind, until, limit).await?;
                assert_eq!(due, whole::due_documents(&town.model, kind, until, limit).await?);
            }
        }
    }
    compare_in_every_page_size(town).await
}

/// Those of one owner and one kind, whatever the size of the pages.
///
/// # Errors
/// See above.
pub async fn documents_are_paged_by_key(store: Arc<dyn Store>) -> StoreResult<()> {
    let town = town(store).await?;
    assert_eq!(whole::documents(&*town.store, &["a"], 100).await?.len(), 12);
    compare_documents(&town).await
}

/// By moment, owner and key; what is due no longer, or at another moment, stands there no longer.
///
/// # Errors
/// See above.
pub async fn due_documents_come_in_order(store: Arc<dyn Store>) -> StoreResult<()> {
    let town = town(store).await?;
    let due = whole::due_documents(&*town.store, Kind::Delivery, Time::from_unix(20), 100).await?;
    let order: Vec<_> = due.iter().map(|it| (it.name.owner_text(), it.name.key.as_str())).collect();
    let early = ["", "a", "aa", "b"].map(|owner| (owner, "10"));
    let late = ["", "a", "aa", "b"].map(|owner| (owner, "é"));
    assert_eq!(order, [early, late].concat());
    let read = async |owner, key| kept(&*town.store, &document_name(owner, Kind::Delivery, key)).await;
    let changes = vec![
        DocumentChange::replace(read("a", "10").await?, content(None, "never")),
        DocumentChange::replace(read("a", "1").await?, content(Some(25), "sooner")),
        DocumentChange::replace(read("a", "2").await?, content(Some(30), "as before")),
        DocumentChange::replace(read("a", "!").await?, content(Some(1), "now due")),
        DocumentChange::remove(read("b", "10").await?),
    ];
    keep(&town, changes).await?;
    compare_documents(&town).await
}

/// One commit, all of it or nothing.
///
/// # Errors
/// See above.
pub async fn documents_commit_with_everything_else(store: Arc<dyn Store>) -> StoreResult<()> {
    let name = document_name("a", Kind::Delivery, "1");
    let change = || DocumentChange::create(name.clone(), content(None, "x"));
    let moved = Changes { documents: vec![change()], ..members(vec![member_change("a", 1, 2)]) };
    assert_conflict(&store.commit(&moved).await);
    assert_eq!(store.document(&name).await?, None);
    store.commit(&Changes { documents: vec![change()], ..members(vec![member_change("a", 0, 1)]) }).await?;
    let twice = Changes { documents: vec![change()], ..members(vec![member_change("a", 1, 2)]) };
    assert_conflict(&store.commit(&twice).await);
    assert_eq!(member_version(&*store, "a").await?, Some(1));
    Ok(())
}

/// Those of others, and the host's, stay.
///
/// # Errors
/// See above.
pub async fn erasing_a_member_takes_their_documents(store: Arc<dyn Store>) -> StoreResult<()> {
    let town = town(store).await?;
    town.store.erase_lists(&id("a")).await?;
    town.model.erase_lists(&id("a")).await?;
    assert!(whole::documents(&*town.store, &["a"], 100).await?.is_empty());
    assert_eq!(whole::documents(&*town.store, &["aa"], 100).await?.len(), 12);
    compare_documents(&town).await
}
