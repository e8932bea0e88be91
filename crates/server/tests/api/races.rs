//! What happens at the same instant.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::Barrier;

use crate::town::{Plan, Reply, Town};

/// Makes two calls at the same instant.
async fn together(
    one: impl Future<Output = Reply> + Send + 'static,
    other: impl Future<Output = Reply> + Send + 'static,
) -> [Reply; 2] {
    let barrier = Arc::new(Barrier::new(2));
    let start = |barrier: Arc<Barrier>| async move {
        barrier.wait().await;
    };
    let (first, second) = (start(Arc::clone(&barrier)), start(barrier));
    let one = tokio::spawn(async move {
        first.await;
        one.await
    });
    let other = tokio::spawn(async move {
        second.await;
        other.await
    });
    [one.await.unwrap(), other.await.unwrap()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_pairs_who_invite_each_other_at_once_are_connected() {
    let town = Arc::new(Town::built(Plan::open_policy()).await);
    let pairs = (0..200).map(|number| {
        let town = Arc::clone(&town);
        tokio::spawn(async move {
            let (low, high) = (format!("a{number}"), format!("b{number}"));
            let invite =
                |from: &str, to: &str| town.by(from, "POST", "/v1/invitations").json(&json!({"to": to})).send();
            let mut statuses = together(invite(&low, &high), invite(&high, &low)).await.map(|reply| reply.status);
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 201]);
            let connections = town.by(&low, "GET", "/v1/connections").send().await.json();
            assert_eq!(connections["items"][0]["member"], high);
            let standing = town.by(&high, "GET", "/v1/standing").send().await.json();
            assert_eq!((&standing["connections"], &standing["pending"]), (&json!(1), &json!(0)));
        })
    });
    let pairs: Vec<_> = pairs.collect();
    for pair in pairs {
        pair.await.unwrap();
    }
    let mut created = 0;
    let mut accepted = 0;
    let mut after = String::new();
    loop {
        let page = town.host("GET", &format!("/v1/events?limit=100&after={after}")).send().await.json();
        for event in page["items"].as_array().unwrap() {
            created += usize::from(event["type"] == "invitation.created");
            accepted += usize::from(event["type"] == "invitation.accepted");
        }
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => break,
        }
    }
    assert_eq!((created, accepted), (200, 200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accept_racing_withdraw_has_one_winner() {
    let town = Arc::new(Town::built(Plan::open_policy()).await);
    for number in 0..200 {
        let (sender, recipient) = (format!("a{number}"), format!("b{number}"));
        let id = town.invite(&sender, &recipient).await;
        let up = format!("/v1/invitations/{id}");
        let withdraw = town.by(&sender, "POST", &format!("{up}/withdraw")).send();
        let accept = town.by(&recipient, "POST", &format!("{up}/accept")).send();
        let [withdrawn, accepted] = together(withdraw, accept).await;
        match (withdrawn.status, accepted.status) {
            (200, 409) => {
                accepted.problem(409, "no_longer_available");
            }
            (409, 200) => {
                withdrawn.problem(409, "already_accepted");
            }
            other => panic!("{other:?}"),
        }
        let connected = town.by(&sender, "GET", &format!("/v1/relations/{recipient}")).send().await.json();
        assert_eq!(connected["connected_since"].is_string(), accepted.status == 200);
    }
}
