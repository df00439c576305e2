use std::collections::BTreeMap;

use serde_json::json;

use super::*;

fn check(manifest: &Value) -> Result<Map<String, Value>> {
    check_text(&manifest.to_string())
}

fn check_text(text: &str) -> Result<Map<String, Value>> {
    check_manifest(text.as_bytes(), &"acme/tool".parse()?, &"1.2".parse()?)
}

#[track_caller]
fn refused(manifest: &Value, reason: &str) {
    refused_text(&manifest.to_string(), reason);
}

#[track_caller]
fn refused_text(text: &str, reason: &str) {
    match check_text(text) {
        Err(Error::BadRequest(said)) => {
            assert!(
                said.starts_with("composer.json: ") && said.contains(reason),
                "'{said}' without '{reason}'"
            );
        }
        other => panic!("{other:?} and not: {reason}"),
    }
}

#[test]
fn what_clients_read_stays_and_what_the_repository_says_goes() {
    let manifest = json!({
        "name": "Acme/Tool", "version": "v1.2.0", "time": "2001-01-01", "type": "library",
        "require": { "php": ">=7.2", "ext-json": "*", "acme/base": "^1.0 || dev-main as 1.0.x-dev", "acme/core": "self.version" },
        "require-dev": [], "suggest": { "acme/more": "any text at all" },
        "autoload": { "psr-4": { "Acme\\": "src/" }, "files": ["a.php"] },
        "bin": ["bin/tool", "./other"], "extra": { "x": { "y": ["__unset"] } },
        "dist": { "type": "zip", "url": "https://evil.example/x.zip" }, "source": {}, "uid": 7,
        "repositories": [{ "type": "composer", "url": "https://user:secret@example.org" }],
        "config": { "sort-packages": true }, "notification-url": "https://evil.example",
    });
    let kept = Value::Object(check(&manifest).unwrap());
    assert_eq!(
        kept,
        json!({
            "name": "acme/tool", "type": "library",
            "require": { "php": ">=7.2", "ext-json": "*", "acme/base": "^1.0 || dev-main as 1.0.x-dev", "acme/core": "self.version" },
            "require-dev": [], "suggest": { "acme/more": "any text at all" },
            "autoload": { "psr-4": { "Acme\\": "src/" }, "files": ["a.php"] },
            "bin": ["bin/tool", "./other"], "extra": { "x": { "y": ["__unset"] } },
        })
    );
    check_text("\u{feff}{\"name\":\"acme/tool\"}").unwrap();
}

#[test]
fn another_package_or_version_is_refused() {
    refused(&json!({}), "name: it is missing");
    refused(&json!({ "name": 7 }), "name");
    refused(&json!({ "name": "acme/other" }), "of 'acme/other', but 'acme/tool'");
    refused(&json!({ "name": "acme/tool", "version": "1.2.1" }), "of '1.2.1', but '1.2'");
    refused(&json!({ "name": "acme/tool", "version": 1.2 }), "version");
    refused(&json!({ "name": "acme/tool", "version": "x y" }), "version");
    for version in ["1.2", "v1.2.0", "1.2.0.0"] {
        check(&json!({ "name": "acme/tool", "version": version })).unwrap();
    }
}

#[test]
fn what_no_client_could_read_is_refused() {
    refused_text("[]", "no object");
    refused_text("{", "invalid JSON");
    refused_text(r#"{"name":"acme/tool","name":"acme/tool"}"#, "twice");
    refused_text(
        &format!(r#"{{"name":"acme/tool","extra":{}{}}}"#, "[".repeat(80), "]".repeat(80)),
        "64 levels",
    );
    let big = format!(r#"{{"name":"acme/tool","description":"{}"}}"#, "x".repeat(1024 * 1024));
    assert!(matches!(check_text(&big), Err(Error::TooLarge(text)) if text.starts_with("composer.json")));
    for (member, value, reason) in [
        ("license", json!("__unset"), "license: the text '__unset'"),
        ("require", json!("php"), "require: it has to be an object"),
        ("require", json!({ "php": 7 }), "require: php: it has to be a text"),
        ("require", json!({ "php": ">=" }), "require: php: "),
        ("require-dev", json!({ "a b": "*" }), "require-dev: 'a b'"),
        ("conflict", json!({ "": "*" }), "conflict"),
        ("replace", json!({ "acme/x": "^^1" }), "replace: acme/x"),
        ("suggest", json!({ "x": [] }), "suggest"),
        ("bin", json!("../../bin/sh"), "bin: '../../bin/sh'"),
        ("bin", json!(["ok", "/bin/sh"]), "bin"),
        ("bin", json!(["a/../../b"]), "bin"),
        ("bin", json!("a\\..\\..\\b"), "bin"),
        ("bin", json!("C:x"), "bin"),
        ("bin", json!(""), "bin"),
        ("bin", json!([7]), "bin"),
        ("type", json!([]), "type: it has to be a text"),
        ("autoload", json!("src"), "autoload: it has to be an object"),
        ("autoload", json!(["src"]), "autoload"),
        ("keywords", json!("a"), "keywords: it has to be a list"),
        ("extra", json!(1), "extra"),
    ] {
        let mut manifest = json!({ "name": "acme/tool" });
        manifest[member] = value;
        refused(&manifest, reason);
    }
}

/// What Composer's own classes make of odd members, recorded.
const VECTORS: &str = include_str!("vectors/members.txt");

#[test]
fn nothing_is_published_that_composer_cannot_load() {
    let mut verdicts = BTreeMap::new();
    for line in VECTORS.lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.split('\t');
        let mut column = || columns.next().unwrap_or_default();
        let (verdict, version, members, named) = (column(), column(), column(), column());
        let mut manifest: Value = serde_json::from_str(members).unwrap();
        manifest["name"] = "acme/tool".into();
        let version = version.parse().unwrap();
        let checked =
            check_manifest(manifest.to_string().as_bytes(), &"acme/tool".parse().unwrap(), &version);
        match (verdict, &checked) {
            ("+", Ok(_)) => {}
            ("!" | "~", Err(Error::BadRequest(said))) => {
                let begins = format!("composer.json: {named}: ");
                assert!(!named.is_empty() && said.starts_with(&begins), "{line}: '{said}'");
            }
            _ => panic!("{line}: {checked:?}"),
        }
        *verdicts.entry(verdict).or_insert(0) += 1;
    }
    assert!(verdicts["+"] > 80 && verdicts["!"] > 100, "{verdicts:?}");
}

#[test]
fn versions_have_to_fit_into_addresses() {
    let check = |version: &str| {
        let version: ComposerVersion = version.parse()?;
        check_manifest(br#"{"name":"acme/tool"}"#, &"acme/tool".parse()?, &version)
    };
    for version in ["1.0", "v2-beta2", "dev-main", "dev-feature/a_b-1", "1.x-dev", "1.0+build", "dev-a+b"] {
        check(version).unwrap();
    }
    let long = format!("dev-{}", "x".repeat(150));
    for version in
        ["dev-a%2fb", "dev-a#b", "dev-a?b", "dev-a/../b", "dev-a.", "dev-a/./b", "dev-a//b", long.as_str()]
    {
        assert!(matches!(check(version), Err(Error::BadRequest(_))), "{version}");
    }
}
