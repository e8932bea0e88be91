//! Mutual connections, people one may know, and searching in what was sent: bounded, ordered, and
//! silent about what others did in silence.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use acquaint_app::{Network, SentSearch};
use acquaint_core::command::Action;
use acquaint_core::member::Profile;
use acquaint_core::policy::Preset;
use acquaint_core::time::Span;
use acquaint_store::Order;
use common::{invite, member, memory, request, sent};

async fn connect(network: &Network, pairs: &[(&str, &str)]) {
    for (a, b) in pairs {
        let invitation = sent(network, a, b).await;
        network.submit(request(b, Action::Accept { invitation })).await.unwrap().unwrap();
    }
}

async fn act(network: &Network, actor: &str, action: Action) {
    network.submit(request(actor, action)).await.unwrap().unwrap();
}

/// Whom ann may know, with the number of mutual connections.
async fn suggested(network: &Network) -> Vec<(String, usize)> {
    let found = network.people_you_may_know(&member("ann"), 10).await.unwrap();
    found.into_iter().map(|found| (found.member.id.to_string(), found.mutual.count)).collect()
}

/// ann knows bo and cy; dee is known to both, eve to bo alone.
async fn town() -> Network {
    town_under(Preset::Open).await
}

async fn town_under(preset: Preset) -> Network {
    let network = memory(preset).await;
    let pairs = [("ann", "bo"), ("ann", "cy"), ("bo", "dee"), ("cy", "dee"), ("bo", "eve"), ("bo", "cy")];
    connect(&network, &pairs).await;
    network
}

#[tokio::test]
async fn mutual_connections_are_counted_and_some_are_named() {
    let network = town().await;
    let circle = network.circle(&member("ann")).await.unwrap();
    let mutual = network.mutual(&circle, &member("dee"), 1).await.unwrap();
    assert_eq!((mutual.count, mutual.some), (2, vec![member("cy")]), "the latest is named");
    assert_eq!(network.mutual(&circle, &member("zoe"), 1).await.unwrap().count, 0);
}

#[tokio::test]
async fn people_one_may_know_are_connections_of_connections_with_most_in_common_first() {
    let network = town().await;
    assert_eq!(suggested(&network).await, [("dee".to_owned(), 2), ("eve".to_owned(), 1)]);
    network.submit(invite("ann", "eve")).await.unwrap().unwrap();
    assert_eq!(suggested(&network).await, [("dee".to_owned(), 2)], "who is invited is no stranger");
    act(&network, "ann", Action::Block { other: member("dee") }).await;
    assert!(suggested(&network).await.is_empty());
}

#[tokio::test]
async fn rule_35_who_is_ignored_is_suggested_after_others() {
    // The policy without limits remembers no sends, and so knows nobody who is ignored.
    let network = town_under(Preset::Linkedin).await;
    connect(&network, &[("cy", "eve")]).await;
    assert_eq!(suggested(&network).await[0].0, "dee", "alike but for their names");
    // dee invites many, and nobody answers.
    for stranger in 0..30 {
        network.submit(invite("dee", &format!("s{stranger}"))).await.unwrap().unwrap();
    }
    network.advance_clock(Span::days(20)).await.unwrap();
    assert_eq!(suggested(&network).await[0].0, "eve");
}

#[tokio::test]
async fn what_others_do_in_silence_does_not_show() {
    for silent in ["nothing", "decline", "block"] {
        let network = town().await;
        let invitation = sent(&network, "ann", "eve").await;
        let other = member("ann");
        match silent {
            "decline" => act(&network, "eve", Action::Decline { invitation, complaint: None }).await,
            "block" => {
                act(&network, "eve", Action::Block { other: other.clone() }).await;
                act(&network, "dee", Action::Block { other }).await;
            }
            _ => {}
        }
        assert_eq!(suggested(&network).await, [("dee".to_owned(), 2)], "{silent}");
        let circle = network.circle(&member("ann")).await.unwrap();
        assert_eq!(network.mutual(&circle, &member("dee"), 0).await.unwrap().count, 2, "{silent}");
        let found =
            network.search_sent(&member("ann"), &SentSearch { limit: 5, ..SentSearch::default() }).await.unwrap();
        assert_eq!(found.items.len(), 1, "{silent}");
    }
}

#[tokio::test]
async fn what_was_sent_is_found_by_name_age_and_note() {
    let network = memory(Preset::Open).await;
    let name = |name: &str| Action::Register { profile: Profile { name: Some(name.into()), ..Profile::default() } };
    act(&network, "m1", name("Zoë Émile")).await;
    for number in 0..250 {
        let note = (number % 2 == 0).then(|| "hello".to_owned());
        let action = Action::Invite { to: member(&format!("m{number}")), note, to_email: None };
        act(&network, "ann", action).await;
        network.advance_clock(Span::hours(1)).await.unwrap();
    }
    let ann = member("ann");
    let found = async |search: SentSearch| {
        let found = network.search_sent(&ann, &search).await.unwrap();
        (found.items.iter().map(|(_, to)| to.id.to_string()).collect::<Vec<_>>(), found.next)
    };
    let (by_name, next) = found(SentSearch { name: Some("ZOË".into()), limit: 20, ..SentSearch::default() }).await;
    assert_eq!((by_name, next), (vec!["m1".to_owned()], None));
    let before = Some(network.now() - Span::hours(248));
    let old = SentSearch { before, with_note: Some(true), order: Order::Oldest, limit: 20, ..SentSearch::default() };
    assert_eq!(found(old).await.0, ["m0"]);
    // Page by page, nothing is missing and nothing comes twice.
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let (page, next) = found(SentSearch { after, limit: 20, ..SentSearch::default() }).await;
        all.extend(page);
        after = next;
        if after.is_none() {
            break;
        }
    }
    let wanted: Vec<String> = (0..250).rev().map(|number| format!("m{number}")).collect();
    assert_eq!(all, wanted);
}

#[tokio::test]
async fn unread_notifications_are_counted_up_to_a_bound() {
    let network = memory(Preset::Open).await;
    for number in 0..5 {
        network.submit(invite(&format!("m{number}"), "ann")).await.unwrap().unwrap();
    }
    let ann = member("ann");
    assert_eq!((network.unread(&ann, 3).await.unwrap(), network.unread(&ann, 10).await.unwrap()), (3, 5));
    act(&network, "ann", Action::MarkRead { up_to: None }).await;
    network.submit(invite("late", "ann")).await.unwrap().unwrap();
    assert_eq!(network.unread(&ann, 10).await.unwrap(), 1);
}
