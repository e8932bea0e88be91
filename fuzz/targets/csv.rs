//! A stream to replay: whatever the bytes, every line is a row, an error that names it, or nothing.

#![no_main]

// The module itself: the binary that it belongs to is no library.
#[path = "../../crates/cli/src/rows.rs"]
#[allow(dead_code, reason = "the binary uses all of it")]
mod rows;

use libfuzzer_sys::{Corpus, fuzz_target};

/// A row knows no more of the others than the time before it, so a few show all there is.
const MAX_ROWS: usize = 32;

fuzz_target!(|bytes: &[u8]| -> Corpus {
    if bytes.split(|byte| *byte == b'\n').count() > MAX_ROWS {
        return Corpus::Reject;
    }
    let mut last_time = None;
    let mut told = Vec::new();
    for row in rows::read_rows(bytes) {
        match row {
            Ok(row) => {
                assert_ne!(row.from, row.to);
                assert!(last_time <= Some(row.at), "line {} goes back in time", row.line);
                last_time = Some(row.at);
                told.push(row.line);
            }
            Err(error) => {
                assert!(!error.reason.to_string().is_empty());
                told.push(error.line);
            }
        }
    }
    assert!(told.is_sorted_by(|a, b| a < b), "not in order, or twice: {told:?}");

    // None is dropped in silence: the first that is not blank may be the header, no other is left out.
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let written = text.split(|byte| *byte == b'\n').zip(1..);
    let written = written.filter(|(line, _)| !line.iter().all(u8::is_ascii_whitespace));
    for (line, number) in written.skip(1) {
        assert!(told.binary_search(&number).is_ok(), "line {number} is dropped: {}", line.escape_ascii());
    }
    Corpus::Keep
});
