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

/// Messages have `Records`; the schedule sends `{"task":"sweep"}`, `{"task":"sweep-blobs"}` or
/// `{"task":"sweep-uploads"}`.
async fn answer(state: AppState, event: LambdaEvent<Value>) -> Result<Value, Error> {
    match event.payload.get("task").and_then(Value::as_str) {
        Some("sweep-blobs") => {
            let removed = granary_events::sweep_blobs(&state).await?;
            Ok(serde_json::json!({ "removed": removed }))
        }
        Some("sweep-uploads") => {
            let removed = granary_events::sweep_uploads(&state).await?;
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

#[cfg(test)]
mod tests {
    use granary_testing::TestApp;
    use granary_testing::npm::NpmPackage;
    use granary_testing::probe::{Fault, Service, Target};
    use lambda_runtime::Context;
    use serde_json::json;

    use super::*;

    async fn published() -> (TestApp, Vec<OutboxRow>) {
        let app = TestApp::new().await;
        let ann = app.npm_repo("ann", "libs", "private").await;
        for name in ["one", "two", "three"] {
            assert_eq!(ann.publish("libs", &NpmPackage::new(name, "1.0.0")).await.status, 201);
        }
        let rows = app.outbox().await;
        (app, rows)
    }

    async fn call(app: &TestApp, payload: Value) -> Value {
        answer(app.state().clone(), LambdaEvent::new(payload, Context::default())).await.unwrap()
    }

    #[tokio::test]
    async fn only_messages_that_failed_come_back() {
        let (app, rows) = published().await;
        let record =
            |id: &str, body: String| json!({ "messageId": id, "body": body, "eventSource": "aws:sqs" });
        let text = |row: &OutboxRow| serde_json::to_string(row).unwrap();
        let records = json!({ "Records": [
            record("first", text(&rows[0])),
            record("unreadable", "no event".into()),
            record("fails", text(&rows[1])),
            record("last", text(&rows[2])),
        ] });
        app.probe.reset();
        // The documents of the second package cannot be listed.
        app.probe.inject(Target::operation(Service::S3, "ListObjectsV2", 2), Fault::Refuse);
        let response = call(&app, records).await;
        assert_eq!(response, json!({ "batchItemFailures": [{ "itemIdentifier": "fails" }] }));
        let left: Vec<String> = app.outbox().await.into_iter().map(|row| row.id).collect();
        assert_eq!(left, [rows[1].id.clone()]);
    }

    #[tokio::test]
    async fn the_schedule_sweeps() {
        let (app, rows) = published().await;
        app.clock.advance_millis(60_000);
        let response = call(&app, json!({ "task": "sweep" })).await;
        assert_eq!(response, json!({ "finished": rows.len(), "failed": 0 }));
        assert!(app.outbox().await.is_empty());
        let digest = granary_publish::digests::Digests::of(b"orphan").sha256;
        let bytes = granary_storage::Upload::Memory(b"orphan".as_slice().into());
        app.state().storage().put_blob(digest, &bytes).await.unwrap();
        assert_eq!(call(&app, json!({ "task": "sweep-blobs" })).await, json!({ "removed": 1 }));
    }
}
