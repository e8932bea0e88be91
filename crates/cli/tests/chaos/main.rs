//! Several servers on one PostgreSQL while everything that can break does: afterwards nothing that was
//! acknowledged is lost, nothing is half done, nothing is doubled, and every answer can be explained
//! by one order of all calls.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests, and what helps them, stop at the first surprise"
)]

mod audit;
mod caller;
#[path = "../common/mod.rs"]
mod common;
mod history;
mod load;
mod spec;

use load::Load;

#[test]
fn embedded() {
    let folder = tempfile::tempdir().unwrap();
    let server = common::Server::start(&folder.path().join("store"), &["--policy", "open", "--log-level", "error"]);
    let load = Load::new(vec![server.address.clone()], 7);
    let events = std::thread::scope(|scope| {
        let reader = scope.spawn(|| load.read_events());
        for _ in 0..8 {
            scope.spawn(|| load.work());
        }
        load.wait_for(3_000);
        load.stop();
        reader.join().unwrap()
    });
    // What came after the reader's last look.
    let mut events = events;
    load::read_events_after(&mut caller::Caller::new(&load.servers, 0), &mut events);
    println!("{:?} {} events {} relations", load.counts(), events.len(), load.histories().len());
    audit::audit(&load, &events);
}
