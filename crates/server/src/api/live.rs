//! The live stream of events: what the pages of `GET /v1/events` tell, as Server-Sent Events.
//!
//! The stream is pulled: a page is read from the store only once the one before was taken by the
//! connection, so that a slow reader costs no memory; the connection of one that takes nothing any
//! more is cut ([`crate::config::Limits::write_timeout`]). What other servers on the same store
//! commit is told too, because the store is asked, not this server's engine.

use std::convert::Infallible;
use std::time::Duration;
use std::vec::IntoIter;

use acquaint_core::event::RecordedEvent;
use acquaint_core::ids::EventId;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::events::EventBody;
use crate::app::App;

/// Most events that are read for one stream at once.
const AT_ONCE: usize = 100;
/// How often the store is asked for more once a stream has told everything.
const PAUSE: Duration = Duration::from_millis(250);
/// A stream on which nothing happened for so long carries a comment, so that both ends and whatever
/// is between them know that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Answers with the events after that one, or all, and then with each that is committed.
pub(crate) fn stream(app: App, after: Option<EventId>) -> Response {
    let mut ticks = interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let closing = app.closing();
    let live = Live { app, after, read: Vec::new().into_iter(), ticks, closing };
    let events =
        stream::unfold(live, async |live| live.next().await.map(|(event, live)| (Ok::<_, Infallible>(event), live)));
    Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response()
}

struct Live {
    app: App,
    /// The last event that was read.
    after: Option<EventId>,
    /// Read, and not told yet.
    read: IntoIter<RecordedEvent>,
    ticks: Interval,
    closing: watch::Receiver<bool>,
}

impl Live {
    /// The next event, however long it takes; none when the server stops or the store fails. The
    /// client then connects again and goes on where it was.
    async fn next(mut self) -> Option<(Event, Self)> {
        loop {
            if *self.closing.borrow() {
                return None;
            }
            if let Some(event) = self.read.next() {
                return Some((told(event)?, self));
            }
            let read = self.app.network().events(self.after, AT_ONCE).await;
            let read = read.inspect_err(|error| tracing::warn!(%error, "a live stream ends")).ok()?;
            if let Some(last) = read.last() {
                self.after = Some(last.id);
                self.read = read.into_iter();
                continue;
            }
            tokio::select! {
                _ = self.ticks.tick() => {}
                _ = self.closing.changed() => return None,
            }
        }
    }
}

fn told(event: RecordedEvent) -> Option<Event> {
    let (id, kind) = (event.id.to_string(), event.event.kind.name());
    let told = Event::default().id(id).event(kind).json_data(EventBody::from(event));
    told.inspect_err(|error| tracing::error!(%error, "an event could not be written")).ok()
}
