//! Tarballs of an upstream: verified before anybody gets them, kept once, and never changed afterwards.

use std::time::Duration;

use granary_publish::digests::Digests;
use granary_testing::npm::NpmPackage;
use granary_testing::upstream::{FakeUpstream, Misbehaviour};
use serde_json::{Value, json};

use super::support::{Place, expect, impatient, noise, place, place_with, version};
use crate::npm::support::{at, packument, publish};

/// A place where the document of `tool` is known and nothing else, with an upstream that is not waited for long.
async fn known() -> Place {
    let place = impatient().await;
    place.up.publish(&version("tool", "1.0.0"));
    packument(&place.ann, "tool").await;
    place.asked();
    place
}

/// Has the tarball fail so, and checks the answer and that nothing of it stays.
async fn fails(how: Misbehaviour, status: u16) {
    let place = known().await;
    place.up.misbehave("/npm/tool/-/", Some(how.clone()));
    let answer = place.tarball("tool", "1.0.0").await;
    assert_eq!(answer.status, status, "{how:?}: {}", answer.text());
    assert!(!answer.error().contains("127.0.0.1"), "{how:?}: {}", answer.error());
    // Those who come after it try anew.
    assert_eq!(place.tarball("tool", "1.0.0").await.status, status, "{how:?}");
    nothing_is_kept(&place).await;
    expect(&place.ann.get(&at("tool")).await, 200);
    place.up.misbehave("/npm/tool/-/", None);
    place.wait(70);
    let answer = place.tarball("tool", "1.0.0").await;
    assert_eq!(answer.status, 200, "{how:?}: {}", answer.text());
    assert_eq!(answer.body.to_vec(), version("tool", "1.0.0").tarball());
}

async fn nothing_is_kept(place: &Place) {
    assert_eq!(place.recorded("package.fetch").await, 0);
    assert_eq!(place.app.blobs().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_upstream_that_fails_is_waited_for_or_not() {
    for status in [500, 503, 429] {
        fails(Misbehaviour::Status(status), 503).await;
    }
    for status in [401, 403, 404, 410, 204, 206, 304] {
        fails(Misbehaviour::Status(status), 502).await;
    }
    fails(Misbehaviour::Redirect("http://127.0.0.1:9/nobody".into()), 503).await;
    fails(Misbehaviour::Redirect("file:///etc/passwd".into()), 502).await;
    fails(Misbehaviour::RedirectLoop, 502).await;
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
async fn half_a_file_is_none() {
    fails(Misbehaviour::Short, 503).await;
}

#[tokio::test]
async fn a_file_without_an_end_is_bounded() {
    fails(Misbehaviour::Endless, 502).await;
    fails(Misbehaviour::StatusWith(200, Vec::new(), vec![b' '; 1_000_001]), 502).await;
}

#[tokio::test]
async fn a_file_that_is_packed_once_more_is_none() {
    fails(Misbehaviour::Bomb, 502).await;
}

#[tokio::test]
async fn a_page_in_place_of_a_file_is_none() {
    let html = vec![("content-type", "text/html".to_owned())];
    fails(Misbehaviour::StatusWith(200, html.clone(), b"<html>sign in</html>".to_vec()), 502).await;
    fails(Misbehaviour::StatusWith(200, html, Vec::new()), 502).await;
}

/// What the document says of the tarball of `tool`, changed.
async fn promised(change: impl FnOnce(&mut Value)) -> Place {
    let place = impatient().await;
    place.up.publish(&version("tool", "1.0.0"));
    place.up.edit("tool", |document| change(&mut document["versions"]["1.0.0"]["dist"]));
    packument(&place.ann, "tool").await;
    place
}

/// A change of what a document says of a tarball.
type Change = Box<dyn FnOnce(&mut Value)>;

fn other() -> Digests {
    Digests::of(b"something else")
}

#[tokio::test]
async fn a_tarball_that_is_not_the_promised_one_is_never_kept() {
    let sha512 = other().integrity();
    let wrong: [(&str, Change); 4] = [
        ("integrity", Box::new(move |dist| dist["integrity"] = sha512.into())),
        ("a weaker digest that is right", {
            let sha512 = other().integrity();
            Box::new(move |dist| {
                let sha1 = Digests::of(&version("tool", "1.0.0").tarball()).sha1.base64();
                dist["integrity"] = format!("sha1-{sha1} {sha512}").into();
            })
        }),
        (
            "shasum alone",
            Box::new(|dist| {
                dist.as_object_mut().unwrap().shift_remove("integrity");
                dist["shasum"] = other().sha1.to_string().into();
            }),
        ),
        (
            "an integrity of nothing that is known",
            Box::new(|dist| {
                dist["integrity"] = "md5-abc sha384-abc".into();
                dist["shasum"] = other().sha1.to_string().into();
            }),
        ),
    ];
    for (what, change) in wrong {
        let place = promised(change).await;
        for round in 1..3 {
            let refused = place.tarball("tool", "1.0.0").await;
            expect(&refused, 502);
            assert_eq!(refused.json()["code"], "UPSTREAM_FAILED");
            assert!(refused.error().contains("promise"), "{what}: {}", refused.error());
            nothing_is_kept(&place).await;
            assert_eq!(place.recorded("upstream.mismatch").await, round, "{what}");
            place.wait(4);
        }
    }
}

#[tokio::test]
async fn a_tarball_that_nobody_can_verify_is_not_let_in() {
    let place = promised(|dist| {
        let dist = dist.as_object_mut().unwrap();
        dist.shift_remove("integrity");
        dist.shift_remove("shasum");
    })
    .await;
    let refused = place.tarball("tool", "1.0.0").await;
    expect(&refused, 502);
    assert!(refused.error().contains("digest"), "{}", refused.error());
    nothing_is_kept(&place).await;
}

#[tokio::test]
async fn old_packages_with_a_shasum_alone_are_let_in() {
    let place = promised(|dist| {
        dist.as_object_mut().unwrap().shift_remove("integrity");
    })
    .await;
    expect(&place.tarball("tool", "1.0.0").await, 200);
}

#[tokio::test]
async fn where_there_is_a_better_digest_the_shasum_counts_for_nothing() {
    let place = promised(|dist| dist["shasum"] = other().sha1.to_string().into()).await;
    expect(&place.tarball("tool", "1.0.0").await, 200);
}

#[tokio::test]
async fn other_bytes_than_those_of_the_document_are_never_kept() {
    let place = known().await;
    place.up.replace_tarball("tool", "1.0.0", version("tool", "1.0.0").file("evil.js", b"evil").tarball());
    expect(&place.tarball("tool", "1.0.0").await, 502);
    nothing_is_kept(&place).await;
    place.up.replace_tarball("tool", "1.0.0", version("tool", "1.0.0").tarball());
    place.wait(4);
    expect(&place.tarball("tool", "1.0.0").await, 200);
}

/// Publishes a version once more with other bytes, as no registry should let anybody.
fn altered(place: &Place) -> NpmPackage {
    let other = version("tool", "1.0.0").file("evil.js", b"evil");
    place.up.publish(&other);
    other
}

#[tokio::test]
async fn what_is_kept_of_a_version_stays_whatever_is_promised_later() {
    let place = known().await;
    let before = packument(&place.ann, "tool").await;
    expect(&place.tarball("tool", "1.0.0").await, 200);
    altered(&place);
    place.refresh("tool").await;
    assert_eq!(place.recorded("upstream.altered").await, 1);
    let first = version("tool", "1.0.0").tarball();
    assert_eq!(place.tarball("tool", "1.0.0").await.body.to_vec(), first);
    let after = packument(&place.ann, "tool").await;
    assert_eq!(after["versions"]["1.0.0"]["dist"], before["versions"]["1.0.0"]["dist"]);
    // And goes on to, with each new document.
    place.up.publish(&version("tool", "1.1.0"));
    place.refresh("tool").await;
    let after = packument(&place.ann, "tool").await;
    assert_eq!(after["versions"]["1.0.0"]["dist"], before["versions"]["1.0.0"]["dist"]);
    assert_eq!(place.tarball("tool", "1.0.0").await.body.to_vec(), first);
    expect(&place.tarball("tool", "1.1.0").await, 200);
    let cold = place.app.restarted().token(place.ann.secret());
    assert_eq!(cold.get(&at("-/tarball/tool/1.0.0")).await.body.to_vec(), first);
}

#[tokio::test]
async fn what_was_promised_first_counts_even_before_it_was_fetched() {
    let place = known().await;
    altered(&place);
    place.refresh("tool").await;
    assert_eq!(place.recorded("upstream.altered").await, 1);
    expect(&place.tarball("tool", "1.0.0").await, 502);
    nothing_is_kept(&place).await;
}

#[tokio::test]
async fn what_comes_back_as_something_else_is_not_mixed_with_what_is_kept() {
    let place = known().await;
    place.up.publish(&version("tool", "0.9.0"));
    place.refresh("tool").await;
    let first = packument(&place.ann, "tool").await["versions"]["1.0.0"]["dist"].clone();
    expect(&place.tarball("tool", "1.0.0").await, 200);
    place.up.unpublish("tool", "1.0.0");
    place.refresh("tool").await;
    altered(&place);
    place.refresh("tool").await;
    let document = packument(&place.ann, "tool").await;
    let tarball = place.tarball("tool", "1.0.0").await;
    if tarball.status == 200 {
        assert_eq!(tarball.body.to_vec(), version("tool", "1.0.0").tarball());
        assert_eq!(document["versions"]["1.0.0"]["dist"], first, "document and bytes are of one version");
    } else {
        assert_eq!(document["versions"].get("1.0.0"), None);
    }
    assert_eq!(place.recorded("upstream.altered").await, 1);
}

#[tokio::test]
async fn a_tarball_elsewhere_is_fetched_only_where_an_administrator_allows_it() {
    let place = place().await;
    let elsewhere = FakeUpstream::start().await;
    for up in [&place.up, &elsewhere] {
        up.publish(&version("tool", "1.0.0"));
    }
    place.set(json!({ "credential": { "token": "s3cret" } })).await;
    let moved = elsewhere.npm_url();
    place.up.edit("tool", |document| {
        document["versions"]["1.0.0"]["dist"]["tarball"] = format!("{moved}/tool/-/tool-1.0.0.tgz").into();
    });
    let document = packument(&place.ann, "tool").await;
    assert_eq!(
        document["versions"]["1.0.0"]["dist"]["tarball"],
        "http://localhost:8080/api/npm/libs/-/tarball/tool/1.0.0"
    );
    let refused = place.tarball("tool", "1.0.0").await;
    expect(&refused, 502);
    assert!(refused.error().contains("fileHosts"), "{}", refused.error());
    assert_eq!(elsewhere.asked(), Vec::<String>::new());
    let host = elsewhere.url().replace("http://", "");
    place.set(json!({ "fileHosts": [host] })).await;
    expect(&place.tarball("tool", "1.0.0").await, 200);
    assert_eq!(elsewhere.requests().len(), 1);
    assert_eq!(elsewhere.requests()[0].header("authorization"), None);
}

#[tokio::test]
async fn a_redirect_to_another_host_gets_no_credential() {
    let place = place_with("private", json!({ "credential": { "token": "s3cret" } })).await;
    let elsewhere = FakeUpstream::start().await;
    for up in [&place.up, &elsewhere] {
        up.publish(&version("tool", "1.0.0"));
    }
    let to = format!("{}/tool/-/tool-1.0.0.tgz", elsewhere.npm_url());
    place.up.misbehave("/npm/tool/-/", Some(Misbehaviour::Redirect(to)));
    packument(&place.ann, "tool").await;
    expect(&place.tarball("tool", "1.0.0").await, 200);
    assert_eq!(elsewhere.requests()[0].header("authorization"), None);
    // And no other bytes, wherever they are.
    elsewhere.publish(&version("other", "1.0.0").file("evil.js", b"evil"));
    place.up.publish(&version("other", "1.0.0"));
    let to = format!("{}/other/-/other-1.0.0.tgz", elsewhere.npm_url());
    place.up.misbehave("/npm/other/-/", Some(Misbehaviour::Redirect(to)));
    packument(&place.ann, "other").await;
    expect(&place.tarball("other", "1.0.0").await, 502);
}

#[tokio::test]
async fn clients_may_be_sent_to_the_upstream() {
    let place = place_with("private", json!({ "files": "redirect" })).await;
    place.up.publish(&version("tool", "1.0.0"));
    packument(&place.ann, "tool").await;
    let answer = place.tarball("tool", "1.0.0").await;
    expect(&answer, 302);
    assert_eq!(answer.header("location"), format!("{}/tool/-/tool-1.0.0.tgz", place.up.npm_url()));
    assert_eq!(place.asked(), ["GET /npm/tool"]);
    nothing_is_kept(&place).await;
    // Not to anybody's address.
    place.up.edit("tool", |document| {
        document["versions"]["1.0.0"]["dist"]["tarball"] = "https://evil.example/tool.tgz".into();
    });
    place.refresh("tool").await;
    expect(&place.tarball("tool", "1.0.0").await, 502);
}

#[tokio::test]
async fn what_is_kept_of_upstreams_has_a_quota_of_its_own() {
    let place =
        super::support::place_where("private", json!({}), |config| config.repo_quota = Some(1_500)).await;
    let (small, large) = (version("small", "1.0.0"), version("large", "1.0.0").file("x.bin", &noise(1_400)));
    for package in [&small, &large] {
        place.up.publish(package);
        packument(&place.ann, &package.name).await;
    }
    expect(&place.tarball("small", "1.0.0").await, 200);
    let refused = place.tarball("large", "1.0.0").await;
    expect(&refused, 403);
    assert!(refused.error().contains("1500"), "{}", refused.error());
    expect(&place.tarball("small", "1.0.0").await, 200);
    publish(&place.ann, &NpmPackage::new("own", "1.0.0")).await;
}
