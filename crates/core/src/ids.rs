//! Identifiers: members are named by the host, everything else by us.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// The host's own name for a member: 1 to 128 bytes of UTF-8 without control characters, spaces
/// or any of `/?#%`.
///
/// Cloning is cheap (a shared string). The order is that of the bytes; the two members of a
/// relation are told apart by it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(Arc<str>);

impl MemberId {
    /// The longest id in bytes.
    pub const MAX_BYTES: usize = 128;

    /// Checks and takes a host's id.
    ///
    /// # Errors
    /// [`IdError`] says which condition the text breaks.
    pub fn new(text: &str) -> Result<Self, IdError> {
        if text.is_empty() {
            return Err(IdError::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(IdError::TooLong { bytes: text.len() });
        }
        let forbidden = |c: char| c.is_control() || c.is_whitespace() || "/?#%".contains(c);
        match text.chars().find(|&c| forbidden(c)) {
            Some(found) => Err(IdError::Forbidden { found }),
            None => Ok(Self(text.into())),
        }
    }

    /// The id as the host wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for MemberId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::new(text)
    }
}

impl Serialize for MemberId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for MemberId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty.
    #[error("an id must have at least one character")]
    Empty,
    /// The text is longer than [`MemberId::MAX_BYTES`].
    #[error("an id has at most 128 bytes, this one has {bytes}")]
    TooLong {
        /// How many bytes the text has.
        bytes: usize,
    },
    /// A control character, white space, or one of `/?#%`.
    #[error("an id may not contain {found:?}")]
    Forbidden {
        /// The first such character.
        found: char,
    },
    /// Not `prefix_` followed by 32 hexadecimal digits.
    #[error("expected {prefix}_ and 32 hexadecimal digits")]
    Malformed {
        /// The prefix of the wanted kind of id.
        prefix: &'static str,
    },
}

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        ///
        /// A UUID version 7 (RFC 9562), so that ids sort by the time at which they were made.
        /// Written with its prefix and 32 hexadecimal digits.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// What stands before the underscore.
            pub const PREFIX: &'static str = $prefix;
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse_typed(text, $prefix).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    self.0.as_u128().to_be_bytes().serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                    text.parse().map_err(serde::de::Error::custom)
                } else {
                    <[u8; 16]>::deserialize(deserializer).map(|bytes| Self(Uuid::from_bytes(bytes)))
                }
            }
        }
    };
}

typed_id!(
    /// An invitation, written `inv_…`.
    InvitationId,
    "inv"
);
typed_id!(
    /// A notification of one member, written `ntf_…`.
    NotificationId,
    "ntf"
);
typed_id!(
    /// An engagement (like, comment, share), written `eng_…`.
    EngagementId,
    "eng"
);
typed_id!(
    /// An event, written `evt_…`.
    EventId,
    "evt"
);

/// Reads `prefix_` and exactly 32 lower-case hexadecimal digits: one spelling for one id.
fn parse_typed(text: &str, prefix: &'static str) -> Result<Uuid, IdError> {
    let malformed = IdError::Malformed { prefix };
    let digits = text
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .filter(|digits| digits.len() == 32)
        .filter(|digits| digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
        .ok_or_else(|| malformed.clone())?;
    Uuid::try_parse(digits).map_err(|_| malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_id_is_what_the_host_says_within_limits() {
        assert!(MemberId::new("user-42@example.org").is_ok());
        assert!(MemberId::new("名前").is_ok());
        assert_eq!(MemberId::new(""), Err(IdError::Empty));
        assert_eq!(MemberId::new(&"x".repeat(129)), Err(IdError::TooLong { bytes: 129 }));
        for found in [' ', '\n', '\0', '/', '?', '#', '%', '\u{a0}', '\u{7f}'] {
            let text = format!("a{found}b");
            assert_eq!(MemberId::new(&text), Err(IdError::Forbidden { found }));
        }
    }

    #[test]
    fn a_typed_id_has_one_spelling() {
        let id = InvitationId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_00ab));
        assert_eq!(id.to_string(), "inv_019000000000700080000000000000ab");
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "inv_", "evt_019000000000700080000000000000ab", "inv_019000000000700080000000000000AB"] {
            assert_eq!(wrong.parse::<InvitationId>(), Err(IdError::Malformed { prefix: "inv" }));
        }
    }
}
