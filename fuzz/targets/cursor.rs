//! A page's cursor comes back from the caller: it is refused, or it is one that we would have given.

#![no_main]

use acquaint_server::cursor::Cursor;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(cursor) = Cursor::decode(text) {
        assert_eq!(cursor.encode(), text, "two spellings of one cursor");
    }
});
