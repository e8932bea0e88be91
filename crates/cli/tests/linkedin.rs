//! `acquaint linkedin` on made-up exports, from the import to what is to be done today.

#![expect(clippy::unwrap_used, reason = "tests, and what helps them, stop at the first surprise")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use acquaint_app::clock::Stopwatch;
use common::{Ran, acquaint};

const NOW: &str = "2026-03-10T08:00:00Z";
const LATER: &str = "2026-04-05T08:00:00Z";

fn export(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../linkedin/tests/exports").join(name)
}

/// A folder of its own, in which the commands are run.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn run_at(&self, now: &str, args: &[&str]) -> Ran {
        let mut command = acquaint();
        Ran(command.current_dir(self.0.path()).arg("linkedin").args(args).args(["--now", now]).output().unwrap())
    }

    fn run(&self, args: &[&str]) -> Ran {
        self.run_at(NOW, args)
    }

    fn import_at(&self, now: &str, name: &str) -> Ran {
        self.run_at(now, &["import", export(name).to_str().unwrap()])
    }

    fn import(&self, name: &str) -> Ran {
        self.import_at(NOW, name)
    }

    fn ledger(&self) -> String {
        fs::read_to_string(self.0.path().join("acquaint-linkedin/ledger.json")).unwrap()
    }
}

/// The number that a summary gives for that.
fn count(summary: &str, what: &str) -> String {
    let line = summary.lines().find(|line| line.trim_start().starts_with(what)).unwrap_or_default();
    let number = line.trim_start().strip_prefix(what).and_then(|rest| rest.split_whitespace().next());
    number.unwrap_or_default().to_owned()
}

#[test]
fn an_import_is_summed_up_and_a_second_one_changes_nothing() {
    let place = Place::new();
    let ran = place.import("usual");
    assert!(
        ran.stderr().contains("Invitations.csv line 12: Sent At: \"soon\" is no date of an export"),
        "{}",
        ran.stderr()
    );
    let summary = ran.succeeds();
    for (what, number) in [
        ("rows read", "18"),
        ("not understood", "1"),
        ("invitations sent", "8"),
        ("accepted", "3"),
        ("pending or unknown", "5"),
        ("new", "8"),
        ("guesses", "0"),
        ("invitations received", "2"),
        ("connections", "6"),
    ] {
        assert_eq!(count(&summary, what), number, "{what}: {summary}");
    }
    let before = place.ledger();
    assert_eq!(count(&place.import("usual").succeeds(), "new"), "0");
    assert_eq!(place.ledger(), before);
}

#[test]
fn today_says_whom_to_withdraw_and_what_was_withdrawn_counts() {
    let place = Place::new();
    place.import("usual").succeeds();
    let next = place.run(&["next"]).succeeds();
    assert!(next.starts_with("withdraw 4 today, of 4 that are old:\n  Zoë van Nergens, sent 2025-12-15 (84 days ago). It has waited for long."), "{next}");
    assert!(next.contains("in 100 like this are still accepted."), "{next}");
    assert!(next.contains("https://www.linkedin.com/in/zo%C3%AB-van-nergens"), "{next}");
    let noted = place.run(&["withdrew", "https://www.linkedin.com/in/zo%C3%AB-van-nergens"]).succeeds();
    assert_eq!(noted, "noted; may be invited again from 2026-03-31; 24 left for today\n");
    let next = place.run(&["plan"]).succeeds();
    assert!(next.starts_with("withdraw 3 today, of 3"), "{next}");
    assert!(next.ends_with("Zoë van Nergens may be invited again from 2026-03-31\n"), "{next}");
    let later = place.run_at("2026-03-31T08:00:00Z", &["next"]).succeeds();
    assert!(later.ends_with("Zoë van Nergens may be invited again now, best with a note\n"), "{later}");
    let undone = place.run(&["undo", "Zoë van Nergens"]).succeeds();
    assert_eq!(undone, "it counts as not withdrawn again; 25 left for today\n");
    assert!(place.run(&["next"]).succeeds().starts_with("withdraw 4 today, of 4"));
    place.run(&["undo", "Zoë van Nergens"]).fails(2, "you did not say that you withdrew the invitation to Zoë");
    place.run(&["undo", "Nobody Known"]).fails(2, "nobody you invited is \"Nobody Known\"");
    place.run(&["withdrew", "Zoë van Nergens"]).succeeds();
    place.run(&["withdrew", "Nobody Known"]).fails(2, "nobody you invited is \"Nobody Known\"");
    place.run(&["withdrew", "架空 花子"]).fails(2, "has accepted; there is nothing to withdraw");
    // A connection beats what the owner said: she accepted before it was withdrawn.
    place.import_at(LATER, "later").succeeds();
    let shown = place.run(&["show", "--status", "withdrawn"]).succeeds();
    assert!(!shown.contains("Zoë"), "she accepted, says the later export: {shown}");
}

#[test]
fn what_is_known_is_shown_filtered_and_in_three_forms() {
    let place = Place::new();
    place.import("usual").succeeds();
    let table = place.run(&["show", "--older-than", "60d"]).succeeds();
    let names: Vec<_> = table.lines().skip(1).collect();
    assert_eq!(names.len(), 2, "{table}");
    assert!(names.iter().all(|line| line.contains("pending_or_unknown") && line.contains('%')), "{table}");
    let json = place.run(&["show", "--with-note", "--name", "JOSÉ", "--json"]).succeeds();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 1);
    assert_eq!(json.pointer("/0/status").unwrap(), "accepted");
    assert_eq!(json.pointer("/0/connected_on").unwrap(), "2026-02-03T00:00:00Z");
    let csv = place.run(&["show", "--without-note", "--csv"]).succeeds();
    assert!(csv.starts_with("name,link,sent_at,with_note,status,"), "{csv}");
    assert_eq!(csv.lines().count(), 6, "{csv}");
    place.run(&["show", "--status", "pending"]).fails(2, "expected accepted, withdrawn or pending_or_unknown");
}

#[test]
fn insights_tell_their_sample_and_are_silent_where_it_is_small() {
    let place = Place::new();
    place.import("usual").succeeds();
    let told = place.run(&["insights"]).succeeds();
    assert!(told.contains("with a note        3 sent  fewer than 20 to judge by"), "{told}");
    let json = place.run(&["insights", "--json"]).succeeds();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json.pointer("/all").unwrap(), &serde_json::json!({"sent": 8, "sample": 6, "accepted": null}));
    // Enough of them, half of whom accepted on the day.
    let mut rows = "From,To,Sent At,Direction,inviterProfileUrl,inviteeProfileUrl\n".to_owned();
    let mut connections = "First Name,Last Name,URL,Connected On\n".to_owned();
    for number in 0..60 {
        let address = format!("https://www.linkedin.com/in/made-up-{number}");
        rows += &format!("Me,Made Up {number},\"1/5/26, 9:00 AM\",OUTGOING,https://www.linkedin.com/in/me,{address}\n");
        if number % 2 == 0 {
            connections += &format!("Made,Up {number},{address},05 Jan 2026\n");
        }
    }
    connections += "Late,Comer,,01 Mar 2026\n";
    let (folder, other) = (place.0.path().join("export"), ["--ledger", "other"]);
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("Invitations.csv"), rows).unwrap();
    fs::write(folder.join("Connections.csv"), connections).unwrap();
    place.run(&["import", "export", other[0], other[1]]).succeeds();
    let told = place.run(&["insights", other[0], other[1]]).succeeds();
    assert!(told.contains("Monday            60 sent   50.0 %  (38."), "{told}");
    assert!(told.contains("  28 d         50.0 %"), "{told}");
}

#[test]
fn what_cannot_be_taken_changes_nothing() {
    let place = Place::new();
    place.run(&["show"]).fails(2, "`acquaint linkedin import EXPORT` comes first");
    place.import("german").fails(2, "Connections.csv: its header is not the English one (found \"Vorname,Nachname,URL");
    place.import("german/Connections.csv").fails(2, "german/Connections.csv: its header is not the English one");
    place.import("none").fails(2, "it cannot be read");
    place.import_at(LATER, "later").succeeds();
    let before = place.ledger();
    place.import("usual").fails(2, "import the newer one; nothing was changed");
    assert_eq!(place.ledger(), before);
    fs::write(place.0.path().join("acquaint-linkedin/ledger.json"), "{}").unwrap();
    place.run(&["show"]).fails(1, "it is not a ledger of Acquaint");
}

#[cfg(unix)]
#[test]
fn the_ledger_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    place.import("usual").succeeds();
    let file = place.0.path().join("acquaint-linkedin/ledger.json");
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o077, 0);
}

/// An export of many rows, and a later one that adds some.
fn large(folder: &Path, rows: usize) -> PathBuf {
    let mut text = "From,To,Sent At,Message,Direction,inviterProfileUrl,inviteeProfileUrl\n".to_owned();
    for row in 0..rows {
        let (month, day) = (row % 12 + 1, row % 28 + 1);
        text.push_str(&format!(
            "Me Myself,Person {row},\"{month}/{day}/25, 8:00 AM\",,OUTGOING,https://www.linkedin.com/in/me-myself,\
             https://www.linkedin.com/in/person-{row}\n"
        ));
    }
    let path = folder.join(format!("rows-{rows}")).join("Invitations.csv");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

/// The plug is pulled at many moments of an import: what is kept is what was before it or what comes after
/// it, and importing again finishes it.
#[test]
fn an_import_that_is_killed_leaves_a_whole_ledger_and_is_finished_by_the_next() {
    let (few, many) = (500, 10_000);
    let made = tempfile::tempdir().unwrap();
    let (first, second) = (large(made.path(), few), large(made.path(), many));
    let import = |place: &Place, path: &Path| place.run(&["import", path.to_str().unwrap()]).succeeds();
    let whole = Place::new();
    import(&whole, &first);
    let before = whole.ledger();
    let watch = Stopwatch::start();
    import(&whole, &second);
    let (after, took) = (whole.ledger(), watch.seconds());
    assert_ne!(before, after);
    let mut found = [0, 0];
    for round in 0..24 {
        let place = Place::new();
        import(&place, &first);
        let mut command = acquaint();
        command.current_dir(place.0.path()).args(["linkedin", "import", second.to_str().unwrap(), "--now", NOW]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // At another moment of its life each time; the last ones are late, so that it may be done.
        let (begun, until) = (Stopwatch::start(), took * f64::from(round) / 18.0);
        while begun.seconds() < until && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let left = place.ledger();
        let is_after = left == after;
        assert!(is_after || left == before, "round {round}: a ledger of {} bytes", left.len());
        found[usize::from(is_after)] += 1;
        import(&place, &second);
        assert!(place.ledger() == after, "round {round}: importing again finishes it");
        let files = fs::read_dir(place.0.path().join("acquaint-linkedin")).unwrap().count();
        assert_eq!(files, 2, "round {round}: nothing is left over but the ledger and its lock");
    }
    assert!(found[0] > 0, "it was always done before it was killed: {found:?}");
}
