//! A page's cursor comes back from the caller: it is refused, or it is one that we would have given.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for ours in acquaint_server::fuzzing::cursors(text) {
        assert_eq!(ours, text, "two spellings of one cursor");
    }
});
