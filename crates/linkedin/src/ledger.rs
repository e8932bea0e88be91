//! What is known about each person that the owner invited, kept over imports.
//!
//! Two kinds of knowledge come together: what exports say, which the next one may correct, and what the
//! owner says ("I withdrew it"), which no export takes back. Importing the same export again changes nothing.

use std::io::{self, Read, Write};

use acquaint_core::advice::{self, Measure, Pending, Suggestion};
use acquaint_core::history::{Fate, Sent};
use acquaint_core::policy::{Policy, WITHDRAWAL_WINDOW};
use acquaint_core::survival::Curve;
use acquaint_core::time::{Span, Time};
use serde::{Deserialize, Serialize};

use crate::export::{Connections, Export, Outgoing};
use crate::person::{folded, link};

/// The version of the written form.
const FORMAT: u32 = 1;
/// Exports know invitations that changed within the last six months; what was sent before and did not
/// change is missing, so that only younger ones tell how invitations fare.
const KNOWN_FOR: Span = Span::days(180);
const ONE_DAY: Span = Span::days(1);
const DAY: i64 = 86_400;

/// One person's invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    /// The recipient's name; empty where the export hides it.
    pub name: String,
    /// The comparable address of their profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// When it was sent; the last time, if they were invited again.
    pub sent_at: Time,
    /// Whether a note went with it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub with_note: bool,
    /// The day of connecting, if they are connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected_on: Option<Time>,
    /// Whether the status rests on a name alone.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_guess: bool,
    /// Whether the last export did not have it any more.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_gone: bool,
    /// When the owner withdrew it, as they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_at: Option<Time>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// What is known of an invitation, and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// They are connected.
    Accepted,
    /// The owner said that they withdrew it.
    Withdrawn,
    /// Nothing else is known: pending, ignored, withdrawn, or connected and apart again.
    PendingOrUnknown,
}

impl Status {
    /// Every one.
    pub const ALL: [Status; 3] = [Status::Accepted, Status::Withdrawn, Status::PendingOrUnknown];

    /// The name on the command line and in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Status::Accepted => "accepted",
            Status::Withdrawn => "withdrawn",
            Status::PendingOrUnknown => "pending_or_unknown",
        }
    }
}

impl Invited {
    fn new(row: Outgoing) -> Self {
        Self {
            name: row.name,
            address: row.address,
            sent_at: row.sent_at,
            with_note: row.with_note,
            connected_on: None,
            is_guess: false,
            is_gone: false,
            withdrawn_at: None,
        }
    }

    /// What is known of it.
    #[must_use]
    pub fn status(&self) -> Status {
        match (self.connected_on, self.withdrawn_at) {
            (Some(_), _) => Status::Accepted,
            (None, Some(_)) => Status::Withdrawn,
            (None, None) => Status::PendingOrUnknown,
        }
    }

    /// Whether it may be pending: nothing else is known of it, and the last export had it.
    #[must_use]
    pub fn may_be_pending(&self) -> bool {
        self.status() == Status::PendingOrUnknown && !self.is_gone
    }

    /// The link that opens the person's page, where the export has it.
    #[must_use]
    pub fn link(&self) -> Option<String> {
        self.address.as_deref().map(link)
    }

    /// When the person may be invited again, after the owner withdrew (rule 9).
    #[must_use]
    pub fn may_invite_again_at(&self, policy: &Policy) -> Option<Time> {
        let withdrawn_at = self.withdrawn_at.filter(|_| self.connected_on.is_none())?;
        Some(withdrawn_at + policy.invitation.resend_after_withdrawal)
    }

    /// As history: `None` where the connection is older than the invitation, which says nothing about it.
    fn sent(&self) -> Option<Sent> {
        let fate = match (self.connected_on, self.withdrawn_at) {
            (None, None) => Fate::Pending,
            (None, Some(at)) => Fate::Ended(at),
            // Days alone are known, so they are counted in days; zones may make it one too few.
            (Some(on), _) => match on.unix().div_euclid(DAY) - self.sent_at.unix().div_euclid(DAY) {
                ..-1 => return None,
                days => Fate::Accepted(self.sent_at + Span::days(days.max(0).unsigned_abs())),
            },
        };
        Some(Sent { at: self.sent_at, fate, with_note: self.with_note, ..Sent::default() })
    }

    /// People with an address by that, others by their name and the moment.
    fn place(&self) -> (Option<&str>, Option<(&str, Time)>) {
        match &self.address {
            Some(address) => (Some(address), None),
            None => (None, Some((&self.name, self.sent_at))),
        }
    }
}

/// All that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    owner: Option<String>,
    as_of: Option<Time>,
    people: Vec<Invited>,
}

/// A ledger as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<P> {
    format: u32,
    owner: Option<String>,
    as_of: Option<Time>,
    invited: P,
}

/// Why a ledger cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It is damaged, or something else.
    #[error("it is not a ledger of Acquaint: {0}")]
    Damaged(#[from] serde_json::Error),
    /// A newer program wrote it.
    #[error("a newer version of Acquaint wrote it (format {0})")]
    Newer(u32),
}

/// Why an export was not taken; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// It belongs to somebody else.
    #[error("it is the export of {found}, and what was imported before is that of {known}: keep the two apart")]
    OtherOwner {
        /// Whose it is.
        found: String,
        /// Whose the ledger is.
        known: String,
    },
    /// What is known already is newer.
    #[error("it ends at {found}, and what was imported before at {known}: import the newer one")]
    Older {
        /// The latest date in it.
        found: Time,
        /// The latest date that is known.
        known: Time,
    },
    /// Connections alone say nothing about invitations.
    #[error("it has no Invitations.csv, and there is no earlier import that it could bring up to date")]
    NoInvitations,
}

/// What an import changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// Invitations that were not known.
    pub new: usize,
    /// Known ones that are accepted now and were not.
    pub newly_accepted: usize,
    /// Known ones that the export does not have any more.
    pub gone: usize,
    /// Rows about a person who was invited again later.
    pub repeated: usize,
}

impl Ledger {
    /// Reads what [`Ledger::write`] wrote.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn read(from: impl Read) -> Result<Self, LedgerError> {
        let written: Written<Vec<Invited>> = serde_json::from_reader(io::BufReader::new(from))?;
        if written.format > FORMAT {
            return Err(LedgerError::Newer(written.format));
        }
        let mut people = written.invited;
        people.sort_by(|a, b| a.place().cmp(&b.place()));
        Ok(Self { owner: written.owner, as_of: written.as_of, people })
    }

    /// Writes it as JSON, alike for alike ledgers.
    ///
    /// # Errors
    /// When `to` cannot be written.
    pub fn write(&self, to: impl Write) -> io::Result<()> {
        let (owner, as_of) = (self.owner.clone(), self.as_of);
        let written = Written { format: FORMAT, owner, as_of, invited: &self.people };
        let mut to = io::BufWriter::new(to);
        serde_json::to_writer(&mut to, &written)?;
        to.write_all(b"\n")?;
        to.flush()
    }

    /// Everybody, in a fixed order.
    #[must_use]
    pub fn people(&self) -> &[Invited] {
        &self.people
    }

    /// The comparable address of the owner's profile, where an export told it.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    /// The latest date in what was imported.
    #[must_use]
    pub fn as_of(&self) -> Option<Time> {
        self.as_of
    }

    /// Brings it up to date with an export.
    ///
    /// # Errors
    /// [`ImportError`]; nothing is changed then.
    pub fn import(&mut self, export: Export) -> Result<Changes, ImportError> {
        self.check(&export)?;
        let mut changes = Changes::default();
        let was_accepted: Vec<_> = self.people.iter().filter(|it| it.connected_on.is_some()).map(owned_place).collect();
        if let Some(rows) = export.outgoing {
            self.people = self.renewed(rows, &mut changes);
        }
        let known = self.people.len() - changes.new;
        if let Some(connections) = &export.connections {
            connect(&mut self.people, connections);
        }
        self.owner = self.owner.take().or(export.owner);
        self.as_of = self.as_of.max(export.as_of);
        if known > 0 {
            let before = |it: &&Invited| was_accepted.binary_search(&owned_place(it)).is_ok();
            let accepted = self.people.iter().filter(|it| it.connected_on.is_some());
            changes.newly_accepted = accepted.filter(|it| !before(it)).count();
        }
        Ok(changes)
    }

    fn check(&self, export: &Export) -> Result<(), ImportError> {
        if let (Some(found), Some(known)) = (&export.owner, &self.owner)
            && found != known
        {
            return Err(ImportError::OtherOwner { found: link(found), known: link(known) });
        }
        match (export.as_of, self.as_of) {
            // A file alone may end earlier on the same day than both together.
            (Some(found), Some(known)) if found + ONE_DAY < known => Err(ImportError::Older { found, known }),
            _ if export.outgoing.is_none() && self.people.is_empty() => Err(ImportError::NoInvitations),
            _ => Ok(()),
        }
    }

    /// The people of the export, each with what was known, and those whom it does not have any more.
    fn renewed(&mut self, rows: Vec<Outgoing>, changes: &mut Changes) -> Vec<Invited> {
        let mut old = std::mem::take(&mut self.people);
        let count = rows.len();
        let mut people: Vec<Invited> = rows.into_iter().map(Invited::new).collect();
        // Of several to one person the last is kept; those without an address are alike only if all is.
        people.sort_by(|a, b| {
            a.place().cmp(&b.place()).then(b.sent_at.cmp(&a.sent_at)).then(b.with_note.cmp(&a.with_note))
        });
        people.dedup_by(|later, first| later.place() == first.place());
        changes.repeated = count - people.len();
        let mut found = vec![false; old.len()];
        for person in &mut people {
            match known(&old, person) {
                Some(place) => {
                    if let (Some(before), Some(found)) = (old.get(place), found.get_mut(place)) {
                        *found = true;
                        person.keep(before);
                    }
                }
                None => changes.new += 1,
            }
        }
        let mut found = found.into_iter();
        old.retain(|_| !found.next().unwrap_or(false));
        changes.gone = old.iter().filter(|it| !it.is_gone).count();
        people.extend(old.into_iter().map(|person| Invited { is_gone: true, ..person }));
        people.sort_by(|a, b| a.place().cmp(&b.place()));
        people
    }

    /// Invitations as history, for estimates and insights: those sent within the six months before
    /// [`Ledger::as_of`] that exports know in full.
    #[must_use]
    pub fn history(&self) -> Vec<Sent> {
        let since = self.as_of.map_or(Time::MIN, |as_of| as_of - KNOWN_FOR);
        self.people.iter().filter(|it| it.sent_at > since && !it.is_gone).filter_map(Invited::sent).collect()
    }

    /// How the owner's invitations are accepted over their age.
    #[must_use]
    pub fn curve(&self, now: Time) -> Curve {
        advice::curve(&self.history(), self.as_of.unwrap_or(now))
    }

    /// Which to withdraw and why (rules 37 to 39), the worst first, by place in [`Ledger::people`]. The export
    /// does not say who is inactive, so age is the only reason.
    #[must_use]
    pub fn suggestions(&self, policy: &Policy, now: Time) -> Vec<Suggestion<usize>> {
        let curve = self.curve(now);
        let ends_after = policy.invitation.expires_after.unwrap_or(advice::LONGEST_JUDGED);
        let measure = Measure { policy: &policy.cleanup, curve: &curve, ends_after, now };
        let open = self.people.iter().enumerate();
        let open = open.filter(|(_, it)| it.may_be_pending() && now.since(it.sent_at) < ends_after);
        let pending =
            open.map(|(of, it)| Pending { of, sent_at: it.sent_at, last_active_at: None, outside_audience: false });
        advice::suggest(pending, &measure)
    }

    /// How many the owner may still withdraw today: the budget, less what they withdrew in the last 24 hours.
    #[must_use]
    pub fn budget_left(&self, policy: &Policy, now: Time) -> usize {
        let since = now - WITHDRAWAL_WINDOW;
        let withdrawn = self.people.iter().filter(|it| it.withdrawn_at.is_some_and(|at| since < at && at <= now));
        (policy.cleanup.daily_budget as usize).saturating_sub(withdrawn.count())
    }

    /// Those whom somebody means who types an address of a profile or a name.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<usize> {
        let (address, name) = (crate::person::address(text), folded(text));
        let is_meant = |it: &Invited| match &address {
            Some(address) => it.address.as_ref() == Some(address),
            None => folded(&it.name) == name,
        };
        self.people.iter().enumerate().filter(|(_, it)| is_meant(it)).map(|(place, _)| place).collect()
    }

    /// Notes that the owner withdrew that one; a second time changes nothing. Whether it could be: one
    /// that was accepted cannot.
    pub fn mark_withdrawn(&mut self, place: usize, now: Time) -> Status {
        match self.people.get_mut(place) {
            Some(person) if person.connected_on.is_none() => {
                person.withdrawn_at.get_or_insert(now);
                Status::Withdrawn
            }
            _ => Status::Accepted,
        }
    }

    /// Takes back that the owner withdrew that one.
    pub fn unmark_withdrawn(&mut self, place: usize) {
        if let Some(person) = self.people.get_mut(place) {
            person.withdrawn_at = None;
        }
    }
}

impl Invited {
    /// What an earlier import and the owner said, as far as it is about the same invitation.
    fn keep(&mut self, before: &Invited) {
        self.withdrawn_at = before.withdrawn_at.filter(|at| *at >= self.sent_at);
        if before.sent_at == self.sent_at {
            self.connected_on = before.connected_on;
            self.is_guess = before.is_guess;
        }
    }
}

fn owned_place(person: &Invited) -> (Option<String>, Option<(String, Time)>) {
    let (address, named) = person.place();
    (address.map(Into::into), named.map(|(name, at)| (name.to_owned(), at)))
}

/// Where a person of an export stands among those known: by address, or as the one of that name who was
/// invited at that moment, when no export had told the address.
fn known(sorted: &[Invited], person: &Invited) -> Option<usize> {
    let find = |place| sorted.binary_search_by(|it| it.place().cmp(&place)).ok();
    find(person.place()).or_else(|| find((None, Some((&person.name, person.sent_at)))))
}

/// Writes down who is connected. A name decides only where one person alone has it on each side.
fn connect(people: &mut [Invited], connections: &Connections) {
    let by_name = |it: &Invited| connections.named(&it.name, it.address.as_deref()).filter(|_| !it.name.is_empty());
    let mut bearers = std::collections::HashMap::new();
    for person in people.iter().filter(|it| by_name(it).is_some()) {
        *bearers.entry(folded(&person.name)).or_insert(0_usize) += 1;
    }
    for person in people {
        if let Some(on) = person.address.as_deref().and_then(|address| connections.with_address(address)) {
            (person.connected_on, person.is_guess) = (Some(on), false);
        } else if let Some(named) = by_name(person) {
            let is_unique = named.count == 1 && bearers.get(&folded(&person.name)) == Some(&1);
            person.connected_on = person.connected_on.or(is_unique.then_some(named.on));
            person.is_guess = true;
        }
    }
}
