//! Reads of rows by their names, and of stretches of keys.

use acquaint_core::ids::{InvitationId, MemberId};
use acquaint_core::member::Member;
use acquaint_core::relation::{Pair, Relation};
use acquaint_core::view::InvitationView;
use acquaint_store::{Claim, ClaimName, Loaded, Wanted};
use fjall::{Readable, Snapshot, UserValue};

use crate::Inner;
use crate::codec;
use crate::error::ReadError;
use crate::keys::{self, Key, Range, Table};

/// What was committed at one moment.
///
/// fjall's keyspaces, asked directly, may show half of a batch; a snapshot never does.
pub(crate) struct View<'a> {
    store: &'a Inner,
    snapshot: Snapshot,
}

impl Inner {
    /// What is committed now.
    pub(crate) fn view(&self) -> View<'_> {
        View { store: self, snapshot: self.database.snapshot() }
    }

    /// Reads rows, and remembers their versions for the commit that follows.
    pub(crate) fn load(&self, wanted: &Wanted) -> Result<Loaded, ReadError> {
        if let Some(nothing) = self.nothing(wanted) {
            return Ok(nothing);
        }
        let before = self.versions.before_read();
        let view = self.view();
        let loaded = Loaded {
            members: wanted.members.iter().map(|id| view.member(id)).collect::<Result<_, _>>()?,
            relations: wanted.relations.iter().map(|pair| view.relation(pair)).collect::<Result<_, _>>()?,
            invitations: wanted
                .invitations
                .iter()
                .map(|(owner, id)| view.invitation(owner, *id))
                .collect::<Result<_, _>>()?,
            claims: wanted.claims.iter().map(|name| view.claim(name)).collect::<Result<_, _>>()?,
            ids_after: None,
        };
        let members = wanted.members.iter().zip(&loaded.members);
        let members = members.map(|(id, row)| (keys::member(id), row.as_ref().map_or(0, |row| row.version)));
        let relations = wanted.relations.iter().zip(&loaded.relations);
        let relations = relations.map(|(pair, row)| (keys::relation(pair), row.as_ref().map_or(0, |row| row.version)));
        self.versions.learn(before, members.chain(relations));
        Ok(loaded)
    }

    /// The answer where nothing of what is wanted was ever there. A row that is lacked now was
    /// lacked before, so that all of them were at the moment at which the first was looked for.
    fn nothing(&self, wanted: &Wanted) -> Option<Loaded> {
        let lacks = |key: Key| self.present.lacks(&key);
        let rows_alone = wanted.invitations.is_empty() && wanted.claims.is_empty();
        let nothing = rows_alone
            && wanted.members.iter().all(|id| lacks(keys::member(id)))
            && wanted.relations.iter().all(|pair| lacks(keys::relation(pair)));
        nothing.then(|| Loaded {
            members: vec![None; wanted.members.len()],
            relations: vec![None; wanted.relations.len()],
            ..Loaded::default()
        })
    }
}

impl View<'_> {
    pub(crate) fn member(&self, id: &MemberId) -> Result<Option<Member>, ReadError> {
        let Some(row) = self.get_row(keys::member(id))? else { return Ok(None) };
        self.unpack_member(id, &row).map(Some)
    }

    /// Reads a member's row back, with the profile if there is one.
    pub(crate) fn unpack_member(&self, id: &MemberId, row: &[u8]) -> Result<Member, ReadError> {
        codec::unpack_member(id, row, || {
            let profile = self.get(keys::profile(id))?.ok_or_else(|| self.store.errors.missing("a profile"))?;
            Ok(codec::unpack("a profile", &profile)?)
        })
    }

    pub(crate) fn relation(&self, pair: &Pair) -> Result<Option<Relation>, ReadError> {
        let row = self.get_row(keys::relation(pair))?;
        row.map(|row| Ok(codec::unpack_relation(pair.clone(), &row)?)).transpose()
    }

    pub(crate) fn invitation(&self, owner: &MemberId, id: InvitationId) -> Result<Option<InvitationView>, ReadError> {
        for table in [Table::Sent, Table::Received, Table::Past] {
            if let Some(row) = self.get(keys::line(table, owner, id.0))? {
                return Ok(Some(codec::unpack_invitation(id, &row)?));
            }
        }
        Ok(None)
    }

    pub(crate) fn claim(&self, name: &ClaimName) -> Result<Option<Claim>, ReadError> {
        let row = self.get(keys::claim(name))?;
        row.map(|row| Ok(codec::unpack("an idempotency record", &row)?)).transpose()
    }

    /// The row of a member or of a relation; nothing is read where there certainly is none. To be
    /// asked after the snapshot was taken: what is lacked afterwards was lacked then.
    fn get_row(&self, key: Key) -> Result<Option<UserValue>, ReadError> {
        if self.store.present.lacks(&key) { Ok(None) } else { self.get(key) }
    }

    fn get(&self, key: Key) -> Result<Option<UserValue>, ReadError> {
        let row = self.snapshot.get(&self.store.rows, &key)?;
        self.store.counters.read(row.as_ref().map_or(0, |row| key.len() + row.len()));
        self.store.recorder.read(key);
        Ok(row)
    }

    /// The keys of a range and their values, from its beginning or, with `backwards`, from its end.
    pub(crate) fn rows(
        &self,
        range: Range,
        backwards: bool,
    ) -> impl Iterator<Item = Result<(fjall::UserKey, UserValue), ReadError>> + '_ {
        let counted = |(key, value): &(fjall::UserKey, UserValue)| self.store.counters.read(key.len() + value.len());
        self.rows_uncounted(range, backwards).map(move |row| row.inspect(counted))
    }

    /// The same, for work of the store's own that nobody asked for.
    pub(crate) fn rows_uncounted(
        &self,
        range: Range,
        backwards: bool,
    ) -> impl Iterator<Item = Result<(fjall::UserKey, UserValue), ReadError>> + '_ {
        let rows = (!range.is_empty()).then(|| self.snapshot.range(&self.store.rows, (range.from, range.to)));
        let mut rows = rows.into_iter().flatten();
        std::iter::from_fn(move || if backwards { rows.next_back() } else { rows.next() })
            .map(|row| Ok(row.into_inner()?))
    }
}
