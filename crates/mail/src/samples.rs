//! One mail of each kind, and some that are hard on a template, with people who do not exist: for trying
//! templates out, and for looking at them.

use acquaint_core::ids::MemberId;
use acquaint_core::member::{Member, Profile};
use acquaint_core::time::Time;

use crate::letter::{Envelope, Item, Kind, Letter, Person};

fn person(name: &str, headline: &str) -> Person {
    let profile = Profile { name: Some(name.into()), headline: Some(headline.into()), ..Profile::default() };
    let mut member = Member::new(id());
    member.profile = profile.into();
    Person::new(&member)
}

#[expect(clippy::expect_used, reason = "a letter is an id")]
fn id() -> MemberId {
    MemberId::new("a").expect("an id")
}

fn item(name: &str, headline: &str, note: &str, mutual: &[&str], mutual_others: usize, days: u64) -> Item {
    Item {
        person: person(name, headline),
        note: note.into(),
        mutual: mutual.iter().map(|name| (*name).to_owned()).collect(),
        mutual_others,
        days,
        accept: Some("https://network.example.org/mail/YQAAAABp".into()),
        look: Some("https://network.example.org/mail/bAAAAABp".into()),
    }
}

fn letter(kind: Kind, items: Vec<Item>, more: usize) -> Letter {
    Letter {
        kind,
        reader: person("Noor Haddad", "Bridges and tunnels"),
        items,
        more,
        all: Some("https://network.example.org/invitations/received".into()),
        unsubscribe: "https://network.example.org/mail/dQAAAABr".into(),
        envelope: Envelope {
            to: "noor@example.org".into(),
            name: format!("sample-{}", kind.name()),
            at: Time::from_unix(1_795_000_000),
        },
    }
}

/// The samples, with a name for each.
#[must_use]
pub fn named() -> Vec<(&'static str, Letter)> {
    let note = "We met at the tunnelling congress in Turin, in the queue for coffee. I would love to hear how the \
                river crossing went, and whether the clay behaved.";
    let long = "An exceptionally long headline about a great many things that one may have done in a long and winding \
                career, from surveying to the teaching of surveying";
    let ann = item("Ann Lee", "Geologist at Terra & Sons", note, &["Bo Ek", "Ida Roe"], 3, 0);
    let cem = item("Cem Aydın", "Writes about rivers", "", &["Bo Ek"], 0, 7);
    let hana = item("花子 Sato <script>", long, "Hello from Kyōto 👋 & <b>greetings</b>", &[], 0, 21);
    let plain = |item: &Item| Item { note: String::new(), accept: None, ..item.clone() };
    let bare = Item { look: None, ..plain(&item("x:42", "", "", &[], 0, 0)) };
    vec![
        ("invitation", letter(Kind::Invitation, vec![ann.clone()], 0)),
        ("invitation-without-a-note", letter(Kind::Invitation, vec![cem.clone()], 0)),
        ("reminder", letter(Kind::Reminder, vec![Item { days: 7, ..ann.clone() }], 0)),
        ("digest", letter(Kind::Digest, vec![ann.clone(), cem.clone(), hana.clone()], 2)),
        ("accepted", letter(Kind::Accepted, vec![plain(&ann)], 0)),
        ("accepted-by-several", letter(Kind::Accepted, vec![plain(&ann), plain(&hana)], 0)),
        ("may-invite-again", letter(Kind::MayInviteAgain, vec![plain(&cem)], 0)),
        ("may-invite-several-again", Letter { all: None, ..letter(Kind::MayInviteAgain, vec![plain(&hana), bare], 1) }),
    ]
}

/// The samples.
pub(crate) fn all() -> Vec<Letter> {
    named().into_iter().map(|(_, letter)| letter).collect()
}
