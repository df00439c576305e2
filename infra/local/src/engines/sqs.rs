//! SQS in memory.
//!
//! Messages are lost when the process ends. That is allowed: a message is only a hint that a row waits in
//! the table, and the rows that wait are found again at start.

mod queue;
mod wire;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::engines::connector::Engine;
use crate::engines::json::{JsonCall, refuse, respond};
use crate::engines::sqs::queue::{Queue, Settings};

/// What the target header of every request begins with.
const TARGET_PREFIX: &str = "AmazonSQS.";

/// What queue URLs begin with.
const URL_PREFIX: &str = "http://sqs.local/000000000000/";

/// What a queue's name ends with that takes the messages nobody could deal with.
const DEAD_LETTERS: &str = "-dead";

/// How often a message is given out before it goes to the dead letters, where a queue does not say.
const MAX_RECEIVES: u32 = 5;

/// Most entries of one batch.
const MAX_BATCH: usize = 10;

/// The SQS engine.
#[derive(Default)]
pub(crate) struct Sqs {
    queues: Mutex<HashMap<String, Arc<Queue>>>,
}

/// Why a request is refused: the name and the message of the error.
struct Refusal(&'static str, String);

impl Refusal {
    fn invalid(message: impl Into<String>) -> Self {
        Self("InvalidParameterValue", message.into())
    }

    /// The SDK recognises errors by the names that SQS had before it spoke JSON, in a header.
    fn respond(self) -> Result<HttpResponse, ConnectorError> {
        let Self(name, message) = self;
        let mut response = refuse(400, &format!("com.amazonaws.sqs#{name}"), &message)?;
        let old_name = match name {
            "InvalidParameterValue" => name.to_owned(),
            "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue".to_owned(),
            _ => format!("AWS.SimpleQueueService.{name}"),
        };
        response.headers_mut().insert("x-amzn-query-error", format!("{old_name};Sender"));
        Ok(response)
    }
}

type Outcome<T> = Result<T, Refusal>;

impl Engine for Sqs {
    const NAME: &'static str = "SQS";

    async fn answer(self: Arc<Self>, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let call = JsonCall::read(request, TARGET_PREFIX).await?;
        match self.run(&call.operation, &call.body).await {
            Ok(body) => respond(200, body),
            Err(refusal) => refusal.respond(),
        }
    }
}

impl Sqs {
    async fn run(&self, operation: &str, body: &Bytes) -> Outcome<Vec<u8>> {
        match operation {
            "CreateQueue" => encode(&self.create_queue(decode(body)?)?),
            "GetQueueUrl" => encode(&self.queue_url(&decode(body)?)?),
            "GetQueueAttributes" => encode(&self.queue_attributes(&decode(body)?)?),
            "SendMessage" => encode(&self.send(decode(body)?)?),
            "SendMessageBatch" => encode(&self.send_batch(decode(body)?)?),
            "ReceiveMessage" => encode(&self.receive(decode(body)?).await?),
            "DeleteMessage" => encode(&self.delete(&decode(body)?)?),
            "DeleteMessageBatch" => encode(&self.delete_batch(decode(body)?)?),
            "ChangeMessageVisibility" => encode(&self.change_visibility(&decode(body)?)?),
            _ => {
                Err(Refusal("UnsupportedOperation", format!("the embedded SQS does not offer '{operation}'")))
            }
        }
    }

    fn queue(&self, url: &str) -> Outcome<Arc<Queue>> {
        let name = url.rsplit('/').next().unwrap_or_default();
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues
            .get(name)
            .cloned()
            .ok_or_else(|| Refusal("QueueDoesNotExist", format!("there is no queue '{name}'")))
    }

    /// A queue that names no dead letter queue gets one, with the limit that the deployed queues have.
    fn create_queue(&self, request: wire::CreateQueue) -> Outcome<wire::QueueUrl> {
        let name = request.queue_name;
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            return Err(Refusal::invalid("a queue's name is made of letters, digits, - and _"));
        }
        let mut settings = Settings::from_attributes(&request.attributes).map_err(Refusal::invalid)?;
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if !queues.contains_key(&name) {
            if let Some(policy) = request.attributes.get("RedrivePolicy") {
                let policy: wire::RedrivePolicy =
                    serde_json::from_str(policy).map_err(|e| Refusal::invalid(e.to_string()))?;
                let target = policy.dead_letter_target_arn.rsplit(':').next().unwrap_or_default();
                let target =
                    queues.get(target).ok_or_else(|| Refusal::invalid("no such dead letter queue"))?;
                settings.redrive = Some((Arc::clone(target), policy.max_receive_count));
            } else if !name.ends_with(DEAD_LETTERS) {
                let target = queues.entry(format!("{name}{DEAD_LETTERS}")).or_default();
                settings.redrive = Some((Arc::clone(target), MAX_RECEIVES));
            }
            queues.insert(name.clone(), Arc::new(Queue::new(settings)));
        }
        Ok(wire::QueueUrl { queue_url: format!("{URL_PREFIX}{name}") })
    }

    fn queue_url(&self, request: &wire::QueueName) -> Outcome<wire::QueueUrl> {
        self.queue(&request.queue_name)?;
        Ok(wire::QueueUrl { queue_url: format!("{URL_PREFIX}{}", request.queue_name) })
    }

    fn queue_attributes(&self, request: &wire::QueueUrl) -> Outcome<serde_json::Value> {
        let name = request.queue_url.rsplit('/').next().unwrap_or_default();
        let counts = self.queue(&request.queue_url)?.counts();
        Ok(json!({ "Attributes": {
            "QueueArn": format!("arn:aws:sqs:us-east-1:000000000000:{name}"),
            "ApproximateNumberOfMessages": counts.ready.to_string(),
            "ApproximateNumberOfMessagesNotVisible": counts.in_flight.to_string(),
            "ApproximateNumberOfMessagesDelayed": counts.delayed.to_string(),
        }}))
    }

    fn send(&self, request: wire::SendMessage) -> Outcome<wire::Sent> {
        self.queue(&request.queue_url)?.send(request.entry).map_err(Refusal::invalid)
    }

    fn send_batch(&self, request: wire::SendMessageBatch) -> Outcome<serde_json::Value> {
        let queue = self.queue(&request.queue_url)?;
        check_batch(request.entries.len())?;
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for wire::SendMessageBatchEntry { id, entry } in request.entries {
            match queue.send(entry) {
                Ok(sent) => successful.push(json!({
                    "Id": id, "MessageId": sent.message_id, "MD5OfMessageBody": sent.md5_of_message_body,
                })),
                Err(message) => failed.push(json!({
                    "Id": id, "Code": "InvalidParameterValue", "Message": message, "SenderFault": true,
                })),
            }
        }
        Ok(json!({ "Successful": successful, "Failed": failed }))
    }

    async fn receive(&self, request: wire::ReceiveMessage) -> Outcome<wire::Received> {
        let queue = self.queue(&request.queue_url)?;
        let messages = queue.receive(&request).await.map_err(Refusal::invalid)?;
        Ok(wire::Received { messages })
    }

    fn delete(&self, request: &wire::DeleteMessage) -> Outcome<serde_json::Value> {
        self.queue(&request.queue_url)?.delete(&request.receipt_handle);
        Ok(json!({}))
    }

    fn delete_batch(&self, request: wire::DeleteMessageBatch) -> Outcome<serde_json::Value> {
        let queue = self.queue(&request.queue_url)?;
        check_batch(request.entries.len())?;
        let mut successful = Vec::new();
        for wire::DeleteMessageBatchEntry { id, receipt_handle } in request.entries {
            queue.delete(&receipt_handle);
            successful.push(json!({ "Id": id }));
        }
        Ok(json!({ "Successful": successful, "Failed": [] }))
    }

    fn change_visibility(&self, request: &wire::ChangeMessageVisibility) -> Outcome<serde_json::Value> {
        let queue = self.queue(&request.queue_url)?;
        if queue.change_visibility(&request.receipt_handle, request.visibility_timeout) {
            return Ok(json!({}));
        }
        Err(Refusal("MessageNotInflight", "the message is not in flight".into()))
    }
}

fn check_batch(entries: usize) -> Outcome<()> {
    match entries {
        0 => Err(Refusal("EmptyBatchRequest", "the batch is empty".into())),
        1..=MAX_BATCH => Ok(()),
        _ => Err(Refusal("TooManyEntriesInBatchRequest", "a batch has at most 10 entries".into())),
    }
}

fn decode<T: DeserializeOwned>(body: &Bytes) -> Outcome<T> {
    serde_json::from_slice(body).map_err(|error| Refusal::invalid(error.to_string()))
}

fn encode<T: Serialize>(response: &T) -> Outcome<Vec<u8>> {
    serde_json::to_vec(response).map_err(|error| Refusal::invalid(error.to_string()))
}
