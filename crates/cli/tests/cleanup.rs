//! `acquaint cleanup` against a real server whose clock is set by hand.
#![expect(clippy::unwrap_used, reason = "tests, and what helps them, stop at the first surprise")]

mod common;

use common::{KEY, Ran, Server, acquaint, field};
use serde_json::{Value, json};

struct Town {
    server: Server,
    _store: tempfile::TempDir,
    invitations: Vec<String>,
}

impl Town {
    /// Ann invited bob, cid, dee and eve twenty days ago, and fay today.
    fn new() -> Self {
        let store = tempfile::tempdir().unwrap();
        let server = Server::start(store.path(), &["--dev"]);
        let mut town = Self { server, _store: store, invitations: Vec::new() };
        town.call("PUT", "/v1/members/eve", "eve", &json!({"audience": ["rust"]}));
        for to in ["bob", "cid", "dee", "eve"] {
            town.invite(to);
            town.wait("1m");
        }
        town.wait("20d");
        town.invite("fay");
        town
    }

    fn call(&self, method: &str, path: &str, member: &str, body: &Value) -> String {
        let (status, answer) = self.server.client().call(method, path, member, &body.to_string()).unwrap();
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    fn invite(&mut self, to: &str) {
        let answer = self.call("POST", "/v1/invitations", "ann", &json!({"to": to}));
        self.invitations.push(field(&answer, "id"));
    }

    fn wait(&self, by: &str) {
        self.call("POST", "/v1/dev/clock/advance", "ann", &json!({"by": by}));
    }

    fn cleanup(&self, args: &[&str]) -> Ran {
        let mut command = acquaint();
        command.arg("cleanup").args(args).args(["--server", &self.server.address]).env("ACQUAINT_HOST_KEY", KEY);
        Ran(command.output().unwrap())
    }

    /// What it prints for Ann, line by line.
    fn told(&self, args: &[&str]) -> Vec<String> {
        let told = self.cleanup(&[args, &["--member", "ann"]].concat()).succeeds();
        told.lines().map(str::to_owned).collect()
    }
}

/// The second column of all lines but the first: to whom.
fn people(lines: &[String]) -> Vec<&str> {
    lines.iter().skip(1).map(|line| line.split('\t').nth(1).unwrap()).collect()
}

#[test]
fn a_plan_goes_from_suggestion_to_wait_list() {
    let town = Town::new();
    let suggested = town.told(&["suggest"]);
    assert_eq!(suggested[0], "4 to think of");
    assert_eq!(people(&suggested), ["bob", "cid", "dee", "eve"]);
    let columns: Vec<&str> = suggested[1].split('\t').collect();
    assert_eq!((columns[0], columns[3]), (town.invitations[0].as_str(), "stale"));
    assert!(columns[4].contains("in 100 like this are still accepted"), "{columns:?}");

    let choice = ["--older-than", "15d", "--skip-members", "cid", "--skip-audiences", "rust", "--daily-budget", "10"];
    let previewed = town.told(&[&["preview"], &choice[..]].concat());
    assert!(previewed[0].starts_with("2 would be withdrawn, 10 a day, the last one at 20"), "{previewed:?}");
    assert_eq!(people(&previewed), ["bob", "dee"]);
    town.cleanup(&["show", "--member", "ann"]).fails(1, "there is no plan; `acquaint cleanup start` makes one");

    let started = town.told(&[&["start"], &choice[..]].concat());
    assert!(started[0].starts_with("running: 2 of 2 are open, 10 a day, the next one at 20"), "{started:?}");
    assert!(town.told(&["pause"])[0].starts_with("paused: 2 of 2 are open"));
    town.wait("2d");
    assert!(town.told(&["show"])[0].starts_with("paused: 2 of 2 are open"), "nothing goes meanwhile");
    assert!(town.told(&["skip", &town.invitations[2]])[2].ends_with("\tskipped"));
    assert!(town.told(&["resume"])[0].starts_with("running: 1 of 2 are open"));
    town.wait("1d");
    let shown = town.told(&["show"]);
    assert!(shown[0].starts_with("finished: 0 of 2 are open"), "{shown:?}");
    assert!(shown[1].ends_with("\twithdrawn") && shown[2].ends_with("\tskipped"), "{shown:?}");
    let waiting = town.told(&["waiting"]);
    assert!(waiting.len() == 1 && waiting[0].starts_with("bob\t20"), "{waiting:?}");
    let plan: Value = serde_json::from_str(&town.told(&["show", "--json"]).join("\n")).unwrap();
    assert_eq!(plan["items"][0]["outcome"], "withdrawn");

    town.told(&["start"]);
    assert!(town.told(&["cancel"])[0].starts_with("cancelled: "));
}

#[test]
fn whoever_is_kept_is_in_no_plan() {
    let town = Town::new();
    assert_eq!(town.told(&["keep"]), ["nobody is left alone"]);
    assert_eq!(
        town.told(&["keep", "--members", "bob,cid", "--audiences", "rust"]),
        ["member\tbob", "member\tcid", "audience\trust"]
    );
    assert_eq!(people(&town.told(&["suggest"])), ["dee"]);
    assert_eq!(people(&town.told(&["preview"])), ["dee"]);
    assert_eq!(town.told(&["keep", "--no-longer", "bob,rust"]), ["member\tcid"]);
    assert_eq!(people(&town.told(&["suggest"])), ["bob", "dee", "eve"]);
    town.cleanup(&["keep", "--members", "gus", "--member", "ann"]).fails(2, "/members/1: nobody whom you invited");
}

#[test]
fn what_cannot_be_done_is_told() {
    let town = Town::new();
    town.cleanup(&["start", "--member", "fay"]).fails(1, "there is nothing old enough to withdraw");
    town.cleanup(&["pause", "--member", "ann"]).fails(1, "there is no plan");
    town.cleanup(&["suggest"]).fails(1, "Acquaint-Member");
    town.cleanup(&["preview", "--older-than", "soon", "--member", "ann"]).fails(2, "/older_than");
    town.cleanup(&["skip", "inv_x", "--member", "ann"]).fails(2, "inv_x");
    let mut nobody = acquaint();
    nobody.args(["cleanup", "suggest", "--member", "ann", "--server", "127.0.0.1:1"]).env("ACQUAINT_HOST_KEY", KEY);
    Ran(nobody.output().unwrap()).fails(1, "127.0.0.1:1");
}
