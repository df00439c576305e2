//! Everything that can be wrong with an upstream's documents: nothing of it is kept, and nobody waits for ever.

use std::time::Duration;

use futures::future::join_all;
use granary_testing::npm::NpmPackage;
use granary_testing::upstream::{FakeUpstream, Misbehaviour};
use serde_json::{Value, json};

use super::support::{Place, asked, expect, impatient, place, version};
use crate::npm::support::{at, keys, packument, publish};

fn html() -> Misbehaviour {
    Misbehaviour::StatusWith(
        200,
        vec![("content-type", "text/html".into())],
        b"<html>sign in</html>".to_vec(),
    )
}

fn encoded(encoding: &str, body: &[u8]) -> Misbehaviour {
    Misbehaviour::StatusWith(200, vec![("content-encoding", encoding.into())], body.to_vec())
}

/// Has the document of `tool` fail so, and checks the answer and that nothing of it stays.
async fn fails(how: Misbehaviour, status: u16) {
    let place = impatient().await;
    place.up.publish(&version("tool", "1.0.0"));
    publish(&place.ann, &NpmPackage::new("own", "1.0.0")).await;
    place.app.settle().await;
    place.up.misbehave("/npm/tool", Some(how.clone()));
    let answer = place.ann.get(&at("tool")).await;
    assert_eq!(answer.status, status, "{how:?}: {}", answer.text());
    let code = if status == 503 { "UNAVAILABLE" } else { "UPSTREAM_FAILED" };
    assert_eq!(answer.json()["code"], code, "{how:?}");
    assert!(answer.error().contains("'public'"), "{how:?}: {}", answer.error());
    assert!(!answer.error().contains("127.0.0.1"), "{how:?}: {}", answer.error());
    // Those who come after it try anew.
    assert_eq!(place.ann.get(&at("tool/-/tool-1.0.0.tgz")).await.status, status, "{how:?}");
    assert_eq!(place.recorded("package.discover").await, 0, "{how:?}");
    let documents = place.app.state().storage().list_objects("documents/", None).await.unwrap();
    assert!(documents.iter().all(|path| path.contains("/own/")), "{how:?}: {documents:?}");
    expect(&place.tarball("own", "1.0.0").await, 200);
    place.up.misbehave("/npm/tool", None);
    place.wait(70);
    assert_eq!(keys(&packument(&place.ann, "tool").await["versions"]), ["1.0.0"], "{how:?}");
    expect(&place.tarball("tool", "1.0.0").await, 200);
}

#[tokio::test]
async fn an_upstream_that_is_not_there_or_says_so_is_waited_for() {
    for status in [500, 502, 503, 504, 429] {
        fails(Misbehaviour::Status(status), 503).await;
    }
    fails(Misbehaviour::Redirect("http://127.0.0.1:9/nobody".into()), 503).await;
}

#[tokio::test]
async fn an_upstream_that_refuses_wants_another_credential() {
    for status in [401, 403, 407] {
        fails(Misbehaviour::Status(status), 502).await;
    }
}

#[tokio::test]
async fn answers_that_mean_nothing_are_not_used() {
    for status in [201, 204, 206, 300, 304, 400, 405, 418] {
        fails(Misbehaviour::Status(status), 502).await;
    }
}

#[tokio::test]
async fn an_upstream_that_never_answers_is_given_up() {
    fails(Misbehaviour::Hang, 503).await;
}

#[tokio::test]
async fn an_upstream_that_drips_is_given_up() {
    fails(Misbehaviour::Drip, 503).await;
}

#[tokio::test]
async fn an_upstream_that_is_later_than_anybody_waits_is_given_up() {
    fails(Misbehaviour::Delay(Duration::from_secs(30)), 503).await;
}

#[tokio::test]
async fn an_upstream_that_breaks_off_is_not_half_believed() {
    fails(Misbehaviour::Short, 503).await;
}

#[tokio::test]
async fn redirects_do_not_go_round_for_ever() {
    fails(Misbehaviour::RedirectLoop, 502).await;
    for elsewhere in ["ftp://127.0.0.1/x", "file:///etc/passwd", "http://user:secret@127.0.0.1:9/", "data:,x"]
    {
        fails(Misbehaviour::Redirect(elsewhere.into()), 502).await;
    }
}

#[tokio::test]
async fn what_inflates_without_end_is_thrown_away() {
    fails(Misbehaviour::Bomb, 502).await;
}

#[tokio::test]
async fn what_is_no_packument_is_not_used() {
    fails(html(), 502).await;
    for body in [
        "",
        "null",
        "[]",
        "{}",
        "\"tool\"",
        r#"{"name":"other","versions":{}}"#,
        r#"{"name":"Tool","versions":{}}"#,
        r#"{"name":"tool","versions":[]}"#,
        r#"{"name":"tool","versions":{},"dist-tags":7}"#,
        r#"{"name":"tool","versions":{},"time":"now"}"#,
        r#"{"name":"tool","versions":{"1.0.0":{}}"#,
        r#"{"name":"tool","versions":{}} trailing"#,
        "\u{feff}{\"name\":\"tool\",\"versions\":{}}",
    ] {
        fails(Misbehaviour::StatusWith(200, Vec::new(), body.into()), 502).await;
    }
    fails(Misbehaviour::StatusWith(200, Vec::new(), vec![0xff, 0xfe, b'{', b'}']), 502).await;
    let deep = format!("{{\"name\":\"tool\",\"versions\":{{}},\"x\":{}", "[".repeat(200_000));
    fails(Misbehaviour::StatusWith(200, Vec::new(), deep.into_bytes()), 502).await;
}

#[tokio::test]
async fn what_is_packed_in_a_way_that_nobody_asked_for_is_not_used() {
    fails(encoded("br", b"x"), 502).await;
    fails(encoded("zstd", b"x"), 502).await;
    fails(encoded("gzip, gzip", b"x"), 502).await;
    fails(encoded("gzip", b"no gzip"), 502).await;
    fails(encoded("gzip", b""), 502).await;
}

/// A body without an end takes as long as its limit, so it is alone here.
#[tokio::test]
async fn a_body_without_an_end_is_bounded() {
    let place = impatient().await;
    place.up.publish(&version("tool", "1.0.0"));
    place.up.misbehave("/npm/tool", Some(Misbehaviour::Endless));
    let answer = place.ann.get(&at("tool")).await;
    // By its length, or on a slow machine by the time it takes.
    assert!([502, 503].contains(&answer.status), "{}", answer.text());
    let long = vec![("content-length", "999999999999".to_owned())];
    place.up.misbehave("/npm/long", Some(Misbehaviour::StatusWith(200, long, b"{".to_vec())));
    let answer = place.ann.get(&at("long")).await;
    assert!([502, 503].contains(&answer.status), "{}", answer.text());
    place.up.misbehave("/npm/tool", None);
    place.wait(70);
    expect(&place.ann.get(&at("tool")).await, 200);
}

#[tokio::test]
async fn an_upstream_that_is_down_again_and_again_is_left_alone_for_a_while() {
    let place = place().await;
    place.up.misbehave("/npm", Some(Misbehaviour::Status(500)));
    for round in 0..20 {
        expect(&place.ann.get(&at(&format!("tool-{round}"))).await, 503);
    }
    assert_eq!(place.asked().len(), 3);
    place.up.misbehave("/npm", None);
    place.up.publish(&version("tool", "1.0.0"));
    place.wait(6);
    expect(&place.ann.get(&at("tool")).await, 200);
}

#[tokio::test]
async fn what_is_published_here_does_not_wait_for_an_upstream_that_hangs() {
    let place = place().await;
    place.up.publish(&version("kept", "1.0.0"));
    packument(&place.ann, "kept").await;
    expect(&place.tarball("kept", "1.0.0").await, 200);
    publish(&place.ann, &NpmPackage::new("own", "1.0.0")).await;
    place.up.misbehave("/npm", Some(Misbehaviour::Hang));
    place.wait(1_000);
    place.asked();
    let actor = place.ann.clone();
    let hanging: Vec<_> = (0..8)
        .map(|number| {
            let actor = actor.clone();
            tokio::spawn(async move { actor.get(&at(&format!("hanging-{number}"))).await })
        })
        .collect();
    for _ in 0..200 {
        if place.up.requests().len() == 8 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(place.up.requests().len(), 8);
    for path in ["own", "own/1.0.0", "own/-/own-1.0.0.tgz", "kept", "kept/-/kept-1.0.0.tgz"] {
        expect(&place.ann.get(&at(path)).await, 200);
    }
    publish(&place.ann, &NpmPackage::new("own", "1.1.0")).await;
    publish(&place.ann, &NpmPackage::new("hanging-0", "1.0.0")).await;
    assert_eq!(keys(&packument(&place.ann, "hanging-0").await["versions"]), ["1.0.0"]);
    expect(&place.ann.delete(&at("own/-rev/undefined")).await, 200);
    for task in &hanging {
        assert!(!task.is_finished());
        task.abort();
    }
    assert!(join_all(hanging).await.iter().all(Result::is_err));
    // Whoever came for the same and went away again is in nobody's way.
    place.up.misbehave("/npm", None);
    place.up.publish(&version("hanging-1", "1.0.0"));
    expect(&place.ann.get(&at("hanging-1")).await, 200);
}

#[tokio::test]
async fn a_credential_does_not_follow_a_redirect() {
    let place = place().await;
    place.set(json!({ "credential": { "token": "s3cret" } })).await;
    let other = FakeUpstream::start().await;
    other.publish(&version("tool", "1.0.0"));
    place.up.misbehave("/npm/tool", Some(Misbehaviour::Redirect(format!("{}/tool", other.npm_url()))));
    expect(&place.ann.get(&at("tool")).await, 200);
    assert_eq!(place.up.requests()[0].header("authorization"), Some("Bearer s3cret"));
    assert_eq!(other.requests().len(), 1);
    assert_eq!(other.requests()[0].header("authorization"), None);
    assert_eq!(other.requests()[0].header("referer"), None);
}

/// Changes the document of `tool` and gives what is made of it here.
async fn made_of(change: impl FnOnce(&mut Value)) -> (Place, Value) {
    let place = place().await;
    place.up.publish(&version("tool", "1.0.0"));
    place.up.publish(&version("tool", "1.1.0"));
    place.up.edit("tool", change);
    let document = packument(&place.ann, "tool").await;
    (place, document)
}

#[tokio::test]
async fn versions_that_npm_would_not_take_are_left_out() {
    let (place, document) = made_of(|document| {
        let one = document["versions"]["1.0.0"].clone();
        let mut put = |key: &str, change: &dyn Fn(&mut Value)| {
            let mut manifest = one.clone();
            manifest["version"] = key.into();
            change(&mut manifest);
            document["versions"][key] = manifest;
        };
        put("not-a-version", &|_| {});
        put("1.2", &|_| {});
        put("v1.3.0", &|_| {});
        put("../../x", &|_| {});
        put("2.0.0", &|manifest| manifest["name"] = "other".into());
        put("2.1.0", &|manifest| manifest["version"] = "9.9.9".into());
        put("2.2.0", &|manifest| manifest["dist"] = Value::Null);
        put("2.3.0", &|manifest| manifest["dist"]["tarball"] = json!({}));
        document["versions"]["2.4.0"] = json!("nothing");
        document["dist-tags"]["latest"] = "2.0.0".into();
        document["dist-tags"]["beta"] = "9.9.9".into();
        document["dist-tags"]["odd"] = json!(7);
    })
    .await;
    assert_eq!(keys(&document["versions"]), ["1.0.0", "1.1.0"]);
    assert_eq!(document["dist-tags"], json!({ "latest": "1.1.0" }));
    expect(&place.tarball("tool", "2.0.0").await, 404);
}

#[tokio::test]
async fn what_a_document_says_of_itself_stays_as_it_is() {
    let big = "9007199254740993.1e-7";
    let (place, document) = made_of(|document| {
        document["versions"]["1.0.0"]["odd"] = json!({ "__proto__": 1, "z": [null, "\u{2028}"], "a": "ü" });
        document["versions"]["1.0.0"]["number"] = serde_json::from_str(big).unwrap();
        document["versions"]["1.0.0"]["dist"]["signatures"] = json!([{ "keyid": "k", "sig": "s" }]);
        document["readme"] = "# Tool".into();
    })
    .await;
    let shown = &document["versions"]["1.0.0"];
    assert_eq!(shown["odd"], json!({ "__proto__": 1, "z": [null, "\u{2028}"], "a": "ü" }));
    assert_eq!(shown["dist"]["signatures"], json!([{ "keyid": "k", "sig": "s" }]));
    assert_eq!(document["readme"], "# Tool");
    assert_eq!(document["time"]["1.0.0"].as_str().unwrap().split('-').next(), Some("2015"));
    assert_eq!(asked(&place.up), ["GET /npm/tool"]);
}

#[tokio::test]
async fn a_package_without_versions_is_none() {
    let (place, _) = made_of(|_| {}).await;
    place.up.publish(&version("empty", "1.0.0"));
    place.up.edit("empty", |document| {
        document["versions"] = json!({});
        document["dist-tags"] = json!({});
    });
    for _ in 0..2 {
        expect(&place.ann.get(&at("empty")).await, 404);
    }
    expect(&place.tarball("empty", "1.0.0").await, 404);
    place.up.edit("empty", |document| {
        document["versions"] = json!({});
        document["dist-tags"] = json!({ "latest": "1.0.0" });
    });
    place.refresh("empty").await;
    expect(&place.ann.get(&at("empty")).await, 404);
}
