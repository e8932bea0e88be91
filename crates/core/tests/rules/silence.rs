//! Rules 5, 6, 10, 14 and 20: what a recipient does in silence cannot be seen by the sender.
//!
//! Two networks live through the same history. In one, recipients do nothing at the moments where
//! in the other they decline, report or block. After every step, all that the sender can see in
//! the one is compared with the same in the other: answers, refusals with their moments, views,
//! lists, notifications, standing. Ids are drawn alike in both, so they must be equal, too.

use acquaint_core::command::Action;
use acquaint_core::event::Notification;
use acquaint_core::ids::{InvitationId, MemberId};
use acquaint_core::policy::Policy;
use acquaint_core::refusal::Code;
use acquaint_core::relation::Complaint;
use acquaint_core::standing::Standing;
use acquaint_core::time::{Span, Time};
use acquaint_core::view::{self, ContactList, InvitationState, InvitationView, RelationView};
use proptest::prelude::*;

use crate::history::{What, pause, seeded, what};
use crate::net::{Net, id, refused};

const SENDER: &str = "sender";
/// Two who may act in silence, and one who never does.
const OTHERS: [&str; 3] = ["quiet", "still", "other"];
const SILENT: usize = 2;

/// Short waits and low caps, so that a count or a moment that leaks decides something soon. Reports
/// stay below their number: from there on, the restriction is for all to see, and says no more than
/// "unanswered or reported".
const POLICY: &str = r#"
    [invitation]
    expires_after = "20d"
    resend_after_withdrawal = "3d"
    resend_after_decline = "6d"
    resend_after_expiry = "0d"
    notes_per_month_basic = 4
    [reminders]
    after = ["2d", "5d"]
    [limits]
    pending_cap = 2
    rolling_window = "4d"
    rolling_basic = 4
    connections = 3
    [restriction]
    unanswered_window = "30d"
    unanswered_after = "2d"
    unanswered_min = 4
    reports = 1000
    sends_per_hour = 4
    withdrawals_per_day = 3
    ladder = ["1h", "1d"]
    [cleanup]
    daily_budget = 2
"#;

/// What a recipient does where nothing is to be seen of it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Silence {
    Decline(Option<Complaint>),
    Block,
}

#[derive(Debug, Clone)]
enum Moment {
    /// The sender does something towards one of the others.
    Sender(usize, What),
    /// One of the others does something for all to see towards the sender.
    Towards(usize, What),
    /// One of the others does something towards another of them.
    Aside(usize, usize, What),
    /// The moment at which one may act in silence.
    Quietly(usize),
    Wait(Span),
}

fn silence() -> impl Strategy<Value = Silence> {
    prop_oneof![
        Just(Silence::Decline(None)),
        Just(Silence::Decline(Some(Complaint::DontKnow))),
        Just(Silence::Decline(Some(Complaint::Spam))),
        Just(Silence::Block),
    ]
}

fn moment() -> impl Strategy<Value = Moment> {
    prop_oneof![
        8 => (0..OTHERS.len(), what()).prop_map(|(to, what)| Moment::Sender(to, what)),
        2 => (0..OTHERS.len(), what()).prop_map(|(from, what)| Moment::Towards(from, what)),
        1 => (0..OTHERS.len(), 1..OTHERS.len(), what())
            .prop_map(|(from, distance, what)| Moment::Aside(from, (from + distance) % OTHERS.len(), what)),
        3 => (0..SILENT).prop_map(Moment::Quietly),
        4 => pause().prop_map(Moment::Wait),
    ]
}

/// All that the sender can see.
#[derive(Debug, PartialEq)]
struct Seen {
    views: Vec<RelationView>,
    invitations: Vec<Option<InvitationView>>,
    sent: Vec<InvitationView>,
    received: Vec<InvitationView>,
    contacts: Vec<Option<Time>>,
    notifications: Vec<Notification>,
    standing: Standing,
    may_invite_again_at: Vec<Option<Time>>,
    /// What a page that is open would say by itself, in order.
    live: Vec<(Time, InvitationId, InvitationState)>,
}

/// What the sender is told of events as they happen.
fn live(net: &Net) -> Vec<(Time, InvitationId, InvitationState)> {
    let sender = id(SENDER);
    let told = net.events.iter().filter_map(|event| {
        let other = [&event.actor, &event.subject].into_iter().find(|member| **member != sender)?;
        let names_sender = event.actor == sender || event.subject == sender;
        let view = net.facts(&sender, other, event.invitation.filter(|_| names_sender)).invitation?;
        view::shows(event, &sender, &view).then_some((event.at, view.id, view.state))
    });
    told.collect()
}

fn seen(net: &Net) -> Seen {
    let sender = id(SENDER);
    let relations: Vec<_> = OTHERS.map(|other| net.facts(&sender, &id(other), None).relation).into();
    let own = net.sent.iter().filter(|sent| sent.1 == sender || sent.2 == sender);
    let by_id = |invitation: InvitationId, other: &MemberId| net.facts(&sender, other, Some(invitation)).invitation;
    let invitations: Vec<_> = own.map(|sent| by_id(sent.0, if sent.1 == sender { &sent.2 } else { &sent.1 })).collect();
    Seen {
        views: OTHERS.map(|other| net.view(SENDER, other)).into(),
        may_invite_again_at: invitations.iter().flatten().map(|view| view.may_invite_again_at(&net.policy)).collect(),
        invitations,
        sent: net.pending_sent(&sender),
        received: net.pending_received(&sender),
        contacts: relations
            .iter()
            .flat_map(|relation| ContactList::ALL.map(|list| view::contact(relation, &sender, list)))
            .collect(),
        notifications: net.notifications_of(SENDER).into_iter().cloned().collect(),
        standing: net.standing(SENDER),
        live: live(net),
    }
}

/// The two networks, and how each of the silent ones acts in the second.
struct Worlds {
    plain: Net,
    silent: Net,
    ways: [Silence; SILENT],
    /// Whether they have acted in silence already.
    acted: [bool; SILENT],
}

impl Worlds {
    fn new(ways: [Silence; SILENT], follow_on_invite: bool) -> Self {
        let mut policy = Policy::parse(POLICY).unwrap();
        policy.follow.on_invite = follow_on_invite;
        Self { plain: Net::new(policy.clone()), silent: Net::new(policy), ways, acted: [false; SILENT] }
    }

    /// What is done in both, by whomever; what the sender is answered must be alike.
    fn act(&mut self, actor: &str, other: &str, what: &What) -> Result<(), TestCaseError> {
        let (actor, other) = (id(actor), id(other));
        let actions = [&self.plain, &self.silent].map(|net| what.action(net, &actor, &other));
        let [plain, silent] = actions;
        prop_assert_eq!(&plain, &silent);
        let answers = (self.plain.act(&actor, plain), self.silent.act(&actor, silent));
        if actor == id(SENDER) {
            prop_assert_eq!(answers.0, answers.1, "the sender is answered differently");
        }
        Ok(())
    }

    /// Whether `who` could do this openly towards the sender after having acted in silence, and it
    /// would be the same: who has declined may still invite or follow, who has blocked may not.
    fn stays_the_same(&self, who: usize, what: &What) -> bool {
        if who >= SILENT || !self.acted[who] {
            return true;
        }
        match (what, self.ways[who]) {
            (What::Accept { .. } | What::Decline { .. } | What::Block | What::Unblock, _) => false,
            (_, Silence::Decline(_)) => true,
            (_, Silence::Block) => false,
        }
    }

    fn quietly(&mut self, who: usize) {
        let (name, other) = (id(OTHERS[who]), id(SENDER));
        if self.ways[who] == Silence::Block {
            // What a block ends of the blocker's own can be seen, and looks as if they had ended it.
            let theirs = self.plain.pending_sent(&name).into_iter().find(|view| view.other == other);
            let invitation = theirs.map_or(InvitationId(uuid::Uuid::nil()), |view| view.id);
            for net in [&mut self.plain, &mut self.silent] {
                net.act(&name, Action::Disconnect { other: other.clone() }).unwrap();
                net.act(&name, Action::Unfollow { other: other.clone() }).unwrap();
                net.act(&name, Action::Withdraw { invitation }).ok();
            }
        }
        // Something that nobody sees, so that both have drawn as many ids.
        self.plain.act(&name, Action::MarkRead { up_to: None }).unwrap();
        let waiting = self.silent.pending_received(&name).into_iter().find(|view| view.other == other);
        let done = match (self.ways[who], waiting) {
            (Silence::Block, _) => self.silent.act(&name, Action::Block { other }).is_ok(),
            (Silence::Decline(complaint), Some(view)) => {
                self.silent.act(&name, Action::Decline { invitation: view.id, complaint }).is_ok()
            }
            (Silence::Decline(_), None) => {
                self.silent.act(&name, Action::MarkRead { up_to: None }).unwrap();
                false
            }
        };
        self.acted[who] |= done;
    }

    fn step(&mut self, moment: &Moment) -> Result<(), TestCaseError> {
        match moment {
            Moment::Sender(to, what) => self.act(SENDER, OTHERS[*to], what)?,
            Moment::Towards(from, what) if self.stays_the_same(*from, what) => self.act(OTHERS[*from], SENDER, what)?,
            Moment::Aside(from, to, what) => self.act(OTHERS[*from], OTHERS[*to], what)?,
            Moment::Quietly(who) => self.quietly(*who),
            Moment::Towards(..) => {}
            Moment::Wait(span) => {
                self.plain.wait(*span);
                self.silent.wait(*span);
            }
        }
        prop_assert_eq!(seen(&self.plain), seen(&self.silent), "the sender sees a difference");
        Ok(())
    }
}

proptest! {
    #![proptest_config(seeded(256))]

    #[test]
    fn the_sender_cannot_tell_silence_from_silence(
        ways in [silence(), silence()],
        follow_on_invite in any::<bool>(),
        history in prop::collection::vec(moment(), 1..100),
    ) {
        let mut worlds = Worlds::new(ways, follow_on_invite);
        for moment in &history {
            worlds.step(moment)?;
        }
    }
}

/// The histories above would prove little if nobody ever acted in silence in them.
#[test]
fn a_loud_answer_is_seen() {
    let mut worlds = Worlds::new([Silence::Block, Silence::Block], false);
    worlds.step(&Moment::Sender(0, What::Invite { note: false })).unwrap();
    let invitation = worlds.silent.sent[0].0;
    worlds.silent.accept(OTHERS[0], invitation).unwrap();
    assert_ne!(seen(&worlds.plain), seen(&worlds.silent));
}

/// Rule 29 at its number: reports are judged when the member is about to send, so that no
/// recipient's act changes anything for the sender by itself, not even for one who keeps asking.
#[test]
fn the_report_that_is_one_too_many_is_not_seen_before_the_next_send() {
    let mut net = Net::with("[restriction]\nreports = 1");
    let invitation = net.invite(SENDER, OTHERS[0]).unwrap();
    let before = seen(&net);
    net.complain(OTHERS[0], invitation, Complaint::Spam).unwrap();
    assert_eq!(seen(&net), before);
    assert_eq!(net.check(SENDER, OTHERS[1]), Ok(()));
    assert_eq!(refused(net.invite(SENDER, OTHERS[1])).0, Code::Restricted);
    assert_eq!(refused(net.check(SENDER, OTHERS[1])).0, Code::Restricted);
}

#[test]
fn the_whole_life_of_a_declined_invitation_looks_unanswered() {
    for way in [
        Silence::Decline(None),
        Silence::Decline(Some(Complaint::DontKnow)),
        Silence::Decline(Some(Complaint::Spam)),
        Silence::Block,
    ] {
        let mut worlds = Worlds::new([way, way], false);
        let invite = Moment::Sender(0, What::Invite { note: true });
        // Sent, answered in silence, run out, sent again at once, withdrawn, refused, sent again.
        let wait = |days| Moment::Wait(Span::days(days));
        let withdraw = Moment::Sender(0, What::Withdraw { back: 0 });
        let quietly = Moment::Quietly(0);
        let life = [&invite, &quietly, &wait(20), &invite, &quietly, &wait(1), &withdraw, &invite, &wait(3), &invite];
        for moment in life {
            worlds.step(moment).unwrap();
        }
        assert!(worlds.acted[0]);
        assert_eq!(worlds.silent.sent_state(SENDER, OTHERS[0]), Some(InvitationState::Pending));
        assert_eq!(worlds.silent.sent.len(), 3);
    }
}
