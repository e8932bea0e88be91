//! Request bodies: whatever the bytes, each call reads them or answers with the caller's mistake.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for (status, detail) in acquaint_server::fuzzing::bodies(bytes) {
        assert!(matches!(status, 400 | 422), "{status}: {detail}");
        assert!(!detail.is_empty());
    }
});
