//! The outbox consumer as a Lambda function: messages of the queue, the schedule, and what an operator asks for.

use granary_http::lambda::{self, queue};
use granary_http::{AppState, administrator_token};
use granary_model::UserId;
use lambda_runtime::{Error, LambdaEvent};
use serde::Deserialize;
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda::run_events(answer).await
}

/// What comes without a message: from the schedule, or by `aws lambda invoke` from somebody whom AWS lets do that.
#[derive(Debug, Deserialize)]
#[serde(tag = "task", rename_all = "kebab-case", deny_unknown_fields)]
enum Task {
    /// Follow up events whose message was lost.
    Sweep,
    /// Remove bytes that no file holds.
    SweepBlobs,
    /// Remove what is staged for uploads that were given up.
    SweepUploads,
    /// Make a token of all scopes for an administrator: there is nobody yet whom the registry would believe.
    AdminToken {
        /// One of `GRANARY_ADMINS`; the first one if nothing is said.
        user: Option<UserId>,
        /// When it ends; 30 days if nothing is said.
        #[serde(rename = "expiresInDays")]
        expires_in_days: Option<f64>,
    },
}

/// How long a token for an administrator works if nothing is said, in days: enough to set up what comes next.
const TOKEN_DAYS: f64 = 30.0;

async fn answer(state: AppState, event: LambdaEvent<Value>) -> Result<Value, Error> {
    if let Some(task) = lambda::task(&event.payload)? {
        return perform(&state, task).await;
    }
    let messages = queue::messages(event.payload)?;
    queue::answer(consume(&state, messages).await)
}

async fn perform(state: &AppState, task: Task) -> Result<Value, Error> {
    Ok(match task {
        Task::Sweep => {
            let report = granary_events::sweep(state, false).await?;
            if report.stuck > 0 {
                // An invocation that fails is what an alarm can see.
                return Err(format!(
                    "{} events have failed for more than an hour; the log says why",
                    report.stuck
                )
                .into());
            }
            json!({ "finished": report.finished, "waiting": report.waiting, "failed": report.failed })
        }
        Task::SweepBlobs => json!({ "removed": granary_events::sweep_blobs(state).await? }),
        Task::SweepUploads => json!({ "removed": granary_events::sweep_uploads(state).await? }),
        Task::AdminToken { user, expires_in_days } => {
            let first = state.config().instance_admins.first().cloned();
            let user = user.or(first).ok_or(
                "nobody administers this registry: deploy with the parameter Admins, which takes user ids of the \
                 identity provider",
            )?;
            let days = expires_in_days.unwrap_or(TOKEN_DAYS);
            let token = administrator_token(state, &user, "made by an invocation", Some(days)).await?;
            json!({ "user": user, "token": token.expose(), "expiresInDays": days })
        }
    })
}

/// Follows up each message, and names those that have to come again.
async fn consume(state: &AppState, messages: Vec<queue::Message>) -> Vec<String> {
    let mut failed = Vec::new();
    for message in messages {
        if granary_events::follow_up(state, &message.body, message.received).await.is_err() {
            failed.push(message.id);
        }
    }
    failed
}

#[cfg(test)]
mod tests {
    use granary_storage::rows::OutboxRow;
    use granary_testing::TestApp;
    use granary_testing::npm::NpmPackage;
    use granary_testing::probe::{Fault, Service, Target};
    use granary_testing::sqs::record;
    use lambda_runtime::Context;

    use super::*;

    async fn published() -> (TestApp, Vec<OutboxRow>) {
        let app = TestApp::new().await;
        let ann = app.npm_repo("ann", "libs", "private").await;
        for name in ["one", "two", "three"] {
            assert_eq!(ann.publish("libs", &NpmPackage::new(name, "1.0.0")).await.status, 201);
        }
        let rows = app.outbox().await;
        (app, rows)
    }

    async fn invoke(app: &TestApp, payload: Value) -> Result<Value, Error> {
        answer(app.state().clone(), LambdaEvent::new(payload, Context::default())).await
    }

    async fn call(app: &TestApp, payload: Value) -> Value {
        invoke(app, payload).await.unwrap()
    }

    fn text(row: &OutboxRow) -> String {
        serde_json::to_string(row).unwrap()
    }

    #[tokio::test]
    async fn only_messages_that_failed_come_back() {
        let (app, rows) = published().await;
        let records = json!({ "Records": [
            record("first", &text(&rows[0]), 1),
            record("fails", &text(&rows[1]), 4),
            record("last", &text(&rows[2]), 1),
        ] });
        app.probe.reset();
        // The documents of the second package cannot be listed.
        app.probe.inject(Target::operation(Service::S3, "ListObjectsV2", 2), Fault::Refuse);
        let response = call(&app, records).await;
        assert_eq!(response, json!({ "batchItemFailures": [{ "itemIdentifier": "fails" }] }));
        let left: Vec<String> = app.outbox().await.into_iter().map(|row| row.id).collect();
        assert_eq!(left, [rows[1].id.clone()]);
        assert_eq!(app.dead_letters().await, []);
    }

    #[tokio::test]
    async fn poison_is_put_aside_with_its_reason() {
        let (app, rows) = published().await;
        let unknown = r#"{"shard":0,"id":"1","at":1,"event":{"type":"made-up"}}"#;
        let records = json!({ "Records": [
            record("unreadable", "no event", 1),
            record("empty", "", 1),
            record("unknown", unknown, granary_events::ATTEMPTS),
            record("perhaps of a newer version", unknown, 1),
            record("fails", &text(&rows[0]), granary_events::ATTEMPTS),
            record("good", &text(&rows[1]), 1),
        ] });
        app.probe.reset();
        app.probe.inject(Target::operation(Service::S3, "ListObjectsV2", 1), Fault::Refuse);
        let again = json!({ "batchItemFailures": [{ "itemIdentifier": "perhaps of a newer version" }] });
        assert_eq!(call(&app, records).await, again);
        let letters = app.dead_letters().await;
        let reason = |body: &str| letters.iter().find(|(found, _)| found == body).unwrap().1.as_str();
        assert!(reason("no event").contains("cannot be read"), "{letters:?}");
        assert!(reason(" ").contains("cannot be read"), "{letters:?}");
        assert!(letters.iter().any(|(_, reason)| reason.contains("made-up")), "{letters:?}");
        assert!(reason(&text(&rows[0])).contains("failed 5 times"), "{letters:?}");
        assert_eq!(letters.len(), 4);
        // Nothing is lost by it: what it was about is still in the outbox, and the next sweep follows it up.
        assert!(app.outbox().await.contains(&rows[0]));
        app.clock.advance_millis(60_000);
        call(&app, json!({ "task": "sweep" })).await;
        assert!(app.outbox().await.is_empty());
    }

    #[tokio::test]
    async fn poison_that_cannot_be_put_aside_comes_again() {
        let app = TestApp::new().await;
        app.probe.inject(Target::operation(Service::Sqs, "SendMessage", 1), Fault::Refuse);
        let response = call(&app, json!({ "Records": [record("unreadable", "no event", 1)] })).await;
        assert_eq!(response, json!({ "batchItemFailures": [{ "itemIdentifier": "unreadable" }] }));
    }

    /// S3 can send its notifications to a queue or to a function. Neither is set up here, and should somebody do
    /// so, they must not pass for what the registry sends itself.
    #[tokio::test]
    async fn notifications_of_a_bucket_are_refused_in_both_shapes() {
        let app = TestApp::new().await;
        let notification = json!({ "Records": [{
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "us-east-1",
            "eventTime": "2026-11-25T12:00:00.000Z",
            "eventName": "ObjectCreated:Put",
            "userIdentity": { "principalId": "EXAMPLE" },
            "requestParameters": { "sourceIPAddress": "127.0.0.1" },
            "responseElements": { "x-amz-request-id": "EXAMPLE123456789", "x-amz-id-2": "EXAMPLE123/5678" },
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "uploads",
                "bucket": { "name": "granary", "ownerIdentity": { "principalId": "EXAMPLE" }, "arn": "arn:aws:s3:::granary" },
                "object": { "key": "staging/0190/0", "size": 1024, "eTag": "0123456789abcdef", "sequencer": "0A1B2C3D4E5F678901" }
            }
        }] });
        let refused = invoke(&app, notification.clone()).await.unwrap_err().to_string();
        assert!(refused.contains("aws:s3"), "{refused}");
        let test =
            json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "granary" }).to_string();
        let in_a_queue = json!({ "Records": [
            record("notification", &notification.to_string(), 1),
            record("test", &test, 1),
        ] });
        assert_eq!(call(&app, in_a_queue).await, json!({ "batchItemFailures": [] }));
        assert_eq!(app.dead_letters().await.len(), 2);
    }

    #[tokio::test]
    async fn the_schedule_sweeps() {
        let (app, rows) = published().await;
        app.clock.advance_millis(60_000);
        let response = call(&app, json!({ "task": "sweep" })).await;
        assert_eq!(response, json!({ "finished": rows.len(), "waiting": 0, "failed": 0 }));
        assert!(app.outbox().await.is_empty());
        let digest = granary_publish::digests::Digests::of(b"orphan").sha256;
        let bytes = granary_storage::Upload::Memory(b"orphan".as_slice().into());
        app.state().storage().put_blob(digest, &bytes).await.unwrap();
        assert_eq!(call(&app, json!({ "task": "sweep-blobs" })).await, json!({ "removed": 1 }));
        assert_eq!(call(&app, json!({ "task": "sweep-uploads" })).await, json!({ "removed": 0 }));
    }

    #[tokio::test]
    async fn one_part_of_the_outbox_that_cannot_be_read_does_not_stop_the_others() {
        let (app, rows) = published().await;
        app.clock.advance_millis(60_000);
        app.probe.inject(Target::operation(Service::DynamoDb, "Query", 1), Fault::Refuse);
        invoke(&app, json!({ "task": "sweep" })).await.unwrap_err();
        let unread: Vec<_> = rows.into_iter().filter(|row| row.shard == 0).collect();
        assert_eq!(app.outbox().await, unread);
    }

    #[tokio::test]
    async fn an_event_that_fails_for_an_hour_makes_the_invocation_fail() {
        let (app, rows) = published().await;
        app.clock.advance_millis(60_000);
        let sweep = json!({ "task": "sweep" });
        let break_all = || {
            for nth in 1..=rows.len() {
                app.probe.inject(Target::operation(Service::S3, "ListObjectsV2", nth), Fault::Refuse);
            }
        };
        break_all();
        assert_eq!(call(&app, sweep.clone()).await["failed"], 3);
        app.probe.reset();
        break_all();
        app.clock.advance_millis(3_600_000);
        let refused = invoke(&app, sweep).await.unwrap_err().to_string();
        assert!(refused.contains("3 events"), "{refused}");
    }

    #[tokio::test]
    async fn whoever_may_invoke_it_gets_a_token_of_an_administrator() {
        let app = TestApp::with(|config| {
            config.instance_admins = vec!["root".parse().unwrap(), "ann".parse().unwrap()];
        })
        .await;
        let made = call(&app, json!({ "task": "admin-token" })).await;
        assert_eq!((made["user"].as_str(), made["expiresInDays"].as_f64()), (Some("root"), Some(30.0)));
        let root = app.token(made["token"].as_str().unwrap());
        let body = json!({ "name": "libs", "packageTypes": ["npm"] });
        assert_eq!(root.post_json("/api/repos", &body).await.status, 201);
        let made = call(&app, json!({ "task": "admin-token", "user": "ann", "expiresInDays": 1 })).await;
        let ann = app.token(made["token"].as_str().unwrap());
        assert_eq!(ann.get("/api/repos/libs").await.status, 200, "an administrator of the instance");
        app.clock.advance_millis(86_400_001);
        assert_eq!(ann.get("/api/repos/libs").await.status, 401, "it has ended");
        for (task, word) in [
            (json!({ "task": "admin-token", "user": "eve" }), "eve"),
            (json!({ "task": "admin-token", "expiresInDays": 0 }), "expiresInDays"),
            (json!({ "task": "admin-token", "name": "x" }), "name"),
            (json!({ "task": "made-up" }), "made-up"),
        ] {
            let refused = invoke(&app, task).await.unwrap_err().to_string();
            assert!(refused.contains(word), "{word}: {refused}");
        }
        let nobody = TestApp::with(|config| config.instance_admins.clear()).await;
        let refused = invoke(&nobody, json!({ "task": "admin-token" })).await.unwrap_err().to_string();
        assert!(refused.contains("Admins"), "{refused}");
    }
}
