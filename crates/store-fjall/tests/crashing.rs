//! What is kept when the process is killed, and when the disk is full.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use acquaint_store::{Store, StoreError};
use common::{block_on, changes, child, child_directory, count_commits, open};

#[test]
fn every_acknowledged_commit_survives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let mut known = 0;
    for acknowledgements in [1, 40, 300, 7, 500] {
        let mut writing = child("commits_until_it_is_killed", directory.path()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(writing.stdout.take().unwrap()).lines();
        let acknowledged = lines.filter_map(|line| line.unwrap().strip_prefix("acknowledged ")?.parse::<u32>().ok());
        let last = acknowledged.take(acknowledgements).last().unwrap();
        writing.kill().unwrap();
        writing.wait().unwrap();
        let found = count_commits(&open(directory.path()).unwrap());
        assert!(found > last && last >= known, "{last} was acknowledged, {found} were found");
        known = found;
    }
}

#[test]
#[ignore = "a child of the test above"]
fn commits_until_it_is_killed() {
    let store = open(&child_directory()).unwrap();
    for number in count_commits(&store).. {
        block_on(store.commit(&changes(number))).unwrap();
        // Begins a line of its own after whatever the test runner wrote.
        println!("\nacknowledged {number}");
    }
}

#[test]
fn a_full_disk_is_said_so_and_loses_nothing() {
    in_a_small_file_system("fills_its_disk");
}

#[test]
#[ignore = "a child of the test above"]
fn fills_its_disk() {
    let (disk, filler) = (child_directory(), child_directory().join("filler"));
    let data = disk.join("data");
    fs::write(&filler, vec![1; 4 << 20]).unwrap();
    let store = open(&data).unwrap();
    let mut next = 0;
    let error = loop {
        match block_on(store.commit(&changes(next))) {
            Ok(()) => next += 1,
            Err(error) => break error,
        }
    };
    assert!(!error.retryable(), "{error:?}");
    let again = block_on(store.commit(&changes(next))).unwrap_err();
    assert!(matches!(&again, StoreError::Failed(text) if text.contains("start again")), "{again}");
    assert!(block_on(store.health()).is_err());
    assert!(count_commits(&store) >= next, "reads go on");
    drop(store);

    fs::remove_file(filler).unwrap();
    let store = open(&data).unwrap();
    let found = count_commits(&store);
    assert!(found == next || found == next + 1, "{next} were acknowledged, {found} found");
    block_on(store.commit(&changes(found))).unwrap();
}

#[test]
fn a_read_only_file_system_is_said_so() {
    in_a_small_file_system("opens_what_it_cannot_write");
}

#[test]
#[ignore = "a child of the test above"]
fn opens_what_it_cannot_write() {
    let (disk, data) = (child_directory(), child_directory().join("data"));
    drop(open(&data).unwrap());
    let remounted = Command::new("mount").args(["-o", "remount,ro"]).arg(&disk).status().unwrap();
    assert!(remounted.success());
    for directory in [data, disk.join("new")] {
        let error = open(&directory).unwrap_err().to_string();
        assert!(error.contains("read-only file system"), "{error}");
    }
}

/// Runs an ignored test in a file system of 16 MiB that only it sees. Where the system does not
/// let us mount one, there is nothing to test.
fn in_a_small_file_system(test: &str) {
    let directory = tempfile::tempdir().unwrap();
    let mount = |then: &str| {
        let script = format!("mount -t tmpfs -o size=16m tmpfs \"$ACQUAINT_TEST_DIRECTORY\" && {then}");
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", &script, "sh"]);
        command.env("ACQUAINT_TEST_DIRECTORY", directory.path());
        command
    };
    if !mount("true").status().is_ok_and(|status| status.success()) {
        println!("skipped: this system does not let us mount a small file system");
        return;
    }
    let child = child(test, Path::new("unused"));
    let output = mount("exec \"$@\"").arg(child.get_program()).args(child.get_args()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}
