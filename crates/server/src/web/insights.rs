//! Insights (rule 42): when and where invitations are accepted, each number with its sample.

use acquaint_core::insight::Insights;
use acquaint_core::survival::Estimate;
use acquaint_plot::Size;
use acquaint_plot::figures::{Line, figures};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::IntoResponse;

use super::answer;
use super::form::Answered;
use super::session::Me;
use super::shell::{Part, Shell};
use super::when::{grouped, span};
use super::{Mishap, Web};
use crate::figures;

/// The figures, each with its table behind it.
#[derive(Template)]
#[template(path = "figures.html")]
pub(crate) struct Cards {
    cards: Vec<Card>,
    /// Where their files are.
    place: &'static str,
    /// What all of them are about.
    pub(crate) about: String,
}

struct Card {
    name: &'static str,
    title: &'static str,
    about: &'static str,
    counted: bool,
    /// What is said instead of a plot.
    silence: String,
    svg: String,
    rows: Vec<Row>,
}

/// A line of a table.
struct Row {
    key: String,
    sent: String,
    sample: String,
    share: String,
    interval: String,
}

impl Cards {
    /// The figures of insights; `place` is the path under which their files are.
    pub(crate) fn new(found: &Insights, place: &'static str) -> Result<Self, Mishap> {
        let cards = figures(found).into_iter().map(|figure| {
            let drawn = figure.is_drawable();
            Ok(Card {
                name: figure.name,
                title: figure.title,
                about: figure.about,
                counted: figure.is_counted(),
                silence: if drawn { String::new() } else { figure.silence() },
                svg: if drawn { figure.svg(Size::SMALL)? } else { String::new() },
                rows: figure.told().into_iter().map(Row::new).collect(),
            })
        });
        Ok(Self { cards: cards.collect::<Result<_, Mishap>>()?, place, about: about(found) })
    }
}

impl Row {
    fn new(line: Line) -> Self {
        let number = |number: Option<usize>| number.map_or_else(|| "–".into(), |number| grouped(number as u64));
        let silent = || (String::from("too few"), String::new());
        let (share, interval) = line.share.map_or_else(silent, told);
        Self { key: line.key, sent: number(line.sent), sample: number(line.sample), share, interval }
    }
}

fn told(Estimate { share, low, high }: Estimate) -> (String, String) {
    (format!("{:.1} %", share * 100.0), format!("{:.1} to {:.1} %", low * 100.0, high * 100.0))
}

fn about(found: &Insights) -> String {
    let sent = grouped(found.all.sent as u64);
    let within = span(found.within);
    match found.all.accepted {
        Some(share) => {
            let (share, interval) = told(share);
            format!("Of {sent} invitations {share} were accepted within {within} ({interval}, at 95 %).")
        }
        None => format!("{sent} invitations are known. That is too few to say how many are accepted within {within}."),
    }
}

#[derive(Template)]
#[template(path = "insights.html")]
struct Page {
    shell: Shell,
    cards: Cards,
}

/// The page.
pub(crate) async fn page(State(web): State<Web>, me: Me) -> Answered {
    let cards = Cards::new(&web.network().insights(&me.id).await?, "/insights")?;
    let shell = Shell::new(&web, &me, Part::Network, "Insights").await?;
    answer::page(&web, &me.visitor, &Page { shell, cards })
}

/// A figure as a file.
pub(crate) async fn file(State(web): State<Web>, me: Me, Path(name): Path<String>) -> Answered {
    let found = web.network().insights(&me.id).await?;
    Ok(figures::file(&found, &name).ok_or(Mishap::NotFound)?.map_err(Mishap::from)?.into_response())
}
