//! Reads of rows by their names, and of stretches of keys.

use std::sync::{Arc, PoisonError, RwLock};

use acquaint_core::ids::{InvitationId, MemberId};
use acquaint_core::member::Member;
use acquaint_core::relation::{Pair, Relation};
use acquaint_core::view::InvitationView;
use acquaint_store::{Claim, ClaimName, Loaded, Wanted};
use fjall::{Database, Readable, Snapshot, UserValue};

use crate::Inner;
use crate::codec;
use crate::error::ReadError;
use crate::keys::{self, Range, Table};
use crate::rows::{Before, Known};

/// What was committed at one moment.
pub(crate) struct View<'a> {
    store: &'a Inner,
    before: Before,
    snapshot: Arc<Snapshot>,
}

/// The snapshot that everybody reads from, taken after each commit.
///
/// One that was taken during a commit might show half of it: when fjall has flushed or compacted, it
/// makes all that was begun by then visible, a batch that it is still applying among it.
pub(crate) struct Published(RwLock<Arc<Snapshot>>);

impl Published {
    pub(crate) fn now(database: &Database) -> Self {
        Self(RwLock::new(taken(database)))
    }

    /// To be called by the one who commits, between commits.
    pub(crate) fn renew(&self, database: &Database) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = taken(database);
    }

    pub(crate) fn get(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where it is published")]
fn taken(database: &Database) -> Arc<Snapshot> {
    Arc::new(database.snapshot())
}

/// What memory knows of a row.
enum Remembered {
    Nothing,
    Missing,
    Row(Arc<[u8]>),
}

impl Inner {
    /// What is committed now.
    pub(crate) fn view(&self) -> View<'_> {
        let before = self.lately.before_read();
        View { store: self, before, snapshot: self.published.get() }
    }

    /// Reads rows, and remembers their versions for the commit that follows.
    pub(crate) fn load(&self, wanted: &Wanted) -> Result<Loaded, ReadError> {
        if let Some(loaded) = self.load_from_memory(wanted)? {
            return Ok(loaded);
        }
        let view = self.view();
        let relation = |pair| view.row(&keys::relation(pair), |row| unpack_relation(pair, row));
        Ok(Loaded {
            members: wanted.members.iter().map(|id| view.member(id)).collect::<Result<_, _>>()?,
            relations: wanted.relations.iter().map(relation).collect::<Result<_, _>>()?,
            invitations: wanted
                .invitations
                .iter()
                .map(|(owner, id)| view.invitation(owner, *id))
                .collect::<Result<_, _>>()?,
            claims: wanted.claims.iter().map(|name| view.claim(name)).collect::<Result<_, _>>()?,
            ids_after: None,
        })
    }

    /// The answer where only relations are wanted and memory knows all of them, as of one moment.
    fn load_from_memory(&self, wanted: &Wanted) -> Result<Option<Loaded>, ReadError> {
        if !(wanted.members.is_empty() && wanted.invitations.is_empty() && wanted.claims.is_empty()) {
            return Ok(None);
        }
        let before = self.lately.before_read();
        let mut relations = Vec::with_capacity(wanted.relations.len());
        for pair in &wanted.relations {
            match self.remembered(before, &keys::relation(pair)) {
                Remembered::Row(row) => relations.push(Some(unpack_relation(pair, &row)?)),
                Remembered::Missing => relations.push(None),
                Remembered::Nothing => return Ok(None),
            }
        }
        Ok(Some(Loaded { relations, ..Loaded::default() }))
    }

    /// To be asked after the moment of a read has begun: what was never there by now was not there
    /// then.
    fn remembered(&self, before: Before, key: &[u8]) -> Remembered {
        let remembered = if self.present.lacks(key) {
            Remembered::Missing
        } else {
            match self.lately.get(before, key) {
                Some(Known { version: 0, .. }) => Remembered::Missing,
                Some(Known { row: Some(row), .. }) => Remembered::Row(row),
                _ => return Remembered::Nothing,
            }
        };
        // The bare store has no such memory: it is to read what it takes us nothing to know.
        self.recorder.read(key);
        remembered
    }
}

fn unpack_relation(pair: &Pair, row: &[u8]) -> Result<Relation, ReadError> {
    Ok(codec::unpack_relation(pair.clone(), row)?)
}

impl View<'_> {
    fn member(&self, id: &MemberId) -> Result<Option<Member>, ReadError> {
        self.row(&keys::member(id), |row| self.unpack_member(id, row))
    }

    /// Reads a member's row back, with the profile if there is one.
    pub(crate) fn unpack_member(&self, id: &MemberId, row: &[u8]) -> Result<Member, ReadError> {
        codec::unpack_member(id, row, || {
            let profile = self.get(&keys::profile(id))?.ok_or_else(|| self.lost("a profile"))?;
            Ok(codec::unpack("a profile", &profile)?)
        })
    }

    fn invitation(&self, owner: &MemberId, id: InvitationId) -> Result<Option<InvitationView>, ReadError> {
        for table in [Table::Sent, Table::Received, Table::Past] {
            if let Some(row) = self.get(&keys::line(table, owner, id.0))? {
                return Ok(Some(codec::unpack_invitation(id, &row)?));
            }
        }
        Ok(None)
    }

    fn claim(&self, name: &ClaimName) -> Result<Option<Claim>, ReadError> {
        let row = self.get(&keys::claim(name))?;
        row.map(|row| Ok(codec::unpack("an idempotency record", &row)?)).transpose()
    }

    /// The row of a member or of a relation, from memory where that knows it.
    fn row<T>(&self, key: &[u8], unpack: impl Fn(&[u8]) -> Result<T, ReadError>) -> Result<Option<T>, ReadError> {
        match self.store.remembered(self.before, key) {
            Remembered::Missing => return Ok(None),
            Remembered::Row(row) => return unpack(&row).map(Some),
            Remembered::Nothing => {}
        }
        let row = self.get(key)?;
        let version = row.as_deref().map_or(Ok(0), codec::version)?;
        self.store.lately.learn(self.before, key, version, row.as_deref());
        row.map(|row| unpack(&row)).transpose()
    }

    /// Lets memory know of a row that was read in passing; one without a value is a mirror.
    pub(crate) fn add(&self, key: &[u8], value: &[u8]) -> Result<(), ReadError> {
        if !value.is_empty() {
            self.store.present.add(key);
            if self.store.lately.has_room() {
                self.store.lately.learn(self.before, key, codec::version(value)?, Some(value));
            }
        }
        Ok(())
    }

    /// What another row says is there.
    pub(crate) fn lost(&self, what: &'static str) -> ReadError {
        self.store.errors.missing(what)
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<UserValue>, ReadError> {
        let row = self.snapshot.get(&self.store.rows, key)?;
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
