//! One step of each path.

use anyhow::{Context as _, ensure};
use axum::body::Body;
use futures::future::LocalBoxFuture;
use granary_publish::Renderer as _;
use granary_publish::npm::body::{BodyLimits, PublishBodyParser};

use super::setting::Setting;

/// The repository of all paths.
pub(super) const REPO: &str = "counts";

/// The package with many versions.
pub(super) const MANY: &str = "many";

/// Its document.
pub(super) const PACKUMENT: &str = "/api/npm/counts/many";

/// A Maven artifact.
pub(super) const ARTIFACT: &str = "/api/maven/counts/com/example/app";

/// The path that publishes.
pub(super) const PUBLISH: &str = "npm-publish";

/// Bytes of a body that arrive at once.
const PIECE: usize = 16 * 1024;

/// Something that requests do, again and again. The number differs from step to step.
type Step = for<'a> fn(&'a Setting, usize) -> LocalBoxFuture<'a, anyhow::Result<()>>;

/// A hot path.
pub(super) struct Path {
    /// Its name, in the baseline as well.
    pub(super) name: &'static str,
    /// Runs before counting begins: what is made on the first use is there then, and threads have been started.
    pub(super) warm_up: usize,
    /// How often it is run to be counted: so often that what differs from run to run, such as the order of hash maps,
    /// does not show.
    pub(super) repetitions: usize,
    /// One run of it.
    pub(super) step: Step,
}

impl Path {
    /// Runs in all.
    pub(super) fn runs(&self) -> usize {
        self.warm_up + self.repetitions
    }
}

/// All of them.
pub(super) const PATHS: [Path; 11] = [
    Path { name: "routing", warm_up: 3, repetitions: 200, step: routing },
    Path { name: "packument-unchanged", warm_up: 3, repetitions: 100, step: unchanged },
    Path { name: "packument", warm_up: 3, repetitions: 100, step: packument },
    Path { name: "packument-licensed", warm_up: 3, repetitions: 100, step: licensed },
    Path { name: "tarball", warm_up: 3, repetitions: 100, step: tarball },
    Path { name: "maven-metadata", warm_up: 3, repetitions: 100, step: maven_metadata },
    Path { name: "maven-jar", warm_up: 3, repetitions: 100, step: maven_jar },
    Path { name: "maven-missing", warm_up: 3, repetitions: 100, step: maven_missing },
    Path { name: PUBLISH, warm_up: 3, repetitions: 10, step: publish },
    Path { name: "publish-body", warm_up: 1, repetitions: 5, step: read_body },
    Path { name: "render-1000", warm_up: 0, repetitions: 1, step: render },
];

/// What installing sends.
const INSTALLING: [(&str, &str); 2] = [
    ("accept", "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*"),
    ("accept-encoding", "gzip, deflate"),
];

/// Canonical path, routing, log line: a request that needs nothing else.
fn routing(setting: &Setting, _: usize) -> LocalBoxFuture<'_, anyhow::Result<()>> {
    get(setting, "/api/npm/counts/-/ping", 200)
}

/// A document of 1,000 versions that the client has.
fn unchanged(setting: &Setting, _: usize) -> LocalBoxFuture<'_, anyhow::Result<()>> {
    Box::pin(async {
        let [accept, encoding] = INSTALLING;
        let headers = [accept, encoding, ("if-none-match", setting.etag.as_str())];
        setting.owner.get(PACKUMENT, &headers, 304).await.map(drop)
    })
}

/// The same document, gzip'd, in the form that installing asks for.
fn packument(setting: &Setting, _: usize) -> LocalBoxFuture<'_, anyhow::Result<()>> {
    Box::pin(async {
        let answer = setting.owner.get(PACKUMENT, &INSTALLING, 200).await?;
        ensure!(answer.header("content-encoding")? == "gzip", "it is not gzip'd");
        Ok(())
    })
}

/// The same for a customer whose licence covers half of the versions.
fn licensed(setting: &Setting, _: usize) -> LocalBoxFuture<'_, anyhow::Result<()>> {
    Box::pin(async {
        let answer = setting.customer.get(PACKUMENT, &INSTALLING, 200).await?;
        ensure!(answer.header("etag")? != setting.etag, "it is not filtered");
        Ok(())
    })
}

/// A tarball of 10 kB.
fn tarball(setting: &Setting, _: usize) -> LocalBoxFuture<'_, anyhow::Result<()>> {
    get(setting, "/api/npm/counts/-/tarball/many/1.0.7", 200)
}

/// The metadata of an artifact of three versions.
fn maven_metadata(setting: &Setting, _: usize) -> LocalBoxFuture<'_, anyhow::Result<()>> {
    get(setting, "/api/maven/counts/com/example/app/maven-metadata.xml", 200)
}

/// A jar of 10 kB with its checksums.
fn maven_jar(setting: &Setting, _: usize) -> LocalBoxFuture<'_, anyhow::Result<()>> {
    get(setting, "/api/maven/counts/com/example/app/1.1.0/app-1.1.0.jar", 200)
}

/// The POM of an artifact that is in another repository: what resolving asks of each one in vain.
fn maven_missing(setting: &Setting, _: usize) -> LocalBoxFuture<'_, anyhow::Result<()>> {
    get(setting, "/api/maven/counts/com/example/other/1.0.0/other-1.0.0.pom", 404)
}

fn get<'a>(setting: &'a Setting, path: &'a str, expected: u16) -> LocalBoxFuture<'a, anyhow::Result<()>> {
    Box::pin(async move { setting.owner.get(path, &[], expected).await.map(drop) })
}

/// The publish of a version of 10 kB, up to its answer.
fn publish(setting: &Setting, number: usize) -> LocalBoxFuture<'_, anyhow::Result<()>> {
    Box::pin(async move {
        let body = setting.publishes.get(number).context("there is no such publish")?;
        let headers = [("content-type", "application/json")];
        let place = ("PUT", "/api/npm/counts/published");
        setting.owner.send(place, &headers, Body::from(body.clone()), 201).await.map(drop)
    })
}

/// Reading the body of a publish of 100 kB as it arrives.
fn read_body(setting: &Setting, _: usize) -> LocalBoxFuture<'_, anyhow::Result<()>> {
    Box::pin(async {
        let mut parser = PublishBodyParser::new(BodyLimits::default());
        for piece in setting.body.chunks(PIECE) {
            parser.feed(piece)?;
        }
        ensure!(parser.finish()?.has_attachments, "the body has no attachment");
        Ok(())
    })
}

/// Rendering both documents of 1,000 versions from their rows.
fn render(setting: &Setting, _: usize) -> LocalBoxFuture<'_, anyhow::Result<()>> {
    Box::pin(async {
        let renderer = setting.owner.state().packuments();
        let documents = renderer.render(setting.owner.storage(), &setting.source).await?;
        ensure!(documents.len() == 2, "there are not two documents");
        Ok(())
    })
}
