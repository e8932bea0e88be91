//! A PostgreSQL of a test's own is what it says: up, down, followed, promoted, and gone afterwards.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use acquaint_testkit::postgres::{Cluster, Options, Place};
use acquaint_testkit::process;

#[test]
fn what_is_committed_survives_a_kill_and_a_restart() {
    let mut cluster = Cluster::start(&Options::default()).unwrap();
    cluster.create_database("one").unwrap();
    cluster.psql("one", "CREATE TABLE t (n int); INSERT INTO t VALUES (7)").unwrap();
    cluster.kill().unwrap();
    assert!(cluster.psql("one", "SELECT 1").is_err());
    cluster.restart().unwrap();
    cluster.copy_database("one", "two").unwrap();
    cluster.restart().unwrap();
    assert_eq!(cluster.psql("two", "SELECT n FROM t").unwrap(), "7\n");
}

#[test]
fn commits_wait_for_the_disk_where_that_is_asked() {
    for (durable, fsync) in [(false, "off\n"), (true, "on\n")] {
        let cluster = Cluster::start(&Options { durable, ..Options::default() }).unwrap();
        assert_eq!(cluster.psql("postgres", "SHOW fsync").unwrap(), fsync);
    }
}

#[test]
fn a_synchronous_standby_has_everything_when_it_is_promoted() {
    let mut primary = Cluster::start(&Options::default()).unwrap();
    primary.create_database("town").unwrap();
    let standby = primary.standby(true).unwrap();
    let waits = "SELECT sync_state FROM pg_stat_replication";
    assert_eq!(primary.psql("town", waits).unwrap(), "sync\n");
    primary.psql("town", "CREATE TABLE t (n int)").unwrap();
    primary.kill().unwrap();
    assert_eq!(standby.psql("town", "SELECT pg_is_in_recovery()").unwrap(), "t\n");
    standby.promote().unwrap();
    standby.psql("town", "INSERT INTO t VALUES (1)").unwrap();
}

#[test]
fn a_frozen_backend_answers_once_it_is_thawed() {
    let cluster = Cluster::start(&Options::default()).unwrap();
    cluster.create_database("town").unwrap();
    let mut client = Command::new("sh")
        .args(["-c", &format!("(echo 'SELECT 1;'; read go; echo 'SELECT 2;') | psql -qAt '{}'", cluster.url("town"))])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answers = BufReader::new(client.stdout.take().unwrap());
    let mut line = String::new();
    answers.read_line(&mut line).unwrap();
    let backends = cluster.backends("town").unwrap();
    assert_eq!(backends.len(), 1);
    process::freeze(backends[0]).unwrap();
    drop(client.stdin.take());
    // The server itself serves others meanwhile.
    cluster.psql("town", "SELECT 1").unwrap();
    process::thaw(backends[0]).unwrap();
    answers.read_to_string(&mut line).unwrap();
    assert_eq!(line, "1\n2\n");
    client.wait().unwrap();
}

#[test]
fn places_do_not_see_each_other() {
    let (one, two) = (Place::new().unwrap(), Place::new().unwrap());
    for place in [&one, &two] {
        assert_eq!(place.psql("CREATE TABLE t (n int); SELECT count(*) FROM t").unwrap(), "0\n");
    }
    one.psql("INSERT INTO t VALUES (1)").unwrap();
    assert_eq!(two.psql("SELECT count(*) FROM t").unwrap(), "0\n");
}

/// Run by the next test in a process of its own.
#[test]
#[ignore = "it waits until it is killed"]
fn start_one_and_wait() {
    let cluster = Cluster::start(&Options::default()).unwrap();
    println!("folder {}", cluster.socket_folder().display());
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn a_test_that_is_killed_leaves_nothing_behind() {
    let mut test = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "start_one_and_wait", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(test.stdout.take().unwrap()).lines().map_while(Result::ok);
    let folder = lines.filter_map(|line| Some(line.split_once("folder ")?.1.to_owned())).next().unwrap();
    let folder = Path::new(&folder);
    let pid = std::fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
    let server: u32 = pid.lines().next().unwrap().parse().unwrap();
    test.kill().unwrap();
    test.wait().unwrap();
    while process::is_running(server) || folder.exists() {
        std::thread::yield_now();
    }
}
