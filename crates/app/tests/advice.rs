//! What a member learns from the invitations they sent, and what they must not learn.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use acquaint_app::Network;
use acquaint_core::advice::Reason;
use acquaint_core::command::Action;
use acquaint_core::member::Profile;
use acquaint_core::policy::Preset;
use acquaint_core::time::Span;
use common::{member, memory, request, sent};

async fn act(network: &Network, actor: &str, action: Action) {
    network.submit(request(actor, action)).await.unwrap().unwrap();
}

async fn register(network: &Network, name: &str, profile: Profile) {
    act(network, name, Action::Register { profile }).await;
}

fn with_tags(tags: &[&str]) -> Profile {
    Profile { audience: tags.iter().map(|tag| (*tag).to_owned()).collect(), ..Profile::default() }
}

/// Ann has invited ten people; some are old, one was not seen for long, one is none of those she
/// wants to reach.
async fn town() -> Network {
    let network = memory(Preset::Linkedin).await;
    register(&network, "ann", with_tags(&["rust"])).await;
    register(&network, "far", with_tags(&["sales"])).await;
    register(&network, "near", with_tags(&["rust", "sales"])).await;
    let gone = Profile { last_active_at: Some(network.now() - Span::days(100)), ..Profile::default() };
    register(&network, "gone", gone).await;
    for name in ["old", "older", "near"] {
        sent(&network, "ann", name).await;
    }
    network.advance_clock(Span::days(15)).await.unwrap();
    for name in ["gone", "far", "young"] {
        sent(&network, "ann", name).await;
    }
    network
}

async fn suggested(network: &Network) -> Vec<(String, Vec<Reason>)> {
    let found = network.suggestions(&member("ann")).await.unwrap();
    found.into_iter().map(|it| (it.of.other.to_string(), it.reasons)).collect()
}

#[tokio::test]
async fn the_worst_come_first() {
    let network = town().await;
    let found = suggested(&network).await;
    let order: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(order, ["gone", "far", "near", "old", "older"]);
    assert_eq!(found[0].1, [Reason::RecipientInactive]);
    assert_eq!(found[1].1, [Reason::OutsideAudience]);
    assert_eq!(found[2].1, [Reason::Stale]);
}

#[tokio::test]
async fn a_silent_decline_changes_nothing_that_the_sender_is_told() {
    let network = town().await;
    let (before, insights) =
        (network.suggestions(&member("ann")).await.unwrap(), network.insights(&member("ann")).await.unwrap());
    let of = |name: &str| before.iter().find(|it| it.of.other == member(name)).unwrap().of.id;
    act(&network, "old", Action::Decline { invitation: of("old"), complaint: None }).await;
    act(&network, "far", Action::Block { other: member("ann") }).await;
    assert_eq!(network.suggestions(&member("ann")).await.unwrap(), before);
    assert_eq!(network.insights(&member("ann")).await.unwrap(), insights);
}

#[tokio::test]
async fn those_who_were_withdrawn_wait_until_they_are_connected() {
    let network = town().await;
    let found = network.suggestions(&member("ann")).await.unwrap();
    for suggestion in found.iter().filter(|it| it.of.other != member("near")) {
        act(&network, "ann", Action::Withdraw { invitation: suggestion.of.id }).await;
    }
    let start = network.now();
    let waiting = network.waiting(&member("ann")).await.unwrap();
    assert_eq!(waiting.len(), 4);
    assert!(waiting.iter().all(|(at, view)| *at == start + Span::days(21) && view.decided_at == Some(start)));
    // The other way there is no wait, and whoever is connected is not waited for.
    let invitation = sent(&network, "old", "ann").await;
    act(&network, "ann", Action::Accept { invitation }).await;
    let waiting = network.waiting(&member("ann")).await.unwrap();
    assert!(!waiting.iter().any(|(_, view)| view.other == member("old")));
    assert_eq!(suggested(&network).await.len(), 1);
}

#[tokio::test]
async fn insights_count_what_was_sent() {
    let network = town().await;
    let insights = network.insights(&member("ann")).await.unwrap();
    assert_eq!((insights.all.sent, insights.all.sample, insights.all.accepted), (6, 3, None));
    let tags: Vec<_> = insights.by_tag.iter().map(|(tag, share)| (tag.as_str(), share.sent)).collect();
    assert_eq!(tags, [("rust", 1), ("sales", 2)]);
    assert_eq!(insights.by_mutual.iter().map(|(from, share)| (*from, share.sent)).collect::<Vec<_>>(), [(0, 6)]);
}
