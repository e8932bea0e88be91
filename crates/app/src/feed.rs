//! Watching what happens to a member, as it happens.
//!
//! However many watch, one task asks the store what is new, a few times a second, and only while somebody
//! watches. It hands each event to those who watch one of its two members. A watch that is not read in time is
//! ended and not remembered for: whoever had it watches anew, from the event that they saw last.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use acquaint_core::event::RecordedEvent;
use acquaint_core::ids::{EventId, MemberId};
use acquaint_store::StoreResult;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{MissedTickBehavior, interval};

use crate::network::{Network, WeakNetwork};

/// How often the store is asked for more.
const PAUSE: Duration = Duration::from_millis(250);
/// How many events are read at once.
const AT_ONCE: usize = 500;
/// How many events a watch may be behind with.
const ROOM: usize = 256;
/// How many watches one member may have; the next one ends the oldest.
const MOST: usize = 8;
/// How many events are looked through for a watch that goes on from one seen before.
const CATCH_UP: usize = 2_000;

/// Those who watch.
#[derive(Debug, Default)]
pub(crate) struct Feed(Mutex<Watchers>);

#[derive(Debug, Default)]
struct Watchers {
    by_member: HashMap<MemberId, VecDeque<Sender<RecordedEvent>>>,
    /// Whether the task runs.
    followed: bool,
}

/// What happens to a member from now on; see [`Network::watch`].
#[derive(Debug)]
pub struct Watch {
    /// What happened before the watch began, and was asked for.
    before: VecDeque<RecordedEvent>,
    /// The last event that was looked through for that.
    seen: Option<EventId>,
    coming: Receiver<RecordedEvent>,
}

/// So much has happened since the event that a watch should go on from that it was not looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed;

impl Watch {
    /// The next event that names the member; `None` if the watch has ended, because it was not read in time, the
    /// member has too many, or the store failed.
    pub async fn next(&mut self) -> Option<RecordedEvent> {
        if let Some(event) = self.before.pop_front() {
            return Some(event);
        }
        loop {
            let event = self.coming.recv().await?;
            if self.seen.is_none_or(|seen| event.id > seen) {
                return Some(event);
            }
        }
    }

    /// The next event if there is one by now.
    pub fn try_next(&mut self) -> Option<RecordedEvent> {
        if let Some(event) = self.before.pop_front() {
            return Some(event);
        }
        std::iter::from_fn(|| self.coming.try_recv().ok()).find(|event| self.seen.is_none_or(|seen| event.id > seen))
    }
}

impl Network {
    /// Watches what happens to a member: each event that names them, once it is committed, whichever server
    /// committed it. With `after` first those after that event, unless they are too many to look through.
    ///
    /// Events tell what no member may learn; [`view::shows`](acquaint_core::view::shows) says which one may.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn watch(&self, member: &MemberId, after: Option<EventId>) -> StoreResult<Result<Watch, Missed>> {
        let now = self.store().last_event().await?;
        let (sender, coming) = mpsc::channel(ROOM);
        if self.feed().add(member, sender) {
            tokio::spawn(follow(self.downgrade(), now));
        }
        let mut watch = Watch { before: VecDeque::new(), seen: after, coming };
        if let Some(after) = after {
            let found = self.events(Some(after), CATCH_UP).await?;
            if found.len() == CATCH_UP {
                return Ok(Err(Missed));
            }
            watch.seen = found.last().map(|event| event.id).or(watch.seen);
            watch.before = found.into_iter().filter(|found| names(found).contains(&member)).collect();
        }
        Ok(Ok(watch))
    }
}

impl Feed {
    fn lock(&self) -> MutexGuard<'_, Watchers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds one who watches; whether nobody follows the events yet.
    fn add(&self, member: &MemberId, sender: Sender<RecordedEvent>) -> bool {
        let mut watchers = self.lock();
        let own = watchers.by_member.entry(member.clone()).or_default();
        own.retain(|one| !one.is_closed());
        if own.len() >= MOST {
            own.pop_front();
        }
        own.push_back(sender);
        !std::mem::replace(&mut watchers.followed, true)
    }

    /// Hands events to those who watch; whoever has no room for one watches no more. Whether anybody is left:
    /// if not, nobody follows any more.
    fn hand_out(&self, events: &[RecordedEvent]) -> bool {
        let mut watchers = self.lock();
        for event in events {
            for member in names(event) {
                if let Some(own) = watchers.by_member.get_mut(member) {
                    own.retain(|one| one.try_send(event.clone()).is_ok());
                }
            }
        }
        watchers.by_member.retain(|_, own| {
            own.retain(|one| !one.is_closed());
            !own.is_empty()
        });
        watchers.followed = !watchers.by_member.is_empty();
        watchers.followed
    }

    /// Ends every watch.
    fn end(&self) {
        *self.lock() = Watchers::default();
    }
}

/// The members that an event names, each once.
fn names(event: &RecordedEvent) -> Vec<&MemberId> {
    let event = &event.event;
    if event.actor == event.subject { vec![&event.actor] } else { vec![&event.actor, &event.subject] }
}

/// Follows the events for as long as somebody watches. When the store fails every watch ends, and whoever watches
/// next finds out whether it is back.
async fn follow(network: WeakNetwork, mut after: Option<EventId>) {
    let mut ticks = interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let Some(network) = network.upgrade() else { return };
        let events = match network.events(after, AT_ONCE).await {
            Ok(events) => events,
            Err(error) => {
                tracing::warn!(%error, "what happens cannot be watched for the moment");
                return network.feed().end();
            }
        };
        after = events.last().map(|event| event.id).or(after);
        if !network.feed().hand_out(&events) {
            return;
        }
        drop(network);
        if events.len() < AT_ONCE {
            ticks.tick().await;
        }
    }
}
