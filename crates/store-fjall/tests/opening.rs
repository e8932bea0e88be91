//! What is opened, and what is refused with a sentence that says what to do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use acquaint_store::{Store, StoreError};
use acquaint_store_fjall::floor;
use common::{all_records, block_on, changes, count_commits, open, options};

/// The sentence with which opening is refused.
fn refusal(directory: &Path) -> String {
    let error = open(directory).expect_err("this is not a store that can be opened");
    assert!(matches!(error, StoreError::Failed(_)), "{error:?}");
    error.to_string()
}

#[test]
fn what_was_committed_is_there_after_closing() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let store = open(directory.path()).unwrap();
        assert_eq!(count_commits(&store), round * 200);
        for number in round * 200..(round + 1) * 200 {
            block_on(store.commit(&changes(number))).unwrap();
        }
    }
    assert_eq!(count_commits(&open(directory.path()).unwrap()), 600);
}

#[test]
fn a_second_owner_is_refused_until_the_first_has_gone() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path()).unwrap();
    assert!(refusal(directory.path()).contains("another process holds the store"));
    drop(first);
    assert!(open(directory.path()).is_ok());
}

#[test]
fn a_newer_format_is_refused_by_its_number() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).unwrap());
    let format = directory.path().join("acquaint-format");
    fs::write(&format, "acquaint fjall store, format 3\n").unwrap();
    let text = refusal(directory.path());
    assert!(text.contains("newer Acquaint (format 3, this program reads up to 1)"), "{text}");
    fs::write(&format, "something else").unwrap();
    assert!(refusal(directory.path()).contains("damaged"));
}

#[test]
fn a_file_in_place_of_the_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("data");
    fs::write(&file, "not a directory").unwrap();
    assert!(refusal(&file).contains("a file stands where the directory should be"));
    assert!(refusal(&file.join("below")).contains("a file stands where the directory should be"));
    assert_eq!(fs::read_to_string(file).unwrap(), "not a directory");
}

#[test]
fn a_directory_of_other_things_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("thesis.txt"), "years of work").unwrap();
    assert!(refusal(directory.path()).contains("holds no Acquaint store"));
    assert_eq!(fs::read_to_string(directory.path().join("thesis.txt")).unwrap(), "years of work");
}

#[test]
fn a_store_whose_making_was_cut_short_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).unwrap());
    fs::remove_file(directory.path().join("acquaint-format")).unwrap();
    fs::remove_file(directory.path().join("version")).unwrap();
    let store = open(directory.path()).unwrap();
    assert!(block_on(store.is_empty()).unwrap());
}

#[test]
fn a_store_in_use_is_not_made_again_when_its_format_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    block_on(store.commit(&changes(0))).unwrap();
    drop(store);
    fs::remove_file(directory.path().join("acquaint-format")).unwrap();
    assert!(refusal(directory.path()).contains("damaged"));
}

/// Flips one bit here and there in every file. fjall alone would cut the journal off at some of
/// them and go on with what is left.
#[test]
fn a_flipped_bit_is_never_passed_over_in_silence() {
    let directory = quick_directory();
    let (sound, altered) = (directory.path().join("sound"), directory.path().join("altered"));
    let original = open(&sound).unwrap();
    for number in 0..300 {
        block_on(original.commit(&changes(number))).unwrap();
    }
    let expected = block_on(all_records(&original)).unwrap();
    drop(original);
    let sound = trimmed(&sound);
    for file in files(&sound) {
        let length = written(&fs::read(&file).unwrap());
        for at in (0..length).step_by((length / 20).max(1)) {
            copy(&sound, &altered);
            let file = altered.join(file.strip_prefix(&sound).unwrap());
            let mut bytes = fs::read(&file).unwrap();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&file, bytes).unwrap();
            let found = open(&altered).and_then(|store| block_on(all_records(&store)));
            match found {
                Ok(found) => assert!(found == expected, "{} at {at}: something is missing", file.display()),
                Err(StoreError::Failed(text)) => assert!(text.contains("damaged") || text.contains("newer"), "{text}"),
                Err(other) => panic!("{}: {other}", file.display()),
            }
            fs::remove_dir_all(&altered).unwrap();
        }
    }
}

#[test]
fn a_missing_file_is_refused() {
    let directory = quick_directory();
    let (sound, altered) = (directory.path().join("sound"), directory.path().join("altered"));
    let original = open(&sound).unwrap();
    (0..300).for_each(|number| block_on(original.commit(&changes(number))).unwrap());
    drop(original);
    let sound = trimmed(&sound);
    let spare = ["lock", "acquaint-lock"];
    for file in files(&sound).iter().filter(|file| !spare.iter().any(|name| file.ends_with(name))) {
        copy(&sound, &altered);
        fs::remove_file(altered.join(file.strip_prefix(&sound).unwrap())).unwrap();
        match open(&altered) {
            Ok(store) => assert_eq!(count_commits(&store), 300, "without {}", file.display()),
            Err(error) => assert!(matches!(error, StoreError::Failed(_)), "{error}"),
        }
        fs::remove_dir_all(&altered).unwrap();
    }
}

#[test]
fn a_recording_is_replayed_on_a_copy_of_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let (data, copied) = (directory.path().join("data"), directory.path().join("copied"));
    drop(open(&data).unwrap());
    copy(&data, &copied);
    let store = open(&data).unwrap();
    store.start_recording(1 << 20);
    for number in 0..50 {
        block_on(store.commit(&changes(number))).unwrap();
    }
    let (trace, stats) = (store.take_recording(), store.stats());
    let report = floor::run(&copied, &trace, &options()).unwrap();
    assert_eq!((report.batches, report.events), (50, 50));
    assert_eq!((stats.commits, stats.keys_written), (50, report.keys_written as u64));
    assert!(stats.disk_bytes > 0 && stats.bytes_written > 0);
    assert_eq!(count_commits(&open(&copied).unwrap()), 50);
}

/// A directory in memory where there is one: hundreds of copies need not reach a disk.
fn quick_directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Every file below, but not the empty ones.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if fs::metadata(&path).unwrap().len() > 0 {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Copies a directory; of the zeros at the end of a file, some.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, target) = entry.map(|entry| (entry.path(), to.join(entry.file_name()))).unwrap();
        if path.is_dir() {
            copy(&path, &target);
        } else {
            let bytes = fs::read(&path).unwrap();
            let end = bytes.len().min(written(&bytes) + 64);
            fs::write(target, &bytes[..end]).unwrap();
        }
    }
}

/// A copy without what was allocated ahead, from which further copies are quicker.
fn trimmed(directory: &Path) -> PathBuf {
    let trimmed = directory.with_extension("trimmed");
    copy(directory, &trimmed);
    trimmed
}

/// How many bytes there are up to the last that is not zero.
fn written(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1)
}
