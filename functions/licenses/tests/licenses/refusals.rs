//! Bad requests: each names the field, and nothing of it is kept.

use serde_json::json;

use super::*;

/// A body with one member replaced; `null` takes it out.
fn with(name: &str, value: Value) -> Value {
    let mut body = json!({
        "name": "n", "key": "0123456789", "constraint": { "type": "none" }, "suspended": false, "packages": ["pad"],
    });
    if value.is_null() {
        body.as_object_mut().unwrap().remove(name);
    } else {
        body[name] = value;
    }
    body
}

fn constraint(kind: &str, value: impl Into<Value>) -> Value {
    with("constraint", json!({ "type": kind, "value": value.into() }))
}

fn nested(levels: usize) -> Value {
    (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }))
}

/// Each body with the field that the error has to name, and something else it says.
fn bad() -> Vec<(Value, &'static str, &'static str)> {
    let catastrophic = ["|".repeat(900), "||||".into(), "1.*.*.*.*".into(), "^^^^1".into(), ">=".repeat(400)];
    let ten_kilobytes = ["1".repeat(10_000), "* || ".repeat(2_000), "(".repeat(10_000), "~".repeat(10_000)];
    let mut bad = vec![
        (with("name", json!(1)), "name", "string"),
        (with("name", json!("")), "name", "1 to 100"),
        (with("name", json!("a\nb")), "name", "printable"),
        (with("name", json!("x".repeat(101))), "name", "100"),
        (with("key", json!(1_234_567_890)), "key", "string"),
        (with("key", json!("123456789")), "key", "10 to 200"),
        (with("key", json!("x".repeat(201))), "key", "10 to 200"),
        (with("key", json!("with space 1")), "key", "spaces"),
        (with("key", json!("with:colon:1")), "key", "colons"),
        (with("key", json!("schl\u{fc}ssel-1")), "key", "ASCII"),
        (with("key", json!("art_0123456789")), "key", "art_"),
        (with("suspended", json!("yes")), "suspended", "true or false"),
        (with("suspended", json!(0)), "suspended", "true or false"),
        (with("onExpiry", json!("explode")), "onExpiry", "maintain"),
        (with("onExpiry", json!(1)), "onExpiry", "string"),
        (with("meta", json!([])), "meta", "object"),
        (with("meta", json!("x".repeat(100_000))), "meta", "object"),
        (with("meta", json!({ "a": "x".repeat(16 * 1024) })), "meta", "16384"),
        (with("meta", nested(17)), "meta", "16"),
        (with("constraint", Value::Null), "constraint", "required"),
        (with("constraint", json!("none")), "constraint", "object"),
        (with("constraint", json!({})), "constraint", "'type' is required"),
        (with("constraint", json!({ "type": 1 })), "constraint", "'type'"),
        (with("constraint", json!({ "type": "none", "until": 1 })), "constraint", "'until'"),
        (with("constraint", json!({ "type": "date" })), "constraint", "'value' is required"),
        (with("constraint", json!({ "type": "version" })), "constraint", "'value' is required"),
        (constraint("None", json!(1)), "constraint", "'None' is unknown"),
        (constraint("forever", json!(1)), "constraint", "'forever' is unknown"),
        (constraint("none", json!(1)), "constraint", "'value'"),
        (constraint("date", json!("2026-01-01")), "constraint", "milliseconds"),
        (constraint("date", json!("1697095609643")), "constraint", "milliseconds"),
        (constraint("date", json!(1.5)), "constraint", "integer"),
        (constraint("date", json!(-1)), "constraint", "integer"),
        (constraint("date", json!(253_402_300_800_000_i64)), "constraint", "253402300799999"),
        (constraint("date", json!(u64::MAX)), "constraint", "integer"),
        (constraint("date", json!(1e300)), "constraint", "integer"),
        (constraint("date", json!(true)), "constraint", "integer"),
        (constraint("version", json!(2)), "constraint", "string"),
        (constraint("version", json!("")), "constraint", "no range for 'pad' (npm)"),
        (constraint("version", json!("   ")), "constraint", "no range"),
        (constraint("version", json!("newest")), "constraint", "no range"),
        (constraint("version", json!("[1.0,2.0)")), "constraint", "no range for 'pad' (npm)"),
        (with("packages", Value::Null), "packages", "required"),
        (with("packages", json!("pad")), "packages", "array"),
        (with("packages", json!({ "pad": true })), "packages", "array"),
        (with("packages", json!([null])), "packages", "strings"),
        (with("packages", json!(["pad", 1])), "packages", "strings"),
        (with("packages", json!(["pad", "pad"])), "packages", "twice"),
        (with("packages", json!(["pad", "PAD"])), "packages", "twice"),
        (with("packages", json!([""])), "packages", "neither"),
        (with("packages", json!(["two words"])), "packages", "'two words'"),
        (with("packages", json!(["libs/"])), "packages", "neither"),
        (with("packages", json!(["libs/two words"])), "packages", "neither"),
        (with("packages", json!(["a\u{0}b"])), "packages", "neither"),
        (with("packages", json!(["../pad"])), "packages", "neither"),
        (with("packages", json!(["x".repeat(215)])), "packages", "neither"),
        (with("packages", json!((0..1001).map(|n| format!("p{n}")).collect::<Vec<_>>())), "packages", "1000"),
        (
            with("packages", json!((0..700).map(|n| format!("{n:0100}")).collect::<Vec<_>>())),
            "packages",
            "65536",
        ),
        (with("id", json!("x")), "'id'", "unknown field"),
        (with("createdAt", json!(1)), "'createdAt'", "unknown field"),
        (with("Suspended", json!(true)), "'Suspended'", "unknown field"),
    ];
    let ranges = catastrophic.into_iter().chain(ten_kilobytes);
    bad.extend(ranges.map(|range| (constraint("version", json!(range)), "constraint", "no range")));
    bad
}

#[tokio::test]
async fn bad_fields_are_named_by_post_and_put() {
    let (_app, ann) = shop().await;
    let licence = create(&ann, &plain(&["pad"])).await;
    for (body, field, what) in bad() {
        for response in [ann.post_json(PATH, &body).await, ann.put_json(&at(&licence), &body).await] {
            let error = refused(&response, 400);
            let shown: String = body.to_string().chars().take(200).collect();
            assert!(error.contains(field) && error.contains(what), "{shown}: {error}");
            assert!(error.len() < 1_000, "nothing long comes back: {error}");
        }
    }
    assert_eq!(ann.get(&at(&licence)).await.json(), licence);
    assert_eq!(ann.get(PATH).await.json()["pagination"]["count"], 1);
}

#[tokio::test]
async fn what_just_fits_is_accepted() {
    let (_app, ann) = shop().await;
    let spaced = format!("1.0.0{}", " ".repeat(900));
    for (body, member) in [
        (with("name", json!("\u{e9}".repeat(100))), "name"),
        (with("key", json!("x".repeat(200))), "key"),
        (with("meta", json!({ "a": "x".repeat(16 * 1024 - 8) })), "meta"),
        (with("meta", nested(16)), "meta"),
        (with("packages", json!((0..1000).map(|n| format!("p{n:03}")).collect::<Vec<_>>())), "packages"),
        (with("packages", json!(["x".repeat(214)])), "packages"),
    ] {
        let licence = create(&ann, &body).await;
        assert_eq!(licence[member], body[member]);
        assert_eq!(ann.get(&at(&licence)).await.json(), licence);
        assert_eq!(ann.delete(&at(&licence)).await.status, 204);
    }
    let trimmed = create(&ann, &constraint("version", json!(spaced))).await;
    assert_eq!(trimmed["constraint"]["value"], "1.0.0");
}

#[tokio::test]
async fn a_replacement_needs_every_field() {
    let (_app, ann) = shop().await;
    let licence = create(&ann, &plain(&["pad"])).await;
    for name in ["name", "key", "constraint", "suspended", "packages"] {
        let mut body = body_of(&licence);
        body.as_object_mut().unwrap().remove(name);
        let error = refused(&ann.put_json(&at(&licence), &body).await, 400);
        assert_eq!(error, format!("the field '{name}' is required"));
    }
}

#[tokio::test]
async fn a_key_is_of_one_licence_in_the_whole_registry() {
    let (app, ann) = shop().await;
    let bob = app.account_token("bob", &["admin"]).await;
    let mut body = plain(&[]);
    body["key"] = "12345-12345-ABCDE".into();
    let first = create(&ann, &body).await;
    for seller in [&ann, &bob] {
        let error = refused(&seller.post_json(PATH, &body).await, 400);
        assert!(error.starts_with("key: ") && !error.contains("12345"), "{error}");
        let other = create(seller, &plain(&[])).await;
        let mut body = body_of(&other);
        body["key"] = first["key"].clone();
        let error = refused(&seller.put_json(&at(&other), &body).await, 400);
        assert!(error.starts_with("key: "), "{error}");
        assert_eq!(seller.get(&at(&other)).await.json(), other);
    }
    // Another spelling is another key.
    body["key"] = "12345-12345-abcde".into();
    create(&bob, &body).await;
    assert_eq!(ann.delete(&at(&first)).await.status, 204);
    body["key"] = "12345-12345-ABCDE".into();
    create(&bob, &body).await;
}

#[tokio::test]
async fn bodies_that_are_no_object_are_refused() {
    let (_app, ann) = shop().await;
    let twice = r#"{"key":"0123456789","key":"9876543210","constraint":{"type":"none"},"packages":[]}"#;
    let twice_within = r#"{"constraint":{"type":"none","type":"none"},"packages":[]}"#;
    for body in ["", "[]", "null", "{", "\"x\"", twice, twice_within] {
        let headers = [("content-type", "application/json")];
        refused(&ann.request("POST", PATH, &headers, body).await, 400);
    }
    assert!(refused(&ann.request("POST", PATH, &[], twice).await, 400).contains("key"));
    assert_eq!(ann.get(PATH).await.json()["pagination"]["count"], 0);
}

#[tokio::test]
async fn ids_of_any_form_are_not_found() {
    let (_app, ann) = shop().await;
    let licence = create(&ann, &plain(&[])).await;
    let long = "x".repeat(2_000);
    let upper = text(&licence, "id").to_uppercase();
    let zeros = "00000000-0000-0000-0000-000000000000";
    for id in ["x", zeros, "%23", "..%2F", "LICENCE%23", &long, &upper] {
        for method in ["GET", "DELETE"] {
            let response = ann.request(method, &format!("{PATH}/{id}"), &[], "").await;
            assert!(matches!(response.status, 400 | 404), "{method} {id}: {}", response.text());
        }
    }
    assert_eq!(ann.get(&at(&licence)).await.status, 200);
}
