//! Exports drawn at random: nothing is claimed that the data does not say.

use std::collections::HashSet;

use acquaint_core::time::Time;
use acquaint_linkedin::export::{Export, Part};
use acquaint_linkedin::ledger::{Ledger, Status};
use acquaint_linkedin::person::link;
use proptest::prelude::*;

use crate::NOW;

const SLUGS: [&str; 8] = ["ann", "bo", "josé", "анна", "架空", "zoë-1", "cy", "نورا"];

/// A person by number, the day of an invitation, and whether it has a note.
type Row = (usize, u32, bool);

fn invitations(rows: &[Row]) -> String {
    let mut text = "From,To,Sent At,Message,Direction,inviterProfileUrl,inviteeProfileUrl\n".to_owned();
    for (who, day, note) in rows {
        let (slug, note) = (SLUGS[*who], if *note { "Hi" } else { "" });
        text += &format!(
            "Me,P {slug},\"1/{day}/26, 2:37 PM\",{note},OUTGOING,https://www.linkedin.com/in/me,https://www.linkedin.com/in/{slug}\n"
        );
    }
    text
}

fn connections(people: &HashSet<usize>) -> String {
    let mut text = "Notes:\n\n\nFirst Name,Last Name,URL,Connected On\n".to_owned();
    for who in people {
        text += &format!("P,{},{},05 Feb 2026\n", SLUGS[*who], link(&format!("in/{}", SLUGS[*who])));
    }
    text
}

fn export(rows: &[Row], people: &HashSet<usize>) -> Export {
    let mut export = Export::read_part(Part::Invitations, invitations(rows).as_bytes(), NOW).unwrap();
    let other = Export::read_part(Part::Connections, connections(people).as_bytes(), NOW).unwrap();
    export.as_of = export.as_of.max(other.as_of);
    export.connections = other.connections;
    export
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec((0..SLUGS.len(), 1_u32..=28, any::<bool>()), 0..30)
}

fn people() -> impl Strategy<Value = HashSet<usize>> {
    prop::collection::hash_set(0..SLUGS.len(), 0..=SLUGS.len())
}

fn is_connected(ledger: &Ledger, place: usize, people: &HashSet<usize>) -> bool {
    people.iter().any(|who| ledger.people()[place].address.as_deref() == Some(&format!("in/{}", SLUGS[*who])))
}

proptest! {
    /// Accepted are those in the connections, and no others; one person is there once, however addressed.
    #[test]
    fn statuses_never_claim_more_than_the_data(rows in rows(), people in people()) {
        let mut ledger = Ledger::default();
        ledger.import(export(&rows, &people)).unwrap();
        let invited: HashSet<_> = rows.iter().map(|row| row.0).collect();
        prop_assert_eq!(ledger.people().len(), invited.len());
        for (place, person) in ledger.people().iter().enumerate() {
            prop_assert_eq!(person.status() == Status::Accepted, is_connected(&ledger, place, &people));
            prop_assert_ne!(person.status(), Status::Withdrawn);
        }
    }

    /// Twice is once, whatever the owner said in between, and what they said stays.
    #[test]
    fn twice_is_once(first in rows(), second in rows(), people in people(), marks in prop::collection::vec(0..SLUGS.len(), 0..4)) {
        let mut ledger = Ledger::default();
        ledger.import(export(&first, &people)).unwrap();
        let marked: Time = NOW;
        for mark in marks {
            if mark < ledger.people().len() {
                ledger.mark_withdrawn(mark, marked);
            }
        }
        let withdrawn = |ledger: &Ledger| {
            let all = ledger.people().iter().filter(|it| it.withdrawn_at.is_some());
            all.map(|it| it.address.clone()).collect::<Vec<_>>()
        };
        let before = withdrawn(&ledger);
        if ledger.import(export(&second, &people)).is_ok() {
            prop_assert_eq!(withdrawn(&ledger), before);
            let once = ledger.clone();
            ledger.import(export(&second, &people)).unwrap();
            prop_assert_eq!(&ledger, &once);
            let mut written = Vec::new();
            ledger.write(&mut written).unwrap();
            prop_assert_eq!(Ledger::read(written.as_slice()).unwrap(), once);
        }
    }

    /// Whatever the bytes of either file, they are read or refused.
    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "\\PC{0,200}") {
        for part in Part::ALL {
            let header = if part == Part::Invitations { "From,To,Sent At,Direction\n" } else { "First Name,Last Name,Connected On\n" };
            for rest in [bytes.as_slice(), text.as_bytes()] {
                let file = [header.as_bytes(), rest].concat();
                let _ = Export::read_part(part, file.as_slice(), NOW);
                let _ = Export::read_part(part, rest, NOW);
            }
        }
    }
}
