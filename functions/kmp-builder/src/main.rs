//! The builder as a Lambda function: messages of its queue, and the schedule.

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use granary_http::{AppState, lambda};
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use serde::Deserialize;
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda::init_logs();
    let state = lambda::connect_from_env().await?;
    lambda::drive(Runtime::new(service_fn(|event| answer(state.clone(), event)))).await
}

/// What the schedule sends.
#[derive(Debug, Deserialize)]
#[serde(tag = "task", rename_all = "kebab-case", deny_unknown_fields)]
enum Task {
    /// Announce all builds that are due.
    Sweep,
}

async fn answer(state: AppState, event: LambdaEvent<Value>) -> Result<Value, Error> {
    if event.payload.get("task").is_some() {
        let Task::Sweep =
            serde_json::from_value(event.payload).map_err(|e| format!("this task cannot be read: {e}"))?;
        let report = granary_kmp_builder::sweep(&state).await?;
        return Ok(json!({ "due": report.due, "waiting": report.waiting, "removed": report.removed }));
    }
    let event: SqsEvent = serde_json::from_value(event.payload)?;
    if event.records.iter().any(|record| record.event_source.as_deref() != Some("aws:sqs")) {
        return Err("only messages of its queue are for this function".into());
    }
    Ok(serde_json::to_value(consume(&state, event).await)?)
}

/// Follows up all messages at the same time; those that have to come again are reported, so that only they do.
async fn consume(state: &AppState, event: SqsEvent) -> SqsBatchResponse {
    let steps = event.records.into_iter().map(|record| async move {
        let received = record.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok());
        let body = record.body.as_deref().unwrap_or("");
        let followed = granary_kmp_builder::follow_up(state, body, received.unwrap_or(1)).await;
        followed.is_err().then(|| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = record.message_id.unwrap_or_default();
            failure
        })
    });
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = futures::future::join_all(steps).await.into_iter().flatten().collect();
    response
}
