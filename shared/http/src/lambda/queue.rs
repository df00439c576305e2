//! Messages of a queue, as its event source mapping hands them to a function.

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use serde_json::Value;

/// A message of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What SQS calls it in this batch.
    pub id: String,
    /// Its text.
    pub body: String,
    /// How often it has been received, this time among them.
    pub received: u32,
}

/// The messages of an invocation.
///
/// # Errors
/// The invocation is of another form, or one of the records is of another service: S3 sends notifications of that shape.
pub fn messages(payload: Value) -> Result<Vec<Message>, lambda_http::Error> {
    let event: SqsEvent = serde_json::from_value(payload)?;
    let stranger = event.records.iter().find(|record| record.event_source.as_deref() != Some("aws:sqs"));
    if let Some(stranger) = stranger {
        let from = stranger.event_source.as_deref().unwrap_or("nowhere");
        let why = format!("records of {from} are not for this function: only messages of its queue are");
        return Err(why.into());
    }
    let message = |record: aws_lambda_events::event::sqs::SqsMessage| {
        let received = record.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok());
        Message {
            id: record.message_id.unwrap_or_default(),
            body: record.body.unwrap_or_default(),
            received: received.unwrap_or(1),
        }
    };
    Ok(event.records.into_iter().map(message).collect())
}

/// The answer after which only those messages come again whose ids are given.
///
/// # Errors
/// None in practice: it is a list of texts.
pub fn answer(failed: impl IntoIterator<Item = String>) -> Result<Value, lambda_http::Error> {
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed
        .into_iter()
        .map(|id| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            failure
        })
        .collect();
    Ok(serde_json::to_value(response)?)
}
