//! The two files of a LinkedIn export: whatever the bytes, they are read or refused, and an import of the
//! same again changes nothing.

#![no_main]

use acquaint_core::time::Time;
use acquaint_linkedin::export::{Export, Part};
use acquaint_linkedin::ledger::Ledger;
use libfuzzer_sys::fuzz_target;

const NOW: Time = Time::from_unix(1_780_000_000);

/// Both files in one input, with this between them.
const BETWEEN: &[u8] = b"\n====\n";

fn read(bytes: &[u8]) -> Option<Export> {
    let place = bytes.windows(BETWEEN.len()).position(|window| window == BETWEEN);
    let (invitations, connections) = bytes.split_at(place.unwrap_or(bytes.len()));
    let mut export = Export::read_part(Part::Invitations, invitations, NOW).ok()?;
    let connections = connections.strip_prefix(BETWEEN).unwrap_or_default();
    if let Ok(other) = Export::read_part(Part::Connections, connections, NOW) {
        export.as_of = export.as_of.max(other.as_of);
        export.connections = other.connections;
    }
    Some(export)
}

fuzz_target!(|bytes: &[u8]| {
    let (Some(first), Some(second)) = (read(bytes), read(bytes)) else { return };
    let mut ledger = Ledger::default();
    ledger.import(first).expect("nothing is known yet");
    let once = ledger.clone();
    ledger.import(second).expect("it is the same again");
    assert_eq!(ledger, once);
    let mut written = Vec::new();
    ledger.write(&mut written).expect("memory takes it");
    assert_eq!(Ledger::read(written.as_slice()).expect("it was just written"), once);
});
