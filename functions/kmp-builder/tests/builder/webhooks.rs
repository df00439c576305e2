//! What GitHub tells by itself.

use granary_kmp::drive::anew;
use granary_model::kmp::BuildStatus;
use granary_storage::Queue;
use granary_testing::github::{Doing, FakeGithub, WEBHOOK_SECRET, Webhook};
use granary_testing::{EventShape, TestApp};
use serde_json::Value;

use super::support::Place;

async fn started() -> (Place, granary_storage::rows::BuildRow) {
    let place = Place::new().await;
    let build = place.build().await;
    place.step(&build).await;
    (place, build)
}

async fn messages(app: &TestApp) -> usize {
    app.state().storage().receive(Queue::KmpBuild, 0).await.unwrap().len()
}

#[tokio::test]
async fn a_hint_makes_a_build_be_looked_at_at_once() {
    let (place, build) = started().await;
    place.github.set(1000, "in_progress", None);
    assert_eq!(place.github.webhook(1000).deliver(&place.app).await.status, 204);
    assert_eq!(place.read(&build).await.status, BuildStatus::Queued, "only the message is sent");
    place.drain().await;
    assert_eq!(place.read(&build).await.status, BuildStatus::Building);
}

#[tokio::test]
async fn hints_may_come_twice_late_and_in_any_order() {
    let (place, build) = started().await;
    let requested = place.github.webhook(1000);
    place.github.set(1000, "in_progress", None);
    let begun = place.github.webhook(1000);
    place.github.set(1000, "completed", Some("failure"));
    let over = place.github.webhook(1000);
    // The run is at work, whatever is told of it.
    place.github.set(1000, "in_progress", None);
    for hint in [&over, &over, &requested, &begun, &over, &begun] {
        assert_eq!(hint.deliver(&place.app).await.status, 204);
        place.drain().await;
        assert_eq!(place.read(&build).await.status, BuildStatus::Building, "GitHub is asked, not the hint");
    }
    place.github.set(1000, "completed", Some("failure"));
    for hint in [&begun, &requested, &over, &over] {
        assert_eq!(hint.deliver(&place.app).await.status, 204);
        place.drain().await;
        assert_eq!(place.read(&build).await.status, BuildStatus::Failed);
    }
    assert_eq!(place.github.count(Doing::Dispatch), 1);
    place.github.webhook(1000).deliver(&place.app).await;
    assert_eq!(messages(&place.app).await, 0, "of what is over there are no messages");
}

/// A run of an attempt that is given up goes on at GitHub, and tells of itself as if nothing had happened.
#[tokio::test]
async fn hints_of_an_earlier_attempt_change_nothing() {
    let (place, build) = started().await;
    place.github.set(1000, "completed", Some("failure"));
    let first = place.github.webhook(1000);
    let failed = place.step(&build).await;
    assert_eq!(failed.status, BuildStatus::Failed);
    place.write(&anew(&failed, failed.outputs.clone())).await;
    let second = place.step(&build).await;
    assert_eq!((second.status, second.attempt, second.run_id), (BuildStatus::Queued, 2, Some(1001)));
    place.github.set(1000, "in_progress", None);
    for hint in [first, place.github.webhook(1000)] {
        assert_eq!(hint.deliver(&place.app).await.status, 204);
        assert_eq!(messages(&place.app).await, 0);
    }
    assert_eq!(place.read(&build).await, second);
    // Whoever looks all the same looks at the run of the present attempt.
    assert_eq!(place.step(&build).await.status, BuildStatus::Queued);
    place.github.set(1001, "in_progress", None);
    assert_eq!(place.github.webhook(1001).deliver(&place.app).await.status, 204);
    place.drain().await;
    assert_eq!(place.read(&build).await.status, BuildStatus::Building);
}

#[tokio::test]
async fn forged_hints_are_refused() {
    let (place, _) = started().await;
    let good = place.github.webhook(1000);
    let other_secret = Webhook::signed("workflow_run", good.body.clone(), "another secret");
    let other_body = Webhook { body: good.body.replace("queued", "completed"), ..good.clone() };
    let unsigned = Webhook { signature: String::new(), ..good.clone() };
    let odd = Webhook { signature: "sha256=zz".into(), ..good.clone() };
    let empty_secret = Webhook::signed("workflow_run", good.body.clone(), "");
    for forged in [other_secret, other_body, unsigned, odd, empty_secret] {
        let response = forged.deliver(&place.app).await;
        assert_eq!(response.status, 401, "{forged:?}");
        assert!(!response.text().contains(WEBHOOK_SECRET));
    }
    let bare =
        place.app.anonymous().request("POST", "/api/kmp/webhooks/github", &[], good.body.clone()).await;
    assert_eq!(bare.status, 401);
    assert_eq!(messages(&place.app).await, 0);
}

#[tokio::test]
async fn without_a_secret_nothing_is_believed() {
    let (signed, body) = {
        let (place, _) = started().await;
        (place.github.webhook(1000), place.github.webhook(1000).body)
    };
    let empty = Webhook::signed("workflow_run", body, "");
    for secret in [None, Some(String::new())] {
        let place = Place::of(FakeGithub::start().await, |github, config| {
            github.configure(config);
            let granary_kmp::settings::Builder::Github(github) = &mut config.kmp.builder else { panic!() };
            github.webhook_secret = secret.map(granary_kmp::settings::Secret);
        })
        .await;
        assert_eq!(signed.deliver(&place.app).await.status, 401);
        assert_eq!(empty.deliver(&place.app).await.status, 401);
    }
    assert_eq!(signed.deliver(&TestApp::new().await).await.status, 401, "no GitHub at all");
}

#[tokio::test]
async fn what_is_about_something_else_is_left_alone() {
    let (place, build) = started().await;
    let good: Value = serde_json::from_str(&place.github.webhook(1000).body).unwrap();
    let with = |pointer: &str, value: &str| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value.into();
        Webhook::signed("workflow_run", body.to_string(), WEBHOOK_SECRET)
    };
    for hint in [
        with("/workflow_run/display_title", "CI"),
        with("/workflow_run/display_title", "kmp 0190.1"),
        with("/workflow_run/display_title", &format!("kmp {}.2", build.id)),
        with("/repository/full_name", "eve/builds"),
        Webhook::signed("workflow_run", "no JSON".into(), WEBHOOK_SECRET),
        Webhook::signed("workflow_run", "[]".into(), WEBHOOK_SECRET),
        Webhook::signed("ping", r#"{"zen":"Keep it logically awesome."}"#.into(), WEBHOOK_SECRET),
        Webhook::signed("push", good.to_string(), WEBHOOK_SECRET),
    ] {
        let response = hint.deliver(&place.app).await;
        assert_eq!(response.status, 204, "{hint:?}: {}", response.text());
    }
    assert_eq!(messages(&place.app).await, 0);
    for megabytes in [2, 26] {
        let large = Webhook::signed("workflow_run", "x".repeat(megabytes * 1024 * 1024), WEBHOOK_SECRET);
        assert_eq!(large.deliver(&place.app).await.status, 413);
    }
    let largest = Webhook::signed("workflow_run", "x".repeat(1024 * 1024), WEBHOOK_SECRET);
    assert_eq!(largest.deliver(&place.app).await.status, 204);
}

/// Nobody makes the registry receive bytes who has shown nothing that could be a signature, or to whom nothing is believed.
#[tokio::test]
async fn who_cannot_have_signed_is_refused_before_the_bytes_are_received() {
    let (place, _) = started().await;
    let large = Webhook::signed("workflow_run", "x".repeat(2 * 1024 * 1024), "another secret");
    assert_eq!(large.deliver(&place.app).await.status, 413, "this one had to be received");
    let digits = "a".repeat(64);
    for odd in [
        String::new(),
        "sha256=".into(),
        digits.clone(),
        format!("sha1={digits}"),
        format!("sha256={digits}a"),
        format!("sha256={}", "g".repeat(64)),
    ] {
        let forged = Webhook { signature: odd, ..large.clone() };
        assert_eq!(forged.deliver(&place.app).await.status, 401, "{}", forged.signature);
    }
    assert_eq!(large.deliver(&TestApp::new().await).await.status, 401, "no GitHub at all");
}

/// The signature is over the bytes as they were sent, and a gateway hands some of them over in another form.
#[tokio::test]
async fn hints_come_through_both_front_doors() {
    for shape in [EventShape::HttpApi, EventShape::FunctionUrl] {
        for media_type in ["application/json", "application/octet-stream"] {
            let (place, build) = started().await;
            let body: Value = serde_json::from_str(&place.github.webhook(1000).body).unwrap();
            let mut body = body;
            body["note"] = "Grüße \u{1f680}".into();
            let hint = Webhook::signed("workflow_run", body.to_string(), WEBHOOK_SECRET);
            let headers = [
                ("content-type", media_type),
                ("x-github-event", hint.event),
                ("x-hub-signature-256", hint.signature.as_str()),
            ];
            let path = "/api/kmp/webhooks/github";
            let response = place.app.event(shape, "POST", path, &headers, hint.body.as_bytes()).await;
            assert_eq!(response.status, 204, "{shape:?} {media_type}");
            place.github.set(1000, "in_progress", None);
            place.drain().await;
            assert_eq!(place.read(&build).await.status, BuildStatus::Building);
        }
    }
}
