//! The pages of a member, kept true while they are open: a stream of Server-Sent Events that says which
//! invitations have changed for the member, and how many wait.
//!
//! What is sent is made from what the member is shown anyway ([`view::shows`], the counts of the frame), and only
//! when that has changed: what others do in silence sends nothing. A page that has no stream is as good as one
//! that is loaded again.

use std::convert::Infallible;
use std::future::ready;
use std::time::Duration;

use acquaint_app::Watch;
use acquaint_core::event::RecordedEvent;
use acquaint_core::ids::{EventId, InvitationId, NotificationId};
use acquaint_core::view::{self, Direction, InvitationState};
use acquaint_store::NotificationPage;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::session::{Me, Visitor};
use super::shell::MOST_UNREAD;
use super::{Mishap, Web};

/// The address of the stream.
pub(crate) const ADDRESS: &str = "/live";
/// How often a comment is sent while nothing happens, and the member looked at: are they signed in still?
const HEARTBEAT: Duration = Duration::from_secs(15);
/// After how long a browser that lost its stream asks for it again.
const RETRY: Duration = Duration::from_secs(3);

/// How many of each wait, as the frame of every page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Counts {
    received: u32,
    sent: u32,
    connections: u32,
    /// Up to [`MOST_UNREAD`].
    unread: usize,
    /// The latest notification.
    latest: Option<NotificationId>,
}

/// An invitation that is not what it was for the member.
#[derive(Debug, Serialize)]
struct Changed {
    id: InvitationId,
    direction: Direction,
    state: InvitationState,
}

/// Tells the member's pages what changes, from the event on that the browser saw last.
pub(crate) async fn stream(State(web): State<Web>, me: Me, headers: HeaderMap) -> Result<Response, Mishap> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let (watch, missed) = match web.network().watch(&me.id, last).await? {
        Ok(watch) => (Some(watch), false),
        Err(acquaint_app::Missed) => (web.network().watch(&me.id, None).await?.ok(), true),
    };
    let watch = watch.ok_or(Mishap::Ours)?;
    let mut ticks = interval(HEARTBEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first look does not wait for a tick, and one at once would be a second.
    ticks.reset();
    let closing = web.app().closing();
    let live = Live {
        web,
        me,
        headers,
        watch,
        ticks,
        closing,
        counts: None,
        look_due: true,
        id: last,
        waiting: Vec::new(),
        missed,
    };
    let told = stream::unfold(live, async |mut live| {
        let event = live.next().await?;
        Some((Ok::<_, Infallible>(event), live))
    });
    Ok(Sse::new(told).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response())
}

struct Live {
    web: Web,
    me: Me,
    /// With the cookie that the member is known by.
    headers: HeaderMap,
    watch: Watch,
    ticks: Interval,
    closing: watch::Receiver<bool>,
    /// The last that were told.
    counts: Option<Counts>,
    /// Whether they may have changed since.
    look_due: bool,
    /// The last event that made a difference. What happened in silence leaves no trace here either.
    id: Option<EventId>,
    /// To be told.
    waiting: Vec<Event>,
    /// Whether so much has changed that the page is to be loaded anew.
    missed: bool,
}

impl Live {
    /// The next thing to tell, however long it takes; none once the stream is over.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if *self.closing.borrow() {
                return None;
            }
            if let Some(event) = self.waiting.pop() {
                return Some(event);
            }
            if std::mem::take(&mut self.missed) {
                return Some(Event::default().event("missed").data("load the page again"));
            }
            tokio::select! {
                // What changed is told before the counts that it changed, so they are looked at once no event is
                // left, and not again before the next one: somebody may have acted whose events are yet to come.
                biased;
                event = self.watch.next() => {
                    self.signed_in().await?;
                    self.take(event?).await?;
                }
                () = ready(()), if self.look_due => {
                    self.look_due = false;
                    match self.look().await {
                        Ok(Some(event)) => return Some(event),
                        Ok(None) => {}
                        Err(mishap) => {
                            tracing::warn!(?mishap, "the live stream of a page ends");
                            return None;
                        }
                    }
                }
                _ = self.ticks.tick() => {
                    self.signed_in().await?;
                    self.look_due = true;
                }
                _ = self.closing.changed() => return None,
            }
        }
    }

    /// Goes on only while the member is signed in.
    async fn signed_in(&self) -> Option<()> {
        let visitor = Visitor::glance(&self.headers, &self.web).await.ok()?;
        visitor.member.filter(|member| *member == self.me.id).map(drop)
    }

    /// Takes an event and those that are there behind it, so that the counts are looked at once for all.
    async fn take(&mut self, first: RecordedEvent) -> Option<()> {
        let mut next = Some(first);
        let mut told = Vec::new();
        while let Some(event) = next {
            told.extend(self.changed(&event).await?);
            next = self.watch.try_next();
        }
        told.reverse();
        self.waiting = told;
        self.look_due = true;
        Some(())
    }

    /// What an event changes for the member, if anything.
    async fn changed(&mut self, event: &RecordedEvent) -> Option<Option<Event>> {
        let Some(invitation) = event.event.invitation else { return Some(None) };
        let read = self.web.network().invitation(&self.me.id, invitation).await;
        let seen = read.inspect_err(|error| tracing::warn!(%error, "the live stream of a page ends")).ok()?;
        let Some(seen) = seen.filter(|seen| view::shows(&event.event, &self.me.id, seen)) else { return Some(None) };
        self.id = Some(event.id);
        Some(self.told("invitation", &Changed { id: seen.id, direction: seen.direction, state: seen.state }))
    }

    /// The counts, if they have changed.
    async fn look(&mut self) -> Result<Option<Event>, Mishap> {
        let network = self.web.network();
        let ledger = &network.member(&self.me.id).await?.ledger;
        let unread = network.unread(&self.me.id, MOST_UNREAD).await?;
        let (received, sent, connections) = (ledger.pending_received, ledger.pending_sent, ledger.connections);
        let page = NotificationPage { member: self.me.id.clone(), after: None, limit: 1, seen: None };
        let latest = network.notifications(&page).await?.first().map(|line| line.id);
        let counts = Counts { received, sent, connections, unread, latest };
        if self.counts == Some(counts) {
            return Ok(None);
        }
        self.counts = Some(counts);
        Ok(self.told("counts", &counts))
    }

    fn told(&self, name: &str, what: &impl Serialize) -> Option<Event> {
        let mut event = Event::default().event(name).retry(RETRY);
        if let Some(id) = self.id {
            event = event.id(id.to_string());
        }
        event.json_data(what).inspect_err(|error| tracing::error!(%error, "a change could not be written")).ok()
    }
}
