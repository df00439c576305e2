//! No secret reaches the log, an error or a redirect.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use granary_testing::npm::NpmPackage;
use granary_testing::probe::{Fault, Target};
use granary_testing::{Actor, Log, PUBLIC_URL};
use serde_json::{Value, json};

use super::support::{at, private, publish};

/// Everything the registry itself could log, and what libraries log by default.
const LEVELS: &str = "info,granary_http=trace,granary_npm=trace,granary_auth=trace,granary_storage=trace,\
                      granary_publish=trace,granary_accounts=trace,granary_repos=trace,granary_events=trace";

/// Sends requests that carry secrets in every place a client can put them.
async fn use_secrets(actor: &Actor, anonymous: &Actor, secrets: &mut Vec<String>) -> Vec<String> {
    let token = actor.secret().to_owned();
    let mut answers = Vec::new();
    let basic = STANDARD.encode(format!("ann:{token}"));
    let wrong = format!("{}x", &token[..39]);
    secrets.extend([token.clone(), basic.clone(), wrong.clone()]);
    for (headers, path) in [
        (vec![("authorization", format!("Basic {basic}"))], "pad".to_owned()),
        (vec![("authorization", format!("Bearer {wrong}"))], "pad".to_owned()),
        (vec![("authorization", format!("Token {token}"))], "pad".to_owned()),
        (vec![("cookie", token.clone())], "pad".to_owned()),
        (vec![], format!("pad?token={token}&_authToken={token}")),
    ] {
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let response = anonymous.get_with(&at(&path), &headers).await;
        answers.push(format!("{:?} {}", response.headers, response.text()));
    }
    // Pasted where a name belongs. The answer may repeat what its reader has sent, the log may not.
    for path in [
        token.clone(),
        format!("pad/{token}"),
        format!("-/user/org.couchdb.user:{token}"),
        format!("@{token}%2fx"),
    ] {
        anonymous.get(&at(&path)).await;
        actor.get(&at(&path)).await;
    }
    let body = json!({ "name": "ann", "password": token });
    anonymous.put_json(&at("-/user/org.couchdb.user:ann"), &body).await;
    let wrong_password = json!({ "name": "ann", "password": wrong });
    let response = anonymous.put_json(&at("-/user/org.couchdb.user:ann"), &wrong_password).await;
    answers.push(response.text());
    let made = actor.post_json(&at("-/npm/v1/tokens"), &json!({ "password": token })).await.json();
    let second = made["token"].as_str().unwrap().to_owned();
    let response = actor.post_json(&at("-/npm/v1/tokens"), &json!({ "password": wrong })).await;
    answers.push(response.text());
    let begun = anonymous.post_json(&at("-/v1/login"), &json!({})).await.json();
    let done = begun["doneUrl"].as_str().unwrap().strip_prefix(PUBLIC_URL).unwrap().to_owned();
    anonymous.get(&done).await;
    anonymous.get(&format!("{done}x")).await;
    let page = begun["loginUrl"].as_str().unwrap().strip_prefix(PUBLIC_URL).unwrap().to_owned();
    anonymous.get(&page).await;
    secrets.extend(done.rsplit('/').next().unwrap().split('.').map(str::to_owned));
    // As a client behind another encoding would send it.
    anonymous.delete(&at(&format!("-/user/token/{second}")).replace("/token/", "/%74oken/")).await;
    anonymous.delete(&at(&format!("-/user/token/{second}"))).await;
    anonymous.delete(&at(&format!("-/user/token/{wrong}"))).await;
    anonymous.get(&at(&format!("-/npm/v1/tokens/token/{second}"))).await;
    secrets.push(second);
    answers
}

#[tokio::test]
async fn secrets_stay_out_of_the_log_of_errors_and_of_redirects() {
    let (log, _guard) = Log::keep(LEVELS);
    let (app, ann) = private().await;
    publish(&ann, &NpmPackage::new("pad", "1.0.0")).await;
    // Places that log for the first time in another test's thread, just as this subscriber is installed,
    // may have been switched off for good.
    tracing::callsite::rebuild_interest_cache();
    let noise: Vec<u8> = (0..100_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    publish(&ann, &NpmPackage::new("large", "1.0.0").file("x.bin", &noise)).await;
    let mut secrets = vec![app.id_token("ann"), app.engines().s3_credentials().secret_key().to_owned()];
    let mut answers = use_secrets(&ann, &app.anonymous(), &mut secrets).await;
    let redirect = ann.get(&at("large/-/large-1.0.0.tgz")).await;
    let location = redirect.header("location").to_owned();
    let signature = location.split("X-Amz-Signature=").nth(1).unwrap().to_owned();
    let mut forged = app.id_token("ann");
    forged.push('x');
    app.token(&forged).get(&at("pad")).await;
    secrets.push(forged);
    // Storage that fails writes longer lines.
    for n in 1..=5 {
        app.probe.reset();
        app.probe.inject(Target::any(n), Fault::Refuse);
        let response = ann.publish("libs", &NpmPackage::new("pad", &format!("2.{n}.0"))).await;
        answers.push(response.text());
    }
    app.probe.reset();
    let body: Value = NpmPackage::new("pad", "3.0.0").body();
    app.token("art_nonsense").put_json(&at("pad"), &body).await;
    let text = log.text();
    assert!(text.contains("answered") && text.contains("/api/npm/libs/pad"), "the log is there: {text}");
    assert!(text.contains("a store did not answer"), "and tells of failures: {text}");
    for secret in &secrets {
        assert!(secret.len() >= 20, "{secret}");
        let line = text.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(line, None, "'{secret}' is in the log");
        assert!(!location.contains(secret.as_str()), "'{secret}' is in a redirect");
        let answer = answers.iter().find(|answer| answer.contains(secret.as_str()));
        assert_eq!(answer, None, "'{secret}' is in an answer");
    }
    assert!(!text.contains(&signature), "nor is the signature of an address that anybody could use");
}
