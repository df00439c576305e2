//! Builds that are started by an App.

use futures::future::join_all;
use granary_kmp::settings::{GithubCredential, Secret};
use granary_model::kmp::BuildStatus;
use granary_storage::rows::Dispatch;
use granary_testing::Log;
use granary_testing::github::{Asked, Doing, FakeGithub, Trick};

use super::support::{MINUTE, Place};

async fn place() -> Place {
    Place::of(FakeGithub::start().await, FakeGithub::configure_app).await
}

#[tokio::test]
async fn a_token_is_made_once_and_renewed_before_it_ends() {
    let place = place().await;
    let build = place.build().await;
    assert_eq!(place.step(&build).await.status, BuildStatus::Queued);
    assert_eq!(place.github.count(Doing::Token), 1);
    place.app.clock.advance_millis(54 * MINUTE);
    place.step(&build).await;
    assert_eq!(place.github.count(Doing::Token), 1);
    place.app.clock.advance_millis(MINUTE);
    place.step(&build).await;
    assert_eq!(place.github.count(Doing::Token), 2, "five minutes before its end");
    assert_eq!(place.github.count(Doing::Installation), 1);
    let used: Vec<String> = calls(&place, Doing::Look).into_iter().map(|asked| asked.credential).collect();
    assert_eq!(used.first().map(String::as_str), Some("ghs_token0000"));
    assert_eq!(used.last().map(String::as_str), Some("ghs_token0001"));
}

fn calls(place: &Place, doing: Doing) -> Vec<Asked> {
    place.github.asked().into_iter().filter(|asked| asked.doing == doing).collect()
}

#[tokio::test]
async fn those_who_need_a_token_at_the_same_time_share_it() {
    let place = place().await;
    let mut builds = Vec::new();
    for _ in 0..10 {
        builds.push(place.build().await);
    }
    let steps = join_all(builds.iter().map(|build| place.hint(build))).await;
    assert!(steps.iter().all(Result::is_ok));
    assert_eq!(place.github.runs().len(), 10);
    assert_eq!((place.github.count(Doing::Installation), place.github.count(Doing::Token)), (1, 1));
}

#[tokio::test]
async fn a_token_that_is_revoked_is_replaced() {
    let place = place().await;
    place.step(&place.build().await).await;
    place.github.revoke_tokens();
    let build = place.build().await;
    assert_eq!(place.step(&build).await.status, BuildStatus::Queued);
    assert_eq!(place.github.count(Doing::Token), 2);
    assert_eq!(place.github.runs().len(), 2);
}

#[tokio::test]
async fn an_app_that_is_not_let_in_fails_the_build() {
    for (doing, status) in
        [(Doing::Installation, 404), (Doing::Installation, 401), (Doing::Token, 403), (Doing::Token, 422)]
    {
        let place = place().await;
        place.github.trick(doing, Trick::status(status));
        let failed = place.step(&place.build().await).await;
        assert_eq!(failed.status, BuildStatus::Failed, "{doing:?} {status}");
        assert!(failed.error.unwrap().contains(&status.to_string()));
        assert_eq!(place.github.count(Doing::Dispatch), 0);
        // The next one asks anew.
        assert_eq!(place.step(&place.build().await).await.status, BuildStatus::Queued);
    }
}

/// Nothing has been started, so there is nothing to look for.
#[tokio::test]
async fn a_token_that_cannot_be_had_now_costs_no_attempt() {
    for trick in [Trick::status(500), Trick::Lose, Trick::ActAndLose, Trick::ActAndBabble] {
        let place = place().await;
        place.github.trick(Doing::Token, trick.clone());
        let build = place.build().await;
        let waiting = place.step(&build).await;
        assert_eq!(
            (waiting.status, waiting.dispatch, waiting.attempt),
            (BuildStatus::Pending, Dispatch::None, 1),
            "{trick:?}"
        );
        place.app.clock.advance_millis(MINUTE);
        assert_eq!(place.step(&build).await.status, BuildStatus::Queued);
    }
}

#[tokio::test]
async fn a_key_that_is_none_is_an_error_without_it() {
    let (log, _guard) = Log::keep("trace");
    let key = "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0c2VjcmV0\n-----END RSA PRIVATE KEY-----\n";
    let place = Place::of(FakeGithub::start().await, |github, config| {
        let credential = GithubCredential::App { id: "1".into(), key: Secret(key.into()) };
        github.configure_with(config, credential);
    })
    .await;
    let build = place.build().await;
    let error = place.hint(&build).await.unwrap_err().to_string();
    assert!(error.contains("GRANARY_GITHUB_APP_KEY") && !error.contains("c2VjcmV0"), "{error}");
    assert_eq!(place.read(&build).await.status, BuildStatus::Pending);
    assert!(!log.text().contains("c2VjcmV0"));
}

#[tokio::test]
async fn neither_key_nor_tokens_are_logged() {
    let (log, _guard) = Log::keep("trace");
    let place = place().await;
    let build = place.build().await;
    let ended = place.until_it_ends(&build).await;
    assert_eq!(ended.status, BuildStatus::Failed);
    let key = place.github.app_key();
    let text = format!("{}{:?}{:?}", log.text(), place.app.state(), place.app.state().kmp());
    assert!(!text.contains("ghs_token"));
    assert!(key.lines().skip(1).take(20).all(|line| !text.contains(line)));
}
