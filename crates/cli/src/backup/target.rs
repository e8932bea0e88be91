//! Where a store is made from records: by a restore, or by a copy.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::sync_directory;
use crate::failure::{Failure, Outcome};
use crate::store::{self, Address, Means};

/// How a store is begun to be filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// It must hold nothing.
    Anew,
    /// It holds a part already.
    Again,
}

/// A store that is filled with records.
pub(crate) struct Target {
    /// Where it is to be in the end.
    pub(crate) address: Address,
    /// Where it is made. A new store is made beside, and gets its name once it is whole, so that a
    /// crash leaves nothing behind that could be taken for it.
    pub(crate) place: Address,
}

impl Target {
    pub(crate) async fn find(address: Address, means: &Means, begin: Begin) -> Outcome<Self> {
        let is_new = |directory: &&Path| match fs::read_dir(directory) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if let Some(place) = address.directory().filter(is_new).and_then(beside) {
            if begin == Begin::Anew && place.exists() {
                let place = place.display();
                return Err(Failure::failed(format_args!(
                    "{place} is left from a restore or a copy that broke off: remove it and try again; nothing was written"
                )));
            }
            return Ok(Self { place: Address::Directory(place), address });
        }
        if begin == Begin::Again {
            return Ok(Self { place: address.clone(), address });
        }
        let store = store::open(&address, means).await?;
        if store.is_empty().await.map_err(store::failed)? {
            return Ok(Self { place: address.clone(), address });
        }
        Err(Failure::failed(format_args!("{} is not empty: name a new store; nothing was written", store.name())))
    }

    /// Gives it its name, once it is whole and closed.
    pub(crate) fn finish(&self) -> io::Result<()> {
        if let (Some(place), Some(directory)) = (self.place.directory(), self.address.directory())
            && place != directory
        {
            fs::rename(place, directory)?;
            sync_directory(directory)?;
        }
        Ok(())
    }
}

/// The name under which something is made that is not whole yet; `None` for a path without a name
/// of its own, such as `..`.
pub(super) fn beside(path: &Path) -> Option<PathBuf> {
    let mut partial = path.file_name()?.to_owned();
    partial.push(".partial");
    Some(path.with_file_name(partial))
}
