//! The poller as a Lambda function: messages of its queue, and the schedule.

use futures::future::join_all;
use granary_http::AppState;
use granary_http::lambda::{self, queue};
use lambda_runtime::{Error, LambdaEvent};
use serde::Deserialize;
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda::run_events(answer).await
}

/// What the schedule sends.
#[derive(Debug, Deserialize)]
#[serde(tag = "task", rename_all = "kebab-case", deny_unknown_fields)]
enum Task {
    /// Announce all watched libraries.
    Tick,
}

async fn answer(state: AppState, event: LambdaEvent<Value>) -> Result<Value, Error> {
    if let Some(Task::Tick) = lambda::task(&event.payload)? {
        let report = granary_kmp_poller::tick(&state).await?;
        return Ok(json!({ "announced": report.announced }));
    }
    let state = &state;
    // All at the same time.
    let steps = queue::messages(event.payload)?.into_iter().map(|message| async move {
        let followed = granary_kmp_poller::follow_up(state, &message.body, message.received).await;
        followed.is_err().then_some(message.id)
    });
    queue::answer(join_all(steps).await.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use granary_storage::Queue;
    use granary_testing::TestApp;
    use granary_testing::kmp::watch;
    use granary_testing::probe::{Fault, Service, Target};
    use granary_testing::source::FakeSource;
    use granary_testing::sqs::record;
    use lambda_runtime::Context;

    use super::*;

    /// A registry of which `apps` watches three libraries, and the messages that ask for a look at each.
    async fn watching() -> (TestApp, FakeSource, Vec<String>) {
        let source = FakeSource::start().await;
        let app = TestApp::with(|config| config.kmp.allow_private_sources = true).await;
        let ann = app.kmp_repo("ann", "apps", &source.url(), "private").await;
        let mut messages = Vec::new();
        for artifact in ["a", "b", "c"] {
            source.library("com.example", artifact, &["1.0.0"]);
            let made = ann.post_json("/api/repos/apps/kmp/watched", &watch("com.example", artifact)).await;
            assert_eq!(made.status, 201, "{}", made.text());
            messages.push(json!({ "repo": "apps", "id": made.json()["watched"]["id"] }).to_string());
        }
        (app, source, messages)
    }

    async fn invoke(app: &TestApp, payload: Value) -> Result<Value, Error> {
        answer(app.state().clone(), LambdaEvent::new(payload, Context::default())).await
    }

    async fn call(app: &TestApp, payload: Value) -> Value {
        invoke(app, payload).await.unwrap()
    }

    /// The libraries whose source was asked, in the order of their names.
    fn asked(source: &FakeSource) -> Vec<String> {
        let mut asked: Vec<String> = source
            .asked()
            .into_iter()
            .map(|asked| asked.path.split('/').nth(2).unwrap_or_default().to_owned())
            .collect();
        asked.sort_unstable();
        asked
    }

    #[tokio::test]
    async fn only_messages_that_failed_come_back() {
        let (app, source, messages) = watching().await;
        app.probe.reset();
        app.probe.inject(Target::operation(Service::DynamoDb, "GetItem", 1), Fault::Refuse);
        let records = json!({ "Records": [
            record("fails", &messages[0], 4),
            record("good", &messages[1], 1),
            record("malformed", "no message", 1),
            record("last", &messages[2], 1),
        ] });
        assert_eq!(
            call(&app, records).await,
            json!({ "batchItemFailures": [{ "itemIdentifier": "fails" }] })
        );
        assert_eq!(asked(&source), ["b", "c"]);
        let letters = app.dead_letters().await;
        assert_eq!(letters.len(), 1, "{letters:?}");
        assert!(letters[0].0 == "no message" && letters[0].1.contains("cannot be read"), "{letters:?}");
        // The one that failed comes again, and the others need not.
        let again = json!({ "Records": [record("fails", &messages[0], 5)] });
        assert_eq!(call(&app, again).await, json!({ "batchItemFailures": [] }));
        assert_eq!(asked(&source), ["a"]);
    }

    #[tokio::test]
    async fn a_message_that_failed_too_often_is_put_aside() {
        let (app, _, messages) = watching().await;
        app.probe.reset();
        app.probe.inject(Target::operation(Service::DynamoDb, "GetItem", 1), Fault::Refuse);
        let records = json!({ "Records": [record("fails", &messages[0], 5)] });
        assert_eq!(call(&app, records).await, json!({ "batchItemFailures": [] }));
        let letters = app.dead_letters().await;
        assert!(letters[0].0 == messages[0] && letters[0].1.contains("failed 5 times"), "{letters:?}");
    }

    #[tokio::test]
    async fn poison_that_cannot_be_put_aside_comes_again() {
        let app = TestApp::new().await;
        app.probe.inject(Target::operation(Service::Sqs, "SendMessage", 1), Fault::Refuse);
        let response = call(&app, json!({ "Records": [record("unreadable", "no message", 1)] })).await;
        assert_eq!(response, json!({ "batchItemFailures": [{ "itemIdentifier": "unreadable" }] }));
    }

    #[tokio::test]
    async fn the_schedule_announces_all_libraries() {
        let (app, source, _) = watching().await;
        assert_eq!(call(&app, json!({ "task": "tick" })).await, json!({ "announced": 3 }));
        let messages = app.state().storage().receive(Queue::KmpPoll, 0).await.unwrap();
        let records: Vec<Value> = messages.iter().map(|message| record("one", &message.body, 1)).collect();
        let response = call(&app, json!({ "Records": records })).await;
        assert_eq!(response, json!({ "batchItemFailures": [] }));
        assert_eq!(asked(&source), ["a", "b", "c"]);
    }

    /// An invocation that fails is what an alarm can see.
    #[tokio::test]
    async fn a_tick_that_misses_some_fails() {
        let (app, ..) = watching().await;
        app.probe.reset();
        app.probe.inject(Target::operation(Service::DynamoDb, "Query", 1), Fault::Refuse);
        invoke(&app, json!({ "task": "tick" })).await.unwrap_err();
    }

    #[tokio::test]
    async fn what_is_not_for_this_function_is_refused() {
        let (app, source, messages) = watching().await;
        app.probe.reset();
        for (payload, word) in [
            (json!({ "task": "made-up" }), "made-up"),
            (json!({ "task": null }), "task"),
            (json!({ "task": "sweep" }), "sweep"),
        ] {
            let refused = invoke(&app, payload.clone()).await.unwrap_err().to_string();
            assert!(refused.contains(word), "{payload}: {refused}");
        }
        let mut of_others = record("one", &messages[0], 1);
        of_others["eventSource"] = "aws:s3".into();
        let refused = invoke(&app, json!({ "Records": [of_others] })).await.unwrap_err().to_string();
        assert!(refused.contains("queue"), "{refused}");
        invoke(&app, json!({ "detail": {} })).await.unwrap_err();
        assert_eq!(app.probe.count(), 0);
        assert!(asked(&source).is_empty());
    }
}
