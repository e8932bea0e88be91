//! The server, asked over HTTP by a client on the same cores.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use acquaint_app::clock::Stopwatch;
use acquaint_core::ids::MemberId;
use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use serde_json::json;

use super::community::{Caller, Community, Step, measured_at, member, note};
use super::engine::{histogram, micros};
use super::results::{Measured, Results, Run};
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::output;

/// Connections that each wait for one answer before they ask again.
pub(super) const CONNECTIONS: usize = 64;
/// Connections that send many commands at once.
const BULK_CONNECTIONS: usize = 8;
/// Commands in one bulk request.
const BULK: usize = 500;
/// The key of the server that is measured; it listens on loopback alone.
const KEY: &str = "bench-key-of-a-server-on-loopback";

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Healthz,
    Relation,
    SentPage,
    Single,
    /// An invitation, never anything else.
    Send,
    Bulk,
}

impl Kind {
    const MEASURED: [Kind; 4] = [Kind::Relation, Kind::SentPage, Kind::Single, Kind::Bulk];

    fn name(self) -> &'static str {
        match self {
            Kind::Healthz => "healthz",
            Kind::Relation => "GET /v1/relations/{member}",
            Kind::SentPage => "GET /v1/invitations/sent",
            Kind::Single => "one command a request",
            Kind::Send => "POST /v1/invitations",
            Kind::Bulk => "POST /v1/commands, 500 each",
        }
    }

    /// Requests in one round: enough for some seconds.
    fn requests(self) -> usize {
        match self {
            Kind::Healthz => 128_000,
            Kind::Relation => 96_000,
            Kind::SentPage => 64_000,
            Kind::Single | Kind::Send => 48_000,
            Kind::Bulk => 96,
        }
    }

    fn connections(self) -> usize {
        if self == Kind::Bulk { BULK_CONNECTIONS } else { CONNECTIONS }
    }

    fn commands_in_one(self) -> usize {
        if self == Kind::Bulk { BULK } else { 1 }
    }

    /// The ratio that is wanted, and to what.
    fn target(self) -> (f64, &'static str) {
        match self {
            Kind::Healthz | Kind::Send => (1.0, "healthz"),
            Kind::Relation => (0.6, "healthz"),
            Kind::SentPage => (0.3, "healthz"),
            Kind::Single => (0.12, "healthz"),
            Kind::Bulk => (0.8, "the engine"),
        }
    }
}

/// Measures the server on the community that the engine left behind.
pub(super) async fn measure(store: &Path, mut community: Community, rounds: u32, results: &mut Results) -> Outcome<()> {
    let store = format!("fjall:{}", store.display());
    let server = Server::start(&store).await?;
    results.start_seconds = Some(server.seconds_to_start);
    output::note("asking about every member once, as a server that has run for a while was asked");
    server.warm_up(community.size.members).await?;
    let mut healthz = Vec::new();
    let mut measured: Vec<(Kind, Vec<(Run, f64)>)> = Kind::MEASURED.map(|kind| (kind, Vec::new())).into();
    for round in 1..=rounds {
        output::note(&format!("HTTP round {round} of {rounds}"));
        for (kind, runs) in &mut measured {
            let floor = run(&[&server], Kind::Healthz, &mut community, Kind::Healthz.requests()).await?;
            let run = run(&[&server], *kind, &mut community, kind.requests()).await?;
            let against = match (*kind, &results.engine) {
                (Kind::Bulk, Some(engine)) => engine.rate(),
                _ => floor.rate(),
            };
            let ratio = run.rate() / against;
            runs.push((run, ratio));
            healthz.push((floor, 1.0));
        }
    }
    results.healthz = Some(median(healthz).0);
    for (kind, runs) in measured {
        let (run, ratio) = median(runs);
        let (target, against) = kind.target();
        results.http.push(Measured { name: kind.name(), run, ratio, against, target });
    }
    results.resident_mib = server.memory("VmRSS:");
    results.resident_peak_mib = server.memory("VmHWM:");
    server.kill()?;
    let server = Server::start(&store).await?;
    results.start_after_kill_seconds = Some(server.seconds_to_start);
    server.kill()
}

/// The run whose ratio lies in the middle.
fn median(mut runs: Vec<(Run, f64)>) -> (Run, f64) {
    runs.sort_by(|(a, left), (b, right)| left.total_cmp(right).then(a.rate().total_cmp(&b.rate())));
    let middle = runs.len() / 2;
    runs.into_iter().nth(middle).unwrap_or_default()
}

/// A server of its own process, so that its memory can be told and it can be killed.
pub(super) struct Server {
    process: Child,
    address: String,
    seconds_to_start: f64,
}

impl Server {
    /// Starts one on the store of that address, with its clock at the time of the measurements.
    pub(super) async fn start(store: &str) -> Outcome<Self> {
        let program = std::env::current_exe().map_err(Failure::failed)?;
        let watch = Stopwatch::start();
        let mut process = Command::new(program)
            .args(["serve", "--dev", "--listen", "127.0.0.1:0", "--log-level", "warn", "--store"])
            .arg(store)
            .env("ACQUAINT_HOST_KEY", KEY)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Failure::failed)?;
        let mut line = String::new();
        if let Some(out) = process.stdout.take() {
            BufReader::new(out).read_line(&mut line).map_err(Failure::failed)?;
        }
        let seconds_to_start = watch.seconds();
        let Some(address) = line.trim().strip_prefix("listening on http://").map(str::to_owned) else {
            return Err(Failure::failed("the server did not start"));
        };
        let server = Self { process, address, seconds_to_start };
        let mut client = server.client().await?;
        let body = json!({ "now": measured_at() }).to_string();
        let (status, _) = client.call(Method::PUT, "/v1/dev/clock", None, body.into()).await?;
        if status.is_success() { Ok(server) } else { Err(Failure::failed(format_args!("setting the clock: {status}"))) }
    }

    pub(super) async fn client(&self) -> Outcome<Client> {
        Client::connect(&self.address, KEY).await
    }

    /// The number of its process.
    pub(super) fn process(&self) -> u32 {
        self.process.id()
    }

    /// Has the server look at every member once.
    pub(super) async fn warm_up(&self, members: u32) -> Outcome<()> {
        let mut client = self.client().await?;
        for one in (0..members).step_by(2) {
            let path = format!("/v1/relations/u{:09}", (one + 1) % members);
            client.call(Method::GET, &path, member(one).as_ref(), Bytes::new()).await?;
        }
        Ok(())
    }

    /// A line of the process's status, in MiB; where there is none, none.
    pub(super) fn memory(&self, field: &str) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(field))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib / 1_024)
    }

    pub(super) fn kill(mut self) -> Outcome<()> {
        self.process.kill().and_then(|()| self.process.wait()).map(drop).map_err(Failure::failed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After `kill` there is nothing left to end; on the way out of an error there is.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Sends `requests` of a kind, over so many connections to each of the servers, at once.
pub(super) async fn run(servers: &[&Server], kind: Kind, community: &mut Community, requests: usize) -> Outcome<Run> {
    let connections = kind.connections() * servers.len();
    let each = requests / connections;
    let mut callers = Vec::new();
    for server in servers.iter().cycle().take(connections) {
        let share = if kind == Kind::Single { each / 2 } else { 0 };
        callers.push((server.client().await?, community.caller(share)));
    }
    let watch = Stopwatch::start();
    let calls: Vec<_> =
        callers.into_iter().map(|(client, caller)| tokio::spawn(call(client, caller, kind, each))).collect();
    let mut latencies = histogram();
    let mut run = Run { commands: each * connections * kind.commands_in_one(), ..Run::default() };
    for call in calls {
        let (more, refused) = call.await.map_err(Failure::failed)??;
        latencies.add(more).map_err(Failure::failed)?;
        run.refused += refused;
    }
    run.seconds = watch.seconds();
    run.take_latencies(&latencies);
    Ok(run)
}

async fn call(
    mut client: Client,
    mut caller: Caller,
    kind: Kind,
    requests: usize,
) -> Outcome<(hdrhistogram::Histogram<u64>, usize)> {
    let mut latencies = histogram();
    let mut refused = 0;
    for _ in 0..requests {
        let asked = ask(&mut caller, kind)?;
        let watch = Stopwatch::start();
        let status = send(&mut client, asked).await?;
        latencies.saturating_record(micros(watch.seconds()));
        refused += usize::from(status.is_client_error());
    }
    Ok((latencies, refused))
}

/// Asks once, whatever it is.
pub(super) async fn ask_once(client: &mut Client, caller: &mut Caller, kind: Kind) -> Outcome<()> {
    let asked = ask(caller, kind)?;
    send(client, asked).await.map(drop)
}

async fn send(client: &mut Client, Asked { method, path, member, body }: Asked) -> Outcome<StatusCode> {
    let (status, _) = client.call(method, &path, member.as_ref(), body).await?;
    if status.is_server_error() || status == StatusCode::UNAUTHORIZED || status == StatusCode::BAD_REQUEST {
        return Err(Failure::failed(format_args!("{path} answered {status}")));
    }
    Ok(status)
}

struct Asked {
    method: Method,
    path: String,
    member: Option<MemberId>,
    body: Bytes,
}

fn ask(caller: &mut Caller, kind: Kind) -> Outcome<Asked> {
    let get = |path: String, member| Asked { method: Method::GET, path, member, body: Bytes::new() };
    let (one, another) = caller.two();
    match kind {
        Kind::Healthz => Ok(get("/healthz".into(), None)),
        // Half of those asked about have a relation: the next members were invited while loading.
        Kind::Relation => {
            let other = if another.is_multiple_of(2) { one.wrapping_add(1) } else { another };
            let other = if other == one { one + 2 } else { other };
            Ok(get(format!("/v1/relations/u{other:09}"), member(one)))
        }
        Kind::SentPage => Ok(get("/v1/invitations/sent".into(), member(one))),
        Kind::Single => single(caller.next()),
        Kind::Send => single(caller.send()),
        Kind::Bulk => {
            let commands: Vec<_> = (0..BULK).map(|n| in_bulk(n, caller.send())).collect();
            let body = serde_json::to_vec(&json!({ "commands": commands })).map_err(Failure::failed)?;
            Ok(Asked { method: Method::POST, path: "/v1/commands".into(), member: None, body: body.into() })
        }
    }
}

fn single(step: Step) -> Outcome<Asked> {
    let (who, path, body) = match step {
        Step::Send { from, to, note: wanted } => {
            let body = json!({ "to": format!("u{to:09}"), "note": note(wanted) });
            (from, "/v1/invitations".to_owned(), body)
        }
        Step::Withdraw(pending) => (pending.from, format!("/v1/invitations/{}/withdraw", pending.id), json!({})),
        Step::Accept(pending) => (pending.to, format!("/v1/invitations/{}/accept", pending.id), json!({})),
    };
    let body = serde_json::to_vec(&body).map_err(Failure::failed)?;
    Ok(Asked { method: Method::POST, path, member: member(who), body: body.into() })
}

fn in_bulk(n: usize, step: Step) -> serde_json::Value {
    match step {
        Step::Send { from, to, note: wanted } => {
            json!({ "id": n.to_string(), "as": format!("u{from:09}"), "do": "invite", "to": format!("u{to:09}"), "note": note(wanted) })
        }
        Step::Withdraw(pending) => {
            json!({ "id": n.to_string(), "as": format!("u{:09}", pending.from), "do": "withdraw", "invitation": pending.id })
        }
        Step::Accept(pending) => {
            json!({ "id": n.to_string(), "as": format!("u{:09}", pending.to), "do": "accept", "invitation": pending.id })
        }
    }
}
