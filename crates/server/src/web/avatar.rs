//! Faces, drawn by us: one for each id, the same every time, in one family of colours.

use std::fmt::Write as _;

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::Response;

/// Background, clothes, face, hair: families in which hair stands out from face and ground.
const COLOURS: [[&str; 4]; 12] = [
    ["#f9d5c9", "#c8553d", "#fff1ea", "#6b2737"],
    ["#cfe3f5", "#2f6690", "#f4f9ff", "#16324f"],
    ["#d6ecd9", "#3a7d44", "#f5fbf2", "#1e4d2b"],
    ["#e5dbf5", "#6a4c93", "#f9f4ff", "#35235d"],
    ["#fbe6b8", "#c97b10", "#fff8e7", "#5f3a0b"],
    ["#cdeeea", "#0f766e", "#f0fdfa", "#134e4a"],
    ["#f8d3e0", "#b83b6b", "#fff2f7", "#66203f"],
    ["#dbe1e8", "#52606d", "#f7f9fb", "#243240"],
    ["#f3ddc3", "#9c6644", "#fff6ea", "#432818"],
    ["#d9e4ff", "#4059ad", "#f3f6ff", "#1e2a5a"],
    ["#e9ecc8", "#7a8b21", "#fbfcee", "#3f4a12"],
    ["#f1d6f0", "#8e3a8a", "#fdf3fd", "#4a1d49"],
];

/// Hair, by its shape: what is behind the head, and what is in front.
const HAIR: [[&str; 2]; 9] = [
    // Short, parted.
    ["", "M27 41c-1-15 8-22 22-21 13 1 19 9 17 21-4-2-6-6-7-10-8 3-19 3-26 0-2 3-4 7-6 10z"],
    // Cropped.
    ["", "M28 37c0-12 8-17 18-17s18 5 18 17c-3-5-9-8-18-8s-15 3-18 8z"],
    // Long, straight.
    ["M25 70V40c0-14 9-22 21-22s21 8 21 22v30z", "M28 42c0-12 7-17 18-17s18 5 18 17c-8-2-15-6-19-11-4 5-9 9-17 11z"],
    // A bun.
    ["M46 7a9 9 0 1 1 0 18 9 9 0 0 1 0-18z", "M27 42c-1-14 7-22 19-22s20 8 19 22c-4-9-10-13-19-13s-15 4-19 13z"],
    // Curls.
    [
        "M29 46a9 9 0 0 1-3-15 10 10 0 0 1 9-12 13 13 0 0 1 22 0 10 10 0 0 1 9 12 9 9 0 0 1-3 15z",
        "M28 40c2-6 5-9 9-10 3 2 6 2 9 0 3 2 6 2 9 0 4 1 7 4 9 10 1-13-6-20-18-20s-19 7-18 20z",
    ],
    // To the shoulders, with a fringe.
    [
        "M24 60c2-8 1-14 1-20 0-14 9-22 21-22s21 8 21 22c0 6-1 12 1 20z",
        "M28 41c0-13 7-19 18-19s18 6 18 19c-2-4-4-6-6-7H34c-2 1-4 3-6 7z",
    ],
    // A scarf.
    [
        "M22 74c0-12 2-22 2-33 0-15 10-24 22-24s22 9 22 24c0 11 2 21 2 33z",
        "M28 44c0-13 7-20 18-20s18 7 18 20c-4-8-10-12-18-12s-14 4-18 12z",
    ],
    // A quiff.
    ["", "M28 38c-2-9 1-19 12-20 10-2 24 0 25 10 0 4-1 7-2 10-2-4-5-7-9-8-7 1-13 1-18-1-3 2-6 5-8 9z"],
    // A cap of wool.
    ["M43 12a4 4 0 1 1 6 0z", "M27 37c-1-15 7-24 19-24s20 9 19 24c-6-3-12-4-19-4s-13 1-19 4z"],
];

/// Draws the face of a member.
pub(crate) async fn draw(Path(id): Path<String>) -> Response {
    let mut response = Response::new(Body::from(face(&id)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/svg+xml"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    response
}

/// A number below `below`, from one byte of a digest.
fn pick(byte: u8, below: usize) -> usize {
    usize::from(byte) % below
}

fn face(id: &str) -> String {
    let digest: [u8; 32] = blake3::hash(id.as_bytes()).into();
    let [a, b, c, d, e, ..] = digest;
    let [ground, clothes, skin, hair] =
        COLOURS.get(pick(a, COLOURS.len())).copied().unwrap_or(["#ddd", "#666", "#fff", "#333"]);
    let [behind, front] = HAIR.get(pick(b, HAIR.len())).copied().unwrap_or_default();
    let mut svg = String::with_capacity(1_200);
    let _ = write!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 92 92"><path fill="{ground}" d="M0 0h92v92H0z"/>"#
    );
    let _ = write!(
        svg,
        r#"<path fill="{hair}" d="{behind}"/><path fill="{clothes}" d="M10 96c0-20 15-29 36-29s36 9 36 29z"/>"#
    );
    // Neck, with the shadow of the chin; then the head.
    let _ = write!(
        svg,
        r#"<path fill="{skin}" d="M37 56h18v13a9 9 0 0 1-18 0z"/><path fill="{ground}" opacity=".7" d="M37 60c5 4 13 4 18 0v4c-5 4-13 4-18 0z"/>"#
    );
    let _ =
        write!(svg, r#"<path fill="{skin}" d="M29 39c0-12 7-18 17-18s17 6 17 18v6c0 11-7 18-17 18s-17-7-17-18z"/>"#);
    let _ = write!(svg, r#"<path fill="{hair}" d="{front}"/>"#);
    svg.push_str(match pick(c, 4) {
        0 => r##"<path fill="none" stroke="#2b2b33" stroke-width="2.2" stroke-linecap="round" d="M41 53c3 3 7 3 10 0"/>"##,
        1 => r##"<path fill="#2b2b33" d="M40 52h12c-1 4-3 6-6 6s-5-2-6-6z"/>"##,
        2 => r##"<path fill="none" stroke="#2b2b33" stroke-width="2.2" stroke-linecap="round" d="M42 54h8"/>"##,
        _ => r##"<path fill="none" stroke="#2b2b33" stroke-width="2.2" stroke-linecap="round" d="M42 53c2 3 6 3 8-1"/>"##,
    });
    svg.push_str(
        r##"<circle cx="39.5" cy="44" r="2" fill="#2b2b33"/><circle cx="52.5" cy="44" r="2" fill="#2b2b33"/>"##,
    );
    if pick(d, 4) == 0 {
        let _ = write!(
            svg,
            r#"<g fill="none" stroke="{hair}" stroke-width="1.8"><circle cx="39.5" cy="44" r="5.5"/><circle cx="52.5" cy="44" r="5.5"/><path d="M45 43q1-1 2 0M34 43l-4-1M58 43l4-1"/></g>"#
        );
    }
    match pick(e, 3) {
        0 => {
            let _ = write!(svg, r#"<path fill="none" stroke="{skin}" stroke-width="2.5" d="M35 69l11 9 11-9"/>"#);
        }
        1 => {
            let _ = write!(svg, r#"<path fill="{ground}" d="M38 68l8 10 8-10v28H38z"/>"#);
        }
        _ => {}
    }
    svg.push_str("</svg>");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_is_the_same_every_time_and_holds_nothing_of_the_id() {
        assert_eq!(face("ann"), face("ann"));
        assert_ne!(face("ann"), face("bo"));
        assert!(!face("<script>").contains("script"));
    }
}
