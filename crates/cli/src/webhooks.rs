//! `acquaint webhooks`: endpoints of webhooks, managed through the server that posts to them.

use acquaint_core::time::Time;
use hyper::Method;
use hyper::body::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::args::{WebhooksCommand, WebhooksDo};
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::remote::{Remote, read};

/// Where the endpoints are.
const ALL: &str = "/v1/webhooks";

/// An endpoint as the server tells of it.
#[derive(Deserialize)]
struct Endpoint {
    id: String,
    url: String,
    events: Vec<String>,
    enabled: bool,
    #[serde(default)]
    disabled_because: Option<String>,
    #[serde(default)]
    secret: Option<String>,
}

#[derive(Deserialize)]
struct Listed<T> {
    items: Vec<T>,
}

/// A delivery as the server tells of it.
#[derive(Deserialize)]
struct Delivery {
    id: String,
    #[serde(default)]
    r#type: Option<String>,
    stage: String,
    #[serde(default)]
    attempts: Vec<Attempt>,
}

#[derive(Deserialize)]
struct Attempt {
    at: Time,
    #[serde(default)]
    status: Option<u16>,
    answer: String,
}

/// Carries out `acquaint webhooks`.
pub(crate) async fn run(command: &WebhooksCommand) -> Outcome<()> {
    let mut server = Remote::open(&command.server, "a key with the scope admin, or an operator's").await?;
    match &command.what {
        WebhooksDo::Create { url, events, description } => {
            let body = json!({"url": url, "events": events, "description": description});
            let made: Endpoint = server.call(Method::POST, ALL, body.to_string()).await?;
            output::line(&made.id)?;
            tell_secret(made)
        }
        WebhooksDo::List => list(&mut server).await,
        WebhooksDo::Delete { id } => ask(&mut server, Method::DELETE, id, "", Value::Null).await.map(drop),
        WebhooksDo::Enable { id } => ask(&mut server, Method::POST, id, "/enable", Value::Null).await.map(drop),
        WebhooksDo::Disable { id } => ask(&mut server, Method::POST, id, "/disable", Value::Null).await.map(drop),
        WebhooksDo::Rotate { id, overlap } => {
            let answer = ask(&mut server, Method::POST, id, "/secret", json!({"overlap": overlap})).await?;
            tell_secret(read(&answer)?)
        }
        WebhooksDo::Test { id } => told(&ask(&mut server, Method::POST, id, "/test", Value::Null).await?, "id"),
        WebhooksDo::Redrive { id } => {
            told(&ask(&mut server, Method::POST, id, "/redrive", Value::Null).await?, "count")
        }
        WebhooksDo::Replay { id, delivery } => {
            let path = format!("/deliveries/{}/replay", word(delivery)?);
            ask(&mut server, Method::POST, id, &path, Value::Null).await.map(drop)
        }
        WebhooksDo::Deliveries { id, stage } => {
            let path = format!("/deliveries?limit=100&stage={}", word(stage)?);
            let answer = ask(&mut server, Method::GET, id, &path, Value::Null).await?;
            read::<Listed<Delivery>>(&answer)?.items.iter().try_for_each(show)
        }
    }
}

/// A call about one endpoint.
async fn ask(server: &mut Remote, method: Method, id: &str, path: &str, body: Value) -> Outcome<Bytes> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = server.find(method, &format!("{ALL}/{}{path}", word(id)?), body).await?;
    answer.ok_or_else(|| Failure::failed("the server knows no such endpoint or delivery"))
}

/// A word that becomes a part of an address.
fn word(text: &str) -> Outcome<&str> {
    let is_word = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_word { Ok(text) } else { Err(Failure::usage(format_args!("{text:?} is no such name"))) }
}

async fn list(server: &mut Remote) -> Outcome<()> {
    let all: Listed<Endpoint> = server.call(Method::GET, ALL, String::new()).await?;
    for endpoint in all.items {
        let events = if endpoint.events.is_empty() { "all".to_owned() } else { endpoint.events.join(",") };
        let state = match (endpoint.enabled, endpoint.disabled_because) {
            (true, _) => "on".to_owned(),
            (false, why) => format!("off ({})", why.unwrap_or_default()),
        };
        output::line(&format!("{}\t{}\t{state}\t{events}", endpoint.id, endpoint.url))?;
    }
    Ok(())
}

fn tell_secret(endpoint: Endpoint) -> Outcome<()> {
    output::note("this is the only time that the secret is shown");
    output::line(&endpoint.secret.ok_or_else(|| Failure::failed("the server told no secret"))?)
}

/// Prints one field of an answer.
fn told(answer: &[u8], field: &str) -> Outcome<()> {
    let answer: Value = read(answer)?;
    match answer.get(field) {
        Some(Value::String(text)) => output::line(text),
        Some(other) => output::line(&other.to_string()),
        None => Err(Failure::failed("the server's answer says nothing")),
    }
}

fn show(delivery: &Delivery) -> Outcome<()> {
    let kind = delivery.r#type.as_deref().unwrap_or_default();
    output::line(&format!("{}\t{kind}\t{}", delivery.id, delivery.stage))?;
    delivery.attempts.iter().try_for_each(|attempt| {
        let status = attempt.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
        // An answer is somebody else's text: it stays on its line.
        output::line(&format!("\t{}\t{status}\t{}", attempt.at, attempt.answer.escape_debug()))
    })
}
