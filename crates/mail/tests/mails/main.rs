//! Mails for real: a community, its outbox, and an SMTP server that takes them, or does not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod race;
mod town;
mod way;

use acquaint_app::LinkUse;
use acquaint_app::outbox::{Letter, Stage};
use acquaint_core::command::Action;
use acquaint_core::member::{Profile, WhoMayInvite};
use acquaint_core::time::Span;
use acquaint_testkit::mail::Taken;
use town::{BASE, Town, brief, id, letters, until};

fn briefs(taken: &[Taken]) -> Vec<(String, String)> {
    let mut all: Vec<_> = taken.iter().map(brief).collect();
    all.sort();
    all
}

fn told(to: &str, subject: &str) -> (String, String) {
    (format!("{to}@example.org"), subject.to_owned())
}

/// What a mail says, without its transfer encoding as far as it matters here.
fn said(mail: &Taken) -> String {
    mail.data.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=")
}

/// The words of the links in a mail.
fn links(mail: &Taken) -> Vec<String> {
    let text = said(mail);
    let start = format!("{BASE}/mail/");
    let words = text.split(&start).skip(1);
    words.map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect()).collect()
}

#[tokio::test]
async fn an_invitation_and_its_acceptance_are_told_and_nothing_else_is() {
    let town = Town::new("", &[]).await;
    let (ann, bob, cem) = (town.member("ann").await, town.member("bob").await, town.member("cem").await);
    let to_bob = town.invite(&ann, &bob, Some("We met in Turin & had <b>coffee</b>")).await;
    let taken = town.mails(1).await;
    assert_eq!(briefs(&taken), [told("bob", "ann of the tests invites you to connect")]);
    let mail = &taken[0];
    assert!(said(mail).contains("We met in Turin & had <b>coffee</b>"), "as text: {}", mail.data);
    assert!(said(mail).contains("We met in Turin &amp; had &lt;b&gt;coffee&lt;&#x2f;b&gt;"), "as HTML: {}", mail.data);
    assert_eq!(mail.header("List-Unsubscribe-Post"), ["List-Unsubscribe=One-Click"]);
    let now = town.network.now();
    let read = town.network.links().await.unwrap();
    let purposes: Vec<LinkUse> = links(mail).iter().map(|word| read.read(word, now).unwrap().purpose).collect();
    for purpose in [LinkUse::Accept(to_bob), LinkUse::Look(to_bob), LinkUse::Unsubscribe] {
        assert!(purposes.contains(&purpose), "{purpose:?}");
    }
    assert!(links(mail).iter().all(|word| read.read(word, now).unwrap().member == bob));

    town.act(&bob, Action::Accept { invitation: to_bob }).await;
    let taken = town.mails(2).await;
    assert_eq!(briefs(&taken[1..]), [told("ann", "bob of the tests accepted your invitation")]);

    // Withdrawn, declined and run out: whatever was told of them, nothing more is.
    let withdrawn = town.invite(&ann, &cem, None).await;
    town.mails(3).await;
    town.act(&ann, Action::Withdraw { invitation: withdrawn }).await;
    let declined = town.invite(&cem, &bob, None).await;
    town.mails(4).await;
    town.act(&bob, Action::Decline { invitation: declined, complaint: None }).await;
    town.advance(Span::days(200)).await;
    let taken = town.settled().await;
    assert_eq!(
        briefs(&taken),
        [
            told("ann", "bob of the tests accepted your invitation"),
            told("bob", "ann of the tests invites you to connect"),
            told("bob", "cem of the tests invites you to connect"),
            told("cem", "ann of the tests invites you to connect"),
        ]
    );
    town.end().await;
}

#[tokio::test]
async fn whoever_does_not_want_mails_or_cannot_get_them_gets_none() {
    let town = Town::new("", &[]).await;
    let ann = town.member("ann").await;
    let left = town.register("left", Profile { reminders: false, ..Profile::default() }).await;
    let blocker = town.member("blocker").await;
    town.act(&blocker, Action::Block { other: ann.clone() }).await;
    for to in [&left, &blocker, &id("nobody")] {
        town.invite(&ann, to, None).await;
    }
    // Somebody leaves while a reminder is on its way to be due.
    let later = town.member("later").await;
    town.invite(&ann, &later, None).await;
    town.mails(1).await;
    let quits = Action::ChangeSettings { who_may_invite: WhoMayInvite::Anyone, reminders: false };
    town.act(&later, quits).await;
    town.advance(Span::days(30)).await;
    assert_eq!(briefs(&town.settled().await), [told("later", "ann of the tests invites you to connect")]);
    town.end().await;
}

#[tokio::test]
async fn reminders_of_a_day_become_one_mail() {
    let town = Town::new("", &[]).await;
    let (bob, mut sent, mut invitations) = (town.member("bob").await, 0, Vec::new());
    // One, two an hour later, and one an hour after them.
    for (name, hours) in [("ann", 0), ("cem", 1), ("dee", 0), ("eve", 1)] {
        town.advance(Span::hours(hours)).await;
        let from = town.member(name).await;
        invitations.push((from.clone(), town.invite(&from, &bob, None).await));
        sent += 1;
        town.mails(sent).await;
    }
    town.advance(Span::hours(7 * 24 - 2)).await;
    let taken = town.mails(5).await;
    assert_eq!(briefs(&taken[4..]), [told("bob", "ann of the tests would still like to connect")]);
    // The next three fall due, and wait; one of them is withdrawn meanwhile.
    town.advance(Span::hours(2)).await;
    assert_eq!(town.settled().await.len(), 5);
    let (dee, withdrawn) = invitations[2].clone();
    town.act(&dee, Action::Withdraw { invitation: withdrawn }).await;
    town.advance(Span::hours(21)).await;
    assert_eq!(town.settled().await.len(), 5, "a day has not passed");
    town.advance(Span::hours(1)).await;
    let taken = town.settled().await;
    assert_eq!(briefs(&taken[5..]), [told("bob", "2 invitations wait for your answer")]);
    town.end().await;
}

/// After an outage of the mail server: what is too late to make sense does not come.
#[tokio::test]
async fn what_comes_too_late_is_dropped() {
    let town = Town::new("", &["--trouble", "1", "--seed", "1"]).await;
    let (ann, bob) = (town.member("ann").await, town.member("bob").await);
    town.invite(&ann, &bob, None).await;
    let waiting = async || letters(&town.network, Stage::Pending).await;
    until(async || waiting().await.iter().any(|letter| letter.delivery.failed > 0).then_some(())).await;
    // The first notice still waits when it is time for the reminder, which takes its place.
    town.advance(Span::days(7)).await;
    let is_reminder = |letter: &Letter| letter.delivery.lane == "reminders";
    until(async || {
        let waiting = waiting().await;
        (waiting.len() == 1 && waiting.iter().all(is_reminder)).then_some(())
    })
    .await;
    assert!(letters(&town.network, Stage::Dead).await.is_empty(), "dropped, not given up");
    town.end().await;
}

#[tokio::test]
async fn nothing_leaves_in_quiet_hours_and_what_waits_leaves_together() {
    let town = Town::new("[mail]\nquiet_hours = \"22:00-07:00\"\ntime_zone = \"Europe/Rome\"", &[]).await;
    let (ann, bob, cem) = (town.member("ann").await, town.member("bob").await, town.member("cem").await);
    // 22:30 in Rome.
    town.network.set_clock("2026-03-02T21:30:00Z".parse().unwrap()).await.unwrap();
    town.invite(&ann, &bob, None).await;
    town.invite(&cem, &bob, None).await;
    let taken = town.mails_until(|taken| !taken.is_empty(), Span::minutes(30)).await;
    assert_eq!(briefs(&taken), [told("bob", "2 invitations wait for your answer")]);
    assert!(town.network.now() >= "2026-03-03T06:00:00Z".parse().unwrap(), "{}", town.network.now());
    town.end().await;
}

#[tokio::test]
async fn a_sender_is_told_when_they_may_invite_again() {
    let town = Town::new("[invitation]\nresend_after_withdrawal = \"21d\"\n[mail]\nfirst_notice = false", &[]).await;
    let (ann, bob) = (town.member("ann").await, town.member("bob").await);
    let invitation = town.invite(&ann, &bob, None).await;
    town.act(&ann, Action::Withdraw { invitation }).await;
    town.advance(Span::days(21)).await;
    assert_eq!(briefs(&town.mails(1).await), [told("ann", "You may invite bob of the tests again")]);
    town.end().await;
}
