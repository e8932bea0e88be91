//! Values on their way to columns and back.
//!
//! A statement takes rows as one array, of a type that the database has for the rows of each table, so
//! that their number does not change its text. An array for each column would do as well; to put
//! forty-six of them together again takes the database as long as writing the row. Moments are whole
//! seconds here and microseconds in the database.

use std::borrow::Cow;
use std::error::Error;

use acquaint_core::ids::MemberId;
use acquaint_core::time::Time;
use bytes::{BufMut as _, BytesMut};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, Kind, ToSql, Type, accepts, to_sql_checked};
use uuid::Uuid;

/// 2000-01-01T00:00:00Z in seconds since 1970, where PostgreSQL begins to count.
const EPOCH: i64 = 946_684_800;
const MICROSECONDS: i64 = 1_000_000;

/// What stands in one column of one row.
#[derive(Debug, Clone)]
pub(crate) enum Value<'a> {
    Null,
    Text(Cow<'a, str>),
    Id(Uuid),
    At(At),
    Int(i64),
    Small(i16),
    Flag(bool),
    Texts(Vec<&'a str>),
    Ids(Vec<Uuid>),
    Ints(Vec<i64>),
}

/// A row on its way into a table: its values in the order of the table's columns.
pub(crate) trait ToRow {
    fn values(&self) -> Vec<Value<'_>>;
}

/// Parameters of a statement.
pub(crate) type Param<'a> = Box<dyn ToSql + Sync + Send + 'a>;

/// The columns of these rows, each one parameter.
pub(crate) fn columns<R: ToRow>(rows: &[R]) -> Vec<Param<'_>> {
    let mut columns: Vec<Vec<Value<'_>>> = Vec::new();
    for row in rows {
        let values = row.values();
        columns.resize_with(values.len(), || Vec::with_capacity(rows.len()));
        columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
    }
    columns.into_iter().map(|column| Box::new(column) as Param<'_>).collect()
}

/// Whole rows as one parameter: an array of the type of a table's rows.
#[derive(Debug)]
pub(crate) struct Rows<'a>(Vec<Vec<Value<'a>>>);

impl<'a> Rows<'a> {
    pub(crate) fn of<R: ToRow + 'a>(rows: impl Iterator<Item = &'a R>) -> Self {
        Self(rows.map(ToRow::values).collect())
    }

    /// The first column of each: whose row it is.
    pub(crate) fn members(&self) -> Vec<Value<'a>> {
        self.0.iter().filter_map(|values| values.first().cloned()).collect()
    }
}

/// The binary form of an array of composite values: dimensions, flags, type and bounds, then each row as
/// the number of its columns, and each column as its type, its length and its value.
impl ToSql for Rows<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let Kind::Array(row) = ty.kind() else { return Err(format!("{ty} is no array").into()) };
        let Kind::Composite(fields) = row.kind() else { return Err(format!("{row} is no type of rows").into()) };
        out.put_i32(1);
        out.put_i32(0);
        out.put_u32(row.oid());
        out.put_i32(i32::try_from(self.0.len())?);
        out.put_i32(1);
        for values in &self.0 {
            if values.len() != fields.len() {
                return Err(format!("{row} has {} columns, not {}", fields.len(), values.len()).into());
            }
            sized(out, |out| {
                out.put_i32(i32::try_from(fields.len())?);
                for (field, value) in fields.iter().zip(values) {
                    out.put_u32(field.type_().oid());
                    sized(out, |out| value.to_sql(field.type_(), out))?;
                }
                Ok(IsNull::No)
            })?;
        }
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        matches!(ty.kind(), Kind::Array(row) if matches!(row.kind(), Kind::Composite(_)))
    }

    to_sql_checked!();
}

/// What is written, behind its length in bytes; -1 for none.
fn sized(
    out: &mut BytesMut,
    write: impl FnOnce(&mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>>,
) -> Result<(), Box<dyn Error + Sync + Send>> {
    let place = out.len();
    out.put_i32(-1);
    let start = out.len();
    if let IsNull::No = write(out)? {
        let length = i32::try_from(out.len() - start)?.to_be_bytes();
        out.iter_mut().skip(place).zip(length).for_each(|(byte, of_length)| *byte = of_length);
    }
    Ok(())
}

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Text(text) => text.as_ref().to_sql(ty, out),
            Value::Id(id) => id.to_sql(ty, out),
            Value::At(at) => at.to_sql(ty, out),
            Value::Int(number) => number.to_sql(ty, out),
            Value::Small(number) => number.to_sql(ty, out),
            Value::Flag(flag) => flag.to_sql(ty, out),
            Value::Texts(texts) => texts.to_sql(ty, out),
            Value::Ids(ids) => ids.to_sql(ty, out),
            Value::Ints(numbers) => numbers.to_sql(ty, out),
        }
    }

    /// Any: a value of the wrong type is refused by the database, which knows its columns.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a MemberId> for Value<'a> {
    fn from(id: &'a MemberId) -> Self {
        id.as_str().into()
    }
}

impl From<Uuid> for Value<'_> {
    fn from(id: Uuid) -> Self {
        Value::Id(id)
    }
}

impl From<Time> for Value<'_> {
    fn from(time: Time) -> Self {
        Value::At(At::from(time))
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Value::Flag(flag)
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Value::Int(number.into())
    }
}

impl From<u8> for Value<'_> {
    fn from(number: u8) -> Self {
        Value::Small(number.into())
    }
}

/// A version: it counts changes, and nobody makes more than a column can hold.
impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl<'a> From<Vec<&'a str>> for Value<'a> {
    fn from(texts: Vec<&'a str>) -> Self {
        Value::Texts(texts)
    }
}

impl From<Vec<Uuid>> for Value<'_> {
    fn from(ids: Vec<Uuid>) -> Self {
        Value::Ids(ids)
    }
}

impl From<Vec<i64>> for Value<'_> {
    fn from(numbers: Vec<i64>) -> Self {
        Value::Ints(numbers)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// A moment as PostgreSQL keeps it: microseconds since 2000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At(i64);

impl At {
    /// Later than any moment.
    pub(crate) const NEVER: At = At(i64::MAX);
    /// Earlier than any moment.
    pub(crate) const BEFORE_ALL: At = At(i64::MIN);
}

impl From<Time> for At {
    fn from(time: Time) -> Self {
        Self((time.unix() - EPOCH) * MICROSECONDS)
    }
}

impl From<At> for Time {
    fn from(at: At) -> Self {
        Time::from_unix((at.0.div_euclid(MICROSECONDS)).saturating_add(EPOCH))
    }
}

impl ToSql for At {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.0.to_sql(&Type::INT8, out)
    }

    accepts!(TIMESTAMPTZ);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for At {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        i64::from_sql(&Type::INT8, raw).map(Self)
    }

    accepts!(TIMESTAMPTZ);
}

/// What was read is not what this program writes.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unreadable(pub(crate) String);

/// The columns of a row that was read, one after the other.
pub(crate) struct Fields<'a> {
    row: &'a Row,
    next: usize,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(row: &'a Row) -> Self {
        Self { row, next: 0 }
    }

    /// The next column.
    pub(crate) fn take<T: FromSql<'a>>(&mut self) -> Result<T, Unreadable> {
        let place = self.next;
        self.next += 1;
        self.row.try_get(place).map_err(|error| {
            let name = self.row.columns().get(place).map_or("missing", |column| column.name());
            Unreadable(format!("column {name}: {error}"))
        })
    }

    pub(crate) fn time(&mut self) -> Result<Time, Unreadable> {
        self.take().map(|at: At| at.into())
    }

    pub(crate) fn maybe_time(&mut self) -> Result<Option<Time>, Unreadable> {
        Ok(self.take::<Option<At>>()?.map(Time::from))
    }

    pub(crate) fn member(&mut self) -> Result<MemberId, Unreadable> {
        let text: &str = self.take()?;
        MemberId::new(text).map_err(|error| Unreadable(format!("{text:?} is not a member's id: {error}")))
    }

    /// A number of a smaller range than the column's.
    pub(crate) fn number<W: FromSql<'a>, N: TryFrom<W>>(&mut self) -> Result<N, Unreadable> {
        self.take::<W>()?.try_into().map_err(|_| Unreadable("a number is out of its range".into()))
    }

    /// As [`Fields::number`], where there may be none.
    pub(crate) fn maybe_number<W: FromSql<'a>, N: TryFrom<W>>(&mut self) -> Result<Option<N>, Unreadable> {
        let number = self.take::<Option<W>>()?.map(N::try_from).transpose();
        number.map_err(|_| Unreadable("a number is out of its range".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_go_there_and_back() {
        for time in [Time::MIN, Time::from_unix(-1), Time::from_unix(0), Time::MAX] {
            assert_eq!(Time::from(At::from(time)), time);
        }
        assert_eq!(At::from(Time::from_unix(EPOCH)), At(0));
    }
}
