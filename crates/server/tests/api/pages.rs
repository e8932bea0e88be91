//! Lists in pages.

use serde_json::{Value, json};

use crate::town::{Plan, Town};

/// Walks a list to its end and returns every item.
async fn walk(town: &Town, member: &str, path: &str, limit: usize) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let sign = if path.contains('?') { '&' } else { '?' };
        let page = town.by(member, "GET", &format!("{path}{sign}limit={limit}&cursor={cursor}")).send().await;
        assert_eq!(page.status, 200, "{}", page.text());
        let page = page.json();
        let found = page["items"].as_array().unwrap();
        items.extend(found.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => {
                assert_eq!(found.len(), limit);
                next.clone_into(&mut cursor);
            }
            None => return items,
        }
    }
}

fn column(items: &[Value], field: &str) -> Vec<String> {
    items.iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_list_is_walked_over_many_pages() {
    let town = Town::built(Plan::open_policy()).await;
    let others: Vec<String> = (0..23).map(|number| format!("m{number:02}")).collect();
    for other in &others {
        town.invite("ada", other).await;
        town.invite(other, "eve").await;
        town.connect("hub", other).await;
        town.by("ada", "PUT", &format!("/v1/blocks/x{other}")).send().await;
        town.by(other, "PUT", "/v1/follows/star").send().await;
        town.by("fan", "PUT", &format!("/v1/follows/{other}")).send().await;
        town.advance("1h").await;
    }
    let newest: Vec<String> = others.iter().rev().cloned().collect();
    for limit in [1, 4, 23, 100] {
        let walked = walk(&town, "ada", "/v1/invitations/sent", limit).await;
        assert_eq!(column(&walked, "to"), newest);
        let walked = walk(&town, "ada", "/v1/invitations/sent?order=oldest", limit).await;
        assert_eq!(column(&walked, "to"), others);
        let walked = walk(&town, "eve", "/v1/invitations/received?order=newest", limit).await;
        assert_eq!(column(&walked, "from"), newest);
        let walked = walk(&town, "eve", "/v1/invitations/received?order=oldest", limit).await;
        assert_eq!(column(&walked, "from"), others);
        assert_eq!(column(&walk(&town, "eve", "/v1/notifications", limit).await, "about"), newest);
        assert_eq!(column(&walk(&town, "hub", "/v1/connections", limit).await, "member"), newest);
        assert_eq!(column(&walk(&town, "star", "/v1/followers", limit).await, "member"), newest);
        assert_eq!(column(&walk(&town, "fan", "/v1/following", limit).await, "member"), newest);
        let blocked = column(&walk(&town, "ada", "/v1/blocks", limit).await, "member");
        assert_eq!(blocked, newest.iter().map(|other| format!("x{other}")).collect::<Vec<_>>());
    }
    let page = town.by("ada", "GET", "/v1/invitations/sent").send().await.json();
    assert_eq!((page["items"].as_array().unwrap().len(), &page["total_pending"]), (23, &json!(23)));
    for other in &others[..3] {
        town.by("ada", "PUT", &format!("/v1/blocks/y{other}")).send().await;
    }
    let page = town.by("ada", "GET", "/v1/blocks").send().await.json();
    assert_eq!(page["items"].as_array().unwrap().len(), 25, "25 unless told otherwise");
}

#[tokio::test]
async fn a_list_keeps_its_place_while_invitations_are_withdrawn() {
    let town = Town::built(Plan::open_policy()).await;
    for number in 0..6 {
        town.invite("ada", &format!("m{number}")).await;
    }
    let page = town.by("ada", "GET", "/v1/invitations/sent?limit=2").send().await.json();
    for item in page["items"].as_array().unwrap() {
        let path = format!("/v1/invitations/{}/withdraw", item["id"].as_str().unwrap());
        assert_eq!(town.by("ada", "POST", &path).send().await.status, 200);
    }
    let cursor = page["next_cursor"].as_str().unwrap();
    let path = format!("/v1/invitations/sent?limit=2&cursor={cursor}");
    let next = town.by("ada", "GET", &path).send().await.json();
    assert_eq!(column(next["items"].as_array().unwrap(), "to"), ["m3", "m2"]);
    assert_eq!(next["total_pending"], 4);
}

#[tokio::test]
async fn queries_that_do_not_fit() {
    let town = Town::new().await;
    for (query, parameter) in [
        ("limit=0", "limit"),
        ("limit=", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=%2B5", "limit"),
        ("limit=ten", "limit"),
        ("limit=99999999999999999999999", "limit"),
        ("limit=1&limit=2", "limit"),
        ("order=best", "order"),
        ("page=2", "query"),
        ("%ff=1", "query"),
    ] {
        let path = format!("/v1/invitations/sent?{query}");
        let told = town.by("ada", "GET", &path).send().await.problem(422, "invalid_request");
        assert_eq!(told["errors"][0]["parameter"], parameter, "{query}");
        assert_eq!(told["instance"], "/v1/invitations/sent");
    }
    for wrong in ["x", "AQ", "%00", "AQkAAAAAAAAAAAAAAAAAAAAAAA"] {
        let path = format!("/v1/invitations/sent?cursor={wrong}");
        town.by("ada", "GET", &path).send().await.problem(422, "invalid_cursor");
        town.by("ada", "GET", &format!("/v1/blocks?cursor={wrong}")).send().await.problem(422, "invalid_cursor");
    }
    for _ in 0..2 {
        town.by("ada", "POST", "/v1/engagements").json(&json!({"target": "bob", "kind": "like"})).send().await;
    }
    let page = town.by("bob", "GET", "/v1/notifications?limit=1").send().await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    let path = format!("/v1/invitations/sent?cursor={cursor}");
    town.by("bob", "GET", &path).send().await.problem(422, "invalid_cursor");
    town.by("ada", "GET", "/v1/blocks?order=newest").send().await.problem(422, "invalid_request");
    town.host("GET", "/v1/events?after=evt_1").send().await.problem(422, "invalid_request");
    assert_eq!(town.by("ada", "GET", "/v1/invitations/sent?cursor=&order=").send().await.status, 200);
}

/// Whoever has somebody else's cursor learns nothing with it, and nobody can change their own.
#[tokio::test]
async fn a_cursor_is_taken_back_from_whom_it_was_given_to_and_unchanged() {
    let town = Town::new().await;
    for other in ["bob", "cid"] {
        town.invite("ada", other).await;
        town.invite("eve", other).await;
    }
    let list = |member: &str, cursor: &str| {
        town.by(member, "GET", &format!("/v1/invitations/sent?limit=1&cursor={cursor}")).send()
    };
    let page = list("ada", "").await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    assert_eq!(list("ada", cursor).await.json()["items"].as_array().unwrap().len(), 1);
    list("eve", cursor).await.problem(422, "invalid_cursor");
    let other = if cursor.starts_with("AQEA") { "AQEB" } else { "AQEA" };
    for changed in [&cursor[..cursor.len() - 1], &format!("{other}{}", &cursor[4..]), cursor.split('.').next().unwrap()]
    {
        list("ada", changed).await.problem(422, "invalid_cursor");
    }
}
