//! A policy file: any text is either refused, or a policy that says the same when written out.

#![no_main]

use acquaint_core::policy::Policy;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(policy) = Policy::parse(text) {
        let shown = policy.to_toml();
        let again = Policy::parse(&shown).expect("a policy that is shown can be read");
        assert_eq!(again, policy, "a policy that is shown reads the same:\n{shown}");
    }
});
