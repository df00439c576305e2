//! Messages of a queue as a function gets them, and what it has put aside.

use granary_storage::Queue;
use serde_json::{Value, json};

use crate::app::TestApp;

/// A message as the event source mapping of SQS hands it over.
pub fn record(id: &str, body: &str, received: u32) -> Value {
    json!({
        "messageId": id,
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": received.to_string(),
            "SentTimestamp": "1790000000000",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": "1790000000010"
        },
        "messageAttributes": {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:messages",
        "awsRegion": "us-east-1"
    })
}

impl TestApp {
    /// What is in the queue of dead letters: bodies and reasons.
    pub async fn dead_letters(&self) -> Vec<(String, String)> {
        let messages = self.state().storage().receive(Queue::DeadLetters, 0).await.unwrap();
        messages.into_iter().map(|message| (message.body, message.reason.unwrap())).collect()
    }
}
