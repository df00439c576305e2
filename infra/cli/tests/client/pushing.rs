//! Pushes that go well.

use serde_json::json;

use super::registry::Registry;
use super::user::User;

fn tarball(name: &str, version: &str) -> Vec<u8> {
    let manifest = json!({"name": name, "version": version}).to_string();
    let mut builder =
        tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(manifest.len() as u64);
    builder.append_data(&mut header, "package/package.json", manifest.as_bytes()).unwrap();
    builder.into_inner().unwrap().finish().unwrap()
}

#[tokio::test]
async fn bytes_arrive_whole_in_one_piece_and_in_parts() {
    let registry = Registry::start().await;
    let user = User::of(&registry);
    let large: Vec<u8> = (0..=255).cycle().take(4321).collect();
    for (name, content) in [("empty", &b""[..]), ("small", b"small"), ("large", &large)] {
        user.write(name, content);
    }
    let ended = user.run("push raw ~/large ~/small ~/empty -r libs -p p -v 1 --description d").await;
    assert_eq!((ended.code, ended.errors.as_str()), (0, ""), "{ended:?}");
    assert!(
        ended.output.starts_with("published  p 1 (3 files)\n1 published, 0 skipped, 0 failed"),
        "{ended:?}"
    );
    {
        let memory = registry.memory();
        let session = &memory.sessions["upload-1"];
        assert_eq!(session.request["description"], "d");
        assert_eq!((session.bytes(0), session.bytes(1), session.bytes(2)), (large, b"small".into(), vec![]));
        assert_eq!(memory.log.iter().filter(|line| line.starts_with("PUT")).count(), 11 + 2);
    }
    assert_eq!(user.notes(), 0, "nothing is left to remember");

    let again = user.run("push raw ~/large ~/small ~/empty -r libs -p p -v 1 --description d").await;
    assert_eq!(again.code, 0);
    assert!(
        again.output.starts_with("skipped    p 1: already published\n0 published, 1 skipped"),
        "{again:?}"
    );
    assert_eq!(registry.count("PUT"), 13, "nothing is sent twice");
}

#[tokio::test]
async fn tarballs_are_versions_of_their_own() {
    let registry = Registry::start().await;
    let user = User::of(&registry);
    user.write("a.tgz", &tarball("@s/a", "1.0.0"));
    user.write("b.tgz", &tarball("b", "2.0.0"));
    let ended = user.run("push npm ~/a.tgz ~/b.tgz -r libs --tag next --json").await;
    assert_eq!((ended.code, ended.errors.as_str()), (0, ""), "{ended:?}");
    let report = ended.json();
    assert_eq!(report["summary"]["published"], 2);
    assert_eq!(report["versions"][0]["package"], "@s/a");
    assert_eq!(report["versions"][1]["version"], "2.0.0");
    let memory = registry.memory();
    for session in memory.sessions.values() {
        assert_eq!(
            (&session.request["tag"], &session.request["packageType"]),
            (&json!("next"), &json!("npm"))
        );
    }
    assert!(
        memory.published.contains_key("@s/a 1.0.0 a.tgz") && memory.published.contains_key("b 2.0.0 b.tgz")
    );
}

#[tokio::test]
async fn what_is_stored_already_is_not_sent() {
    let registry = Registry::start().await;
    let user = User::of(&registry);
    user.write("known", b"known");
    user.write("new", b"new");
    let report = user.run("push raw ~/known -r libs -p other -v 1 --json").await.json();
    let digest = report["versions"][0]["files"][0]["sha256"].as_str().unwrap().to_owned();
    registry.memory().stored.push(digest);
    registry.memory().log.clear();
    let report = user.run("push raw ~/known ~/new -r libs -p p -v 1 --json").await.json();
    assert_eq!(registry.count("PUT"), 1);
    let version = &report["versions"][0];
    assert_eq!((&version["status"], &version["bytesSent"]), (&json!("published"), &json!(3)));
    assert_eq!(version["files"][0]["status"], "alreadyStored");
    assert_eq!(version["files"][1]["status"], "published");
}

#[tokio::test]
async fn many_files_are_several_uploads() {
    let registry = Registry::start().await;
    let user = User::of(&registry);
    let mut line = "push raw".to_owned();
    for number in 0..30 {
        let name = format!("f{number}");
        user.write(&name, name.as_bytes());
        line.extend([" ~/", &name]);
    }
    let report = user.run(&format!("{line} -r libs -p p -v 1 --json")).await.json();
    assert_eq!(report["versions"][0]["uploadIds"].as_array().unwrap().len(), 2);
    assert_eq!(registry.memory().published.len(), 30);
}

#[tokio::test]
async fn the_client_waits_while_the_registry_checks() {
    let registry = Registry::start().await;
    let user = User::of(&registry);
    user.write("f", b"f");
    registry.memory().processing = Some(3);
    let ended = user.run("push raw ~/f -r libs -p p -v 1").await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(registry.count("GET /api/uploads/upload-1"), 4);
    assert_eq!(registry.count("POST /api/uploads/upload-1/complete"), 1);
}

#[tokio::test]
async fn swift_is_asked_for_as_the_contract_says() {
    let registry = Registry::start().await;
    let user = User::of(&registry);
    user.write("s.zip", b"s");
    user.run("push swift ~/s.zip -r libs --id acme.lib.more -v 1.0.0").await;
    let memory = registry.memory();
    let request = &memory.sessions["upload-1"].request;
    assert_eq!((&request["scope"], &request["packageName"]), (&json!("acme"), &json!("lib.more")));
    assert_eq!(request["packageType"], "swift");
}

#[tokio::test]
async fn quiet_says_nothing() {
    let registry = Registry::start().await;
    let user = User::of(&registry);
    user.write("f", b"f");
    let ended = user.run("push raw ~/f -r libs -p p -v 1 --quiet").await;
    assert_eq!((ended.code, ended.output.as_str(), ended.errors.as_str()), (0, "", ""));
}
