//! `acquaint backup` and `acquaint restore`: everything a store keeps, in one file.

mod copy;
pub mod format;
mod target;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use acquaint_app::Clock;
use acquaint_store::Store;

pub(crate) use copy::Pages;
pub use copy::{CopyError, read_all, verify, write_all};

use crate::args::{BackupArgs, RestoreArgs};
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::progress::{Progress, grouped};
use crate::settings::Sources;
use crate::store;
use format::{Counts, Damage};
use target::beside;
pub(crate) use target::{Begin, Target};

/// Carries out `acquaint backup`.
pub(crate) async fn backup(args: &BackupArgs) -> Outcome<()> {
    let sources = Sources::gather(args.store.given(), args.store.config.as_deref())?;
    let address = store::address(&sources)?.unwrap_or_default();
    let to_stdout = args.file.as_os_str() == "-";
    if !to_stdout && !args.force && args.file.exists() {
        let file = args.file.display();
        return Err(Failure::failed(format_args!("{file} exists: give another name, or --force to write over it")));
    }
    if !to_stdout && fs::metadata(&args.file).is_ok_and(|there| !there.is_file()) {
        let file = args.file.display();
        return Err(Failure::failed(format_args!("{file} is not a file, and is not written over: give another name")));
    }
    let store = store::open_existing(&address, &store::means(&sources)?).await?;
    if to_stdout {
        let (mut out, _) = write(&*store, BufWriter::new(io::stdout())).await?;
        return quiet_without_reader(out.flush());
    }
    let counts = write_file(&*store, &args.file).await?;
    output::line(&format!("{}: {}", args.file.display(), told(&counts)))
}

/// A reader of standard output who goes away is no failure of ours.
fn quiet_without_reader(result: io::Result<()>) -> Outcome<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::failed(error)),
        _ => Ok(()),
    }
}

/// Writes beside the file and renames, so that a file of that name is always a whole backup.
async fn write_file(store: &dyn Store, path: &Path) -> Outcome<Counts> {
    let partial =
        beside(path).ok_or_else(|| Failure::usage(format_args!("{} is not the name of a file", path.display())))?;
    let failed = |error: io::Error| Failure::failed(format_args!("cannot write {}: {error}", path.display()));
    let file = File::create(&partial).map_err(failed)?;
    let written = async {
        let (mut out, counts) = write(store, BufWriter::new(file)).await?;
        out.flush().map_err(failed)?;
        out.get_ref().sync_all().map_err(failed)?;
        fs::rename(&partial, path).map_err(failed)?;
        sync_directory(path).map_err(failed)?;
        Ok(counts)
    };
    let written = written.await;
    if written.is_err() {
        // What is left would only be in the way.
        let _ = fs::remove_file(&partial);
    }
    written
}

/// Makes the renaming survive a crash.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

async fn write<W: Write>(store: &dyn Store, out: W) -> Outcome<(W, Counts)> {
    let mut progress = Progress::new("written", "records", None);
    let result = write_all(store, out, Clock::system().now(), |more| progress.add(more)).await;
    progress.finish();
    match result {
        Err(CopyError::File(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            Err(Failure::failed("the backup is not whole: nobody read it to its end"))
        }
        other => other.map_err(Failure::failed),
    }
}

/// Carries out `acquaint restore`: reads the whole file before anything is written.
pub(crate) async fn restore(args: &RestoreArgs) -> Outcome<()> {
    let sources = Sources::gather(args.store.given(), args.store.config.as_deref())?;
    let address = store::address(&sources)?.unwrap_or_default();
    let bad = |damage: Damage| Failure::failed(format_args!("{} {damage}; nothing was restored", args.file.display()));
    let open = || {
        let file = File::open(&args.file).map_err(Damage::Unreadable)?;
        if file.metadata().map_err(Damage::Unreadable)?.is_file() {
            return Ok(file);
        }
        Err(Damage::Unreadable(io::Error::other("it is not a file, and it has to be read twice")))
    };
    let mut progress = Progress::new("checked", "records", None);
    let checked = open().and_then(|file| verify(file, |more| progress.add(more)));
    progress.finish();
    let (_, counts) = checked.map_err(bad)?;
    let means = store::means(&sources)?;
    let target = Target::find(address, &means, Begin::Anew).await?;
    let store = store::open(&target.place, &means).await?;
    let mut progress = Progress::new("restored", "records", Some(counts.values().sum()));
    let restored = match open() {
        Ok(file) => read_all(&*store, file, |more| progress.add(more)).await,
        Err(damage) => Err(CopyError::Damage(damage)),
    };
    progress.finish();
    // Closed before it gets its name.
    drop(store);
    restored.map_err(BrokenOff::from).and_then(|()| Ok(target.finish()?)).map_err(|error| {
        let (file, place) = (args.file.display(), target.place.remains());
        Failure::failed(format_args!("restoring {file} broke off: {error}; remove {place} and try again"))
    })?;
    output::line(&format!("{}: {}", target.address, told(&counts)))
}

/// What broke off a restore.
type BrokenOff = Box<dyn std::error::Error>;

pub(crate) fn told(counts: &Counts) -> String {
    let total = grouped(counts.values().sum());
    let kinds: Vec<String> = counts.iter().map(|(kind, count)| format!("{} {kind}", grouped(*count))).collect();
    if kinds.is_empty() { "0 records".into() } else { format!("{total} records: {}", kinds.join(", ")) }
}
