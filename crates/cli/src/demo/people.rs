//! Who there is in the demo: 400 people, the same at every start.

use acquaint_core::ids::MemberId;
use acquaint_core::member::{Plan, Profile, WhoMayInvite};
use acquaint_core::time::{Span, Time};

use super::names::{CIRCLES, CULTURES, Culture};

/// How many people there are of each culture.
const EACH: usize = 20;

/// Somebody in the demo.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) id: MemberId,
    name: String,
    headline: String,
    /// The place in [`CIRCLES`] of those whom this person knows best.
    pub(super) circle: usize,
    pub(super) culture: usize,
    number: usize,
}

/// Those with a part of their own in the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// An ordinary member to whom much happens.
    Amara,
    /// Invites very many, and is near the cap.
    Mateo,
    /// Is restricted.
    Ingrid,
    /// Is new: nothing has happened yet.
    Yuki,
    /// Receives more than she answers.
    Leila,
    /// Asks for the e-mail address.
    Dev,
    /// Takes no invitations.
    Lena,
}

impl Role {
    const ALL: [Role; 7] = [Role::Amara, Role::Mateo, Role::Ingrid, Role::Yuki, Role::Leila, Role::Dev, Role::Lena];

    /// Whose part it is: the place among all people.
    pub(super) fn place(self) -> usize {
        // The first person of each of the first seven cultures.
        let culture = match self {
            Role::Amara => 0,
            Role::Mateo => 1,
            Role::Ingrid => 2,
            Role::Yuki => 3,
            Role::Leila => 4,
            Role::Dev => 5,
            Role::Lena => 6,
        };
        culture * EACH
    }

    /// Who has a part of their own.
    pub(super) fn of(place: usize) -> Option<Role> {
        Self::ALL.into_iter().find(|role| role.place() == place)
    }
}

/// Everybody.
pub(super) fn all() -> Vec<Person> {
    let numbered = CULTURES.iter().enumerate().flat_map(|(culture, names)| (0..EACH).map(move |k| (culture, names, k)));
    numbered.filter_map(|(culture, names, k)| person(culture, names, k)).collect()
}

fn person(culture: usize, names: &Culture, k: usize) -> Option<Person> {
    let given = names.given.get(k % names.given.len())?;
    // Two people with one given name get different family names.
    let family = names.family.get((3 * k + k / names.given.len()) % names.family.len())?;
    let name = if names.family_first { format!("{family} {given}") } else { format!("{given} {family}") };
    let number = culture * EACH + k;
    let circle = (number * 7 + number / CIRCLES.len()) % CIRCLES.len();
    let (_, works) = CIRCLES.get(circle)?;
    let work = works.get((number / CIRCLES.len() + k) % works.len())?;
    let city = names.cities.get(k % names.cities.len())?;
    let headline = format!("{work} in {city}");
    Some(Person {
        id: MemberId::new(&format!("{}-{:02}", names.code, k + 1)).ok()?,
        name,
        headline,
        circle,
        culture,
        number,
    })
}

impl Person {
    /// What the host would tell about this person.
    pub(super) fn profile(&self, now: Time) -> Profile {
        let role = Role::of(self.number);
        let circle = CIRCLES.get(self.circle).map_or("", |(name, _)| name);
        let days = match (self.number + 5) % 11 {
            0 => 140 + self.number as u64 % 60,
            n => n as u64 * n as u64 / 6,
        };
        Profile {
            name: Some(self.name.clone()),
            headline: Some(self.headline.clone()),
            email: Some(format!("{}@community.example", self.id)),
            plan: if self.number % 3 == 1 || matches!(role, Some(Role::Mateo | Role::Ingrid)) {
                Plan::Premium
            } else {
                Plan::Basic
            },
            // Whom one is, and whom one wants to reach: Mateo wants to reach many.
            audience: match role {
                Some(Role::Mateo) => CIRCLES.iter().take(6).map(|(name, _)| (*name).to_owned()).collect(),
                _ => vec![circle.to_owned()],
            },
            last_active_at: Some(now - Span::days(days) - Span::minutes(self.number as u64 * 7 % 900)),
            who_may_invite: match role {
                Some(Role::Dev) => WhoMayInvite::Email,
                Some(Role::Lena) => WhoMayInvite::Nobody,
                _ => WhoMayInvite::Anyone,
            },
            reminders: self.number % 17 != 5,
            ..Profile::default()
        }
    }
}

/// Who is shown first in the chooser, with what there is to see as them.
pub(super) fn featured() -> Vec<(MemberId, &'static str)> {
    let people = all();
    let shown = [
        (Role::Amara, "Ordinary life: invitations to answer, some sent and waiting, people to know."),
        (Role::Mateo, "Invites very many, and is near the cap: the one with much to withdraw."),
        (Role::Ingrid, "May not send invitations just now. Standing says why, and until when."),
        (Role::Leila, "Receives far more invitations than she answers."),
        (Role::Dev, "Wants his e-mail address to be known; follows some people, and blocks others."),
        (Role::Yuki, "New here: every page is still empty, and says what to do."),
    ];
    shown.into_iter().filter_map(|(role, why)| Some((people.get(role.place())?.id.clone(), why))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_four_hundred_people_and_no_two_are_alike() {
        let people = all();
        let names: BTreeSet<_> = people.iter().map(|person| &person.name).collect();
        let ids: BTreeSet<_> = people.iter().map(|person| &person.id).collect();
        assert_eq!((people.len(), ids.len()), (400, 400));
        assert!(names.len() >= 399, "{} names", names.len());
        assert_eq!(people[Role::Amara.place()].name, "Amara Okafor");
        assert_eq!(featured().len(), 6);
    }

    #[test]
    fn every_circle_has_people() {
        for circle in 0..CIRCLES.len() {
            assert!(all().iter().filter(|person| person.circle == circle).count() >= 20, "{circle}");
        }
    }
}
