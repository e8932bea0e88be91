//! Reads: rows by their names, and pages.
//!
//! What is read by several statements is read in one flight from one snapshot, so that a commit is
//! seen whole or not at all.

use std::collections::HashMap;

use acquaint_core::event::{Notification, RecordedEvent};
use acquaint_core::ids::{EventId, InvitationId, MemberId};
use acquaint_core::member::Member;
use acquaint_core::relation::{Pair, Relation};
use acquaint_core::time::Time;
use acquaint_core::view::{ContactList, Direction, InvitationView, received, sent};
use acquaint_store::memory::arrival;
use acquaint_store::{
    Claim, ClaimName, Contact, ContactPage, Document, DocumentName, DocumentPage, Due, DuePage, Loaded,
    NotificationPage, Order, PendingPage, Position, StoreError, StoreResult, Wanted,
};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::PostgresStore;
use crate::connection::{Reply, Step, param};
use crate::error::Trouble;
use crate::members::read_member;
use crate::plan::ROWS_AT_ONCE;
use crate::relations::read_relation;
use crate::replicas::replayed_step;
use crate::rows::{read_claim, read_document, read_event, read_notification, read_past};
use crate::sql::Sql;
use crate::value::{At, Fields, Param, Unreadable};

/// Rows as what they mean.
pub(crate) fn read_all<'a, T>(
    rows: impl IntoIterator<Item = &'a Row>,
    meaning: impl Fn(Fields<'a>) -> Result<T, Unreadable>,
) -> StoreResult<Vec<T>> {
    let read = |row| meaning(Fields::of(row)).map_err(|error| StoreError::from(Trouble::from(error)));
    rows.into_iter().map(read).collect()
}

pub(crate) fn limit(lines: usize) -> i64 {
    i64::try_from(lines).unwrap_or(i64::MAX)
}

/// Names as two columns.
fn two_columns<'a, A: 'a, B: 'a>(names: impl Iterator<Item = (A, B)>) -> Vec<Param<'a>>
where
    Vec<A>: tokio_postgres::types::ToSql + Sync + Send,
    Vec<B>: tokio_postgres::types::ToSql + Sync + Send,
{
    let (first, second): (Vec<A>, Vec<B>) = names.unzip();
    vec![param(first), param(second)]
}

impl PostgresStore {
    /// Runs statements that see the same moment: a replica's, if one may answer to who has `seen` that
    /// position, otherwise the primary's.
    async fn look(&self, seen: Option<Position>, mut steps: Vec<Step<'_>>) -> StoreResult<Vec<Reply>> {
        if steps.len() > 1 {
            steps.insert(0, Step::new(Sql::BeginReading, Vec::new()));
            steps.push(Step::new(Sql::Commit, Vec::new()));
        }
        if let Some(seen) = seen.filter(|_| !self.replicas.are_none()) {
            steps.insert(0, replayed_step());
            if let Some(replies) = self.replicas.ask(seen, &steps).await {
                self.counters.answered_by_replica();
                return Ok(replies);
            }
            self.counters.missed_by_replicas();
            steps.remove(0);
        }
        self.run(&steps).await
    }

    /// The rows of one statement, as they are now.
    async fn rows(&self, sql: Sql, params: Vec<Param<'_>>) -> StoreResult<Vec<Row>> {
        self.rows_seen(None, sql, params).await
    }

    /// The rows of one statement.
    async fn rows_seen(&self, seen: Option<Position>, sql: Sql, params: Vec<Param<'_>>) -> StoreResult<Vec<Row>> {
        let replies = self.look(seen, vec![Step::new(sql, params)]).await?;
        Ok(replies.into_iter().flat_map(|reply| reply.rows).collect())
    }

    pub(crate) async fn do_load(&self, wanted: &Wanted) -> StoreResult<Loaded> {
        let steps = load_steps(wanted);
        let mut sources: Vec<Sql> = steps.iter().map(|step| step.sql).collect();
        if steps.len() > 1 {
            sources.insert(0, Sql::BeginReading);
        }
        let replies = self.look(wanted.seen, steps).await?;
        let mut found = Found::default();
        for (sql, reply) in sources.into_iter().zip(&replies) {
            found.take(sql, reply)?;
        }
        Ok(found.in_order(wanted, self.floor()))
    }

    pub(crate) async fn do_pending(&self, page: &PendingPage) -> StoreResult<Vec<InvitationView>> {
        let (sql, start) = match (page.direction, page.order) {
            (Direction::Sent, Order::Newest) => (Sql::SentNewest, Uuid::max()),
            (Direction::Sent, Order::Oldest) => (Sql::SentOldest, Uuid::nil()),
            (Direction::Received, Order::Newest) => (Sql::ReceivedNewest, Uuid::max()),
            (Direction::Received, Order::Oldest) => (Sql::ReceivedOldest, Uuid::nil()),
        };
        let after = page.after.map_or(start, |id| id.0);
        let params = vec![param(page.member.as_str()), param(after), param(limit(page.limit))];
        shown(&self.rows_seen(page.seen, sql, params).await?, &page.member, page.direction)
    }

    pub(crate) async fn do_contacts(&self, page: &ContactPage) -> StoreResult<Vec<Contact>> {
        let sql = match page.list {
            ContactList::Connections => Sql::Connections,
            ContactList::Following => Sql::Following,
            ContactList::Followers => Sql::Followers,
            ContactList::Blocks => Sql::Blocks,
        };
        let after = page.after.as_ref();
        let since = after.map_or(At::NEVER, |contact| contact.since.into());
        let other = after.map_or("", |contact| contact.other.as_str());
        let params = vec![param(page.member.as_str()), param(since), param(other), param(limit(page.limit))];
        let rows = self.rows_seen(page.seen, sql, params).await?;
        read_all(&rows, |mut row| Ok(Contact { since: row.time()?, other: row.member()? }))
    }

    pub(crate) async fn do_notifications(&self, page: &NotificationPage) -> StoreResult<Vec<Notification>> {
        let after = page.after.map_or(Uuid::max(), |id| id.0);
        let params = || vec![param(page.member.as_str()), param(after), param(limit(page.limit))];
        let steps = vec![Step::new(Sql::Notifications, params()), Step::new(Sql::ReceivedNewest, params())];
        let replies = self.look(page.seen, steps).await?;
        let [_, stored, arrived, ..] = replies.as_slice() else { return Ok(Vec::new()) };
        let stored = read_all(&stored.rows, read_notification)?.into_iter().map(|(_, line)| line);
        let arrived = shown(&arrived.rows, &page.member, Direction::Received)?;
        let mut all: Vec<_> = stored.chain(arrived.iter().map(arrival)).collect();
        all.sort_by_key(|line| std::cmp::Reverse(line.id));
        all.truncate(page.limit);
        Ok(all)
    }

    pub(crate) async fn do_events(&self, after: Option<EventId>, most: usize) -> StoreResult<Vec<RecordedEvent>> {
        let Some(horizon) = self.horizon().await? else { return Ok(Vec::new()) };
        let after = after.map_or(Uuid::nil(), |id| id.0);
        let params = vec![param(after), param(horizon), param(limit(most))];
        read_all(&self.rows(Sql::Events, params).await?, read_event)
    }

    pub(crate) async fn do_last_event(&self) -> StoreResult<Option<EventId>> {
        let rows = self.rows(Sql::LastEvent, Vec::new()).await?;
        Ok(read_all(&rows, |mut row| Ok(EventId(row.take()?)))?.pop())
    }

    pub(crate) async fn do_due(&self, after: Option<&Due>, until: Time, most: usize) -> StoreResult<Vec<Due>> {
        let at = after.map_or(At::BEFORE_ALL, |due| due.at.into());
        let [low, high] = after.map_or(["", ""], |due| due.pair.both().map(MemberId::as_str));
        let params = vec![param(at), param(low), param(high), param(At::from(until)), param(limit(most))];
        let rows = self.rows(Sql::Due, params).await?;
        read_all(&rows, |mut row| {
            let (at, low, high) = (row.time()?, row.member()?, row.member()?);
            let pair = Pair::new(&low, &high).ok_or_else(|| Unreadable("something due with oneself".into()))?;
            Ok(Due { at, pair })
        })
    }

    pub(crate) async fn do_related(
        &self,
        member: &MemberId,
        after: Option<&MemberId>,
        most: usize,
    ) -> StoreResult<Vec<MemberId>> {
        let after = after.map_or("", MemberId::as_str);
        let rows = self.rows(Sql::Related, vec![param(member.as_str()), param(after), param(limit(most))]).await?;
        read_all(&rows, |mut row| row.member())
    }

    pub(crate) async fn do_document(&self, name: &DocumentName) -> StoreResult<Option<Document>> {
        let params = vec![param(name.owner_text()), param(name.kind.name()), param(name.key.as_str())];
        Ok(read_all(&self.rows(Sql::Document, params).await?, read_document)?.pop())
    }

    pub(crate) async fn do_documents(&self, page: &DocumentPage) -> StoreResult<Vec<Document>> {
        let owner = page.owner.as_ref().map_or("", MemberId::as_str);
        let after = page.after.as_deref().unwrap_or_default();
        let params = vec![param(owner), param(page.kind.name()), param(after), param(limit(page.limit))];
        read_all(&self.rows(Sql::Documents, params).await?, read_document)
    }

    pub(crate) async fn do_due_documents(&self, page: &DuePage) -> StoreResult<Vec<Document>> {
        let after = page.after.as_ref();
        let at = after.map_or(At::BEFORE_ALL, |place| place.at.into());
        let owner = after.and_then(|place| place.owner.as_ref()).map_or("", MemberId::as_str);
        let key = after.map_or("", |place| place.key.as_str());
        let (kind, until) = (param(page.kind.name()), param(At::from(page.until)));
        let params = vec![kind, until, param(at), param(owner), param(key), param(limit(page.limit))];
        read_all(&self.rows(Sql::DueDocuments, params).await?, read_document)
    }

    /// At most that many records made before that moment; whether there may be more.
    pub(crate) async fn do_forget_claims(&self, before: Time, most: usize) -> StoreResult<bool> {
        let rows = self.rows(Sql::OldClaims, vec![param(At::from(before)), param(limit(most))]).await?;
        if rows.is_empty() {
            return Ok(false);
        }
        let names = read_all(&rows, |mut row| Ok((row.take::<&str>()?, row.take::<&str>()?)))?;
        self.run(&[Step::new(Sql::DeleteClaims, two_columns(names.into_iter()))]).await?;
        Ok(rows.len() >= most)
    }
}

/// What these rows show that member.
fn shown(rows: &[Row], viewer: &MemberId, direction: Direction) -> StoreResult<Vec<InvitationView>> {
    let relations = read_all(rows, read_relation)?;
    let view = |relation: &Relation| match direction {
        Direction::Sent => sent(relation, viewer),
        Direction::Received => received(relation, viewer),
    };
    Ok(relations.iter().filter_map(|(relation, _)| view(relation)).collect())
}

/// One statement for each kind of row that is wanted, more for many.
fn load_steps(wanted: &Wanted) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    for ids in wanted.members.chunks(ROWS_AT_ONCE) {
        let ids: Vec<&str> = ids.iter().map(MemberId::as_str).collect();
        steps.push(Step::new(Sql::Members, vec![param(ids)]));
    }
    for pairs in wanted.relations.chunks(ROWS_AT_ONCE) {
        let pairs = pairs.iter().map(|pair| (pair.low().as_str(), pair.high().as_str()));
        steps.push(Step::new(Sql::Relations, two_columns(pairs)));
    }
    for sql in [Sql::SentByIds, Sql::ReceivedByIds, Sql::Past] {
        for names in wanted.invitations.chunks(ROWS_AT_ONCE) {
            let names = names.iter().map(|(owner, id)| (owner.as_str(), id.0));
            steps.push(Step::new(sql, two_columns(names)));
        }
    }
    for names in wanted.claims.chunks(ROWS_AT_ONCE) {
        let names = names.iter().map(|name| (name.scope.as_str(), name.key.as_str()));
        steps.push(Step::new(Sql::Claims, two_columns(names)));
    }
    steps
}

/// Rows as they come, to be put into the order in which they were wanted.
#[derive(Default)]
struct Found {
    members: HashMap<MemberId, Member>,
    relations: HashMap<Pair, Relation>,
    invitations: HashMap<(MemberId, InvitationId), InvitationView>,
    claims: HashMap<ClaimName, Claim>,
    /// The greatest event id of the commits that wrote them.
    stamp: Option<Uuid>,
}

impl Found {
    fn take(&mut self, sql: Sql, reply: &Reply) -> StoreResult<()> {
        let rows = &reply.rows;
        match sql {
            Sql::Members => {
                for (member, stamp) in read_all(rows, read_member)? {
                    self.stamp = self.stamp.max(Some(stamp));
                    self.members.insert(member.id.clone(), member);
                }
            }
            Sql::Relations => {
                for (relation, stamp) in read_all(rows, read_relation)? {
                    self.stamp = self.stamp.max(Some(stamp));
                    self.relations.insert(relation.pair.clone(), relation);
                }
            }
            Sql::SentByIds | Sql::ReceivedByIds => {
                let owners = read_all(rows, |mut row| row.member())?;
                for (owner, (relation, _)) in owners.into_iter().zip(read_all(rows, read_relation)?) {
                    let view =
                        if sql == Sql::SentByIds { sent(&relation, &owner) } else { received(&relation, &owner) };
                    self.invitations.extend(view.map(|view| ((owner, view.id), view)));
                }
            }
            Sql::Past => {
                for (owner, view) in read_all(rows, read_past)? {
                    self.invitations.entry((owner, view.id)).or_insert(view);
                }
            }
            Sql::Claims => self.claims.extend(read_all(rows, read_claim)?.into_iter().map(|it| (it.name.clone(), it))),
            // What begins and ends the look.
            _ => {}
        }
        Ok(())
    }

    fn in_order(&self, wanted: &Wanted, floor: Option<Uuid>) -> Loaded {
        Loaded {
            members: wanted.members.iter().map(|id| self.members.get(id).cloned()).collect(),
            relations: wanted.relations.iter().map(|pair| self.relations.get(pair).cloned()).collect(),
            invitations: wanted.invitations.iter().map(|name| self.invitations.get(name).cloned()).collect(),
            claims: wanted.claims.iter().map(|name| self.claims.get(name).cloned()).collect(),
            ids_after: floor.max(self.stamp).filter(|id| !id.is_nil()).map(EventId),
        }
    }
}
