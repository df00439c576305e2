//! `GET /health`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::state::AppState;

/// State of table, bucket and queue: 200 if all answer, 503 otherwise. Needs no credentials and tells
/// nothing but up or down.
pub(crate) async fn show_health(state: AppState) -> Response {
    let storage = state.storage();
    let (table, bucket, queue) =
        tokio::join!(storage.check_table(), storage.check_bucket(), storage.check_queue());
    let word = |up: bool| if up { "up" } else { "down" };
    let (table, bucket, queue) = (table.is_ok(), bucket.is_ok(), queue.is_ok());
    let all = table && bucket && queue;
    let body = json!({
        "status": if all { "ok" } else { "degraded" },
        "version": env!("CARGO_PKG_VERSION"),
        "stores": { "table": word(table), "bucket": word(bucket), "queue": word(queue) },
    });
    let status = if all { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [("cache-control", "no-store")], Json(body)).into_response()
}
