//! Builds that cannot be handed over, and why.

use granary_kmp::drive::{DispatchOutcome, dispatch_now};
use granary_kmp::settings::Builder;
use granary_model::Timestamp;
use granary_model::kmp::BuildStatus;
use granary_storage::rows::{BuildRow, Dispatch};
use granary_testing::github::{Doing, FakeGithub, TOKEN, Trick};
use granary_testing::{Log, START};

use super::support::{MINUTE, Place, module};

#[tokio::test]
async fn what_github_refuses_fails_with_its_reason() {
    for (status, word) in [
        (400, "made up by a test"),
        (401, "credential is not taken"),
        (403, "Actions: read and write"),
        (404, "no such repository or workflow"),
        (422, "made up by a test"),
        (307, "has moved"),
    ] {
        let place = Place::new().await;
        let build = place.build().await;
        for _ in 0..3 {
            place.github.trick(Doing::Dispatch, Trick::status(status));
        }
        let outcome = dispatch_now(&place.app.state().kmp_work(), &build).await.unwrap();
        let DispatchOutcome::Refused(why) = outcome else { panic!("{status}: {outcome:?}") };
        assert!(why.contains(&status.to_string()) && why.contains(word), "{why}");
        let failed = place.read(&build).await;
        assert_eq!((failed.status, failed.error), (BuildStatus::Failed, Some(why)));
        assert_eq!(place.github.runs().len(), 0);
    }
}

#[tokio::test]
async fn limits_put_a_build_back_until_they_are_over() {
    let seconds = |place: &Place, more: i64| (place.app.state().now().seconds() + more).to_string();
    let date = |more: i64| Timestamp::from_millis(START).plus_millis(more * 1000).http_date();
    for (status, headers, wait) in [
        (429, vec![("retry-after", "90".to_owned())], 90),
        (403, vec![("retry-after", "90".to_owned())], 90),
        (429, vec![], 60),
        (403, vec![], 60),
        (403, vec![("x-ratelimit-remaining", "0".to_owned()), ("x-ratelimit-reset", String::new())], 120),
        (429, vec![("retry-after", "99999999999".to_owned())], 3660),
        (429, vec![("retry-after", "-5".to_owned())], 1),
        (429, vec![("retry-after", date(150))], 150),
        (403, vec![("retry-after", date(150))], 150),
        (429, vec![("retry-after", date(-150))], 1),
        (429, vec![("retry-after", "soon".to_owned())], 60),
        (429, vec![("x-ratelimit-reset", String::new())], 120),
        // The hour is not over, and it is not what was exceeded.
        (429, vec![("x-ratelimit-remaining", "12".to_owned()), ("x-ratelimit-reset", String::new())], 60),
        (429, vec![("retry-after", "90".to_owned()), ("x-ratelimit-reset", String::new())], 90),
    ] {
        let place = Place::new().await;
        let build = place.build().await;
        let headers = headers
            .into_iter()
            .map(|(name, value)| (name, if value.is_empty() { seconds(&place, 120) } else { value }))
            .collect();
        let body = r#"{"message":"You have exceeded a secondary rate limit."}"#;
        place.github.trick(Doing::Dispatch, Trick::Answer(status, headers, body.into()));
        let outcome = dispatch_now(&place.app.state().kmp_work(), &build).await.unwrap();
        assert!(matches!(&outcome, DispatchOutcome::Waits(why) if why.contains("rate limit")), "{outcome:?}");
        let waiting = place.read(&build).await;
        assert_eq!((waiting.status, waiting.dispatch), (BuildStatus::Pending, Dispatch::None));
        assert_eq!(waiting.look_at, place.app.state().now().millis() + wait * 1000);
        // Neither messages nor another process can hurry it.
        place.step(&build).await;
        place.restarted().step(&build).await;
        assert_eq!(place.github.count(Doing::Dispatch), 1);
        place.app.clock.advance_millis(wait * 1000);
        let queued = place.step(&build).await;
        assert_eq!((queued.status, queued.error), (BuildStatus::Queued, None));
        place.assert_no_doubles();
    }
}

/// A limit is one of all builds: the next one does not even ask.
#[tokio::test]
async fn a_limit_holds_for_the_whole_process() {
    let place = Place::new().await;
    let (one, two) = (place.build().await, place.build().await);
    let limit = Trick::Answer(429, vec![("retry-after", "90".into())], String::new());
    place.github.trick(Doing::Dispatch, limit);
    place.step(&one).await;
    let waiting = place.step(&two).await;
    assert_eq!((waiting.status, waiting.attempt), (BuildStatus::Pending, 1));
    assert_eq!(place.github.count(Doing::Dispatch), 1);
}

#[tokio::test]
async fn a_github_that_refuses_for_ever_ends_the_build() {
    let place = Place::new().await;
    let build = place.build().await;
    for _ in 0..500 {
        place
            .github
            .trick(Doing::Dispatch, Trick::Answer(429, vec![("retry-after", "60".into())], String::new()));
    }
    let failed = place.until_it_ends(&build).await;
    assert_eq!(failed.status, BuildStatus::Failed);
    let why = failed.error.unwrap();
    assert!(why.contains("could not be handed over within 180 minutes") && why.contains("429"), "{why}");
    assert_eq!(place.github.runs().len(), 0);
}

#[tokio::test]
async fn a_github_that_is_not_there_is_waited_for() {
    let nowhere = Place::of(FakeGithub::start().await, |github, config| {
        github.configure(config);
        let Builder::Github(github) = &mut config.kmp.builder else { panic!() };
        // The port of nobody.
        github.api_url = "http://127.0.0.1:9".into();
    })
    .await;
    let build = nowhere.build().await;
    let waiting = nowhere.step(&build).await;
    assert_eq!(
        (waiting.status, waiting.attempt, waiting.dispatch),
        (BuildStatus::Pending, 2, Dispatch::None)
    );
    assert!(waiting.error.unwrap().contains("cannot be reached"));
}

#[tokio::test]
async fn what_cannot_be_built_is_never_started() {
    let mut other_format = module(true, true);
    other_format["formatVersion"] = "2.0".into();
    for (document, word) in [
        (module(false, true).to_string(), "JavaScript"),
        (module(true, false).to_string(), "iosArm64"),
        (module(false, false).to_string(), "JavaScript"),
        (other_format.to_string(), "version 1"),
        ("no JSON".to_owned(), ""),
        (String::new(), ""),
    ] {
        let place = Place::new().await;
        place.set_module(document.clone());
        let build = place.build().await;
        let outcome = dispatch_now(&place.app.state().kmp_work(), &build).await.unwrap();
        let DispatchOutcome::Unbuildable(why) = outcome else { panic!("{document}: {outcome:?}") };
        assert!(why.contains(word), "{document}: {why}");
        assert_eq!(place.read(&build).await.status, BuildStatus::Failed);
        assert!(place.github.asked().iter().all(|asked| asked.doing == Doing::Other), "nobody asked GitHub");
    }
}

#[tokio::test]
async fn a_version_without_metadata_or_a_semantic_form_is_never_started() {
    let place = Place::new().await;
    let missing = place.step(&place.build_of("2.0.0", true).await).await;
    assert_eq!(missing.status, BuildStatus::Failed);
    assert!(missing.error.unwrap().contains("com/example/lib/2.0.0/lib-2.0.0.module"));
    place.github.file("com/example/lib/1.0.0.Final/lib-1.0.0.Final.module", module(true, true).to_string());
    let odd = place.step(&place.build_of("1.0.0.Final", true).await).await;
    assert_eq!(odd.status, BuildStatus::Failed);
    assert!(odd.error.unwrap().contains("semantic version"));
    assert_eq!(place.github.count(Doing::Dispatch), 0);
}

#[tokio::test]
async fn a_repository_that_is_gone_or_another_one_ends_its_builds() {
    let place = Place::new().await;
    let build = place.build().await;
    let other = BuildRow { repo_uid: "another one".into(), ..build.clone() };
    place.write(&other).await;
    let failed = place.step(&build).await;
    assert_eq!(failed.status, BuildStatus::Failed);
    assert!(failed.error.unwrap().contains("gone"));
}

#[tokio::test]
async fn a_source_that_is_not_at_its_best_is_waited_for() {
    let place = Place::new().await;
    let build = place.build().await;
    place.github.trick(Doing::Other, Trick::Answer(503, vec![("retry-after", "300".into())], String::new()));
    let waiting = place.step(&build).await;
    assert_eq!((waiting.status, waiting.attempt), (BuildStatus::Pending, 1));
    assert_eq!(waiting.look_at, place.app.state().now().millis() + 300_000);
    assert!(waiting.error.unwrap().contains("503"));
    assert!(waiting.deadline_at > 0, "not for ever");
    place.app.clock.advance_millis(5 * MINUTE);
    assert_eq!(place.step(&build).await.status, BuildStatus::Queued);
}

/// Addresses go to a machine that runs scripts. These have a library behind them, so that nothing else stops them.
#[tokio::test]
async fn sources_with_characters_of_shells_go_nowhere() {
    for folder in [";x", "$(id)", "'x'", "a|b", "a&b", "$HOME"] {
        let place = Place::new().await;
        let path = format!("{folder}/com/example/lib/1.0.0/lib-1.0.0.module");
        let files = place.github.file(&path, module(true, true).to_string());
        place.set_source(&format!("{files}/{folder}")).await;
        let build = place.build().await;
        let failed = place.step(&build).await;
        assert_eq!(failed.status, BuildStatus::Failed, "{folder}");
        assert!(failed.error.unwrap().contains("no address that can be built from"), "{folder}");
        assert_eq!(place.github.count(Doing::Dispatch), 0, "{folder}");
    }
}

#[tokio::test]
async fn the_credential_is_in_no_log_and_no_error() {
    let (log, _guard) = Log::keep("trace");
    for status in [400, 401, 403, 404, 422, 429, 500] {
        let place = Place::new().await;
        let build = place.build().await;
        // A server that repeats what it was told.
        let body = format!(r#"{{"message":"Bad credentials: Bearer {TOKEN} is not good"}}"#);
        for _ in 0..3 {
            place.github.trick(Doing::Dispatch, Trick::Answer(status, Vec::new(), body.clone()));
        }
        let row = place.step(&build).await;
        assert!(place.github.count(Doing::Dispatch) > 0);
        assert!(!format!("{row:?}").contains(TOKEN), "{row:?}");
        assert!(!format!("{:?} {:?}", place.app.state(), place.app.state().kmp()).contains(TOKEN));
    }
    assert!(log.text().contains("a run has to be looked for"), "what is logged is seen here");
    assert!(!log.text().contains(TOKEN));
}
