//! How long answers take, reported and never asserted: time on a shared machine proves nothing by itself.
//! Two calls that are to look alike are made in turn; their times are compared with the rank-sum test of
//! Mann and Whitney, which asks nothing of how times are distributed. What is asserted is that the two are
//! answered with the same bytes.

use acquaint_app::clock::Stopwatch;
use acquaint_server::Limits;

use crate::tokens::{taken, token};
use crate::town::{Call, Plan, Reply, Town};

/// How often each call is made.
const ROUNDS: usize = 600;
/// The first ones pay for what is only done once.
const WARM_UP: usize = 50;

/// A town with a token for each member, and two relations that differ in silence alone.
async fn town() -> Town {
    let limits = Limits { member_rate: 0, address_rate: 0, ..Limits::default() };
    let town = Town::built(Plan { tokens: Some(taken()), limits, ..Plan::default() }).await;
    for name in ["ann", "bob", "quiet", "still"] {
        town.host("PUT", &format!("/v1/members/{name}")).json(&serde_json::json!({"name": name})).send().await;
    }
    town
}

fn by(town: &Town, member: &str, method: &str, path: &str) -> Call {
    town.call(method, path).header("authorization", format!("Bearer {}", token(member)))
}

/// What the caller sees of a reply, but for the path and the names that the caller gave.
fn told(reply: &Reply, given: &str) -> String {
    let text = reply.text().replace(given, "…");
    // Every invitation has a name of its own.
    let mut parts = text.split("\"inv_");
    let mut told = format!("{} {}", reply.status, parts.next().unwrap_or_default());
    parts.for_each(|part| told.push_str(part.split_once('"').map_or(part, |(_, rest)| rest)));
    told
}

/// Makes two calls in turn, with what is told of each.
#[expect(clippy::print_stdout, reason = "the comparison is reported, and not asserted")]
async fn compare(what: &str, town: &Town, member: &str, method: &str, calls: [(&str, &str); 2]) {
    let mut times: [Vec<f64>; 2] = Default::default();
    for round in 0..ROUNDS + WARM_UP {
        // Neither of the two always comes first.
        for place in if round % 2 == 0 { [0, 1] } else { [1, 0] } {
            let call = by(town, member, method, calls[place].0);
            let watch = Stopwatch::start();
            let reply = call.send().await;
            let took = watch.seconds() * 1e6;
            if round == 0 {
                let other = by(town, member, method, calls[1 - place].0).send().await;
                assert_eq!(told(&reply, calls[place].1), told(&other, calls[1 - place].1), "{what}");
            }
            if round >= WARM_UP {
                times[place].push(took);
            }
        }
    }
    let (better, z) = rank_sum(&times[0], &times[1]);
    let [one, other] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        let at = |share: usize| times[times.len() * share / 100];
        format!("{:.0} µs ({:.0} to {:.0})", at(50), at(10), at(90))
    });
    println!(
        "{what}: {one} against {other}; whoever guesses by one answer is right in {:.1} of 100 cases, z = {z:.1}",
        100.0 * better.max(1.0 - better)
    );
}

/// How often a time of the first is longer than one of the second (a tie is half), and by how many standard
/// deviations that is away from one half (Mann and Whitney 1947, normal approximation without ties).
fn rank_sum(one: &[f64], other: &[f64]) -> (f64, f64) {
    let wins: f64 = one
        .iter()
        .map(|a| {
            other
                .iter()
                .map(|b| {
                    if a > b {
                        1.0
                    } else if a == b {
                        0.5
                    } else {
                        0.0
                    }
                })
                .sum::<f64>()
        })
        .sum();
    let (n, m) = (one.len() as f64, other.len() as f64);
    let deviation = (n * m * (n + m + 1.0) / 12.0).sqrt();
    (wins / (n * m), (wins - n * m / 2.0) / deviation)
}

#[test]
fn the_rank_sum_is_that_of_the_book() {
    // Counted by hand: U = 0 + 2 + 3 + 4, and its deviation is the root of 4 · 4 · 9 / 12.
    let (share, z) = rank_sum(&[1.0, 4.0, 6.0, 9.0], &[2.0, 3.0, 5.0, 7.0]);
    assert!((share - 9.0 / 16.0).abs() < 1e-12 && (z - 0.288_675_135).abs() < 1e-6, "{share} {z}");
    let (share, z) = rank_sum(&[1.0, 2.0], &[2.0, 1.0]);
    assert!((share - 0.5).abs() < 1e-12 && z.abs() < 1e-12);
}

#[tokio::test]
async fn what_one_may_not_see_takes_as_long_as_what_does_not_exist() {
    let town = town().await;
    let theirs = town.invite("ann", "bob").await;
    let nobodys = "inv_0190000000007000800000000000abcd";
    let (seen, missing) = (format!("/v1/invitations/{theirs}"), format!("/v1/invitations/{nobodys}"));
    compare("an invitation of others, and none", &town, "still", "GET", [(&seen, &theirs), (&missing, nobodys)]).await;
    let (seen, missing) = (format!("{seen}/withdraw"), format!("{missing}/withdraw"));
    let what = "withdrawing an invitation of others, and none";
    compare(what, &town, "still", "POST", [(&seen, &theirs), (&missing, nobodys)]).await;

    // Somebody who was invited and never registered, and somebody of whom nobody has heard.
    town.invite("ann", "unregistered").await;
    let people = [("/v1/members/unregistered", "unregistered"), ("/v1/members/nobodyhears", "nobodyhears")];
    compare("a member who is not registered, and nobody", &town, "still", "GET", people).await;
    let exports = [("/v1/members/ann/export", "ann"), ("/v1/members/zed/export", "zed")];
    compare("the export of another member, and of nobody", &town, "still", "GET", exports).await;
}

#[tokio::test]
async fn a_relation_takes_as_long_whatever_the_other_did_in_silence() {
    let town = town().await;
    for other in ["quiet", "still"] {
        town.invite("ann", other).await;
    }
    by(&town, "quiet", "PUT", "/v1/blocks/ann").send().await;
    let relations = [("/v1/relations/quiet", "quiet"), ("/v1/relations/still", "still")];
    compare("the relation with one who blocks, and with one who does not", &town, "ann", "GET", relations).await;
    let strangers = [("/v1/relations/bob", "bob"), ("/v1/relations/xyz", "xyz")];
    compare("the relation with a stranger, and with nobody", &town, "ann", "GET", strangers).await;
}
