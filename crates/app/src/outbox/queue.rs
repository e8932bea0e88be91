//! What waits for its attempt, target by target, in memory: bounded, so that an endpoint that is far
//! behind costs no more than one that is not.

use std::collections::VecDeque;

use acquaint_core::time::Time;
use acquaint_store::{Document, DocumentName};

/// How many deliveries to one target are held at most; the rest stays in the store until there is room.
const ROOM: usize = 256;

/// Where deliveries go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Target {
    pub(super) channel: String,
    pub(super) target: String,
}

impl Target {
    /// Where the delivery of that name goes.
    pub(super) fn of(name: &DocumentName) -> Option<Self> {
        let mut parts = name.key.split('/');
        let (channel, target) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        Some(Self { channel, target })
    }
}

/// What waits for one target.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) waiting: VecDeque<Document>,
    pub(super) under_way: usize,
    /// When the first was due for which there was no room.
    pub(super) behind: Option<Time>,
}

impl Queue {
    /// Takes it, if there is room; else it is found again later.
    pub(super) fn push(&mut self, document: Document) -> bool {
        if self.waiting.len() < ROOM && self.behind.is_none() {
            self.waiting.push_back(document);
            return true;
        }
        let due = document.content.due;
        self.behind = match (self.behind, due) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        false
    }

    /// Whether it can be forgotten.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.under_way == 0 && self.behind.is_none()
    }
}
