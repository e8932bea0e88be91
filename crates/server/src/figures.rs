//! The figures of insights (rule 42) as files, for the API and for the pages.

use acquaint_core::insight::Insights;
use acquaint_plot::PlotError;
use acquaint_plot::figures::{Figure, figures};
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;

/// The figure that a file such as `curve.svg` or `curve.csv` shows; `None` if there is none of that name.
pub(crate) fn file(insights: &Insights, name: &str) -> Option<Result<Response, PlotError>> {
    let (wanted, ending) = name.split_once('.')?;
    let figure = figures(insights).into_iter().find(|figure| figure.name == wanted)?;
    match ending {
        "svg" => Some(svg(&figure)),
        "csv" => Some(csv(&figure)),
        _ => None,
    }
}

fn svg(figure: &Figure) -> Result<Response, PlotError> {
    Ok(answer("image/svg+xml", figure.file()?.into()))
}

fn csv(figure: &Figure) -> Result<Response, PlotError> {
    let text = figure.csv().map_err(PlotError::new)?;
    Ok(answer("text/csv; charset=utf-8", text.into()))
}

fn answer(media_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
