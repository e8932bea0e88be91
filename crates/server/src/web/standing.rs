//! How a member stands with the limits (rule 27): meters, and what a restriction means.

use acquaint_core::member::RestrictionClass;
use acquaint_core::policy::Policy;
use acquaint_core::standing::{Risk, Standing};
use acquaint_core::time::{Span, Time};
use askama::Template;
use axum::extract::State;

use super::Web;
use super::answer;
use super::form::Answered;
use super::session::Me;
use super::shell::{Part, Shell};
use super::when::{When, grouped, span};

/// A number against its limit.
struct Meter {
    name: &'static str,
    value: String,
    /// How much of the limit is used, from 0 to 100; `None` where there is no limit.
    share: Option<u32>,
    /// `ok`, `warn` or `full`.
    tone: &'static str,
    text: String,
    /// Where to do something about it.
    href: &'static str,
    link: &'static str,
}

/// Invitations from which on their acceptance is judged with a colour.
const ENOUGH: u32 = 10;

struct Restricted {
    reason: &'static str,
    advice: &'static str,
    until: String,
    words: String,
}

#[derive(Template)]
#[template(path = "standing.html")]
struct Page {
    shell: Shell,
    risk: &'static str,
    risk_title: &'static str,
    risk_text: &'static str,
    restricted: Option<Restricted>,
    meters: Vec<Meter>,
}

/// How the member stands.
pub(crate) async fn page(State(web): State<Web>, me: Me) -> Answered {
    let network = web.network();
    let (standing, oldest) = network.standing(&me.id).await?;
    let (policy, now) = (network.policy(), network.now());
    let (risk, risk_title, risk_text) = risk(standing.risk);
    let restricted = standing.restriction.map(|restriction| {
        let (reason, advice) = reason(restriction.class);
        let until = When::new(restriction.until, now);
        Restricted { reason, advice, until: until.exact.clone(), words: until.words }
    });
    let shell = Shell::new(&web, &me, Part::Standing, "Standing").await?;
    let meters = meters(&standing, oldest, &policy, now);
    answer::page(&web, &me.visitor, &Page { shell, risk, risk_title, risk_text, restricted, meters })
}

fn risk(risk: Risk) -> (&'static str, &'static str, &'static str) {
    match risk {
        Risk::Low => ("low", "All is well", "Nothing that you do comes near a limit."),
        Risk::Elevated => (
            "elevated",
            "Take care",
            "Many of your invitations go unanswered, or many are pending. Withdraw old ones, and invite people who know you.",
        ),
        Risk::High => ("high", "Sending is stopped, or will be", "See below what for, and until when."),
    }
}

fn reason(class: RestrictionClass) -> (&'static str, &'static str) {
    match class {
        RestrictionClass::UnansweredOrReported => (
            "Too many of your invitations went unanswered or were reported.",
            "Invite people who know you, and say in a note from where.",
        ),
        RestrictionClass::Pace => (
            "You sent or withdrew very many invitations in a short time.",
            "Take it slower: a few at a time, spread over the day.",
        ),
    }
}

/// The share of a limit that is used, and how that looks.
fn share(used: u32, limit: Option<u32>) -> (Option<u32>, &'static str) {
    let Some(limit) = limit else { return (None, "ok") };
    let share = u64::from(used).saturating_mul(100).checked_div(u64::from(limit)).unwrap_or(100).min(100);
    let tone = if used >= limit {
        "full"
    } else if share > 70 {
        "warn"
    } else {
        "ok"
    };
    (u32::try_from(share).ok(), tone)
}

fn of(used: u32, limit: Option<u32>) -> String {
    let used = grouped(used.into());
    limit.map_or_else(|| used.clone(), |limit| format!("{used} of {}", grouped(limit.into())))
}

fn meters(standing: &Standing, oldest: Option<Time>, policy: &Policy, now: Time) -> Vec<Meter> {
    vec![
        pending(standing, oldest, now),
        rolling(standing, policy, now),
        acceptance(standing, policy),
        notes(standing, now),
        withdrawals(standing, policy),
        connections(standing, policy),
    ]
}

fn pending(standing: &Standing, oldest: Option<Time>, now: Time) -> Meter {
    let (share, tone) = share(standing.pending, standing.pending_cap);
    let text = match oldest {
        Some(oldest) => format!("The oldest was sent {}.", When::new(oldest, now).words),
        None => "None of your invitations waits for an answer.".into(),
    };
    Meter {
        name: "Pending invitations",
        value: of(standing.pending, standing.pending_cap),
        share,
        tone,
        text,
        href: "/invitations/sent?order=oldest",
        link: "Look through them",
    }
}

fn rolling(standing: &Standing, policy: &Policy, now: Time) -> Meter {
    let rolling = standing.rolling;
    let (share, tone) = share(rolling.sent, rolling.limit);
    let window = span(policy.limits.rolling_window);
    let text = match rolling.next_slot_at {
        Some(at) => {
            format!("All are used. The next one is free {}, {}.", When::new(at, now).words, When::new(at, now).exact)
        }
        None => format!("They come back one by one, each {window} after it was sent."),
    };
    Meter { name: "Sent lately", value: of(rolling.sent, rolling.limit), share, tone, text, href: "", link: "" }
}

fn acceptance(standing: &Standing, policy: &Policy) -> Meter {
    let count = standing.acceptance;
    let window = span(policy.restriction.unanswered_after);
    let accepted = u64::from(count.good).saturating_mul(100).checked_div(u64::from(count.all));
    let accepted = accepted.and_then(|share| u32::try_from(share).ok());
    // As with the rules themselves, a few invitations say nothing yet.
    let tone = match accepted.filter(|_| count.all >= ENOUGH) {
        Some(..20) => "full",
        Some(20..30) => "warn",
        _ => "ok",
    };
    let text = format!(
        "{} of {} invitations that are older than {window} were accepted.",
        grouped(count.good.into()),
        grouped(count.all.into())
    );
    let value = accepted.map_or_else(|| "–".to_owned(), |share| format!("{share} %"));
    Meter { name: "Acceptance", value, share: accepted, tone, text, href: "", link: "" }
}

fn notes(standing: &Standing, now: Time) -> Meter {
    let (share, tone) = share(standing.notes.used, standing.notes.limit);
    let text = match standing.notes.limit {
        Some(_) => {
            let next = now.month().next_start();
            format!("A new month begins {}.", When::new(next, now).words)
        }
        None => "You may add a note to every invitation.".into(),
    };
    let value = of(standing.notes.used, standing.notes.limit);
    Meter { name: "Notes this month", value, share, tone, text, href: "", link: "" }
}

fn withdrawals(standing: &Standing, policy: &Policy) -> Meter {
    let limit = policy.restriction.withdrawals_per_day;
    let (share, tone) = share(standing.withdrawals_24h, limit);
    let hours = Span::days(1).as_seconds() / 3_600;
    Meter {
        name: "Withdrawn today",
        value: of(standing.withdrawals_24h, limit),
        share,
        tone,
        text: format!("In the last {hours} hours. More than that stops sending for a while."),
        href: "",
        link: "",
    }
}

fn connections(standing: &Standing, policy: &Policy) -> Meter {
    let (share, tone) = share(standing.connections, policy.limits.connections);
    Meter {
        name: "Connections",
        value: of(standing.connections, policy.limits.connections),
        share,
        tone,
        text: "As many as one may have, for you and for those you invite.".into(),
        href: "/connections",
        link: "See them",
    }
}
