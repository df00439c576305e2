//! What sources elsewhere answer.

use granary_kmp::poll::may_ask;
use granary_model::{Clock as _, Timestamp};
use granary_testing::TestApp;
use granary_testing::kmp::metadata;
use granary_testing::source::{FakeSource, Reply};
use serde_json::json;

use super::support::{LIST, Place, pairs, watch_one};

/// The document of a library with one version.
fn one_version() -> String {
    metadata("com.example", "lib", &["1.0.0"])
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let place = Place::new().await;
    place.versions(&["1.0.0"]);
    place.poll().await;
    let first = place.source.asked();
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].path, LIST);
    assert!(!first[0].headers.contains_key("if-none-match"));
    assert!(first[0].headers["user-agent"].to_str().unwrap().starts_with("granary/"));
    for leak in ["authorization", "cookie", "referer"] {
        assert!(!first[0].headers.contains_key(leak), "{leak}");
    }
    let known = place.state().await;
    let etag = known.etag.clone().unwrap();
    let looked_at = known.checked_at;
    assert!(place.poll().await.errors.is_empty());
    assert_eq!(place.source.asked()[0].headers["if-none-match"], etag);
    let known = place.state().await;
    assert_eq!(known.etag.as_ref(), Some(&etag), "it is kept");
    assert_eq!(known.checked_at, looked_at + 60_000);
    place.versions(&["1.0.0", "1.1.0"]);
    assert_eq!(place.poll().await.new_versions, ["1.1.0"]);
    assert_ne!(place.state().await.etag, Some(etag));
}

#[tokio::test]
async fn a_date_does_as_well() {
    let place = Place::new().await;
    let date = "Wed, 25 Nov 2026 01:02:03 GMT";
    let headers = vec![("last-modified", date.to_owned())];
    place.source.reply(Reply::Answer(200, headers, one_version().into()));
    assert_eq!(place.poll().await.new_versions, ["1.0.0"]);
    assert_eq!(place.state().await.last_modified.as_deref(), Some(date));
    place.source.asked();
    place.source.reply(Reply::status(304, &[]));
    assert!(place.poll().await.errors.is_empty());
    let asked = place.source.asked();
    assert_eq!(asked[0].headers["if-modified-since"], date);
    assert!(!asked[0].headers.contains_key("if-none-match"));
    // Nobody asked whether anything has changed.
    let fresh = Place::new().await;
    fresh.source.reply(Reply::status(304, &[]));
    assert_eq!(fresh.error().await, "the source answered 304");
}

/// What one source says of changes is nothing to another one.
#[tokio::test]
async fn another_source_is_asked_anew() {
    let place = Place::new().await;
    place.versions(&["1.0.0"]);
    place.poll().await;
    let other = FakeSource::start().await;
    other.library("com.example", "lib", &["1.0.0", "2.0.0"]);
    let config = |url: String| json!({ "kmpConfig": { "sourceType": "external", "sourceUrl": url } });
    place.set(&config(other.url())).await;
    assert_eq!(place.poll().await.new_versions, ["2.0.0"]);
    assert!(!other.asked()[0].headers.contains_key("if-none-match"));
    // One that fails is another one as well, and its failures are its own.
    other.reply(Reply::status(500, &[]));
    place.error().await;
    place.set(&config(place.source.url())).await;
    let state = place.state().await;
    assert_eq!(state.failures, 1);
    let repo = place.repo().await;
    let config = repo.kmp_config.as_ref().unwrap();
    assert!(may_ask(&place.app.state().kmp_work(), &place.row().await, config));
    place.source.asked();
    assert!(place.poll().await.errors.is_empty());
    assert!(!place.source.asked()[0].headers.contains_key("if-none-match"));
}

#[tokio::test]
async fn failures_are_told_and_kept() {
    let place = Place::new().await;
    let entity = |at: usize| format!("<!ENTITY a{at} \"{}\">", format!("&a{};", at - 1).repeat(10));
    let entities: Vec<String> = (1..10).map(entity).collect();
    let bomb = format!(
        "<!DOCTYPE metadata [<!ENTITY a0 \"lol\">{}]><metadata><versioning><versions><version>&a9;</version></versions>\
         </versioning></metadata>",
        entities.concat()
    );
    let external = "<!DOCTYPE metadata SYSTEM \"file:///etc/passwd\"><metadata/>";
    let deep = format!("<metadata>{}", "<versioning>".repeat(10_000));
    let huge = format!("{}{}", one_version(), " ".repeat(1024 * 1024));
    let strange = "<?xml version='1.0' encoding='Shift_JIS'?><metadata/>";
    for (reply, words) in [
        (Reply::status(404, &[]), "no com.example:lib"),
        (Reply::status(410, &[]), "no com.example:lib"),
        (Reply::status(401, &[]), "answered 401"),
        (Reply::status(403, &[]), "answered 403"),
        (Reply::status(204, &[]), "answered 204"),
        (Reply::status(206, &[]), "answered 206"),
        (Reply::status(418, &[]), "answered 418"),
        (Reply::status(500, &[]), "answered 500"),
        (Reply::status(502, &[]), "answered 502"),
        (Reply::status(429, &[]), "answered 429"),
        (Reply::status(503, &[]), "answered 503"),
        (Reply::Endless, "more than 1048576 bytes"),
        (Reply::BreakOff, "broke off"),
        (Reply::document(huge), "more than 1048576 bytes"),
        (Reply::document(""), "root element"),
        (Reply::document("<html><body>Sign in</body></html>"), "root element"),
        (Reply::document("<metadata><versioning>"), "ends in the middle"),
        (Reply::document("{\"versions\":[\"1.0.0\"]}"), "root element"),
        (Reply::document(deep), "nested"),
        (Reply::document(bomb), "document type"),
        (Reply::document(external), "document type"),
        (Reply::document(strange), "encoding"),
    ] {
        place.source.reply(reply.clone());
        let error = place.error().await;
        assert!(error.contains(words), "{words}: {error}");
        assert!(error.len() < 300, "{words}: {error}");
    }
    assert!(place.builds().await.is_empty());
    let shown = place.ann.get(&format!("/api/repos/apps/kmp/watched/{}", place.id)).await.json();
    assert!(shown["watched"]["lastPollError"].as_str().unwrap().contains("encoding"), "{shown}");
    // It is as if nothing had been when the source is well again.
    place.versions(&["1.0.0"]);
    assert_eq!(place.poll().await.new_versions, ["1.0.0"]);
    let state = place.state().await;
    assert_eq!((state.failures, state.not_before, state.error), (0, 0, None));
    place.source.reply(Reply::status(404, &[]));
    place.error().await;
    assert_eq!(place.builds().await, pairs(&[("1.0.0", "pending")]), "what was found stays");
}

#[tokio::test]
async fn a_source_that_hangs_is_not_waited_for() {
    let place = Place::impatient().await;
    place.source.reply(Reply::Hang);
    let error = place.error().await;
    assert_eq!(error, "the source did not answer in time");
    assert!(place.builds().await.is_empty());
    let shown = place.ann.get(&format!("/api/repos/apps/kmp/watched/{}", place.id)).await.json();
    assert_eq!(shown["watched"]["lastPollError"], error);
}

#[tokio::test]
async fn a_source_that_fails_is_left_alone_longer_each_time() {
    let place = Place::new().await;
    for minutes in [1, 2, 4, 8, 16, 32, 64, 64, 64] {
        place.source.reply(Reply::status(500, &[]));
        place.error().await;
        let until = place.state().await.not_before - place.app.clock.now().millis();
        assert_eq!(until, minutes * 60_000);
    }
    place.source.asked();
    // The schedule waits.
    place.follow_up(&place.message()).await;
    assert!(place.source.asked().is_empty());
    place.app.clock.advance_millis(64 * 60_000 - 1);
    place.follow_up(&place.message()).await;
    assert!(place.source.asked().is_empty());
    place.app.clock.advance_millis(1);
    place.follow_up(&place.message()).await;
    assert_eq!(place.source.asked().len(), 1);
}

#[tokio::test]
async fn a_source_says_when_it_wants_to_be_asked_again() {
    let place = Place::new().await;
    // What is said of dates is of whole seconds, as is the clock here.
    let later = |place: &Place, seconds: i64| {
        Timestamp::from_millis(place.app.clock.now().millis() + 60_000 + seconds * 1000).http_date()
    };
    for status in [429, 503] {
        for (said, seconds) in [
            ("7200".to_owned(), 7200),
            ("0".to_owned(), 0),
            ("99999999".to_owned(), 86_400),
            (later(&place, 300), 300),
        ] {
            let said = if said.contains("GMT") { later(&place, 300) } else { said };
            place.source.reply(Reply::status(status, &[("retry-after", &said)]));
            assert_eq!(place.error().await, format!("the source answered {status}"));
            let until = place.state().await.not_before - place.app.clock.now().millis();
            assert_eq!(until, seconds * 1000, "{said}");
        }
    }
    // Others do not say it that way.
    let failures = i64::from(place.state().await.failures);
    assert_eq!(failures, 8);
    place.source.reply(Reply::status(500, &[("retry-after", "7200")]));
    place.error().await;
    let until = place.state().await.not_before - place.app.clock.now().millis();
    assert_eq!(until, 64 * 60_000);
}

#[tokio::test]
async fn redirects_are_followed_to_where_a_source_may_be() {
    let place = Place::new().await;
    let moved = FakeSource::start().await;
    moved.library("com.example", "lib", &["1.0.0"]);
    let to = format!("{}/{LIST}", moved.url());
    for status in [301, 302, 307, 308] {
        place.source.reply(Reply::status(status, &[("location", &to)]));
        assert!(place.poll().await.errors.is_empty(), "{status}");
    }
    assert_eq!(moved.asked().len(), 4);
    assert_eq!(place.builds().await, pairs(&[("1.0.0", "pending")]));
    for to in ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/"] {
        place.source.reply(Reply::status(302, &[("location", to)]));
        place.error().await;
    }
    let own = format!("{}/{LIST}", place.source.url());
    for _ in 0..6 {
        place.source.reply(Reply::status(302, &[("location", &own)]));
    }
    assert_eq!(place.error().await, "too many redirects");
}

/// A repository whose source was allowed once is not asked there when it is no longer.
#[tokio::test]
async fn private_sources_are_asked_only_if_the_operator_says_so() {
    let source = FakeSource::start().await;
    source.library("com.example", "lib", &["1.0.0"]);
    let refused = TestApp::new().await;
    let body = json!({
        "name": "apps", "packageTypes": ["kmp"],
        "kmpConfig": { "sourceType": "external", "sourceUrl": source.url() },
    });
    let response = refused.user("ann").post_json("/api/repos", &body).await;
    assert_eq!(response.status, 400, "{}", response.text());
    assert!(response.text().contains("sourceUrl"), "{}", response.text());
    let public = json!({
        "name": "apps", "packageTypes": ["kmp"],
        "kmpConfig": { "sourceType": "external", "sourceUrl": "https://repo.example.com/maven2" },
    });
    assert_eq!(refused.user("ann").post_json("/api/repos", &public).await.status, 201);
    let ann = refused.account_token("ann", &["read", "write", "admin"]).await;
    let id = watch_one(&ann, "apps", "lib").await;
    let place = Place { app: refused, source: source.clone(), ann, id };
    let mut repo = place.repo().await;
    for url in [source.url(), source.url().replace("http:", "https:").replace("127.0.0.1", "localhost")] {
        repo.kmp_config.as_mut().unwrap().source_url = Some(url.clone());
        let key = granary_storage::Key::Repo(repo.id.clone());
        place.app.state().storage().put(&key, &repo).await.unwrap();
        let error = place.error().await;
        assert!(error.contains("https") || error.contains("GRANARY_ALLOW_PRIVATE_SOURCES"), "{url}: {error}");
    }
    assert!(source.asked().is_empty());
    let allowed = Place::new().await;
    allowed.versions(&["1.0.0"]);
    assert_eq!(allowed.poll().await.new_versions, ["1.0.0"]);
}
