//! Mails as a channel of the outbox: which events are told by mail, when, and together with what.
//!
//! Members are told of invitations that they received (a first notice, and the reminders of rule 22), that
//! theirs was accepted, and that a wait is over (rule 41). Nothing is sent when an invitation is withdrawn,
//! declined or ends, and what waits to be told goes with it: whether an invitation still waits is looked
//! at before each attempt, and once more when the mail is written, just before it is handed over.

use acquaint_app::outbox::{Channel, Delivery, Planned, Said, Sent, Wanted};
use acquaint_app::{Link, LinkUse, Links, Network};
use acquaint_core::event::{Event, EventKind, RecordedEvent};
use acquaint_core::ids::{InvitationId, MemberId};
use acquaint_core::member::{Member, Registration};
use acquaint_core::policy::Policy;
use acquaint_core::time::{Span, Time};
use acquaint_core::view::{Direction, InvitationState, InvitationView};
use acquaint_store::{StoreError, StoreResult};
use async_trait::async_trait;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::letter::{self, Envelope, Item, Kind, Letter, Person, SHOWN};
use crate::mailer::Mailer;
use crate::smtp::{CONNECTIONS, SendError};

/// The name of the channel.
const NAME: &str = "mail";
/// Where reminders go: apart from the rest, so that the last one is found.
const REMINDERS: &str = "reminders";
/// Where all else goes.
const NOTICES: &str = "notices";
/// The most that one mail tells of.
const TOGETHER: usize = 100;
/// How many mutual connections are named.
const NAMED: usize = 2;
/// The longest note, in characters; the policy's own limit is far below.
const NOTE: usize = 2_000;
/// How often a mail is written anew because something was withdrawn meanwhile.
const WRITTEN: usize = 8;
/// What stays as it is in the word of a path.
const WORD: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where the links of mails lead.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// The address under which this server's pages for mails are reached, without a slash at its end.
    pub mail: String,
    /// The address of the pages for members, if they are served, in the same form.
    pub pages: Option<String>,
}

/// Mails as a channel.
pub struct Mails {
    mailer: Mailer,
    links: Links,
    addresses: Addresses,
}

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Told {
    /// That an invitation came, or for which time it is recalled (from 1).
    Waits(u8),
    /// That the invitation was accepted.
    Accepted,
    /// That a wait is over.
    MayInviteAgain,
}

/// What the outbox keeps for a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Notice {
    told: Told,
    invitation: InvitationId,
    /// The other of the two.
    other: MemberId,
}

impl Told {
    fn of(event: &EventKind) -> Option<Self> {
        match event {
            EventKind::InvitationCreated { delivered: true } => Some(Told::Waits(0)),
            EventKind::InvitationReminded { number } => Some(Told::Waits(*number)),
            EventKind::InvitationAccepted => Some(Told::Accepted),
            EventKind::InvitationWaitEnded => Some(Told::MayInviteAgain),
            _ => None,
        }
    }

    /// Who is told, and of whom.
    fn reader_and_other(self, event: &Event) -> (&MemberId, &MemberId) {
        match self {
            // The sender's own doing, which concerns the other and is not told them.
            Told::MayInviteAgain => (&event.actor, &event.subject),
            Told::Waits(_) | Told::Accepted => (&event.subject, &event.actor),
        }
    }

    fn is_on(self, policy: &Policy) -> bool {
        match self {
            Told::Waits(0) => policy.mail.first_notice,
            Told::Waits(_) => true,
            Told::Accepted => policy.mail.accepted,
            Told::MayInviteAgain => policy.mail.may_invite_again,
        }
    }

    const fn target(self) -> &'static str {
        match self {
            Told::Waits(1..) => REMINDERS,
            Told::Waits(0) | Told::Accepted | Told::MayInviteAgain => NOTICES,
        }
    }

    /// What is told to one member in one lane can be told together.
    const fn lane(self) -> &'static str {
        match self {
            Told::Waits(0) => "invitations",
            Told::Waits(_) => REMINDERS,
            Told::Accepted => "accepted",
            Told::MayInviteAgain => "again",
        }
    }

    const fn kind(self, many: bool) -> Kind {
        match self {
            Told::Waits(_) if many => Kind::Digest,
            Told::Waits(0) => Kind::Invitation,
            Told::Waits(_) => Kind::Reminder,
            Told::Accepted => Kind::Accepted,
            Told::MayInviteAgain => Kind::MayInviteAgain,
        }
    }
}

/// Why a member gets no mail.
fn unreachable(member: &Member) -> Option<&'static str> {
    let profile = &member.profile;
    if profile.registration == Registration::Erasing || profile.email.is_none() {
        Some("no_address")
    } else if !profile.reminders {
        Some("unsubscribed")
    } else {
        None
    }
}

/// Whether it is too late to tell of an invitation: by now it is time for the next reminder.
fn is_late(number: u8, view: &InvitationView, policy: &Policy, now: Time) -> bool {
    policy.reminders.after.get(usize::from(number)).is_some_and(|age| view.sent_at + *age <= now)
}

impl Mails {
    /// Mails of this community.
    #[must_use]
    pub fn new(mailer: Mailer, links: Links, addresses: Addresses) -> Self {
        Self { mailer, links, addresses }
    }

    async fn planned(&self, network: &Network, recorded: &RecordedEvent) -> StoreResult<Option<Planned>> {
        let event = &recorded.event;
        let (Some(told), Some(invitation)) = (Told::of(&event.kind), event.invitation) else { return Ok(None) };
        let (reader, other) = told.reader_and_other(event);
        let reader = network.member(reader).await?;
        if !told.is_on(&network.policy()) || unreachable(&reader).is_some() {
            return Ok(None);
        }
        let notice = Notice { told, invitation, other: other.clone() };
        let payload = serde_json::to_value(&notice);
        let payload = payload.map_err(|error| StoreError::Failed(format!("a mail cannot be kept: {error}")))?;
        Ok(Some(Planned {
            event: recorded.id,
            owner: Some(reader.id.clone()),
            target: told.target().into(),
            lane: told.lane().into(),
            not_before: network.now(),
            about: vec![notice.other],
            payload,
        }))
    }

    /// Whether what a mail tells is still so; why not.
    async fn is_so(
        &self,
        network: &Network,
        reader: &MemberId,
        notice: &Notice,
    ) -> StoreResult<Result<(), &'static str>> {
        let over = Ok(Err("over"));
        match notice.told {
            Told::Waits(number) => match pending(network, reader, notice.invitation).await? {
                Some(view) if is_late(number, &view, &network.policy(), network.now()) => Ok(Err("late")),
                Some(_) => Ok(Ok(())),
                None => over,
            },
            Told::Accepted => {
                let relation = network.relation(reader, &notice.other).await?;
                if relation.is_some_and(|relation| relation.connected_since.is_some()) { Ok(Ok(())) } else { over }
            }
            Told::MayInviteAgain => {
                let view = network.invitation(reader, notice.invitation).await?;
                let last = network.relation(reader, &notice.other).await?;
                let is_free = last.is_some_and(|relation| relation.connected_since.is_none() && !relation.blocking);
                let is_withdrawn = view.is_some_and(|view| view.state == InvitationState::Withdrawn);
                if is_free && is_withdrawn { Ok(Ok(())) } else { over }
            }
        }
    }

    /// What of these is still so, as a letter; `None` if nothing is.
    async fn write(
        &self,
        network: &Network,
        reader: &Member,
        deliveries: &[(&Delivery, Notice)],
    ) -> StoreResult<Option<Letter>> {
        let mut so = Vec::with_capacity(deliveries.len());
        for (delivery, notice) in deliveries {
            if self.is_so(network, &reader.id, notice).await?.is_ok() {
                so.push((*delivery, notice));
            }
        }
        let Some(((first, told), email)) =
            so.first().map(|(first, notice)| (*first, notice.told)).zip(reader.profile.email.clone())
        else {
            return Ok(None);
        };
        let circle = network.circle(&reader.id).await?;
        let mut items = Vec::new();
        for (delivery, notice) in so.iter().take(SHOWN) {
            items.push(self.item(network, reader, &circle, delivery.created_at, notice).await?);
        }
        let ids: Vec<&str> = so.iter().map(|(delivery, _)| delivery.id.as_str()).collect();
        let at = first.created_at;
        let envelope = Envelope { to: email, name: name(&ids), at };
        let unsubscribe = self.link(&reader.id, LinkUse::Unsubscribe, at);
        let all = matches!(told, Told::Waits(_)).then_some(self.addresses.pages.as_ref()).flatten();
        Ok(Some(Letter {
            kind: told.kind(so.len() > 1),
            reader: Person::new(reader),
            more: so.len() - items.len(),
            items,
            all: all.map(|pages| format!("{pages}/invitations/received")),
            unsubscribe,
            envelope,
        }))
    }

    async fn item(
        &self,
        network: &Network,
        reader: &Member,
        circle: &acquaint_app::Circle,
        at: Time,
        notice: &Notice,
    ) -> StoreResult<Item> {
        let other = network.member(&notice.other).await?;
        let waits = matches!(notice.told, Told::Waits(_));
        let view = if waits { pending(network, &reader.id, notice.invitation).await? } else { None };
        let mutual = network.mutual(circle, &notice.other, NAMED).await?;
        let mut named = Vec::with_capacity(mutual.some.len());
        for id in &mutual.some {
            named.push(Person::new(&*network.member(id).await?).name);
        }
        let link = |purpose| waits.then(|| self.link(&reader.id, purpose, at));
        let page = || {
            let word = utf8_percent_encode(notice.other.as_str(), WORD);
            self.addresses.pages.as_ref().map(|pages| format!("{pages}/people/{word}"))
        };
        let note = view.as_ref().and_then(|view| view.note.as_deref()).unwrap_or_default();
        Ok(Item {
            person: Person::new(&other),
            note: letter::clean(note, NOTE),
            mutual_others: mutual.count.saturating_sub(named.len()),
            mutual: named,
            days: view.map_or(0, |view| network.now().since(view.sent_at).as_seconds() / Span::days(1).as_seconds()),
            accept: link(LinkUse::Accept(notice.invitation)),
            look: link(LinkUse::Look(notice.invitation)).or_else(page),
        })
    }

    fn link(&self, member: &MemberId, purpose: LinkUse, at: Time) -> String {
        let word = self.links.word(&Link { member: member.clone(), purpose }, at);
        format!("{}/mail/{word}", self.addresses.mail)
    }

    /// Writes a mail and hands it over, unless nothing is left to tell. It is written anew when something
    /// that it tells of is over by the time it is written: the last look comes after all that takes time.
    async fn try_to_send(&self, network: &Network, deliveries: &[Delivery]) -> Result<Said, SendError> {
        let failed = |error: StoreError| SendError::NotNow(error.to_string());
        let owner = deliveries.first().and_then(|delivery| delivery.owner.as_ref());
        let owner = owner.ok_or_else(|| SendError::Refused("the mail goes to nobody".into()))?;
        let notices: Vec<(&Delivery, Notice)> =
            deliveries.iter().filter_map(|delivery| Some((delivery, notice(delivery)?))).collect();
        for _ in 0..WRITTEN {
            let reader = network.member(owner).await.map_err(failed)?;
            if unreachable(&reader).is_some() {
                break;
            }
            let Some(letter) = self.write(network, &reader, &notices).await.map_err(failed)? else { break };
            let ready = self.mailer.prepare(&letter)?;
            if self.write(network, &reader, &notices).await.map_err(failed)?.as_ref() == Some(&letter) {
                self.mailer.hand_over(ready).await?;
                return Ok(Said::new(Some(250), "the SMTP server took the mail"));
            }
        }
        Ok(Said::new(None, "nothing was left to tell"))
    }
}

/// The invitation as its recipient sees it, if they can still answer.
async fn pending(network: &Network, reader: &MemberId, id: InvitationId) -> StoreResult<Option<InvitationView>> {
    let waits = |view: &InvitationView| view.direction == Direction::Received && view.state == InvitationState::Pending;
    Ok(network.invitation(reader, id).await?.filter(waits))
}

fn notice(delivery: &Delivery) -> Option<Notice> {
    Notice::deserialize(&delivery.payload).ok()
}

/// What a mail is called: by its one delivery, so that a retry is the same mail. One that tells of several
/// is the same as long as it tells of the same.
fn name(ids: &[&str]) -> String {
    match ids {
        [id] => (*id).to_owned(),
        many => format!("many_{}", blake3::hash(many.join(" ").as_bytes()).to_hex()),
    }
}

#[async_trait]
impl Channel for Mails {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn plan(&self, network: &Network, events: &[RecordedEvent]) -> StoreResult<Vec<Planned>> {
        let mut planned = Vec::new();
        for event in events {
            planned.extend(self.planned(network, event).await?);
        }
        Ok(planned)
    }

    async fn still_wanted(&self, network: &Network, delivery: &Delivery) -> StoreResult<Wanted> {
        let (Some(notice), Some(owner)) = (notice(delivery), &delivery.owner) else {
            return Ok(Wanted::No("unreadable"));
        };
        let (policy, now) = (network.policy(), network.now());
        if let Some(why) = unreachable(&*network.member(owner).await?) {
            return Ok(Wanted::No(why));
        }
        if !notice.told.is_on(&policy) {
            return Ok(Wanted::No("switched_off"));
        }
        if let Err(why) = self.is_so(network, owner, &notice).await? {
            return Ok(Wanted::No(why));
        }
        let mut from = now;
        if let (REMINDERS, Some(digest)) = (notice.told.target(), policy.mail.digest) {
            let last = network.last_delivered(owner, NAME, REMINDERS).await?;
            from = last.map_or(now, |last| now.max(last + digest));
        }
        from = policy.mail.open_from(from);
        Ok(if from > now { Wanted::Later(from) } else { Wanted::Now })
    }

    async fn send(&self, network: &Network, deliveries: &[Delivery]) -> Sent {
        match self.try_to_send(network, deliveries).await {
            Ok(said) => Sent::Delivered(said),
            Err(SendError::Refused(why)) => Sent::GivenUp(Said::new(None, &why)),
            Err(SendError::NotNow(why)) => Sent::Failed { said: Said::new(None, &why), retry_after: None },
        }
    }

    fn together(&self) -> usize {
        TOGETHER
    }

    fn side_by_side(&self) -> usize {
        CONNECTIONS
    }
}

impl std::fmt::Debug for Mails {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mails").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}
