//! Clean-up plans, from the first look to the end.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::sync::Arc;

use acquaint_app::{Choice, CleanupError, EngineConfig, MAX_SKIPPED_TAGS, Network, PlanChange, SkipError, SkipList};
use acquaint_core::cleanup::{Outcome, State};
use acquaint_core::command::Action;
use acquaint_core::ids::InvitationId;
use acquaint_core::member::Profile;
use acquaint_core::policy::Preset;
use acquaint_core::refusal::{Code, Refusal};
use acquaint_core::time::Span;
use acquaint_core::view::{Direction, InvitationState};
use acquaint_store::Store;
use acquaint_store::memory::MemoryStore;
use common::{member, memory, pending, request, sent};

/// Ann has invited so many, twenty days ago.
async fn town(invited: usize) -> (Network, Vec<InvitationId>) {
    let network = memory(Preset::Linkedin).await;
    let mut invitations = Vec::new();
    for n in 0..invited {
        invitations.push(sent(&network, "ann", &format!("m{n}")).await);
        network.advance_clock(Span::minutes(5)).await.unwrap();
    }
    network.advance_clock(Span::days(20)).await.unwrap();
    (network, invitations)
}

async fn act(network: &Network, actor: &str, action: Action) {
    network.submit(request(actor, action)).await.unwrap().unwrap();
}

async fn outcomes(network: &Network) -> Vec<Option<Outcome>> {
    let plan = network.cleanup_plan(&member("ann")).await.unwrap().unwrap();
    plan.items.iter().map(|item| item.outcome.map(|(outcome, _)| outcome)).collect()
}

#[tokio::test]
async fn a_plan_goes_from_the_first_look_to_its_end() {
    let (network, invitations) = town(6).await;
    let ann = member("ann");
    let chosen = network.choose_for_cleanup(&ann, &Choice::default()).await.unwrap();
    assert_eq!(chosen.iter().map(|view| view.id).collect::<Vec<_>>(), invitations, "oldest first");
    assert!(network.cleanup_plan(&ann).await.unwrap().is_none(), "looking makes no plan");
    let plan = network.plan_cleanup(&ann, &invitations, Some(2)).await.unwrap();
    let start = network.now();
    assert_eq!(plan.finishes_at(), Some(start + Span::hours(60)));
    assert_eq!(pending(&network, "ann", Direction::Sent).await.len(), 6, "nothing happens at once");

    act(&network, "m2", Action::Accept { invitation: invitations[2] }).await;
    act(&network, "m3", Action::Decline { invitation: invitations[3], complaint: None }).await;
    for (hours, left) in [(1, 4), (10, 4), (1, 3), (11, 3), (1, 2), (24, 0)] {
        network.advance_clock(Span::hours(hours)).await.unwrap();
        assert_eq!(pending(&network, "ann", Direction::Sent).await.len(), left, "{}", network.now());
    }
    let withdrawn = Some(Outcome::Withdrawn);
    let accepted = Some(Outcome::AlreadyAccepted);
    assert_eq!(outcomes(&network).await, [withdrawn, withdrawn, accepted, withdrawn, withdrawn, withdrawn]);
    let plan = network.cleanup_plan(&ann).await.unwrap().unwrap();
    assert_eq!((plan.state, plan.due()), (State::Finished, None));
    let kept = network.invitation(&ann, invitations[2]).await.unwrap().unwrap();
    assert_eq!(kept.state, InvitationState::Accepted, "what was accepted is never withdrawn");
    // The next plan takes its place.
    let again = sent(&network, "ann", "new").await;
    assert_eq!(network.plan_cleanup(&ann, &[again], None).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn whoever_is_left_alone_is_suggested_and_withdrawn_by_no_plan() {
    let (network, invitations) = town(4).await;
    let ann = member("ann");
    // Bob has blocked Ann, of which nothing shows: he is a stranger to her as before.
    act(&network, "bob", Action::Block { other: ann.clone() }).await;
    let list =
        |members: &[&str]| SkipList { members: members.iter().map(|id| member(id)).collect(), audiences: vec![] };
    for stranger in ["bob", "nobody", "ann"] {
        let refused = network.set_skip_list(&ann, &list(&["m1", stranger])).await;
        assert!(matches!(&refused, Err(SkipError::Strangers(places)) if *places == [1]), "{stranger}: {refused:?}");
    }
    let suggested = async || {
        let suggestions = network.suggestions(&ann).await.unwrap();
        suggestions.iter().map(|suggestion| suggestion.of.id).collect::<Vec<_>>()
    };
    assert_eq!(suggested().await, invitations);
    network.plan_cleanup(&ann, &invitations, None).await.unwrap();
    network.set_skip_list(&ann, &list(&["m1"])).await.unwrap();
    let others = [invitations[0], invitations[2], invitations[3]];
    assert_eq!(suggested().await, others);
    let chosen = network.choose_for_cleanup(&ann, &Choice::default()).await.unwrap();
    assert_eq!(chosen.iter().map(|view| view.id).collect::<Vec<_>>(), others);
    network.advance_clock(Span::days(2)).await.unwrap();
    let withdrawn = Some(Outcome::Withdrawn);
    assert_eq!(outcomes(&network).await, [withdrawn, Some(Outcome::Skipped), withdrawn, withdrawn]);
    // Who is erased is on nobody's list.
    assert!(network.erase(&member("m1")).await.unwrap());
    assert_eq!(network.skip_list(&ann).await.unwrap(), SkipList::default());
}

#[tokio::test]
async fn a_list_of_those_left_alone_grows_and_shrinks() {
    let (network, invitations) = town(2).await;
    let ann = member("ann");
    let named = |members: &[&str], tags: &[&str]| SkipList {
        members: members.iter().map(|id| member(id)).collect(),
        audiences: tags.iter().map(|&tag| tag.into()).collect(),
    };
    network.skip_also(&ann, &named(&["m1"], &["rust"])).await.unwrap();
    network.skip_also(&ann, &named(&["m1", "m0"], &["rust", "go"])).await.unwrap();
    assert_eq!(network.skip_list(&ann).await.unwrap(), named(&["m1", "m0"], &["rust", "go"]));
    assert!(network.suggestions(&ann).await.unwrap().is_empty());
    assert!(matches!(network.skip_also(&ann, &named(&["bob"], &[])).await, Err(SkipError::Strangers(_))));
    let many: Vec<String> = (0..MAX_SKIPPED_TAGS).map(|n| format!("tag-{n}")).collect();
    let many = SkipList { members: vec![], audiences: many };
    assert!(matches!(network.skip_also(&ann, &many).await, Err(SkipError::TooMany)));
    network.skip_no_longer(&ann, &named(&["m0", "bob"], &["rust"])).await.unwrap();
    assert_eq!(network.skip_list(&ann).await.unwrap(), named(&["m1"], &["go"]));
    let suggested = network.suggestions(&ann).await.unwrap();
    assert_eq!(suggested.iter().map(|it| it.of.id).collect::<Vec<_>>(), invitations[..1]);
}

#[tokio::test]
async fn withdrawals_by_hand_count_in_the_budget() {
    let (network, invitations) = town(5).await;
    for &invitation in &invitations[3..] {
        act(&network, "ann", Action::Withdraw { invitation }).await;
    }
    let by_hand = network.now();
    network.plan_cleanup(&member("ann"), &invitations[..3], Some(2)).await.unwrap();
    network.advance_clock(Span::hours(23)).await.unwrap();
    assert_eq!(outcomes(&network).await, [None, None, None]);
    network.advance_clock(Span::hours(1)).await.unwrap();
    assert_eq!(network.now(), by_hand + Span::days(1));
    assert_eq!(outcomes(&network).await, [Some(Outcome::Withdrawn), None, None]);
}

#[tokio::test]
async fn its_owner_pauses_skips_goes_on_and_cancels() {
    let (network, invitations) = town(4).await;
    let ann = member("ann");
    assert!(matches!(network.change_cleanup(&ann, &PlanChange::Pause).await, Err(CleanupError::NoPlan)));
    network.plan_cleanup(&ann, &invitations, Some(24)).await.unwrap();
    network.advance_clock(Span::seconds(0)).await.unwrap();
    assert_eq!(network.change_cleanup(&ann, &PlanChange::Pause).await.unwrap().state, State::Paused);
    network.advance_clock(Span::days(3)).await.unwrap();
    assert_eq!(outcomes(&network).await, [Some(Outcome::Withdrawn), None, None, None]);

    network.change_cleanup(&ann, &PlanChange::Skip(vec![invitations[1]])).await.unwrap();
    let unknown = PlanChange::Skip(vec![invitations[2], InvitationId(uuid::Uuid::nil())]);
    assert!(matches!(network.change_cleanup(&ann, &unknown).await, Err(CleanupError::NotPending(at)) if at == [1]));
    network.change_cleanup(&ann, &PlanChange::Resume).await.unwrap();
    network.advance_clock(Span::minutes(59)).await.unwrap();
    let withdrawn = Some(Outcome::Withdrawn);
    assert_eq!(outcomes(&network).await, [withdrawn, Some(Outcome::Skipped), withdrawn, None]);

    let cancelled = network.change_cleanup(&ann, &PlanChange::Cancel).await.unwrap();
    assert_eq!(cancelled.state, State::Cancelled);
    network.advance_clock(Span::days(3)).await.unwrap();
    assert_eq!(pending(&network, "ann", Direction::Sent).await.len(), 2);
}

#[tokio::test]
async fn one_plan_at_a_time_and_of_ones_own_pending_invitations_only() {
    let (network, invitations) = town(3).await;
    let ann = member("ann");
    let received = sent(&network, "bo", "ann").await;
    act(&network, "ann", Action::Withdraw { invitation: invitations[2] }).await;
    let wrong = [invitations[0], received, invitations[2]];
    let refused = network.plan_cleanup(&ann, &wrong, None).await;
    assert!(matches!(refused, Err(CleanupError::NotPending(at)) if at == [1, 2]));
    let plan = network.plan_cleanup(&ann, &invitations[..2], None).await.unwrap();
    assert_eq!(network.plan_cleanup(&ann, &invitations[..2], None).await.unwrap(), plan, "the same once more");
    let other = network.plan_cleanup(&ann, &invitations[..1], None).await;
    assert!(matches!(other, Err(CleanupError::Busy)));
    assert_eq!(plan.daily_budget, 25, "the policy's, also where more is asked for");
    network.change_cleanup(&ann, &PlanChange::Cancel).await.unwrap();
    assert_eq!(network.plan_cleanup(&ann, &invitations[..1], Some(1_000)).await.unwrap().daily_budget, 25);
}

#[tokio::test]
async fn people_and_tags_are_left_out_of_the_choice() {
    let (network, invitations) = town(4).await;
    let profile = Profile { audience: vec!["press".into()], ..Profile::default() };
    act(&network, "m1", Action::Register { profile }).await;
    let young = sent(&network, "ann", "young").await;
    let choose = async |choice: Choice| {
        let chosen = network.choose_for_cleanup(&member("ann"), &choice).await.unwrap();
        chosen.into_iter().map(|view| view.id).collect::<Vec<_>>()
    };
    let skipping =
        Choice { skip: SkipList { members: vec![member("m0")], audiences: vec!["press".into()] }, older_than: None };
    assert_eq!(choose(skipping).await, invitations[2..]);
    let all = choose(Choice { older_than: Some(Span::seconds(0)), ..Choice::default() }).await;
    assert!(!all.contains(&young), "older than is strict");
    assert_eq!(all.len(), 4);
}

#[tokio::test]
async fn a_restriction_for_pace_stops_it() {
    let (network, invitations) = town(55).await;
    let ann = member("ann");
    network.plan_cleanup(&ann, &invitations[..3], None).await.unwrap();
    network.advance_clock(Span::seconds(0)).await.unwrap();
    for &invitation in &invitations[3..] {
        act(&network, "ann", Action::Withdraw { invitation }).await;
    }
    let until = network.now() + Span::days(1);
    network.advance_clock(Span::days(3)).await.unwrap();
    let plan = network.cleanup_plan(&ann).await.unwrap().unwrap();
    assert_eq!(plan.state, State::Stopped(Refusal { code: Code::Restricted, retry_at: Some(until) }));
    assert_eq!(outcomes(&network).await, [Some(Outcome::Withdrawn), None, None]);
    network.change_cleanup(&ann, &PlanChange::Resume).await.unwrap();
    network.advance_clock(Span::days(1)).await.unwrap();
    assert_eq!(outcomes(&network).await, [Some(Outcome::Withdrawn); 3]);
}

#[tokio::test]
async fn a_plan_goes_on_after_a_restart() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let network = common::network(Arc::clone(&store), Preset::Linkedin, EngineConfig::default()).await;
    let mut invitations = Vec::new();
    for n in 0..4 {
        invitations.push(sent(&network, "ann", &format!("m{n}")).await);
    }
    network.plan_cleanup(&member("ann"), &invitations, Some(2)).await.unwrap();
    network.advance_clock(Span::hours(13)).await.unwrap();
    let (half, now) = (outcomes(&network).await, network.now());
    assert_eq!(half.iter().flatten().count(), 2);
    network.shutdown().await;

    let network = common::network(store, Preset::Linkedin, EngineConfig::default()).await;
    network.set_clock(now).await.unwrap();
    assert_eq!(outcomes(&network).await, half, "nothing is done twice");
    network.advance_clock(Span::days(1)).await.unwrap();
    assert_eq!(outcomes(&network).await, [Some(Outcome::Withdrawn); 4]);
}

#[tokio::test]
async fn erasing_its_owner_ends_it() {
    let (network, invitations) = town(3).await;
    network.plan_cleanup(&member("ann"), &invitations, None).await.unwrap();
    network.erase(&member("ann")).await.unwrap();
    assert!(network.cleanup_plan(&member("ann")).await.unwrap().is_none());
    network.advance_clock(Span::days(2)).await.unwrap();
    assert!(network.cleanup_plan(&member("ann")).await.unwrap().is_none());
}
