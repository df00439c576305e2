//! The queues. A message is only a hint: the table is the truth.

use std::time::Duration;

use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::types::{MessageAttributeValue, MessageSystemAttributeName, SendMessageBatchRequestEntry};
use granary_model::{Error, Result};

use crate::retry::store_error;
use crate::{Storage, policy};

/// Attribute of a message that was put aside.
const REASON: &str = "reason";

/// Most characters of a reason that goes with a message.
const LONGEST_REASON: usize = 1000;

/// Longest delay of a message, in seconds; SQS's limit.
const MAX_DELAY: i32 = 900;

/// A queue of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Queue {
    /// Outbox events.
    Events,
    /// Watched libraries whose source has to be looked at.
    KmpPoll,
    /// Builds that somebody has to go on with.
    KmpBuild,
    /// Messages that cannot be handled.
    DeadLetters,
}

/// A received message.
#[derive(Debug, Clone)]
pub struct Message {
    /// The text that was sent.
    pub body: String,
    /// What removes it from the queue.
    pub receipt: String,
    /// How often it was received, this time included.
    pub attempt: u32,
    /// Why it was put aside, if it was.
    pub reason: Option<String>,
}

/// The character, or what stands for one that SQS does not take: it takes what XML does.
fn sendable(character: char) -> char {
    match character {
        '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'.. => character,
        _ => char::REPLACEMENT_CHARACTER,
    }
}

/// The address of a queue that not every function has to do with.
fn named<'a>(url: Option<&'a str>, what: &str) -> Result<&'a str> {
    url.ok_or_else(|| Error::Internal(format!("the variable of the queue {what} is not set")))
}

impl Storage {
    fn queue_url(&self, queue: Queue) -> Result<&str> {
        let names = &self.inner.names;
        match queue {
            Queue::Events => Ok(&names.events_queue),
            Queue::KmpPoll => named(names.kmp_poll_queue.as_deref(), "of watched libraries"),
            Queue::KmpBuild => named(names.kmp_build_queue.as_deref(), "of builds"),
            Queue::DeadLetters => named(names.dead_letters_queue.as_deref(), "of dead letters"),
        }
    }

    /// Whether this process has to do with a queue: functions know the addresses of those that they use.
    pub fn knows(&self, queue: Queue) -> bool {
        self.queue_url(queue).is_ok()
    }

    /// Sends a message.
    pub async fn send(&self, queue: Queue, body: &str) -> Result<()> {
        self.send_later(queue, body, Duration::ZERO).await
    }

    /// Sends a message that arrives after a while, of at most 15 minutes, which is SQS's limit.
    pub async fn send_later(&self, queue: Queue, body: &str, delay: Duration) -> Result<()> {
        let seconds = i32::try_from(delay.as_secs()).unwrap_or(MAX_DELAY).min(MAX_DELAY);
        self.inner
            .sqs
            .send_message()
            .queue_url(self.queue_url(queue)?)
            .message_body(body)
            .set_delay_seconds((seconds > 0).then_some(seconds))
            .send()
            .await
            .map_err(|e| store_error("sending a message", &e))?;
        Ok(())
    }

    /// Sends any number of messages, ten with each call.
    ///
    /// # Errors
    /// `Unavailable` if some of them were not taken; others may have been sent.
    pub async fn send_all(&self, queue: Queue, bodies: &[String]) -> Result<()> {
        for batch in bodies.chunks(10) {
            let entry = |(at, body): (usize, &String)| {
                SendMessageBatchRequestEntry::builder().id(at.to_string()).message_body(body).build()
            };
            let entries = batch.iter().enumerate().map(entry).collect::<Result<Vec<_>, _>>();
            let output = self
                .inner
                .sqs
                .send_message_batch()
                .queue_url(self.queue_url(queue)?)
                .set_entries(Some(entries.map_err(|e| Error::internal("describing messages", e))?))
                .send()
                .await
                .map_err(|e| store_error("sending messages", &e))?;
            if !output.failed().is_empty() {
                return Err(Error::Unavailable("the queue did not take all messages; try again".into()));
            }
        }
        Ok(())
    }

    /// Puts a message that cannot be handled aside, with the reason beside it as the attribute `reason`.
    pub async fn send_dead_letter(&self, body: &str, reason: &str) -> Result<()> {
        let reason: String = reason.chars().take(LONGEST_REASON).map(sendable).collect();
        let attribute = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(if reason.is_empty() { "unknown" } else { &reason })
            .build()
            .map_err(|e| Error::internal("describing a message", e))?;
        self.inner
            .sqs
            .send_message()
            .queue_url(self.queue_url(Queue::DeadLetters)?)
            // SQS takes no empty text.
            .message_body(if body.is_empty() { " " } else { body })
            .message_attributes(REASON, attribute)
            .send()
            .await
            .map_err(|e| store_error("putting a message aside", &e))?;
        Ok(())
    }

    /// Receives up to 10 messages, waiting up to `wait_seconds` for the first.
    pub async fn receive(&self, queue: Queue, wait_seconds: i32) -> Result<Vec<Message>> {
        let output = self
            .inner
            .sqs
            .receive_message()
            .queue_url(self.queue_url(queue)?)
            .max_number_of_messages(10)
            .message_attribute_names(REASON)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .wait_time_seconds(wait_seconds)
            .customize()
            .config_override(Builder::new().timeout_config(self.limits(policy::waiting(wait_seconds))))
            .send()
            .await
            .map_err(|e| store_error("receiving messages", &e))?;
        let messages = output.messages.unwrap_or_default().into_iter();
        Ok(messages.filter_map(received).collect())
    }

    /// Removes a message that has been dealt with.
    pub async fn acknowledge(&self, queue: Queue, message: &Message) -> Result<()> {
        self.inner
            .sqs
            .delete_message()
            .queue_url(self.queue_url(queue)?)
            .receipt_handle(&message.receipt)
            .send()
            .await
            .map_err(|e| store_error("removing a message", &e))?;
        Ok(())
    }
}

/// A message as it came.
fn received(message: aws_sdk_sqs::types::Message) -> Option<Message> {
    let count = message
        .attributes
        .as_ref()
        .and_then(|all| all.get(&MessageSystemAttributeName::ApproximateReceiveCount))
        .and_then(|count| count.parse().ok());
    let reason = message.message_attributes.and_then(|mut all| all.remove(REASON)?.string_value);
    Some(Message {
        body: message.body?,
        receipt: message.receipt_handle?,
        attempt: count.unwrap_or(1),
        reason,
    })
}
