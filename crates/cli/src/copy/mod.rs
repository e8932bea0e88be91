//! `acquaint store copy`: everything from one store into another one of any kind.
//!
//! The source is read three times: once to know what there is, once to copy it, and once more only
//! where the two turn out to differ. Memory holds a page of records and the sums, whatever the size.
//! Killed at any moment, the same command goes on where it was (see [`marker`]).

mod marker;
mod sums;

use std::path::Path;

use acquaint_store::Store;

use crate::args::CopyArgs;
use crate::backup::{Begin, Pages, Target, told};
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::progress::{Progress, grouped};
use crate::settings::Sources;
use crate::store::{self, Address};
use marker::{Marker, MarkerFile};
use sums::Sums;

/// Carries out `acquaint store copy`.
pub(crate) async fn run(args: &CopyArgs) -> Outcome<()> {
    let (from, to) = (address("--from", &args.from)?, address("--to", &args.to)?);
    if from == to {
        return Err(Failure::usage("--from and --to name the same store"));
    }
    let means = store::means(&Sources::gather(Vec::new(), None)?)?;
    let file = MarkerFile(args.progress.clone());
    let marker = file.read(&from.to_string(), &to.to_string())?;
    let source = store::open_existing(&from, &means).await?;
    let begin = if marker.is_some() { Begin::Again } else { Begin::Anew };
    let target = Target::find(to.clone(), &means, begin).await?;
    let marker = marker.unwrap_or_else(|| Marker::new(from.to_string(), to.to_string()));
    // Before the target is made, so that from then on it is known for what it is.
    file.write(&marker)?;
    let filled = store::open(&target.place, &means).await?;
    if begin == Begin::Again {
        go_on(&marker, &*filled, &file.0).await?;
    }
    let expected = sums(&*source, "read", None).await?;
    copy(&*source, &*filled, marker, &file, expected.total()).await.map_err(|failure| {
        Failure::failed(format_args!(
            "{}; once that is mended, the same command goes on where it was",
            failure.message()
        ))
    })?;
    compare(&*source, &*filled, &expected).await.map_err(|failure| failed(&failure, &target, &file.0))?;
    // Closed before it gets its name.
    drop(filled);
    target.finish().map_err(Failure::failed)?;
    file.remove()?;
    output::line(&format!("{to}: {}; the same as in {from}", told(&expected.counts)))
}

fn address(flag: &str, text: &str) -> Outcome<Address> {
    Address::parse(text).map_err(|expected| Failure::usage(format_args!("{flag}: {expected}")))
}

/// Whether the target is the one that the file tells of, as far as can be seen at a glance; the
/// comparison at the end sees the rest.
async fn go_on(marker: &Marker, target: &dyn Store, file: &Path) -> Outcome<()> {
    if marker.records > 0 && target.is_empty().await.map_err(store::failed)? {
        return Err(Failure::failed(format_args!(
            "{} tells of {} records in {}, which is empty: remove the file to begin anew",
            file.display(),
            grouped(marker.records),
            target.name()
        )));
    }
    output::note(&format!("going on after {} records", grouped(marker.records)));
    Ok(())
}

async fn copy(
    source: &dyn Store,
    target: &dyn Store,
    mut marker: Marker,
    file: &MarkerFile,
    total: u64,
) -> Outcome<()> {
    let mut progress = Progress::new("copied", "records", Some(total));
    progress.add(marker.records);
    let mut pages = Pages::from(source, marker.place());
    while !marker.complete {
        let page = pages.next().await.map_err(store::failed)?;
        target.restore(&page).await.map_err(store::failed)?;
        marker.advance(page.len() as u64, pages.place());
        file.write(&marker)?;
        progress.add(page.len() as u64);
    }
    progress.finish();
    Ok(())
}

async fn sums(store: &dyn Store, verb: &'static str, total: Option<u64>) -> Outcome<Sums> {
    let mut progress = Progress::new(verb, "records", total);
    let sums = Sums::of(store, |more| progress.add(more)).await;
    progress.finish();
    sums.map_err(store::failed)
}

/// Whether the target holds what the source held when the copy began.
async fn compare(source: &dyn Store, target: &dyn Store, expected: &Sums) -> Outcome<()> {
    let found = sums(target, "compared", Some(expected.total())).await?;
    if found == *expected {
        return Ok(());
    }
    let difference = expected.difference(&found, source, target).await.map_err(store::failed)?;
    Err(Failure::failed(format_args!("{} is not what {} is: {difference}", target.name(), source.name())))
}

fn failed(failure: &Failure, target: &Target, file: &Path) -> Failure {
    Failure::failed(format_args!(
        "{}; if nothing else wrote to either, please report it; to begin anew, empty {} and remove {}",
        failure.message(),
        target.place,
        file.display()
    ))
}
