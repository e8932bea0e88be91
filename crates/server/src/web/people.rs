//! Members as readers know them: a name, a line about them, a face.

use std::collections::HashMap;

use acquaint_app::{Mutual, Network};
use acquaint_core::ids::MemberId;
use acquaint_core::member::Member;
use acquaint_store::StoreResult;

use super::Web;
use super::when::counted;

/// A member, for templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) id: MemberId,
    pub(crate) name: String,
    pub(crate) headline: String,
    /// The address of their page.
    pub(crate) href: String,
    /// The address of their face.
    pub(crate) face: String,
}

impl Person {
    pub(crate) fn new(member: &Member) -> Self {
        let word = path_word(&member.id);
        Self {
            id: member.id.clone(),
            name: member.profile.name.clone().unwrap_or_else(|| member.id.to_string()),
            headline: member.profile.headline.clone().unwrap_or_default(),
            href: format!("/people/{word}"),
            face: format!("/avatars/{word}"),
        }
    }

    pub(crate) async fn load(network: &Network, id: &MemberId) -> StoreResult<Self> {
        Ok(Self::new(&*network.member(id).await?))
    }
}

/// An id as a word of a path.
fn path_word(id: &MemberId) -> String {
    form_urlencoded::byte_serialize(id.as_str().as_bytes()).collect()
}

/// Mutual connections, for templates: the first faces, and a line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shared {
    pub(crate) people: Vec<Person>,
    pub(crate) line: String,
    /// The number alone, where there is little room.
    pub(crate) short: String,
}

/// How many mutual connections are named.
pub(crate) const NAMED: usize = 2;

impl Shared {
    pub(crate) async fn load(network: &Network, mutual: &Mutual) -> StoreResult<Self> {
        let mut people = Vec::with_capacity(mutual.some.len());
        for id in &mutual.some {
            people.push(Person::load(network, id).await?);
        }
        let line = line(&people, mutual.count);
        let short = match u64::try_from(mutual.count).unwrap_or(u64::MAX) {
            0 => String::new(),
            count => counted(count, "mutual connection"),
        };
        Ok(Self { people, line, short })
    }
}

fn line(people: &[Person], count: usize) -> String {
    let others = |named: usize| counted(u64::try_from(count - named).unwrap_or(u64::MAX), "other");
    match people {
        [] => String::new(),
        [one] if count <= 1 => format!("{} is a mutual connection", one.name),
        [one, two, ..] if count == 2 => format!("{} and {} are mutual connections", one.name, two.name),
        [one, ..] => format!("{} and {} are mutual connections", one.name, others(1)),
    }
}

/// People by their ids, each loaded once.
#[derive(Default)]
pub(crate) struct People(HashMap<MemberId, Person>);

impl People {
    pub(crate) async fn get(&mut self, web: &Web, id: &MemberId) -> StoreResult<Person> {
        if let Some(person) = self.0.get(id) {
            return Ok(person.clone());
        }
        let person = Person::load(web.network(), id).await?;
        self.0.insert(id.clone(), person.clone());
        Ok(person)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_word_of_a_path() {
        let word = |id: &str| path_word(&MemberId::new(id).unwrap());
        assert_eq!(word("ann-1@x.org"), "ann-1%40x.org");
        assert_eq!(word("名&\"<"), "%E5%90%8D%26%22%3C");
    }

    #[test]
    fn mutual_connections_are_told_in_a_line() {
        let person = |name: &str| Person::new(&Member::new(MemberId::new(name).unwrap()));
        let people = [person("Ann"), person("Bo")];
        assert_eq!(line(&people[..1], 1), "Ann is a mutual connection");
        assert_eq!(line(&people, 2), "Ann and Bo are mutual connections");
        assert_eq!(line(&people, 3), "Ann and 2 others are mutual connections");
        assert_eq!(line(&[], 0), "");
    }
}
