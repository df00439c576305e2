//! Storage that fails as AWS fails, at every call of a request, with the retries and limits that AWS gets.
//!
//! Nothing waits here: tokio's time is paused while a request is under way, and jumps to the next timer whenever
//! nothing else is left to do. So what passes on tokio's clock is what pauses and timeouts add up to.

use std::time::Duration;

use granary_storage::policy::{ATTEMPTS, OPERATION};
use tokio::time::Instant;

use crate::actor::TestResponse;
use crate::app::TestApp;
use crate::probe::{Answer, Call, Fault, Service, Target};

/// What a request may take before a function tells its client to come again.
const FUNCTION: Duration = Duration::from_secs(26);

/// Calls that conflicts of transactions may cost besides.
const CONFLICTS: usize = 12;

/// A call that does not come back by itself.
const HANGS: Fault = Fault::Delay(Duration::from_hours(24));

/// A change of a registry, as it is asked for over HTTP.
pub trait Change {
    /// What the requests of a change need.
    type Place;

    /// A registry of [`TestApp::on_aws`] as it is before the change.
    fn prepare(&self) -> impl Future<Output = (TestApp, Self::Place)>;

    /// Asks for the change.
    fn ask(&self, place: &Self::Place) -> impl Future<Output = TestResponse>;

    /// Asks again after a failure, until it is settled.
    fn ask_again(&self, _app: &TestApp, place: &Self::Place) -> impl Future<Output = TestResponse> {
        self.ask(place)
    }

    /// Whether the change can be seen. Must stop the test at anything in between, and at stores that do not agree.
    fn is_done(&self, app: &TestApp, place: &Self::Place) -> impl Future<Output = bool>;

    /// What asking again answers if the change is done already, besides 2xx.
    fn done_already(&self) -> &[u16] {
        &[]
    }

    /// Whether it makes so many calls, or is so much like another change, that one failure of each kind has to do.
    fn is_long(&self) -> bool {
        false
    }

    /// Checks that a 503 has the form that clients of the protocol read, and gives its sentence.
    fn sentence(&self, response: &TestResponse) -> String {
        response.error()
    }
}

/// What was tried.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Number of failures.
    pub cases: usize,
    /// How many of them the client did not notice.
    pub unnoticed: usize,
    /// The longest that a request waited.
    pub longest: Duration,
    /// The most calls that a request made.
    pub most_calls: usize,
}

/// One way in which calls fail.
#[derive(Debug, Clone)]
struct Failure {
    fault: Fault,
    target: Target,
    lasts: bool,
}

impl Failure {
    /// All ways in which the call at a position may fail; if `few`, one of each kind.
    fn of(calls: &[Call], position: usize, few: bool) -> Vec<Self> {
        let Some(call) = calls.get(position) else { return Vec::new() };
        let same = |other: &&Call| other.service == call.service;
        let nth = calls.iter().take(position + 1).filter(same).count();
        let kinds = [
            Fault::Answer(Answer::Throttled),
            Fault::Answer(Answer::Internal),
            Fault::Answer(Answer::Expired),
            Fault::PerformAndAnswer(Answer::Internal),
            Fault::LoseAnswer,
            HANGS,
        ];
        let mut faults: Vec<Fault> =
            Answer::of(call.service, &call.operation).into_iter().map(Fault::Answer).collect();
        faults.extend([
            Fault::Refuse,
            Fault::LoseAnswer,
            Fault::PerformAndAnswer(Answer::Internal),
            Fault::BreakOff,
        ]);
        // These may take minutes. What ends them is the limit of the function that waits for them.
        if !matches!(call.operation.as_str(), "CopyObject" | "CompleteMultipartUpload") {
            faults.push(HANGS);
        }
        let (kind, others): (Vec<Fault>, Vec<Fault>) =
            faults.into_iter().partition(|fault| kinds.contains(fault));
        // By its name: calls that are made at the same time may change places.
        let alike = |other: &&Call| same(other) && other.operation == call.operation;
        let nth_alike = calls.iter().take(position + 1).filter(alike).count();
        let target = Target::operation(call.service, &call.operation, nth_alike);
        let once = |fault| Self { fault, target: target.clone(), lasts: false };
        let lasting =
            |fault| Self { fault, target: Target::service(call.service, nth).always(), lasts: true };
        let mut failures: Vec<Self> = kind.iter().copied().map(once).collect();
        if few {
            failures.extend([Fault::Answer(Answer::Internal), Fault::LoseAnswer].map(lasting));
        } else {
            failures.extend(others.into_iter().map(once));
            failures.extend(kind.into_iter().map(lasting));
        }
        failures
    }

    /// Whether a second attempt succeeds, and is made.
    fn is_passing(&self, call: &Call) -> bool {
        let credentials = matches!(self.fault, Fault::Answer(answer) if answer.is_about_credentials());
        // Nothing says what is wrong with a `HEAD`, and a body that is passed on cannot be asked for again.
        let unclear = call.operation == "HeadObject" && matches!(self.fault, Fault::Answer(Answer::TimedOut));
        let streamed = call.operation == "GetObject" && self.fault == Fault::BreakOff;
        !self.lasts && !credentials && !unclear && !streamed
    }

    /// Whether the engine certainly did nothing.
    fn is_definite(&self) -> bool {
        matches!(self.fault, Fault::Answer(_) | Fault::Refuse | Fault::Delay(_))
    }
}

/// Lets every call of a change fail in every way that AWS has, once and for good: the change is whole and
/// acknowledged, or the client is told to come again, and then it succeeds.
pub async fn every_call_fails<C: Change>(change: &C) -> Tally {
    let (app, place) = change.prepare().await;
    app.probe.reset();
    let response = change.ask(&place).await;
    assert!(is_success(&response), "{} {}", response.status, response.text());
    let calls = app.probe.calls();
    assert!(change.is_done(&app, &place).await);
    let commit = calls.iter().position(|call| call.operation == "TransactWriteItems");
    let commit = commit.expect("a change is a transaction");
    let mut tally = Tally::default();
    for (position, call) in calls.iter().enumerate() {
        for failure in Failure::of(&calls, position, change.is_long()) {
            let what = format!("call {} {:?} {}, {failure:?}", position + 1, call.service, call.operation);
            let (app, place) = change.prepare().await;
            let (response, time) = timed(&app, &failure, change.ask(&place)).await;
            tally.note(&app, &calls, &response, time, &what);
            app.probe.reset();
            let done = change.is_done(&app, &place).await;
            let success = is_success(&response);
            assert!(done || !success, "{what}: acknowledged, but not there");
            if failure.is_passing(call) || call.service == Service::Sqs {
                assert!(success, "{what}: {} {}", response.status, response.text());
            }
            if !success {
                check_refusal(change, &response, &what);
                assert!(!done || !failure.is_definite() || position > commit, "{what}: refused, but there");
            }
            let again = change.ask_again(&app, &place).await;
            let settled = is_success(&again) || done && change.done_already().contains(&again.status);
            assert!(settled, "{what}, again: {} {}", again.status, again.text());
            assert!(change.is_done(&app, &place).await, "{what}, again");
        }
    }
    tally
}

/// Lets every call of some reads fail in every way that AWS has.
///
/// `read` is given a registry without any memory. What passes is not noticed; otherwise the answer is a 503, never that
/// there is nothing: clients would look elsewhere.
pub async fn every_read_fails<C: Change>(
    change: &C,
    app: &TestApp,
    read: impl AsyncFn(&TestApp) -> TestResponse,
) -> Tally {
    let fresh = app.restarted();
    app.probe.reset();
    let whole = read(&fresh).await;
    assert!(matches!(whole.status, 200 | 302), "{} {}", whole.status, whole.text());
    let calls = app.probe.calls();
    let mut tally = Tally::default();
    for (position, call) in calls.iter().enumerate() {
        for failure in Failure::of(&calls, position, change.is_long()) {
            let what = format!("call {} {:?} {}, {failure:?}", position + 1, call.service, call.operation);
            let fresh = app.restarted();
            app.probe.reset();
            let (response, time) = timed(app, &failure, read(&fresh)).await;
            tally.note(app, &calls, &response, time, &what);
            app.probe.reset();
            // What a read stores is for later readers.
            if failure.is_passing(call) || call.operation == "PutObject" {
                assert_eq!(response.status, whole.status, "{what}: {}", response.text());
            }
            if response.status == whole.status {
                assert_eq!(response.body.len(), whole.body.len(), "{what}");
            } else {
                check_refusal(change, &response, &what);
            }
            assert_eq!(read(&fresh).await.status, whole.status, "{what}: the failure is not kept");
        }
    }
    tally
}

async fn timed(
    app: &TestApp,
    failure: &Failure,
    request: impl Future<Output = TestResponse>,
) -> (TestResponse, Duration) {
    app.probe.reset();
    app.probe.inject(failure.target.clone(), failure.fault);
    tokio::time::pause();
    let before = Instant::now();
    let response = request.await;
    let time = before.elapsed();
    tokio::time::resume();
    (response, time)
}

fn is_success(response: &TestResponse) -> bool {
    (200..300).contains(&response.status)
}

fn check_refusal<C: Change>(change: &C, response: &TestResponse, what: &str) {
    assert_eq!(response.status, 503, "{what}: {}", response.text());
    let seconds: u64 = response.header("retry-after").parse().expect("clients are told when to come again");
    assert!((1..=60).contains(&seconds), "{what}");
    let sentence = change.sentence(response);
    assert!(sentence.contains("try again"), "{what}: {sentence}");
    // Nothing of what the services say is for everybody's eyes.
    assert!(
        !response.text().contains("Exception") && !response.text().contains("amazon"),
        "{what}: {sentence}"
    );
}

impl Tally {
    fn note(&mut self, app: &TestApp, calls: &[Call], response: &TestResponse, time: Duration, what: &str) {
        let count = app.probe.count();
        assert!(time < FUNCTION, "{what}: {time:?}");
        assert!(time <= OPERATION * 2, "{what}: {time:?}, though one failure ends it");
        assert!(count <= calls.len() * ATTEMPTS as usize + CONFLICTS, "{what}: {count} calls");
        self.cases += 1;
        self.unnoticed += usize::from(response.status < 400);
        self.longest = self.longest.max(time);
        self.most_calls = self.most_calls.max(count);
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            cases: self.cases + other.cases,
            unnoticed: self.unnoticed + other.unnoticed,
            longest: self.longest.max(other.longest),
            most_calls: self.most_calls.max(other.most_calls),
        }
    }
}
