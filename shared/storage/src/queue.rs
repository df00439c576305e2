//! The queues. A message is only a hint: the table is the truth.

use granary_model::Result;

use crate::Storage;
use crate::retry::store_error;

/// A queue of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Queue {
    /// Outbox events.
    Events,
}

/// A received message.
#[derive(Debug, Clone)]
pub struct Message {
    /// The text that was sent.
    pub body: String,
    /// What removes it from the queue.
    pub receipt: String,
}

impl Storage {
    fn queue_url(&self, queue: Queue) -> &str {
        match queue {
            Queue::Events => &self.inner.names.events_queue,
        }
    }

    /// Sends a message.
    pub async fn send(&self, queue: Queue, body: &str) -> Result<()> {
        self.inner
            .sqs
            .send_message()
            .queue_url(self.queue_url(queue))
            .message_body(body)
            .send()
            .await
            .map_err(|e| store_error("sending a message", &e))?;
        Ok(())
    }

    /// Receives up to 10 messages, waiting up to `wait_seconds` for the first.
    pub async fn receive(&self, queue: Queue, wait_seconds: i32) -> Result<Vec<Message>> {
        let output = self
            .inner
            .sqs
            .receive_message()
            .queue_url(self.queue_url(queue))
            .max_number_of_messages(10)
            .wait_time_seconds(wait_seconds)
            .send()
            .await
            .map_err(|e| store_error("receiving messages", &e))?;
        let messages = output.messages.unwrap_or_default().into_iter();
        Ok(messages.filter_map(|m| Some(Message { body: m.body?, receipt: m.receipt_handle? })).collect())
    }

    /// Removes a message that has been dealt with.
    pub async fn acknowledge(&self, queue: Queue, message: &Message) -> Result<()> {
        self.inner
            .sqs
            .delete_message()
            .queue_url(self.queue_url(queue))
            .receipt_handle(&message.receipt)
            .send()
            .await
            .map_err(|e| store_error("removing a message", &e))?;
        Ok(())
    }
}
