//! Webhooks as GitHub sends them.

use aws_lc_rs::hmac;
use serde_json::json;

use super::{FakeGithub, REPOSITORY, WEBHOOK_SECRET};
use crate::actor::TestResponse;
use crate::app::TestApp;

/// A webhook on its way.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// `X-GitHub-Event`.
    pub event: &'static str,
    /// `X-Hub-Signature-256`.
    pub signature: String,
    /// The body.
    pub body: String,
}

impl Webhook {
    /// With a body, signed with a secret.
    pub fn signed(event: &'static str, body: String, secret: &str) -> Self {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body.as_bytes());
        Self { event, signature: format!("sha256={}", hex::encode(tag)), body }
    }

    /// What it comes with.
    pub fn headers(&self) -> [(&'static str, &str); 4] {
        [
            ("content-type", "application/json"),
            ("x-github-event", self.event),
            ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
            ("x-hub-signature-256", self.signature.as_str()),
        ]
    }

    /// Hands it over.
    pub async fn deliver(&self, app: &TestApp) -> TestResponse {
        let body = self.body.clone();
        app.anonymous().request("POST", "/api/kmp/webhooks/github", &self.headers(), body).await
    }
}

impl FakeGithub {
    /// What is told of a run as it is now.
    pub fn webhook(&self, id: u64) -> Webhook {
        let run = self.runs().into_iter().find(|run| run.id == id).unwrap();
        let action = match run.status {
            "queued" => "requested",
            other => other,
        };
        let body = json!({
            "action": action, "workflow_run": self.run_json(&run), "workflow": { "path": ".github/workflows/kmp-build.yml" },
            "repository": { "id": 1, "full_name": REPOSITORY }, "sender": { "login": "ann" },
        });
        Webhook::signed("workflow_run", body.to_string(), WEBHOOK_SECRET)
    }
}
