//! Rules 5, 6, 10, 14 and 20 over HTTP and on the pages: two towns live through the same random history, but in one of
//! them recipients decline, report and block in silence. All that the sender can ask for, and every answer
//! to what the sender does, is the same in both, headers included, but for the names of things.

use acquaint_app::SessionRules;
use acquaint_core::policy::Policy;
use acquaint_core::time::Span;
use acquaint_server::Pages;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::live::Wire;
use crate::town::{Call, Plan, Reply, Town};

const SENDER: &str = "sender";
/// Two who act in silence and never in the open, and one who does the reverse.
const OTHERS: [&str; 3] = ["quiet", "still", "other"];
const SILENT: usize = 2;
/// How many histories, and how many steps each has.
const HISTORIES: u64 = 8;
const STEPS: usize = 40;

/// Short waits and low caps, so that a count or a moment that leaks decides something soon.
const POLICY: &str = r#"
    [invitation]
    expires_after = "40d"
    resend_after_withdrawal = "3d"
    resend_after_decline = "6d"
    [limits]
    pending_cap = 2
    rolling_window = "4d"
    rolling_basic = 4
    [restriction]
    reports = 1000
    sends_per_hour = 4
    withdrawals_per_day = 3
    ladder = ["1h", "1d"]
    [cleanup]
    daily_budget = 2
"#;

/// In how many of them the sender looks at pages as well.
const LOOKED_AT: u64 = 3;

/// A town, and the names of things in the order in which the sender came across them.
struct Side {
    town: Town,
    names: Vec<String>,
    /// The cookie of the sender's browser.
    cookie: String,
}

impl Side {
    async fn new() -> Self {
        let policy = Policy::parse(POLICY).unwrap();
        let sessions = SessionRules { idle: Span::days(9_000), lifetime: Span::days(9_000) };
        let pages = Pages { host: "town".into(), sessions, sign_in: None, oidc: None };
        let town = Town::built(Plan { policy, pages: Some(pages), ..Plan::default() }).await;
        // Not all of them: who is not registered may be invited, too.
        for name in [SENDER, OTHERS[0], OTHERS[2]] {
            let reply = town.host("PUT", &format!("/v1/members/{name}")).json(&json!({"name": name})).send().await;
            assert_eq!(reply.status, 200);
        }
        let ticket = town.host("POST", "/v1/sessions").json(&json!({"member": SENDER})).send().await.json();
        let entered = town.call("GET", ticket["path"].as_str().unwrap()).send().await;
        let cookie = entered.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        Self { town, names: Vec::new(), cookie }
    }

    /// All the pages that the sender can look at. What a form carries against forgery is another text in
    /// every browser.
    async fn looked_at(&mut self) -> Vec<String> {
        let lists = ["/network", "/invitations/sent", "/invitations/received", "/connections", "/following"];
        let more = [
            "/followers",
            "/blocked",
            "/notifications",
            "/standing",
            "/settings",
            "/cleanup",
            "/cleanup/waiting",
            "/insights",
        ];
        let mut paths: Vec<String> = lists.into_iter().chain(more).map(str::to_owned).collect();
        paths.extend(OTHERS.iter().map(|other| format!("/people/{other}")));
        let mut seen = Vec::new();
        for path in paths {
            let reply = self.town.call("GET", &path).header("cookie", self.cookie.as_str()).send().await;
            let told = self.told(&reply);
            let mut parts = told.split("name=\"token\" value=\"");
            let mut page = parts.next().unwrap_or_default().to_owned();
            parts.for_each(|part| page.push_str(part.split_once('"').map_or(part, |(_, rest)| rest)));
            seen.push(format!("{path}: {page}"));
        }
        seen
    }

    /// Everything of a reply, with the names of things replaced by their numbers.
    fn told(&mut self, reply: &Reply) -> String {
        let mut headers: Vec<String> = reply.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
        headers.retain(|line| !line.starts_with("x-request-id") && !line.starts_with("date"));
        headers.sort();
        let told = format!("{} {} {}", reply.status, headers.join(" "), reply.text());
        self.numbered(told)
    }

    /// A text with the names of things replaced by their numbers.
    fn numbered(&mut self, mut told: String) -> String {
        let mut from = 0;
        while let Some(found) =
            ["inv_", "ntf_", "eng_", "evt_"].iter().filter_map(|prefix| told[from..].find(prefix)).min()
        {
            let place = from + found;
            let name = told[place..(place + 36).min(told.len())].to_owned();
            let number = self.names.iter().position(|known| *known == name).unwrap_or_else(|| {
                self.names.push(name.clone());
                self.names.len() - 1
            });
            told.replace_range(place..place + name.len(), &format!("#{number}"));
            from = place + 1;
        }
        told
    }

    /// All that the sender can ask for.
    async fn seen(&mut self) -> Vec<String> {
        let mut paths: Vec<String> = [
            "/v1/invitations/sent?limit=100",
            "/v1/invitations/received?limit=100",
            "/v1/connections",
            "/v1/following",
            "/v1/followers",
            "/v1/blocks",
            "/v1/notifications?limit=100",
            "/v1/standing",
            "/v1/cleanup/plan",
            "/v1/cleanup/suggestions",
            "/v1/cleanup/waiting",
            "/v1/insights",
            "/v1/members/sender/export",
        ]
        .map(str::to_owned)
        .into();
        for other in OTHERS {
            paths.push(format!("/v1/relations/{other}"));
            paths.push(format!("/v1/members/{other}"));
        }
        let invitations = self.names.iter().filter(|name| name.starts_with("inv_"));
        paths.extend(invitations.map(|name| format!("/v1/invitations/{name}")));
        let mut seen = Vec::new();
        for path in paths {
            let reply = self.town.by(SENDER, "GET", &path).send().await;
            seen.push(self.told(&reply));
        }
        for other in OTHERS {
            let check = self.town.by(SENDER, "POST", "/v1/invitations/check").json(&json!({"to": other})).send().await;
            seen.push(self.told(&check));
        }
        let preview = self.town.by(SENDER, "POST", "/v1/cleanup/preview").send().await;
        seen.push(self.told(&preview));
        seen
    }

    /// All that a page that is open would have said by itself. What somebody does for all to see marks its end.
    async fn live(&mut self) -> String {
        let cookie = self.cookie.clone();
        let begin = "last-event-id: evt_00000000000000000000000000000000";
        let mut wire = Wire::to(&self.town, "/live", &format!("host: town\r\ncookie: {cookie}\r\n{begin}\r\n")).await;
        wire.until_times("event: counts", 1).await;
        self.openly("other", SENDER, 11).await;
        wire.until_times("event: counts", 2).await;
        let lines =
            wire.read.lines().filter(|line| ["event:", "data:", "id:"].iter().any(|field| line.starts_with(field)));
        let told = lines.collect::<Vec<_>>().join("\n");
        self.numbered(told)
    }

    /// The invitation from one to the other that the recipient can answer, or the sender take back.
    async fn pending(&self, from: &str, to: &str) -> Option<String> {
        let list = self.town.by(from, "GET", "/v1/invitations/sent?limit=100").send().await.json();
        let mut items = list["items"].as_array().unwrap().iter();
        items.find(|item| item["to"] == to).map(|item| item["id"].as_str().unwrap().to_owned())
    }

    /// What somebody does in the open.
    async fn openly(&self, actor: &str, other: &str, what: u32) -> Option<Reply> {
        let town = &self.town;
        let call = match what {
            0..=4 => town.by(actor, "POST", "/v1/invitations").json(&json!({"to": other})),
            5 => town.by(actor, "POST", "/v1/invitations").json(&json!({"to": other, "note": "Hello"})),
            6 | 7 => {
                let id = self.pending(actor, other).await?;
                town.by(actor, "POST", &format!("/v1/invitations/{id}/withdraw"))
            }
            8 => {
                let id = self.pending(other, actor).await?;
                town.by(actor, "POST", &format!("/v1/invitations/{id}/accept"))
            }
            9 => town.by(actor, "PUT", &format!("/v1/follows/{other}")),
            10 => town.by(actor, "DELETE", &format!("/v1/follows/{other}")),
            _ => town.by(actor, "POST", "/v1/engagements").json(&json!({"target": other, "kind": "like"})),
        };
        Some(call.send().await)
    }

    /// What somebody does in silence: whatever comes of it.
    async fn quietly(&self, actor: &str, what: u32) {
        let decline =
            |id: String, body: Value| self.town.by(actor, "POST", &format!("/v1/invitations/{id}/decline")).json(&body);
        let call: Call = match (what, self.pending(SENDER, actor).await) {
            (0, Some(id)) => decline(id, json!({})),
            (1, Some(id)) => decline(id, json!({"reason": "dont_know"})),
            (2, Some(id)) => decline(id, json!({"reason": "spam"})),
            _ => self.town.by(actor, "PUT", &format!("/v1/blocks/{SENDER}")),
        };
        call.send().await;
    }
}

#[tokio::test]
async fn a_sender_cannot_tell_silence_from_nothing() {
    let (mut acts, mut refused, mut looks, mut told) = (0, 0, 0, 0);
    for history in 0..HISTORIES {
        let mut random = StdRng::seed_from_u64(history);
        let (mut loud, mut silent) = (Side::new().await, Side::new().await);
        for step in 0..STEPS {
            let (kind, who, what) = (random.random_range(0..10), random.random_range(0..3), random.random_range(0..12));
            let place = format!("history {history}, step {step}");
            match kind {
                0..=4 => {
                    let one = loud.openly(SENDER, OTHERS[who], what).await;
                    let other = silent.openly(SENDER, OTHERS[who], what).await;
                    refused += usize::from(one.as_ref().is_some_and(|reply| reply.status >= 400));
                    let (one, other) = (one.map(|reply| loud.told(&reply)), other.map(|reply| silent.told(&reply)));
                    assert_eq!(one, other, "{place}: the answer to {what} towards {}", OTHERS[who]);
                }
                5 => {
                    loud.openly("other", SENDER, what).await;
                    silent.openly("other", SENDER, what).await;
                }
                6 | 7 => {
                    silent.quietly(OTHERS[who % SILENT], what % 4).await;
                    acts += 1;
                }
                _ => {
                    let by = ["90s", "7h", "1d", "3d", "6d", "15d"][what as usize % 6];
                    loud.town.advance(by).await;
                    silent.town.advance(by).await;
                }
            }
            let (one, other) = (loud.seen().await, silent.seen().await);
            for (one, other) in one.iter().zip(&other) {
                assert_eq!(one, other, "{place}");
            }
            assert_eq!(one.len(), other.len(), "{place}");
            if history < LOOKED_AT && step % 3 == 0 {
                let (one, other) = (loud.looked_at().await, silent.looked_at().await);
                for (one, other) in one.iter().zip(&other) {
                    assert_eq!(one, other, "{place}");
                    looks += usize::from(one.contains(" 200 "));
                }
            }
        }
        let (one, other) = (loud.live().await, silent.live().await);
        assert_eq!(one, other, "history {history}: what an open page says by itself");
        told += one.matches("event: invitation").count();
    }
    assert!(told > 15, "an open page said {told} things");
    assert!(looks > 200, "{looks} pages were looked at");
    assert!(acts > 50 && refused > 20, "{acts} silent acts, {refused} refusals: too little happened to prove anything");
}
