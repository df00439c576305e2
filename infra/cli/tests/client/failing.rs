//! Pushes that fail, and what scripts and people are told.

use serde_json::json;

use super::registry::Registry;
use super::user::User;

async fn prepared() -> (Registry, User) {
    let registry = Registry::start().await;
    let user = User::of(&registry);
    user.write("f", b"f");
    user.write("g", b"g");
    (registry, user)
}

#[tokio::test]
async fn other_bytes_are_a_conflict() {
    let (registry, user) = prepared().await;
    assert_eq!(user.run("push raw ~/f -r libs -p p -v 1").await.code, 0);
    user.write("f", b"other");
    let ended = user.run("push raw ~/f -r libs -p p -v 1 --json").await;
    assert_eq!(ended.code, 3);
    let report = ended.json();
    assert_eq!((&report["ok"], &report["exitCode"]), (&json!(false), &json!(3)));
    let version = &report["versions"][0];
    assert_eq!(version["status"], "failed");
    assert_eq!(version["error"]["code"], "CONFLICT");
    assert_eq!(version["error"]["message"], "exists with other bytes");
    assert!(version["error"]["next"].as_str().unwrap().contains("new version"));
    assert_eq!(registry.count("PUT"), 1, "nothing is sent");
}

#[tokio::test]
async fn missing_rights_have_a_code_of_their_own() {
    let (registry, user) = prepared().await;
    for (repo, expected) in [("readonly", "'write' in repository 'readonly'"), ("none", "Check the name")] {
        let ended = user.run(&format!("push raw ~/f -r {repo} -p p -v 1")).await;
        assert_eq!(ended.code, 4);
        assert!(ended.errors.contains(expected), "{ended:?}");
    }
    assert_eq!(registry.count("POST"), 2, "refusals are not repeated");
}

#[tokio::test]
async fn a_failure_that_all_would_have_ends_the_run() {
    let (registry, user) = prepared().await;
    for version in 0..40 {
        let name = format!("repo/g/a/{version}/a-{version}.pom");
        user.write(&name, b"x");
    }
    let ended = user.run("push maven ~/repo -r readonly --jobs 1 --json").await;
    assert_eq!((ended.code, registry.count("POST")), (4, 1));
    assert_eq!(ended.json()["summary"]["notTried"], 39);
}

#[tokio::test]
async fn what_the_registry_refuses_at_the_end_is_told() {
    for processing in [None, Some(1)] {
        let (registry, user) = prepared().await;
        registry.memory().processing = processing;
        registry.memory().failure = Some("the archive lies".into());
        let ended = user.run("push raw ~/f -r libs -p p -v 1").await;
        assert_eq!(ended.code, 1);
        assert!(ended.errors.contains("the archive lies"), "{ended:?}");
        assert_eq!(user.notes(), 0, "a session that failed cannot go on");
    }
}

#[tokio::test]
async fn nobody_listening_is_said_with_the_address() {
    let (_registry, user) = prepared().await;
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ended =
        user.run_alone(&format!("push raw ~/f -r libs -p p -v 1 --server http://localhost:{port}")).await;
    assert_eq!(ended.code, 1);
    let asked = format!("Is the registry running at http://localhost:{port}?");
    assert!(ended.errors.contains(&asked) && ended.errors.contains("refused"), "{ended:?}");
}

#[tokio::test]
async fn commands_that_cannot_be_carried_out_are_usage_errors_in_json_too() {
    let (registry, user) = prepared().await;
    user.write("deep/f", b"f");
    for (line, expected) in [
        ("push raw ~/f ~/deep/f -r libs -p p -v 1", "two of the files are called f"),
        ("push raw ~/deep -r libs -p p -v 1", "is no file"),
        ("push swift ~/f -r libs --id nodot -v 1", "scope.name"),
        ("push maven ~/deep -r libs", "no version"),
    ] {
        let ended = user.run(&format!("{line} --json")).await;
        let report = ended.json();
        assert_eq!((ended.code, &report["error"]["code"]), (2, &json!("USAGE")), "{line}");
        assert!(report["error"]["message"].as_str().unwrap().contains(expected), "{line}: {report}");
    }
    let ended = user.run("push npm ~/f -r libs").await;
    assert_eq!(ended.code, 1);
    assert!(ended.errors.contains("npm pack"), "{ended:?}");
    assert_eq!(registry.count(""), 0);
}
