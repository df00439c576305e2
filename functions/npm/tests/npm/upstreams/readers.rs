//! Who may have something fetched, and who only gets what is here.

use granary_testing::npm::NpmPackage;
use serde_json::json;

use super::support::{Place, expect, place, place_with, version};
use crate::npm::support::{at, keys, packument, publish};

/// A public repository with one package of the upstream kept, and another one only there.
async fn open(anonymous: bool) -> Place {
    let place = place_with("public", json!({ "anonymous": anonymous })).await;
    for name in ["kept", "other"] {
        place.up.publish(&version(name, "1.0.0"));
        place.up.publish(&version(name, "1.1.0"));
    }
    packument(&place.ann, "kept").await;
    expect(&place.tarball("kept", "1.0.0").await, 200);
    place.wait(10);
    place.asked();
    place
}

#[tokio::test]
async fn anonymous_readers_of_a_public_repository_get_what_is_kept_and_cause_nothing() {
    let place = open(false).await;
    let anybody = place.app.anonymous();
    for path in ["kept", "kept/1.1.0", "kept/latest", "kept/-/kept-1.0.0.tgz", "-/package/kept/dist-tags"] {
        expect(&anybody.get(&at(path)).await, 200);
    }
    for path in ["kept/-/kept-1.1.0.tgz", "other", "other/1.0.0", "other/-/other-1.0.0.tgz", "nothing"] {
        let refused = anybody.get(&at(path)).await;
        assert_eq!(refused.status, 401, "{path}: {}", refused.text());
        assert!(refused.error().contains("'public'") && refused.error().contains("token"), "{path}");
        assert!(!refused.header("www-authenticate").is_empty(), "{path}");
    }
    expect(&anybody.get(&at("kept/-/kept-9.9.9.tgz")).await, 404);
    assert_eq!(place.asked(), Vec::<String>::new());
    // Somebody with a token has it fetched, and then everybody gets it.
    let signed_in = place.app.known_user("bob").await;
    expect(&signed_in.get(&at("other/-/other-1.0.0.tgz")).await, 200);
    expect(&anybody.get(&at("other")).await, 200);
    expect(&anybody.get(&at("other/-/other-1.0.0.tgz")).await, 200);
    expect(&anybody.get(&at("other/-/other-1.1.0.tgz")).await, 401);
}

#[tokio::test]
async fn anonymous_readers_may_be_allowed_to_have_something_fetched() {
    let place = open(true).await;
    let anybody = place.app.anonymous();
    for path in ["kept/-/kept-1.1.0.tgz", "other", "other/-/other-1.0.0.tgz"] {
        expect(&anybody.get(&at(path)).await, 200);
    }
    expect(&anybody.get(&at("nothing")).await, 404);
    // Of several upstreams each must allow it: nobody knows which one will be asked.
    place.connect("second", json!({ "anonymous": false })).await;
    expect(&anybody.get(&at("nowhere")).await, 401);
    expect(&anybody.get(&at("other")).await, 200);
}

#[tokio::test]
async fn nobody_without_credentials_reads_a_private_repository() {
    let place = place_with("private", json!({ "anonymous": true })).await;
    place.up.publish(&version("left-pad", "1.0.0"));
    let stranger = place.app.known_user("bob").await;
    for path in ["left-pad", "left-pad/1.0.0", "left-pad/-/left-pad-1.0.0.tgz"] {
        expect(&place.app.anonymous().get(&at(path)).await, 401);
        expect(&stranger.get(&at(path)).await, 404);
    }
    assert_eq!(place.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn readers_of_each_kind_have_something_fetched() {
    let place = place().await;
    place.app.add_member("ann", "libs", "bob", "read").await;
    for (name, reader) in [
        ("one", place.app.user("bob")),
        ("two", place.app.account_token("bob", &["read"]).await),
        ("three", place.app.repo_token("ann", "libs", &["read"]).await),
    ] {
        place.up.publish(&version(name, "1.0.0"));
        expect(&reader.get(&at(name)).await, 200);
        expect(&reader.get(&at(&format!("{name}/-/{name}-1.0.0.tgz"))).await, 200);
        // Reading is not writing.
        let refused = reader.put_json(&at(name), &NpmPackage::new(name, "2.0.0").body()).await;
        assert!([403, 404, 409].contains(&refused.status), "{}", refused.text());
    }
    assert_eq!(place.recorded("package.discover").await, 3);
    assert_eq!(place.recorded("package.fetch").await, 3);
}

#[tokio::test]
async fn customers_get_nothing_of_upstreams_and_cause_nothing() {
    let place = place().await;
    publish(&place.ann, &NpmPackage::new("sold", "1.0.0")).await;
    place.app.sell("ann", &place.app.package_key("libs", "sold"), 7).await;
    for name in ["kept", "other"] {
        place.up.publish(&version(name, "1.0.0"));
    }
    packument(&place.ann, "kept").await;
    expect(&place.tarball("kept", "1.0.0").await, 200);
    place.asked();
    let named = ["sold", "kept", "other", "absent"];
    let licence = place.app.licence("ann", &named, |_| {}).await.actor;
    let consumer = place.app.consumer("ann", &[(7, "*")]).await.actor;
    place.wait(1_000);
    for customer in [&licence, &consumer] {
        expect(&customer.get(&at("sold")).await, 200);
        expect(&customer.get(&at("sold/-/sold-1.0.0.tgz")).await, 200);
        for path in [
            "NAME",
            "NAME/1.0.0",
            "NAME/latest",
            "NAME/9.9.9",
            "NAME/-/NAME-1.0.0.tgz",
            "NAME/-/NAME-9.9.9.tgz",
            "-/tarball/NAME/1.0.0",
            "-/package/NAME/dist-tags",
            "-/package/NAME/visibility",
        ] {
            let seen = async |name: &str| {
                let answer = customer.get(&at(&path.replace("NAME", name))).await;
                let text = answer.text().replace(name, "NAME");
                (answer.status, text, answer.header("cache-status").to_owned())
            };
            let absent = seen("absent").await;
            assert_eq!(absent.0, 404, "{path}");
            assert_eq!((seen("kept").await, seen("other").await), (absent.clone(), absent), "{path}");
        }
        let found = customer.get(&at("-/v1/search?text=")).await.json();
        assert_eq!(found["total"], 1, "{found}");
    }
    place.app.settle().await;
    assert_eq!(place.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn in_a_public_repository_a_customer_is_like_anybody() {
    let place = open(false).await;
    let licence = place.app.licence("ann", &["kept", "other"], |_| {}).await.actor;
    expect(&licence.get(&at("kept/-/kept-1.0.0.tgz")).await, 200);
    for path in ["kept/-/kept-1.1.0.tgz", "other", "other/-/other-1.0.0.tgz"] {
        expect(&licence.get(&at(path)).await, 401);
    }
    expect(&licence.get(&at("kept/-/kept-9.9.9.tgz")).await, 404);
    assert_eq!(place.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_credential_is_sent_to_its_upstream_and_to_nobody_else() {
    for (credential, header) in [
        (json!({ "token": "s3cret-token" }), "Bearer s3cret-token"),
        (json!({ "username": "ci", "password": "pa:ss" }), "Basic Y2k6cGE6c3M="),
    ] {
        let place = place_with("private", json!({ "credential": credential })).await;
        place.up.require(Some(header));
        place.up.publish(&version("left-pad", "1.0.0"));
        let document = place.ann.get(&at("left-pad")).await;
        expect(&document, 200);
        assert!(!document.text().contains("s3cret"));
        expect(&place.tarball("left-pad", "1.0.0").await, 200);
        place.refresh("left-pad").await;
        let requests = place.up.requests();
        assert_eq!(requests.len(), 3);
        for request in requests {
            assert_eq!(request.header("authorization"), Some(header));
        }
    }
    let place = place().await;
    place.up.require(Some("Bearer other"));
    place.up.publish(&version("left-pad", "1.0.0"));
    let refused = place.ann.get(&at("left-pad")).await;
    expect(&refused, 502);
    assert!(refused.error().contains("credential"), "{}", refused.error());
    place.set(json!({ "credential": { "token": "other" } })).await;
    place.wait(4);
    assert_eq!(keys(&packument(&place.ann, "left-pad").await["versions"]), ["1.0.0"]);
}
