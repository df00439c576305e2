//! Which ID tokens get the token of a build.

use granary_kmp::drive::dispatch_now;
use granary_kmp::github::run_input;
use granary_model::kmp::BuildStatus;
use granary_storage::rows::Dispatch;
use granary_testing::TestIssuer;
use granary_testing::github::{Doing, Trick};
use jsonwebtoken::{Algorithm, Header};
use serde_json::{Value, json};

use super::support::{Place, RUN};

#[tokio::test]
async fn a_job_of_the_run_gets_a_token_as_often_as_it_asks() {
    let place = Place::new().await;
    let build = place.build().await;
    let first = place.exchange(&build.id, &place.claims()).await;
    assert_eq!(first.status, 200, "{}", first.text());
    let answer = first.json();
    let token = answer["token"].as_str().unwrap();
    assert!(token.starts_with("bld_"), "{token}");
    let in_an_hour = granary_model::Timestamp::from_millis(granary_testing::START + 3_600_000).to_string();
    assert_eq!(answer["expiresAt"], in_an_hour);
    // As its run names it.
    let second = place.exchange(&format!("{}.{}", build.id, build.attempt), &place.claims()).await;
    assert_eq!(second.status, 200, "{}", second.text());
    assert_ne!(second.json()["token"], answer["token"]);
}

#[tokio::test]
async fn tokens_of_others_are_refused() {
    let place = Place::new().await;
    let build = place.build().await;
    let with = |name: &str, value: Value| {
        let mut claims = place.claims();
        claims[name] = value;
        claims
    };
    let now = granary_testing::START / 1000;
    let workflow = |text: &str| json!(format!("acme/builds/.github/workflows/{text}"));
    for (claims, status) in [
        (with("iss", json!("https://evil.example.com")), 401),
        (with("aud", json!("https://other.example.com")), 401),
        (with("aud", json!(["https://other.example.com"])), 401),
        (with("exp", json!(now - 60)), 401),
        (with("exp", json!("never")), 401),
        (with("nbf", json!(now + 600)), 401),
        (with("run_id", json!(7)), 401),
        (with("repository", Value::Null), 401),
        (with("repository", json!("acme/other")), 403),
        (with("repository", json!("evil/builds")), 403),
        (with("workflow_ref", workflow("other.yml@refs/heads/main")), 403),
        (with("workflow_ref", workflow("kmp-build.yml@refs/heads/feature")), 403),
        (with("workflow_ref", workflow("kmp-build.yml")), 403),
        (with("job_workflow_ref", json!("evil/x/.github/workflows/kmp-build.yml@refs/heads/main")), 403),
        (with("event_name", json!("pull_request")), 403),
        (with("event_name", json!("push")), 403),
        (with("run_id", json!("seven")), 403),
        (with("run_id", json!("8")), 409),
    ] {
        let response = place.exchange(&build.id, &claims).await;
        assert_eq!(response.status, status, "{claims}: {}", response.text());
        assert!(!response.text().contains("bld_"));
    }
}

#[tokio::test]
async fn signatures_that_are_none_are_refused() {
    let place = Place::new().await;
    let build = place.build().await;
    let good = place.issuer.id_token(&place.claims());
    let (head, signature) = good.rsplit_once('.').unwrap();
    let (_, payload) = head.split_once('.').unwrap();
    // {"alg":"none","typ":"JWT"}
    let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.");
    let other_key = TestIssuer::default().id_token(&place.claims());
    let unknown = Header { kid: Some("other".into()), ..Header::new(Algorithm::ES256) };
    let unknown = place.issuer.sign(&unknown, &place.claims());
    let changed: String = signature.chars().rev().collect();
    for bad in [none, other_key, unknown, format!("{head}.{changed}"), place.app.id_token("ann")] {
        let response = place.exchange_token(&build.id, &bad).await;
        assert_eq!(response.status, 401, "{bad}: {}", response.text());
    }
    let path = format!("/api/kmp/builds/{}/token", build.id);
    assert_eq!(place.app.anonymous().request("POST", &path, &[], "").await.status, 401);
    let token = place.exchange_token(&build.id, place.ann.secret()).await;
    assert_eq!(token.status, 401, "{}", token.text());
    // That was not because of the key set.
    assert_eq!(place.exchange(&build.id, &place.claims()).await.status, 200);
}

#[tokio::test]
async fn builds_that_are_not_there_or_not_under_way_have_no_tokens() {
    let place = Place::new().await;
    let build = place.build().await;
    assert_eq!(place.exchange("0190-nothing", &place.claims()).await.status, 404);
    assert_eq!(place.exchange(&format!("{}.9", build.id), &place.claims()).await.status, 409);
    for status in [BuildStatus::Discovered, BuildStatus::Success, BuildStatus::Failed] {
        let mut row = place.read(&build).await;
        row.status = status;
        place.write(&row).await;
        let response = place.exchange(&build.id, &place.claims()).await;
        assert_eq!(response.status, 409, "{status}: {}", response.text());
    }
}

#[tokio::test]
async fn a_registry_that_does_not_build_at_github_exchanges_nothing() {
    let app = granary_testing::TestApp::new().await;
    let response = app.user("ann").request("POST", "/api/kmp/builds/x/token", &[], "").await;
    assert_eq!(response.status, 404);
}

#[tokio::test]
async fn a_run_of_which_nobody_knew_is_recognised_by_its_title() {
    let place = Place::new().await;
    let lost = |row: &mut granary_storage::rows::BuildRow| {
        row.status = BuildStatus::Pending;
        row.dispatch = Dispatch::None;
        row.run_id = None;
        // Nothing is looked for at the source.
        row.outputs.enable_swift = false;
    };
    let build = place.build_of("1.0.0", lost).await;
    // GitHub starts the run, and its answer is lost.
    place.github.trick(Doing::Dispatch, Trick::ActAndLose);
    publish_library(&place).await;
    dispatch_now(&place.app.state().kmp_work(), &build).await.unwrap();
    let build = place.read(&build).await;
    assert!(matches!(build.dispatch, Dispatch::Sending(_)), "{build:?}");
    let runs = place.github.runs();
    assert_eq!((runs.len(), runs[0].input.clone()), (1, run_input(&build)));
    // A run that is none of this build, whatever it says of itself.
    assert_eq!(place.exchange(&build.id, &place.claims()).await.status, 409);
    let mut claims = place.claims();
    claims["run_id"] = runs[0].id.to_string().into();
    assert_ne!(runs[0].id, RUN);
    // GitHub does not answer: nothing is decided.
    place.github.trick(Doing::Look, Trick::status(500));
    let unknown = place.exchange(&build.id, &claims).await;
    assert_eq!(unknown.status, 503, "{}", unknown.text());
    let response = place.exchange(&build.id, &claims).await;
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(place.read(&build).await.run_id, Some(runs[0].id));
    assert_eq!(place.exchange(&build.id, &place.claims()).await.status, 409);
}

/// What of a library is looked at before a run is started.
async fn publish_library(place: &Place) {
    let module = json!({
        "formatVersion": "1.1",
        "component": { "group": "com.example", "module": "lib", "version": "1.0.0" },
        "variants": [{
            "name": "js", "attributes": { "org.jetbrains.kotlin.platform.type": "js", "org.gradle.usage": "kotlin-api" },
        }],
    });
    let path = "/api/maven/libs/com/example/lib/1.0.0/lib-1.0.0.module";
    let response = place.ann.request("PUT", path, &[], module.to_string()).await;
    assert_eq!(response.status, 201, "{}", response.text());
}
