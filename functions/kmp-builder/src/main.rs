//! The builder as a Lambda function: messages of its queue, and the schedule.

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
    /// Announce all builds that are due. In brackets, so that nothing is said beside it.
    Sweep {},
}

async fn answer(state: AppState, event: LambdaEvent<Value>) -> Result<Value, Error> {
    if let Some(Task::Sweep {}) = lambda::task(&event.payload)? {
        let report = granary_kmp_builder::sweep(&state).await?;
        return Ok(json!({ "due": report.due, "waiting": report.waiting, "removed": report.removed }));
    }
    let state = &state;
    // All at the same time.
    let steps = queue::messages(event.payload)?.into_iter().map(|message| async move {
        let followed = granary_kmp_builder::follow_up(state, &message.body, message.received).await;
        followed.is_err().then_some(message.id)
    });
    queue::answer(join_all(steps).await.into_iter().flatten())
}

#[cfg(test)]
#[path = "../tests/builder/support.rs"]
#[expect(dead_code, reason = "the suites beside it use the rest")]
mod support;

#[cfg(test)]
mod tests {
    use granary_model::kmp::BuildStatus;
    use granary_testing::TestApp;
    use granary_testing::github::Doing;
    use granary_testing::probe::{Fault, Service, Target};
    use granary_testing::sqs::record;
    use lambda_runtime::Context;

    use super::support::{MINUTE, Place, message};
    use super::*;

    async fn invoke(app: &TestApp, payload: Value) -> Result<Value, Error> {
        answer(app.state().clone(), LambdaEvent::new(payload, Context::default())).await
    }

    async fn call(app: &TestApp, payload: Value) -> Value {
        invoke(app, payload).await.unwrap()
    }

    #[tokio::test]
    async fn only_messages_that_failed_come_back() {
        let place = Place::new().await;
        let (first, fails, last) = (place.build().await, place.build().await, place.build().await);
        let records = json!({ "Records": [
            record("fails", &message(&fails), granary_kmp_builder::ATTEMPTS - 1),
            record("first", &message(&first), 1),
            record("unreadable", "no build", 1),
            record("empty", "", 1),
            record("last", &message(&last), 1),
        ] });
        place.app.probe.reset();
        // Nothing is known of the first build.
        place.app.probe.inject(Target::operation(Service::DynamoDb, "GetItem", 1), Fault::Refuse);
        let response = call(&place.app, records).await;
        assert_eq!(response, json!({ "batchItemFailures": [{ "itemIdentifier": "fails" }] }));
        assert_eq!(place.read(&fails).await, fails);
        for build in [&first, &last] {
            assert_eq!(place.read(build).await.status, BuildStatus::Queued);
        }
        let letters = place.app.dead_letters().await;
        assert_eq!(letters.len(), 2);
        assert!(letters.iter().all(|(_, reason)| reason.contains("cannot be read")), "{letters:?}");
        // It comes again, and so do others, as queues have it.
        let records = json!({ "Records": [record("fails", &message(&fails), 5), record("first", &message(&first), 2)] });
        assert_eq!(call(&place.app, records).await, json!({ "batchItemFailures": [] }));
        assert_eq!(place.read(&fails).await.status, BuildStatus::Queued);
        assert_eq!(place.github.count(Doing::Dispatch), 3);
    }

    #[tokio::test]
    async fn a_message_that_always_fails_is_put_aside_and_its_build_found_by_the_schedule() {
        let place = Place::new().await;
        let build = place.build().await;
        place.app.probe.reset();
        place.app.probe.inject(Target::operation(Service::DynamoDb, "GetItem", 1), Fault::Refuse);
        let records =
            json!({ "Records": [record("fails", &message(&build), granary_kmp_builder::ATTEMPTS)] });
        assert_eq!(call(&place.app, records).await, json!({ "batchItemFailures": [] }));
        let letters = place.app.dead_letters().await;
        assert!(
            matches!(letters.as_slice(), [(body, reason)] if *body == message(&build) && reason.contains("failed 5 times")),
            "{letters:?}"
        );
        let swept = call(&place.app, json!({ "task": "sweep" })).await;
        assert_eq!(swept, json!({ "due": 1, "waiting": 0, "removed": 0 }));
        place.drain().await;
        assert_eq!(place.read(&build).await.status, BuildStatus::Queued);
        let swept = call(&place.app, json!({ "task": "sweep" })).await;
        assert_eq!(swept, json!({ "due": 0, "waiting": 1, "removed": 0 }));
        place.app.clock.advance_millis(MINUTE);
        assert_eq!(call(&place.app, json!({ "task": "sweep" })).await["due"], 1);
    }

    #[tokio::test]
    async fn poison_that_cannot_be_put_aside_comes_again() {
        let app = TestApp::new().await;
        app.probe.inject(Target::operation(Service::Sqs, "SendMessage", 1), Fault::Refuse);
        let response = call(&app, json!({ "Records": [record("unreadable", "no build", 1)] })).await;
        assert_eq!(response, json!({ "batchItemFailures": [{ "itemIdentifier": "unreadable" }] }));
    }

    /// An invocation that fails is what an alarm can see.
    #[tokio::test]
    async fn a_sweep_that_reads_only_a_part_fails() {
        let app = TestApp::new().await;
        app.probe.inject(Target::operation(Service::DynamoDb, "Query", 1), Fault::Refuse);
        invoke(&app, json!({ "task": "sweep" })).await.unwrap_err();
        assert_eq!(
            call(&app, json!({ "task": "sweep" })).await,
            json!({ "due": 0, "waiting": 0, "removed": 0 })
        );
    }

    #[tokio::test]
    async fn what_is_no_task_and_no_message_of_its_queue_is_refused() {
        let app = TestApp::new().await;
        let mut strange = record("strange", "{}", 1);
        strange["eventSource"] = json!("aws:s3");
        for (payload, word) in [
            (json!({ "task": "made-up" }), "made-up"),
            (json!({ "task": "sweep", "everything": true }), "everything"),
            (json!({ "task": 1 }), "this task cannot be read"),
            (json!({ "Records": [record("own", "{}", 1), strange] }), "messages of its queue"),
            (json!({ "Records": 1 }), ""),
            (json!([]), ""),
        ] {
            let refused = invoke(&app, payload.clone()).await.unwrap_err().to_string();
            assert!(refused.contains(word), "{payload}: {refused}");
        }
        assert_eq!(app.dead_letters().await, []);
        assert_eq!(call(&app, json!({ "Records": [] })).await, json!({ "batchItemFailures": [] }));
    }
}
