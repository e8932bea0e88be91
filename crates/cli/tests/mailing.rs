//! Mails from end to end: the real program, killed in the middle of its work, and a real SMTP server.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests, and what helps them, stop at the first surprise"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use acquaint_testkit::mail::{MailServer, Taken};
use acquaint_testkit::postgres::Place;
use common::{Client, KEY, Ran, Server, acquaint, field, until};
use serde_json::json;

/// Without limits: a test makes many invitations, and asks for figures as often as it can.
const OPEN: [&str; 4] = ["--policy", "open", "--address-rate", "0"];

fn smtp() -> MailServer {
    MailServer::start([""; 0]).unwrap()
}

/// The settings with which mails leave over that server.
fn over(smtp: &MailServer) -> [String; 6] {
    let url = format!("smtp+plain://127.0.0.1:{}", smtp.port());
    let [from, base] = ["Acquaint <network@example.org>", "https://network.example.org"].map(String::from);
    ["--smtp-url".into(), url, "--mail-from".into(), from, "--mail-url".into(), base]
}

fn serve(store: &Path, smtp: &MailServer) -> Server {
    let settings = over(smtp);
    let settings: Vec<&str> = OPEN.into_iter().chain(settings.iter().map(String::as_str)).collect();
    Server::start(store, &settings)
}

fn kill(server: Server) {
    server.signal("KILL");
    server.end();
}

fn stop(server: Server) {
    server.signal("TERM");
    let (code, _, log) = server.end();
    assert_eq!(code, Some(0), "{log}");
}

fn call(client: &mut Client, method: &str, path: &str, member: &str, body: &str) -> String {
    let (status, answer) = client.call(method, path, member, body).unwrap();
    assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
    answer
}

/// How many deliveries of mails a server has written down with that outcome.
fn settled(client: &mut Client, outcome: &str) -> usize {
    let metrics = call(client, "GET", "/metrics", "host", "");
    let line = format!("acquaint_delivery_attempts_total{{channel=\"mail\",outcome=\"{outcome}\"}} ");
    metrics.lines().find_map(|text| text.strip_prefix(&line)).map_or(0, |number| number.parse().unwrap())
}

/// Waits until a mail to each of these has arrived.
fn until_told(smtp: &MailServer, wanted: &BTreeSet<String>) {
    smtp.wait_until(|taken| wanted.is_subset(&told(taken))).unwrap();
}

/// Every invitation that was answered, each to somebody of its own.
#[derive(Default)]
struct Town {
    /// The invitation of the number at which it stands.
    invitations: Vec<String>,
    withdrawn: BTreeSet<usize>,
}

impl Town {
    /// One more invitation, to somebody who has an address. Its number.
    fn invites(&mut self, client: &mut Client) -> usize {
        let number = self.invitations.len();
        let profile = json!({"name": format!("R {number}"), "email": address(number)}).to_string();
        call(client, "PUT", &format!("/v1/members/r{number}"), "host", &profile);
        let to = json!({"to": format!("r{number}")}).to_string();
        let answer = call(client, "POST", "/v1/invitations", &format!("s{number}"), &to);
        self.invitations.push(field(&answer, "id"));
        number
    }

    fn withdraws(&mut self, client: &mut Client, number: usize) {
        let path = format!("/v1/invitations/{}/withdraw", self.invitations[number]);
        call(client, "POST", &path, &format!("s{number}"), "");
        self.withdrawn.insert(number);
    }

    fn invited(&self) -> BTreeSet<String> {
        (0..self.invitations.len()).map(address).collect()
    }

    /// Who has an invitation that waits.
    fn waiting(&self) -> BTreeSet<String> {
        (0..self.invitations.len()).filter(|number| !self.withdrawn.contains(number)).map(address).collect()
    }
}

fn address(number: usize) -> String {
    format!("r{number}@example.org")
}

fn recipient(mail: &Taken) -> String {
    assert_eq!(mail.to.len(), 1, "{mail:?}");
    mail.to[0].clone()
}

fn told(taken: &[Taken]) -> BTreeSet<String> {
    taken.iter().map(recipient).collect()
}

/// Whoever has an invitation that waits has its mail, nobody has one of what never was, and one that came again is
/// the same mail, to the byte.
fn assert_whole(town: &Town, taken: &[Taken]) {
    let told = told(taken);
    assert_eq!(town.waiting().difference(&told).next(), None, "an invitation waits and has no mail");
    assert_eq!(told.difference(&town.invited()).next(), None, "a mail of no invitation");
    let mut by_id: BTreeMap<String, BTreeSet<(String, &str)>> = BTreeMap::new();
    for mail in taken {
        by_id.entry(mail.header("Message-ID").remove(0)).or_default().insert((recipient(mail), &mail.data));
    }
    assert!(by_id.values().all(|same| same.len() == 1), "one Message-ID, and mails that differ: {by_id:#?}");
    assert_eq!(by_id.len(), told.len(), "one invitation, and mails of several names: {by_id:#?}");
}

#[test]
fn every_invitation_that_waits_is_mailed_however_often_the_server_is_killed() {
    let (first, folder) = (smtp(), tempfile::tempdir().unwrap());
    let mut town = Town::default();
    // Killed when so many mails more have arrived. People invite until then, so that at that moment some mails are
    // on their way, and of some events nothing was planned yet.
    for more in [1, 2, 7, 20, 33] {
        let server = serve(folder.path(), &first);
        let (mut client, before) = (server.client(), first.taken().len());
        until(|| {
            let number = town.invites(&mut client);
            if number % 5 == 4 {
                // It races the mail, which may be faster.
                town.withdraws(&mut client, number);
            }
            first.taken().len() >= before + more
        });
        kill(server);
    }

    // By now nobody is at work, so that no mail is on its way any more. A server that sends none is the place to
    // withdraw invitations before the last look at each of their mails that may still come.
    let mut taken = first.end();
    let server = Server::start(folder.path(), &OPEN);
    let mut client = server.client();
    for _ in 0..12 {
        town.invites(&mut client);
    }
    let mut silent = BTreeSet::new();
    for number in (0..town.invitations.len()).step_by(3) {
        if !town.withdrawn.contains(&number) {
            town.withdraws(&mut client, number);
            silent.insert(address(number));
        }
    }
    let untold = silent.difference(&told(&taken)).count();
    assert!(untold >= 4, "some were withdrawn whose mail was still to come");
    kill(server);

    let second = smtp();
    let server = serve(folder.path(), &second);
    let mut client = server.client();
    let to_come = town.waiting().difference(&told(&taken)).cloned().collect();
    until_told(&second, &to_come);
    until(|| settled(&mut client, "over") >= untold);
    // They leave in turn: when the mail of one that came after all these is there, each of these was looked at.
    let last = address(town.invites(&mut client));
    until_told(&second, &BTreeSet::from([last]));
    stop(server);
    let later = second.end();
    assert_eq!(told(&later).intersection(&silent).next(), None, "a mail left of what was withdrawn before");
    taken.extend(later);
    assert_whole(&town, &taken);
}

#[test]
fn of_two_servers_on_one_database_one_mails_and_when_it_is_killed_the_other_does() {
    let (smtp, place) = (smtp(), Place::new().unwrap());
    let on = |args: &[&str]| {
        let mut command: Command = acquaint();
        command.env("ACQUAINT_STORE", place.url()).env("ACQUAINT_HOST_KEY", KEY).args(args);
        command
    };
    Ran(on(&["migrate"]).output().unwrap()).succeeds();
    let serve = || {
        let own = ["serve", "--listen", "127.0.0.1:0", "--pool-size", "4", "--statement-timeout", "20s"];
        let mut command = on(&[own.as_slice(), &OPEN].concat());
        command.args(over(&smtp));
        Server::spawn(command)
    };
    let mut servers = vec![serve(), serve()];
    let mut clients: Vec<Client> = servers.iter().map(Server::client).collect();
    let mut town = Town::default();

    // While nobody dies, each mail leaves once, whichever server took the invitation.
    for number in 0..20 {
        town.invites(&mut clients[number % 2]);
    }
    until(|| clients.iter_mut().map(|client| settled(client, "delivered")).sum::<usize>() >= 20);
    let early = town.invited();

    // The one that delivers is killed in the middle.
    let delivered: Vec<usize> = clients.iter_mut().map(|client| settled(client, "delivered")).collect();
    let (acting, before) = (usize::from(delivered[1] > delivered[0]), smtp.taken().len());
    until(|| {
        for client in &mut clients {
            town.invites(client);
        }
        smtp.taken().len() >= before + 7
    });
    kill(servers.remove(acting));
    clients.remove(acting);
    let (survivor, mut client) = (servers.remove(0), clients.remove(0));

    // The other one finds what was left, and goes on.
    for _ in 0..5 {
        town.invites(&mut client);
    }
    until_told(&smtp, &town.waiting());
    stop(survivor);
    let taken = smtp.end();
    assert_whole(&town, &taken);
    let early: Vec<String> = taken.iter().map(recipient).filter(|address| early.contains(address)).collect();
    assert_eq!(early.len(), 20, "a mail that was written down as delivered came again: {early:?}");
}
