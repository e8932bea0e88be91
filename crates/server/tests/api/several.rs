//! Several servers on one database: what one of them is to do is done once, whoever does it.

use std::collections::BTreeMap;
use std::sync::Arc;

use acquaint_app::{Clock, EngineConfig, Network, Request};
use acquaint_core::cleanup::{Outcome, State};
use acquaint_core::command::{Action, Command};
use acquaint_core::decide::Answer;
use acquaint_core::event::EventKind;
use acquaint_core::ids::{InvitationId, MemberId};
use acquaint_core::policy::Policy;
use acquaint_core::time::Span;
use acquaint_store_postgres::migrate::Migrator;
use acquaint_store_postgres::{Address, Options, PostgresStore};
use acquaint_testkit::postgres::Place;

use crate::stores::seed;
use crate::town::START;

const SERVERS: usize = 3;
/// More than a day's budget.
const INVITED: usize = 30;

async fn servers(place: &Place) -> Vec<Network> {
    let address: Address = place.url().parse().unwrap();
    Migrator::connect(&address, &Options::with_seed(seed())).await.unwrap().apply().await.unwrap();
    let mut servers = Vec::new();
    for _ in 0..SERVERS {
        let store = PostgresStore::open(&address, &Options::with_seed(seed())).await.unwrap();
        let clock = Clock::settable(START.parse().unwrap());
        servers.push(Network::start(Arc::new(store), Policy::default(), clock, EngineConfig::default()).await.unwrap());
    }
    servers
}

async fn invite(network: &Network, from: &MemberId, to: &str) -> InvitationId {
    let to = MemberId::new(to).unwrap();
    let action = Action::Invite { to: to.clone(), note: None, to_email: None };
    let request = Request { command: Command { actor: from.clone(), action }, claim: None };
    match network.submit(request).await.unwrap().unwrap() {
        Answer::Invited { invitation, .. } => invitation.id,
        other => panic!("{other:?}"),
    }
}

/// The clock of every server goes on at the same moment, and each of them carries out what it finds due.
async fn advance(servers: &[Network], by: Span) {
    let all = servers.iter().cloned().map(|server| tokio::spawn(async move { server.advance_clock(by).await }));
    for advanced in all.collect::<Vec<_>>() {
        advanced.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_withdraws_each_invitation_once_however_many_servers_there_are() {
    let place = Place::new().unwrap();
    let mut servers = servers(&place).await;
    let ann = MemberId::new("ann").unwrap();
    let mut invitations = Vec::new();
    for number in 0..INVITED {
        invitations.push(invite(&servers[number % SERVERS], &ann, &format!("m{number}")).await);
    }
    advance(&servers, Span::days(20)).await;
    servers[1].plan_cleanup(&ann, &invitations, None).await.unwrap();
    for hour in 0..34 {
        advance(&servers, Span::hours(1)).await;
        if hour == 12 {
            // One of them goes away in the middle.
            servers.remove(1).shutdown().await;
        }
    }
    let plan = servers[0].cleanup_plan(&ann).await.unwrap().unwrap();
    assert_eq!(plan.state, State::Finished);
    let outcomes: Vec<Outcome> = plan.items.iter().filter_map(|item| Some(item.outcome?.0)).collect();
    assert_eq!(outcomes, [Outcome::Withdrawn; INVITED]);
    let mut withdrawn = BTreeMap::<InvitationId, usize>::new();
    let mut after = None;
    // What a server has committed is told once the others have said how far they are, within a second or two.
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(50));
    while withdrawn.len() < INVITED {
        ticks.tick().await;
        let events = servers[0].events(after, 100).await.unwrap();
        after = events.last().map(|event| event.id).or(after);
        for event in &events {
            if matches!(event.event.kind, EventKind::InvitationWithdrawn) {
                *withdrawn.entry(event.event.invitation.unwrap()).or_default() += 1;
            }
        }
    }
    invitations.sort_unstable();
    assert_eq!(withdrawn.into_iter().collect::<Vec<_>>(), invitations.iter().map(|id| (*id, 1)).collect::<Vec<_>>());
}
