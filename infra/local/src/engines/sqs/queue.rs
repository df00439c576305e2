//! One queue: messages that wait, messages that are hidden, and what moves them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use granary_model::{Clock as _, Ids as _, RandomIds, SystemClock, Timestamp};
use md5::{Digest as _, Md5};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::engines::sqs::wire::{ReceiveMessage, ReceivedMessage, SendEntry, Sent};

/// Largest body, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// Longest delay of a message, in seconds.
const MAX_DELAY: u32 = 900;

/// Longest time that a receive waits for a message, in seconds.
const MAX_WAIT: u32 = 20;

/// Longest time that a received message stays hidden, in seconds.
const MAX_HIDDEN: u32 = 43_200;

/// What a queue is made with. Times are in seconds.
#[derive(Clone)]
pub(crate) struct Settings {
    hidden: u32,
    delay: u32,
    wait: u32,
    /// Where a message goes that has been received this often.
    pub(crate) redrive: Option<(Arc<Queue>, u32)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { hidden: 30, delay: 0, wait: 0, redrive: None }
    }
}

impl Settings {
    /// From the attributes of a `CreateQueue` request.
    pub(crate) fn from_attributes(attributes: &HashMap<String, String>) -> Result<Self, String> {
        let seconds = |name: &str, default: u32, most: u32| match attributes.get(name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .ok()
                .filter(|&n| n <= most)
                .ok_or_else(|| format!("{name} is a number up to {most}")),
        };
        Ok(Self {
            hidden: seconds("VisibilityTimeout", 30, MAX_HIDDEN)?,
            delay: seconds("DelaySeconds", 0, MAX_DELAY)?,
            wait: seconds("ReceiveMessageWaitTimeSeconds", 0, MAX_WAIT)?,
            redrive: None,
        })
    }
}

/// How many messages are where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) ready: usize,
    pub(crate) in_flight: usize,
    pub(crate) delayed: usize,
}

/// A queue.
#[derive(Default)]
pub(crate) struct Queue {
    settings: Settings,
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Message>,
    /// By the moment at which they are ready again, and a number that tells equal moments apart.
    hidden: BTreeMap<(Instant, u64), Message>,
    /// Where the hidden message of a receipt is.
    receipts: HashMap<String, (Instant, u64)>,
    numbers: u64,
}

struct Message {
    id: String,
    body: String,
    attributes: Option<serde_json::Value>,
    sent: Timestamp,
    first_received: Option<Timestamp>,
    receives: u32,
    /// Of the last time it was received. Deleting by it works even when the message is ready again.
    receipt: Option<String>,
}

impl State {
    fn hide(&mut self, message: Message, until: Instant) {
        self.numbers += 1;
        let place = (until, self.numbers);
        if let Some(receipt) = &message.receipt {
            self.receipts.insert(receipt.clone(), place);
        }
        self.hidden.insert(place, message);
    }

    fn take_hidden(&mut self, receipt: &str) -> Option<Message> {
        let place = self.receipts.remove(receipt)?;
        self.hidden.remove(&place)
    }

    /// Makes ready what has been hidden long enough.
    fn wake(&mut self, now: Instant) {
        while let Some(entry) = self.hidden.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let message = entry.remove();
            if let Some(receipt) = &message.receipt {
                self.receipts.remove(receipt);
            }
            self.ready.push_back(message);
        }
    }
}

/// Whether a message may have the character. SQS spoke XML once.
fn is_taken(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

impl Queue {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, ..Self::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn counts(&self) -> Counts {
        let mut state = self.state();
        state.wake(Instant::now());
        let in_flight = state.receipts.len();
        Counts { ready: state.ready.len(), in_flight, delayed: state.hidden.len() - in_flight }
    }

    /// Adds a message, and says what is wrong with it if it cannot be added.
    pub(crate) fn send(&self, entry: SendEntry) -> Result<Sent, String> {
        let SendEntry { message_body: body, delay_seconds, message_attributes: attributes } = entry;
        if body.is_empty() || body.len() > MAX_BODY {
            return Err(format!("a message has 1 to {MAX_BODY} bytes"));
        }
        if !body.chars().all(is_taken) {
            return Err("a message has only characters that XML has as well".into());
        }
        let delay = delay_seconds.unwrap_or(self.settings.delay);
        if delay > MAX_DELAY {
            return Err(format!("DelaySeconds is at most {MAX_DELAY}"));
        }
        let sent = SystemClock.now();
        let id = RandomIds.next(sent);
        let answer = Sent { message_id: id.clone(), md5_of_message_body: md5_hex(&body) };
        self.add(
            Message { id, body, attributes, sent, first_received: None, receives: 0, receipt: None },
            delay,
        );
        Ok(answer)
    }

    fn add(&self, message: Message, delay: u32) {
        let mut state = self.state();
        if delay == 0 {
            state.ready.push_back(message);
        } else {
            state.hide(message, Instant::now() + seconds(delay));
        }
        drop(state);
        self.arrived.notify_waiters();
    }

    /// Gives out messages and hides them. Waits for the first one as long as the request or the queue says.
    pub(crate) async fn receive(&self, request: &ReceiveMessage) -> Result<Vec<ReceivedMessage>, String> {
        let most = request.max_number_of_messages.unwrap_or(1);
        let hidden = request.visibility_timeout.unwrap_or(self.settings.hidden);
        let wait = request.wait_time_seconds.unwrap_or(self.settings.wait);
        if !(1..=10).contains(&most) || hidden > MAX_HIDDEN || wait > MAX_WAIT {
            return Err(
                "MaxNumberOfMessages is 1 to 10, VisibilityTimeout at most 43200, WaitTimeSeconds at most 20"
                    .into(),
            );
        }
        let until = Instant::now() + seconds(wait);
        loop {
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            // Before looking, so that a message that arrives after looking is not missed.
            arrived.as_mut().enable();
            let (messages, next) = self.take(most, hidden);
            if !messages.is_empty() || Instant::now() >= until {
                return Ok(messages);
            }
            let wake = next.map_or(until, |next| next.min(until));
            tokio::select! {
                () = arrived => {}
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }

    /// Takes what is ready, and says when the next hidden message will be.
    fn take(&self, most: usize, hidden: u32) -> (Vec<ReceivedMessage>, Option<Instant>) {
        let now = Instant::now();
        let mut given = Vec::new();
        let mut dead = Vec::new();
        let mut state = self.state();
        state.wake(now);
        while given.len() < most {
            let Some(mut message) = state.ready.pop_front() else { break };
            if self.settings.redrive.as_ref().is_some_and(|(_, limit)| message.receives >= *limit) {
                dead.push(message);
                continue;
            }
            message.receives += 1;
            message.first_received.get_or_insert_with(|| SystemClock.now());
            let receipt = new_receipt();
            message.receipt = Some(receipt.clone());
            given.push(message.shown(receipt));
            state.hide(message, now + seconds(hidden));
        }
        let next = state.hidden.keys().next().map(|(at, _)| *at);
        drop(state);
        if let Some((target, _)) = &self.settings.redrive {
            for message in dead {
                target.add(Message { receipt: None, ..message }, 0);
            }
        }
        (given, next)
    }

    /// Removes the message of a receipt. A receipt that is not known any more is no matter.
    pub(crate) fn delete(&self, receipt: &str) {
        let mut state = self.state();
        if state.take_hidden(receipt).is_none() {
            state.ready.retain(|message| message.receipt.as_deref() != Some(receipt));
        }
    }

    /// Hides a received message for this long from now, and says whether it was in flight.
    pub(crate) fn change_visibility(&self, receipt: &str, timeout: u32) -> bool {
        let mut state = self.state();
        state.wake(Instant::now());
        let Some(message) = state.take_hidden(receipt) else { return false };
        state.hide(message, Instant::now() + seconds(timeout.min(MAX_HIDDEN)));
        drop(state);
        self.arrived.notify_waiters();
        true
    }
}

impl Message {
    fn shown(&self, receipt: String) -> ReceivedMessage {
        let first = self.first_received.unwrap_or(self.sent);
        ReceivedMessage {
            message_id: self.id.clone(),
            receipt_handle: receipt,
            md5_of_body: md5_hex(&self.body),
            body: self.body.clone(),
            attributes: BTreeMap::from([
                ("ApproximateReceiveCount", self.receives.to_string()),
                ("ApproximateFirstReceiveTimestamp", first.millis().to_string()),
                ("SentTimestamp", self.sent.millis().to_string()),
            ]),
            message_attributes: self.attributes.clone(),
        }
    }
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(u64::from(number))
}

fn md5_hex(text: &str) -> String {
    hex::encode(Md5::digest(text.as_bytes()))
}

fn new_receipt() -> String {
    let mut bytes = [0_u8; 16];
    RandomIds.fill(&mut bytes);
    hex::encode(bytes)
}
