//! No token reaches the log or an audit record.

use granary_testing::Log;
use granary_testing::probe::{Fault, Target};
use granary_testing::products::ProductForm;
use serde_json::json;

use crate::{NAME, stocked};

const LEVELS: &str = "info,granary_http=trace,granary_products=trace,granary_auth=trace,granary_storage=trace,\
                      granary_publish=trace";

#[tokio::test]
async fn tokens_stay_out_of_the_log_and_the_audit() {
    let (log, _guard) = Log::keep(LEVELS);
    let (app, admin) = stocked().await;
    // Places that log for the first time in another test's thread, just as this subscriber is installed, may have been
    // switched off for good.
    tracing::callsite::rebuild_interest_cache();
    let plain = app.register(&admin, false).await;
    let account = app.account_token("ann", &["admin"]).await;
    let secrets = [admin.secret(), plain.secret(), account.secret()];
    for secret in secrets {
        for path in ["/api/fetch", "/api/prune", "/api/product/fetch", "/api/product/delete", "/api/tokens"] {
            for text in
                [secret.to_owned(), format!("%20{secret}"), format!("{secret}/x"), format!("x{secret}")]
            {
                plain.get(&format!("{path}/{text}")).await;
                plain.delete(&format!("{path}/{text}")).await;
            }
        }
        plain.get(&format!("/api/product/download/{secret}/{secret}")).await;
        plain.json("PUT", &format!("/api/product/modify/{secret}"), &json!({})).await;
        plain.create(secret).await;
        app.token(secret).get("/api/product/list").await;
    }
    for nth in 1..=4 {
        app.probe.reset();
        app.probe.inject(Target::any(nth), Fault::Refuse);
        admin.grant(NAME, plain.secret(), &json!({ "upload": true })).await;
        app.probe.reset();
    }
    assert_eq!(admin.grant(NAME, plain.secret(), &json!({ "upload": true })).await.status, 201);
    let form = ProductForm::default().text("product", NAME).text("version", "1").file("a", b"x");
    assert_eq!(plain.send(form).await.status, 201);
    let upload = crate::sent(&plain, "2", b"y").await;
    assert_eq!(plain.confirm(&upload).await.status, 201);
    assert_eq!(admin.delete(&format!("/api/prune/{}", plain.secret())).await.status, 204);
    let audit = format!("{:?}", app.audit("user:ann").await);
    let log = log.text();
    assert!(log.contains("/api/product/upload"), "there is a log");
    for secret in secrets.into_iter().chain([upload.as_str()]) {
        assert!(!log.contains(secret), "{secret}");
    }
    // A product was named like each, which is nobody's fault but the client's.
    for secret in [admin.secret(), plain.secret(), account.secret()] {
        assert!(!audit.replace(&format!("product/{secret}"), "").contains(secret), "{secret}");
    }
}
