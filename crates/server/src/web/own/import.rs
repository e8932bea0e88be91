//! An export that its owner picks in the browser: streamed to a file without a name, read, and gone.

use std::fs::File;
use std::io::{Seek, Write};

use acquaint_linkedin::import::{Figure, Imported, NotImported};
use acquaint_linkedin::kept::KeptError;
use acquaint_linkedin::source::Source;
use acquaint_plot::grouped;
use askama::Template;
use axum::RequestExt;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{DefaultBodyLimit, Multipart, Request, State};
use axum::http::StatusCode;

use super::{Desk, Frame};
use crate::web::form::{Answered, is_foreign};
use crate::web::session::Visitor;
use crate::web::{Mishap, Seals, answer};

/// The address of the page.
pub(super) const IMPORT: &str = "/linkedin/import";
/// Most that is taken, in bytes. Complete exports hold pictures and messages too, which are not read.
const MOST: usize = 4 << 30;
/// Files in one form: the archive, or the two that are read.
const MOST_FILES: usize = 2;

/// What lets an export be as long as it may.
pub(super) fn limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(MOST)
}

#[derive(Template)]
#[template(path = "own_import.html")]
struct ImportPage {
    frame: Frame,
    is_first: bool,
    told: Option<Result<Told, String>>,
}

/// What came of an import, for people.
struct Told {
    figures: Vec<Line>,
    remarks: Vec<String>,
    troubles: Vec<String>,
    untold: String,
}

struct Line {
    name: &'static str,
    is_part: bool,
    count: String,
    remark: String,
}

impl From<Figure> for Line {
    fn from(Figure { name, is_part, count, of_these, remark }: Figure) -> Self {
        let of_these = of_these.map(|number| format!("{} ", grouped(number))).unwrap_or_default();
        Self { name, is_part, count: grouped(count), remark: format!("{of_these}{remark}") }
    }
}

impl From<Imported> for Told {
    fn from(Imported { figures, remarks, troubles, untold }: Imported) -> Self {
        let trouble =
            |it: &acquaint_linkedin::export::Trouble| format!("{}, line {}: {}", it.part.name(), it.line, it.reason);
        Self {
            figures: figures.into_iter().map(Line::from).collect(),
            remarks,
            troubles: troubles.iter().map(trouble).collect(),
            untold: if untold > 0 { format!("And {} more.", grouped(untold)) } else { String::new() },
        }
    }
}

/// Asks for an export.
pub(super) async fn page(State(desk): State<Desk>, visitor: Visitor) -> Answered {
    show(&desk, &visitor, StatusCode::OK, None).await
}

/// Takes the export that was picked. The token comes first, so nothing is kept of a form without it.
pub(super) async fn take(State(desk): State<Desk>, visitor: Visitor, request: Request) -> Answered {
    if is_foreign(request.headers()) {
        return Err(Mishap::Forged);
    }
    let mut form = request.extract::<Multipart, _>().await.map_err(|error| Mishap::Unreadable(error.status()))?;
    let first = form.next_field().await?.filter(|field| field.name() == Some("token"));
    let token = first.ok_or(Mishap::Forged)?.text().await?;
    if !visitor.is_token(desk.secret(), &token) {
        return Err(Mishap::Forged);
    }
    let mut files = Vec::new();
    while let Some(field) = form.next_field().await? {
        let Some(name) = field.file_name().filter(|name| !name.is_empty()).map(str::to_owned) else { continue };
        if files.len() == MOST_FILES {
            let told = "choose the archive alone, or Invitations.csv and Connections.csv; nothing was changed";
            return show(&desk, &visitor, StatusCode::UNPROCESSABLE_ENTITY, Some(Err(told.into()))).await;
        }
        files.push((name, received(field).await?));
    }
    let (kept, now) = (desk.0.kept.clone(), desk.now());
    let imported = tokio::task::spawn_blocking(move || {
        let mut source = Source::of_files(files).map_err(|error| NotImported::Unreadable(error.into()))?;
        kept.import(&mut source, now, |_| ())
    });
    match imported.await.map_err(|_| Mishap::Ours)? {
        Ok(imported) => show(&desk, &visitor, StatusCode::OK, Some(Ok(imported.into()))).await,
        Err(NotImported::Kept(error)) => Err(error.into()),
        Err(error) => show(&desk, &visitor, StatusCode::UNPROCESSABLE_ENTITY, Some(Err(error.to_string()))).await,
    }
}

/// A file that was sent, at its beginning. It has no name, so that nothing of it is left whatever happens.
async fn received(mut field: Field<'_>) -> Result<File, Mishap> {
    let mut file = tempfile::tempfile().map_err(|error| unkept(&error))?;
    while let Some(chunk) = field.chunk().await? {
        let written = tokio::task::spawn_blocking(move || file.write_all(&chunk).map(|()| file));
        file = written.await.map_err(|_| Mishap::Ours)?.map_err(|error| unkept(&error))?;
    }
    file.rewind().map_err(|error| unkept(&error))?;
    Ok(file)
}

fn unkept(error: &std::io::Error) -> Mishap {
    tracing::error!(%error, "an export that was sent cannot be written to a temporary file");
    Mishap::NoRoom
}

async fn show(desk: &Desk, visitor: &Visitor, status: StatusCode, told: Option<Result<Told, String>>) -> Answered {
    let kept = desk.0.kept.clone();
    let known = match tokio::task::spawn_blocking(move || kept.ledger()).await.map_err(|_| Mishap::Ours)? {
        Err(KeptError::Nothing(_)) => None,
        known => Some(known?),
    };
    let (is_first, ledger) = (known.is_none(), known.unwrap_or_default());
    let frame = Frame::new(desk, visitor, &ledger, "Import", "import");
    answer::whole(desk, visitor, status, &ImportPage { frame, is_first, told })
}

impl From<MultipartError> for Mishap {
    fn from(error: MultipartError) -> Self {
        Self::Unreadable(error.status())
    }
}
