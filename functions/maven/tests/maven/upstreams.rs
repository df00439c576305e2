//! Artifacts from another repository, against a fake one.

use granary_testing::upstream::{FakeUpstream, Misbehaviour};
use granary_testing::{Actor, TestApp};
use serde_json::{Value, json};

use super::support::{at, texts};

pub(super) const LIB: &str = "org/example/lib";

pub(super) struct Place {
    pub(super) app: TestApp,
    pub(super) up: FakeUpstream,
    pub(super) ann: Actor,
}

pub(super) async fn place(settings: Value) -> Place {
    place_of("private", settings).await
}

async fn place_of(visibility: &str, settings: Value) -> Place {
    let app = TestApp::with(|config| config.kmp.allow_private_sources = true).await;
    let up = FakeUpstream::start().await;
    let ann = app.repo("ann", "libs", &["maven"], visibility).await;
    let place = Place { app, up, ann };
    place.connect("central", &place.up.maven_url(), settings).await;
    place
}

impl Place {
    pub(super) async fn connect(&self, name: &str, url: &str, settings: Value) {
        let mut body = json!({ "name": name, "packageType": "maven", "url": url });
        body.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let made = self.app.user("ann").post_json("/api/repos/libs/upstreams", &body).await;
        assert_eq!(made.status, 201, "{}", made.text());
    }

    pub(super) async fn text(&self, path: &str) -> String {
        let got = self.ann.get(&at(path)).await;
        assert_eq!(got.status, 200, "{path}: {}", got.text());
        got.text()
    }

    pub(super) async fn status(&self, path: &str) -> u16 {
        self.ann.get(&at(path)).await.status
    }

    /// How often the upstream was asked for files with this ending.
    fn asked(&self, extension: &str) -> usize {
        let ends = |asked: &String| asked.rsplit('.').next() == Some(extension);
        self.up.asked().into_iter().filter(ends).count()
    }

    pub(super) fn wait(&self, seconds: i64) {
        self.app.clock.advance_millis(seconds * 1000);
    }

    pub(super) async fn versions(&self) -> Vec<String> {
        texts(&self.text(&format!("{LIB}/maven-metadata.xml")).await, "version")
    }
}

#[tokio::test]
async fn files_are_fetched_once_and_verified() {
    let place = place(json!({})).await;
    place.up.put_artifact("org.example", "lib", "1.0");
    let jar = format!("{LIB}/1.0/lib-1.0.jar");
    let first = place.ann.get(&at(&jar)).await;
    assert_eq!(first.status, 200, "{}", first.text());
    assert!(!first.header("x-checksum-sha1").is_empty());
    assert_eq!(place.up.asked(), [format!("GET /maven/{jar}"), format!("GET /maven/{jar}.sha1")]);
    assert_eq!(place.up.requests()[0].header("authorization"), None);
    place.up.forget();
    assert_eq!(place.ann.get(&at(&jar)).await.body, first.body);
    assert_eq!(place.text(&format!("{jar}.sha1")).await, first.header("x-checksum-sha1"));
    assert!(place.text(&format!("{LIB}/1.0/lib-1.0.pom")).await.contains("<artifactId>lib</artifactId>"));
    assert_eq!(place.asked("jar"), 0);
}

#[tokio::test]
async fn in_a_public_repository_a_customer_is_like_anybody() {
    let place = place_of("public", json!({})).await;
    place.up.put_artifact("org.example", "lib", "1.0");
    place.up.put_artifact("org.example", "other", "1.0");
    let snapshot = format!("{LIB}/2.0-SNAPSHOT/maven-metadata.xml");
    place.up.put_file(&snapshot, "<metadata><versioning/></metadata>");
    let kept = [format!("{LIB}/1.0/lib-1.0.jar"), format!("{LIB}/maven-metadata.xml"), snapshot];
    for path in &kept {
        place.text(path).await;
    }
    place.wait(1_000);
    place.up.forget();
    let licence = place.app.licence("ann", &["org.example:lib", "org.example:other"], |_| {}).await.actor;
    for reader in [&licence, &place.app.anonymous()] {
        for path in &kept {
            assert_eq!(reader.get(&at(path)).await.status, 200, "{path}");
        }
        for path in [
            format!("{LIB}/1.0/lib-1.0-sources.jar"),
            format!("{LIB}/1.1-SNAPSHOT/maven-metadata.xml"),
            "org/example/other/maven-metadata.xml".into(),
            "org/example/other/1.0/other-1.0.pom".into(),
        ] {
            assert_eq!(reader.get(&at(&path)).await.status, 401, "{path}");
        }
    }
    assert_eq!(place.up.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn whoever_may_read_is_sent_elsewhere() {
    let place = place_of("public", json!({ "files": "redirect", "owned": ["org.ours:*"] })).await;
    let rule = json!({ "packageType": "maven", "name": "org.example:lib", "versions": "[2.0]", "reason": "It leaks" });
    let made = place.app.user("ann").post_json("/api/repos/libs/blocks", &rule).await;
    assert_eq!(made.status, 201, "{}", made.text());
    for reader in [&place.ann, &place.app.anonymous()] {
        for path in [format!("{LIB}/1.0/lib-1.0.jar"), format!("{LIB}/1.0/lib-1.0.jar.sha1")] {
            let answer = reader.get(&at(&path)).await;
            let location = format!("{}/{path}", place.up.maven_url());
            assert_eq!(
                (answer.status, answer.header("location")),
                (302, location.as_str()),
                "{}",
                answer.text()
            );
            assert_eq!(answer.header("cache-control"), "no-store");
        }
        let blocked = reader.get(&at(&format!("{LIB}/2.0/lib-2.0.jar"))).await;
        assert_eq!(blocked.status, 403, "{}", blocked.text());
        assert!(blocked.text().contains("It leaks"), "{}", blocked.text());
        assert_eq!(reader.get(&at("org/ours/lib/1.0/lib-1.0.jar")).await.status, 404);
    }
    assert_eq!(place.up.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_not_there_is_asked_for_once_in_a_while() {
    let place = place(json!({})).await;
    place.up.put_artifact("org.example", "lib", "1.0");
    let sources = format!("{LIB}/1.0/lib-1.0-sources.jar");
    for _ in 0..3 {
        assert_eq!(place.status(&sources).await, 404);
    }
    assert_eq!(place.up.asked().len(), 1);
    place.up.put_file(&sources, "later");
    place.wait(61);
    assert_eq!(place.status(&sources).await, 200);
}

#[tokio::test]
async fn metadata_is_made_of_what_the_upstream_lists() {
    let place = place(json!({})).await;
    place.up.put_artifact("org.example", "lib", "1.0");
    place.up.put_artifact("org.example", "lib", "1.10");
    place.up.put_artifact("org.example", "lib", "1.9");
    let path = format!("{LIB}/maven-metadata.xml");
    assert_eq!(place.versions().await, ["1.0", "1.9", "1.10"]);
    let got = place.ann.get(&at(&path)).await;
    assert_eq!(texts(&got.text(), "release"), ["1.10"]);
    assert_eq!(got.header("cache-status"), "granary; hit; ttl=300; detail=\"upstream central\"");
    assert_eq!(place.text(&format!("{path}.sha1")).await, got.header("x-checksum-sha1"));
    assert_eq!(place.up.asked().len(), 1);
    // Old: served, and asked for again behind it.
    place.up.put_artifact("org.example", "lib", "2.0");
    place.wait(301);
    assert_eq!(place.versions().await.len(), 3);
    place.app.settle().await;
    assert_eq!(place.versions().await, ["1.0", "1.9", "1.10", "2.0"]);
}

#[tokio::test]
async fn a_failing_upstream_leaves_what_is_here() {
    let place = place(json!({})).await;
    place.up.put_artifact("org.example", "lib", "1.0");
    place.text(&format!("{LIB}/1.0/lib-1.0.pom")).await;
    place.versions().await;
    place.up.misbehave("/maven", Some(Misbehaviour::Status(500)));
    place.wait(301);
    place.versions().await;
    place.app.settle().await;
    let got = place.ann.get(&at(&format!("{LIB}/maven-metadata.xml"))).await;
    assert_eq!(got.status, 200);
    assert!(
        got.header("cache-status").contains("failing: it answered 500"),
        "{}",
        got.header("cache-status")
    );
    assert_eq!(place.status(&format!("{LIB}/1.0/lib-1.0.pom")).await, 200);
    assert_eq!(place.status(&format!("{LIB}/1.0/lib-1.0.jar")).await, 503);
    for (how, status) in [(Misbehaviour::Status(401), 502), (Misbehaviour::Status(429), 503)] {
        place.wait(120);
        place.up.misbehave("/maven", Some(how));
        assert_eq!(place.status(&format!("{LIB}/1.0/lib-1.0.jar")).await, status);
    }
    place.wait(120);
    place.up.misbehave("/maven", None);
    assert_eq!(place.status(&format!("{LIB}/1.0/lib-1.0.jar")).await, 200);
}

#[tokio::test]
async fn other_bytes_than_promised_are_thrown_away() {
    let place = place(json!({})).await;
    place.up.put_artifact("org.example", "lib", "1.0");
    let jar = format!("{LIB}/1.0/lib-1.0.jar");
    place.up.put_file(&format!("{jar}.sha1"), "0".repeat(40));
    let refused = place.ann.get(&at(&jar)).await;
    assert_eq!(refused.status, 502, "{}", refused.text());
    assert!(refused.text().contains("was promised"), "{}", refused.text());
    let log = place.app.audit("repo:libs").await;
    assert!(log.iter().any(|entry| entry["action"] == "upstream.mismatch"), "{log:?}");
    place.up.delete_file(&format!("{jar}.sha1"));
    assert_eq!(place.status(&jar).await, 200);
}

#[tokio::test]
async fn a_file_without_any_checksum_is_not_let_in() {
    let place = place(json!({})).await;
    place.up.put_artifact("org.example", "lib", "1.0");
    let pom = format!("{LIB}/1.0/lib-1.0.pom");
    for sum in ["sha1", "sha256", "md5"] {
        place.up.misbehave(&format!("/maven/{pom}.{sum}"), Some(Misbehaviour::Status(404)));
    }
    let refused = place.ann.get(&at(&pom)).await;
    assert_eq!(refused.status, 502);
    assert!(refused.text().contains("no checksum"), "{}", refused.text());
    // A signature verifies itself.
    place.up.put_file(&format!("{pom}.asc"), "signature");
    for sum in ["sha1", "sha256", "md5"] {
        place.up.misbehave(&format!("/maven/{pom}.asc.{sum}"), Some(Misbehaviour::Status(404)));
    }
    assert_eq!(place.status(&format!("{pom}.asc")).await, 200);
}

#[tokio::test]
async fn what_is_published_here_is_asked_of_nobody() {
    let place = place(json!({ "owned": ["com.secret"] })).await;
    let pom = "<project><modelVersion>4.0.0</modelVersion><groupId>org.example</groupId><artifactId>own</artifactId>\
               <version>1.0</version></project>";
    let path = "org/example/own/1.0/own-1.0.pom";
    let put = place.ann.request("PUT", &at(path), &[], pom.to_owned()).await;
    assert!(put.status < 300, "{}", put.text());
    place.up.put_artifact("org.example", "own", "9.0");
    place.up.put_artifact("com.secret", "lib", "9.0");
    place.up.put_artifact("com.secret.deep", "lib", "9.0");
    for path in [
        "org/example/own/9.0/own-9.0.jar",
        "org/example/own/1.0/own-1.0.jar",
        "com/secret/lib/9.0/lib-9.0.jar",
        "com/secret/lib/maven-metadata.xml",
        "com/secret/maven-metadata.xml",
        "com/secret/deep/lib/9.0/lib-9.0.pom",
    ] {
        assert_eq!(place.status(path).await, 404, "{path}");
    }
    assert_eq!(texts(&place.text("org/example/own/maven-metadata.xml").await, "version"), ["1.0"]);
    assert_eq!(place.up.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_name_first_seen_upstream_cannot_be_published_here() {
    let place = place(json!({})).await;
    place.up.put_artifact("org.example", "lib", "1.0");
    place.text(&format!("{LIB}/1.0/lib-1.0.pom")).await;
    for path in [format!("{LIB}/9.0/lib-9.0.jar"), format!("{LIB}/1.0/lib-1.0-extra.jar")] {
        let put = place.ann.request("PUT", &at(&path), &[], "bytes".to_owned()).await;
        assert_eq!(put.status, 409, "{path}: {}", put.text());
        assert!(put.text().contains("/origins/maven/org.example:lib"), "{}", put.text());
    }
    let admin = place.app.user("ann");
    let taken =
        admin.put_json("/api/repos/libs/origins/maven/org.example:lib", &json!({ "origin": "local" })).await;
    assert_eq!(taken.status, 200, "{}", taken.text());
    assert_eq!(place.status(&format!("{LIB}/1.0/lib-1.0.pom")).await, 404);
    place.app.settle().await;
    let put = place.ann.request("PUT", &at(&format!("{LIB}/1.0/lib-1.0.jar")), &[], "mine".to_owned()).await;
    assert!(put.status < 300, "{}", put.text());
    assert_eq!(place.text(&format!("{LIB}/1.0/lib-1.0.jar")).await, "mine");
}

#[tokio::test]
async fn a_cooldown_goes_by_when_files_were_published() {
    let place = place(json!({ "cooldownDays": 7 })).await;
    let now = place.app.state().now();
    place.up.put_artifact("org.example", "lib", "1.0");
    place.up.put_artifact("org.example", "lib", "1.1");
    let pom = format!("{LIB}/1.1/lib-1.1.pom");
    let young = now.plus_days(-2).http_date();
    place.up.put_file_at(&pom, "<project/>", &young);
    let refused = place.ann.get(&at(&pom)).await;
    assert_eq!(
        (refused.status, refused.json()["code"].as_str()),
        (403, Some("COOLDOWN")),
        "{}",
        refused.text()
    );
    assert_eq!(place.status(&format!("{LIB}/1.0/lib-1.0.pom")).await, 200);
    place.app.clock.advance_millis(5 * 86_400_000);
    assert_eq!(place.status(&pom).await, 200);
}

/// Metadata of the versions 1.0 and 1.1, of which the second one came just now.
fn just_updated(place: &Place) -> String {
    let updated: String =
        place.app.state().now().to_string().chars().filter(char::is_ascii_digit).take(14).collect();
    format!(
        "<metadata><groupId>org.example</groupId><artifactId>lib</artifactId><versioning><versions><version>1.0</version>\
         <version>1.1</version></versions><lastUpdated>{updated}</lastUpdated></versioning></metadata>"
    )
}

#[tokio::test]
async fn the_cooldown_of_files_without_a_date_goes_by_the_list_of_versions() {
    for is_list_kept in [false, true] {
        let place = place(json!({ "cooldownDays": 7 })).await;
        place.up.put_artifact("org.example", "lib", "1.0");
        place.up.put_artifact("org.example", "lib", "1.1");
        place.up.put_file(&format!("{LIB}/maven-metadata.xml"), just_updated(&place));
        if is_list_kept {
            assert_eq!(place.versions().await, ["1.0"]);
        }
        let pom = |version: &str| format!("{LIB}/{version}/lib-{version}.pom");
        for version in ["1.0", "1.1"] {
            place.up.put_file_at(&pom(version), "<project/>", "");
        }
        assert_eq!((place.status(&pom("1.1")).await, place.status(&pom("1.0")).await), (403, 200));
        place.app.clock.advance_millis(7 * 86_400_000);
        assert_eq!(place.status(&pom("1.1")).await, 200);
    }
    // Of a version that is in no list nothing is known.
    let place = place(json!({ "cooldownDays": 7 })).await;
    let pom = format!("{LIB}/1.0/lib-1.0.pom");
    place.up.put_file_at(&pom, "<project/>", "");
    assert_eq!(place.status(&pom).await, 403);
}

#[tokio::test]
async fn versions_in_their_cooldown_are_not_listed() {
    let place = place(json!({ "cooldownDays": 7, "freshSeconds": 60 })).await;
    place.up.put_artifact("org.example", "lib", "1.0");
    assert_eq!(place.versions().await, ["1.0"]);
    place.up.put_file(&format!("{LIB}/maven-metadata.xml"), just_updated(&place));
    place.wait(61);
    place.versions().await;
    place.app.settle().await;
    assert_eq!(place.versions().await, ["1.0"]);
    place.app.clock.advance_millis(7 * 86_400_000);
    place.versions().await;
    place.app.settle().await;
    assert_eq!(place.versions().await, ["1.0", "1.1"], "old enough by now");
}

#[tokio::test]
async fn plugins_of_a_group_are_found_by_their_prefix() {
    let place = place(json!({})).await;
    let xml = "<metadata><plugins><plugin><name>X</name><prefix>x</prefix><artifactId>x-maven-plugin</artifactId></plugin>\
               </plugins></metadata>";
    place.up.put_file("org/example/plugins/maven-metadata.xml", xml);
    let got = place.text("org/example/plugins/maven-metadata.xml").await;
    assert_eq!(texts(&got, "prefix"), ["x"]);
    assert_eq!(place.text("org/example/plugins/maven-metadata.xml").await, got);
    assert_eq!(place.up.asked().len(), 1);
}

#[tokio::test]
async fn snapshots_are_asked_for_again_while_the_client_waits() {
    let place = place(json!({ "freshSeconds": 60 })).await;
    let path = format!("{LIB}/1.0-SNAPSHOT/maven-metadata.xml");
    let document = |build: &str| {
        format!(
            "<metadata><groupId>org.example</groupId><artifactId>lib</artifactId><version>1.0-SNAPSHOT</version><versioning>\
             <snapshotVersions><snapshotVersion><extension>jar</extension><value>1.0-{build}</value></snapshotVersion>\
             </snapshotVersions></versioning></metadata>"
        )
    };
    place.up.put_file(&path, document("20260101.010101-1"));
    assert!(place.text(&path).await.contains("-1<"));
    place.up.put_file(&path, document("20260101.020202-2"));
    assert!(place.text(&path).await.contains("-1<"), "still fresh");
    place.wait(61);
    assert!(place.text(&path).await.contains("-2<"));
    let jar = format!("{LIB}/1.0-SNAPSHOT/lib-1.0-20260101.020202-2.jar");
    place.up.put_file(&jar, "bytes");
    assert_eq!(place.text(&jar).await, "bytes");
    assert!(place.text(&path).await.contains("-2<"), "not made of the files that happen to be here");
    place.up.misbehave("/maven", Some(Misbehaviour::Status(503)));
    place.wait(61);
    assert!(place.text(&path).await.contains("-2<"));
}

#[tokio::test]
async fn the_first_upstream_that_has_an_artifact_has_it_for_good() {
    let place = place(json!({})).await;
    let other = FakeUpstream::start().await;
    place.connect("other", &other.maven_url(), json!({})).await;
    other.put_artifact("org.example", "lib", "1.0");
    assert_eq!(place.status(&format!("{LIB}/1.0/lib-1.0.pom")).await, 200);
    place.up.put_artifact("org.example", "lib", "2.0");
    place.wait(120);
    assert_eq!(place.status(&format!("{LIB}/2.0/lib-2.0.pom")).await, 404, "it comes from the other one");
    // One that fails does not make the next one be asked.
    place.up.misbehave("/maven/org/example/new", Some(Misbehaviour::Status(500)));
    other.put_artifact("org.example", "new", "1.0");
    assert_eq!(place.status("org/example/new/1.0/new-1.0.pom").await, 503);
}

#[tokio::test]
async fn many_files_of_a_version_come_at_once() {
    let place = place(json!({})).await;
    place.up.put_artifact("org.example", "lib", "1.0");
    let names: Vec<String> = (0..6).map(|at| format!("{LIB}/1.0/lib-1.0-c{at}.jar")).collect();
    for name in &names {
        place.up.put_file(name, name.as_str());
    }
    let (ann, paths) = (&place.ann, names.iter().chain(&names));
    let got =
        futures::future::join_all(paths.map(|name| async move { ann.get(&at(name)).await.status })).await;
    assert_eq!(got, vec![200; 12]);
    assert_eq!(place.asked("jar"), 6);
}

#[tokio::test]
async fn a_warm_file_costs_what_one_published_here_costs() {
    let place = place(json!({})).await;
    place.up.put_artifact("org.example", "lib", "1.0");
    let path = format!("{LIB}/1.0/lib-1.0.pom");
    place.text(&path).await;
    place.versions().await;
    place.app.probe.reset();
    place.text(&path).await;
    let calls: Vec<String> = place.app.probe.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(calls, ["BatchGetItem"]);
    place.app.probe.reset();
    place.versions().await;
    let mut calls: Vec<String> = place.app.probe.calls().into_iter().map(|call| call.operation).collect();
    calls.sort();
    assert_eq!(calls, ["BatchGetItem", "Query"], "the plugins of the group are looked for, as for any");
}

#[tokio::test]
async fn names_of_a_repository_that_may_not_be_read_through_any_more_are_asked_of_nobody() {
    let place = place(json!({})).await;
    let admin = place.app.user("ann");
    place.app.repo("ann", "team", &["maven"], "private").await;
    let member = json!({ "name": "team", "packageType": "maven", "repoId": "team" });
    let made = admin.post_json("/api/repos/libs/upstreams", &member).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let pom = "<project><modelVersion>4.0.0</modelVersion><groupId>org.example</groupId><artifactId>lib</artifactId>\
               <version>1.0</version></project>";
    let path = format!("/api/maven/team/{LIB}/1.0/lib-1.0.pom");
    let put = place.ann.request("PUT", &path, &[], pom.to_owned()).await;
    assert_eq!(put.status, 201, "{}", put.text());
    let paths = ["1.0/lib-1.0.pom", "1.0/lib-1.0.pom.sha1", "maven-metadata.xml"];
    for path in paths {
        assert_eq!(place.status(&format!("{LIB}/{path}")).await, 200, "{path}");
    }
    assert_eq!(place.up.asked(), Vec::<String>::new());
    for version in ["1.0", "2.0"] {
        place.up.put_artifact("org.example", "lib", version);
    }
    let show = async |visibility: &str| {
        let shown = admin.patch_json("/api/repos/libs", &json!({ "visibility": visibility })).await;
        assert_eq!(shown.status, 200, "{}", shown.text());
    };
    show("public").await;
    let others =
        ["2.0/lib-2.0.pom", "2.0/lib-2.0.jar", "maven-metadata.xml.sha1", "2.0-SNAPSHOT/maven-metadata.xml"];
    for path in paths.into_iter().chain(others) {
        for reader in [&place.ann, &place.app.anonymous()] {
            let answer = reader.get(&at(&format!("{LIB}/{path}"))).await;
            assert_eq!(answer.status, 404, "{path}: {}", answer.text());
            assert!(!answer.text().contains("team"), "{}", answer.text());
        }
    }
    assert_eq!(place.up.asked(), Vec::<String>::new());
    // Other names are the upstream's as ever.
    place.up.put_artifact("org.example", "other", "1.0");
    assert_eq!(place.status("org/example/other/1.0/other-1.0.pom").await, 200);
    show("private").await;
    assert_eq!(place.text(&format!("{LIB}/1.0/lib-1.0.pom")).await, pom);
}
