//! No key reaches the log or an audit record.

use granary_testing::Log;
use granary_testing::probe::{Fault, Target};

use super::*;

const LEVELS: &str = "info,granary_http=trace,granary_licenses=trace,granary_auth=trace,granary_storage=trace,\
                      granary_publish=trace";

#[tokio::test]
async fn keys_stay_out_of_the_log_and_the_audit() {
    let (log, _guard) = Log::keep(LEVELS);
    let (app, ann) = shop().await;
    let made = create(&ann, &plain(&["pad"])).await;
    // Places that log for the first time in another test's thread, just as this subscriber is installed, may have been
    // switched off for good.
    tracing::callsite::rebuild_interest_cache();
    let mut body = plain(&["pad"]);
    body["key"] = "secret-of-a-customer".into();
    let chosen = create(&ann, &body).await;
    refused(&ann.post_json(PATH, &body).await, 400);
    body["key"] = "secret\u{e9}of-a-customer".into();
    let error = refused(&ann.post_json(PATH, &body).await, 400);
    assert!(!error.contains("customer"), "{error}");
    let changed = change(&ann, &made, &[("key", json!("another-secret"))]).await;
    for key in [text(&made, "key"), text(&chosen, "key"), text(&changed, "key"), "an-unknown-secret"] {
        for actor in [app.token(key), app.basic("any", key), app.basic(key, key)] {
            for path in ["/api/npm/libs/pad", "/api/npm/other/pad", PATH, "/api/auth/me"] {
                actor.get(path).await;
            }
        }
    }
    for nth in 1..=3 {
        app.probe.reset();
        app.probe.inject(Target::any(nth), Fault::Refuse);
        assert_eq!(change_status(&ann, &changed, "secret-of-a-failure").await, 503);
        app.probe.reset();
    }
    assert_eq!(ann.delete(&at(&chosen)).await.status, 204);
    let audit = format!("{:?}", app.audit("user:ann").await);
    let log = log.text();
    assert!(log.contains(PATH), "there is a log");
    for secret in [text(&made, "key"), "secret-of", "another-secret", "unknown-secret"] {
        assert!(!log.contains(secret), "{secret}");
        assert!(!audit.contains(secret), "{secret}");
    }
}

async fn change_status(seller: &Actor, licence: &Value, key: &str) -> u16 {
    let mut body = body_of(licence);
    body["key"] = key.into();
    seller.put_json(&at(licence), &body).await.status
}
