//! Where everything stands: one ordered keyspace, the first byte of a key names the table.
//!
//! | table | key after the first byte | value |
//! |---|---|---|
//! | member | `id` | version, what the rules count |
//! | profile | `id` | what the host told us; written only when that changes |
//! | relation | `low 00 high` | the row, stored once |
//! | relation | `high 00 low` | nothing: lets all relations of a member be found by prefix |
//! | sent, received, past | `owner 00 invitation` | the invitation as the owner sees it |
//! | connections, following, followers, blocks | `owner 00 since other` | nothing |
//! | notification | `owner 00 notification` | the line |
//! | timer | `due low 00 high` | nothing |
//! | event | `event` | the event |
//! | claim | `length of scope, scope, key` | the idempotency record |
//! | claim by age | `made at, key of the claim` | nothing |
//! | document | `owner 00 kind 00 key` | version, moment when due, text |
//! | due document | `kind 00 due owner 00 key` | nothing |
//!
//! Member ids hold no control characters, so a zero byte ends them and sorts a shorter id before
//! the longer ones that begin with it: byte order is the order of ids. Moments are big-endian with
//! the sign bit flipped, identifiers are UUIDs of version 7: both sort by time.

use std::ops::Bound;

use acquaint_core::ids::{EventId, MemberId};
use acquaint_core::relation::Pair;
use acquaint_core::time::Time;
use acquaint_core::view::{ContactList, Direction};
use acquaint_store::{ClaimName, Contact, DocumentName, Due, DuePlace, Kind};
use uuid::Uuid;

/// A key, or the beginning of one.
pub(crate) type Key = Vec<u8>;

/// The longest key that fjall takes, in bytes.
pub(crate) const MAX_KEY_BYTES: usize = u16::MAX as usize;

/// What a key belongs to: its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Table {
    Member = b'm',
    Profile = b'p',
    Relation = b'r',
    Sent = b's',
    Received = b'i',
    Past = b'o',
    Connections = b'c',
    Following = b'f',
    Followers = b'w',
    Blocks = b'b',
    Notification = b'n',
    Timer = b't',
    Event = b'e',
    Claim = b'k',
    ClaimAge = b'a',
    Document = b'd',
    DueDocument = b'u',
}

impl Table {
    /// The list of pending invitations of that direction.
    pub(crate) fn pending(direction: Direction) -> Self {
        match direction {
            Direction::Sent => Table::Sent,
            Direction::Received => Table::Received,
        }
    }

    /// The table of that contact list.
    pub(crate) fn contacts(list: ContactList) -> Self {
        match list {
            ContactList::Connections => Table::Connections,
            ContactList::Following => Table::Following,
            ContactList::Followers => Table::Followers,
            ContactList::Blocks => Table::Blocks,
        }
    }

    fn key(self, parts: &[&[u8]]) -> Key {
        let length = parts.iter().map(|part| part.len()).sum::<usize>() + 1;
        let mut key = Key::with_capacity(length);
        key.push(self as u8);
        parts.iter().for_each(|part| key.extend_from_slice(part));
        key
    }

    /// Whether a key belongs to the table.
    pub(crate) fn has(self, key: &[u8]) -> bool {
        key.first() == Some(&(self as u8))
    }

    /// Everything in the table.
    pub(crate) fn all(self) -> Range {
        Range::of_prefix(self.key(&[]))
    }
}

/// A stretch of keys, to be read from either end.
#[derive(Debug, Clone)]
pub(crate) struct Range {
    pub(crate) from: Bound<Key>,
    pub(crate) to: Bound<Key>,
}

impl Range {
    /// All keys that begin so. The last byte of a prefix is never the highest there is.
    fn of_prefix(prefix: Key) -> Self {
        let mut end = prefix.clone();
        if let Some(last) = end.last_mut() {
            *last = last.saturating_add(1);
        }
        Self { from: Bound::Included(prefix), to: Bound::Excluded(end) }
    }

    /// Only what comes after this key.
    pub(crate) fn after(self, key: Key) -> Self {
        Self { from: Bound::Excluded(key), ..self }
    }

    /// Only what comes before this key.
    pub(crate) fn before(self, key: Key) -> Self {
        Self { to: Bound::Excluded(key), ..self }
    }

    /// Whether no key can lie in it. fjall does not promise anything for such a range.
    pub(crate) fn is_empty(&self) -> bool {
        match (&self.from, &self.to) {
            (Bound::Included(from), Bound::Included(to)) => from > to,
            (Bound::Included(from) | Bound::Excluded(from), Bound::Excluded(to))
            | (Bound::Excluded(from), Bound::Included(to)) => from >= to,
            _ => false,
        }
    }
}

pub(crate) fn member(id: &MemberId) -> Key {
    Table::Member.key(&[bytes(id)])
}

pub(crate) fn profile(id: &MemberId) -> Key {
    Table::Profile.key(&[bytes(id)])
}

pub(crate) fn relation(pair: &Pair) -> Key {
    Table::Relation.key(&[bytes(pair.low()), &[0], bytes(pair.high())])
}

/// The empty row under which the member with the higher id finds the relation.
pub(crate) fn relation_mirror(pair: &Pair) -> Key {
    related(pair.high(), pair.low())
}

/// The row, or its mirror, by which `member` finds their relation with `other`.
pub(crate) fn related(member: &MemberId, other: &MemberId) -> Key {
    Table::Relation.key(&[bytes(member), &[0], bytes(other)])
}

/// All that `owner` has in a table of lists, or in that of relations.
pub(crate) fn owned(table: Table, owner: &MemberId) -> Range {
    Range::of_prefix(table.key(&[bytes(owner), &[0]]))
}

pub(crate) fn line(table: Table, owner: &MemberId, id: Uuid) -> Key {
    table.key(&[bytes(owner), &[0], id.as_bytes()])
}

pub(crate) fn contact(list: ContactList, owner: &MemberId, contact: &Contact) -> Key {
    Table::contacts(list).key(&[bytes(owner), &[0], &moment(contact.since), bytes(&contact.other)])
}

pub(crate) fn timer(due: &Due) -> Key {
    Table::Timer.key(&[&moment(due.at), bytes(due.pair.low()), &[0], bytes(due.pair.high())])
}

/// The first key of a timer that is due after `until`.
pub(crate) fn timers_after(until: Time) -> Key {
    Table::Timer.key(&[&moment_number(until).saturating_add(1).to_be_bytes()])
}

pub(crate) fn event(id: EventId) -> Key {
    Table::Event.key(&[id.0.as_bytes()])
}

pub(crate) fn claim(name: &ClaimName) -> Key {
    let length = u32::try_from(name.scope.len()).unwrap_or(u32::MAX);
    Table::Claim.key(&[&length.to_be_bytes(), name.scope.as_bytes(), name.key.as_bytes()])
}

pub(crate) fn claim_age(at: Time, claim: &[u8]) -> Key {
    Table::ClaimAge.key(&[&moment(at), claim])
}

/// The first key of a claim that was made at `at` or later.
pub(crate) fn claim_ages_from(at: Time) -> Key {
    claim_age(at, &[])
}

/// Reads back the key of the claim that a row by age names.
pub(crate) fn claim_of_age(key: &[u8]) -> Option<Key> {
    key.get(1 + size_of::<i64>()..).filter(|claim| !claim.is_empty()).map(<[u8]>::to_vec)
}

pub(crate) fn document(name: &DocumentName) -> Key {
    Table::Document.key(&[name.owner_text().as_bytes(), &[0], name.kind.name().as_bytes(), &[0], name.key.as_bytes()])
}

/// The documents of one owner (nobody is the host) and one kind.
pub(crate) fn documents(owner: Option<&MemberId>, kind: Kind) -> Range {
    let owner = owner.map_or("", MemberId::as_str);
    Range::of_prefix(Table::Document.key(&[owner.as_bytes(), &[0], kind.name().as_bytes(), &[0]]))
}

pub(crate) fn due_document(kind: Kind, place: &DuePlace) -> Key {
    let owner = place.owner.as_ref().map_or("", MemberId::as_str);
    let (kind, at) = (kind.name().as_bytes(), moment(place.at));
    Table::DueDocument.key(&[kind, &[0], &at, owner.as_bytes(), &[0], place.key.as_bytes()])
}

/// The documents of a kind that are due at or before `until`.
pub(crate) fn due_documents(kind: Kind, until: Time) -> Range {
    let end = moment_number(until).saturating_add(1).to_be_bytes();
    let kind = kind.name().as_bytes();
    Range::of_prefix(Table::DueDocument.key(&[kind, &[0]])).before(Table::DueDocument.key(&[kind, &[0], &end]))
}

/// Reads back a table's only member id.
pub(crate) fn parse_member(key: &[u8]) -> Option<MemberId> {
    parse_id(key.get(1..)?)
}

/// Reads back the two members of a relation's row or mirror, in the order in which they stand.
pub(crate) fn parse_related(key: &[u8]) -> Option<(MemberId, MemberId)> {
    let (first, second) = split_at_zero(key.get(1..)?)?;
    Some((parse_id(first)?, parse_id(second)?))
}

/// Reads back the owner and the identifier of a line.
pub(crate) fn parse_line(key: &[u8]) -> Option<(MemberId, Uuid)> {
    let (owner, id) = split_at_zero(key.get(1..)?)?;
    Some((parse_id(owner)?, Uuid::from_slice(id).ok()?))
}

/// Reads back a line of a contact list.
pub(crate) fn parse_contact(key: &[u8]) -> Option<Contact> {
    let (_owner, rest) = split_at_zero(key.get(1..)?)?;
    let (since, other) = parse_moment(rest)?;
    Some(Contact { since, other: parse_id(other)? })
}

/// Reads back a timer.
pub(crate) fn parse_timer(key: &[u8]) -> Option<Due> {
    let (at, pair) = parse_moment(key.get(1..)?)?;
    let (low, high) = split_at_zero(pair)?;
    let pair = Pair::new(&parse_id(low)?, &parse_id(high)?)?;
    Some(Due { at, pair })
}

/// Reads back the name of a document.
pub(crate) fn parse_document(key: &[u8]) -> Option<DocumentName> {
    let (owner, rest) = split_at_zero(key.get(1..)?)?;
    let (kind, key) = split_at_zero(rest)?;
    let kind = Kind::named(std::str::from_utf8(kind).ok()?)?;
    Some(DocumentName { owner: parse_owner(owner)?, kind, key: std::str::from_utf8(key).ok()?.to_owned() })
}

/// Reads back the name of a document from where it stands among those that are due.
pub(crate) fn parse_due_document(key: &[u8]) -> Option<DocumentName> {
    let (kind, rest) = split_at_zero(key.get(1..)?)?;
    let kind = Kind::named(std::str::from_utf8(kind).ok()?)?;
    let (_due, rest) = parse_moment(rest)?;
    let (owner, key) = split_at_zero(rest)?;
    Some(DocumentName { owner: parse_owner(owner)?, kind, key: std::str::from_utf8(key).ok()?.to_owned() })
}

/// Reads back an event's identifier.
pub(crate) fn parse_event(key: &[u8]) -> Option<EventId> {
    Uuid::from_slice(key.get(1..)?).ok().map(EventId)
}

fn bytes(id: &MemberId) -> &[u8] {
    id.as_str().as_bytes()
}

fn parse_id(bytes: &[u8]) -> Option<MemberId> {
    MemberId::new(std::str::from_utf8(bytes).ok()?).ok()
}

/// An owner of documents, who may be nobody.
fn parse_owner(bytes: &[u8]) -> Option<Option<MemberId>> {
    if bytes.is_empty() { Some(None) } else { parse_id(bytes).map(Some) }
}

fn split_at_zero(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let zero = bytes.iter().position(|&byte| byte == 0)?;
    Some((bytes.get(..zero)?, bytes.get(zero + 1..)?))
}

/// Flipping the sign bit makes the order of the bytes that of the moments.
fn moment_number(time: Time) -> u64 {
    time.unix().cast_unsigned() ^ (1 << 63)
}

fn moment(time: Time) -> [u8; 8] {
    moment_number(time).to_be_bytes()
}

fn parse_moment(bytes: &[u8]) -> Option<(Time, &[u8])> {
    let (moment, rest) = bytes.split_first_chunk()?;
    let unix = (u64::from_be_bytes(*moment) ^ (1 << 63)).cast_signed();
    Some((Time::from_unix(unix), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> MemberId {
        MemberId::new(text).unwrap()
    }

    fn pair(a: &str, b: &str) -> Pair {
        Pair::new(&id(a), &id(b)).unwrap()
    }

    #[test]
    fn keys_are_read_back() {
        let due = Due { at: Time::from_unix(-5), pair: pair("ann", "名前") };
        assert_eq!(parse_timer(&timer(&due)), Some(due.clone()));
        assert_eq!(parse_related(&relation(&due.pair)), Some((id("ann"), id("名前"))));
        assert_eq!(parse_related(&relation_mirror(&due.pair)), Some((id("名前"), id("ann"))));
        let contact = Contact { since: Time::from_unix(7), other: id("bob") };
        assert_eq!(parse_contact(&super::contact(ContactList::Blocks, &id("ann"), &contact)), Some(contact));
        let line = line(Table::Sent, &id("ann"), Uuid::from_u128(9));
        assert_eq!(parse_line(&line), Some((id("ann"), Uuid::from_u128(9))));
        assert_eq!(parse_member(&member(&id("ann"))), Some(id("ann")));
        let claim = claim(&ClaimName { scope: "host".into(), key: "1".into() });
        assert_eq!(claim_of_age(&claim_age(Time::from_unix(1), &claim)), Some(claim));
    }

    #[test]
    fn names_of_documents_are_read_back() {
        for owner in [None, Some(id("ann"))] {
            for key in ["1", "a b", "\u{1}名前"] {
                let name = DocumentName { owner: owner.clone(), kind: Kind::Delivery, key: key.into() };
                assert_eq!(parse_document(&document(&name)), Some(name.clone()));
                let place = DuePlace { at: Time::from_unix(-3), owner: owner.clone(), key: key.into() };
                assert_eq!(parse_due_document(&due_document(Kind::Delivery, &place)), Some(name));
            }
        }
    }

    #[test]
    fn the_order_of_keys_is_that_of_what_they_name() {
        let moments = [Time::MIN, Time::from_unix(-1), Time::from_unix(0), Time::from_unix(1), Time::MAX];
        let pairs = [pair("a", "b"), pair("a", "bb"), pair("aa", "b")];
        let dues: Vec<Due> =
            moments.iter().flat_map(|&at| pairs.iter().map(move |pair| Due { at, pair: pair.clone() })).collect();
        assert!(dues.is_sorted());
        assert!(dues.iter().map(timer).is_sorted());
        for due in &dues {
            assert_eq!(timers_after(Time::from_unix(0)) > timer(due), due.at <= Time::from_unix(0));
        }
    }

    #[test]
    fn what_one_member_owns_is_not_mixed_with_that_of_a_longer_id() {
        let range = owned(Table::Sent, &id("ann"));
        let within = |key: &Key| (range.from.clone(), range.to.clone()).contains_key(key);
        assert!(within(&line(Table::Sent, &id("ann"), Uuid::max())));
        assert!(!within(&line(Table::Sent, &id("anna"), Uuid::nil())));
        assert!(!within(&line(Table::Received, &id("ann"), Uuid::nil())));
    }

    trait ContainsKey {
        fn contains_key(&self, key: &Key) -> bool;
    }

    impl ContainsKey for (Bound<Key>, Bound<Key>) {
        fn contains_key(&self, key: &Key) -> bool {
            std::ops::RangeBounds::contains(self, key)
        }
    }

    #[test]
    fn claims_of_different_scopes_never_meet() {
        let claim = |scope: &str, key: &str| super::claim(&ClaimName { scope: scope.into(), key: key.into() });
        assert_ne!(claim("ab", "c"), claim("a", "bc"));
    }
}
