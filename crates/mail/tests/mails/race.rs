//! Withdrawing races the mail: after a withdrawal nothing leaves (rules 8 and 23).

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use acquaint_app::Network;
use acquaint_app::outbox::{Channel, Delivery, Outbox, Planned, Sent, Wanted};
use acquaint_core::command::Action;
use acquaint_core::event::{EventKind, RecordedEvent};
use acquaint_core::ids::{InvitationId, MemberId};
use acquaint_core::member::Profile;
use acquaint_core::time::Span;
use acquaint_mail::Mails;
use acquaint_store::StoreResult;
use acquaint_testkit::mail::MailServer;
use async_trait::async_trait;

use crate::town::{act, invite, mails, network, register, smtp, start, until};

/// How many invitations race.
const RACES: usize = 1_000;

/// Numbers of moments, in one order for all.
#[derive(Default)]
struct Moments(AtomicU64);

impl Moments {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// Mails, with a note of when the last attempt for each recipient began.
struct Watched {
    mails: Mails,
    moments: Arc<Moments>,
    began: Mutex<HashMap<MemberId, u64>>,
    /// The highest place whose attempt has begun; they begin in about this order.
    front: AtomicUsize,
}

#[async_trait]
impl Channel for Watched {
    fn name(&self) -> &'static str {
        self.mails.name()
    }

    async fn plan(&self, network: &Network, events: &[RecordedEvent]) -> StoreResult<Vec<Planned>> {
        self.mails.plan(network, events).await
    }

    async fn still_wanted(&self, network: &Network, delivery: &Delivery) -> StoreResult<Wanted> {
        self.mails.still_wanted(network, delivery).await
    }

    async fn send(&self, network: &Network, deliveries: &[Delivery]) -> Sent {
        for owner in deliveries.iter().filter_map(|delivery| delivery.owner.clone()) {
            let place = owner.as_str().trim_start_matches('r').parse().unwrap();
            self.began.lock().unwrap().insert(owner, self.moments.next());
            self.front.fetch_max(place, Ordering::SeqCst);
        }
        self.mails.send(network, deliveries).await
    }

    fn together(&self) -> usize {
        self.mails.together()
    }

    fn side_by_side(&self) -> usize {
        self.mails.side_by_side()
    }
}

struct Race {
    network: Network,
    server: MailServer,
    watched: Arc<Watched>,
    outbox: Outbox,
    /// Sender, recipient, invitation.
    invitations: Vec<(MemberId, MemberId, InvitationId)>,
}

impl Race {
    async fn prepare(policy: &str) -> Self {
        let server = MailServer::start(Vec::<String>::new()).unwrap();
        let network = network(policy).await;
        let mails = mails(&network, &smtp(&server)).await;
        let watched =
            Arc::new(Watched { mails, moments: Arc::default(), began: Mutex::default(), front: AtomicUsize::new(0) });
        let outbox = start(&network, Arc::clone(&watched) as Arc<dyn Channel>).await;
        let mut people = Vec::new();
        for number in 0..RACES {
            let from = register(&network, &format!("s{number:04}"), Profile::default()).await;
            people.push((from, register(&network, &format!("r{number:04}"), Profile::default()).await));
        }
        let mut invitations = Vec::new();
        for (from, to) in people {
            let invitation = invite(&network, &from, &to, None).await;
            invitations.push((from, to, invitation));
        }
        Self { network, server, watched, outbox, invitations }
    }

    /// Withdraws every second invitation about when its mail is on its way: shortly before its attempt
    /// begins, or when it or one after it has begun. Returns when each withdrawal was answered.
    async fn withdraw(&self) -> HashMap<MemberId, u64> {
        let mut withdrawn = HashMap::new();
        let ahead = [0, 1, 2, 4, 8, 64].into_iter().cycle();
        let mut looks = tokio::time::interval(Duration::from_millis(1));
        for ((place, (from, to, invitation)), ahead) in self.invitations.iter().enumerate().step_by(2).zip(ahead) {
            while self.watched.front.load(Ordering::SeqCst) + ahead < place {
                looks.tick().await;
            }
            act(&self.network, from, Action::Withdraw { invitation: *invitation }).await;
            withdrawn.insert(to.clone(), self.watched.moments.next());
        }
        withdrawn
    }

    /// Whom the server has taken a mail for.
    async fn told(&self) -> Vec<MemberId> {
        let kept = self.invitations.iter().enumerate().filter(|(place, _)| place % 2 == 1);
        let kept: Vec<String> = kept.map(|(_, (_, to, _))| format!("{to}@example.org")).collect();
        until(async || {
            let taken = self.server.taken();
            let told: BTreeSet<&String> = taken.iter().flat_map(|mail| &mail.to).collect();
            let name = |to: &&String| MemberId::new(to.split('@').next().unwrap()).unwrap();
            kept.iter().all(|to| told.contains(to)).then(|| told.iter().map(name).collect())
        })
        .await
    }

    async fn judge(self, withdrawn: &HashMap<MemberId, u64>) {
        let told = self.told().await;
        let began = self.watched.began.lock().unwrap().clone();
        let mut both = 0;
        for to in told {
            let Some(over) = withdrawn.get(&to) else { continue };
            both += 1;
            assert!(began[&to] < *over, "a mail to {to} left although it was withdrawn before the attempt began");
        }
        println!("{} withdrawn, of which {both} were told of before", withdrawn.len());
        assert!(both > 0 && both < withdrawn.len(), "there was no race: {both} of {}", withdrawn.len());
        self.outbox.shutdown().await;
        self.network.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_first_notice_leaves_after_a_withdrawal() {
    let race = Race::prepare("[reminders]\nafter = \"off\"").await;
    let withdrawn = race.withdraw().await;
    race.judge(&withdrawn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reminder_is_made_or_leaves_after_a_withdrawal() {
    let race = Race::prepare("[mail]\nfirst_notice = false\n[reminders]\nafter = [\"7d\"]").await;
    let network = race.network.clone();
    let advancing = tokio::spawn(async move { network.advance_clock(Span::days(7)).await });
    let withdrawn = race.withdraw().await;
    advancing.await.unwrap().unwrap();
    let mut over: BTreeSet<InvitationId> = BTreeSet::new();
    let (mut after, mut reminded) = (None, 0);
    loop {
        let events = race.network.events(after, 1_000).await.unwrap();
        let Some(last) = events.last() else { break };
        after = Some(last.id);
        for RecordedEvent { event, .. } in events {
            let Some(invitation) = event.invitation else { continue };
            match event.kind {
                EventKind::InvitationReminded { .. } => {
                    reminded += 1;
                    assert!(!over.contains(&invitation), "a reminder after the withdrawal");
                }
                EventKind::InvitationWithdrawn => {
                    over.insert(invitation);
                }
                _ => {}
            }
        }
    }
    assert!(reminded >= RACES / 2, "{reminded}");
    race.judge(&withdrawn).await;
}
