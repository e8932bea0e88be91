//! The engine: batches, keys, faults, limits, a clean stop.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::sync::Arc;

use acquaint_app::{EngineConfig, Network, Request, SubmitError};
use acquaint_core::command::Action;
use acquaint_core::decide::Answer;
use acquaint_core::policy::Preset;
use acquaint_core::refusal::{Code, Refusal};
use acquaint_core::time::{Span, Time};
use acquaint_core::view::{Direction, InvitationState};
use acquaint_store::memory::MemoryStore;
use acquaint_store::{Store, StoreError};
use common::{
    Fault, Faulty, invitation_of, invite, keyed, member, memory, network, pending, request, sent, start_time,
};
use proptest::prelude::*;

#[tokio::test]
async fn commands_of_one_batch_see_each_other() {
    let network = memory(Preset::Linkedin).await;
    let outcomes =
        network.submit_all(vec![invite("ann", "bo"), invite("bo", "ann"), invite("ann", "bo")]).await.unwrap();
    let states: Vec<_> =
        outcomes[..2].iter().map(|outcome| invitation_of(outcome.as_ref().unwrap().as_ref().unwrap()).state).collect();
    assert_eq!(states, [InvitationState::Pending, InvitationState::Accepted]);
    assert_eq!(outcomes[2].as_ref().unwrap().as_ref().unwrap_err().code, Code::AlreadyConnected);
}

/// Rule 13, where the answer comes so soon that the store still has the invitation pending.
#[tokio::test]
async fn an_invitation_that_is_replaced_in_the_same_batch_is_no_longer_available() {
    let network = memory(Preset::Open).await;
    let sent = network.submit(invite("a", "b")).await.unwrap().unwrap();
    let invitation = invitation_of(&sent).id;
    let accept = request("b", Action::Accept { invitation });
    let batch = vec![request("a", Action::Withdraw { invitation }), invite("a", "b"), accept];
    let outcomes = network.submit_all(batch).await.unwrap();
    let refused = outcomes.last().unwrap().as_ref().unwrap().as_ref().unwrap_err();
    assert_eq!(refused.code, Code::NoLongerAvailable);
}

#[tokio::test]
async fn a_key_answers_like_the_first_time() {
    let network = memory(Preset::Linkedin).await;
    let first = network.submit(keyed(invite("ann", "bo"), "k", 1)).await.unwrap().unwrap();
    let again = network.submit(keyed(invite("ann", "bo"), "k", 1)).await.unwrap().unwrap();
    assert_eq!(first, again);
    let other = network.submit(keyed(invite("ann", "cy"), "k", 2)).await;
    assert!(matches!(other, Err(SubmitError::IdempotencyMismatch)));
    assert!(pending(&network, "cy", Direction::Received).await.is_empty());
    let elsewhere = network.submit(keyed(invite("dee", "bo"), "k", 3)).await.unwrap();
    assert!(elsewhere.is_ok(), "the same key of another member is another key");
}

#[tokio::test]
async fn a_key_twice_in_one_batch_is_carried_out_once() {
    let network = memory(Preset::Linkedin).await;
    let twice = vec![keyed(invite("ann", "bo"), "k", 1), keyed(invite("ann", "bo"), "k", 1)];
    let outcomes = network.submit_all(twice).await.unwrap();
    let answers: Vec<_> = outcomes.into_iter().map(|outcome| outcome.unwrap().unwrap()).collect();
    assert_eq!(answers[0], answers[1]);
    assert_eq!(pending(&network, "ann", Direction::Sent).await.len(), 1);
}

#[tokio::test]
async fn a_refusal_leaves_its_key_free() {
    let network = memory(Preset::Linkedin).await;
    let refused = network.submit(keyed(invite("ann", "ann"), "k", 1)).await.unwrap().unwrap_err();
    assert_eq!(refused.code, Code::SelfInvitation);
    assert!(network.submit(keyed(invite("ann", "bo"), "k", 2)).await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_seen_before_it_is_committed() {
    let store = Arc::new(Faulty::closed());
    let network = network(store.clone(), Preset::Linkedin, EngineConfig::default()).await;
    let submit = tokio::spawn({
        let network = network.clone();
        async move { network.submit(invite("ann", "bo")).await }
    });
    // The second command can only be decided once the first is on its way to the store.
    let second = tokio::spawn({
        let network = network.clone();
        async move { network.submit(invite("ann", "cy")).await }
    });
    let relation = network.relation(&member("ann"), &member("bo")).await.unwrap().unwrap();
    assert!(relation.invitation.is_none());
    assert_eq!(network.member(&member("ann")).await.unwrap().version, 0);
    assert!(!submit.is_finished() && !second.is_finished());
    store.open();
    submit.await.unwrap().unwrap().unwrap();
    second.await.unwrap().unwrap().unwrap();
    let relation = network.relation(&member("ann"), &member("bo")).await.unwrap().unwrap();
    assert!(relation.invitation.is_some());
    assert_eq!(network.standing(&member("ann")).await.unwrap().0.pending, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_turns_commands_away_and_recovers() {
    let store = Arc::new(Faulty::closed());
    let config = EngineConfig { queue: 3, ..EngineConfig::default() };
    let network = network(store.clone(), Preset::Open, config).await;
    let mut waiting = Vec::new();
    let mut turned_away = 0;
    for n in 0..5 {
        let network = network.clone();
        let mut submit = Box::pin(async move { network.submit(invite("ann", &format!("b{n}"))).await });
        // One poll queues it or turns it away.
        match futures_poll(&mut submit) {
            Some(Err(SubmitError::Overloaded { retry_after })) => {
                assert_eq!(retry_after, Span::seconds(1));
                turned_away += 1;
            }
            Some(other) => panic!("answered before its commit: {other:?}"),
            None => waiting.push(submit),
        }
    }
    assert_eq!((waiting.len(), turned_away), (3, 2));
    store.open();
    for submit in waiting {
        submit.await.unwrap().unwrap();
    }
    assert!(network.submit(invite("ann", "late")).await.unwrap().is_ok());
}

fn futures_poll<F: Future>(future: &mut std::pin::Pin<Box<F>>) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_stop_answers_what_was_taken() {
    let store = Arc::new(MemoryStore::new());
    let network = network(store.clone(), Preset::Open, EngineConfig::default()).await;
    let mut submits = Vec::new();
    for n in 0..500 {
        let network = network.clone();
        let mut submit = Box::pin(async move { network.submit(invite("ann", &format!("b{n}"))).await });
        match futures_poll(&mut submit) {
            Some(answered) => assert!(answered.unwrap().is_ok()),
            None => submits.push(submit),
        }
    }
    let stopping = tokio::spawn({
        let network = network.clone();
        async move { network.shutdown().await }
    });
    for submit in submits {
        submit.await.unwrap().unwrap();
    }
    stopping.await.unwrap();
    assert!(matches!(network.submit(invite("ann", "late")).await, Err(SubmitError::Stopped)));
    assert!(network.health().await.is_err());
    let kept = store.scan(None, 10_000).await.unwrap().records.len();
    // One row for ann, one for each of the others, a relation and an event for each.
    assert_eq!(kept, 1 + 3 * 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_gives_up_fails_every_command_and_the_network_says_so() {
    let store = Arc::new(Faulty::new([Some(Fault::Failed)]));
    let network = network(store, Preset::Open, EngineConfig::default()).await;
    let outcome = network.submit(invite("ann", "bo")).await;
    assert!(matches!(outcome, Err(SubmitError::Store(StoreError::Failed(_)))));
    assert!(network.relation(&member("ann"), &member("bo")).await.unwrap().unwrap().invitation.is_none());
}

#[tokio::test]
async fn what_is_due_happens_at_its_own_moment() {
    let network = memory(Preset::Linkedin).await;
    let id = sent(&network, "ann", "bo").await;
    network.advance_clock(Span::days(200)).await.unwrap();
    let events = network.events(None, 100).await.unwrap();
    let seen: Vec<(&str, Time)> = events.iter().map(|event| (event.event.kind.name(), event.event.at)).collect();
    let day = |days| start_time() + Span::days(days);
    let expected = [
        ("invitation.created", day(0)),
        ("invitation.reminded", day(7)),
        ("invitation.reminded", day(21)),
        ("invitation.expired", day(180)),
    ];
    assert_eq!(seen, expected);
    let view = network.invitation(&member("ann"), id).await.unwrap().unwrap();
    assert_eq!((view.state, view.decided_at), (InvitationState::Expired, Some(day(180))));
    assert_eq!(network.now(), day(200));
}

#[tokio::test]
async fn a_clock_that_went_back_misses_nothing() {
    let network = memory(Preset::Linkedin).await;
    sent(&network, "ann", "bo").await;
    network.advance_clock(Span::days(200)).await.unwrap();
    network.set_clock(start_time()).await.unwrap();
    sent(&network, "cy", "dee").await;
    network.advance_clock(Span::days(8)).await.unwrap();
    let last = network.events(None, 100).await.unwrap().pop().unwrap();
    assert_eq!((last.event.kind.name(), last.event.at), ("invitation.reminded", start_time() + Span::days(7)));
}

#[tokio::test]
async fn erasing_a_member_leaves_nothing_of_theirs_in_rows_and_lists() {
    let network = memory(Preset::Open).await;
    sent(&network, "ann", "bo").await;
    sent(&network, "cy", "ann").await;
    let met = sent(&network, "ann", "dee").await;
    network.submit(request("dee", Action::Accept { invitation: met })).await.unwrap().unwrap();
    assert!(network.erase(&member("ann")).await.unwrap());
    for other in ["bo", "cy", "dee"] {
        assert!(pending(&network, other, Direction::Sent).await.is_empty());
        assert!(pending(&network, other, Direction::Received).await.is_empty());
        let (standing, _) = network.standing(&member(other)).await.unwrap();
        assert_eq!((standing.pending, standing.connections), (0, 0));
    }
    assert_eq!(network.member(&member("ann")).await.unwrap().version, 0);
    assert!(!network.erase(&member("ann")).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_engines_on_one_store_see_each_others_commits() {
    let store = Arc::new(MemoryStore::shared());
    let one = network(store.clone(), Preset::Linkedin, EngineConfig::default()).await;
    let other = network(store, Preset::Linkedin, EngineConfig::default()).await;
    let id = sent(&one, "ann", "bo").await;
    let relation = other.relation(&member("bo"), &member("ann")).await.unwrap().unwrap();
    assert!(relation.may.accept);
    let refused = other.submit(invite("ann", "bo")).await.unwrap().unwrap_err();
    assert_eq!(refused.code, Code::AlreadyPending);
    other.submit(request("bo", Action::Accept { invitation: id })).await.unwrap().unwrap();
    assert_eq!(one.member(&member("ann")).await.unwrap().ledger.connections, 1);
    let refused = one.submit(request("ann", Action::Withdraw { invitation: id })).await.unwrap().unwrap_err();
    assert_eq!(refused.code, Code::AlreadyAccepted);
}

/// What an engine answers if others work on the store between its two readings.
async fn overtaken<F: Future<Output = ()>>(
    store: &Arc<MemoryStore>,
    asked: Request,
    meanwhile: F,
) -> Result<Answer, Refusal> {
    let slow = Arc::new(Faulty::reading(store.clone(), 1));
    let one = network(slow.clone(), Preset::Open, EngineConfig::default()).await;
    let answer = tokio::spawn(async move { one.submit(asked).await });
    slow.waiting.acquire().await.unwrap().forget();
    meanwhile.await;
    slow.reads.add_permits(1_000);
    answer.await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_its_first_attempt_overtakes_is_answered_like_it() {
    let store = Arc::new(MemoryStore::shared());
    let other = network(store.clone(), Preset::Open, EngineConfig::default()).await;
    let asked = keyed(invite("ann", "bo"), "once", 1);
    let first = async { drop(other.submit(asked.clone()).await.unwrap().unwrap()) };
    let answer = overtaken(&store, asked.clone(), first).await.unwrap();
    assert_eq!(pending(&other, "ann", Direction::Sent).await, [invitation_of(&answer).clone()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_is_replaced_between_two_readings_is_no_longer_available() {
    let store = Arc::new(MemoryStore::shared());
    let other = network(store.clone(), Preset::Open, EngineConfig::default()).await;
    let id = sent(&other, "ann", "bo").await;
    let replaced = async {
        other.submit(request("ann", Action::Withdraw { invitation: id })).await.unwrap().unwrap();
        sent(&other, "ann", "bo").await;
    };
    let refused = overtaken(&store, request("bo", Action::Accept { invitation: id }), replaced).await.unwrap_err();
    assert_eq!(refused.code, Code::NoLongerAvailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn crossing_invitations_on_two_engines_connect() {
    let store = Arc::new(MemoryStore::shared());
    let one = network(store.clone(), Preset::Open, EngineConfig::default()).await;
    let other = network(store, Preset::Open, EngineConfig::default()).await;
    for pair in 0..200 {
        let (a, b) = (format!("a{pair}"), format!("b{pair}"));
        let (there, back) = tokio::join!(one.submit(invite(&a, &b)), other.submit(invite(&b, &a)));
        let states = [there, back].map(|outcome| invitation_of(&outcome.unwrap().unwrap()).state);
        assert!(
            states.contains(&InvitationState::Pending) && states.contains(&InvitationState::Accepted),
            "{states:?}"
        );
        assert_eq!(one.member(&member(&a)).await.unwrap().ledger.connections, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_through_to_a_member_whom_all_invite() {
    let store = Arc::new(MemoryStore::shared());
    let engines = [
        network(store.clone(), Preset::Open, EngineConfig::default()).await,
        network(store.clone(), Preset::Open, EngineConfig::default()).await,
        network(store, Preset::Open, EngineConfig::default()).await,
    ];
    let submits = (0..600).zip(engines.iter().cycle()).map(|(n, engine)| {
        let engine = engine.clone();
        tokio::spawn(async move { engine.submit(invite(&format!("a{n}"), "bo")).await })
    });
    for submit in submits.collect::<Vec<_>>() {
        submit.await.unwrap().unwrap().unwrap();
    }
    assert_eq!(engines[0].member(&member("bo")).await.unwrap().ledger.pending_received, 600);
}

fn fault() -> impl Strategy<Value = Option<Fault>> {
    prop_oneof![
        4 => Just(None),
        1 => Just(Some(Fault::Conflict)),
        1 => Just(Some(Fault::Unavailable)),
        1 => any::<bool>().prop_map(|written| Some(Fault::Unknown { written })),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever commits do, a command that was answered happened once, and one that was not
    /// happened once or not at all.
    #[test]
    fn faults_lose_nothing_and_double_nothing(schedule in prop::collection::vec(fault(), 0..40), batch in 1_usize..20) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        runtime.block_on(async {
            let store = Arc::new(Faulty::new(schedule));
            let config = EngineConfig { batch, ..EngineConfig::default() };
            let network = network(store.clone(), Preset::Open, config).await;
            let answered = send_all(&network).await;
            network.shutdown().await;
            let kept = network_of(store).await;
            let listed = pending(&kept, "ann", Direction::Sent).await;
            for id in &answered {
                assert_eq!(listed.iter().filter(|view| view.id == *id).count(), 1, "answered and not kept once");
            }
            let mut others: Vec<_> = listed.iter().map(|view| view.other.clone()).collect();
            others.sort();
            others.dedup();
            assert_eq!(others.len(), listed.len(), "nobody was invited twice");
            assert_eq!(kept.standing(&member("ann")).await.unwrap().0.pending as usize, listed.len());
        });
    }
}

/// Sends thirty invitations at once under keys; returns those that were answered.
async fn send_all(network: &Network) -> Vec<acquaint_core::ids::InvitationId> {
    let submits = (0..30).map(|n| {
        let network = network.clone();
        let request = keyed(invite("ann", &format!("b{n}")), &format!("k{n}"), 1);
        tokio::spawn(async move { network.submit(request).await })
    });
    let mut answered = Vec::new();
    for submit in submits.collect::<Vec<_>>() {
        match submit.await.unwrap() {
            Ok(answer) => answered.push(invitation_of(&answer.unwrap()).id),
            Err(SubmitError::Store(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    answered
}

/// What a new start on the same store finds.
async fn network_of(store: Arc<Faulty>) -> Network {
    network(store, Preset::Open, EngineConfig::default()).await
}
