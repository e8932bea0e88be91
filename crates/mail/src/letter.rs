//! A mail before it has a form: to whom it goes, about whom, and what its links are.
//!
//! All that comes from members is cleaned on its way in here ([`clean`]), so that neither a template
//! nor a header has to think of it.

use acquaint_core::member::Member;
use acquaint_core::time::Time;
use serde::Serialize;

/// The most characters of a name or a headline that a mail shows.
const LINE: usize = 200;
/// The most people that a mail tells of one by one.
pub const SHOWN: usize = 10;

/// What a mail says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Somebody invites the reader.
    Invitation,
    /// An invitation still waits for the reader's answer (rule 22).
    Reminder,
    /// Several invitations wait.
    Digest,
    /// The reader's invitation was accepted.
    Accepted,
    /// A wait is over (rule 41).
    MayInviteAgain,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 5] = [Kind::Invitation, Kind::Reminder, Kind::Digest, Kind::Accepted, Kind::MayInviteAgain];

    /// Its word, as in the names of templates.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Invitation => "invitation",
            Kind::Reminder => "reminder",
            Kind::Digest => "digest",
            Kind::Accepted => "accepted",
            Kind::MayInviteAgain => "may_invite_again",
        }
    }
}

/// A mail, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Letter {
    /// What it says.
    pub kind: Kind,
    /// Who reads it.
    pub reader: Person,
    /// Of whom it tells: at least one, the first [`SHOWN`] of them.
    pub items: Vec<Item>,
    /// Of how many more it does not tell one by one.
    pub more: usize,
    /// Where all of them are to be seen, if there are pages.
    pub all: Option<String>,
    /// Where mails can be switched off: a page, and the address for one click (RFC 8058).
    pub unsubscribe: String,
    /// Where it goes, what it is called, and when it was made.
    #[serde(skip)]
    pub envelope: Envelope,
}

/// What of a mail its reader's program looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The address of the reader.
    pub to: String,
    /// What the mail is called among all mails, without what stands behind the `@`; the same each
    /// time that it is tried: visible ASCII.
    pub name: String,
    /// When it came to be, the same each time as well.
    pub at: Time,
}

/// A person as a mail shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// The name.
    pub name: String,
    /// A line about them, which may be empty.
    pub headline: String,
    /// One or two letters, in place of a picture: mails show none.
    pub initials: String,
}

impl Person {
    /// A member; whoever has no name is called by their id.
    #[must_use]
    pub fn new(member: &Member) -> Self {
        let profile = &member.profile;
        let name = profile.name.as_deref().map(|name| clean(name, LINE)).filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| clean(member.id.as_str(), LINE));
        let headline = profile.headline.as_deref().map(|line| clean(line, LINE)).unwrap_or_default();
        Self { initials: initials(&name), name, headline }
    }
}

/// Somebody whom a mail tells of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Who.
    pub person: Person,
    /// What they wrote, which may be empty.
    pub note: String,
    /// Whom they and the reader both know: some names, and how many others.
    pub mutual: Vec<String>,
    /// How many mutual connections are not named.
    pub mutual_others: usize,
    /// Days since the invitation was sent.
    pub days: u64,
    /// Where it can be accepted.
    pub accept: Option<String>,
    /// Where it, or the person, can be looked at.
    pub look: Option<String>,
}

/// A text in one line, without what would change the lines around it: controls, line breaks, and
/// marks that turn the direction of writing. Longer ones end with an ellipsis.
#[must_use]
pub fn clean(text: &str, most: usize) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '\u{2028}' | '\u{2029}');
    let kept: String = text.chars().filter(|c| !turns(*c)).map(|c| if breaks(c) { ' ' } else { c }).collect();
    let line = kept.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return line;
    }
    let mut short: String = line.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// The first letters of the first and the last word.
fn initials(name: &str) -> String {
    let mut letters = name.split(' ').filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let (first, last) = (letters.next(), letters.next_back());
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_members_write_stays_in_its_line() {
        assert_eq!(clean("  Ann\r\nBcc: all@example.org\t\u{0}x ", 100), "Ann Bcc: all@example.org x");
        assert_eq!(clean("\u{202e}moc.live\u{2066}", 100), "moc.live");
        assert_eq!(clean("a\u{2028}b\u{85}c", 100), "a b c");
        assert_eq!(clean("花子 👩‍💻", 100), "花子 👩‍💻");
        assert_eq!(clean("abcdef", 4), "abc…");
    }

    #[test]
    fn initials_are_those_of_the_first_and_the_last_word() {
        for (name, expected) in
            [("Ann Lee", "AL"), ("ann van der lee", "AL"), ("Ann", "A"), ("花子", "花"), ("…", ""), ("(Bo) Ek", "BE")]
        {
            assert_eq!(initials(name), expected, "{name}");
        }
    }
}
