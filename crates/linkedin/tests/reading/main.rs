//! Exports as they occur, and what is made of them. Everybody in them is invented.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise; everything that is named exists"
)]

mod guards;
mod random;

use std::path::{Path, PathBuf};

use acquaint_core::advice::Reason;
use acquaint_core::history::Fate;
use acquaint_core::policy::Policy;
use acquaint_core::time::{Span, Time};
use acquaint_linkedin::export::Export;
use acquaint_linkedin::ledger::{Changes, ImportError, Ledger, Status};
use acquaint_linkedin::source::Source;

pub(crate) const NOW: Time = Time::from_unix(1_780_000_000);

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exports").join(name)
}

pub(crate) fn read(path: &Path) -> Result<Export, String> {
    let mut source = Source::find(path).map_err(|error| error.to_string())?;
    Export::read(&mut source, NOW, |_| ()).map_err(|error| error.to_string())
}

pub(crate) fn import(ledger: &mut Ledger, path: &Path) -> Changes {
    ledger.import(read(path).expect("the export is read")).expect("the export is taken")
}

/// Everybody, with status, and `?` where it is a guess.
pub(crate) fn told(ledger: &Ledger) -> Vec<String> {
    let one = |it: &acquaint_linkedin::ledger::Invited| {
        format!("{}: {}{}", it.name, it.status().name(), if it.is_guess { "?" } else { "" })
    };
    ledger.people().iter().map(one).collect()
}

#[test]
fn the_usual_export_is_read_with_every_quirk() {
    let export = read(&folder("usual")).unwrap();
    assert_eq!(export.owner.as_deref(), Some("in/ida-nordvik-0a1b2c"));
    assert_eq!((export.incoming, export.connected, export.hidden), (2, 5, 1));
    assert_eq!(export.as_of.unwrap().to_string(), "2026-03-02T10:00:00Z");
    assert_eq!(export.trouble_count, 1);
    assert_eq!(
        (export.troubles[0].line, export.troubles[0].reason.as_str()),
        (12, "Sent At: \"soon\" is no date of an export")
    );
    assert!(export.remarks.is_empty());

    let mut ledger = Ledger::default();
    let changes = ledger.import(export).unwrap();
    assert_eq!(changes, Changes { new: 8, repeated: 1, ..Changes::default() });
    assert_eq!(
        told(&ledger),
        [
            "Bo Fiktiv: pending_or_unknown",
            "José Núñez Inventado: accepted",
            "Mira Made-Up: pending_or_unknown",
            "Zoë van Nergens: pending_or_unknown",
            "Παύλος Φανταστικός: pending_or_unknown",
            "Анна Выдуманова: accepted",
            "نورا الخيالية: pending_or_unknown",
            "架空 花子: accepted",
        ]
    );
    let jose = &ledger.people()[1];
    assert!(jose.with_note);
    assert_eq!(jose.link().unwrap(), "https://www.linkedin.com/in/jos%C3%A9-n%C3%BA%C3%B1ez-inventado");
}

#[test]
fn the_same_export_twice_changes_nothing() {
    for name in ["usual", "old", "excel"] {
        let mut ledger = Ledger::default();
        import(&mut ledger, &folder(name));
        let before = ledger.clone();
        let changes = import(&mut ledger, &folder(name));
        assert_eq!(Changes { repeated: 0, ..changes }, Changes::default(), "{name}");
        assert_eq!(ledger, before, "{name}");
    }
}

#[test]
fn a_later_export_reconciles_and_keeps_what_the_owner_said() {
    let mut ledger = Ledger::default();
    import(&mut ledger, &folder("usual"));
    for who in ["Παύλος Φανταστικός", "https://linkedin.com/in/Bo-Fiktiv-3b2a91/"] {
        let [place] = ledger.find(who)[..] else { panic!("{who}") };
        assert_eq!(ledger.mark_withdrawn(place, NOW), Status::Withdrawn);
    }
    let changes = import(&mut ledger, &folder("later"));
    // Zoë accepted and is gone from the invitations, like the three who had accepted before.
    assert_eq!(changes, Changes { new: 1, newly_accepted: 2, gone: 5, repeated: 0 });
    let told = told(&ledger);
    for expected in [
        "Bo Fiktiv: withdrawn",
        "Mira Made-Up: accepted",
        "Nia Newcomer: pending_or_unknown",
        "Zoë van Nergens: accepted",
        "Παύλος Φανταστικός: withdrawn",
    ] {
        assert!(told.iter().any(|it| it == expected), "{expected}: {told:?}");
    }
    let earlier = read(&folder("usual")).unwrap();
    assert!(matches!(ledger.import(earlier), Err(ImportError::Older { .. })));
    let mut written = Vec::new();
    ledger.write(&mut written).unwrap();
    assert_eq!(Ledger::read(written.as_slice()).unwrap(), ledger);
}

#[test]
fn names_alone_are_guesses_and_decide_nothing_when_two_bear_them() {
    let mut ledger = Ledger::default();
    let export = read(&folder("old")).unwrap();
    assert_eq!(export.owner, None);
    assert_eq!(export.remarks.len(), 2, "{:?}", export.remarks);
    ledger.import(export).unwrap();
    assert_eq!(
        told(&ledger),
        [
            "Bo Fiktiv: pending_or_unknown",
            "Kim Common: pending_or_unknown?",
            "Kim Common: pending_or_unknown?",
            "Lee Twice: pending_or_unknown?",
            "Uma Unique: accepted?",
        ]
    );
}

#[test]
fn what_excel_saved_is_read() {
    let mut ledger = Ledger::default();
    let export = read(&folder("excel")).unwrap();
    assert_eq!(export.trouble_count, 0, "a row without anything but semicolons is none");
    ledger.import(export).unwrap();
    assert_eq!(told(&ledger), ["Ana Ausgedacht: accepted", "Bo Fiktiv: pending_or_unknown"]);
    let history = ledger.history();
    assert_eq!(history[0].fate, Fate::Accepted(history[0].at + Span::days(5)));
}

#[test]
fn another_language_is_refused_with_file_and_header() {
    let told = read(&folder("german")).unwrap_err();
    assert!(
        told.starts_with("Connections.csv: its header is not the English one (found \"Vorname,Nachname,URL"),
        "{told}"
    );
}

#[test]
fn one_file_alone_is_read() {
    let mut ledger = Ledger::default();
    let connections = folder("usual").join("Connections.csv");
    assert_eq!(ledger.import(read(&connections).unwrap()), Err(ImportError::NoInvitations));
    import(&mut ledger, &folder("usual").join("Invitations.csv"));
    assert!(ledger.people().iter().all(|it| it.status() == Status::PendingOrUnknown));
    assert_eq!(import(&mut ledger, &connections).newly_accepted, 3);
}

#[test]
fn exports_of_two_people_are_kept_apart() {
    let mut ledger = Ledger::default();
    import(&mut ledger, &folder("usual"));
    let mut other = read(&folder("later")).unwrap();
    other.owner = Some("in/somebody-else".into());
    assert!(matches!(ledger.import(other), Err(ImportError::OtherOwner { .. })));
}

#[test]
fn the_oldest_are_suggested_within_the_days_budget() {
    let mut ledger = Ledger::default();
    import(&mut ledger, &folder("usual"));
    let (policy, now) = (Policy::default(), "2026-03-10T08:00:00Z".parse().unwrap());
    let names = |ledger: &Ledger| -> Vec<String> {
        let suggested = ledger.suggestions(&policy, now);
        assert!(suggested.iter().all(|it| it.reasons == [Reason::Stale] && it.chance.share < 0.2));
        suggested.iter().map(|it| ledger.people()[it.of].name.clone()).collect()
    };
    assert_eq!(names(&ledger), ["Zoë van Nergens", "Παύλος Φανταστικός", "Bo Fiktiv", "نورا الخيالية"]);
    assert_eq!(ledger.budget_left(&policy, now), 25);
    let [zoe] = ledger.find("zoë VAN nergens")[..] else { panic!("one Zoë") };
    ledger.mark_withdrawn(zoe, now);
    ledger.mark_withdrawn(zoe, now + Span::hours(1));
    assert_eq!(names(&ledger).len(), 3);
    assert_eq!((ledger.budget_left(&policy, now), ledger.budget_left(&policy, now + Span::days(1))), (24, 25));
    assert_eq!(ledger.people()[zoe].may_invite_again_at(&policy), Some(now + Span::days(21)));
}
