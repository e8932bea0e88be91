//! A mail as it goes over the wire: headers and two parts, the same bytes each time that it is tried.

use std::time::{Duration, SystemTime};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};

use crate::letter::{Envelope, Letter, Person};
use crate::templates::Rendered;

/// Why there is no such mail; trying again changes nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MessageError {
    /// The reader's address is none that a mail can go to.
    #[error("the member's e-mail address is not one that a mail can be sent to")]
    Address,
    /// The library does not take it.
    #[error("the mail cannot be put together: {0}")]
    Message(#[from] lettre::error::Error),
    /// A header would say something else.
    #[error("the header {0} may hold visible ASCII characters alone")]
    Header(&'static str),
}

/// Puts a mail together.
///
/// # Errors
/// [`MessageError`].
pub(crate) fn compose(letter: &Letter, rendered: Rendered, from: &Mailbox) -> Result<Message, MessageError> {
    let Envelope { name, at, .. } = &letter.envelope;
    let to = mailbox(&letter.reader, &letter.envelope.to)?;
    let id = format!("<{name}@{}>", from.email.domain());
    // The library would make up another boundary each time.
    let boundary = format!("=_{}", blake3::hash(id.as_bytes()).to_hex());
    let parts = MultiPart::alternative().boundary(boundary);
    let parts = parts.singlepart(SinglePart::plain(rendered.text)).singlepart(SinglePart::html(rendered.html));
    let seconds = Duration::from_secs(u64::try_from(at.unix()).unwrap_or_default());
    let message = Message::builder()
        .from(from.clone())
        .to(to)
        .subject(rendered.subject)
        .date(SystemTime::UNIX_EPOCH + seconds)
        .raw_header(verbatim("Message-ID", id)?)
        .raw_header(verbatim("List-Unsubscribe", format!("<{}>", letter.unsubscribe))?)
        .raw_header(verbatim("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".into())?)
        // Programs that answer by themselves should not (RFC 3834).
        .raw_header(verbatim("Auto-Submitted", "auto-generated".into())?)
        .multipart(parts)?;
    Ok(message)
}

/// A header as it stands: encoded words would break an address in pieces.
fn verbatim(name: &'static str, value: String) -> Result<HeaderValue, MessageError> {
    if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(MessageError::Header(name));
    }
    Ok(HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), value.clone(), value))
}

fn mailbox(reader: &Person, address: &str) -> Result<Mailbox, MessageError> {
    let address: Address = address.trim().parse().map_err(|_| MessageError::Address)?;
    Ok(Mailbox::new(Some(reader.name.clone()).filter(|name| !name.is_empty()), address))
}

#[cfg(test)]
mod tests {
    use acquaint_core::ids::MemberId;
    use acquaint_core::member::{Member, Profile};
    use proptest::prelude::*;

    use super::*;
    use crate::letter::clean;
    use crate::samples;
    use crate::templates::Templates;

    fn from() -> Mailbox {
        "Acquaint <network@example.org>".parse().unwrap()
    }

    fn composed(letter: &Letter) -> String {
        let templates = Templates::load(None, "Acquaint").unwrap();
        let message = compose(letter, templates.render(letter).unwrap(), &from()).unwrap();
        String::from_utf8(message.formatted()).unwrap()
    }

    fn headers(mail: &str) -> Vec<(String, String)> {
        let head = mail.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ").replace("\r\n\t", " ");
        head.split("\r\n")
            .map(|line| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap())
            .collect()
    }

    fn header(mail: &str, name: &str) -> Vec<String> {
        headers(mail).into_iter().filter(|(other, _)| other == name).map(|(_, value)| value).collect()
    }

    #[test]
    fn a_mail_has_the_headers_that_its_reader_needs() {
        for letter in samples::all() {
            let mail = composed(&letter);
            assert_eq!(header(&mail, "From"), ["Acquaint <network@example.org>"]);
            assert_eq!(header(&mail, "To"), ["\"Noor Haddad\" <noor@example.org>"]);
            assert_eq!(header(&mail, "Message-ID"), [format!("<{}@example.org>", letter.envelope.name)]);
            assert_eq!(header(&mail, "List-Unsubscribe"), [format!("<{}>", letter.unsubscribe)]);
            assert_eq!(header(&mail, "List-Unsubscribe-Post"), ["List-Unsubscribe=One-Click"]);
            assert_eq!(header(&mail, "Date"), ["Wed, 18 Nov 2026 11:06:40 +0000"]);
            assert_eq!(header(&mail, "Auto-Submitted"), ["auto-generated"]);
            assert_eq!(mail, composed(&letter), "a retry is the same mail");
        }
    }

    #[test]
    fn a_long_address_to_unsubscribe_stays_in_one_piece() {
        let mut letter = samples::all().remove(0);
        letter.unsubscribe = format!("https://network.example.org/mail/{}", "x".repeat(300));
        assert_eq!(header(&composed(&letter), "List-Unsubscribe"), [format!("<{}>", letter.unsubscribe)]);
        letter.unsubscribe.push_str("\r\nBcc: all@example.org");
        let templates = Templates::load(None, "Acquaint").unwrap();
        let error = compose(&letter, templates.render(&letter).unwrap(), &from()).unwrap_err();
        assert_eq!(error.to_string(), "the header List-Unsubscribe may hold visible ASCII characters alone");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever members are called and write, a mail has its headers, its parts and its readers.
        #[test]
        fn no_name_and_no_note_reaches_the_headers(
            name in "[ -~\r\n\u{0}ä花😀\u{2028}:<>\"@,;]{1,120}",
            note in "(\r\n\r\n|\r\nBcc: x@example.org|--=_|.){0,12}",
        ) {
            let mut member = Member::new(MemberId::new("m").unwrap());
            member.profile = Profile { name: Some(name), ..Profile::default() }.into();
            for mut letter in samples::all() {
                letter.reader = Person::new(&member);
                letter.items[0].person = Person::new(&member);
                letter.items[0].note = clean(&note, 2_000);
                let mail = composed(&letter);
                let mut names: Vec<String> = headers(&mail).into_iter().map(|(name, _)| name).collect();
                names.sort();
                prop_assert_eq!(names, [
                    "Auto-Submitted", "Content-Type", "Date", "From", "List-Unsubscribe", "List-Unsubscribe-Post",
                    "MIME-Version", "Message-ID", "Subject", "To",
                ]);
                let to = header(&mail, "To").remove(0);
                prop_assert!(to.ends_with("<noor@example.org>") && to.matches('<').count() == 1, "{}", to);
                let templates = Templates::load(None, "Acquaint").unwrap();
                let message = compose(&letter, templates.render(&letter).unwrap(), &from()).unwrap();
                prop_assert_eq!(message.envelope().to().len(), 1);
                let boundary = mail.lines().filter(|line| line.starts_with("--=_")).count();
                prop_assert_eq!(boundary, 3, "two parts");
            }
        }
    }

    #[test]
    fn an_address_that_is_none_gets_no_mail() {
        for wrong in ["", "noor", "a@b@c", "noor@example.org\r\nBcc: x@example.org", "noor@example.org, x@example.org"]
        {
            let mut letter = samples::all().remove(0);
            letter.envelope.to = wrong.into();
            let rendered = Rendered { subject: String::new(), text: String::new(), html: String::new() };
            assert!(matches!(compose(&letter, rendered, &from()), Err(MessageError::Address)), "{wrong:?}");
        }
    }
}
