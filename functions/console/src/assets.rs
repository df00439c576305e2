//! The stylesheet and the script.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use granary_http::secret_digest;

const STYLE: &str = include_str!("../assets/style.css");
const SCRIPT: &str = include_str!("../assets/console.js");

/// Names with a digest of what is in them, so that browsers may keep them for ever.
static STYLE_NAME: LazyLock<String> = LazyLock::new(|| format!("style-{}.css", digest(STYLE)));
static SCRIPT_NAME: LazyLock<String> = LazyLock::new(|| format!("console-{}.js", digest(SCRIPT)));

fn digest(text: &str) -> String {
    secret_digest(text).chars().take(12).collect()
}

/// Name of the stylesheet.
pub(crate) fn style() -> &'static str {
    &STYLE_NAME
}

/// Name of the script.
pub(crate) fn script() -> &'static str {
    &SCRIPT_NAME
}

/// `GET /ui/assets/{file}`.
pub(crate) async fn show_asset(Path(file): Path<String>) -> Response {
    let (text, kind) = match file.as_str() {
        name if name == style() => (STYLE, "text/css; charset=utf-8"),
        name if name == script() => (SCRIPT, "text/javascript; charset=utf-8"),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let headers =
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, text).into_response()
}
