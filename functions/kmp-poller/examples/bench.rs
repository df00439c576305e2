//! What looking at many watched libraries costs, as a table for `scripts/bench-kmp`.
//!
//! Arguments: the number of libraries, at most 1,000.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measurement stops at the first surprise, as tests do"
)]

use std::io::Write as _;
use std::time::{Duration, Instant};

use granary_kmp_poller::{consume_once, tick};
use granary_testing::TestApp;
use granary_testing::kmp::{metadata, watch};
use granary_testing::meter::Meter;
use granary_testing::probe::Service;
use granary_testing::source::FakeSource;

/// How far apart two ticks are, in milliseconds.
const INTERVAL: i64 = 900_000;

/// One library in so many has a new version where some have.
const NEW: usize = 100;

struct Bench {
    app: TestApp,
    meter: Meter,
    source: FakeSource,
    number: usize,
}

impl Bench {
    async fn new(number: usize) -> Self {
        let source = FakeSource::start().await;
        let (app, meter) = TestApp::metered_with(|config| config.kmp.allow_private_sources = true).await;
        let ann = app.kmp_repo("ann", "apps", &source.url(), "private").await;
        let made = ann.post_json("/api/repos/apps/kmp/watched", &watch("com.example", "lib0")).await;
        let id = made.json()["watched"]["id"].as_str().unwrap().to_owned();
        // The first one is there; the others are named from 1 on, as their sources are.
        app.watch_many("apps", &id, "other", number - 1).await;
        Self { app, meter, source, number }
    }

    /// Gives every `step`-th library these versions.
    fn publish(&self, step: usize, versions: &[&str]) {
        for at in (0..self.number).step_by(step) {
            let artifact = if at == 0 { "lib0".to_owned() } else { format!("other{}", at - 1) };
            let path = format!("com/example/{artifact}/maven-metadata.xml");
            self.source.file(&path, metadata("com.example", &artifact, versions));
        }
    }

    /// One tick, and all that follows from it.
    async fn measure(&self, what: &str) {
        self.app.clock.advance_millis(INTERVAL);
        self.app.probe.reset();
        self.meter.take();
        self.source.asked();
        let begin = Instant::now();
        let announced = tick(self.app.state()).await.unwrap().announced;
        self.print(&format!("{what}: the tick"), announced, begin.elapsed());
        let begin = Instant::now();
        let mut messages = 0;
        loop {
            match consume_once(self.app.state(), 0).await.unwrap() {
                0 => break,
                more => messages += more,
            }
        }
        assert_eq!(messages, announced);
        self.print(&format!("{what}: the looks"), messages, begin.elapsed());
    }

    fn print(&self, what: &str, messages: usize, time: Duration) {
        let calls = self.app.probe.calls();
        let of = |service: Service| calls.iter().filter(|call| call.service == service).count();
        let units = self.meter.take();
        let mut out = std::io::stdout().lock();
        writeln!(
            out,
            "| {what} | {:.1} | {messages} | {} | {} | {} | {} | {:.0} | {:.0} |",
            time.as_secs_f64(),
            of(Service::DynamoDb),
            of(Service::S3),
            of(Service::Sqs),
            self.source.asked().len(),
            units.read,
            units.write,
        )
        .unwrap();
        self.app.probe.reset();
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let number = std::env::args().nth(1).map_or(1_000, |text| text.parse().unwrap());
    assert!((1..=1_000).contains(&number), "a repository watches at most 1,000 libraries");
    let bench = Bench::new(number).await;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "| {number} libraries | seconds | messages | DynamoDB calls | S3 calls | SQS calls | requests to the source | read \
         units | write units |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    )
    .unwrap();
    drop(out);
    bench.publish(1, &["1.0.0"]);
    bench.measure("all are new").await;
    bench.measure("nothing is new").await;
    bench.publish(NEW, &["1.0.0", "1.1.0"]);
    bench.measure(&format!("one in {NEW} has a new version")).await;
}
