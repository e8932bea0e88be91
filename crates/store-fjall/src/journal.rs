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

/// Checks all journals of a directory, oldest first.
///
/// # Errors
/// The outer error is that of reading; the inner one names the damaged place.
pub(crate) fn check(directory: &Path) -> std::io::Result<Result<(), Damage>> {
    let mut last_seqno = None;
    let mut torn: Option<Damage> = None;
    for file in journals(directory)? {
        let walk = Walk::over(&std::fs::read(&file)?, last_seqno);
        if let (Some(earlier), true) = (&torn, walk.batches > 0) {
            return Ok(Err(earlier.clone()));
        }
        last_seqno = walk.last_seqno;
        let here = |offset| Damage { file: file.clone(), offset };
        match walk.tail {
            Tail::Clean => {}
            Tail::Torn(offset) => torn = Some(here(offset)),
            Tail::Damaged(offset) => return Ok(Err(here(offset))),
        }
    }
    Ok(Ok(()))
}

/// Whether any batch was ever finished in these journals.
pub(crate) fn holds_batches(directory: &Path) -> std::io::Result<bool> {
    for file in journals(directory)? {
        if Walk::over(&std::fs::read(&file)?, None).batches > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The journals, oldest first. A file whose name is not a number is left to fjall to refuse.
fn journals(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        if let (Some(number), true) = (number, path.extension().is_some_and(|e| e == "jnl")) {
            found.push((number, path));
        }
    }
    found.sort_unstable();
    Ok(found.into_iter().map(|(_, path)| path).collect())
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
    last_seqno: Option<u64>,
    tail: Tail,
}

impl Walk {
    fn over(file: &[u8], mut last_seqno: Option<u64>) -> Self {
        let written = trim_zeros(file);
        let mut batches = 0;
        let mut rest = written;
        let tail = loop {
            let offset = written.len() - rest.len();
            if rest.is_empty() {
                break Tail::Clean;
            }
            match read_batch(&mut rest) {
                Ok(seqno) if last_seqno.is_none_or(|last| last < seqno) && seqno < MAX_SEQNO => {
                    last_seqno = Some(seqno);
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
        Self { batches, last_seqno, tail }
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
    let written = file.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    file.get(..written).unwrap_or_default()
}
