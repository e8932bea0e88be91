//! A policy file: any text is refused with its place, or is a policy that says the same when shown.

#![no_main]

use acquaint_core::policy::Policy;
use libfuzzer_sys::{Corpus, fuzz_mutator, fuzz_target, fuzzer_mutate};

// Only what is accepted is built upon: one step from a policy lies more of ours than one step from noise.
fuzz_target!(|text: &str| -> Corpus {
    match Policy::parse(text) {
        Ok(policy) => {
            let shown = policy.to_toml();
            let again = Policy::parse(&shown).unwrap_or_else(|error| panic!("shown, but refused: {error}\n{shown}"));
            assert_eq!(again, policy, "shown, but read otherwise:\n{shown}");
            Corpus::Keep
        }
        Err(error) => {
            let lines = text.matches('\n').count() + 1;
            assert!((1..=lines).contains(&error.line), "line {} of {lines}", error.line);
            Corpus::Reject
        }
    }
});

/// Values worth trying in the place of any other.
const VALUES: [&str; 20] = [
    "\"off\"",
    "\"0d\"",
    "\"1s\"",
    "\"90s\"",
    "\"36h\"",
    "\"21d\"",
    "\"180d\"",
    "\"100000d\"",
    "\"open\"",
    "[]",
    "[\"7d\"]",
    "[\"1h\", \"7d\", \"21d\"]",
    "true",
    "false",
    "0",
    "1",
    "4294967295",
    "-1",
    "0.5",
    "1.0",
];

// Changed at random, a valid document seldom stays one. So every other step changes whole lines: it gives
// a key another value, leaves a line out, or says it twice.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let at = |count: usize| (seed >> 4) as usize % count;
    let text = std::str::from_utf8(&data[..size]).unwrap_or_default();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if seed.is_multiple_of(2) || lines.is_empty() {
        return fuzzer_mutate(data, size, max_size);
    }
    let line = at(lines.len());
    match (seed >> 1) % 8 {
        0 => drop(lines.remove(line)),
        1 => lines.insert(line, lines[line].clone()),
        _ => {
            if let Some((key, _)) = lines[line].split_once('=') {
                let value = VALUES[(seed >> 16) as usize % VALUES.len()];
                lines[line] = format!("{key}= {value}");
            }
        }
    }
    let changed = lines.join("\n");
    let size = changed.len().min(max_size);
    data[..size].copy_from_slice(&changed.as_bytes()[..size]);
    size
});
