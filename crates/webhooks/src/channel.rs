//! Webhooks as a channel of the outbox: which endpoint is told of what, and one attempt to tell it.

use acquaint_app::outbox::{Channel, Delivery, Planned, Said, Sent, Wanted, lane_between};
use acquaint_app::{Clock, Network};
use acquaint_core::event::RecordedEvent;
use acquaint_core::time::Time;
use acquaint_core::told::ToldEvent;
use acquaint_store::{StoreError, StoreResult};
use async_trait::async_trait;
use serde_json::json;

use crate::endpoint::{Endpoint, Webhooks};
use crate::post::{Answer, Letter};
use crate::secret::EndpointSecret;

/// The channel's name in the outbox.
pub const CHANNEL: &str = "webhooks";

#[async_trait]
impl Channel for Webhooks {
    fn name(&self) -> &'static str {
        CHANNEL
    }

    async fn plan(&self, _: &Network, events: &[RecordedEvent]) -> StoreResult<Vec<Planned>> {
        let endpoints = if events.is_empty() { Vec::new() } else { self.list().await? };
        let mut planned = Vec::new();
        for event in events {
            let kind = event.event.kind.event_type();
            let hears = |endpoint: &&Endpoint| {
                endpoint.off.is_none() && endpoint.hears(kind) && endpoint.since.is_none_or(|since| event.id > since)
            };
            let hearing: Vec<&Endpoint> = endpoints.iter().filter(hears).collect();
            if hearing.is_empty() {
                continue;
            }
            let body = serde_json::to_string(&ToldEvent::from(event.clone()));
            let body = body.map_err(|error| StoreError::Failed(format!("an event cannot be written: {error}")))?;
            planned.extend(hearing.into_iter().map(|endpoint| Planned {
                event: event.id,
                owner: None,
                target: endpoint.id.clone(),
                lane: lane_between(event),
                not_before: Time::MIN,
                about: vec![event.event.actor.clone(), event.event.subject.clone()],
                payload: json!({"type": kind, "body": body}),
            }));
        }
        Ok(planned)
    }

    async fn still_wanted(&self, _: &Network, delivery: &Delivery) -> StoreResult<Wanted> {
        Ok(if self.get(&delivery.target).await?.is_some() { Wanted::Now } else { Wanted::No("endpoint_deleted") })
    }

    async fn send(&self, _: &Network, deliveries: &[Delivery]) -> Sent {
        // There is one: this channel takes none together.
        let Some(delivery) = deliveries.first() else {
            return Sent::GivenUp(Said::new(None, "there is nothing to tell"));
        };
        let failed = |text: &str| Sent::Failed { said: Said::new(None, text), retry_after: None };
        let endpoint = match self.get(&delivery.target).await {
            Ok(Some(endpoint)) => endpoint,
            Ok(None) => return Sent::GivenUp(Said::new(None, "the endpoint was deleted")),
            Err(error) => return failed(&error.to_string()),
        };
        if endpoint.off.is_some() && delivery.is_of_an_event() {
            return Sent::GivenUp(Said::new(None, "the endpoint is switched off"));
        }
        let body = delivery.payload.get("body").and_then(|body| body.as_str()).unwrap_or_default();
        let letter = match self.signed(&endpoint, &delivery.id, body).await {
            Ok(letter) => letter,
            Err(error) => return failed(&error),
        };
        let sent = judged(self.poster.post(&endpoint.terms.url, &letter).await);
        if delivery.is_of_an_event() {
            let is_gone = matches!(&sent, Sent::GivenUp(_));
            self.note(&endpoint, matches!(sent, Sent::Delivered(_)), is_gone).await;
        }
        sent
    }
}

impl Webhooks {
    async fn signed<'a>(&self, endpoint: &Endpoint, id: &'a str, body: &'a str) -> Result<Letter<'a>, String> {
        let community = self.network.secret().await.map_err(|error| error.to_string())?;
        let now = self.network.now();
        let overlaps = endpoint.previous_until.is_some_and(|until| now < until);
        let previous = overlaps.then(|| endpoint.secret.saturating_sub(1));
        // Receivers compare this with their own clock, so it is the time of the world, not one that was set.
        let at = Clock::system().now().unix();
        let numbers = [Some(endpoint.secret), previous].into_iter().flatten();
        let signatures: Option<Vec<String>> = numbers
            .map(|number| EndpointSecret::of(&community, &endpoint.id, number).sign(id, at, body.as_bytes()))
            .collect();
        let signatures = signatures.ok_or("the delivery cannot be signed")?.join(" ");
        Ok(Letter { id, at, signatures, body })
    }
}

/// What an answer means: 2xx is arrived, 410 is gone for good, anything else may be better another time.
fn judged(answer: Result<Answer, String>) -> Sent {
    match answer {
        Err(text) => Sent::Failed { said: Said::new(None, &text), retry_after: None },
        Ok(answer) => {
            let (status, retry_after) = (answer.status, answer.retry_after);
            let said = Said::new(Some(status), &answer.text());
            match status {
                200..300 => Sent::Delivered(said),
                410 => Sent::GivenUp(said),
                300..400 => {
                    let said = Said::new(Some(status), "redirects are not followed: name the address that it leads to");
                    Sent::Failed { said, retry_after: None }
                }
                _ => Sent::Failed { said, retry_after },
            }
        }
    }
}
