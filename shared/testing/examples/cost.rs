//! What operations of clients cost in calls of the stores, as JSON for `scripts/bench-cost`.
//!
//! Arguments: the numbers of versions that a package has when it is measured.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measurement stops at the first surprise, as tests do"
)]

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use granary_testing::meter::Meter;
use granary_testing::npm::NpmPackage;
use granary_testing::probe::Service;
use granary_testing::swift::{MANIFEST, PublishForm, source_archive};
use granary_testing::{Actor, TestApp};
use serde_json::{Value, json};

/// Bytes of the content of a version: more than any limit that makes small files special, less than what is still
/// answered in place.
const CONTENT: usize = 20_000;

/// Bytes of one that is too large to be answered in place.
const LARGE_CONTENT: usize = 1_000_000;

/// How many publishes are printed for a replay.
const REPLAYED: usize = 40;

/// A request of a client.
struct Step {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Step {
    fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn json(&self) -> Value {
        json!({
            "method": self.method, "path": self.path, "headers": self.headers, "body": STANDARD.encode(&self.body),
        })
    }
}

/// A protocol with the requests that its usual client makes.
struct Protocol {
    name: &'static str,
    /// Publishes version `1.0.<n>` with content of a length.
    publish: fn(usize, usize) -> Vec<Step>,
    /// Installs it.
    install: fn(usize) -> Vec<Step>,
    /// Asks whether there is something new.
    poll: fn() -> Step,
}

const PROTOCOLS: [Protocol; 4] = [
    Protocol { name: "npm", publish: publish_npm, install: install_npm, poll: packument },
    Protocol { name: "maven", publish: publish_maven, install: install_maven, poll: maven_metadata },
    Protocol { name: "swift", publish: publish_swift, install: install_swift, poll: swift_releases },
    Protocol { name: "raw", publish: publish_raw, install: install_raw, poll: raw_versions },
];

/// Bytes that do not compress, different for each version.
fn noise(version: usize, length: usize) -> Vec<u8> {
    let mut state = 0x0139_408d_cbbf_7a44_u64 ^ ((version as u64) << 20);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}

fn packument() -> Step {
    Step::get("/api/npm/bench/left-pad")
        .header("accept", "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*")
        .header("accept-encoding", "gzip")
}

/// npm 11 reads the packument first, to see whether the version is the highest.
fn publish_npm(version: usize, length: usize) -> Vec<Step> {
    let mut package = NpmPackage::new("left-pad", &format!("1.0.{version}"))
        .member("license", "MIT".into())
        .member(
            "repository",
            json!({ "type": "git", "url": "git+https://git.example.com/pads/left-pad.git" }),
        )
        .member("scripts", json!({ "build": "tsc -p .", "test": "node --test" }))
        .member("dependencies", json!({ "chalk": "^5.3.0", "commander": "^12.1.0", "semver": "^7.6.3" }))
        .member(
            "devDependencies",
            json!({ "typescript": "~5.6.0", "@types/node": "^22.0.0", "eslint": "^9.0.0" }),
        )
        .file("data.bin", &noise(version, length));
    package.files[1].1 = b"# left-pad\n\nPads text on its left.\n".repeat(60);
    let put = Step::new("PUT", "/api/npm/bench/left-pad").header("content-type", "application/json");
    vec![Step::get("/api/npm/bench/left-pad"), put.body(package.body().to_string())]
}

fn install_npm(version: usize) -> Vec<Step> {
    vec![packument(), Step::get(format!("/api/npm/bench/-/tarball/left-pad/1.0.{version}"))]
}

const MAVEN: &str = "/api/maven/bench/com/example/left-pad";

fn maven_metadata() -> Step {
    Step::get(format!("{MAVEN}/maven-metadata.xml"))
}

fn maven_file(version: usize, end: &str) -> String {
    format!("{MAVEN}/1.0.{version}/left-pad-1.0.{version}{end}")
}

/// What Maven 3.9 sends for a jar.
fn publish_maven(version: usize, length: usize) -> Vec<Step> {
    let pom = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<project>\n  <modelVersion>4.0.0</modelVersion>\n  \
         <groupId>com.example</groupId>\n  <artifactId>left-pad</artifactId>\n  <version>1.0.{version}</version>\n  \
         <name>Left pad</name>\n  <description>Pads text on its left</description>\n</project>\n"
    );
    let jar = [b"PK".to_vec(), noise(version, length)].concat();
    let mut steps = Vec::new();
    let mut put = |path: String, body: &[u8], metadata: bool| {
        let digests = granary_publish::digests::Digests::of(body);
        steps.push(Step::new("PUT", &path).body(body));
        // Those of the metadata are of what the client merged, which is not kept.
        let sums = if metadata {
            ["0".repeat(40), "0".repeat(32)]
        } else {
            [digests.sha1.to_string(), digests.md5.to_string()]
        };
        for (kind, sum) in ["sha1", "md5"].iter().zip(sums) {
            steps.push(Step::new("PUT", format!("{path}.{kind}")).body(sum));
        }
    };
    put(maven_file(version, ".jar"), &jar, false);
    put(maven_file(version, ".pom"), pom.as_bytes(), false);
    put(format!("{MAVEN}/maven-metadata.xml"), b"<metadata/>", true);
    steps.insert(6, maven_metadata());
    steps
}

/// Checksums come with the answers.
fn install_maven(version: usize) -> Vec<Step> {
    vec![Step::get(maven_file(version, ".pom")), Step::get(maven_file(version, ".jar"))]
}

const SWIFT: &str = "/api/swift/bench/mona/LeftPad";

fn swift(path: String) -> Step {
    Step::get(path)
        .header("accept", "application/vnd.swift.registry.v1+json")
        .header("user-agent", "SwiftPackageManager/6.0.3")
}

fn swift_releases() -> Step {
    swift(SWIFT.into())
}

fn publish_swift(version: usize, length: usize) -> Vec<Step> {
    let source = STANDARD.encode(noise(version, length * 3 / 4));
    let archive = source_archive(&[
        ("LeftPad/", ""),
        ("LeftPad/Package.swift", MANIFEST),
        ("LeftPad/Sources/LeftPad/Pad.swift", &source),
    ]);
    let form = PublishForm::new(&archive);
    let mut put = Step::new("PUT", format!("{SWIFT}/1.0.{version}")).body(form.body());
    for (name, value) in form.headers() {
        put = put.header(name, value);
    }
    vec![put]
}

fn install_swift(version: usize) -> Vec<Step> {
    let release = format!("{SWIFT}/1.0.{version}");
    let mut archive = swift(format!("{release}.zip"));
    archive.headers[0].1 = "application/vnd.swift.registry.v1+zip".into();
    let mut manifest = swift(format!("{release}/Package.swift"));
    manifest.headers[0].1 = "application/vnd.swift.registry.v1+swift".into();
    vec![swift_releases(), swift(release), manifest, archive]
}

fn raw_versions() -> Step {
    Step::get("/api/raw/bench/left-pad")
}

fn publish_raw(version: usize, length: usize) -> Vec<Step> {
    let path = format!("/api/raw/bench/left-pad/1.0.{version}/pad.bin");
    vec![
        Step::new("PUT", path)
            .header("content-type", "application/octet-stream")
            .body(noise(version, length)),
    ]
}

fn install_raw(version: usize) -> Vec<Step> {
    vec![Step::get(format!("/api/raw/bench/left-pad/1.0.{version}/pad.bin"))]
}

/// A registry that is being measured.
struct Bench {
    app: TestApp,
    meter: Meter,
    owner: Actor,
}

impl Bench {
    async fn new(protocol: &Protocol) -> Self {
        let (app, meter) = TestApp::metered().await;
        let owner = app.repo("ann", "bench", &[protocol.name], "private").await;
        Self { app, meter, owner }
    }

    fn reset(&self) {
        self.app.probe.reset();
        self.meter.take();
    }

    /// What was used since the last reset.
    fn cost(&self, requests: usize, sequence: usize) -> Value {
        let units = self.meter.take();
        let calls = self.app.probe.calls();
        let count = |service: Service, operations: &[&str]| {
            calls
                .iter()
                .filter(|call| call.service == service && operations.contains(&call.operation.as_str()))
                .count()
        };
        // By what S3 charges for; removing is free.
        let written = ["PutObject", "CopyObject", "ListObjectsV2", "ListMultipartUploads"];
        let read = ["GetObject", "HeadObject", "HeadBucket"];
        let (s3_write, s3_read) = (count(Service::S3, &written), count(Service::S3, &read));
        let all = calls.iter().filter(|call| call.service == Service::S3).count();
        assert_eq!(
            s3_write + s3_read + count(Service::S3, &["DeleteObject", "DeleteObjects"]),
            all,
            "{calls:?}"
        );
        json!({
            "requests": requests, "read": units.read, "write": units.write, "s3_write": s3_write, "s3_read": s3_read,
            "events": count(Service::Sqs, &["SendMessage"]), "sequence": sequence,
        })
    }

    /// Sends requests one after the other and says what they cost.
    async fn send(&self, actor: &Actor, steps: &[Step]) -> Value {
        self.reset();
        let mut sequence = 0;
        let mut seen = 0;
        let mut redirects = 0;
        for step in steps {
            let headers: Vec<(&str, &str)> =
                step.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let response = actor.request(step.method, &step.path, &headers, step.body.clone()).await;
            assert!(
                response.status < 400,
                "{} {}: {} {}",
                step.method,
                step.path,
                response.status,
                response.text()
            );
            redirects += u64::from(response.status == 302);
            // Requests wait for each other, so their sequences add up.
            let depth = self.app.probe.depth();
            sequence += depth - seen;
            seen = depth;
        }
        let mut cost = self.cost(steps.len(), sequence);
        // The client fetches from the bucket itself what it is redirected to.
        cost["s3_read"] = (cost["s3_read"].as_u64().unwrap() + redirects).into();
        cost
    }

    /// What follows a change, in the consumer of events.
    async fn follow_up(&self) -> Value {
        self.reset();
        self.app.settle().await;
        // On AWS it is not the function that asks for messages and removes them.
        let queue = self.app.probe.calls().iter().filter(|call| call.service == Service::Sqs).count();
        self.cost(0, self.app.probe.depth() - queue)
    }

    /// What counting a download costs if no other one comes within seconds.
    async fn count_downloads(app: &TestApp, bench: &Self) -> Value {
        bench.reset();
        let state = app.state();
        state.downloads().flush(state.storage(), state.now()).await.unwrap();
        bench.cost(0, app.probe.depth())
    }
}

async fn measure(protocol: &Protocol, versions: usize) -> Vec<Value> {
    let bench = Bench::new(protocol).await;
    let owner = bench.owner.clone();
    // One version less, so that the publish that is measured makes the last.
    for version in 1..versions {
        let mut steps = (protocol.publish)(version, CONTENT);
        // Rendering lists again and again takes minutes, and changes nothing of what is measured afterwards.
        steps.retain(|step| step.method == "PUT" && !step.path.contains("maven-metadata"));
        bench.send(&owner, &steps).await;
        if version % 250 == 0 {
            bench.app.settle().await;
        }
    }
    bench.app.settle().await;
    let mut results = Vec::new();
    let mut add = |name: &str, cost: Value| {
        results.push(
            json!({ "protocol": protocol.name, "versions": versions, "operation": name, "cost": cost }),
        );
    };
    let fresh = bench.app.restarted();
    add("publish", bench.send(&fresh.token(owner.secret()), &(protocol.publish)(versions, CONTENT)).await);
    add("follow-up", bench.follow_up().await);
    let fresh = bench.app.restarted();
    let reader = fresh.token(owner.secret());
    add("install, not in memory", bench.send(&reader, &(protocol.install)(versions)).await);
    add("count", Bench::count_downloads(&fresh, &bench).await);
    add("install, in memory", bench.send(&reader, &(protocol.install)(versions)).await);
    let poll = (protocol.poll)();
    let headers: Vec<(&str, &str)> =
        poll.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let etag = reader.get_with(&poll.path, &headers).await.header("etag").to_owned();
    let known = [headers.as_slice(), &[("if-none-match", etag.as_str())]].concat();
    bench.reset();
    let unchanged = reader.get_with(&poll.path, &known).await;
    assert_eq!(unchanged.status, 304, "{}", poll.path);
    add("poll", bench.cost(1, bench.app.probe.depth()));
    bench.send(&owner, &(protocol.publish)(versions + 1, LARGE_CONTENT)).await;
    bench.app.settle().await;
    let fresh = bench.app.restarted();
    let reader = fresh.token(owner.secret());
    add("install, large", bench.send(&reader, &(protocol.install)(versions + 1)).await);
    results
}

/// What the schedule does in a registry in which nothing happens, in the order of the template.
async fn idle() -> Vec<Value> {
    let bench = Bench::new(&PROTOCOLS[0]).await;
    bench.send(&bench.owner, &publish_npm(1, CONTENT)[1..]).await;
    bench.app.settle().await;
    let state = bench.app.state();
    let mut results = Vec::new();
    for task in ["sweep", "sweep-uploads", "sweep-blobs"] {
        bench.reset();
        match task {
            "sweep" => drop(granary_events::sweep(state, false).await.unwrap()),
            "sweep-uploads" => drop(granary_events::sweep_uploads(state).await.unwrap()),
            _ => drop(granary_events::sweep_blobs(state).await.unwrap()),
        }
        results.push(json!({ "task": task, "cost": bench.cost(0, bench.app.probe.depth()) }));
    }
    results
}

/// The same requests for a replay against real functions.
fn replay(protocol: &Protocol) -> Value {
    let steps = |steps: Vec<Step>| steps.iter().map(Step::json).collect::<Vec<_>>();
    json!({
        "protocol": protocol.name,
        "publishes": (1..=REPLAYED).map(|version| steps((protocol.publish)(version, CONTENT))).collect::<Vec<_>>(),
        "install": steps((protocol.install)(REPLAYED)),
        "poll": (protocol.poll)().json(),
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).map(|number| number.parse().unwrap()).collect();
    let mut costs = Vec::new();
    for protocol in &PROTOCOLS {
        for versions in &numbers {
            costs.extend(measure(protocol, *versions).await);
        }
    }
    let replays: Vec<Value> = PROTOCOLS.iter().map(replay).collect();
    let results = json!({ "costs": costs, "idle": idle().await, "replays": replays }).to_string();
    std::io::stdout().write_all(results.as_bytes()).unwrap();
}
