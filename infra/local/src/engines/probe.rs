//! Watching and disturbing what the SDK asks of the engines, for tests.
//!
//! A [`Probe`] records every call in order, so that a test can bound how many storage calls a request
//! makes and how many of them wait for each other, and it breaks chosen calls, so that a test can see what
//! is left when storage fails in the middle.

mod answer;
mod fault;
mod name;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use http_body::Frame;
use http_body_util::StreamBody;

pub use answer::Answer;
pub use fault::{Fault, Target};

/// Which engine a call goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// `DynamoDB`.
    DynamoDb,
    /// S3.
    S3,
    /// SQS.
    Sqs,
}

/// A call that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The engine it went to.
    pub service: Service,
    /// The operation's name as in the API reference, such as `GetItem`.
    pub operation: String,
    /// Position of the call's start among all starts and ends since the last reset.
    pub started: usize,
    /// Position of its end; `None` while it is under way or if the caller gave it up.
    pub ended: Option<usize>,
}

/// A handle to what was recorded. Clones see and change the same record.
#[derive(Debug, Clone, Default)]
pub struct Probe {
    record: Arc<Mutex<Record>>,
}

#[derive(Debug, Default)]
struct Record {
    calls: Vec<Call>,
    positions: usize,
    faults: Vec<Armed>,
    generation: usize,
}

#[derive(Debug)]
struct Armed {
    target: Target,
    seen: usize,
    fault: Fault,
}

impl Probe {
    /// A probe that has seen nothing and breaks nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A client that reports to this probe and then asks `client`.
    pub fn wrap(&self, service: Service, client: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(ProbeClient { probe: self.clone(), service, client })
    }

    /// The calls since the last reset, in the order of their starts.
    pub fn calls(&self) -> Vec<Call> {
        self.record().calls.clone()
    }

    /// How many calls there were since the last reset.
    pub fn count(&self) -> usize {
        self.record().calls.len()
    }

    /// How many finished calls had to wait for each other: the length of the longest chain in which each
    /// call started after the one before had ended. Calls made at the same time count once.
    pub fn depth(&self) -> usize {
        let mut depth = 0;
        let mut free_at = 0;
        let mut spans: Vec<(usize, usize)> =
            self.record().calls.iter().filter_map(|call| Some((call.ended?, call.started))).collect();
        spans.sort_unstable();
        for (ended, started) in spans {
            if depth == 0 || started > free_at {
                depth += 1;
                free_at = ended;
            }
        }
        depth
    }

    /// Forgets the calls and the faults.
    pub fn reset(&self) {
        let mut record = self.record();
        *record = Record { generation: record.generation.wrapping_add(1), ..Record::default() };
    }

    /// Disturbs calls: of those from now on that `target` describes, its `n`-th, and as many after it as it says.
    pub fn inject(&self, target: Target, fault: Fault) {
        self.record().faults.push(Armed { target, seen: 0, fault });
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, service: Service, operation: String) -> (CallMark, Option<Fault>) {
        let mut record = self.record();
        let mut fault = None;
        record.faults.retain_mut(|armed| {
            if !armed.target.describes(service, &operation) {
                return true;
            }
            armed.seen += 1;
            // A call has one fault; a second one that waits for it takes the next.
            if armed.seen < armed.target.nth() || fault.is_some() {
                return true;
            }
            fault = Some(armed.fault);
            armed.target.has_more()
        });
        let started = record.positions;
        record.positions += 1;
        record.calls.push(Call { service, operation, started, ended: None });
        let mark = CallMark { index: record.calls.len() - 1, generation: record.generation };
        (mark, fault)
    }

    fn end(&self, mark: CallMark) {
        let mut record = self.record();
        if record.generation != mark.generation {
            return;
        }
        let position = record.positions;
        record.positions += 1;
        if let Some(call) = record.calls.get_mut(mark.index) {
            call.ended = Some(position);
        }
    }
}

/// Which entry of which record a call is.
#[derive(Debug, Clone, Copy)]
struct CallMark {
    index: usize,
    generation: usize,
}

#[derive(Debug)]
struct ProbeClient {
    probe: Probe,
    service: Service,
    client: SharedHttpClient,
}

impl HttpClient for ProbeClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(ProbeConnector {
            probe: self.probe.clone(),
            service: self.service,
            inner: self.client.http_connector(settings, components),
        })
    }
}

struct ProbeConnector {
    probe: Probe,
    service: Service,
    inner: SharedHttpConnector,
}

impl fmt::Debug for ProbeConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProbeConnector").field(&self.service).field(&self.inner).finish()
    }
}

impl HttpConnector for ProbeConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let service = self.service;
        let (mark, fault) = self.probe.start(service, name::of(service, &request));
        let probe = self.probe.clone();
        let inner = self.inner.clone();
        HttpConnectorFuture::new(async move {
            // Engines may answer without ever waiting. Without this pause, the first of two calls made at
            // the same time would be over before the second began, and they would look like a sequence.
            tokio::task::yield_now().await;
            let result = perform(&inner, service, request, fault).await;
            probe.end(mark);
            result
        })
    }
}

async fn perform(
    inner: &SharedHttpConnector,
    service: Service,
    request: HttpRequest,
    fault: Option<Fault>,
) -> Result<HttpResponse, ConnectorError> {
    match fault {
        None => inner.call(request).await,
        Some(Fault::Refuse) => Err(ConnectorError::io("injected: the call did not arrive".into())),
        Some(Fault::LoseAnswer) => {
            let _performed = inner.call(request).await;
            Err(ConnectorError::io("injected: the call was performed and its answer lost".into()))
        }
        Some(Fault::Delay(time)) => {
            tokio::time::sleep(time).await;
            inner.call(request).await
        }
        Some(Fault::Answer(answer)) => Ok(answer.to(service, &request)),
        Some(Fault::PerformAndAnswer(answer)) => {
            let refusal = answer.to(service, &request);
            inner.call(request).await.map(|_| refusal)
        }
        Some(Fault::BreakOff) => broken(inner.call(request).await?).await,
    }
}

/// The answer with a body that breaks off after the first half of its bytes.
async fn broken(response: HttpResponse) -> Result<HttpResponse, ConnectorError> {
    let (mut response, body) = split(response);
    let bytes = ByteStream::new(body).collect().await.map_err(|e| ConnectorError::other(e.into(), None))?;
    let bytes = bytes.into_bytes();
    let half = bytes.slice(..bytes.len() / 2);
    let broken = std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "injected: the answer broke off");
    let frames = futures::stream::iter([Ok(Frame::data(half)), Err(broken)]);
    *response.body_mut() = SdkBody::from_body_1_x(StreamBody::new(frames));
    Ok(response)
}

fn split(mut response: HttpResponse) -> (HttpResponse, SdkBody) {
    let body = std::mem::replace(response.body_mut(), SdkBody::empty());
    (response, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(probe: &Probe, spans: &[(usize, usize)]) {
        let calls = spans.iter().map(|&(started, ended)| Call {
            service: Service::S3,
            operation: "GetObject".into(),
            started,
            ended: Some(ended),
        });
        probe.record().calls = calls.collect();
    }

    #[test]
    fn depth_counts_what_waits_for_each_other() {
        let probe = Probe::new();
        assert_eq!(probe.depth(), 0);
        record(&probe, &[(0, 1)]);
        assert_eq!(probe.depth(), 1);
        record(&probe, &[(0, 1), (2, 3)]);
        assert_eq!(probe.depth(), 2);
        record(&probe, &[(0, 2), (1, 3)]);
        assert_eq!(probe.depth(), 1);
        record(&probe, &[(0, 9), (1, 2), (3, 4), (5, 6)]);
        assert_eq!(probe.depth(), 3);
    }

    #[test]
    fn a_fault_waits_for_its_call_and_acts_once() {
        let probe = Probe::new();
        probe.inject(Target::operation(Service::DynamoDb, "PutItem", 2), Fault::Refuse);
        let fault = |operation: &str| probe.start(Service::DynamoDb, operation.into()).1;
        assert_eq!(fault("PutItem"), None);
        assert_eq!(fault("GetItem"), None);
        assert_eq!(fault("PutItem"), Some(Fault::Refuse));
        assert_eq!(fault("PutItem"), None);
        probe.reset();
        assert_eq!(probe.count(), 0);
        probe.inject(Target::any(1), Fault::LoseAnswer);
        assert_eq!(fault("GetItem"), Some(Fault::LoseAnswer));
    }

    #[test]
    fn a_fault_may_act_several_times_or_for_ever() {
        let probe = Probe::new();
        let fault = || probe.start(Service::DynamoDb, "GetItem".into()).1;
        probe.inject(Target::any(2).times(2), Fault::Refuse);
        assert_eq!(
            [fault(), fault(), fault(), fault()],
            [None, Some(Fault::Refuse), Some(Fault::Refuse), None]
        );
        probe.inject(Target::any(1).always(), Fault::BreakOff);
        assert!((0..100).all(|_| fault() == Some(Fault::BreakOff)));
        probe.reset();
        assert_eq!(fault(), None);
    }
}
