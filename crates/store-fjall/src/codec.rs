//! Values: one byte that names the format, then the fields packed by postcard.

use acquaint_core::ids::{InvitationId, MemberId};
use acquaint_core::member::{Ledger, Member, Profile};
use acquaint_core::relation::{Pair, Relation, State};
use acquaint_core::time::Time;
use acquaint_core::view::{Direction, InvitationState, InvitationView};
use acquaint_store::{Document, DocumentName};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// How values are packed. A value of any other format was not written by this program.
const FORMAT: u8 = 1;

/// A value that cannot be read, or made; says what it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable(pub(crate) &'static str);

/// Packs a value.
pub(crate) fn pack<T: Serialize + ?Sized>(what: &'static str, value: &T) -> Result<Vec<u8>, Unreadable> {
    postcard::to_extend(value, vec![FORMAT]).map_err(|_| Unreadable(what))
}

/// Reads a value back.
pub(crate) fn unpack<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, Unreadable> {
    let packed = bytes.split_first().filter(|(format, _)| **format == FORMAT).map(|(_, packed)| packed);
    packed.and_then(|packed| postcard::from_bytes(packed).ok()).ok_or(Unreadable(what))
}

/// The version of a member's or a relation's row: its first field, so that the rest need not be read.
pub(crate) fn version(bytes: &[u8]) -> Result<u64, Unreadable> {
    let unreadable = Unreadable("a row's version");
    let (_, packed) = bytes.split_first().filter(|(format, _)| **format == FORMAT).ok_or(unreadable)?;
    postcard::take_from_bytes(packed).map(|(version, _)| version).map_err(|_| unreadable)
}

/// A member's row without the profile, which lies apart because it seldom changes.
#[derive(Serialize, Deserialize)]
struct PackedMember<L> {
    version: u64,
    /// Whether there is a profile to read; most members of a host that registers nobody have none.
    has_profile: bool,
    ledger: L,
}

pub(crate) fn pack_member(member: &Member) -> Result<Vec<u8>, Unreadable> {
    let row = PackedMember { version: member.version, has_profile: has_profile(member), ledger: &member.ledger };
    pack("a member", &row)
}

/// Reads a member back; `profile` is asked only for one that has a profile.
pub(crate) fn unpack_member<E: From<Unreadable>>(
    id: &MemberId,
    bytes: &[u8],
    profile: impl FnOnce() -> Result<Profile, E>,
) -> Result<Member, E> {
    let row: PackedMember<Ledger> = unpack("a member", bytes)?;
    let profile = if row.has_profile { profile()? } else { Profile::default() };
    Ok(Member { id: id.clone(), version: row.version, profile: profile.into(), ledger: row.ledger })
}

/// Whether the member's profile says anything, and so has a row of its own.
pub(crate) fn has_profile(member: &Member) -> bool {
    *member.profile != Profile::default()
}

pub(crate) fn pack_relation(relation: &Relation) -> Result<Vec<u8>, Unreadable> {
    pack("a relation", &(relation.version, &relation.state))
}

pub(crate) fn unpack_relation(pair: Pair, bytes: &[u8]) -> Result<Relation, Unreadable> {
    let (version, state): (u64, State) = unpack("a relation", bytes)?;
    Ok(Relation { pair, version, state })
}

/// The version comes first, as in every row that has one.
pub(crate) fn pack_document(document: &Document) -> Result<Vec<u8>, Unreadable> {
    pack("a document", &(document.version, &document.content))
}

pub(crate) fn unpack_document(name: DocumentName, bytes: &[u8]) -> Result<Document, Unreadable> {
    let (version, content) = unpack("a document", bytes)?;
    Ok(Document { name, version, content })
}

/// An invitation in a list, without the identifier, which stands in the key.
#[derive(Serialize, Deserialize)]
struct PackedInvitation<M, N> {
    direction: Direction,
    state: InvitationState,
    other: M,
    note: N,
    sent_at: Time,
    expires_at: Option<Time>,
    decided_at: Option<Time>,
}

pub(crate) fn pack_invitation(view: &InvitationView) -> Result<Vec<u8>, Unreadable> {
    let packed = PackedInvitation {
        direction: view.direction,
        state: view.state,
        other: &view.other,
        note: view.note.as_deref(),
        sent_at: view.sent_at,
        expires_at: view.expires_at,
        decided_at: view.decided_at,
    };
    pack("an invitation", &packed)
}

pub(crate) fn unpack_invitation(id: InvitationId, bytes: &[u8]) -> Result<InvitationView, Unreadable> {
    let packed: PackedInvitation<MemberId, Option<String>> = unpack("an invitation", bytes)?;
    Ok(InvitationView {
        id,
        direction: packed.direction,
        other: packed.other,
        note: packed.note,
        state: packed.state,
        sent_at: packed.sent_at,
        expires_at: packed.expires_at,
        decided_at: packed.decided_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_read_back_with_and_without_a_profile() {
        let id = MemberId::new("ann").unwrap();
        let mut member = Member { version: 7, ..Member::new(id.clone()) };
        let packed = pack_member(&member).unwrap();
        let none = || -> Result<Profile, Unreadable> { unreachable!("there is no profile to read") };
        assert_eq!(unpack_member(&id, &packed, none), Ok(member.clone()));
        assert_eq!(version(&packed), Ok(7));

        let profile = Profile { name: Some("Ann".into()), ..Profile::default() };
        member.profile = profile.clone().into();
        let packed = pack_member(&member).unwrap();
        assert_eq!(unpack_member(&id, &packed, || Ok::<_, Unreadable>(profile)), Ok(member));
    }

    #[test]
    fn an_unknown_format_is_not_guessed_at() {
        let mut packed = pack("a number", &300_u64).unwrap();
        assert_eq!(unpack::<u64>("a number", &packed), Ok(300));
        packed[0] = 2;
        assert_eq!(unpack::<u64>("a number", &packed), Err(Unreadable("a number")));
        assert_eq!(unpack::<u64>("a number", &[]), Err(Unreadable("a number")));
        assert_eq!(version(&packed), Err(Unreadable("a row's version")));
    }
}
