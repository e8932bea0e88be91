//! Somebody's page: what there is between the two, and what can be done.

use acquaint_core::command::Action;
use acquaint_core::decide::Answer;
use acquaint_core::ids::{InvitationId, MemberId};
use acquaint_core::member::Member;
use acquaint_core::refusal::{Code, Refusal};
use acquaint_core::standing;
use acquaint_core::view::{Direction, InvitationState, RelationView};
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::answer;
use super::form::{Answered, Fields, Posted};
use super::invitations::{NamedMember, Query};
use super::network::{Invited, Suggestion};
use super::people::{Person, Shared};
use super::session::{Me, Said};
use super::shell::{Part, Shell};
use super::when::When;
use super::words::{Told, told};
use super::{Mishap, Web};

/// Mutual connections shown on a page.
const SHOWN: usize = 6;

/// What there is between the two, with what can be done: the part of the page that changes.
#[derive(Template)]
#[template(path = "relation.html")]
struct Panel {
    person: Person,
    relation: Between,
    following: bool,
    may_follow: bool,
    may_block: bool,
    followed_by: bool,
    token: String,
}

/// What there is between the two.
enum Between {
    Connected(When),
    /// Invited by the viewer.
    Sent {
        id: InvitationId,
        sent: When,
        ends: Option<When>,
        note: String,
    },
    /// Invited by the other.
    Received {
        id: InvitationId,
        sent: When,
        note: String,
    },
    /// Nothing, and the viewer may invite.
    Open(Box<Invite>),
    /// The viewer may not invite, and why.
    Closed(Told),
    Blocked(Told),
}

/// The form of an invitation, as it was typed.
struct Invite {
    note: String,
    email: String,
    wants_email: bool,
    note_max: u32,
    /// Notes that are left this month; `None` is no limit.
    notes_left: Option<u32>,
    /// What is wrong, beside the field that it is about.
    note_error: String,
    email_error: String,
}

impl Panel {
    async fn load(web: &Web, me: &Me, other: &Member) -> Result<Self, Mishap> {
        let view = web.network().relation(&me.id, &other.id).await?.ok_or(Mishap::NotFound)?;
        let person = Person::new(other);
        let relation = Between::load(web, me, &view, &person.name).await?;
        Ok(Self {
            person,
            relation,
            following: view.following,
            may_follow: view.may.follow,
            may_block: view.may.block,
            followed_by: view.followed_by,
            token: me.visitor.token(web.secret()),
        })
    }

    fn is_blocked(&self) -> bool {
        matches!(self.relation, Between::Blocked(_))
    }

    fn is_connected(&self) -> bool {
        matches!(self.relation, Between::Connected(_))
    }
}

impl Between {
    async fn load(web: &Web, me: &Me, view: &RelationView, name: &str) -> Result<Self, Mishap> {
        let network = web.network();
        let (policy, now) = (network.policy(), network.now());
        let told = |refusal| told(refusal, name, &policy, now);
        if let Some(since) = view.connected_since {
            return Ok(Self::Connected(When::new(since, now)));
        }
        if let Some(invitation) = &view.invitation {
            let (id, sent) = (invitation.id, When::new(invitation.sent_at, now));
            let note = invitation.note.clone().unwrap_or_default();
            let ends = invitation.expires_at.map(|at| When::new(at, now));
            return Ok(match invitation.direction {
                Direction::Sent => Self::Sent { id, sent, ends, note },
                Direction::Received => Self::Received { id, sent, note },
            });
        }
        match view.invite_refusal {
            _ if view.blocking => Ok(Self::Blocked(told(Code::Blocking.refuse()))),
            None => Ok(Self::Open(Box::new(Invite::load(web, me, false).await?))),
            Some(Refusal { code: Code::EmailRequired, .. }) => {
                Ok(Self::Open(Box::new(Invite::load(web, me, true).await?)))
            }
            Some(refusal) => Ok(Self::Closed(told(refusal))),
        }
    }
}

impl Invite {
    async fn load(web: &Web, me: &Me, wants_email: bool) -> Result<Self, Mishap> {
        let (policy, now) = (web.network().policy(), web.network().now());
        let member = web.network().member(&me.id).await?;
        let notes = standing::notes(&member, &policy, now);
        Ok(Self {
            note: String::new(),
            email: String::new(),
            wants_email,
            note_max: policy.invitation.note_max(member.profile.plan),
            notes_left: notes.limit.map(|limit| limit.saturating_sub(notes.used)),
            note_error: String::new(),
            email_error: String::new(),
        })
    }
}

/// Somebody's page.
#[derive(Template)]
#[template(path = "profile.html")]
struct Page {
    shell: Shell,
    person: Person,
    shared: Shared,
    seen: Option<When>,
    connections: u32,
    /// `None` is the member's own page.
    panel: Option<Panel>,
}

/// Somebody whom one can look at.
async fn somebody(web: &Web, id: &MemberId) -> Result<std::sync::Arc<Member>, Mishap> {
    let member = web.network().member(id).await?;
    if member.profile.is_public() { Ok(member) } else { Err(Mishap::NotFound) }
}

async fn show(web: &Web, me: &Me, other: &Member, panel: Option<Panel>, status: StatusCode) -> Answered {
    let network = web.network();
    let is_me = other.id == me.id;
    let shared = if is_me {
        Shared::default()
    } else {
        let mutual = network.mutual(&network.circle(&me.id).await?, &other.id, SHOWN).await?;
        Shared::load(web.network(), &mutual).await?
    };
    let person = Person::new(other);
    let part = if is_me { Part::Me } else { Part::Elsewhere };
    let page = Page {
        shell: Shell::new(web, me, part, person.name.as_str()).await?,
        person,
        shared,
        seen: other.profile.last_active_at.map(|at| When::new(at, network.now())),
        connections: other.ledger.connections,
        panel,
    };
    answer::whole(web, &me.visitor, status, &page)
}

/// Somebody's page.
pub(crate) async fn page(
    State(web): State<Web>,
    me: Me,
    NamedMember(id): NamedMember,
    Query(query): Query,
) -> Answered {
    let other = somebody(&web, &id).await?;
    let mut panel = if id == me.id { None } else { Some(Panel::load(&web, &me, &other).await?) };
    // A note that another page prepared; the form checks it like any other.
    if let (Some(Panel { relation: Between::Open(invite), .. }), Some(note)) = (&mut panel, query.get("note")) {
        note.clone_into(&mut invite.note);
    }
    show(&web, &me, &other, panel, StatusCode::OK).await
}

/// Sends an invitation, from somebody's page or from a card of My Network.
pub(crate) async fn invite(State(web): State<Web>, NamedMember(id): NamedMember, posted: Posted) -> Answered {
    let Posted { me, fields, in_place } = posted;
    let other = somebody(&web, &id).await?;
    // Browsers send line breaks in two characters; a reader counts one.
    let text =
        |name: &str| fields.get(name).map(|text| text.replace("\r\n", "\n")).filter(|text| !text.trim().is_empty());
    let (note, to_email) = (text("note"), text("email"));
    let outcome = web.act(&me.id, Action::Invite { to: id.clone(), note, to_email }).await?;
    let name = Person::new(&other).name;
    let refusal = match outcome {
        Ok(Answer::Invited { invitation, .. }) => {
            let met = invitation.state == InvitationState::Accepted;
            let said = if met {
                format!("{name} had invited you too: you are connected.")
            } else {
                format!("Your invitation to {name} is sent.")
            };
            let state = if met { Invited::Met } else { Invited::Sent };
            return done(&web, &me, &other, &fields, in_place, state, &Said::good(said)).await;
        }
        Ok(_) => return Err(Mishap::Ours),
        Err(refusal) => refusal,
    };
    let told = told(refusal, &name, &web.network().policy(), web.network().now());
    if fields.get("card").is_some() {
        let said = Said::bad(told.text.clone());
        return done(&web, &me, &other, &fields, in_place, Invited::Refused(told), &said).await;
    }
    let mut panel = Panel::load(&web, &me, &other).await?;
    panel.relation = panel.relation.with_errors(&fields, refusal, told.clone());
    if in_place {
        return answer::part_with(StatusCode::UNPROCESSABLE_ENTITY, &panel, &told.text, &[]);
    }
    show(&web, &me, &other, Some(panel), StatusCode::UNPROCESSABLE_ENTITY).await
}

impl Between {
    /// The form as it was typed, with what is wrong beside the field that it is about.
    fn with_errors(self, fields: &Fields, refusal: Refusal, told: Told) -> Self {
        let Self::Open(mut invite) = self else { return self };
        invite.note = fields.get("note").unwrap_or_default().replace("\r\n", "\n");
        invite.email = fields.get("email").unwrap_or_default().to_owned();
        match refusal.code {
            Code::EmailRequired if invite.email.trim().is_empty() => {
                invite.email_error = "Type in their e-mail address.".into();
            }
            Code::EmailRequired => {
                invite.email_error = "This is not the address that they gave. Look for a typing error.".into();
            }
            Code::NoteTooLong => {
                let max = invite.note_max;
                invite.note_error =
                    format!("The note is too long: at most {max} characters. Nothing is lost, shorten it.");
            }
            Code::NoteNotText | Code::NoteQuota => invite.note_error = told.text,
            _ => return Self::Closed(told),
        }
        Self::Open(invite)
    }
}

/// The card, the panel or the page after an invitation from either.
async fn done(
    web: &Web,
    me: &Me,
    other: &Member,
    fields: &Fields,
    in_place: bool,
    state: Invited,
    said: &Said,
) -> Answered {
    if !in_place {
        let back = fields.back(&Person::new(other).href);
        return answer::go(web, &me.visitor, &back, Some(said));
    }
    if fields.get("card").is_some() {
        let card = Suggestion::after(web, me, &other.id, state).await?;
        return answer::part(&card, &said.text, &[]);
    }
    answer::part(&Panel::load(web, me, other).await?, &said.text, &[])
}

/// Does something that is done at once and shows in the panel.
async fn at_once(
    web: &Web,
    posted: Posted,
    id: &MemberId,
    action: Action,
    said: impl FnOnce(&str) -> String,
) -> Answered {
    let Posted { me, fields, in_place } = posted;
    let other = web.network().member(id).await?;
    let person = Person::new(&other);
    let said = match web.act(&me.id, action).await? {
        Ok(_) => Said::good(said(&person.name)),
        Err(refusal) => Said::bad(told(refusal, &person.name, &web.network().policy(), web.network().now()).text),
    };
    if in_place && said.good {
        return answer::part(&Panel::load(web, &me, &other).await?, &said.text, &[]);
    }
    let to = if other.profile.is_public() { person.href } else { "/network".into() };
    answer::go(web, &me.visitor, &fields.back(&to), Some(&said))
}

/// Follows.
pub(crate) async fn follow(State(web): State<Web>, NamedMember(id): NamedMember, posted: Posted) -> Answered {
    let action = Action::Follow { other: id.clone() };
    at_once(&web, posted, &id, action, |name| format!("You follow {name}.")).await
}

/// Stops following.
pub(crate) async fn unfollow(State(web): State<Web>, NamedMember(id): NamedMember, posted: Posted) -> Answered {
    let action = Action::Unfollow { other: id.clone() };
    at_once(&web, posted, &id, action, |name| format!("You do not follow {name} any more.")).await
}

/// Blocks.
pub(crate) async fn block(State(web): State<Web>, NamedMember(id): NamedMember, posted: Posted) -> Answered {
    let action = Action::Block { other: id.clone() };
    at_once(&web, posted, &id, action, |name| format!("You block {name}. They are not told.")).await
}

/// Stops blocking.
pub(crate) async fn unblock(State(web): State<Web>, NamedMember(id): NamedMember, posted: Posted) -> Answered {
    let action = Action::Unblock { other: id.clone() };
    let said = |name: &str| format!("You do not block {name} any more. What there was before does not come back.");
    at_once(&web, posted, &id, action, said).await
}

/// Ends the connection.
pub(crate) async fn disconnect(State(web): State<Web>, NamedMember(id): NamedMember, posted: Posted) -> Answered {
    let action = Action::Disconnect { other: id.clone() };
    at_once(&web, posted, &id, action, |name| format!("You and {name} are no longer connected.")).await
}

/// A question before something that cannot be taken back at once.
#[derive(Template)]
#[template(path = "ask.html")]
struct Ask {
    shell: Shell,
    person: Person,
    question: String,
    /// What it means, point by point.
    points: &'static [&'static str],
    /// The end of the address that does it, and the word on the button.
    act: &'static str,
    button: &'static str,
}

async fn ask(
    web: &Web,
    me: &Me,
    id: &MemberId,
    question: impl FnOnce(&str) -> String,
    ask: Question,
) -> Result<Response, Mishap> {
    let person = Person::new(&*somebody(web, id).await?);
    let shell = Shell::new(web, me, Part::Elsewhere, ask.button).await?;
    let question = question(&person.name);
    let Question { points, act, button } = ask;
    answer::page(web, &me.visitor, &Ask { shell, person, question, points, act, button })
}

/// What is asked, but for the name.
struct Question {
    points: &'static [&'static str],
    act: &'static str,
    button: &'static str,
}

/// Asks whether to block.
pub(crate) async fn ask_to_block(State(web): State<Web>, me: Me, NamedMember(id): NamedMember) -> Answered {
    let question = Question {
        points: &[
            "They are not told, and cannot tell.",
            "Your connection, follows and invitations end, in both directions.",
            "What they send you from now on does not reach you.",
            "You can unblock them at any time, but what there was does not come back, and blocking them again takes 48 hours.",
        ],
        act: "block",
        button: "Block",
    };
    ask(&web, &me, &id, |name| format!("Block {name}?"), question).await
}

/// Asks whether to end the connection.
pub(crate) async fn ask_to_disconnect(State(web): State<Web>, me: Me, NamedMember(id): NamedMember) -> Answered {
    let question = Question {
        points: &[
            "They are not told, but they can see that you are no longer among their connections.",
            "You no longer follow each other.",
            "To be connected again, one of you has to invite the other.",
        ],
        act: "disconnect",
        button: "Remove connection",
    };
    ask(&web, &me, &id, |name| format!("Remove {name} from your connections?"), question).await
}
