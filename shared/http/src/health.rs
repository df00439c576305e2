//! Whether the stores answer.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::state::AppState;

/// The stores, by what they are called in answers, and whether each one answers.
pub async fn stores(state: &AppState) -> Vec<(&'static str, bool)> {
    let storage = state.storage();
    let (table, bucket, queue) =
        tokio::join!(storage.check_table(), storage.check_bucket(), storage.check_queue());
    vec![("table", table.is_ok()), ("bucket", bucket.is_ok()), ("queue", queue.is_ok())]
}

/// `GET /health`: state of table, bucket and queue: 200 if all answer, 503 otherwise. Needs no credentials and tells
/// nothing but up or down.
pub(crate) async fn show_health(state: AppState) -> Response {
    let stores = stores(&state).await;
    let all = stores.iter().all(|(_, up)| *up);
    let words = stores.into_iter().map(|(name, up)| (name.to_owned(), if up { "up" } else { "down" }.into()));
    let body = json!({
        "status": if all { "ok" } else { "degraded" },
        "version": env!("CARGO_PKG_VERSION"),
        "stores": words.collect::<serde_json::Map<_, _>>(),
    });
    let status = if all { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [("cache-control", "no-store")], Json(body)).into_response()
}
