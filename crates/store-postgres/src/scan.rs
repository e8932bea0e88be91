//! Everything that is kept, record by record, for backup and copy, and the way back.

use std::collections::BTreeMap;
use std::ops::Range;

use acquaint_core::event::{Notification, RecordedEvent};
use acquaint_core::ids::{InvitationId, MemberId, NotificationId};
use acquaint_core::member::Member;
use acquaint_core::relation::{Pair, Relation};
use acquaint_core::view::InvitationView;
use acquaint_store::{
    Claim, ClaimName, Document, DocumentName, MemberRecord, Record, RelationRecord, ScanPage, ScanPlace, StoreError,
    StoreResult,
};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::PostgresStore;
use crate::connection::{Step, param};
use crate::error::Trouble;
use crate::members::{MemberRow, read_member};
use crate::plan::push_all;
use crate::read::{limit, read_all, two_columns};
use crate::relations::{RelationRow, read_relation};
use crate::rows::{
    ClaimRow, NotificationRow, PastRow, event_home, read_claim, read_document, read_event, read_notification, read_past,
};
use crate::sql::Sql;
use crate::value::{Fields, Param, Unreadable};

/// The tables that hold more than what follows from others, in the order of a scan.
const SCANNED: [Sql; 7] = [
    Sql::ScanMembers,
    Sql::ScanRelations,
    Sql::ScanPast,
    Sql::ScanNotifications,
    Sql::ScanEvents,
    Sql::ScanClaims,
    Sql::ScanDocuments,
];

/// Those of them that tell of the past, by their places.
const HISTORY: Range<usize> = 2..6;

/// A record's key: the member, and up to two columns more.
type Key = (String, String, String);

/// The last record read: the place of its table, and its key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Place {
    table: usize,
    key: Key,
}

impl Place {
    fn write(&self) -> ScanPlace {
        // Texts and a number can always be written.
        ScanPlace(serde_json::to_vec(&(self.table, &self.key)).unwrap_or_default())
    }

    fn read(place: Option<&ScanPlace>) -> StoreResult<Self> {
        let Some(ScanPlace(bytes)) = place else { return Ok(Self::default()) };
        let (table, key) = serde_json::from_slice(bytes)
            .map_err(|_| StoreError::Failed("this place of a scan was made by another store: begin anew".into()))?;
        Ok(Self { table, key })
    }

    /// What the statement of that table takes.
    fn params(&self, sql: Sql, most: usize) -> StoreResult<Vec<Param<'_>>> {
        let (first, second, third) = (self.key.0.as_str(), self.key.1.as_str(), self.key.2.as_str());
        let id = || match second {
            "" => Ok(Uuid::nil()),
            text => Uuid::try_parse(text).map_err(|_| StoreError::Failed("this place of a scan is damaged".into())),
        };
        Ok(match sql {
            Sql::ScanMembers => vec![param(first), param(limit(most))],
            Sql::ScanRelations | Sql::ScanClaims => vec![param(first), param(second), param(limit(most))],
            Sql::ScanDocuments => vec![param(first), param(second), param(third), param(limit(most))],
            _ => vec![param(first), param(id()?), param(limit(most))],
        })
    }
}

/// A record, with its key.
type Keyed = (Record, Key);

fn read_records(sql: Sql, rows: &[Row]) -> StoreResult<Vec<Keyed>> {
    read_all(rows, |row| read_record(sql, row))
}

fn read_record(sql: Sql, row: Fields<'_>) -> Result<Keyed, Unreadable> {
    let none = String::new;
    let key = |owner: &MemberId, id: Uuid| (owner.to_string(), id.to_string(), none());
    Ok(match sql {
        Sql::ScanMembers => {
            let (member, _) = read_member(row)?;
            let key = (member.id.to_string(), none(), none());
            (Record::Member(Box::new(MemberRecord::from(member))), key)
        }
        Sql::ScanRelations => {
            let (relation, _) = read_relation(row)?;
            let key = (relation.pair.low().to_string(), relation.pair.high().to_string(), none());
            (Record::Relation(Box::new(RelationRecord::from(relation))), key)
        }
        Sql::ScanPast => {
            let (owner, invitation) = read_past(row)?;
            let key = key(&owner, invitation.id.0);
            (Record::Past { owner, invitation }, key)
        }
        Sql::ScanNotifications => {
            let (owner, notification) = read_notification(row)?;
            let key = key(&owner, notification.id.0);
            (Record::Notification { owner, notification }, key)
        }
        Sql::ScanEvents => {
            let event = read_event(row)?;
            let key = key(event_home(&event.event), event.id.0);
            (Record::Event(event), key)
        }
        Sql::ScanDocuments => {
            let document = read_document(row)?;
            let DocumentName { kind, key, .. } = &document.name;
            let key = (document.name.owner_text().to_owned(), kind.name().to_owned(), key.clone());
            (Record::Document(document), key)
        }
        _ => {
            let claim = read_claim(row)?;
            let key = (claim.name.scope.clone(), claim.name.key.clone(), none());
            (Record::Claim(claim), key)
        }
    })
}

/// Records by their tables, each key once: what comes last holds.
#[derive(Default)]
struct Restored<'a> {
    members: BTreeMap<&'a MemberId, Member>,
    relations: BTreeMap<Pair, Relation>,
    past: BTreeMap<(&'a MemberId, InvitationId), &'a InvitationView>,
    notifications: BTreeMap<(&'a MemberId, NotificationId), &'a Notification>,
    events: BTreeMap<Uuid, &'a RecordedEvent>,
    claims: BTreeMap<&'a ClaimName, &'a Claim>,
    documents: BTreeMap<&'a DocumentName, &'a Document>,
}

impl<'a> Restored<'a> {
    fn take(&mut self, record: &'a Record) -> StoreResult<()> {
        match record {
            Record::Member(member) => {
                self.members.insert(&member.id, Member::from(MemberRecord::clone(member)));
            }
            Record::Relation(relation) => {
                let relation = Relation::try_from(RelationRecord::clone(relation));
                let relation = relation.map_err(|error| StoreError::Failed(error.to_string()))?;
                self.relations.insert(relation.pair.clone(), relation);
            }
            Record::Past { owner, invitation } => {
                self.past.insert((owner, invitation.id), invitation);
            }
            Record::Notification { owner, notification } => {
                self.notifications.insert((owner, notification.id), notification);
            }
            Record::Event(event) => {
                self.events.insert(event.id.0, event);
            }
            Record::Claim(claim) => {
                self.claims.insert(&claim.name, claim);
            }
            Record::Document(document) => {
                self.documents.insert(&document.name, document);
            }
        }
        Ok(())
    }
}

impl PostgresStore {
    pub(crate) async fn do_scan(&self, from: Option<&ScanPlace>, most: usize) -> StoreResult<ScanPage> {
        self.scan_tables(0..SCANNED.len(), from, most).await
    }

    pub(crate) async fn do_scan_history(&self, from: Option<&ScanPlace>, most: usize) -> StoreResult<ScanPage> {
        self.scan_tables(HISTORY, from, most).await
    }

    async fn scan_tables(&self, tables: Range<usize>, from: Option<&ScanPlace>, most: usize) -> StoreResult<ScanPage> {
        let mut place = Place::read(from)?;
        if place.table < tables.start {
            place = Place { table: tables.start, ..Place::default() };
        }
        let mut page = ScanPage::default();
        while let Some(&sql) = SCANNED.get(place.table).filter(|_| tables.contains(&place.table)) {
            let wanted = most - page.records.len();
            if wanted == 0 {
                break;
            }
            let replies = self.run(&[Step::new(sql, place.params(sql, wanted)?)]).await?;
            for reply in &replies {
                for (record, key) in read_records(sql, &reply.rows)? {
                    place.key = key;
                    page.next = Some(place.write());
                    page.records.push(record);
                }
            }
            if page.records.len() < most {
                place = Place { table: place.table + 1, ..Place::default() };
            }
        }
        Ok(page)
    }

    /// Removes records that tell of the past, in one transaction.
    pub(crate) async fn do_remove_history(&self, records: &[Record]) -> StoreResult<()> {
        let (mut past, mut notifications, mut events, mut claims) = (vec![], vec![], vec![], vec![]);
        for record in records {
            match record {
                Record::Past { owner, invitation } => past.push((owner.as_str(), invitation.id.0)),
                Record::Notification { owner, notification } => notifications.push((owner.as_str(), notification.id.0)),
                Record::Event(event) => events.push((event_home(&event.event).as_str(), event.id.0)),
                Record::Claim(claim) => claims.push((claim.name.scope.as_str(), claim.name.key.as_str())),
                Record::Member(_) | Record::Relation(_) | Record::Document(_) => {}
            }
        }
        let mut steps = vec![Step::new(Sql::Begin, Vec::new())];
        for (sql, keys) in
            [(Sql::DeletePast, past), (Sql::DeleteNotifications, notifications), (Sql::DeleteEvents, events)]
        {
            if !keys.is_empty() {
                steps.push(Step::new(sql, two_columns(keys.into_iter())));
            }
        }
        if !claims.is_empty() {
            steps.push(Step::new(Sql::DeleteClaims, two_columns(claims.into_iter())));
        }
        steps.push(Step::new(Sql::Commit, Vec::new()));
        self.run(&steps).await.map(drop)
    }

    /// Writes records over those of the same names, in one transaction.
    pub(crate) async fn do_restore(&self, records: &[Record]) -> StoreResult<()> {
        let mut restored = Restored::default();
        records.iter().try_for_each(|record| restored.take(record))?;
        let stamp = Uuid::nil();
        let members: Vec<_> = restored.members.values().map(|member| MemberRow { member, stamp }).collect();
        let mut relations: Vec<_> =
            restored.relations.values().flat_map(|relation| RelationRow::both(relation, stamp)).collect();
        relations.sort_by(|a, b| a.key().cmp(&b.key()));
        let past = restored.past.iter().map(|((owner, _), view)| PastRow { owner, view: InvitationView::clone(view) });
        let past: Vec<_> = past.collect();
        let notifications = restored.notifications.iter();
        let notifications: Vec<_> =
            notifications.map(|((owner, _), notification)| NotificationRow { owner, notification }).collect();
        let events: Vec<_> = restored.events.values().copied().collect();
        let claims = restored.claims.values().map(|claim| ClaimRow::of(claim)).collect::<Result<Vec<_>, _>>();
        let claims = claims.map_err(Trouble::from)?;
        let documents: Vec<_> = restored.documents.values().map(|document| Document::clone(document)).collect();
        let mut steps = vec![Step::new(Sql::Begin, Vec::new())];
        push_all(&mut steps, Sql::RestoreMembers, &members);
        push_all(&mut steps, Sql::RestoreRelations, &relations);
        push_all(&mut steps, Sql::PutPast, &past);
        push_all(&mut steps, Sql::PutNotifications, &notifications);
        push_all(&mut steps, Sql::RestoreEvents, &events);
        push_all(&mut steps, Sql::RestoreClaims, &claims);
        push_all(&mut steps, Sql::RestoreDocuments, &documents);
        steps.push(Step::new(Sql::Commit, Vec::new()));
        self.run(&steps).await.map(drop)
    }
}
