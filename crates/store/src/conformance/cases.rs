//! The promises of the port, one by one.

use std::sync::Arc;

use acquaint_core::command::{Action, Command, Engagement, EngagementKind};
use acquaint_core::decide::{Answer, NotificationChange};
use acquaint_core::event::{Event, EventKind, Notification, NotificationKind, RecordedEvent};
use acquaint_core::ids::{EventId, InvitationId, MemberId, NotificationId};
use acquaint_core::member::{Member, Profile};
use acquaint_core::refusal::Refusal;
use acquaint_core::relation::{Invitation, Pair, Relation};
use acquaint_core::time::{Span, Time};
use acquaint_core::view::{ContactList, Direction, InvitationState};
use uuid::Uuid;

use super::whole::{self, scan, unordered};
use super::{Town, documents};
use crate::memory::MemoryStore;
use crate::{
    Changes, Claim, ClaimName, Contact, Due, Job, MemberChange, Order, RelationChange, Store, StoreError, StoreResult,
    Wanted,
};

/// Page sizes that show whether a cursor loses or repeats a line.
pub(super) const LIMITS: [usize; 4] = [1, 2, 3, 100];

#[expect(clippy::expect_used, reason = "the ids are written here")]
pub(super) fn id(text: &str) -> MemberId {
    MemberId::new(text).expect("a legal id")
}

#[expect(clippy::expect_used, reason = "the ids are written here")]
fn pair(a: &str, b: &str) -> Pair {
    Pair::new(&id(a), &id(b)).expect("two members")
}

fn invite(to: &str) -> Action {
    Action::Invite { to: id(to), note: Some(format!("Hello {to}")), to_email: None }
}

fn command(actor: &str, action: Action) -> Command {
    Command { actor: id(actor), action }
}

fn engage(target: &str, text: String) -> Action {
    let engagement = Engagement { kind: EngagementKind::Comment, subject: Some("post".into()), text: Some(text) };
    Action::Engage { target: id(target), engagement }
}

/// Carries out a command that is not refused.
async fn act(town: &mut Town, actor: &str, action: Action) -> StoreResult<Answer> {
    Ok(allowed(town.act(&id(actor), action).await?))
}

/// Sends an invitation and says which it is.
async fn send(town: &mut Town, from: &str, to: &str) -> StoreResult<InvitationId> {
    Ok(sent(act(town, from, invite(to)).await?))
}

#[expect(clippy::panic, reason = "a test fails by it")]
fn allowed(outcome: Result<Answer, Refusal>) -> Answer {
    outcome.unwrap_or_else(|refusal| panic!("refused: {refusal}"))
}

#[expect(clippy::panic, reason = "a test fails by it")]
fn sent(answer: Answer) -> InvitationId {
    match answer {
        Answer::Invited { invitation, .. } => invitation.id,
        other => panic!("not an invitation: {other:?}"),
    }
}

fn member(name: &str, version: u64) -> Arc<Member> {
    Arc::new(Member { version, ..Member::new(id(name)) })
}

pub(super) fn member_change(name: &str, before: u64, after: u64) -> MemberChange {
    MemberChange { before: member(name, before), after: Some(member(name, after)) }
}

fn relation(a: &str, b: &str, version: u64) -> Arc<Relation> {
    Arc::new(Relation { version, ..Relation::new(pair(a, b)) })
}

fn relation_change(a: &str, b: &str, before: u64, after: u64) -> RelationChange {
    RelationChange { before: relation(a, b, before), steps: vec![Some(relation(a, b, after))] }
}

fn claim(scope: &str, key: &str, at: i64) -> Claim {
    let name = ClaimName { scope: scope.into(), key: key.into() };
    Claim { name, fingerprint: [3; 16], at: Time::from_unix(at), answer: Answer::Done }
}

pub(super) fn members(changes: Vec<MemberChange>) -> Changes {
    Changes { members: changes, ..Changes::default() }
}

fn relations(changes: Vec<RelationChange>) -> Changes {
    Changes { relations: changes, ..Changes::default() }
}

pub(super) async fn member_version(store: &dyn Store, name: &str) -> StoreResult<Option<u64>> {
    let wanted = Wanted { members: vec![id(name)], ..Wanted::default() };
    Ok(store.load(&wanted).await?.members.into_iter().flatten().map(|member| member.version).next())
}

async fn relation_version(store: &dyn Store, a: &str, b: &str) -> StoreResult<Option<u64>> {
    let wanted = Wanted { relations: vec![pair(a, b)], ..Wanted::default() };
    Ok(store.load(&wanted).await?.relations.into_iter().flatten().map(|relation| relation.version).next())
}

pub(super) fn assert_conflict(outcome: &StoreResult<()>) {
    assert!(matches!(outcome, Err(StoreError::Conflict)), "expected a conflict, got {outcome:?}");
}

pub(super) async fn compare_in_every_page_size(town: &Town) -> StoreResult<()> {
    for limit in LIMITS {
        town.compare(limit).await?;
        town.compare_records(limit).await?;
    }
    Ok(())
}

/// What was never written is absent, and every list is empty.
///
/// # Errors
/// Those of the store, as in every case below.
pub async fn an_empty_store_has_nothing(store: Arc<dyn Store>) -> StoreResult<()> {
    store.health().await?;
    assert!(!store.name().is_empty());
    assert!(store.is_empty().await?);
    assert!(store.load(&Wanted::default()).await?.members.is_empty());
    store.commit(&Changes::default()).await?;
    store.restore(&[]).await?;
    store.erase_lists(&id("a")).await?;
    assert!(!store.forget_claims(Time::MAX, 10).await?);
    let mut town = Town::new(store);
    town.members = [id("a"), id("b"), id("c")].into();
    town.invitations.push((InvitationId(Uuid::from_u128(1)), id("a"), id("b")));
    town.claims.push(ClaimName { scope: "a".into(), key: "k".into() });
    compare_in_every_page_size(&town).await
}

/// One answer for each name, also for a name that is wanted twice or of which nothing is known.
///
/// # Errors
/// See above.
pub async fn rows_are_loaded_in_the_order_in_which_they_are_wanted(store: Arc<dyn Store>) -> StoreResult<()> {
    let mut town = Town::new(store);
    let first = send(&mut town, "b", "a").await?;
    send(&mut town, "c", "a").await?;
    let claimed = town.claims.clone();
    let unknown = ClaimName { scope: "nobody".into(), key: String::new() };
    let wanted = Wanted {
        members: ["c", "x", "a", "c"].map(id).to_vec(),
        relations: vec![pair("c", "a"), pair("b", "c"), pair("a", "b")],
        invitations: vec![(id("a"), first), (id("b"), first), (id("c"), first)],
        claims: claimed.iter().rev().cloned().chain([unknown]).collect(),
        seen: None,
    };
    let loaded = town.store.load(&wanted).await?;
    let members: Vec<_> = loaded.members.into_iter().map(|row| row.map(|row| row.id)).collect();
    assert_eq!(members, [Some(id("c")), None, Some(id("a")), Some(id("c"))]);
    let relations: Vec<_> = loaded.relations.into_iter().map(|row| row.map(|row| row.pair)).collect();
    assert_eq!(relations, [Some(pair("a", "c")), None, Some(pair("a", "b"))]);
    let seen: Vec<_> = loaded.invitations.into_iter().map(|view| view.map(|view| view.direction)).collect();
    assert_eq!(seen, [Some(Direction::Received), Some(Direction::Sent), None]);
    let names: Vec<_> = loaded.claims.into_iter().map(|claim| claim.map(|claim| claim.name)).collect();
    assert_eq!(names, claimed.into_iter().rev().map(Some).chain([None]).collect::<Vec<_>>());
    Ok(())
}

/// A member's row is written over the version that was read, and over no other.
///
/// # Errors
/// See above.
pub async fn a_member_that_moved_is_a_conflict(store: Arc<dyn Store>) -> StoreResult<()> {
    assert_conflict(&store.commit(&members(vec![member_change("a", 1, 2)])).await);
    store.commit(&members(vec![member_change("a", 0, 1)])).await?;
    assert_conflict(&store.commit(&members(vec![member_change("a", 0, 1)])).await);
    store.commit(&members(vec![member_change("a", 1, 5)])).await?;
    assert_conflict(&store.commit(&members(vec![member_change("a", 1, 2)])).await);
    assert_conflict(&store.commit(&members(vec![MemberChange { before: member("a", 4), after: None }])).await);
    assert_eq!(member_version(&*store, "a").await?, Some(5));
    store.commit(&members(vec![MemberChange { before: member("a", 5), after: None }])).await?;
    assert_eq!(member_version(&*store, "a").await?, None);
    assert_conflict(&store.commit(&members(vec![MemberChange { before: member("a", 5), after: None }])).await);
    assert!(store.is_empty().await?);
    Ok(())
}

/// As for members.
///
/// # Errors
/// See above.
pub async fn a_relation_that_moved_is_a_conflict(store: Arc<dyn Store>) -> StoreResult<()> {
    let removal = |version| RelationChange { before: relation("a", "b", version), steps: vec![None] };
    assert_conflict(&store.commit(&relations(vec![relation_change("a", "b", 1, 2)])).await);
    store.commit(&relations(vec![relation_change("a", "b", 0, 1)])).await?;
    assert_conflict(&store.commit(&relations(vec![relation_change("b", "a", 0, 1)])).await);
    store.commit(&relations(vec![relation_change("a", "b", 1, 2)])).await?;
    assert_conflict(&store.commit(&relations(vec![relation_change("a", "b", 1, 3)])).await);
    assert_conflict(&store.commit(&relations(vec![removal(1)])).await);
    assert_eq!(relation_version(&*store, "b", "a").await?, Some(2));
    store.commit(&relations(vec![removal(2)])).await?;
    assert_eq!(relation_version(&*store, "a", "b").await?, None);
    assert_conflict(&store.commit(&relations(vec![removal(2)])).await);
    assert!(store.is_empty().await?);
    Ok(())
}

/// A change without a step writes nothing, and holds only on the version that was read.
///
/// # Errors
/// See above.
pub async fn an_unchanged_relation_is_a_precondition_too(store: Arc<dyn Store>) -> StoreResult<()> {
    let unchanged = |version| RelationChange { before: relation("a", "b", version), steps: Vec::new() };
    store.commit(&relations(vec![unchanged(0)])).await?;
    assert!(store.is_empty().await?);
    assert_conflict(&store.commit(&relations(vec![unchanged(1)])).await);
    store.commit(&relations(vec![relation_change("a", "b", 0, 1)])).await?;
    store.commit(&relations(vec![unchanged(1)])).await?;
    assert_conflict(&store.commit(&relations(vec![unchanged(0)])).await);
    assert_eq!(relation_version(&*store, "a", "b").await?, Some(1));
    Ok(())
}

/// A key is used once in its scope.
///
/// # Errors
/// See above.
pub async fn a_claim_is_made_once(store: Arc<dyn Store>) -> StoreResult<()> {
    let make = |claim: Claim| Changes { claims: vec![claim], ..Changes::default() };
    // Scope and key are told apart, however they are put together.
    let names =
        [("a", "k"), ("a", "kk"), ("ak", "k"), ("b", "k"), ("", "ak"), ("ak", ""), ("a\u{1}", "k"), ("a", "\u{1}k")];
    for (scope, key) in names {
        store.commit(&make(claim(scope, key, 10))).await?;
    }
    for (scope, key) in names {
        assert_conflict(&store.commit(&make(Claim { fingerprint: [4; 16], ..claim(scope, key, 20) })).await);
        let wanted = Wanted { claims: vec![claim(scope, key, 0).name], ..Wanted::default() };
        assert_eq!(store.load(&wanted).await?.claims, [Some(claim(scope, key, 10))]);
    }
    Ok(())
}

/// All of a commit, or nothing.
///
/// # Errors
/// See above.
pub async fn a_conflict_writes_nothing(store: Arc<dyn Store>) -> StoreResult<()> {
    let mut town = Town::new(store);
    send(&mut town, "a", "b").await?;
    let taken = town.claims.clone().into_iter().next();
    let event =
        Event { at: town.now, actor: id("a"), subject: id("b"), invitation: None, kind: EventKind::ConnectionRemoved };
    let notification = Notification {
        id: NotificationId(town.fresh_id()),
        at: town.now,
        about: id("a"),
        invitation: None,
        kind: NotificationKind::InvitationAccepted,
    };
    let good = Changes {
        members: vec![member_change("c", 0, 1)],
        relations: vec![relation_change("c", "a", 0, 1)],
        notifications: vec![NotificationChange::Put(id("b"), notification)],
        events: vec![RecordedEvent { id: EventId(town.fresh_id()), event }],
        claims: vec![claim("c", "new", 1)],
        ..Changes::default()
    };
    let stale = [
        Changes { members: [good.members.clone(), vec![member_change("a", 9, 10)]].concat(), ..good.clone() },
        Changes { relations: [good.relations.clone(), vec![relation_change("a", "b", 0, 1)]].concat(), ..good.clone() },
        Changes {
            claims: good.claims.iter().cloned().chain(taken.map(|name| Claim { name, ..claim("", "", 1) })).collect(),
            ..good.clone()
        },
    ];
    town.members.insert(id("c"));
    town.claims.push(claim("c", "new", 1).name);
    for changes in stale {
        assert_conflict(&town.store.commit(&changes).await);
        town.compare(100).await?;
        town.compare_records(100).await?;
    }
    town.store.commit(&good).await?;
    town.model.commit(&good).await?;
    compare_in_every_page_size(&town).await
}

/// Newest first and oldest first, from any place, in pages of any size.
///
/// # Errors
/// See above.
pub async fn pending_invitations_are_paged_from_both_ends(store: Arc<dyn Store>) -> StoreResult<()> {
    let mut town = Town::new(store);
    let mut all = Vec::new();
    // Recipients in an order that is not that of their ids; several in one second.
    for (place, to) in ["m", "b", "z", "a", "k", "ka", "é"].into_iter().enumerate() {
        all.push(send(&mut town, "me", to).await?);
        send(&mut town, to, "you").await?;
        town.wait(Span::seconds(u64::from(place % 2 == 0)));
    }
    for limit in LIMITS {
        let oldest = whole::pending(&*town.store, &id("me"), Direction::Sent, Order::Oldest, limit).await?;
        let newest = whole::pending(&*town.store, &id("me"), Direction::Sent, Order::Newest, limit).await?;
        assert_eq!(oldest.iter().map(|view| view.id).collect::<Vec<_>>(), all);
        assert!(newest.iter().eq(oldest.iter().rev()));
        let received = whole::pending(&*town.store, &id("you"), Direction::Received, Order::Newest, limit).await?;
        assert_eq!(received.len(), all.len());
    }
    // A cursor stays good when its own line is gone.
    for place in [3, 0, 6] {
        let Some(&invitation) = all.get(place) else { continue };
        act(&mut town, "me", Action::Withdraw { invitation }).await?;
        let page = crate::PendingPage {
            member: id("me"),
            direction: Direction::Sent,
            order: Order::Oldest,
            after: Some(invitation),
            limit: 1,
            seen: None,
        };
        assert_eq!(town.store.pending(&page).await?, town.model.pending(&page).await?);
    }
    compare_in_every_page_size(&town).await
}

/// By time, those of one moment by id, the latest first.
///
/// # Errors
/// See above.
pub async fn contacts_are_paged_latest_first(store: Arc<dyn Store>) -> StoreResult<()> {
    let mut town = Town::new(store);
    let start = town.now;
    for others in [["m", "b", "z"], ["a", "ma", "é"]] {
        for other in others {
            act(&mut town, "me", Action::Follow { other: id(other) }).await?;
            act(&mut town, other, Action::Follow { other: id("me") }).await?;
            act(&mut town, other, Action::Block { other: id("you") }).await?;
        }
        town.wait(Span::days(1));
    }
    let later = start + Span::days(1);
    let expected = [("é", later), ("ma", later), ("a", later), ("z", start), ("m", start), ("b", start)];
    let expected: Vec<_> = expected.map(|(other, since)| Contact { since, other: id(other) }).into();
    for limit in LIMITS {
        for list in [ContactList::Following, ContactList::Followers] {
            assert_eq!(whole::contacts_of(&*town.store, &id("me"), list, limit).await?, expected);
        }
    }
    act(&mut town, "me", Action::Unfollow { other: id("z") }).await?;
    send(&mut town, "me", "a").await?;
    send(&mut town, "a", "me").await?;
    act(&mut town, "me", Action::Disconnect { other: id("a") }).await?;
    compare_in_every_page_size(&town).await
}

/// What is stored and what follows from pending received invitations, in one order.
///
/// # Errors
/// See above.
pub async fn notifications_have_those_of_pending_invitations_among_them(store: Arc<dyn Store>) -> StoreResult<()> {
    let mut town = Town::new(store);
    let mine = send(&mut town, "me", "z").await?;
    for other in ["b", "a", "c"] {
        act(&mut town, other, engage("me", other.into())).await?;
        send(&mut town, other, "me").await?;
        act(&mut town, other, engage("me", other.into())).await?;
    }
    act(&mut town, "z", Action::Accept { invitation: mine }).await?;
    for limit in LIMITS {
        let found = whole::notifications(&*town.store, &id("me"), limit).await?;
        assert_eq!(found.len(), 10);
        assert!(found.is_sorted_by(|a, b| a.id > b.id));
        assert_eq!(found.iter().filter(|line| line.kind == NotificationKind::InvitationReceived).count(), 3);
    }
    compare_in_every_page_size(&town).await
}

/// Rule 8: nothing about a withdrawn invitation stays with its recipient.
///
/// # Errors
/// See above.
pub async fn retracted_notifications_are_gone(store: Arc<dyn Store>) -> StoreResult<()> {
    let mut town = Town::new(store);
    let invitation = send(&mut town, "a", "b").await?;
    town.wait(Span::days(8));
    act(&mut town, "b", Action::Due { other: id("a") }).await?;
    assert_eq!(whole::notifications(&*town.store, &id("b"), 1).await?.len(), 2);
    act(&mut town, "a", Action::Withdraw { invitation }).await?;
    assert_eq!(whole::notifications(&*town.store, &id("b"), 1).await?, []);
    // Retracting what is not there is no error, and put and retracted at once is never there.
    let line = Notification {
        id: NotificationId(town.fresh_id()),
        at: town.now,
        about: id("a"),
        invitation: None,
        kind: NotificationKind::InvitationReminder,
    };
    let changes = Changes {
        notifications: vec![
            NotificationChange::Remove(id("b"), NotificationId(Uuid::nil())),
            NotificationChange::Put(id("b"), line.clone()),
            NotificationChange::Remove(id("b"), line.id),
        ],
        ..Changes::default()
    };
    town.store.commit(&changes).await?;
    compare_in_every_page_size(&town).await
}

/// What falls due after a withdrawal is kept like any other (rule 41).
///
/// # Errors
/// See above.
pub async fn the_end_of_a_wait_falls_due(store: Arc<dyn Store>) -> StoreResult<()> {
    let mut town = Town::new(store);
    town.policy.invitation.resend_after_withdrawal = Span::days(21);
    let invitation = send(&mut town, "a", "b").await?;
    act(&mut town, "a", Action::Withdraw { invitation }).await?;
    town.wait(Span::days(21));
    let due = town.store.due(None, town.now, 10).await?;
    assert_eq!(due.iter().map(|due| due.at).collect::<Vec<_>>(), [town.now]);
    act(&mut town, "a", Action::Due { other: id("b") }).await?;
    let told = whole::notifications(&*town.store, &id("a"), 1).await?;
    assert_eq!(told.iter().map(|line| line.kind.clone()).collect::<Vec<_>>(), [NotificationKind::MayInviteAgain]);
    let last = whole::events(&*town.store, 100).await?.pop();
    assert_eq!(last.map(|event| event.event.kind), Some(EventKind::InvitationWaitEnded));
    assert_eq!(town.store.due(None, town.now, 10).await?, []);
    compare_in_every_page_size(&town).await
}

/// Events come in the order of commits, after any place.
///
/// # Errors
/// See above.
pub async fn events_follow_the_order_of_commits(store: Arc<dyn Store>) -> StoreResult<()> {
    let mut town = Town::new(store);
    assert_eq!(town.store.last_event().await?, None);
    for other in ["z", "b", "y", "a"] {
        send(&mut town, "me", other).await?;
        town.wait(Span::seconds(1));
    }
    let all = whole::events(&*town.store, 100).await?;
    let subjects: Vec<_> = all.iter().map(|event| event.event.subject.as_str()).collect();
    assert_eq!(subjects, ["z", "b", "y", "a"]);
    assert_eq!(town.store.last_event().await?, all.last().map(|event| event.id));
    for (place, event) in all.iter().enumerate() {
        assert!(town.store.events(Some(event.id), 100).await?.iter().eq(all.iter().skip(place + 1)));
    }
    compare_in_every_page_size(&town).await
}

/// An engine that joins, promises and leaves writes nothing that anybody reads, and what it commits
/// in between is there.
///
/// # Errors
/// See above.
pub async fn an_engine_that_is_alone_sees_its_own_events(store: Arc<dyn Store>) -> StoreResult<()> {
    let first = EventId(Uuid::from_u128(1));
    assert_eq!(store.join(first).await?, None, "nobody was here before");
    for job in Job::ALL {
        assert!(store.hold(job).await?, "nobody else could hold {job:?}");
    }
    let mut town = Town::new(store);
    send(&mut town, "me", "a").await?;
    let last = town.store.last_event().await?;
    assert_eq!(whole::events(&*town.store, 100).await?.last().map(|event| event.id), last);
    town.store.commit(&Changes { promise: last, ..Changes::default() }).await?;
    town.compare(100).await?;
    town.store.leave().await?;
    compare_in_every_page_size(&town).await?;
    let after = town.store.join(first).await?;
    assert!(town.store.is_sole_owner() || after >= last, "ids must come after what was written, not after {after:?}");
    town.store.leave().await
}

/// By moment, then by pair; after a place, up to a moment with it.
///
/// # Errors
/// See above.
pub async fn what_is_due_comes_in_order(store: Arc<dyn Store>) -> StoreResult<()> {
    let mut town = Town::new(store);
    for (from, to) in [("m", "a"), ("b", "z"), ("a", "b"), ("é", "m")] {
        send(&mut town, from, to).await?;
        send(&mut town, to, "you").await?;
        town.wait(Span::seconds(1));
    }
    let all = whole::due(&*town.store, Time::MAX, 100).await?;
    assert_eq!(all.len(), 8);
    assert!(all.is_sorted());
    let moments: Vec<Time> = all.iter().map(|due| due.at).collect();
    for limit in LIMITS {
        assert_eq!(whole::due(&*town.store, Time::MAX, limit).await?, all);
        for &until in &moments {
            let expected: Vec<&Due> = all.iter().filter(|due| due.at <= until).collect();
            assert!(whole::due(&*town.store, until, limit).await?.iter().eq(expected));
        }
        assert!(whole::due(&*town.store, Time::MIN, limit).await?.is_empty());
    }
    compare_in_every_page_size(&town).await
}

/// What was withdrawn, answered or ended is never due again, and what was reminded of is due later.
///
/// # Errors
/// See above.
pub async fn what_ended_is_no_longer_due(store: Arc<dyn Store>) -> StoreResult<()> {
    let mut town = Town::new(store);
    let withdrawn = send(&mut town, "a", "b").await?;
    let accepted = send(&mut town, "a", "c").await?;
    let declined = send(&mut town, "a", "d").await?;
    send(&mut town, "a", "e").await?;
    let first = town.now + Span::days(7);
    act(&mut town, "a", Action::Withdraw { invitation: withdrawn }).await?;
    act(&mut town, "c", Action::Accept { invitation: accepted }).await?;
    act(&mut town, "d", Action::Decline { invitation: declined, complaint: None }).await?;
    assert_eq!(whole::due(&*town.store, first, 10).await?, [Due { at: first, pair: pair("a", "e") }]);
    town.wait(Span::days(7));
    act(&mut town, "e", Action::Due { other: id("a") }).await?;
    assert_eq!(whole::due(&*town.store, first, 10).await?, []);
    compare_in_every_page_size(&town).await?;
    town.wait(Span::days(180));
    for other in ["e", "d"] {
        act(&mut town, "a", Action::Due { other: id(other) }).await?;
    }
    assert_eq!(whole::due(&*town.store, Time::MAX, 10).await?, []);
    compare_in_every_page_size(&town).await
}

/// Everybody with whom there is a relation, whatever it holds, and nobody else.
///
/// # Errors
/// See above.
pub async fn everybody_related_is_found(store: Arc<dyn Store>) -> StoreResult<()> {
    let mut town = Town::new(store);
    send(&mut town, "me", "z").await?;
    act(&mut town, "a", Action::Follow { other: id("me") }).await?;
    act(&mut town, "me", Action::Block { other: id("mea") }).await?;
    act(&mut town, "é", Action::Block { other: id("me") }).await?;
    act(&mut town, "é", Action::Unblock { other: id("me") }).await?;
    send(&mut town, "mea", "z").await?;
    for limit in LIMITS {
        assert_eq!(whole::related(&*town.store, &id("me"), limit).await?, ["a", "mea", "z", "é"].map(id));
    }
    compare_in_every_page_size(&town).await
}

/// A newer invitation takes the place in the relation; the older stays as it ended, for each side
/// as that side may know it.
///
/// # Errors
/// See above.
pub async fn a_superseded_invitation_stays_as_past(store: Arc<dyn Store>) -> StoreResult<()> {
    let mut town = Town::new(store);
    let first = send(&mut town, "a", "b").await?;
    act(&mut town, "a", Action::Withdraw { invitation: first }).await?;
    let second = send(&mut town, "a", "b").await?;
    act(&mut town, "b", Action::Decline { invitation: second, complaint: None }).await?;
    act(&mut town, "a", Action::Withdraw { invitation: second }).await?;
    let third = send(&mut town, "a", "b").await?;
    let wanted = Wanted {
        invitations: [first, second, third].into_iter().flat_map(|i| [(id("a"), i), (id("b"), i)]).collect(),
        ..Wanted::default()
    };
    let states: Vec<_> =
        town.store.load(&wanted).await?.invitations.into_iter().map(|view| view.map(|view| view.state)).collect();
    let expected = [
        InvitationState::Withdrawn,
        InvitationState::Gone,
        InvitationState::Withdrawn,
        InvitationState::Declined,
        InvitationState::Pending,
        InvitationState::Pending,
    ];
    assert_eq!(states, expected.map(Some));
    compare_in_every_page_size(&town).await
}

/// Several commands of one pair in one commit leave what they would have left one by one.
///
/// # Errors
/// See above.
pub async fn steps_of_one_commit_each_leave_their_past(store: Arc<dyn Store>) -> StoreResult<()> {
    let mut town = Town::new(store);
    let withdraw_last = |town: &Town| {
        let invitation = town.invitations.last().map_or(InvitationId(Uuid::nil()), |sent| sent.0);
        command("a", Action::Withdraw { invitation })
    };
    let send = |_: &Town| command("a", invite("b"));
    let steps: [&dyn Fn(&Town) -> Command; 5] = [&send, &withdraw_last, &send, &withdraw_last, &send];
    let outcomes = town.act_in_turn(steps).await?;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(relation_version(&*town.store, "a", "b").await?, Some(5));
    assert_eq!(whole::pending(&*town.store, &id("b"), Direction::Received, Order::Newest, 10).await?.len(), 1);
    let past = scan(&*town.store, 10).await?;
    assert_eq!(past.iter().filter(|record| matches!(record, crate::Record::Past { .. })).count(), 4);
    compare_in_every_page_size(&town).await
}

/// With a relation go its lines and what was due, on both sides.
///
/// # Errors
/// See above.
pub async fn a_removed_relation_leaves_no_line(store: Arc<dyn Store>) -> StoreResult<()> {
    let mut town = Town::new(store);
    let past = send(&mut town, "b", "a").await?;
    act(&mut town, "a", Action::Decline { invitation: past, complaint: None }).await?;
    act(&mut town, "b", Action::Withdraw { invitation: past }).await?;
    send(&mut town, "a", "b").await?;
    act(&mut town, "a", Action::Follow { other: id("b") }).await?;
    act(&mut town, "b", Action::Follow { other: id("a") }).await?;
    send(&mut town, "a", "c").await?;
    act(&mut town, "a", Action::Forget { other: id("b") }).await?;
    assert_eq!(whole::related(&*town.store, &id("a"), 10).await?, [id("c")]);
    assert_eq!(whole::related(&*town.store, &id("b"), 10).await?, []);
    assert_eq!(whole::due(&*town.store, Time::MAX, 10).await?.len(), 1);
    compare_in_every_page_size(&town).await?;
    send(&mut town, "b", "a").await?;
    assert_eq!(relation_version(&*town.store, "a", "b").await?, Some(1));
    compare_in_every_page_size(&town).await
}

/// Made and removed at once: nothing remains, neither of the row nor of its lines.
///
/// # Errors
/// See above.
pub async fn a_relation_made_and_removed_in_one_commit_was_never_there(store: Arc<dyn Store>) -> StoreResult<()> {
    let mut town = Town::new(store);
    let commands =
        [command("a", invite("b")), command("b", Action::Forget { other: id("a") }), command("c", invite("a"))];
    let outcomes = town.act_together(&commands).await?;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(relation_version(&*town.store, "a", "b").await?, None);
    compare_in_every_page_size(&town).await?;
    // Removed and made again at once.
    let commands = [command("a", Action::Forget { other: id("c") }), command("a", invite("c"))];
    let outcomes = town.act_together(&commands).await?;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(relation_version(&*town.store, "a", "c").await?, Some(1));
    compare_in_every_page_size(&town).await
}

/// An erased member may be registered anew.
///
/// # Errors
/// See above.
pub async fn a_removed_member_can_come_back(store: Arc<dyn Store>) -> StoreResult<()> {
    let mut town = Town::new(store);
    let register = || Action::Register { profile: Profile { name: Some("Ann".into()), ..Profile::default() } };
    act(&mut town, "a", register()).await?;
    act(&mut town, "a", Action::BeginErasure).await?;
    act(&mut town, "a", Action::FinishErasure).await?;
    assert_eq!(member_version(&*town.store, "a").await?, None);
    compare_in_every_page_size(&town).await?;
    act(&mut town, "a", register()).await?;
    assert_eq!(member_version(&*town.store, "a").await?, Some(1));
    compare_in_every_page_size(&town).await
}

/// Erasing a member's lists takes theirs, and not those of members with similar names.
///
/// # Errors
/// See above.
pub async fn erasing_lists_leaves_those_of_others(store: Arc<dyn Store>) -> StoreResult<()> {
    let mut town = Town::new(store);
    for name in ["a", "a!", "aa", "b"] {
        let invitation = send(&mut town, name, "z").await?;
        act(&mut town, name, Action::Withdraw { invitation }).await?;
        act(&mut town, "z", engage(name, "Well said".into())).await?;
        send(&mut town, "z", name).await?;
    }
    town.store.erase_lists(&id("a")).await?;
    town.model.erase_lists(&id("a")).await?;
    // The row of the relation is removed by a commit of its own: a pending invitation is still there.
    assert_eq!(whole::notifications(&*town.store, &id("a"), 10).await?.len(), 1);
    assert_eq!(whole::notifications(&*town.store, &id("aa"), 10).await?.len(), 2);
    compare_in_every_page_size(&town).await
}

/// Those made before the moment go, a few at a time; those made at it stay.
///
/// # Errors
/// See above.
pub async fn old_claims_are_forgotten(store: Arc<dyn Store>) -> StoreResult<()> {
    let mut town = Town::new(store);
    let claims: Vec<Claim> =
        (0..20_i64).map(|n| claim(if n % 2 == 0 { "b" } else { "a" }, &format!("{n:02}"), n)).collect();
    town.claims = claims.iter().map(|claim| claim.name.clone()).collect();
    let changes = Changes { claims, ..Changes::default() };
    town.store.commit(&changes).await?;
    town.model.commit(&changes).await?;
    let before = Time::from_unix(10);
    let mut calls = 0;
    while town.store.forget_claims(before, 3).await? {
        calls += 1;
        assert!(calls < 50, "forgetting claims does not end");
    }
    while town.model.forget_claims(before, 3).await? {}
    compare_in_every_page_size(&town).await?;
    // A forgotten key may be used again.
    let again = Changes { claims: vec![claim("a", "01", 30), claim("b", "00", 30)], ..Changes::default() };
    town.store.commit(&again).await?;
    town.model.commit(&again).await?;
    compare_in_every_page_size(&town).await
}

/// A community with something of everything in it.
async fn lively(store: Arc<dyn Store>) -> StoreResult<Town> {
    let mut town = documents::town(store).await?;
    let names = ["a", "ab", "b", "é", "名前"];
    for (place, from) in names.into_iter().enumerate() {
        let profile = Profile { email: Some(format!("{place}@example.org")), ..Profile::default() };
        act(&mut town, from, Action::Register { profile }).await?;
        for to in names.into_iter().filter(|to| *to != from) {
            town.act(&id(from), invite(to)).await?.ok();
            act(&mut town, from, engage(to, "Nice".into())).await?;
            town.wait(Span::hours(1));
        }
    }
    let first = send(&mut town, "x", "a").await?;
    act(&mut town, "a", Action::Decline { invitation: first, complaint: None }).await?;
    act(&mut town, "x", Action::Withdraw { invitation: first }).await?;
    send(&mut town, "x", "a").await?;
    send(&mut town, "y", "a").await?;
    town.wait(Span::days(8));
    act(&mut town, "a", Action::Due { other: id("y") }).await?;
    act(&mut town, "b", Action::Disconnect { other: id("é") }).await?;
    act(&mut town, "b", Action::Block { other: id("é") }).await?;
    act(&mut town, "é", Action::Follow { other: id("b") }).await?;
    act(&mut town, "a", Action::MarkRead { up_to: None }).await?;
    Ok(town)
}

/// Every record comes once, whatever the size of the pages.
///
/// # Errors
/// See above.
pub async fn a_scan_has_every_record_once(store: Arc<dyn Store>) -> StoreResult<()> {
    let town = lively(store).await?;
    assert!(!town.store.is_empty().await?);
    let all = scan(&*town.store, 1_000).await?;
    for limit in [1, 2, 7, all.len(), all.len() + 1] {
        assert_eq!(scan(&*town.store, limit).await?, all, "{limit} a page");
    }
    compare_in_every_page_size(&town).await
}

/// What tells of the past is scanned by itself, and every second record of it is removed on the way:
/// the places of the pages stay good.
///
/// # Errors
/// See above.
pub async fn history_is_scanned_and_removed(store: Arc<dyn Store>) -> StoreResult<()> {
    let town = lively(store).await?;
    let claims: Vec<Claim> = (0..4).map(|n| claim("host/a", &n.to_string(), n)).collect();
    let changes = Changes { claims, ..Changes::default() };
    town.store.commit(&changes).await?;
    town.model.commit(&changes).await?;
    let told = |records: &[crate::Record]| {
        let mut told: Vec<String> = records.iter().map(|record| format!("{record:?}")).collect();
        told.sort();
        told
    };
    let mut all = scan(&*town.store, 1_000).await?;
    all.retain(crate::Record::is_history);
    for limit in [1, 3, all.len() + 1] {
        let (mut found, mut from) = (Vec::new(), None);
        while found.len() <= all.len() {
            let page = town.store.scan_history(from.as_ref(), limit).await?;
            assert!(page.records.len() <= limit);
            from = page.next;
            found.extend(page.records);
            if from.is_none() {
                break;
            }
        }
        assert_eq!(told(&found), told(&all), "{limit} a page");
    }
    let (mut from, mut removed) = (None, 0);
    loop {
        let page = town.store.scan_history(from.as_ref(), 3).await?;
        let Some(next) = page.next else { break };
        from = Some(next);
        let second: Vec<_> = page.records.into_iter().skip(removed % 2).step_by(2).collect();
        removed += second.len();
        town.store.remove_history(&second).await?;
        town.store.remove_history(&second).await?;
        town.model.remove_history(&second).await?;
    }
    assert!(removed > 5, "{removed} were removed");
    let members: Vec<_> = scan(&*town.store, 1_000).await?.into_iter().filter(|record| !record.is_history()).collect();
    town.store.remove_history(&members).await?;
    compare_in_every_page_size(&town).await
}

/// Records of one kind of store, in whatever order they come, make the same community in another,
/// which can go on.
///
/// # Errors
/// See above.
pub async fn what_is_scanned_can_be_restored(store: Arc<dyn Store>) -> StoreResult<()> {
    let mut town = lively(Arc::new(MemoryStore::new())).await?;
    let mut records = scan(&town.model, 100).await?;
    records.reverse();
    for page in records.chunks(7) {
        store.restore(page).await?;
    }
    assert_eq!(unordered(&scan(&*store, 10).await?), unordered(&records));
    town.store = store;
    compare_in_every_page_size(&town).await?;
    // Restoring the same again, as after an interruption, changes nothing.
    town.store.restore(&records).await?;
    compare_in_every_page_size(&town).await?;
    send(&mut town, "z", "a").await?;
    act(&mut town, "b", Action::Unblock { other: id("é") }).await?;
    compare_in_every_page_size(&town).await
}

/// Ids that are prefixes of each other, of the greatest length, and at both ends of what is legal.
///
/// # Errors
/// See above.
pub async fn every_legal_id_is_kept_apart(store: Arc<dyn Store>) -> StoreResult<()> {
    let mut town = Town::new(store);
    let (longest, one_less) = ("x".repeat(MemberId::MAX_BYTES), "x".repeat(MemberId::MAX_BYTES - 1));
    let wide = "名".repeat(MemberId::MAX_BYTES / 3);
    let names = [
        "!",
        "!!",
        "\"",
        "$",
        "*",
        "a",
        "a!",
        "a:",
        "a|b",
        "a\\",
        "aa",
        "A",
        "~",
        "~~",
        "\u{a1}",
        "é",
        "e\u{301}",
        "ÿ",
        "\u{200b}",
        "名",
        "名前",
        "\u{fffd}",
        "\u{ffff}",
        "🦀",
        "\u{10ffff}",
        "\u{10ffff}\u{10ffff}",
        &wide,
        &one_less,
        &longest,
    ];
    for (place, from) in names.into_iter().enumerate() {
        let to = names.get((place + 1) % names.len()).copied().unwrap_or(from);
        send(&mut town, from, to).await?;
        act(&mut town, from, engage(to, from.to_owned())).await?;
        act(&mut town, from, Action::Follow { other: id(to) }).await?;
        let invitation = send(&mut town, from, "me").await?;
        if place % 2 == 0 {
            act(&mut town, from, Action::Withdraw { invitation }).await?;
        }
    }
    town.compare(1).await?;
    town.compare(100).await?;
    town.compare_records(7).await
}

/// A long note, a long text, a long audience, a full log of sends, a long key.
///
/// # Errors
/// See above.
pub async fn rows_may_be_big(store: Arc<dyn Store>) -> StoreResult<()> {
    let mut town = Town::new(store);
    town.policy.invitation.note_max_basic = 1_000_000;
    let profile = Profile { audience: (0..2_000).map(|n| format!("tag {n} of many")).collect(), ..Profile::default() };
    act(&mut town, "a", Action::Register { profile }).await?;
    let note = Some("Ein langer Gruß. ".repeat(4_000));
    act(&mut town, "a", Action::Invite { to: id("b"), note, to_email: None }).await?;
    act(&mut town, "a", engage("b", "é".repeat(100_000))).await?;
    let mut busy = Member { version: 1, ..Member::new(id("busy")) };
    for second in 0..4_000 {
        busy.ledger.sends.record(Time::from_unix(second * 7), Span::MAX);
    }
    let mut reminded = Relation { version: 1, ..Relation::new(pair("a", "busy")) };
    reminded.side_mut(&id("a")).invitation = Some(Invitation {
        id: InvitationId(town.fresh_id()),
        note: None,
        sent_at: town.now,
        expires_at: None,
        end: None,
        kept: None,
        reminder_moments: 16,
        reminders: (0..16).map(|n| NotificationId(Uuid::from_u128(n))).collect(),
        next_due: None,
    });
    let changes = Changes {
        members: vec![MemberChange { before: member("busy", 0), after: Some(Arc::new(busy)) }],
        relations: vec![RelationChange { before: relation("a", "busy", 0), steps: vec![Some(Arc::new(reminded))] }],
        claims: vec![claim("a", &"k".repeat(255), 1)],
        ..Changes::default()
    };
    town.store.commit(&changes).await?;
    town.model.commit(&changes).await?;
    town.members.insert(id("busy"));
    town.claims.push(claim("a", &"k".repeat(255), 1).name);
    compare_in_every_page_size(&town).await
}

/// The engine commits what many commands changed at once.
///
/// # Errors
/// See above.
pub async fn a_commit_may_carry_hundreds_of_relations(store: Arc<dyn Store>) -> StoreResult<()> {
    let mut town = Town::new(store);
    let commands: Vec<Command> = (0..500).map(|n| command("hub", invite(&format!("m{n}")))).collect();
    let outcomes = town.act_together(&commands).await?;
    assert!(outcomes.iter().all(Result::is_ok));
    for limit in [7, 100, 500, 1_000] {
        let found = whole::pending(&*town.store, &id("hub"), Direction::Sent, Order::Newest, limit).await?;
        assert_eq!(found.len(), 500, "{limit} a page");
    }
    assert_eq!(whole::due(&*town.store, Time::MAX, 64).await?.len(), 500);
    assert_eq!(whole::related(&*town.store, &id("hub"), 64).await?.len(), 500);
    town.compare_records(64).await
}
