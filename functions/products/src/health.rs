//! `GET /api/health`.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::product::ProductCaller;
use granary_http::{AppState, reply};
use granary_model::{Error, Result};
use serde::Serialize;

use crate::failure;

#[derive(Debug, Serialize)]
struct Health {
    table: String,
    bucket: String,
    queues: String,
}

/// What the registry stands on: 200 if all of it answers, 500 otherwise. For any token; if the table does not answer, so that
/// nobody can be known, for everybody.
pub(crate) async fn show_health(state: AppState, headers: HeaderMap) -> Response {
    let caller = ProductCaller::of_request(&state, &headers).await;
    let unknown = match caller {
        Ok(_) => None,
        Err(error @ Error::Unavailable(_)) => Some(error),
        Err(error) => return failure::json(error),
    };
    let storage = state.storage();
    let (table, bucket, queue) =
        tokio::join!(storage.check_table(), storage.check_bucket(), storage.check_queue());
    let all = table.is_ok() && bucket.is_ok() && queue.is_ok();
    if let Some(error) = unknown.filter(|_| all) {
        return failure::json(error);
    }
    let health = Health {
        table: in_words("Table", table),
        bucket: in_words("Bucket", bucket),
        queues: in_words("Queue", queue),
    };
    reply(if all { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR }, &health)
}

fn in_words(what: &str, state: Result<()>) -> String {
    match state {
        Ok(()) => format!("{what} is fine"),
        Err(Error::Unavailable(text)) => text,
        Err(error) => {
            tracing::error!(%error, "a store could not be checked");
            format!("{what} could not be checked")
        }
    }
}
