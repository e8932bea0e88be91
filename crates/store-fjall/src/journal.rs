//! Reads fjall's journals before fjall does, and tells a torn tail from damage.
//!
//! fjall 3 replays a journal up to the first entry that it cannot read, **cuts the file off there**
//! and goes on without a word. For a batch that was being written when the power went this is right:
//! nobody was told that it is stored. For a flipped bit in the middle it silently drops every batch
//! behind it, all of them acknowledged. Nor does its checksum cover the batch's sequence number, by
//! which versions of a key are ordered. So we walk the journals first, read-only, and refuse to open
//! unless whatever would be cut off can only be a batch that was never acknowledged.
//!
//! A journal is a sequence of batches, followed by zeros (it is allocated ahead):
//! ```text
//! batch = 1:u8 items:u32 seqno:u64, item…, 3:u8 xxh3_64(items):u64 "FJL\x03"
//! item  = 2:u8 kind:u8 compression:u8 keyspace:u64 key:u16 value:u32 stored:u32, bytes…
//! ```
//! All numbers are little-endian. Only one batch is ever under way, and each is synced before it is
//! acknowledged, so an unacknowledged batch can only stand at the very end. The layout is that of
//! exactly the fjall version which the workspace pins.

use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

/// The last four bytes of every finished batch.
const TRAILER: &[u8; 4] = b"FJL\x03";
/// Bytes of the end entry: its tag, the checksum and [`TRAILER`].
const END_BYTES: usize = 1 + 8 + 4;
/// What the system writes or loses as a whole.
const PAGE_BYTES: usize = 4096;
/// Fewer zeros than this before a page's end may be the content of a value.
const LOST_BYTES: usize = 64;
/// No counter of batches comes near this; a larger number is a flipped bit.
const MAX_SEQNO: u64 = 1 << 48;

/// A place in a journal that cannot be explained by a crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Damage {
    /// The journal.
    pub(crate) file: PathBuf,
    /// Where the unreadable batch begins, in bytes.
    pub(crate) offset: usize,
}

/// The numbers of the first two batches that stand in the journals.
///
/// Nothing before the first one tells whether its number was lowered, and fjall skips batches whose
/// number its tables have reached. But the highest number in the tables is that of a batch, so it
/// never lies between two that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct FirstTwo {
    first: Option<u64>,
    second: Option<u64>,
}

impl FirstTwo {
    fn add(&mut self, seqno: u64) {
        if self.first.is_none() {
            self.first = Some(seqno);
        } else if self.second.is_none() {
            self.second = Some(seqno);
        }
    }

    /// Whether tables whose highest number is this one can stand beside these journals.
    pub(crate) fn agree_with(self, highest_in_tables: Option<u64>) -> bool {
        match (self.first, highest_in_tables) {
            (Some(first), Some(highest)) => highest <= first || self.second.is_some_and(|second| second <= highest),
            _ => true,
        }
    }
}

/// Checks all journals of a directory, oldest first.
///
/// # Errors
/// The outer error is that of reading; the inner one names the damaged place.
pub(crate) fn check(directory: &Path) -> std::io::Result<Result<FirstTwo, Damage>> {
    let mut seqnos = FirstTwo::default();
    let mut last_seqno = None;
    let mut torn: Option<Damage> = None;
    let files = journals(directory)?;
    if let Some(file) = find_gap(directory, &files) {
        return Ok(Err(Damage { file, offset: 0 }));
    }
    for (_, file) in files {
        let walk = Walk::over(&std::fs::read(&file)?, last_seqno);
        if let (Some(earlier), true) = (&torn, walk.batches > 0) {
            return Ok(Err(earlier.clone()));
        }
        last_seqno = walk.last_seqno;
        [walk.first_two.first, walk.first_two.second].into_iter().flatten().for_each(|seqno| seqnos.add(seqno));
        let here = |offset| Damage { file: file.clone(), offset };
        match walk.tail {
            Tail::Clean => {}
            Tail::Torn(offset) => torn = Some(here(offset)),
            Tail::Damaged(offset) => return Ok(Err(here(offset))),
        }
    }
    Ok(Ok(seqnos))
}

/// Whether any batch was ever finished in these journals.
pub(crate) fn holds_batches(directory: &Path) -> std::io::Result<bool> {
    for (_, file) in journals(directory)? {
        if Walk::over(&std::fs::read(&file)?, None).batches > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The journals, oldest first. A file whose name is not a number is left to fjall to refuse.
fn journals(directory: &Path) -> std::io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        if let (Some(number), true) = (number, path.extension().is_some_and(|e| e == "jnl")) {
            found.push((number, path));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The first journal that should be there: there is always one, they are numbered one by one, and
/// only the oldest is ever removed.
fn find_gap(directory: &Path, journals: &[(u64, PathBuf)]) -> Option<PathBuf> {
    let Some((first, _)) = journals.first() else { return Some(directory.join("0.jnl")) };
    let missing = (*first..).zip(journals).find(|(number, (found, _))| number != found);
    missing.map(|(number, _)| directory.join(format!("{number}.jnl")))
}

/// How a journal ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tail {
    /// With a finished batch, and zeros.
    Clean,
    /// With a batch, beginning here, that was cut short by a crash.
    Torn(usize),
    /// With acknowledged bytes, beginning here, that can no longer be read.
    Damaged(usize),
}

/// What one journal holds.
#[derive(Debug)]
struct Walk {
    batches: u64,
    first_two: FirstTwo,
    last_seqno: Option<u64>,
    tail: Tail,
}

impl Walk {
    fn over(file: &[u8], mut last_seqno: Option<u64>) -> Self {
        let written = trim_zeros(file);
        let (mut batches, mut first_two) = (0, FirstTwo::default());
        let mut rest = written;
        let tail = loop {
            let offset = written.len() - rest.len();
            if rest.is_empty() {
                break Tail::Clean;
            }
            match read_batch(&mut rest) {
                Ok(seqno) if last_seqno.is_none_or(|last| last < seqno) && seqno < MAX_SEQNO => {
                    last_seqno = Some(seqno);
                    first_two.add(seqno);
                    batches += 1;
                }
                Ok(_) => break Tail::Damaged(offset),
                Err(broken) => {
                    let batch = written.get(offset..).unwrap_or_default();
                    let torn = was_torn(batch, offset, broken);
                    break if torn { Tail::Torn(offset) } else { Tail::Damaged(offset) };
                }
            }
        };
        Self { batches, first_two, last_seqno, tail }
    }
}

/// Whether what stands here, up to the last byte that is not zero, is one batch that a crash cut
/// short: either its end is missing (the process was killed), or a page of it never reached the
/// disk although a later one did (the power went).
fn was_torn(batch: &[u8], offset: usize, broken: Broken) -> bool {
    let finished = ends_finished(batch);
    if contains_inner_trailer(batch) {
        return false;
    }
    (broken == Broken::Short && !finished) || lost_a_page(batch, offset)
}

fn ends_finished(batch: &[u8]) -> bool {
    let Some(start) = batch.len().checked_sub(END_BYTES) else { return false };
    batch.get(start) == Some(&3) && batch.ends_with(TRAILER)
}

/// A trailer before the end means that a further batch follows, so this one was acknowledged.
fn contains_inner_trailer(batch: &[u8]) -> bool {
    let inner = batch.len().saturating_sub(1);
    batch.get(..inner).unwrap_or_default().windows(TRAILER.len()).any(|bytes| bytes == TRAILER)
}

fn lost_a_page(batch: &[u8], offset: usize) -> bool {
    let first_page_end = PAGE_BYTES - offset % PAGE_BYTES;
    (first_page_end..=batch.len())
        .step_by(PAGE_BYTES)
        .filter_map(|end| batch.get(end.saturating_sub(LOST_BYTES)..end))
        .any(|bytes| bytes.iter().all(|&byte| byte == 0))
}

/// Why a batch cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    /// The bytes end before it does.
    Short,
    /// They say something that no batch says.
    Wrong,
}

/// Reads one batch off the front and returns its sequence number.
fn read_batch(rest: &mut &[u8]) -> Result<u64, Broken> {
    expect_byte(rest, 1)?;
    let items = u32::from_le_bytes(take(rest)?);
    let seqno = u64::from_le_bytes(take(rest)?);
    let body = *rest;
    for _ in 0..items {
        skip_item(rest)?;
    }
    let body = body.get(..body.len() - rest.len()).unwrap_or_default();
    expect_byte(rest, 3)?;
    let checksum = u64::from_le_bytes(take(rest)?);
    let trailer: [u8; 4] = take(rest)?;
    let sound = &trailer == TRAILER && checksum == xxh3_64(body);
    if sound { Ok(seqno) } else { Err(Broken::Wrong) }
}

fn skip_item(rest: &mut &[u8]) -> Result<(), Broken> {
    expect_byte(rest, 2)?;
    let [_kind, compression]: [u8; 2] = take(rest)?;
    let _keyspace: [u8; 8] = take(rest)?;
    let key = u16::from_le_bytes(take(rest)?);
    let value = u32::from_le_bytes(take(rest)?);
    let stored = u32::from_le_bytes(take(rest)?);
    if compression != 0 || value != stored {
        return Err(Broken::Wrong);
    }
    let bytes = usize::from(key) + usize::try_from(stored).unwrap_or(usize::MAX >> 1);
    *rest = rest.get(bytes..).ok_or(Broken::Short)?;
    Ok(())
}

fn expect_byte(rest: &mut &[u8], wanted: u8) -> Result<(), Broken> {
    let [found] = take(rest)?;
    if found == wanted { Ok(()) } else { Err(Broken::Wrong) }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Broken> {
    let (head, tail) = rest.split_first_chunk().ok_or(Broken::Short)?;
    *rest = tail;
    Ok(*head)
}

/// The file without the zeros it was allocated with. No finished batch ends with a zero.
fn trim_zeros(file: &[u8]) -> &[u8] {
    let zeros = [0; PAGE_BYTES];
    // Whole pages first: that compares memory, and most of a journal is allocated ahead.
    let empty = |page: &&[u8]| zeros.get(..page.len()).is_some_and(|zeros| zeros == *page);
    let allocated: usize = file.rchunks(PAGE_BYTES).take_while(empty).map(<[u8]>::len).sum();
    let rest = file.get(..file.len() - allocated).unwrap_or_default();
    let written = rest.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    rest.get(..written).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::write_batch;
    use crate::open::{self, Options};

    /// A journal of these batches, each of `items` items of 100 bytes, without the zeros behind.
    fn journal(batches: u8, items: u8) -> Vec<u8> {
        let directory = tempfile::tempdir().unwrap();
        let (database, rows) = open::bare(directory.path(), &Options::default()).unwrap();
        for batch in 1..=batches {
            let writes: Vec<_> = (1..=items).map(|item| (vec![batch, item], Some(vec![item; 100]))).collect();
            write_batch(&database, &rows, &writes).unwrap();
        }
        let (_, file) = journals(directory.path()).unwrap().remove(0);
        trim_zeros(&std::fs::read(file).unwrap()).to_vec()
    }

    /// Where the last of so many equal batches begins.
    fn last_batch(journal: &[u8], batches: usize) -> usize {
        journal.len() / batches * (batches - 1)
    }

    fn tail(journal: &[u8]) -> Tail {
        Walk::over(journal, None).tail
    }

    #[test]
    fn a_whole_journal_is_clean_with_and_without_zeros_behind() {
        let mut journal = journal(3, 2);
        assert_eq!(Walk::over(&journal, None).batches, 3);
        assert_eq!(tail(&journal), Tail::Clean);
        journal.resize(journal.len() + 5_000, 0);
        assert_eq!(tail(&journal), Tail::Clean);
        assert_eq!(tail(&[]), Tail::Clean);
    }

    #[test]
    fn a_batch_cut_short_anywhere_is_torn() {
        let journal = journal(3, 2);
        let last = last_batch(&journal, 3);
        for cut in last + 1..journal.len() {
            let mut torn = journal[..cut].to_vec();
            assert_eq!(tail(&torn), Tail::Torn(last), "cut at {cut}");
            torn.resize(cut + 5_000, 0);
            assert_eq!(tail(&torn), Tail::Torn(last), "cut at {cut}, zeros behind");
        }
    }

    #[test]
    fn a_flipped_bit_is_damage_wherever_it_is() {
        let journal = journal(3, 2);
        for at in 0..journal.len() {
            for bit in 0..8 {
                let mut flipped = journal.clone();
                flipped[at] ^= 1 << bit;
                // Another number that keeps the order of the batches changes nothing here.
                let in_seqno = (5..13).contains(&(at % (journal.len() / 3)));
                let harmless = in_seqno && tail(&flipped) == Tail::Clean;
                assert!(matches!(tail(&flipped), Tail::Damaged(_)) || harmless, "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn tables_never_end_between_two_batches() {
        let journals = FirstTwo { first: Some(10), second: Some(20) };
        let agree = [None, Some(3), Some(10), Some(20), Some(25)].map(|highest| journals.agree_with(highest));
        assert_eq!(agree, [true; 5]);
        assert!(!journals.agree_with(Some(15)));
        assert!(!FirstTwo { second: None, ..journals }.agree_with(Some(15)));
        assert!(FirstTwo::default().agree_with(Some(15)));
    }

    #[test]
    fn a_page_lost_by_a_power_cut_is_torn_only_in_the_last_batch() {
        let journal = journal(2, 200);
        let (last, page) = (last_batch(&journal, 2), PAGE_BYTES);
        for start in (0..journal.len() - page).step_by(page) {
            let mut lost = journal.clone();
            lost[start..start + page].fill(0);
            let expected = if start >= last { Tail::Torn(last) } else { Tail::Damaged(0) };
            if start >= last || start + page <= last {
                assert_eq!(tail(&lost), expected, "page at {start}");
            }
        }
    }

    #[test]
    fn nothing_may_follow_a_torn_batch() {
        let directory = tempfile::tempdir().unwrap();
        let whole = journal(4, 2);
        let (first, second) = whole.split_at(whole.len() / 2);
        let write = |number: u8, bytes: &[u8]| {
            std::fs::write(directory.path().join(format!("{number}.jnl")), bytes).unwrap();
        };
        write(9, &first[..first.len() - 1]);
        write(10, &[0; 100]);
        assert!(check(directory.path()).unwrap().is_ok());
        write(10, second);
        let damage = check(directory.path()).unwrap().unwrap_err();
        assert_eq!((damage.file, damage.offset), (directory.path().join("9.jnl"), last_batch(first, 2)));
    }

    #[test]
    fn a_missing_journal_is_damage() {
        let directory = tempfile::tempdir().unwrap();
        let missing = |number: u8| Damage { file: directory.path().join(format!("{number}.jnl")), offset: 0 };
        assert_eq!(check(directory.path()).unwrap(), Err(missing(0)));
        for number in [7, 9] {
            std::fs::write(directory.path().join(format!("{number}.jnl")), []).unwrap();
        }
        assert_eq!(check(directory.path()).unwrap(), Err(missing(8)));
    }
}
