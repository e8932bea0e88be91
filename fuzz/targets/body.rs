//! Request bodies: whatever the bytes, each call reads them or answers with the caller's mistake.

#![no_main]

use acquaint_server::body::{self, Commands, Decline, Engagement, Invite, PutMember};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let statuses = [
        body::parse::<Invite>(bytes).err(),
        body::parse::<Decline>(bytes).err(),
        body::parse::<PutMember>(bytes).err(),
        body::parse::<Engagement>(bytes).err(),
        body::parse::<Commands>(bytes).err(),
    ];
    for problem in statuses.into_iter().flatten() {
        assert!(matches!(problem.status, 400 | 422), "{problem:?}");
        assert!(!problem.detail.is_empty());
    }
});
