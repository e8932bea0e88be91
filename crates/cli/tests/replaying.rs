//! `acquaint replay`: the real stream gives the numbers that are known, and bad rows are told.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests, and what helps them, stop at the first surprise")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{acquaint, collegemsg, run};
use serde_json::Value;

fn report(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("report.json")).unwrap()).unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn sum(counts: &Value) -> u64 {
    counts.as_object().unwrap().values().map(number).sum()
}

/// Everything that must hold, whatever the rules.
fn adds_up(report: &Value) {
    let (invitations, replies) = (&report["invitations"], &report["replies"]);
    let refused: u64 = report["refusals"].as_array().unwrap().iter().map(|line| number(&line["count"])).sum();
    assert_eq!(number(&invitations["attempts"]), number(&invitations["sent"]) + refused);
    assert_eq!(number(&invitations["refused"]), refused);
    let unheard = sum(&replies["to_refused"]) + sum(&replies["refused"]);
    assert_eq!(number(&replies["total"]), number(&replies["accepted"]) + unheard);
    assert_eq!(number(&report["connections"]), number(&replies["accepted"]) + number(&invitations["crossed"]));
    let made = number(&invitations["sent"]) - number(&invitations["crossed"]);
    let ended = number(&report["connections"]) + number(&invitations["expired"]);
    assert_eq!(number(&invitations["pending"]), made - ended);
    for line in report["agreement"].as_array().unwrap() {
        assert_eq!(line["one"], line["other"], "{line}");
    }
}

#[test]
fn the_real_stream_under_open_gives_what_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let file = collegemsg();
    let ran = run(&["replay", file.to_str().unwrap(), "--policy", "open", "--report", folder.path().to_str().unwrap()]);
    let summary = ran.succeeds();
    assert!(summary.contains("13,840") && summary.contains("6,458"), "{summary}");
    assert!(ran.stderr().contains("replayed 59,835 of 59,835 rows (100 %)"), "{}", ran.stderr());
    let report = report(folder.path());
    adds_up(&report);
    assert_eq!(report["invitations"]["sent"], 13_840);
    assert_eq!(report["invitations"]["crossed"], 2);
    assert_eq!(report["invitations"]["refused"], 0);
    assert_eq!(report["connections"], 6_458);
    let shares: Vec<String> = report["accepted_within"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            format!("{} {:.1}", line["within"].as_str().unwrap(), line["share_of_accepted"].as_f64().unwrap() * 100.0)
        })
        .collect();
    assert_eq!(shares[..6], ["1h 37.3", "1d 72.9", "3d 83.9", "7d 90.6", "14d 94.8", "21d 96.9"]);
}

#[test]
fn the_real_stream_under_linkedin_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let file = collegemsg();
    run(&["replay", file.to_str().unwrap(), "--report", folder.path().to_str().unwrap()]).succeeds();
    let report = report(folder.path());
    adds_up(&report);
    assert_eq!(report["invitations"]["attempts"], 13_840);
    // The figures as they are today; a change of a rule's meaning shows here.
    let figures = [
        &report["invitations"]["sent"],
        &report["connections"],
        &report["invitations"]["expired"],
        &report["restrictions"][0]["restrictions"],
        &report["restrictions"][1]["restrictions"],
        &report["reminders"]["1"],
        &report["reminders"]["2"],
    ];
    assert_eq!(figures.map(number), [13_543, 6_376, 830, 13, 6, 7_721, 7_259]);
    assert_eq!(report["refusals"][0]["code"], "restricted");
    for name in [
        "report.html",
        "accepted.svg",
        "pending.svg",
        "refusals.svg",
        "restricted.svg",
        "accepted.csv",
        "pending.csv",
        "refusals.csv",
        "restricted.csv",
        "malformed.csv",
    ] {
        assert!(folder.path().join(name).metadata().unwrap().len() > 0, "{name}");
    }
    let html = fs::read_to_string(folder.path().join("report.html")).unwrap();
    let outside = ["src=\"", "url(", "@import", "<script", "href=\"http"];
    assert!(outside.iter().all(|mark| !html.contains(mark)), "the report asks for nothing from outside");
}

const ROWS: &str = "from,to,unix_time\na,b,1000\nb,a,1500\na,b\n,c,1600\nd,d,1600\na,c,x\na,c,1200\nc,a,2000\n";

#[test]
fn malformed_rows_are_named_and_nothing_is_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.csv");
    let out = folder.path().join("report");
    fs::write(&file, ROWS).unwrap();
    let ran = run(&["replay", file.to_str().unwrap(), "--report", out.to_str().unwrap()]);
    ran.fails(
        2,
        "5 of 8 rows are malformed; nothing was replayed: mend them, or replay the others with --skip-malformed",
    );
    for told in [
        "rows.csv line 4: expected 3 fields (from,to,unix_time), found 2",
        "rows.csv line 5: from: an id must have at least one character",
        "rows.csv line 6: a member cannot write to themselves",
        "rows.csv line 7: unix_time: expected a whole number of seconds, found \"x\"",
        "rows.csv line 8: unix_time: 1200 is earlier than 1500 in the row before",
    ] {
        assert!(ran.stderr().contains(told), "{told} in {}", ran.stderr());
    }
    assert_eq!(fs::read_to_string(out.join("malformed.csv")).unwrap().lines().count(), 6);
    assert!(!out.join("report.html").exists());
}

#[test]
fn the_good_rows_can_be_replayed_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.csv");
    fs::write(&file, format!("{ROWS}{}", "bad row\n".repeat(30))).unwrap();
    let out = folder.path().join("report");
    let ran = run(&["replay", file.to_str().unwrap(), "--skip-malformed", "--report", out.to_str().unwrap()]);
    ran.succeeds();
    assert!(ran.stderr().contains("… and 15 more malformed rows"), "{}", ran.stderr());
    let report = report(&out);
    adds_up(&report);
    assert_eq!(report["stream"]["malformed"], 35);
    assert_eq!(report["malformed"].as_array().unwrap().len(), 35);
    assert_eq!((&report["invitations"]["sent"], &report["connections"]), (&2.into(), &1.into()));
}

#[test]
fn a_stream_without_a_message_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.csv");
    for text in ["", "from,to,unix_time\r\n"] {
        fs::write(&file, text).unwrap();
        run(&["replay", file.to_str().unwrap()]).fails(2, "holds no message");
    }
    run(&["replay", folder.path().to_str().unwrap()]).fails(2, "it is not a file");
}

#[test]
fn the_caps_of_a_policy_show_in_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let (file, policy, out) =
        (folder.path().join("rows.csv"), folder.path().join("p.toml"), folder.path().join("report"));
    // a invites five, of whom the first and the last answer; the two last were refused.
    fs::write(&file, "a,b,10\na,c,20\na,d,30\na,e,40\na,f,50\nb,a,60\nf,a,70\n").unwrap();
    fs::write(&policy, "preset = \"open\"\n[limits]\npending_cap = 3\n").unwrap();
    let mut command = acquaint();
    command.arg("replay").arg(&file).arg("--report").arg(&out).env("ACQUAINT_POLICY", &policy);
    common::Ran(command.output().unwrap()).succeeds();
    let report = report(&out);
    adds_up(&report);
    assert_eq!(report["refusals"][0]["code"], "pending_cap");
    assert_eq!(report["refusals"][0]["rules"], "25");
    assert_eq!(report["refusals"][0]["count"], 2);
    assert_eq!(report["replies"]["to_refused"]["pending_cap"], 1);
    assert_eq!(report["invitations"]["pending"], 2);
}

#[test]
#[cfg(unix)]
fn a_replay_that_is_stopped_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = acquaint();
    command.arg("replay").arg(collegemsg()).env("TMPDIR", folder.path());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    said.read_line(&mut text).unwrap();
    assert!(text.starts_with("replayed "), "{text}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(Command::new("kill").arg("-INT").arg(child.id().to_string()).status().unwrap().success());
    said.read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{text}");
    assert!(text.contains("acquaint: stopped by a signal after "), "{text}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_replay_fills_an_empty_store_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.csv");
    fs::write(&file, "a,b,10\nb,a,20\n").unwrap();
    let store = format!("fjall:{}", folder.path().join("store").display());
    let replay = || run(&["replay", file.to_str().unwrap(), "--store", &store]);
    replay().succeeds();
    replay().fails(1, "is not empty, and a replay starts from nothing");
}
