//! Styles, scripts and icons: compiled in, compressed once, named by what is in them.

use std::io::Write as _;
use std::sync::LazyLock;

use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::Mishap;

/// A file as it is kept.
struct Asset {
    name: &'static str,
    media_type: &'static str,
    plain: &'static [u8],
    packed: Option<Bytes>,
    /// Its address, which changes with what is in it, so that browsers may keep it for good.
    address: String,
}

static ASSETS: LazyLock<[Asset; 5]> = LazyLock::new(|| {
    [
        asset("pages.css", "text/css; charset=utf-8", include_bytes!("../../assets/pages.css")),
        asset("pages.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/pages.js")),
        asset("htmx.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/vendor/htmx.min.js")),
        asset("icons.svg", "image/svg+xml", include_bytes!("../../assets/icons.svg")),
        asset("mark.svg", "image/svg+xml", include_bytes!("../../assets/mark.svg")),
    ]
});

fn asset(name: &'static str, media_type: &'static str, plain: &'static [u8]) -> Asset {
    let digest: String = blake3::hash(plain).to_hex().as_str().chars().take(12).collect();
    Asset { name, media_type, plain, packed: packed(plain), address: format!("/assets/{name}?v={digest}") }
}

/// The file, compressed; `None` if that fails, which memory does not.
fn packed(plain: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// The address of a file, for templates.
pub(crate) fn address(name: &str) -> &'static str {
    ASSETS.iter().find(|asset| asset.name == name).map_or("", |asset| asset.address.as_str())
}

/// Answers with a file.
pub(crate) async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return Mishap::NotFound.into_response();
    };
    let accepts = headers.get(header::ACCEPT_ENCODING).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let packed = asset.packed.as_ref().filter(|_| accepts.split(',').any(|name| name.trim() == "gzip"));
    let body = packed.cloned().unwrap_or(Bytes::from_static(asset.plain));
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if packed.is_some() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}
