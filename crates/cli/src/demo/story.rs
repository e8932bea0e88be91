//! What happened in the demo before anybody looked: seven months of invitations, told to the real
//! engine day by day, so that every reminder, wait and ending has happened as the rules have it.
//!
//! The times of day depend on the weekday alone. Reminders come after whole weeks, so they fall on
//! moments at which something happens anyway, and the whole story takes few commits.

use std::collections::BTreeMap;

use acquaint_app::{Network, Request};
use acquaint_core::command::{Action, Command, Engagement, EngagementKind};
use acquaint_core::decide::Answer;
use acquaint_core::ids::InvitationId;
use acquaint_core::relation::Complaint;
use acquaint_core::time::{Span, Time};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::names::NOTES;
use super::people::{Person, Role, all};
use crate::failure::{Failure, Outcome};

/// How long ago the story begins.
const DAYS: u64 = 210;
/// From so many days ago on, something happens several times a day.
const BUSY_DAYS: u64 = 28;
/// Minutes before the end of a day at which something happens, by weekday; the first of each is
/// the only one of the earlier months.
const MOMENTS: [[u64; 4]; 7] = [
    [137, 402, 655, 861],
    [184, 391, 700, 812],
    [95, 333, 598, 905],
    [221, 470, 642, 788],
    [160, 315, 577, 840],
    [249, 512, 733, 950],
    [118, 441, 689, 877],
];
/// Invitations at one moment, in the earlier months and lately.
const SENT_AT_ONCE: [usize; 2] = [20, 5];

/// When the clock starts.
pub(super) fn beginning(now: Time) -> Time {
    now - Span::days(DAYS)
}

/// A moment of the story.
#[derive(Debug, Clone, Copy)]
struct Tick {
    days_ago: u64,
    at: Time,
}

fn ticks(now: Time) -> Vec<Tick> {
    let mut ticks = Vec::new();
    for days_ago in (0..DAYS).rev() {
        let today = MOMENTS.iter().cycle().nth(usize::try_from(days_ago % 7).unwrap_or_default());
        let moments = today.map(|moments| moments.as_slice()).unwrap_or_default();
        let many = if days_ago < BUSY_DAYS { moments.len() } else { 1 };
        for minutes in moments.iter().take(many).rev() {
            ticks.push(Tick { days_ago, at: now - Span::days(days_ago) - Span::minutes(*minutes) });
        }
    }
    ticks
}

/// What becomes of an invitation.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Unanswered,
    Accepted { after_days: u64 },
    Declined { after_days: u64, complaint: Option<Complaint> },
    Withdrawn { after_days: u64 },
}

/// Something to be done at a moment.
enum Deed {
    Invite {
        from: usize,
        to: usize,
        note: Option<String>,
        fate: Fate,
    },
    /// Anything else that somebody does.
    Act {
        who: usize,
        action: Action,
    },
}

/// Tells the story to a community that is empty, up to `now`.
pub(super) async fn tell(network: &Network, now: Time) -> Outcome<()> {
    let people = all();
    let everybody = people.iter().enumerate();
    let arrivals =
        everybody.map(|(who, person)| Deed::Act { who, action: Action::Register { profile: person.profile(now) } });
    let mut teller = Teller { network, ticks: ticks(now), agenda: BTreeMap::new(), people: &people };
    teller.carry_out(arrivals.collect(), 0).await?;
    let mut plot = Plot {
        people: &people,
        ticks: teller.ticks.clone(),
        random: StdRng::seed_from_u64(7),
        agenda: BTreeMap::new(),
    };
    plot.write();
    teller.agenda = plot.agenda;
    for tick in 0..teller.ticks.len() {
        if let Some(deeds) = teller.agenda.remove(&tick) {
            let at = teller.ticks.get(tick).map_or(now, |tick| tick.at);
            network.set_clock(at).await.map_err(Failure::failed)?;
            teller.carry_out(deeds, tick).await?;
        }
    }
    network.set_clock(now).await.map_err(Failure::failed)
}

/// Has the deeds done, and notes down what follows from each invitation.
struct Teller<'a> {
    network: &'a Network,
    people: &'a [Person],
    ticks: Vec<Tick>,
    agenda: BTreeMap<usize, Vec<Deed>>,
}

impl Teller<'_> {
    async fn carry_out(&mut self, deeds: Vec<Deed>, tick: usize) -> Outcome<()> {
        let requests = deeds.iter().filter_map(|deed| self.request(deed)).collect();
        let outcomes = self.network.submit_all(requests).await.map_err(Failure::failed)?;
        for (deed, outcome) in deeds.into_iter().zip(outcomes) {
            // A refusal is part of the story: somebody had invited too many.
            let Ok(answer) = outcome.map_err(Failure::failed)? else { continue };
            if let (Deed::Invite { from, to, fate, .. }, Answer::Invited { invitation, .. }) = (deed, answer) {
                self.foresee(tick, from, to, invitation.id, fate);
            }
        }
        Ok(())
    }

    fn request(&self, deed: &Deed) -> Option<Request> {
        let id = |who: usize| self.people.get(who).map(|person| person.id.clone());
        let (actor, action) = match deed {
            Deed::Invite { from, to, note, .. } => {
                (id(*from)?, Action::Invite { to: id(*to)?, note: note.clone(), to_email: None })
            }
            Deed::Act { who, action } => (id(*who)?, action.clone()),
        };
        Some(Request { command: Command { actor, action }, claim: None })
    }

    fn foresee(&mut self, tick: usize, from: usize, to: usize, invitation: InvitationId, fate: Fate) {
        let (who, action, after_days) = match fate {
            Fate::Unanswered => return,
            Fate::Accepted { after_days } => (to, Action::Accept { invitation }, after_days),
            Fate::Declined { after_days, complaint } => (to, Action::Decline { invitation, complaint }, after_days),
            Fate::Withdrawn { after_days } => (from, Action::Withdraw { invitation }, after_days),
        };
        let Some(sent) = self.ticks.get(tick).map(|tick| tick.at) else { return };
        let then = self.ticks.iter().position(|later| later.at > sent + Span::days(after_days));
        if let Some(then) = then {
            self.agenda.entry(then).or_default().push(Deed::Act { who, action });
        }
    }
}

/// Makes up who does what when.
struct Plot<'a> {
    people: &'a [Person],
    ticks: Vec<Tick>,
    random: StdRng,
    agenda: BTreeMap<usize, Vec<Deed>>,
}

impl Plot<'_> {
    fn write(&mut self) {
        self.everyday();
        self.amara();
        self.mateo();
        self.ingrid();
        self.leila();
        self.dev();
        self.small_talk();
        self.reading();
    }

    /// The last moment that is at least so many days ago.
    fn tick_before(&self, days_ago: u64) -> usize {
        self.ticks.iter().rposition(|tick| tick.days_ago >= days_ago).unwrap_or_default()
    }

    fn at(&mut self, days_ago: u64, deed: Deed) {
        let tick = self.tick_before(days_ago);
        self.agenda.entry(tick).or_default().push(deed);
    }

    fn invite(&mut self, days_ago: u64, from: usize, to: usize, note: Option<&str>, fate: Fate) {
        self.at(days_ago, Deed::Invite { from, to, note: note.map(str::to_owned), fate });
    }

    /// Somebody else, most often of the same circle.
    fn acquaintance(&mut self, of: usize) -> usize {
        let Some(me) = self.people.get(of) else { return of };
        let (circle, culture) = (me.circle, me.culture);
        let fits = |kind: u32, other: &Person| match kind {
            0..70 => other.circle == circle,
            70..85 => other.culture == culture,
            _ => true,
        };
        let kind = self.random.random_range(0..100);
        let fitting: Vec<usize> = (0..self.people.len())
            .filter(|other| *other != of && self.people.get(*other).is_some_and(|other| fits(kind, other)))
            .collect();
        let chosen = self.random.random_range(0..fitting.len().max(1));
        fitting.get(chosen).copied().unwrap_or(of)
    }

    fn note(&mut self, in_hundred: u32) -> Option<&'static str> {
        let wanted = self.random.random_range(0..100) < in_hundred;
        let which = self.random.random_range(0..NOTES.len());
        NOTES.get(which).copied().filter(|_| wanted)
    }

    fn fate(&mut self) -> Fate {
        let delay = match self.random.random_range(0..10) {
            0..7 => 0,
            7..9 => self.random.random_range(1..7),
            _ => self.random.random_range(7..21),
        };
        match self.random.random_range(0..100) {
            0..60 => Fate::Accepted { after_days: delay },
            60..69 => Fate::Declined { after_days: delay, complaint: None },
            69 => Fate::Declined { after_days: delay, complaint: Some(Complaint::DontKnow) },
            70..76 => Fate::Withdrawn { after_days: self.random.random_range(15..60) },
            _ => Fate::Unanswered,
        }
    }

    /// What everybody does who has no part of their own. Those with one are left alone where it
    /// would spoil their part.
    fn everyday(&mut self) {
        for tick in 0..self.ticks.len() {
            let busy = self.ticks.get(tick).is_some_and(|tick| tick.days_ago < BUSY_DAYS);
            let [early, late] = SENT_AT_ONCE;
            for _ in 0..if busy { late } else { early } {
                let from = self.random.random_range(0..self.people.len());
                let to = self.acquaintance(from);
                let alone = |who| matches!(Role::of(who), Some(Role::Mateo | Role::Ingrid | Role::Yuki | Role::Dev));
                if alone(from) || alone(to) || from == to {
                    continue;
                }
                let (note, fate) = (self.note(35).map(str::to_owned), self.fate());
                self.agenda.entry(tick).or_default().push(Deed::Invite { from, to, note, fate });
            }
        }
    }

    /// Others of somebody's circle, from some place on.
    fn circle_of(&self, role: Role) -> Vec<usize> {
        let circle = self.people.get(role.place()).map(|person| person.circle);
        let others = (0..self.people.len()).filter(|other| Role::of(*other).is_none());
        others.filter(|other| self.people.get(*other).map(|person| person.circle) == circle).collect()
    }

    /// Others who have no part of their own, mixed.
    fn strangers(&self) -> Vec<usize> {
        let count = self.people.len();
        (0..count).map(|n| n * 129 % count).filter(|other| Role::of(*other).is_none()).collect()
    }

    fn amara(&mut self) {
        let amara = Role::Amara.place();
        let circle = self.circle_of(Role::Amara);
        let (known, unknown) = circle.split_at(circle.len().min(14));
        for (days_ago, other) in (0..).map(|n| 190 - n * 11).zip(known) {
            self.invite(days_ago, *other, amara, None, Fate::Accepted { after_days: 1 });
        }
        let strangers = self.strangers();
        let mut waiting = unknown.iter().chain(&strangers).copied();
        for (days_ago, note) in [(26, None), (16, Some(4)), (9, Some(9)), (5, None), (3, Some(1)), (1, Some(6))] {
            let note = note.and_then(|note: usize| NOTES.get(note).copied());
            if let Some(from) = waiting.next() {
                self.invite(days_ago, from, amara, note, Fate::Unanswered);
            }
        }
        self.invite(0, Role::Leila.place(), amara, Some(ARABIC), Fate::Unanswered);
        let sent = [
            (170, None, Fate::Unanswered),
            (75, Some(3), Fate::Declined { after_days: 2, complaint: None }),
            (40, None, Fate::Unanswered),
            (24, Some(10), Fate::Unanswered),
            (20, None, Fate::Withdrawn { after_days: 15 }),
            (12, Some(7), Fate::Unanswered),
            (6, None, Fate::Unanswered),
            (2, Some(0), Fate::Unanswered),
            (2, None, Fate::Accepted { after_days: 1 }),
        ];
        for (days_ago, note, fate) in sent {
            let note = note.and_then(|note: usize| NOTES.get(note).copied());
            if let Some(to) = waiting.next() {
                self.invite(days_ago, amara, to, note, fate);
            }
        }
    }

    /// 190 invitations in four months, every fourth accepted: 143 pending.
    fn mateo(&mut self) {
        for (n, to) in self.strangers().into_iter().take(190).enumerate() {
            let days_ago = 125 - n as u64 * 125 / 190;
            let accepted = n.is_multiple_of(4) && days_ago > 2;
            // Most of those who accept do it the same day.
            let usual = [0, 0, 1, 0, 0, 3, 0, 8].get(n / 4 % 8).copied().unwrap_or_default();
            let after_days = usual.min(days_ago.saturating_sub(2));
            let fate = if accepted { Fate::Accepted { after_days } } else { Fate::Unanswered };
            let note = self.note(20);
            self.invite(days_ago, Role::Mateo.place(), to, note, fate);
        }
    }

    /// Too fast once, and then too many that nobody answers; the last one is refused.
    fn ingrid(&mut self) {
        let ingrid = Role::Ingrid.place();
        let strangers = self.strangers();
        let mut others = strangers.iter().rev().copied();
        for _ in 0..41 {
            let Some(to) = others.next() else { return };
            self.invite(60, ingrid, to, None, Fate::Withdrawn { after_days: 4 });
        }
        for n in 0..62 {
            let Some(to) = others.next() else { return };
            let fate = if n % 10 == 0 { Fate::Accepted { after_days: 2 } } else { Fate::Unanswered };
            self.invite(34 - n / 6, ingrid, to, None, fate);
        }
        if let Some(to) = others.next() {
            self.invite(0, ingrid, to, None, Fate::Unanswered);
        }
    }

    fn leila(&mut self) {
        let others: Vec<usize> = self.strangers().into_iter().skip(40).take(46).collect();
        for (n, from) in others.into_iter().enumerate() {
            let note = self.note(50);
            self.invite(100 - n as u64 * 100 / 46, from, Role::Leila.place(), note, Fate::Unanswered);
        }
    }

    fn dev(&mut self) {
        let dev = Role::Dev.place();
        let others = self.circle_of(Role::Dev);
        for (n, other) in others.iter().copied().take(16).enumerate() {
            let Some(person) = self.people.get(other) else { continue };
            let other = person.id.clone();
            let days_ago = 150 - n as u64 * 9;
            let action = match n {
                0..9 => {
                    self.invite(days_ago, dev, self.number_of(&other), None, Fate::Accepted { after_days: 1 });
                    continue;
                }
                9..14 => Action::Follow { other },
                _ => Action::Block { other },
            };
            self.at(days_ago, Deed::Act { who: dev, action });
        }
    }

    fn number_of(&self, id: &acquaint_core::ids::MemberId) -> usize {
        self.people.iter().position(|person| person.id == *id).unwrap_or_default()
    }

    /// Likes, comments and shares of the last month.
    fn small_talk(&mut self) {
        for n in 0_u64..140 {
            let target =
                if n.is_multiple_of(20) { Role::Amara.place() } else { self.random.random_range(0..self.people.len()) };
            let who = self.acquaintance(target);
            let quiet = |who| matches!(Role::of(who), Some(Role::Yuki));
            let Some(person) = self.people.get(target) else { continue };
            if who == target || quiet(who) || quiet(target) {
                continue;
            }
            let (kind, text) = match n % 5 {
                0 | 1 => (EngagementKind::Like, None),
                2 => (EngagementKind::Share, None),
                _ => (
                    EngagementKind::Comment,
                    Some("That is how I see it too – thank you for writing it down.".to_owned()),
                ),
            };
            let engagement = Engagement { kind, subject: Some("your post".into()), text };
            let action = Action::Engage { target: person.id.clone(), engagement };
            self.at(n * 27 / 140, Deed::Act { who, action });
        }
    }

    /// Everybody has read what is older than three days.
    fn reading(&mut self) {
        for who in 0..self.people.len() {
            self.at(3, Deed::Act { who, action: Action::MarkRead { up_to: None } });
        }
    }
}

/// "Hello Amara, we met at the book fair in Beirut. I would be glad to hear from you!"
const ARABIC: &str = "مرحبًا أمارا، التقينا في معرض الكتاب في بيروت. يسعدني أن أسمع منك!";
