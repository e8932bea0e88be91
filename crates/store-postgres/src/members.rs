//! A member's row.

use acquaint_core::ids::NotificationId;
use acquaint_core::member::{Ledger, Member, NoteCount, Profile, Restriction};
use acquaint_core::tally::Tally;
use acquaint_core::time::Time;
use uuid::Uuid;

use crate::names::Named;
use crate::rows::Table;
use crate::value::{Fields, ToRow, Unreadable, Value};

pub(crate) const MEMBERS: Table = Table {
    name: "members",
    row: "member_row",
    key: &["member_id"],
    columns: &[
        ("member_id", "text"),
        ("version", "bigint"),
        ("stamp", "uuid"),
        ("registration", "text"),
        ("name", "text"),
        ("headline", "text"),
        ("email", "text"),
        ("plan", "text"),
        ("audience", "text[]"),
        ("last_active_at", "timestamptz"),
        ("who_may_invite", "text"),
        ("reminders", "boolean"),
        ("pending_sent", "bigint"),
        ("pending_received", "bigint"),
        ("connections", "bigint"),
        ("sends", "bigint[]"),
        ("withdrawals", "bigint[]"),
        ("reports", "bigint[]"),
        ("notes_month", "timestamptz"),
        ("notes_used", "bigint"),
        ("restricted_since", "timestamptz"),
        ("restricted_until", "timestamptz"),
        ("restricted_class", "text"),
        ("restricted_rung", "smallint"),
        ("read_until", "uuid"),
    ],
};

/// A member, with the greatest event id of the commit that writes the row.
#[derive(Debug)]
pub(crate) struct MemberRow<'a> {
    pub(crate) member: &'a Member,
    pub(crate) stamp: Uuid,
}

impl ToRow for MemberRow<'_> {
    fn values(&self) -> Vec<Value<'_>> {
        let Member { id, version, profile, ledger } = self.member;
        let (notes, restriction) = (ledger.notes, ledger.restriction);
        vec![
            id.into(),
            (*version).into(),
            self.stamp.into(),
            profile.registration.name().into(),
            profile.name.as_deref().into(),
            profile.headline.as_deref().into(),
            profile.email.as_deref().into(),
            profile.plan.name().into(),
            profile.audience.iter().map(String::as_str).collect::<Vec<_>>().into(),
            profile.last_active_at.into(),
            profile.who_may_invite.name().into(),
            profile.reminders.into(),
            ledger.pending_sent.into(),
            ledger.pending_received.into(),
            ledger.connections.into(),
            triples(&ledger.sends).into(),
            triples(&ledger.withdrawals).into(),
            triples(&ledger.reports).into(),
            notes.map(|notes| notes.month.start()).into(),
            notes.map(|notes| notes.used).into(),
            restriction.map(|restriction| restriction.since).into(),
            restriction.map(|restriction| restriction.until).into(),
            restriction.map(|restriction| restriction.class.name()).into(),
            restriction.map(|restriction| restriction.rung).into(),
            ledger.read_until.map(|id| id.0).into(),
        ]
    }
}

fn triples(tally: &Tally) -> Vec<i64> {
    tally.triples().flat_map(|(at, count, good)| [at.unix(), count.into(), good.into()]).collect()
}

/// The member, and the stamp.
pub(crate) fn read_member(mut row: Fields<'_>) -> Result<(Member, Uuid), Unreadable> {
    let (id, version, stamp) = (row.member()?, row.number::<i64, u64>()?, row.take()?);
    let profile = Profile {
        registration: row.named()?,
        name: row.take()?,
        headline: row.take()?,
        email: row.take()?,
        plan: row.named()?,
        audience: row.take()?,
        last_active_at: row.maybe_time()?,
        who_may_invite: row.named()?,
        reminders: row.take()?,
    };
    let ledger = Ledger {
        pending_sent: row.number::<i64, _>()?,
        pending_received: row.number::<i64, _>()?,
        connections: row.number::<i64, _>()?,
        sends: read_tally(&mut row)?,
        withdrawals: read_tally(&mut row)?,
        reports: read_tally(&mut row)?,
        notes: read_notes(&mut row)?,
        restriction: read_restriction(&mut row)?,
        read_until: row.take::<Option<Uuid>>()?.map(NotificationId),
    };
    Ok((Member { id, version, profile: profile.into(), ledger }, stamp))
}

fn read_tally(row: &mut Fields<'_>) -> Result<Tally, Unreadable> {
    let numbers: Vec<i64> = row.take()?;
    let (triples, []) = numbers.as_chunks::<3>() else {
        return Err(Unreadable("a log of moments does not consist of triples".into()));
    };
    let count = |number: i64| u32::try_from(number).map_err(|_| Unreadable("a count is out of its range".into()));
    let triple = |&[at, all, good]: &[i64; 3]| Ok((Time::from_unix(at), count(all)?, count(good)?));
    let triples: Vec<_> = triples.iter().map(triple).collect::<Result<_, Unreadable>>()?;
    Ok(Tally::from_triples(triples))
}

fn read_notes(row: &mut Fields<'_>) -> Result<Option<NoteCount>, Unreadable> {
    let (month, used) = (row.maybe_time()?, row.maybe_number::<i64, u32>()?);
    Ok(month.zip(used).map(|(month, used)| NoteCount { month: month.month(), used }))
}

fn read_restriction(row: &mut Fields<'_>) -> Result<Option<Restriction>, Unreadable> {
    let (since, until) = (row.maybe_time()?, row.maybe_time()?);
    let (class, rung) = (row.maybe_named()?, row.maybe_number::<i16, u8>()?);
    let (Some(since), Some(until), Some(class), Some(rung)) = (since, until, class, rung) else { return Ok(None) };
    Ok(Some(Restriction { since, until, class, rung }))
}
