//! Licences with curl, in the words of their documentation.

use anyhow::{Context, Result, ensure};
use granary_tests::curl::Curl;
use granary_tests::instance::Instance;
use granary_tests::seller::Seller;
use serde_json::{Value, json};

/// Members of a licence, in the order of the documentation.
const MEMBERS: [&str; 9] =
    ["id", "name", "key", "constraint", "suspended", "meta", "packages", "createdAt", "updatedAt"];

/// A registry, and curl with the token of a seller who has nothing yet.
struct Desk {
    instance: Instance,
    seller: Seller,
    curl: Curl,
}

impl Desk {
    async fn new() -> Result<Self> {
        let instance = Instance::new().await?;
        let seller = Seller::new(&instance.admin()?, instance.url(), &instance.name("seller")).await?;
        Ok(Self { instance, seller, curl: Curl::new()? })
    }

    /// `METHOD path`, with a body if there is one: it must be answered with this status.
    async fn expect(&self, request: &str, body: Option<&Value>, status: &str) -> Result<Value> {
        let (method, path) = request.split_once(' ').context("no method")?;
        let mut line = format!(
            "curl -s -w '%{{stderr}}%{{http_code}}' -X {method} \"$BASE{path}\" -H \"Authorization: Bearer $TOKEN\""
        );
        if let Some(body) = body {
            self.curl.write("body.json", body.to_string().as_bytes())?;
            line.push_str(" -H 'Content-Type: application/json' -d @body.json");
        }
        let outcome =
            self.curl.run(self.instance.url(), self.seller.api().token(), &line).await?.success()?;
        ensure!(outcome.stderr == status, "{request}: not {status}: {outcome}");
        if outcome.stdout.is_empty() { Ok(Value::Null) } else { outcome.json() }
    }
}

/// The five operations.
#[tokio::test]
async fn the_documentation_word_for_word() -> Result<()> {
    let desk = Desk::new().await?;
    let key = desk.instance.name("12345-12345-ABCDE");
    let body = json!({
        "name": "Default License",
        "key": key,
        "constraint": {"type": "none"},
        "suspended": false,
        "meta": {"key": "value"},
        "packages": ["example-package"],
    });
    let made = desk.expect("POST /v1/licenses", Some(&body), "201").await?;
    check(&made, &body)?;
    let id = made["id"].as_str().context("no id")?.to_owned();
    ensure!(made["createdAt"] == made["updatedAt"], "{made}");
    ensure!(desk.expect(&format!("GET /v1/licenses/{id}"), None, "200").await? == made);

    let list = desk.expect("GET /v1/licenses", None, "200").await?;
    let pagination = &list["pagination"];
    ensure!(
        pagination["count"] == 1 && pagination["prev"].is_null() && pagination["next"].is_null(),
        "{list}"
    );
    let [listed] = list["data"].as_array().context("no data")?.as_slice() else {
        anyhow::bail!("not one: {list}");
    };
    for member in MEMBERS.iter().filter(|member| **member != "constraint") {
        ensure!(listed[member] == made[member], "'{member}' differs: {listed}");
    }

    let mut changed = body.clone();
    changed["name"] = "Another License".into();
    changed["key"] = desk.instance.name("54321-54321-EDCBA").into();
    changed["suspended"] = true.into();
    for constraint in [
        json!({"type": "date", "value": 1_697_095_609_643_u64}),
        json!({"type": "version", "value": "<2.0.0"}),
    ] {
        changed["constraint"] = constraint;
        let answer = desk.expect(&format!("PUT /v1/licenses/{id}"), Some(&changed), "200").await?;
        check(&answer, &changed)?;
        ensure!(answer["id"] == made["id"] && answer["createdAt"] == made["createdAt"], "{answer}");
        ensure!(desk.expect(&format!("GET /v1/licenses/{id}"), None, "200").await? == answer);
    }

    let gone = desk.expect(&format!("DELETE /v1/licenses/{id}"), None, "204").await?;
    ensure!(gone.is_null(), "{gone}");
    for request in ["GET", "DELETE"] {
        desk.expect(&format!("{request} /v1/licenses/{id}"), None, "404").await?;
    }
    let list = desk.expect("GET /v1/licenses", None, "200").await?;
    ensure!(list["data"] == json!([]), "{list}");
    Ok(())
}

/// A licence has what it was made of, and all members.
fn check(licence: &Value, made_of: &Value) -> Result<()> {
    for member in MEMBERS {
        ensure!(!licence[member].is_null(), "no {member}: {licence}");
        ensure!(made_of[member].is_null() || licence[member] == made_of[member], "{member}: {licence}");
    }
    ensure!(licence["createdAt"].is_u64() && licence["updatedAt"].is_u64(), "{licence}");
    ensure!(licence["id"].as_str().is_some_and(|id| id.len() == 36), "{licence}");
    Ok(())
}

/// Keys are made where none is given, and all licences come page by page, whichever way they are read.
#[tokio::test]
async fn made_keys_and_pages() -> Result<()> {
    let desk = Desk::new().await?;
    let body = json!({"constraint": {"type": "none"}, "packages": ["example-package"]});
    let mut made = Vec::new();
    let mut keys = std::collections::BTreeSet::new();
    for _ in 0..60 {
        let licence = desk.expect("POST /v1/licenses", Some(&body), "201").await?;
        keys.insert(licence["key"].as_str().context("no key")?.to_owned());
        made.push(licence["id"].clone());
    }
    ensure!(keys.len() == made.len() && keys.iter().all(|key| key.len() >= 10), "{keys:?}");

    let first = desk.expect("GET /v1/licenses", None, "200").await?;
    let since = &first["pagination"]["next"];
    ensure!(first["pagination"]["count"] == 50 && since.is_u64(), "{}", first["pagination"]);
    let second = desk.expect(&format!("GET /v1/licenses?since={since}"), None, "200").await?;
    ensure!(
        second["pagination"]["count"] == 10 && second["pagination"]["next"].is_null(),
        "{}",
        second["pagination"]
    );
    let ids = |page: &Value| -> Vec<Value> {
        page["data"].as_array().into_iter().flatten().map(|licence| licence["id"].clone()).collect()
    };
    ensure!([ids(&first), ids(&second)].concat() == made, "not the order in which they were made");
    let until = &second["pagination"]["prev"];
    let back = desk.expect(&format!("GET /v1/licenses?until={until}"), None, "200").await?;
    ensure!(ids(&back) == ids(&first), "{}", back["pagination"]);
    Ok(())
}

/// What cannot be is 400 and names the field; a key that somebody has is taken; nobody manages licences without a
/// token that may, least of all a customer.
#[tokio::test]
async fn refusals() -> Result<()> {
    let desk = Desk::new().await?;
    let good = json!({"constraint": {"type": "none"}, "packages": ["example-package"]});
    let licence = desk.expect("POST /v1/licenses", Some(&good), "201").await?;
    let key = licence["key"].as_str().context("no key")?.to_owned();
    for (change, field) in [
        (json!({"constraint": {"type": "forever"}}), "constraint"),
        (json!({"constraint": {"type": "date", "value": "2026-01-01"}}), "constraint"),
        (json!({"constraint": {"type": "version", "value": "not a range"}}), "constraint"),
        (json!({"constraint": {"type": "version", "value": "1.x || ".repeat(1500)}}), "constraint"),
        (json!({"key": "short"}), "key"),
        (json!({"key": key}), "key"),
        (json!({"packages": "example-package"}), "packages"),
        (json!({"packages": [7]}), "packages"),
        (json!({"suspended": "no"}), "suspended"),
        (json!({"constrained": true}), "constrained"),
    ] {
        let mut body = good.clone();
        for (name, value) in change.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        let answer = desk.expect("POST /v1/licenses", Some(&body), "400").await?;
        ensure!(answer["error"].as_str().is_some_and(|error| error.contains(field)), "{change}: {answer}");
    }
    let list = desk.expect("GET /v1/licenses", None, "200").await?;
    ensure!(list["pagination"]["count"] == 1, "a refused one was made: {list}");
    desk.expect("GET /v1/licenses?since=2026-01-01", None, "400").await?;

    let reader = desk.seller.api().sign_in(desk.seller.user()).await?.account_token(&["read"]).await?;
    for (token, expected) in
        [("", "401"), (reader.as_str(), "403"), (key.as_str(), "403"), ("no-such-licence-key", "401")]
    {
        let line = "curl -s -o /dev/null -w '%{http_code}' ${TOKEN:+-H \"Authorization: Bearer $TOKEN\"} \"$BASE/v1/licenses\"";
        let status = desk.curl.run(desk.instance.url(), token, line).await?.success()?.stdout;
        ensure!(status == expected, "{token}: {status}, not {expected}");
    }
    Ok(())
}
