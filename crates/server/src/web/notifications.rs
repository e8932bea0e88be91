//! What happened while one was away.

use acquaint_core::command::{Action, EngagementKind};
use acquaint_core::event::{Notification, NotificationKind};
use acquaint_core::ids::NotificationId;
use acquaint_store::NotificationPage;
use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;

use super::answer;
use super::form::{Answered, Posted, in_place};
use super::invitations::{LINES, Query, with};
use super::people::{People, Person};
use super::session::{Me, Said};
use super::shell::{Part, Shell};
use super::when::When;
use super::{Mishap, Web};

/// The address of the list.
const LIST: &str = "/notifications";

struct Line {
    about: Person,
    icon: &'static str,
    /// What happened, after the name.
    text: String,
    /// What was said, if anything.
    said: String,
    /// Where something can be done about it.
    href: String,
    at: When,
    is_new: bool,
}

#[derive(Template)]
#[template(path = "notification_rows.html")]
struct Rows {
    lines: Vec<Line>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "notifications.html")]
struct Page {
    shell: Shell,
    list: Rows,
    /// Everything up to here is marked read with the button.
    latest: Option<NotificationId>,
    is_first: bool,
}

/// The list, or more of its lines.
pub(crate) async fn page(State(web): State<Web>, me: Me, Query(query): Query, headers: HeaderMap) -> Answered {
    let after = query.get("after").and_then(|after| after.parse().ok());
    let wanted = NotificationPage { member: me.id.clone(), after, limit: LINES + 1, seen: None };
    let mut found = web.network().notifications(&wanted).await?;
    let more = found.len() > LINES;
    found.truncate(LINES);
    let latest = found.first().map(|notification| notification.id);
    let next = found.last().filter(|_| more).map(|last| format!("{LIST}?{}", with(&[], "after", &last.id.to_string())));
    let list = Rows { lines: lines(&web, &me, found).await?, next };
    if in_place(&headers) && query.get("part") == Some("rows") {
        return answer::part(&list, "", &[]);
    }
    let shell = Shell::new(&web, &me, Part::Notifications, "Notifications").await?;
    answer::page(&web, &me.visitor, &Page { shell, list, latest, is_first: after.is_none() })
}

async fn lines(web: &Web, me: &Me, found: Vec<Notification>) -> Result<Vec<Line>, Mishap> {
    let read_until = web.network().member(&me.id).await?.ledger.read_until;
    let now = web.network().now();
    let mut people = People::default();
    let mut lines = Vec::with_capacity(found.len());
    for notification in found {
        let about = people.get(web, &notification.about).await?;
        let href = remedy(&notification.kind).map_or_else(|| about.href.clone(), str::to_owned);
        let (icon, text, said) = words(notification.kind);
        let is_new = Some(notification.id) > read_until;
        lines.push(Line { about, icon, text, said, href, at: When::new(notification.at, now), is_new });
    }
    Ok(lines)
}

/// The page on which something can be done about it, where that is not the other member's.
fn remedy(kind: &NotificationKind) -> Option<&'static str> {
    match kind {
        NotificationKind::InvitationReceived | NotificationKind::InvitationReminder => Some("/invitations/received"),
        NotificationKind::MayInviteAgain => Some("/cleanup/waiting"),
        NotificationKind::InvitationAccepted | NotificationKind::Engagement(_) => None,
    }
}

/// An icon, what happened, and what was said.
fn words(kind: NotificationKind) -> (&'static str, String, String) {
    match kind {
        NotificationKind::InvitationReceived => ("invite", "invited you to connect.".into(), String::new()),
        NotificationKind::InvitationReminder => ("clock", "still waits for your answer.".into(), String::new()),
        NotificationKind::InvitationAccepted => ("check", "accepted your invitation.".into(), String::new()),
        NotificationKind::MayInviteAgain => {
            ("send", "may be invited again. A personal note helps.".into(), String::new())
        }
        NotificationKind::Engagement(engagement) => {
            let (icon, verb) = match engagement.kind {
                EngagementKind::Like => ("heart", "liked"),
                EngagementKind::Comment => ("comment", "commented on"),
                EngagementKind::Share => ("share", "shared"),
            };
            let subject = engagement.subject.unwrap_or_else(|| "something of yours".into());
            (icon, format!("{verb} {subject}."), engagement.text.unwrap_or_default())
        }
    }
}

/// Marks everything read that was on the page.
pub(crate) async fn read(State(web): State<Web>, Posted { me, fields, .. }: Posted) -> Answered {
    let up_to = fields.get("up_to").and_then(|id| id.parse().ok());
    let said = match web.act(&me.id, Action::MarkRead { up_to }).await? {
        Ok(_) => Said::good("Everything is marked as read."),
        Err(refusal) => Said::bad(refusal.code.sentence()),
    };
    answer::go(&web, &me.visitor, LIST, Some(&said))
}
