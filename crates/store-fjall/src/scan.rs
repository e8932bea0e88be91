//! Everything that is kept, record by record, for backup and copy.

use acquaint_core::event::{Event, RecordedEvent};
use acquaint_core::ids::InvitationId;
use acquaint_core::relation::Pair;
use acquaint_store::{MemberRecord, Record, RelationRecord, ScanPage, ScanPlace, StoreError, StoreResult};

use crate::Inner;
use crate::codec::{self, Unreadable};
use crate::error::ReadError;
use crate::keys::{self, Range, Table};
use crate::lists::{line_id, unpack_document};
use crate::read::View;

/// The tables that hold more than what follows from others, in the order of a scan.
const SCANNED: [Table; 7] =
    [Table::Member, Table::Relation, Table::Past, Table::Notification, Table::Event, Table::Claim, Table::Document];
/// Those of them that tell of the past.
const HISTORY: [Table; 4] = [Table::Past, Table::Notification, Table::Event, Table::Claim];

impl Inner {
    /// A page of records after that place, which is the key of the last one read.
    pub(crate) fn scan(&self, from: Option<&ScanPlace>, limit: usize) -> StoreResult<ScanPage> {
        self.scan_tables(&SCANNED, from, limit)
    }

    /// The same of what tells of the past.
    pub(crate) fn scan_history(&self, from: Option<&ScanPlace>, limit: usize) -> StoreResult<ScanPage> {
        self.scan_tables(&HISTORY, from, limit)
    }

    fn scan_tables(&self, tables: &[Table], from: Option<&ScanPlace>, limit: usize) -> StoreResult<ScanPage> {
        let view = self.view();
        let mut page = ScanPage::default();
        for range in rest(tables, from)? {
            let mut rows = view.rows(range, false);
            while page.records.len() < limit {
                let Some(row) = rows.next() else { break };
                let (key, value) = row.map_err(|error| self.errors.reading(error))?;
                let record = view.record(&key, &value).map_err(|error| self.errors.reading(error))?;
                if let Some(record) = record {
                    page.records.push(record);
                    page.next = Some(ScanPlace(key.to_vec()));
                }
            }
        }
        Ok(page)
    }
}

/// What is left to scan.
fn rest(tables: &[Table], from: Option<&ScanPlace>) -> StoreResult<Vec<Range>> {
    let Some(ScanPlace(key)) = from else { return Ok(tables.iter().map(|table| table.all()).collect()) };
    let position = tables.iter().position(|table| key.first() == Some(&(*table as u8)));
    let position = position
        .ok_or_else(|| StoreError::Failed("this place of a scan was made by another store: begin anew".into()))?;
    let mut ranges: Vec<Range> = tables.iter().skip(position).map(|table| table.all()).collect();
    if let Some(first) = ranges.first_mut() {
        *first = first.clone().after(key.clone());
    }
    Ok(ranges)
}

impl View<'_> {
    /// The record that a row is; `None` for one that only points to another.
    fn record(&self, key: &[u8], value: &[u8]) -> Result<Option<Record>, ReadError> {
        let table = SCANNED.into_iter().find(|table| key.first() == Some(&(*table as u8)));
        let record = match table.ok_or(Unreadable("a key"))? {
            Table::Member => {
                let id = keys::parse_member(key).ok_or(Unreadable("a member's key"))?;
                Record::Member(Box::new(MemberRecord::from(self.unpack_member(&id, value)?)))
            }
            Table::Relation if value.is_empty() => return Ok(None),
            Table::Relation => {
                let members = keys::parse_related(key);
                let pair = members.and_then(|(low, high)| Pair::new(&low, &high));
                let relation = codec::unpack_relation(pair.ok_or(Unreadable("a relation's key"))?, value)?;
                Record::Relation(Box::new(RelationRecord::from(relation)))
            }
            Table::Past => {
                let (owner, id) = line_id(key)?;
                Record::Past { owner, invitation: codec::unpack_invitation(InvitationId(id), value)? }
            }
            Table::Notification => {
                let (owner, _) = line_id(key)?;
                Record::Notification { owner, notification: codec::unpack("a notification", value)? }
            }
            Table::Event => {
                let id = keys::parse_event(key).ok_or(Unreadable("an event's key"))?;
                Record::Event(RecordedEvent { id, event: codec::unpack::<Event>("an event", value)? })
            }
            Table::Document => Record::Document(unpack_document(key, value)?),
            _ => Record::Claim(codec::unpack("an idempotency record", value)?),
        };
        Ok(Some(record))
    }
}
