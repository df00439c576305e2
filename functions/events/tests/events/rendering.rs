//! Documents of packages that change all the time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use granary_events::{SweepReport, sweep};
use granary_model::{Error, PackageType, Result};
use granary_publish::compress::gunzip;
use granary_publish::npm::packument::{Form, Packuments};
use granary_publish::pacing::Turn;
use granary_publish::{Document, DocumentCache, Renderer, Source};
use granary_storage::rows::HeadRow;
use granary_storage::{Key, PackageKey, Storage};
use granary_testing::probe::{Fault, Service, Target};
use granary_testing::{Actor, TestApp};
use serde_json::{Value, json};

use super::support::{documents, is_change, private, publish_all, waiting};

fn pad() -> PackageKey {
    PackageKey { repo: "libs".parse().unwrap(), kind: PackageType::Npm, name: "pad".into() }
}

/// The registry as if a rendering of `pad` that took a second had just ended.
async fn at_rest() -> (TestApp, Actor) {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    app.settle().await;
    let now = app.state().now();
    app.state().pacing().rendered(&pad(), now.plus_millis(-1_000), now);
    (app, ann)
}

fn is_of_revision(paths: &[String], rev: u64) -> bool {
    paths.len() == 2 && paths.iter().all(|path| path.contains(&format!("/pad/{rev}.")))
}

#[tokio::test]
async fn changes_of_a_package_at_rest_share_the_next_rendering() {
    let (app, ann) = at_rest().await;
    publish_all(&ann, "pad", &["1.1.0", "1.2.0", "1.3.0"]).await;
    app.settle().await;
    assert!(is_of_revision(&documents(&app).await, 1), "nothing is rendered");
    assert_eq!(waiting(&app, is_change).await, 1, "one event waits for all three");
    app.clock.advance_millis(20_000);
    let report = sweep(app.state(), false).await.unwrap();
    assert_eq!(report, SweepReport { finished: 1, ..SweepReport::default() });
    assert!(is_of_revision(&documents(&app).await, 4));
    assert!(app.outbox().await.is_empty());
}

#[tokio::test]
async fn who_reads_a_package_at_rest_sees_everything() {
    let (app, ann) = at_rest().await;
    publish_all(&ann, "pad", &["1.1.0", "1.2.0"]).await;
    app.settle().await;
    assert!(is_of_revision(&documents(&app).await, 1), "nothing is rendered");
    let seen = ann.get("/api/npm/libs/pad").await.json();
    assert_eq!(seen["dist-tags"]["latest"], "1.2.0");
    assert_eq!(seen["versions"].as_object().unwrap().len(), 3);
}

#[tokio::test]
async fn the_event_that_waits_comes_again_by_itself() {
    let (app, ann) = at_rest().await;
    let now = app.state().now();
    app.state().pacing().rendered(&pad(), now.plus_millis(-10), now);
    publish_all(&ann, "pad", &["1.1.0"]).await;
    app.settle().await;
    assert_eq!(waiting(&app, is_change).await, 1);
    app.clock.advance_millis(1_000);
    // Its message is on the way for a second.
    assert_eq!(granary_events::consume_once(app.state(), 5).await.unwrap(), 1);
    assert_eq!(documents(&app).await.len(), 4, "both forms, and those of the revision before");
    assert!(app.outbox().await.is_empty());
}

#[tokio::test]
async fn what_waited_when_the_process_ended_is_rendered_by_the_next_one() {
    let (app, ann) = at_rest().await;
    publish_all(&ann, "pad", &["1.1.0", "1.2.0"]).await;
    app.settle().await;
    let next = app.restarted();
    assert_eq!(sweep(next.state(), true).await.unwrap().finished, 1);
    assert!(is_of_revision(&documents(&app).await, 3));
}

/// How long `pad` has to rest after its first rendering, which takes this long.
async fn rest_after(millis: i64, fails: bool) -> Turn {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    app.probe.reset();
    let put = |nth| Target::operation(Service::S3, "PutObject", nth);
    app.probe.inject(put(1), Fault::Delay(Duration::from_millis(100)));
    if fails {
        app.probe.inject(put(2), Fault::Refuse);
    }
    let clock = async {
        while !app.probe.calls().iter().any(|call| call.operation == "PutObject") {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        app.clock.advance_millis(millis);
    };
    tokio::join!(app.settle(), clock);
    assert_eq!(app.outbox().await.is_empty(), !fails);
    app.state().pacing().turn(&pad(), "event", app.state().now())
}

#[tokio::test]
async fn the_rest_is_some_times_as_long_as_the_rendering_was_and_also_if_that_failed() {
    assert_eq!(rest_after(0, false).await, Turn::Now);
    assert_eq!(rest_after(500, false).await, Turn::After(4_500));
    assert_eq!(rest_after(500, true).await, Turn::After(4_500));
}

#[tokio::test]
async fn a_process_that_is_alone_leaves_small_packages_to_their_first_reader() {
    let (app, ann) = private().await;
    let app = app.alone();
    let ann = app.token(ann.secret());
    publish_all(&ann, "pad", &["1.0.0"]).await;
    app.settle().await;
    assert!(documents(&app).await.is_empty());
    assert!(app.outbox().await.is_empty());
    let read = async || ann.get("/api/npm/libs/pad").await.json()["versions"].as_object().unwrap().len();
    assert_eq!(read().await, 1);
    assert!(is_of_revision(&documents(&app).await, 1), "the reader has stored them");
    publish_all(&ann, "pad", &["1.1.0", "1.2.0"]).await;
    app.settle().await;
    assert!(documents(&app).await.is_empty(), "old ones go all the same");
    assert_eq!(read().await, 3);
    let versions: Vec<String> = (0..30).map(|n| format!("2.{n}.0")).collect();
    publish_all(&ann, "pad", &versions.iter().map(String::as_str).collect::<Vec<_>>()).await;
    app.settle().await;
    assert!(is_of_revision(&documents(&app).await, 33), "a large one is rendered ahead");
    assert!(app.outbox().await.is_empty());
}

/// What happens to the package while its rows are read.
#[derive(Clone, Copy)]
enum Meanwhile {
    Published,
    Tagged,
}

/// Renders packuments of a package that is changed during each rendering.
struct Overtaken {
    packuments: Packuments,
    ann: Actor,
    what: Meanwhile,
    renderings: AtomicUsize,
}

impl Renderer for Overtaken {
    fn variants(&self) -> Vec<String> {
        self.packuments.variants()
    }

    async fn render(&self, storage: &Storage, source: &Source) -> Result<Vec<Bytes>> {
        let n = self.renderings.fetch_add(1, Ordering::Relaxed);
        let status = match self.what {
            Meanwhile::Published => {
                publish_all(&self.ann, "pad", &[&format!("2.{n}.0")]).await;
                200
            }
            Meanwhile::Tagged => {
                let path = format!("/api/npm/libs/-/package/pad/dist-tags/tag-{n}");
                self.ann.put_json(&path, &json!("1.0.0")).await.status
            }
        };
        assert!(status < 300, "{status}");
        self.packuments.render(storage, source).await
    }
}

async fn overtaken(what: Meanwhile) -> (TestApp, Actor, Result<Document>, usize) {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    let head: HeadRow = app.state().storage().get(&Key::Head(pad())).await.unwrap().unwrap();
    let packuments = app.state().packuments().clone();
    let variant = packuments.variant(Form::Full);
    let renderer = Overtaken { packuments, ann: ann.clone(), what, renderings: AtomicUsize::new(0) };
    let source = Source::whole(pad(), head.repo_uid.clone(), head);
    let cache = DocumentCache::new(1_000_000);
    let document = cache.get(app.state().storage(), &source, &variant, &renderer).await;
    (app, ann, document.map(|document| (*document).clone()), renderer.renderings.into_inner())
}

#[tokio::test]
async fn versions_that_keep_coming_do_not_keep_readers_waiting() {
    let (app, ann, document, renderings) = overtaken(Meanwhile::Published).await;
    let document = document.unwrap();
    assert_eq!(renderings, 4);
    let text: Value = serde_json::from_slice(&gunzip(&document.gzip).unwrap()).unwrap();
    let versions: Vec<&String> = text["versions"].as_object().unwrap().keys().collect();
    // The head of the last attempt knew of three, and a fourth came while the rows were read.
    assert_eq!(versions, ["1.0.0", "2.0.0", "2.1.0", "2.2.0", "2.3.0"]);
    assert_eq!(text["dist-tags"]["latest"], "2.2.0");
    assert!(documents(&app).await.is_empty(), "it is not what another process would make of this revision");
    let exact = ann.get("/api/npm/libs/pad").await;
    assert_ne!(exact.header("etag"), document.etag);
    assert!(
        document.etag.ends_with('"') && !document.etag.trim_matches('"').contains('"'),
        "{}",
        document.etag
    );
}

#[tokio::test]
async fn other_changes_are_never_mixed() {
    let (app, _, document, renderings) = overtaken(Meanwhile::Tagged).await;
    assert!(matches!(document, Err(Error::Unavailable(_))), "{document:?}");
    assert_eq!(renderings, 20);
    assert!(documents(&app).await.is_empty());
}
