//! Refusals as readers are told them: with the name, the date, and what can be done.

use acquaint_core::policy::Policy;
use acquaint_core::refusal::{Code, Refusal};
use acquaint_core::time::Time;

use super::when::{When, span};

/// Why something is not possible, for templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) text: String,
    /// Where the reader can do something about it.
    pub(crate) help: Option<Help>,
}

/// A link that helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Help {
    pub(crate) words: &'static str,
    pub(crate) href: &'static str,
}

/// Tells why `name` cannot be invited, or answered.
pub(crate) fn told(refusal: Refusal, name: &str, policy: &Policy, now: Time) -> Told {
    let from = refusal.retry_at.map(|at| {
        let when = When::new(at, now);
        format!("{} ({})", when.until(at, now), when.words)
    });
    let from = from.as_deref();
    let text = match (refusal.code, from) {
        (Code::Cooldown, Some(from)) => format!("You may invite {name} again from {from}."),
        (Code::Restricted, Some(from)) => {
            format!("You cannot send invitations until {from}. Accepting, withdrawing and following still work.")
        }
        (Code::RollingLimit, Some(from)) => {
            let window = span(policy.limits.rolling_window);
            format!("You have sent all the invitations that you may send in {window}. One more is free from {from}.")
        }
        (Code::PendingCap, _) => {
            "You have as many pending invitations as one may have. Withdraw some that are not going to be answered."
                .into()
        }
        (Code::NotAcceptingInvitations, _) => format!("{name} does not take invitations. You can follow them instead."),
        (Code::EmailRequired, _) => {
            format!("{name} takes invitations only from people who know their e-mail address.")
        }
        (Code::NoteQuota, Some(from)) => {
            format!("You have used up your notes for this month. Send it without one, or from {from}.")
        }
        (Code::AlreadyAccepted, _) => format!("{name} has accepted in the meantime: you are connected."),
        (Code::NoLongerAvailable | Code::NotFound, _) => "This invitation is no longer there.".into(),
        (code, Some(from)) => format!("{} Try it again from {from}.", code.sentence()),
        (code, None) => code.sentence().to_owned(),
    };
    Told { text, help: help(refusal.code) }
}

fn help(code: Code) -> Option<Help> {
    match code {
        Code::Restricted | Code::RollingLimit => Some(Help { words: "See your standing", href: "/standing" }),
        Code::PendingCap => Some(Help { words: "Oldest invitations first", href: "/invitations/sent?order=oldest" }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_a_sentence_that_ends() {
        let now: Time = "2026-11-25T09:00:00Z".parse().unwrap();
        let later = now + acquaint_core::time::Span::days(21);
        for code in Code::ALL {
            for refusal in [code.refuse(), code.until(later)] {
                let told = told(refusal, "Ann", &Policy::default(), now);
                assert!(told.text.ends_with('.') && told.text.chars().next().unwrap().is_uppercase(), "{}", told.text);
            }
        }
        let wait = told(Code::Cooldown.until(later), "Ann", &Policy::default(), now);
        assert_eq!(wait.text, "You may invite Ann again from 16 December 2026 (in 3 weeks).");
    }
}
