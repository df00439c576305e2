//! What the names of packages mean, and which ranges go with them.

use granary_testing::npm::NpmPackage;

use super::*;

/// Ann's repositories: each with its protocols.
async fn shelf(repos: &[(&str, &[&str])]) -> (TestApp, Actor) {
    let app = TestApp::new().await;
    for (name, types) in repos {
        app.repo("ann", name, types, "private").await;
    }
    // Of others, and so nothing.
    app.repo("bob", "of-bob", &["npm", "composer"], "public").await;
    let ann = app.account_token("ann", &["read", "write", "admin"]).await;
    (app, ann)
}

async fn kept(ann: &Actor, name: &str) -> Result<Value, String> {
    let response = ann.post_json(PATH, &plain(&[name])).await;
    if response.status == 201 {
        Ok(response.json()["packages"][0].clone())
    } else {
        Err(refused(&response, 400))
    }
}

#[tokio::test]
async fn names_are_kept_as_their_protocol_compares_them() {
    let all: &[(&str, &[&str])] =
        &[("packages", &["npm"]), ("jars", &["maven"]), ("phones", &["swift"]), ("php", &["composer"])];
    let (_app, ann) = shelf(all).await;
    for (given, expected) in [
        ("left-pad", "left-pad"),
        ("JSONStream", "jsonstream"),
        ("@Acme/Pad", "@acme/pad"),
        ("mona.LinkedList", "mona.linkedlist"),
        ("com.Example:Lib", "com.Example:Lib"),
        ("Acme/Shop", "acme/shop"),
        // With one slash this could be a package of Composer.
        ("packages//JSONStream", "packages/jsonstream"),
        ("packages/@acme/pad", "packages/@acme/pad"),
        ("jars/com.Example:Lib", "jars/com.Example:Lib"),
        ("php/acme/shop", "php/acme/shop"),
        // No repository offers it yet.
        ("jars//left-pad", "jars/left-pad"),
    ] {
        assert_eq!(kept(&ann, given).await, Ok(expected.into()), "{given}");
    }
    for bad in
        ["com.example:", ":lib", "a:b:c", "jars/", "/left-pad", "nowhere/@acme/pad", "nowhere/acme/shop"]
    {
        let error = kept(&ann, bad).await.unwrap_err();
        assert!(error.starts_with("packages: ") && error.contains(bad), "{error}");
    }
}

/// Whether somebody else has a repository of the name is nobody's business.
#[tokio::test]
async fn a_repository_of_others_is_as_unknown_as_none() {
    let (_app, ann) = shelf(&[("packages", &["npm"])]).await;
    for tail in ["left-pad", "@acme/pad", "com.example:lib", "acme/shop"] {
        let names = [format!("of-bob/{tail}"), format!("nobody/{tail}")];
        let there = kept(&ann, &names[0]).await.unwrap_err().replace(&names[0], "");
        let absent = kept(&ann, &names[1]).await.unwrap_err().replace(&names[1], "");
        assert_eq!(there, absent);
    }
}

#[tokio::test]
async fn where_upper_case_matters_to_some_what_exists_decides() {
    let (_app, ann) = shelf(&[("packages", &["npm"]), ("files", &["raw"])]).await;
    let error = kept(&ann, "JSONStream").await.unwrap_err();
    assert!(error.contains("'JSONStream'") && error.contains("'jsonstream'"), "{error}");
    assert_eq!(kept(&ann, "jsonstream").await, Ok("jsonstream".into()));
    assert_eq!(kept(&ann, "files/JSONStream").await, Ok("files/JSONStream".into()));
    assert_eq!(kept(&ann, "packages/JSONStream").await, Ok("packages/jsonstream".into()));
    assert_eq!(ann.publish("packages", &NpmPackage::new("JSONStream", "1.0.0")).await.status, 201);
    assert_eq!(kept(&ann, "JSONStream").await, Ok("jsonstream".into()));
    assert_eq!(ann.request("PUT", "/api/raw/files/JSONStream/1/f", &[], "x").await.status, 201);
    kept(&ann, "JSONStream").await.unwrap_err();
    assert_eq!(ann.request("PUT", "/api/raw/files/Tool/1/f", &[], "x").await.status, 201);
    assert_eq!(kept(&ann, "Tool").await, Ok("Tool".into()));
}

/// `acme/core` is a package of Composer, or `core` in the repository `acme`; a licence for the one must not open the other.
#[tokio::test]
async fn a_vendor_is_not_taken_for_a_repository() {
    let (app, ann) = shelf(&[("shop", &["composer"]), ("acme", &["npm"])]).await;
    assert_eq!(ann.publish("acme", &NpmPackage::new("tool", "1.0.0")).await.status, 201);
    app.publish_composer("shop", "acme/core", &["1.0.0"]).await;
    let error = kept(&ann, "acme/none").await.unwrap_err();
    assert!(error.contains("'acme/none'") && error.contains("'acme//none'"), "{error}");
    let npm = |name: &str| format!("/api/npm/acme/{name}");
    let php = |name: &str| format!("/composer/shop/p2/acme/{name}.json");
    for (given, opens, keeps_shut) in [
        ("acme/core", php("core"), npm("core")),
        ("shop/acme/core", php("core"), npm("core")),
        ("acme/tool", npm("tool"), php("tool")),
        ("acme//tool", npm("tool"), php("tool")),
    ] {
        let made = ann.post_json(PATH, &plain(&[given])).await;
        assert_eq!(made.status, 201, "{given}: {}", made.text());
        assert!(!made.json()["packages"][0].as_str().unwrap().contains("//"), "{}", made.text());
        let customer = app.token(made.json()["key"].as_str().unwrap());
        assert_eq!(customer.get(&opens).await.status, 200, "{given} {opens}");
        assert_eq!(customer.get(&keeps_shut).await.status, 404, "{given} {keeps_shut}");
    }
    // Both are there from now on, so the name alone does not say which of them is meant.
    assert_eq!(ann.publish("acme", &NpmPackage::new("core", "1.0.0")).await.status, 201);
    kept(&ann, "acme/core").await.unwrap_err();
    let key = ann.post_json(PATH, &plain(&["shop//acme/core"])).await.json()["key"].clone();
    let customer = app.token(key.as_str().unwrap());
    assert_eq!(
        (customer.get(&php("core")).await.status, customer.get(&npm("core")).await.status),
        (200, 404)
    );
}

#[tokio::test]
async fn who_has_no_repository_yet_may_name_anything_that_could_be_a_package() {
    let app = TestApp::new().await;
    let ann = app.account_token("ann", &["admin"]).await;
    for (given, expected) in [
        ("example-package", "example-package"),
        ("JSONStream", "jsonstream"),
        ("acme/shop", "acme/shop"),
        ("com.example:lib", "com.example:lib"),
        ("a@b", "a@b"),
    ] {
        assert_eq!(kept(&ann, given).await, Ok(expected.into()), "{given}");
    }
    for bad in ["nobody/@acme/pad", "", " ", "a b"] {
        kept(&ann, bad).await.unwrap_err();
    }
}

async fn ranged(ann: &Actor, range: &str, packages: &[&str]) -> Result<(), String> {
    let body = json!({ "constraint": { "type": "version", "value": range }, "packages": packages });
    let response = ann.post_json(PATH, &body).await;
    if response.status == 201 { Ok(()) } else { Err(refused(&response, 400)) }
}

#[tokio::test]
async fn a_range_is_in_the_grammar_of_every_package() {
    let all: &[(&str, &[&str])] = &[("packages", &["npm"]), ("jars", &["maven"]), ("php", &["composer"])];
    let (_app, ann) = shelf(all).await;
    for (range, package) in [
        ("<2.0.0", "left-pad"),
        ("^1 || ~2.3", "@acme/pad"),
        ("[1.0,2.0)", "com.example:lib"),
        ("(,1.0],[1.2,)", "jars/com.example:lib"),
        ("5.*", "acme/shop"),
        ("^1.2@beta", "php/acme/shop"),
        ("*", "com.example:lib"),
    ] {
        assert_eq!(ranged(&ann, range, &[package]).await, Ok(()), "{range} {package}");
    }
    for (range, package, kind) in [
        ("[1.0,2.0)", "left-pad", "npm"),
        ("^1.0", "com.example:lib", "maven"),
        ("[1.0,2.0)", "acme/shop", "composer"),
    ] {
        let error = ranged(&ann, range, &[package]).await.unwrap_err();
        let said = format!("constraint: value: '{range}' is no range for '{package}' ({kind})");
        assert!(error.starts_with(&said), "{error}");
        // Of several packages, one is enough to refuse it.
        ranged(&ann, range, &["left-pad", "com.example:lib", "acme/shop"]).await.unwrap_err();
    }
    assert_eq!(ranged(&ann, "1.0.0", &["left-pad", "com.example:lib", "acme/shop"]).await, Ok(()));
    // Without packages, in any.
    assert_eq!(ranged(&ann, "[1.0,2.0)", &[]).await, Ok(()));
    assert!(ranged(&ann, "||", &[]).await.unwrap_err().contains("no range: "));
}

/// `left-pad` may be of npm or plain files, for which every text is a range: what exists decides.
#[tokio::test]
async fn a_range_is_in_the_grammar_of_the_packages_that_exist() {
    let (_app, ann) = shelf(&[("packages", &["npm"]), ("files", &["raw"])]).await;
    assert_eq!(ranged(&ann, "2026.02.16", &["left-pad"]).await, Ok(()));
    assert_eq!(ranged(&ann, "2026.02.16", &["files/left-pad"]).await, Ok(()));
    assert!(ranged(&ann, "2026.02.16", &["packages/left-pad"]).await.unwrap_err().contains("(npm)"));
    assert_eq!(ann.publish("packages", &NpmPackage::new("left-pad", "1.0.0")).await.status, 201);
    assert!(ranged(&ann, "2026.02.16", &["left-pad"]).await.unwrap_err().contains("(npm)"));
    assert_eq!(ranged(&ann, "2026.02.16", &["files/left-pad"]).await, Ok(()));
    assert_eq!(ranged(&ann, "<2026.2.16", &["left-pad"]).await, Ok(()));
}

#[tokio::test]
async fn what_has_to_be_looked_up_is_bounded() {
    let (app, ann) = shelf(&[("packages", &["npm"]), ("more", &["npm"]), ("files", &["raw"])]).await;
    let names: Vec<String> = (0..600).map(|n| format!("p{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    app.probe.reset();
    let error = ranged(&ann, "2026.02.16", &names).await.unwrap_err();
    assert!(error.starts_with("packages: ") && error.contains("repository/name"), "{error}");
    assert!(app.probe.count() <= 4, "{:?}", app.probe.calls());
    assert_eq!(ranged(&ann, "2026.02.16", &names[..500]).await, Ok(()));
    assert_eq!(ranged(&ann, "<2.0.0", &names).await, Ok(()));
}
