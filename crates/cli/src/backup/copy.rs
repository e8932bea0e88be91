//! Between a store and a backup file, a page of records at a time.

use std::io::{self, Read, Write};

use acquaint_core::time::Time;
use acquaint_store::{Record, ScanPlace, Store, StoreError, StoreResult};

use super::format::{Counts, Damage, Header, Reader, Writer};

/// Records in memory at a time.
const PAGE: usize = 1_000;

/// All that a store keeps, a page after the other.
pub(crate) struct Pages<'a> {
    store: &'a dyn Store,
    /// Where the next page begins.
    place: Option<ScanPlace>,
    over: bool,
}

impl<'a> Pages<'a> {
    /// Those from that place on.
    pub(crate) fn from(store: &'a dyn Store, place: Option<ScanPlace>) -> Self {
        Self { store, place, over: false }
    }

    /// The next page; an empty one is the end.
    pub(crate) async fn next(&mut self) -> StoreResult<Vec<Record>> {
        if self.over {
            return Ok(Vec::new());
        }
        let page = self.store.scan(self.place.as_ref(), PAGE).await?;
        self.over = page.records.is_empty() || page.next.is_none();
        self.place = page.next;
        Ok(page.records)
    }

    /// Where the next page begins; `None` before the first and after the last.
    pub(crate) fn place(&self) -> Option<&ScanPlace> {
        self.place.as_ref()
    }
}

/// Why a copy broke off.
#[derive(Debug)]
pub enum CopyError {
    /// The store failed.
    Store(StoreError),
    /// The file cannot be written.
    File(io::Error),
    /// The file cannot be believed.
    Damage(Damage),
}

impl std::fmt::Display for CopyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CopyError::Store(error) => error.fmt(f),
            CopyError::File(error) => write!(f, "cannot write the backup: {error}"),
            CopyError::Damage(damage) => write!(f, "the file {damage}"),
        }
    }
}

impl std::error::Error for CopyError {}

/// Writes all that a store keeps; `progress` is told of every page.
///
/// # Errors
/// [`CopyError`].
pub async fn write_all<W: Write>(
    store: &dyn Store,
    out: W,
    made_at: Time,
    mut progress: impl FnMut(u64),
) -> Result<(W, Counts), CopyError> {
    let mut writer = Writer::new(out, made_at, store.name()).map_err(CopyError::File)?;
    let mut pages = Pages::from(store, None);
    loop {
        let page = pages.next().await.map_err(CopyError::Store)?;
        if page.is_empty() {
            return writer.finish().map_err(CopyError::File);
        }
        for record in &page {
            writer.record(record).map_err(CopyError::File)?;
        }
        progress(page.len() as u64);
    }
}

/// Reads a backup to its end and changes nothing.
///
/// # Errors
/// [`Damage`].
pub fn verify(input: impl Read, mut progress: impl FnMut(u64)) -> Result<(Header, Counts), Damage> {
    let mut reader = Reader::new(input)?;
    while reader.next_record()?.is_some() {
        progress(1);
    }
    Ok((reader.header().clone(), reader.counts().clone()))
}

/// Fills a store from a backup that [`verify`] found to be whole.
///
/// # Errors
/// [`CopyError`]; the store then holds a part, and should be thrown away.
pub async fn read_all(store: &dyn Store, input: impl Read, mut progress: impl FnMut(u64)) -> Result<(), CopyError> {
    let mut reader = Reader::new(input).map_err(CopyError::Damage)?;
    let mut page: Vec<Record> = Vec::with_capacity(PAGE);
    loop {
        let record = reader.next_record().map_err(CopyError::Damage)?;
        let over = record.is_none();
        page.extend(record);
        if page.len() == PAGE || (over && !page.is_empty()) {
            store.restore(&page).await.map_err(CopyError::Store)?;
            progress(page.len() as u64);
            page.clear();
        }
        if over {
            return Ok(());
        }
    }
}
