//! The frame around every page: where one is, who one is, what waits, and the demo's clock.

use acquaint_core::time::Span;

use super::people::Person;
use super::session::{Me, Said};
use super::when::When;
use super::{Door, Mishap, Web};

/// Which part of the pages is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Network,
    Notifications,
    Standing,
    Settings,
    Me,
    Elsewhere,
}

/// What the frame shows.
pub(crate) struct Shell {
    pub(crate) title: String,
    pub(crate) part: Part,
    /// The token for every form.
    pub(crate) token: String,
    pub(crate) me: Person,
    pub(crate) received: u32,
    pub(crate) sent: u32,
    pub(crate) connections: u32,
    /// Notifications that were not read, up to [`MOST_UNREAD`].
    pub(crate) unread: usize,
    /// Whether this is the demo, where one may be anybody and set the clock.
    pub(crate) is_demo: bool,
    pub(crate) clock: When,
    pub(crate) steps: Vec<Step>,
    pub(crate) said: Option<Said>,
}

/// How far the clock can be advanced with one button.
pub(crate) struct Step {
    pub(crate) span: String,
    pub(crate) words: String,
}

/// More than so many are not counted on every page.
pub(crate) const MOST_UNREAD: usize = 10;

/// The steps of the demo's clock, in days.
pub(crate) const STEPS: [u64; 4] = [1, 7, 21, 180];

impl Shell {
    pub(crate) async fn new(web: &Web, me: &Me, part: Part, title: impl Into<String>) -> Result<Self, Mishap> {
        let network = web.network();
        let member = network.member(&me.id).await?;
        let now = network.now();
        let steps = STEPS.map(|days| Step { span: Span::days(days).to_string(), words: format!("{days} d") });
        Ok(Self {
            title: title.into(),
            part,
            token: me.visitor.token(web.secret()),
            me: Person::new(&member),
            received: member.ledger.pending_received,
            sent: member.ledger.pending_sent,
            connections: member.ledger.connections,
            unread: network.unread(&me.id, MOST_UNREAD).await?,
            is_demo: matches!(web.door(), Door::Demo(_)),
            clock: When::new(now, now),
            steps: steps.into(),
            said: me.visitor.said.clone(),
        })
    }

    /// `aria-current` of a link to that part.
    pub(crate) fn current(&self, part: Part) -> &'static str {
        if self.part == part { "page" } else { "false" }
    }

    pub(crate) fn unread_words(&self) -> String {
        if self.unread >= MOST_UNREAD { format!("{}+", MOST_UNREAD - 1) } else { self.unread.to_string() }
    }
}
