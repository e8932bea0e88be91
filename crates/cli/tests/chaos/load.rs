//! Clients that work on relations until they are told to stop, and somebody who reads the events
//! meanwhile.
//!
//! Three clients share a relation, for a few calls each, and then go on to another one: so the history
//! of each is short enough to be checked in full, while the rows of a few hubs are written by all.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

use super::caller::Caller;
use super::history::{Client, History, Step};
use super::spec::{Call, Who};

/// Clients of one relation at a time.
const CLIENTS: Client = 3;
/// Calls of each of them.
const CALLS: usize = 5;
/// Members whom everybody deals with.
const HUBS: u64 = 6;

/// What clients, reader and troublemaker share.
pub(crate) struct Load {
    pub(crate) servers: Vec<String>,
    seed: u64,
    stop: AtomicBool,
    answered: Mutex<u64>,
    more: Condvar,
    next: Mutex<u64>,
    histories: Mutex<Vec<Arc<History>>>,
    /// Calls that were sent more than once.
    again: Mutex<u64>,
}

impl Load {
    pub(crate) fn new(servers: Vec<String>, seed: u64) -> Self {
        Self {
            servers,
            seed,
            stop: AtomicBool::new(false),
            answered: Mutex::new(0),
            more: Condvar::new(),
            next: Mutex::new(0),
            histories: Mutex::default(),
            again: Mutex::new(0),
        }
    }

    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.more.notify_all();
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn histories(&self) -> Vec<Arc<History>> {
        self.histories.lock().unwrap().clone()
    }

    /// How many calls were answered, and how many attempts were in vain.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (*self.answered.lock().unwrap(), *self.again.lock().unwrap())
    }

    fn count(&self) {
        *self.answered.lock().unwrap() += 1;
        self.more.notify_all();
    }

    /// Waits until so many more calls are answered. The system has to go on by itself: where it does
    /// not, the test runner ends the test.
    pub(crate) fn wait_for(&self, more: u64) {
        let answered = self.answered.lock().unwrap();
        let enough = *answered + more;
        drop(self.more.wait_while(answered, |answered| *answered < enough && !self.stopped()).unwrap());
    }

    /// Waits for that time, however much is answered.
    pub(crate) fn wait_during(&self, time: Duration) {
        let answered = self.answered.lock().unwrap();
        drop(self.more.wait_timeout_while(answered, time, |_| !self.stopped()).unwrap());
    }

    /// Works on one relation after the other until it is over.
    pub(crate) fn work(&self) {
        while !self.stopped() {
            let number = {
                let mut next = self.next.lock().unwrap();
                *next += 1;
                *next
            };
            let hub = format!("hub-{}", number % HUBS).parse().unwrap();
            let history = Arc::new(History::new(hub, format!("guest-{number}").parse().unwrap()));
            self.histories.lock().unwrap().push(history.clone());
            std::thread::scope(|scope| {
                for client in 0..CLIENTS {
                    let history = &history;
                    scope.spawn(move || self.play(history, number, client));
                }
            });
        }
    }

    fn play(&self, history: &History, number: u64, client: Client) {
        let mut random = StdRng::seed_from_u64(self.seed ^ (number << 8) ^ u64::from(client));
        let mut caller = Caller::new(&self.servers, random.random_range(0..self.servers.len()));
        for turn in 0..CALLS {
            let who = if random.random_bool(0.5) { Who::Hub } else { Who::Guest };
            let call = choose(&mut random, history);
            let key = format!("{}-{number}-{client}-{turn}", self.seed);
            self.call(&mut caller, history, client, who, &call, &key);
        }
        *self.again.lock().unwrap() += caller.again;
    }

    pub(crate) fn call(
        &self,
        caller: &mut Caller,
        history: &History,
        client: Client,
        who: Who,
        call: &Call,
        key: &str,
    ) {
        let (actor, other) = (history.id(who), history.id(who.opposite()));
        history.add(Step::Began(client, (who, call.clone())));
        let (told, doubtful) = caller.make(actor.as_str(), other.as_str(), call, key);
        history.add(Step::Ended(client, told, doubtful));
        self.count();
    }

    /// Reads the events with a cursor while they come, from one server and another; all of them.
    pub(crate) fn read_events(&self) -> Vec<Value> {
        let mut events: Vec<Value> = Vec::new();
        let mut turn = 0;
        loop {
            // Looked at before reading: what is there by then is read.
            let last = self.stopped();
            turn += 1;
            let mut caller = Caller::new(&self.servers, turn);
            read_events_after(&mut caller, &mut events);
            if last {
                return events;
            }
            self.wait_for(20);
        }
    }

    /// Makes a last event on each server, and reads on until all of them have come. An event is shown
    /// once no server can commit an earlier one any more, which takes the others a second.
    pub(crate) fn read_the_last_events(&self, events: &mut Vec<Value>) {
        let mut last = Vec::new();
        for server in 0..self.servers.len() {
            let history = Arc::new(History::new("hub-0".parse().unwrap(), format!("last-{server}").parse().unwrap()));
            self.histories.lock().unwrap().push(history.clone());
            let mut caller = Caller::new(&self.servers, server);
            let key = format!("{}-last-{server}", self.seed);
            self.call(&mut caller, &history, 0, Who::Guest, &Call::Follow, &key);
            last.push(history.guest.to_string());
        }
        let come = |events: &[Value], name: &String| events.iter().rev().any(|event| event["actor"] == name.as_str());
        let mut caller = Caller::new(&self.servers, 0);
        while !last.iter().all(|name| come(events, name)) {
            read_events_after(&mut caller, events);
        }
    }
}

/// Adds the events that follow.
pub(crate) fn read_events_after(caller: &mut Caller, events: &mut Vec<Value>) {
    loop {
        let after = events.last().map(|event| format!("&after={}", event["id"].as_str().unwrap()));
        let page = caller.get(&format!("/v1/events?limit=100{}", after.unwrap_or_default()), "nobody");
        let items = page["items"].as_array().unwrap();
        events.extend(items.iter().cloned());
        if items.is_empty() {
            return;
        }
    }
}

/// What is done next: mostly what could succeed.
fn choose(random: &mut StdRng, history: &History) -> Call {
    let invitation = history.latest_invitation();
    match (random.random_range(0..20), invitation) {
        (0..4, _) | (4..12, None) => Call::Invite(None),
        (4..8, Some(id)) => Call::Accept(id),
        (8..11, Some(id)) => Call::Withdraw(id),
        (11..12, Some(id)) => Call::Decline(id),
        (12..14, _) => Call::Disconnect,
        (14, _) => Call::Follow,
        (15, _) => Call::Unfollow,
        (16, _) => Call::Block,
        (17, _) => Call::Unblock,
        _ => Call::Look,
    }
}
