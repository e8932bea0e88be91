//! What the server hands out and wants back unchanged: a text with its seal, a keyed hash over the
//! text and over whom it was made for.

use acquaint_core::ids::MemberId;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

/// How many bytes of the hash are kept: nobody guesses 128 bits.
const BYTES: usize = 16;

/// What a seal is for; those of two purposes have nothing to do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Cursor,
    /// Forms and sentences for the next page.
    Pages,
}

impl Purpose {
    /// What the key is derived with.
    pub(crate) const fn context(self) -> &'static str {
        match self {
            Purpose::Cursor => "acquaint 2026-11-25 cursors",
            Purpose::Pages => "acquaint 2026-11-25 pages",
        }
    }
}

/// Seals texts for one member, or for the host.
pub(crate) struct Seal(blake3::Hasher);

impl Seal {
    pub(crate) fn new(key: &[u8; 32], member: Option<&MemberId>) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(key);
        // No id is empty, and none has the character NUL.
        hasher.update(member.map_or("", MemberId::as_str).as_bytes()).update(b"\0");
        Self(hasher)
    }

    fn of(&self, text: &str) -> String {
        let mut bytes = [0; BYTES];
        self.0.clone().update(text.as_bytes()).finalize_xof().fill(&mut bytes);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The text with its seal.
    pub(crate) fn sealed(&self, text: &str) -> String {
        format!("{text}.{}", self.of(text))
    }

    /// The text that was sealed here, for this member, and is as it was.
    pub(crate) fn opened<'a>(&self, sealed: &'a str) -> Option<&'a str> {
        let (text, seal) = sealed.rsplit_once('.')?;
        bool::from(self.of(text).as_bytes().ct_eq(seal.as_bytes())).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_back_as_it_was_and_to_whom_it_was_given() {
        let member = |id: &str| MemberId::new(id).unwrap();
        let seal = Seal::new(&[7; 32], Some(&member("ada")));
        let sealed = seal.sealed("AQk.x");
        assert_eq!(seal.opened(&sealed), Some("AQk.x"));
        let others = [Seal::new(&[7; 32], Some(&member("bob"))), Seal::new(&[7; 32], None)];
        let strange = Seal::new(&[8; 32], Some(&member("ada")));
        assert!(others.iter().chain([&strange]).all(|other| other.opened(&sealed).is_none()));
        for place in 0..sealed.len() {
            let mut bytes = sealed.clone().into_bytes();
            bytes[place] ^= 1;
            assert_eq!(seal.opened(std::str::from_utf8(&bytes).unwrap()), None, "{place}");
        }
        for wrong in ["", ".", "AQk.x", &sealed[1..], &sealed[..sealed.len() - 1], &format!("{sealed}A")] {
            assert_eq!(seal.opened(wrong), None, "{wrong}");
        }
    }
}
