//! Local Maven repositories.

use super::registry::Registry;
use super::user::User;

fn names(registry: &Registry, id: &str) -> Vec<String> {
    let memory = registry.memory();
    let files = memory.sessions[id].request["files"].as_array().unwrap();
    files.iter().map(|file| file["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_pom_comes_last_and_what_clients_note_stays_here() {
    let registry = Registry::start().await;
    let user = User::of(&registry);
    let at = |name: &str| format!("repo/com/example/lib/1.0/{name}");
    for number in 0..30 {
        user.write(&at(&format!("lib-1.0-c{number}.jar")), number.to_string().as_bytes());
    }
    for name in ["lib-1.0.pom", "lib-1.0.pom.asc", "lib-1.0.pom.sha1", "_remote.repositories", "lib-1.0.jar"]
    {
        user.write(&at(name), name.as_bytes());
    }
    user.write("repo/com/example/lib/maven-metadata-local.xml", b"x");
    let report = user.run("push maven ~/repo -r libs --json").await.json();
    assert_eq!(report["ok"], true, "{report}");
    assert_eq!(report["leftOut"].as_array().unwrap().len(), 2, "{report}");
    let (first, last) = (names(&registry, "upload-1"), names(&registry, "upload-2"));
    assert_eq!((first.len(), last.len()), (8, 25));
    assert_eq!(last[23..], ["lib-1.0.pom", "lib-1.0.pom.asc"]);
    let memory = registry.memory();
    let log = &memory.log;
    let begun = log.iter().rposition(|line| line == "POST /api/uploads").unwrap();
    let ended = log.iter().position(|line| line == "POST /api/uploads/upload-1/complete").unwrap();
    assert!(ended < begun, "the POM is sent after the rest is published");
}

#[tokio::test]
async fn snapshots_get_the_next_build_number() {
    let registry = Registry::start().await;
    let user = User::of(&registry);
    let folder = "repo/com/example/lib/2.0-SNAPSHOT";
    let jar = user.write(&format!("{folder}/lib-2.0-SNAPSHOT.jar"), b"jar");
    user.write(&format!("{folder}/lib-2.0-SNAPSHOT.pom"), b"pom");
    let written = std::time::UNIX_EPOCH + std::time::Duration::from_secs(4_000_000_000);
    std::fs::File::options().write(true).open(&jar).unwrap().set_modified(written).unwrap();
    user.run("push maven ~/repo -r libs").await;
    // 4,000,000,000 seconds after 1970.
    let expected = ["lib-2.0-20961002.070640-1.jar", "lib-2.0-20961002.070640-1.pom"];
    assert_eq!(names(&registry, "upload-1"), expected);

    let path = "libs/com/example/lib/2.0-SNAPSHOT";
    let metadata = "<metadata><versioning><snapshot><timestamp>20970101.000000</timestamp>\
        <buildNumber>41</buildNumber></snapshot></versioning></metadata>";
    registry.memory().texts.insert(format!("{path}/maven-metadata.xml"), metadata.into());
    let report = user.run("push maven ~/repo -r libs --json").await.json();
    assert_eq!(names(&registry, "upload-2")[0], "lib-2.0-20970101.000001-42.jar");

    // The registry's newest build has these bytes: there is nothing to publish.
    for file in report["versions"][0]["files"].as_array().unwrap() {
        let ending = if file["name"].as_str().unwrap().ends_with("jar") { "jar" } else { "pom" };
        let sum = file["sha256"].as_str().unwrap().to_owned();
        registry.memory().texts.insert(format!("{path}/lib-2.0-SNAPSHOT.{ending}.sha256"), sum);
    }
    let ended = user.run("push maven ~/repo -r libs").await;
    assert!(ended.output.starts_with("skipped    com.example:lib 2.0-SNAPSHOT"), "{ended:?}");
    assert_eq!(registry.memory().sessions.len(), 2);
}

#[tokio::test]
async fn a_downloaded_snapshot_is_pushed_once_under_its_own_name() {
    let registry = Registry::start().await;
    let user = User::of(&registry);
    let folder = "repo/g/a/1-SNAPSHOT";
    for name in ["a-1-20260101.000000-7", "a-1-SNAPSHOT"] {
        user.write(&format!("{folder}/{name}.jar"), b"jar");
        user.write(&format!("{folder}/{name}.pom"), b"pom");
    }
    user.run("push maven ~/repo -r libs").await;
    assert_eq!(names(&registry, "upload-1"), ["a-1-20260101.000000-7.jar", "a-1-20260101.000000-7.pom"]);
}

#[tokio::test]
async fn only_what_the_filter_names_is_pushed() {
    let registry = Registry::start().await;
    let user = User::of(&registry);
    for (artifact, version) in [("a", "1"), ("a", "2"), ("b", "1")] {
        user.write(&format!("repo/g/{artifact}/{version}/{artifact}-{version}.pom"), artifact.as_bytes());
    }
    let report = user.run("push maven ~/repo -r libs --filter g:a:2 --json").await.json();
    assert_eq!(report["versions"].as_array().unwrap().len(), 1);
    assert_eq!(report["versions"][0]["version"], "2");
    let ended = user.run("push maven ~/repo -r libs --filter g:c").await;
    assert_eq!(ended.code, 2, "{ended:?}");
}
