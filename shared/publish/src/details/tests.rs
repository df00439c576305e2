use serde_json::{Map, Value, json};

use super::*;

fn map(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn listed(details: &Details) -> Vec<String> {
    details.dependencies.iter().map(|one| format!("{} {} {}", one.kind, one.name, one.range)).collect()
}

#[test]
fn a_package_json() {
    let details = npm::of_manifest(&map(&json!({
        "license": " MIT ", "homepage": "https://example.com", "readmeFilename": "README.rst",
        "repository": { "type": "git", "url": "git+https://example.com/a/b.git", "directory": "x" },
        "dependencies": { "a": "^1.0.0", "o": "2" }, "optionalDependencies": { "o": "2" },
        "peerDependencies": { "p": "" }, "devDependencies": { "d": 7, "": "1" },
    })));
    assert_eq!(details.license.as_deref(), Some("MIT"));
    assert_eq!(details.repository.as_deref(), Some("git+https://example.com/a/b.git"));
    assert_eq!(details.homepage.as_deref(), Some("https://example.com"));
    assert_eq!(details.readme, ReadmeFormat::Text);
    // An optional one is not listed as one that has to be there, and a name is needed.
    assert_eq!(listed(&details), ["runtime a ^1.0.0", "optional o 2", "peer p ", "dev d "]);
}

#[test]
fn licences_of_npm_in_every_form() {
    let license = |value: Value| {
        let details = npm::of_manifest(&map(&value));
        (details.license.unwrap_or_default(), details.license_url.unwrap_or_default())
    };
    let pair = |name: &str, url: &str| (name.to_owned(), url.to_owned());
    assert_eq!(
        license(json!({ "license": { "type": "MIT", "url": "https://l" } })),
        pair("MIT", "https://l")
    );
    assert_eq!(license(json!({ "licenses": [{ "type": "MIT", "url": "u" }] })), pair("MIT", "u"));
    assert_eq!(
        license(json!({ "licenses": [{ "type": "MIT" }, { "type": "BSD" }, 7] })),
        pair("MIT OR BSD", "")
    );
    for nothing in
        [json!({}), json!({ "license": 7 }), json!({ "license": "" }), json!({ "licenses": "MIT" })]
    {
        assert_eq!(license(nothing), pair("", ""));
    }
}

#[test]
fn readmes_are_markdown_unless_their_name_says_otherwise() {
    for (file, format) in [
        (json!({}), ReadmeFormat::Markdown),
        (json!({ "readmeFilename": "README" }), ReadmeFormat::Markdown),
        (json!({ "readmeFilename": "readme.MD" }), ReadmeFormat::Markdown),
        (json!({ "readmeFilename": "README.txt" }), ReadmeFormat::Text),
        (json!({ "readmeFilename": 7 }), ReadmeFormat::Markdown),
    ] {
        assert_eq!(npm::of_manifest(&map(&file)).readme, format, "{file}");
    }
}

#[test]
fn odd_and_long_members_do_no_harm() {
    let long = "\u{e4}".repeat(5_000);
    let details = npm::of_manifest(&map(&json!({
        "license": long, "homepage": [], "repository": 7, "dependencies": { (long.clone()): long }, "devDependencies": "x",
    })));
    assert_eq!(details.license.unwrap().chars().count(), MAX_TEXT);
    assert_eq!((details.homepage, details.repository), (None, None));
    let [only] = details.dependencies.as_slice() else { panic!("one dependency is readable") };
    assert_eq!((only.name.chars().count(), only.range.chars().count()), (MAX_NAME, MAX_NAME));
}

#[test]
fn a_composer_json() {
    let details = composer::of_manifest(&map(&json!({
        "license": ["MIT", "GPL-3.0-or-later"], "homepage": "https://example.com",
        "support": { "source": "https://example.com/source" },
        "require": { "php": ">=8.1", "a/b": "^1" }, "require-dev": { "c/d": "*" },
    })));
    assert_eq!(details.license.as_deref(), Some("MIT or GPL-3.0-or-later"));
    assert_eq!(details.repository.as_deref(), Some("https://example.com/source"));
    assert_eq!(listed(&details), ["require php >=8.1", "require a/b ^1", "require-dev c/d *"]);
    let one = composer::of_manifest(&map(&json!({ "license": "proprietary" })));
    assert_eq!(one.license.as_deref(), Some("proprietary"));
    assert_eq!(composer::of_manifest(&Map::new()), Details::default());
}

#[test]
fn metadata_of_a_release() {
    let mut facts = SwiftFacts::withdrawn("1.0.0".parse().unwrap());
    facts.metadata = map(&json!({
        "licenseURL": "https://example.com/licence", "license": "MIT",
        "repositoryURLs": ["git@example.com:a/b.git", "https://example.com/a/b"],
    }));
    let details = swift::of_facts(&facts);
    assert_eq!(details.license.as_deref(), Some("MIT"));
    assert_eq!(details.license_url.as_deref(), Some("https://example.com/licence"));
    assert_eq!(details.repository.as_deref(), Some("https://example.com/a/b"));
    facts.metadata = map(&json!({ "license": "https://example.com/licence", "repositoryURLs": ["git@a:b"] }));
    let details = swift::of_facts(&facts);
    assert_eq!((details.license, details.repository.as_deref()), (None, Some("git@a:b")));
}
