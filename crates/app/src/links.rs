//! What stands in the links of mails: for whom, what it lets its reader do, and until when, sealed with
//! the community's secret so that nobody can make one up.
//!
//! A link is good for one thing. Whoever has a mail may do what its links say without signing in, so
//! no link reaches further than the one invitation or the one setting that the mail is about.

use acquaint_core::ids::{InvitationId, MemberId};
use acquaint_core::time::{Span, Time};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::network::Network;
use crate::secret::SecretError;

/// What the key is derived with.
const CONTEXT: &str = "acquaint 2026-11-28 links in mails";
/// How many bytes of the keyed hash are kept: nobody guesses 128 bits.
const SEAL: usize = 16;
/// The word for what a link is for, the moment of its end, the invitation.
const HEAD: usize = 1 + 8 + 16;
/// Longer texts were not made here.
const LONGEST: usize = 4 * (HEAD + MemberId::MAX_BYTES + SEAL).div_ceil(3);

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkUse {
    /// To accept this invitation, and to look at it before.
    Accept(InvitationId),
    /// To look at this invitation.
    Look(InvitationId),
    /// To get no mails any more (rule 24, RFC 8058).
    Unsubscribe,
}

impl LinkUse {
    /// How long such a link is good. Whoever finds an old mail must still be able to unsubscribe.
    const fn lifetime(self) -> Span {
        match self {
            LinkUse::Accept(_) | LinkUse::Look(_) => Span::days(30),
            LinkUse::Unsubscribe => Span::days(366),
        }
    }

    /// The word that stands for it, and the invitation.
    const fn parts(self) -> (u8, Uuid) {
        match self {
            LinkUse::Accept(InvitationId(id)) => (b'a', id),
            LinkUse::Look(InvitationId(id)) => (b'l', id),
            LinkUse::Unsubscribe => (b'u', Uuid::nil()),
        }
    }

    fn from_parts(word: u8, id: Uuid) -> Option<Self> {
        match word {
            b'a' => Some(LinkUse::Accept(InvitationId(id))),
            b'l' => Some(LinkUse::Look(InvitationId(id))),
            b'u' if id.is_nil() => Some(LinkUse::Unsubscribe),
            _ => None,
        }
    }
}

/// A link that was made here and is still good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// To whom the mail went.
    pub member: MemberId,
    /// What it is for.
    pub purpose: LinkUse,
}

/// Why a text opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It was not made here, or was changed since.
    #[error("this is not a link from one of our mails")]
    Strange,
    /// It was good once.
    #[error("this link is too old")]
    TooOld,
}

/// Makes and reads the last words of links. Cheap to clone, not shown by `Debug`.
#[derive(Clone)]
pub struct Links([u8; 32]);

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Links(…)")
    }
}

impl Network {
    /// What makes and reads the links of this community's mails.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn links(&self) -> Result<Links, SecretError> {
        Ok(Links(self.secret().await?.key_for(CONTEXT)))
    }
}

impl Links {
    /// The last word of a link, in letters that an address takes as they are. It is the same for a mail
    /// made at `at` whenever it is made again.
    #[must_use]
    pub fn word(&self, link: &Link, at: Time) -> String {
        let (word, id) = link.purpose.parts();
        let until = at + link.purpose.lifetime();
        let mut bytes = vec![word];
        bytes.extend(until.unix().to_be_bytes());
        bytes.extend(id.as_bytes());
        bytes.extend(link.member.as_str().as_bytes());
        let seal = self.seal(&bytes);
        bytes.extend(seal);
        BASE64.encode(bytes)
    }

    /// What the last word of a link says.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn read(&self, word: &str, now: Time) -> Result<Link, LinkError> {
        let bytes = if word.len() <= LONGEST { BASE64.decode(word).ok() } else { None };
        let bytes = bytes.ok_or(LinkError::Strange)?;
        let (said, seal) = bytes.split_last_chunk::<SEAL>().ok_or(LinkError::Strange)?;
        if !bool::from(self.seal(said).ct_eq(seal)) {
            return Err(LinkError::Strange);
        }
        let (until, link) = parse(said).ok_or(LinkError::Strange)?;
        if now < until { Ok(link) } else { Err(LinkError::TooOld) }
    }

    fn seal(&self, bytes: &[u8]) -> [u8; SEAL] {
        let mut seal = [0; SEAL];
        blake3::Hasher::new_keyed(&self.0).update(bytes).finalize_xof().fill(&mut seal);
        seal
    }
}

fn parse(said: &[u8]) -> Option<(Time, Link)> {
    let (&word, rest) = said.split_first()?;
    let (until, rest) = rest.split_first_chunk::<8>()?;
    let (id, member) = rest.split_first_chunk::<16>()?;
    let purpose = LinkUse::from_parts(word, Uuid::from_bytes(*id))?;
    let member = MemberId::new(std::str::from_utf8(member).ok()?).ok()?;
    Some((Time::from_unix(i64::from_be_bytes(*until)), Link { member, purpose }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn links() -> Links {
        Links([7; 32])
    }

    fn any_link() -> impl Strategy<Value = Link> {
        let purpose = (0..3, any::<u128>()).prop_map(|(which, id)| {
            let id = InvitationId(Uuid::from_u128(id));
            match which {
                0 => LinkUse::Accept(id),
                1 => LinkUse::Look(id),
                _ => LinkUse::Unsubscribe,
            }
        });
        ("[a-zα-ω花0-9:@._-]{1,40}", purpose)
            .prop_map(|(member, purpose)| Link { member: MemberId::new(&member).unwrap(), purpose })
    }

    proptest! {
        #[test]
        fn a_link_reads_back_until_it_is_too_old(link in any_link(), at in 0_i64..4_000_000_000) {
            let at = Time::from_unix(at);
            let word = links().word(&link, at);
            prop_assert!(word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            prop_assert!(word.len() <= LONGEST);
            let end = at + link.purpose.lifetime();
            prop_assert_eq!(links().read(&word, end - Span::seconds(1)), Ok(link));
            prop_assert_eq!(links().read(&word, end), Err(LinkError::TooOld));
            prop_assert_eq!(Links([8; 32]).read(&word, at), Err(LinkError::Strange), "another community's");
        }

        /// Whatever is changed, put in or cut off: another purpose, another member, a later end.
        #[test]
        fn a_changed_link_opens_nothing(link in any_link(), place in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let at = Time::from_unix(1_000);
            let word = links().word(&link, at);
            let mut bytes = BASE64.decode(&word).unwrap();
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
            prop_assert_eq!(links().read(&BASE64.encode(&bytes), at), Err(LinkError::Strange));
            bytes[place] ^= 1 << bit;
            prop_assert_eq!(links().read(&BASE64.encode(&bytes[..place]), at), Err(LinkError::Strange));
            bytes.insert(place, bit);
            prop_assert_eq!(links().read(&BASE64.encode(&bytes), at), Err(LinkError::Strange));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,400}") {
            prop_assert_eq!(links().read(&text, Time::from_unix(0)), Err(LinkError::Strange));
        }
    }
}
