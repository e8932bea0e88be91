//! Checks the small files by which fjall knows its trees, before fjall trusts them.
//!
//! Every tree has a list of its tables, `v<number>`, and a file `current` that names the newest list
//! together with its checksum. fjall 3 writes that checksum but never compares it, and deletes every
//! table that the list does not name. A tree without `current` it takes for one whose creation was
//! cut short, and deletes it altogether. Both are right after a crash and wrong after damage, so the
//! two are compared here, and a missing `current` is refused once the store has been set up.

use std::io;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_128;

/// Where fjall keeps one directory per tree.
const TREES: &str = "keyspaces";

/// Returns the first file that is missing, or that does not match its checksum.
///
/// # Errors
/// Reading the directory failed.
pub(crate) fn find_damage(directory: &Path) -> io::Result<Option<PathBuf>> {
    let trees = directory.join(TREES);
    if !trees.is_dir() {
        return Ok(Some(trees));
    }
    for entry in std::fs::read_dir(trees)? {
        let tree = entry?.path();
        if tree.is_dir()
            && let Some(damaged) = damaged_file(&tree)?
        {
            return Ok(Some(damaged));
        }
    }
    Ok(None)
}

fn damaged_file(tree: &Path) -> io::Result<Option<PathBuf>> {
    let current = tree.join("current");
    let Some((list, checksum)) = found(std::fs::read(&current))?.and_then(|bytes| named(&bytes)) else {
        return Ok(Some(current));
    };
    let list = tree.join(format!("v{list}"));
    let sound = found(std::fs::read(&list))?.is_some_and(|bytes| xxh3_128(&bytes) == checksum);
    Ok(if sound { None } else { Some(list) })
}

/// The number of the newest list, and its checksum.
fn named(current: &[u8]) -> Option<(u64, u128)> {
    let (number, rest) = current.split_first_chunk()?;
    let (checksum, kind) = rest.split_first_chunk()?;
    (kind == [0]).then_some((u64::from_le_bytes(*number), u128::from_le_bytes(*checksum)))
}

fn found(read: io::Result<Vec<u8>>) -> io::Result<Option<Vec<u8>>> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}
