//! Who is whom: addresses of profiles and names, brought to forms that can be compared.
//!
//! One person's address is percent-encoded in one file of an export and plain in another, with and
//! without `www.`, a language or a query. Compared as they stand, one in ten seems to be somebody else.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use unicode_normalization::UnicodeNormalization;

/// What stays as it is in a path.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The comparable form of a profile's address: its path without slashes around it, percent-decoded, NFC, in
/// lower case (`in/bo-roe`). `None` where there is none, or it is not one of LinkedIn.
#[must_use]
pub fn address(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.split(['?', '#']).next().unwrap_or_default();
    let without_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
    let (host, path) = without_scheme.split_once('/')?;
    let host = host.to_ascii_lowercase();
    if host != "linkedin.com" && !host.ends_with(".linkedin.com") {
        return None;
    }
    // What decodes to no text is taken as it stands.
    let decoded = percent_decode_str(path).decode_utf8().unwrap_or(path.into());
    let folded: String = decoded.nfc().flat_map(char::to_lowercase).nfc().filter(|c| !c.is_control()).collect();
    let trimmed = folded.trim_matches('/');
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

/// The link that opens the profile of an [`address`].
#[must_use]
pub fn link(address: &str) -> String {
    format!("https://www.linkedin.com/{}", utf8_percent_encode(address, IN_PATH))
}

/// The comparable form of a name: NFC, lower case, single spaces.
#[must_use]
pub fn folded(name: &str) -> String {
    shown(name).nfc().flat_map(char::to_lowercase).nfc().collect()
}

/// A name as it is shown: without control characters, single spaces.
#[must_use]
pub fn shown(name: &str) -> String {
    let words = name.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_person_has_one_address() {
        for text in [
            "https://www.linkedin.com/in/jos%C3%A9-n%C3%BA%C3%B1ez",
            "https://www.linkedin.com/in/josé-núñez",
            "http://es.linkedin.com/in/Jose\u{301}-Nu\u{301}n\u{303}ez/",
            "www.linkedin.com/in/JOSÉ-NÚÑEZ?trk=people",
            " linkedin.com/in/jos%c3%a9-n%c3%ba%c3%b1ez/#top ",
        ] {
            assert_eq!(address(text).as_deref(), Some("in/josé-núñez"), "{text}");
        }
        assert_eq!(address("https://www.linkedin.com/in/%D0%B0%D0%BD%D0%BD%D0%B0").as_deref(), Some("in/анна"));
        assert_eq!(address("https://www.linkedin.com/in/a%ff").as_deref(), Some("in/a%ff"));
        for text in
            ["", "in/bo", "https://example.com/in/bo", "https://www.linkedin.com/", "https://notlinkedin.com/in/bo"]
        {
            assert_eq!(address(text), None, "{text}");
        }
    }

    #[test]
    fn names_are_compared_without_case_and_spaces() {
        assert_eq!(folded(" Zoë\u{a0} de\tVries "), "zoë de vries");
        assert_eq!(folded("Zoe\u{308} DE VRIES"), "zoë de vries");
        assert_eq!(shown("Bo\u{1b}[31m  Roe"), "Bo [31m Roe");
    }

    proptest! {
        /// The link of an address leads to that address.
        #[test]
        fn links_lead_back(text in "[a-zåñ日ж0-9%-]{1,20}") {
            if let Some(found) = address(&format!("https://www.linkedin.com/in/{text}")) {
                let again = address(&link(&found)).unwrap();
                prop_assert_eq!(address(&link(&again)), Some(again));
            }
        }

        /// However one person's address is written, it is one address.
        #[test]
        fn forms_are_one(slug in "[a-zéüñжΩ日]{1,12}") {
            let encoded = link(&format!("in/{slug}"));
            let plain = format!("http://de.linkedin.com/in/{slug}/");
            prop_assert_eq!(address(&encoded), address(&plain));
            let apart: String = plain.nfd().collect();
            prop_assert_eq!(address(&apart), address(&plain));
        }
    }
}
