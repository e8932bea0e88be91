//! Where the links in mails lead: what they show and do, and to whom nothing is shown.

use acquaint_app::{Link, LinkUse};
use acquaint_core::ids::{InvitationId, MemberId};
use acquaint_core::time::Span;

use crate::town::{Plan, Reply, Town};

async fn town() -> Town {
    Town::built(Plan { letters: Some("town".into()), ..Plan::open_policy() }).await
}

fn member(name: &str) -> MemberId {
    MemberId::new(name).unwrap()
}

/// The path of a link, made now.
async fn path(town: &Town, to: &str, purpose: LinkUse) -> String {
    let link = Link { member: member(to), purpose };
    format!("/mail/{}", town.network.links().await.unwrap().word(&link, town.network.now()))
}

fn invitation(id: &str) -> InvitationId {
    id.parse().unwrap()
}

async fn get(town: &Town, path: &str) -> Reply {
    town.call("GET", path).send().await
}

#[tokio::test]
async fn a_link_shows_an_invitation_and_only_pressing_accepts_it() {
    let town = town().await;
    let profile = serde_json::json!({"name": "Ann <b>Lee</b>", "headline": "Geologist"});
    assert_eq!(town.host("PUT", "/v1/members/ann").json(&profile).send().await.status, 200);
    let id = town.invite("ann", "bob").await;
    let accept = path(&town, "bob", LinkUse::Accept(invitation(&id))).await;
    let look = path(&town, "bob", LinkUse::Look(invitation(&id))).await;
    for _ in 0..2 {
        let shown = get(&town, &accept).await;
        assert_eq!(shown.status, 200);
        assert!(shown.text().contains("Ann &#60;b&#62;Lee&#60;/b&#62;</bdi> invites you"), "{}", shown.text());
        assert!(shown.text().contains("Accept the invitation"));
        assert_eq!(shown.headers["cache-control"], "no-store");
        assert!(shown.headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    }
    assert!(!get(&town, &look).await.text().contains("Accept the invitation"));
    assert_eq!(town.call("POST", &look).send().await.status, 404, "a link to look accepts nothing");
    let state = |reply: Reply| reply.json()["state"].as_str().map(str::to_owned);
    let of_bob = format!("/v1/invitations/{id}");
    assert_eq!(state(town.by("bob", "GET", &of_bob).send().await).as_deref(), Some("pending"));

    for _ in 0..2 {
        let pressed = town.call("POST", &accept).send().await;
        assert_eq!((pressed.status, pressed.headers["location"].to_str().unwrap()), (303, accept.as_str()));
        assert_eq!(state(town.by("bob", "GET", &of_bob).send().await).as_deref(), Some("accepted"));
    }
    assert!(get(&town, &accept).await.text().contains("are connected"));
}

/// Withdrawn, run out, declined, erased with its sender, never there: one page, to the letter.
#[tokio::test]
async fn an_invitation_that_is_over_has_one_page_whatever_became_of_it() {
    let town = town().await;
    let withdrawn = town.invite("ann", "bob").await;
    let declined = town.invite("cem", "bob").await;
    let expired = town.invite("dee", "bob").await;
    let erased = town.invite("eve", "bob").await;
    town.advance("181d").await;
    let withdrawn_late = town.invite("fay", "bob").await;
    let pressed = format!("/v1/invitations/{withdrawn_late}/withdraw");
    assert_eq!(town.by("fay", "POST", &pressed).send().await.status, 200);
    let declined_late = town.invite("gus", "bob").await;
    let pressed = format!("/v1/invitations/{declined_late}/decline");
    assert_eq!(town.by("bob", "POST", &pressed).send().await.status, 200);
    assert_eq!(town.host("DELETE", "/v1/members/eve").send().await.status, 204);
    let never = "inv_01933e5c7a4b7c3d8e9f0a1b2c3d4e5f".to_owned();
    let mut seen = Vec::new();
    for id in [withdrawn, declined, expired, erased, withdrawn_late, declined_late, never] {
        for method in ["GET", "POST"] {
            let link = path(&town, "bob", LinkUse::Accept(invitation(&id))).await;
            let reply = town.call(method, &link).send().await;
            assert_eq!(reply.status, 410, "{method} {id}");
            seen.push(reply.text().to_owned());
        }
    }
    assert!(seen[0].contains("This invitation is no longer there"));
    assert!(seen.iter().all(|page| *page == seen[0]));
}

#[tokio::test]
async fn a_link_that_is_old_or_changed_or_somebody_elses_does_nothing() {
    let town = town().await;
    let id = invitation(&town.invite("ann", "bob").await);
    let accept = path(&town, "bob", LinkUse::Accept(id)).await;
    let stolen = path(&town, "cem", LinkUse::Accept(id)).await;
    let of_sender = path(&town, "ann", LinkUse::Accept(id)).await;
    let last = if accept.ends_with('A') { "B" } else { "A" };
    let changed = format!("{}{last}", &accept[..accept.len() - 1]);
    for (link, status) in [(&stolen, 410), (&of_sender, 410), (&changed, 404), (&"/mail/x".to_owned(), 404)] {
        for method in ["GET", "POST"] {
            assert_eq!(town.call(method, link).send().await.status, status, "{method} {link}");
        }
    }
    town.network.advance_clock(Span::days(30)).await.unwrap();
    for method in ["GET", "POST"] {
        let reply = town.call(method, &accept).send().await;
        assert_eq!(reply.status, 410);
        assert!(reply.text().contains("This link is too old"));
    }
    let view = town.network.invitation(&member("bob"), id).await.unwrap().unwrap();
    assert_eq!(view.state, acquaint_core::view::InvitationState::Pending);
    let elsewhere = town.call("GET", &accept).header("host", "evil.example").send().await;
    assert_eq!(elsewhere.status, 421, "a name that is not ours, beside ours");
}

#[tokio::test]
async fn one_click_unsubscribes_and_brings_nobody_back() {
    let town = town().await;
    let profile = serde_json::json!({"name": "Bob", "email": "bob@example.org", "who_may_invite": "email"});
    assert_eq!(town.host("PUT", "/v1/members/bob").json(&profile).send().await.status, 200);
    let link = path(&town, "bob", LinkUse::Unsubscribe).await;
    assert!(get(&town, &link).await.text().contains("Get no more mails"));
    let bob = |reply: Reply| (reply.json()["reminders"].clone(), reply.json()["who_may_invite"].clone());
    let now = bob(town.host("GET", "/v1/members/bob").send().await);
    assert_eq!(now, (true.into(), "email".into()), "looking changes nothing");
    for _ in 0..2 {
        let click = town.call("POST", &link).header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(click.raw("List-Unsubscribe=One-Click").send().await.status, 200);
        let now = bob(town.host("GET", "/v1/members/bob").send().await);
        assert_eq!(now, (false.into(), "email".into()), "the rest stays");
    }
    assert_eq!(town.host("DELETE", "/v1/members/bob").send().await.status, 204);
    assert_eq!(town.call("POST", &link).send().await.status, 200);
    assert_eq!(town.host("GET", "/v1/members/bob").send().await.status, 404, "still erased");
}

/// Without mails there are no such pages.
#[tokio::test]
async fn there_are_no_links_where_no_mails_are_sent() {
    let town = Town::built(Plan::open_policy()).await;
    let link = path(&town, "bob", LinkUse::Unsubscribe).await;
    assert_eq!(get(&town, &link).await.status, 404);
}
