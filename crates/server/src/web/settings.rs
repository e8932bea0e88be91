//! What members choose for themselves: who may invite them, and whether they are reminded.

use acquaint_core::command::Action;
use acquaint_core::member::{Plan, WhoMayInvite};
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;

use super::answer;
use super::form::{Answered, Posted};
use super::session::{Me, Said};
use super::shell::{Part, Shell};
use super::{Mishap, Web};

#[derive(Template)]
#[template(path = "settings.html")]
struct Page {
    shell: Shell,
    who: &'static str,
    reminders: bool,
    email: String,
    is_premium: bool,
    /// What is wrong with the choice.
    error: Option<&'static str>,
}

fn name(who: WhoMayInvite) -> &'static str {
    match who {
        WhoMayInvite::Anyone => "anyone",
        WhoMayInvite::Email => "email",
        WhoMayInvite::Nobody => "nobody",
    }
}

fn choice(name: &str) -> Option<WhoMayInvite> {
    [WhoMayInvite::Anyone, WhoMayInvite::Email, WhoMayInvite::Nobody].into_iter().find(|who| self::name(*who) == name)
}

async fn show(web: &Web, me: &Me, error: Option<&'static str>) -> Result<Page, Mishap> {
    let member = web.network().member(&me.id).await?;
    let profile = &member.profile;
    Ok(Page {
        shell: Shell::new(web, me, Part::Settings, "Settings").await?,
        who: name(profile.who_may_invite),
        reminders: profile.reminders,
        email: profile.email.clone().unwrap_or_default(),
        is_premium: profile.plan == Plan::Premium,
        error,
    })
}

/// The settings.
pub(crate) async fn page(State(web): State<Web>, me: Me) -> Answered {
    answer::page(&web, &me.visitor, &show(&web, &me, None).await?)
}

/// Changes them.
pub(crate) async fn change(State(web): State<Web>, Posted { me, fields, .. }: Posted) -> Answered {
    let reminders = fields.get("reminders").is_some();
    let Some(who_may_invite) = fields.get("who").and_then(choice) else {
        let mut page = show(&web, &me, Some("Choose one of the three.")).await?;
        page.reminders = reminders;
        return answer::whole(&web, &me.visitor, StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let said = match web.act(&me.id, Action::ChangeSettings { who_may_invite, reminders }).await? {
        Ok(_) => Said::good("Your settings are saved."),
        Err(refusal) => Said::bad(refusal.code.sentence()),
    };
    answer::go(&web, &me.visitor, "/settings", Some(&said))
}
