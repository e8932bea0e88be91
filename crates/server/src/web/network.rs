//! My Network: what waits, whom one may know, how many there are.

use acquaint_core::ids::MemberId;
use acquaint_core::member::Member;
use askama::Template;
use axum::extract::State;

use super::answer;
use super::form::Answered;
use super::people::{Person, Shared};
use super::received::{ReceivedRow, latest};
use super::session::Me;
use super::shell::{Part, Shell};
use super::words::Told;
use super::{Mishap, Web};

/// Invitations shown before "See all".
const SHOWN: usize = 3;
/// People suggested.
const SUGGESTED: usize = 12;

#[derive(Template)]
#[template(path = "network.html")]
struct Page {
    shell: Shell,
    rows: Vec<ReceivedRow>,
    people: Vec<Suggestion>,
}

/// Somebody whom one may know.
#[derive(Template)]
#[template(path = "suggestion.html")]
pub(crate) struct Suggestion {
    /// The id as the address of the card.
    place: String,
    person: Person,
    shared: Shared,
    state: Invited,
    token: String,
}

/// Whether an invitation was sent from the card.
pub(crate) enum Invited {
    NotYet,
    Sent,
    /// They had invited the member as well.
    Met,
    Refused(Told),
}

impl Suggestion {
    fn new(web: &Web, me: &Me, member: &Member, shared: Shared) -> Self {
        let digest: String = blake3::hash(member.id.as_str().as_bytes()).to_hex().as_str().chars().take(12).collect();
        Self {
            place: format!("card-{digest}"),
            person: Person::new(member),
            shared,
            state: Invited::NotYet,
            token: me.visitor.token(web.secret()),
        }
    }

    /// The card after its button was pressed.
    pub(crate) async fn after(web: &Web, me: &Me, id: &MemberId, state: Invited) -> Result<Self, Mishap> {
        let member = web.network().member(id).await?;
        Ok(Self { state, ..Self::new(web, me, &member, Shared::default()) })
    }
}

/// My Network.
pub(crate) async fn page(State(web): State<Web>, me: Me) -> Answered {
    let (rows, _) = latest(&web, &me, None, SHOWN, "/network").await?;
    let mut people = Vec::with_capacity(SUGGESTED);
    for found in web.network().people_you_may_know(&me.id, SUGGESTED).await? {
        let mut mutual = found.mutual;
        mutual.some.truncate(super::people::NAMED);
        people.push(Suggestion::new(&web, &me, &found.member, Shared::load(web.network(), &mutual).await?));
    }
    let shell = Shell::new(&web, &me, Part::Network, "My Network").await?;
    answer::page(&web, &me.visitor, &Page { shell, rows, people })
}
