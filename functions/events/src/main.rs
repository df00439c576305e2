//! The outbox consumer as a Lambda function: SQS messages, and the schedule that sweeps.

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use granary_http::AppState;
use granary_storage::rows::OutboxRow;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    granary_http::lambda::init_logs();
    let state = granary_http::lambda::connect().await?;
    lambda_runtime::run(service_fn(|event| answer(state.clone(), event))).await
}

/// Messages have `Records`; the schedule sends `{"task":"sweep"}` or `{"task":"sweep-blobs"}`.
async fn answer(state: AppState, event: LambdaEvent<Value>) -> Result<Value, Error> {
    match event.payload.get("task").and_then(Value::as_str) {
        Some("sweep-blobs") => {
            let removed = granary_events::sweep_blobs(&state).await?;
            Ok(serde_json::json!({ "removed": removed }))
        }
        Some(_) => {
            let report = granary_events::sweep(&state, false).await?;
            Ok(serde_json::json!({ "finished": report.finished, "failed": report.failed }))
        }
        None => Ok(serde_json::to_value(consume(&state, serde_json::from_value(event.payload)?).await)?),
    }
}

/// Handles each message; those that fail are reported, so that only they come back.
async fn consume(state: &AppState, event: SqsEvent) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for record in event.records {
        let row: Result<OutboxRow, _> = serde_json::from_str(record.body.as_deref().unwrap_or(""));
        let failed = match row {
            Ok(row) => granary_events::handle(state, &row).await.is_err(),
            Err(error) => {
                tracing::error!(%error, "a message cannot be read");
                false
            }
        };
        if failed {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = record.message_id.unwrap_or_default();
            response.batch_item_failures.push(failure);
        }
    }
    response
}
