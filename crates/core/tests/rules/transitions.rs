//! Every state between two members, from both sides, × every command.

use acquaint_core::command::Action;
use acquaint_core::decide::Answer;
use acquaint_core::ids::InvitationId;
use acquaint_core::relation::Complaint;
use acquaint_core::time::Span;
use acquaint_core::view::{InvitationState, RelationView};
use uuid::Uuid;

use crate::net::{Net, id};

const ME: &str = "me";
const YOU: &str = "you";

type Way = fn(&mut Net);

/// The states, each with the way there.
const STATES: [(&str, Way); 25] = [
    ("nothing yet", |_| {}),
    ("sent: pending", |net| sent(net)),
    ("sent: declined in silence", |net| {
        sent(net);
        net.decline(YOU, last(net)).unwrap();
    }),
    ("sent: they said spam", |net| {
        sent(net);
        net.complain(YOU, last(net), Complaint::Spam).unwrap();
    }),
    ("sent: undelivered, barred", |net| {
        sent(net);
        net.complain(YOU, last(net), Complaint::DontKnow).unwrap();
        net.withdraw(ME, last(net)).unwrap();
        net.wait(Span::days(21));
        sent(net);
    }),
    ("sent: undelivered, blocked", |net| {
        net.block(YOU, ME).unwrap();
        sent(net);
    }),
    ("sent: undelivered, quiet", |net| {
        sent(net);
        net.decline(YOU, last(net)).unwrap();
        net.wait(Span::days(180));
        sent(net);
    }),
    ("sent: withdrawn, wait runs", |net| {
        sent(net);
        net.withdraw(ME, last(net)).unwrap();
        net.wait(Span::days(20));
    }),
    ("sent: withdrawn, wait over", |net| {
        sent(net);
        net.withdraw(ME, last(net)).unwrap();
        net.wait(Span::days(21));
    }),
    ("sent: expired", |net| {
        sent(net);
        net.wait(Span::days(180));
    }),
    ("received: pending", |net| received(net)),
    ("received: declined by me", |net| {
        received(net);
        net.decline(ME, last(net)).unwrap();
    }),
    ("received: undelivered, barred", |net| {
        received(net);
        net.complain(ME, last(net), Complaint::DontKnow).unwrap();
        net.withdraw(YOU, last(net)).unwrap();
        net.wait(Span::days(21));
        received(net);
    }),
    ("received: undelivered, blocked", |net| {
        net.block(ME, YOU).unwrap();
        received(net);
    }),
    ("received: withdrawn", |net| {
        received(net);
        net.withdraw(YOU, last(net)).unwrap();
    }),
    ("received: expired", |net| {
        received(net);
        net.wait(Span::days(180));
    }),
    ("sent: run out, timer late", |net| {
        sent(net);
        net.wait_without_timers(Span::days(180));
    }),
    ("received: run out, timer late", |net| {
        received(net);
        net.wait_without_timers(Span::days(180));
    }),
    ("connected, I invited", |net| {
        sent(net);
        net.accept(YOU, last(net)).unwrap();
    }),
    ("connected, they invited", |net| {
        received(net);
        net.accept(ME, last(net)).unwrap();
    }),
    ("disconnected by me", |net| {
        net.connect(ME, YOU);
        net.disconnect(ME, YOU).unwrap();
    }),
    ("I block", |net| {
        net.block(ME, YOU).unwrap();
    }),
    ("they block", |net| {
        net.block(YOU, ME).unwrap();
    }),
    ("I block, sent before", |net| {
        sent(net);
        net.block(ME, YOU).unwrap();
    }),
    ("I unblocked just now", |net| {
        net.block(ME, YOU).unwrap();
        net.unblock(ME, YOU).unwrap();
    }),
];

const COMMANDS: [&str; 10] =
    ["invite", "they invite", "withdraw", "accept", "decline", "follow", "block", "unblock", "disconnect", "due"];

fn sent(net: &mut Net) {
    net.invite(ME, YOU).unwrap();
}

fn received(net: &mut Net) {
    net.invite(YOU, ME).unwrap();
}

fn last(net: &Net) -> InvitationId {
    net.sent.last().unwrap().0
}

/// The last invitation that I sent, or that was sent to me, whether or not I know of it.
fn last_from(net: &Net, from: &str) -> InvitationId {
    let of_sender = net.sent.iter().rev().find(|sent| sent.1 == id(from));
    of_sender.map_or(InvitationId(Uuid::nil()), |sent| sent.0)
}

fn carry_out(net: &mut Net, command: &str) -> String {
    let (me, other) = (id(ME), id(YOU));
    let (mine, theirs) = (last_from(net, ME), last_from(net, YOU));
    let invitation = |to: &str| Action::Invite { to: id(to), note: None, to_email: None };
    let outcome = match command {
        "invite" => net.act(&me, invitation(YOU)),
        "they invite" => net.act(&other, invitation(ME)),
        "withdraw" => net.act(&me, Action::Withdraw { invitation: mine }),
        "accept" => net.act(&me, Action::Accept { invitation: theirs }),
        "decline" => net.act(&me, Action::Decline { invitation: theirs, complaint: None }),
        "follow" => net.act(&me, Action::Follow { other }),
        "block" => net.act(&me, Action::Block { other }),
        "unblock" => net.act(&me, Action::Unblock { other }),
        "disconnect" => net.act(&me, Action::Disconnect { other }),
        _ => net.act(&me, Action::Due { other }),
    };
    match outcome {
        Ok(Answer::Invited { invitation, .. } | Answer::Invitation(invitation)) => state(invitation.state).into(),
        Ok(_) => "ok".into(),
        Err(refusal) => format!("({})", refusal.code),
    }
}

fn state(state: InvitationState) -> &'static str {
    match state {
        InvitationState::Pending => "pending",
        InvitationState::Accepted => "accepted",
        InvitationState::Declined => "declined",
        InvitationState::Withdrawn => "withdrawn",
        InvitationState::Expired => "expired",
        InvitationState::Gone => "gone",
    }
}

/// What somebody sees of the two in a few signs.
fn signs(view: &RelationView) -> String {
    let pending = |sign, allowed: bool| if allowed { sign } else { "" };
    let seen = [
        pending(">", view.may.withdraw),
        pending("<", view.may.accept),
        if view.connected_since.is_some() { "=" } else { "" },
        if view.following { "f" } else { "" },
        if view.followed_by { "F" } else { "" },
        if view.blocking { "x" } else { "" },
    ]
    .concat();
    if seen.is_empty() { "-".into() } else { seen }
}

fn both(net: &Net) -> String {
    format!("{} {}", signs(&net.view(ME, YOU)), signs(&net.view(YOU, ME)))
}

fn table() -> String {
    let mut lines = Vec::new();
    for (name, way) in STATES {
        let mut net = Net::linkedin();
        way(&mut net);
        let before = both(&net);
        lines.push(format!("{name} | {before}"));
        for command in COMMANDS {
            let mut net = net.clone();
            let answer = carry_out(&mut net, command);
            let after = both(&net);
            let after = if after == before { "same".into() } else { after };
            lines.push(format!("  {command:<12} {answer:<28} {after}"));
        }
    }
    lines.join("\n")
}

/// How it should be, read against the rule book line by line.
const EXPECTED: &str = include_str!("transitions.txt");

#[test]
fn every_state_answers_every_command_as_the_table_says() {
    let expected: Vec<&str> = EXPECTED.lines().filter(|line| !line.starts_with('#')).collect();
    let (actual, mut state) = (table(), "");
    for (place, line) in actual.lines().enumerate() {
        if !line.starts_with(' ') {
            state = line;
        }
        let wanted = expected.get(place).copied().unwrap_or("(nothing)");
        assert_eq!(line, wanted, "in the state {state:?}; the table as it is now:\n{actual}");
    }
    assert_eq!(actual.lines().count(), expected.len());
}
