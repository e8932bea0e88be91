//! Documents: what features keep beside the network, and no rule of it knows.
//!
//! A plan for cleaning up, an endpoint for webhooks, a delivery that is to be tried again: each is a
//! JSON text with a name, a version and perhaps a moment at which somebody has to look at it. A store
//! keeps them with the same care as its rows (one commit, preconditions, backup, copy), so that a new
//! feature needs no new table. Relations and members are no documents: what the rules decide on has
//! types and columns.

use acquaint_core::ids::MemberId;
use acquaint_core::time::Time;
use serde::{Deserialize, Serialize};

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident => $name:literal,)*) => {
        /// What a document is; each kind is written and read by one module of the application.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Kind {
            $($(#[$doc])* $kind),*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Kind] = &[$(Kind::$kind),*];

            /// Its word, as it stands in keys and columns.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Kind::$kind => $name),* }
            }
        }
    };
}

kinds! {
    /// A member's plan for withdrawing invitations day by day (rule 40).
    CleanupPlan => "cleanup_plan",
    /// Whom a member never wants withdrawn (rule 40).
    SkipList => "skip_list",
    /// The private address under which a member's wait list is a calendar (rule 41).
    Calendar => "calendar",
    /// An endpoint that is told of events.
    Webhook => "webhook",
    /// Something that is on its way to an endpoint or a mailbox.
    Delivery => "delivery",
    /// A key with which the host calls, as its digest.
    ApiKey => "api_key",
    /// The secret that the servers of a community share.
    Secret => "secret",
    /// A member's browser that is signed in, or may sign in once.
    Session => "session",
    /// What somebody administered.
    Audit => "audit",
    /// How far a channel of the outbox has followed the events.
    Outbox => "outbox",
    /// Something that arrived at an endpoint or a mailbox.
    Delivered => "delivered",
    /// Something that was given up on its way there.
    DeadLetter => "dead_letter",
}

impl Kind {
    /// The kind of that word.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

/// The name of a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DocumentName {
    /// Whose it is: it lies with this member's rows and is erased with them. `None` is the host's.
    pub owner: Option<MemberId>,
    /// What it is.
    pub kind: Kind,
    /// Which of them: not empty, and without NUL, which not every database can keep.
    pub key: String,
}

impl DocumentName {
    /// The owner's id, or nothing for the host: no member has an empty id.
    #[must_use]
    pub fn owner_text(&self) -> &str {
        self.owner.as_ref().map_or("", MemberId::as_str)
    }
}

/// What a document says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// When somebody has to look at it.
    pub due: Option<Time>,
    /// JSON, kept to the letter.
    pub body: String,
}

/// A document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Which.
    pub name: DocumentName,
    /// How often it was written since it came into being.
    pub version: u64,
    /// What it says.
    pub content: Content,
}

/// What becomes of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentChange {
    /// Which.
    pub name: DocumentName,
    /// As it was read; `None` is a document that did not exist. Its version is a precondition.
    pub before: Option<Document>,
    /// What it says from now on, under the next version; `None` removes it.
    pub after: Option<Content>,
}

impl DocumentChange {
    /// A new document.
    #[must_use]
    pub fn create(name: DocumentName, content: Content) -> Self {
        Self { name, before: None, after: Some(content) }
    }

    /// Other content for a document that was read.
    #[must_use]
    pub fn replace(before: Document, content: Content) -> Self {
        Self { name: before.name.clone(), before: Some(before), after: Some(content) }
    }

    /// The end of a document that was read.
    #[must_use]
    pub fn remove(before: Document) -> Self {
        Self { name: before.name.clone(), before: Some(before), after: None }
    }

    /// The version that the document must have; 0 is one that does not exist.
    #[must_use]
    pub fn expected(&self) -> u64 {
        self.before.as_ref().map_or(0, |before| before.version)
    }

    /// The document as it is from now on; `None` if it is gone.
    #[must_use]
    pub fn document(&self) -> Option<Document> {
        let content = self.after.clone()?;
        Some(Document { name: self.name.clone(), version: self.expected() + 1, content })
    }
}

/// Which documents are wanted: those of one owner and one kind, in the order of keys.
#[derive(Debug, Clone)]
pub struct DocumentPage {
    /// Whose; `None` is the host.
    pub owner: Option<MemberId>,
    /// What they are.
    pub kind: Kind,
    /// Those after this key.
    pub after: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// Which documents are wanted: those of one kind that are due, in the order of moments, then of owners
/// (the host first), then of keys.
#[derive(Debug, Clone)]
pub struct DuePage {
    /// What they are.
    pub kind: Kind,
    /// Due at or before this moment.
    pub until: Time,
    /// Those after this place.
    pub after: Option<DuePlace>,
    /// At most so many.
    pub limit: usize,
}

/// Where a due document stands among those of its kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DuePlace {
    /// When it is due.
    pub at: Time,
    /// Whose it is.
    pub owner: Option<MemberId>,
    /// Which.
    pub key: String,
}

impl Document {
    /// Where it stands among those that are due; `None` if it never is.
    #[must_use]
    pub fn place(&self) -> Option<DuePlace> {
        let at = self.content.due?;
        Some(DuePlace { at, owner: self.name.owner.clone(), key: self.name.key.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_read_back_from_its_word() {
        for &kind in Kind::ALL {
            assert_eq!(Kind::named(kind.name()), Some(kind));
            assert!(kind.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{kind:?}");
        }
        assert_eq!(Kind::named("nothing"), None);
    }
}
