//! Builds on this machine, by scripts that a test has written.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use granary_kmp::settings::Builder;
use granary_model::kmp::BuildStatus;
use granary_storage::rows::{BuildRow, Dispatch};
use granary_testing::github::FakeGithub;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::support::{MINUTE, Place, module};

/// A place whose builds are made by these two scripts.
pub(super) async fn place(folder: &TempDir, build_npm: &str, publish: &str) -> Place {
    for (name, text) in [("build-npm", build_npm), ("publish", publish)] {
        let path = folder.path().join(name);
        let written = folder.path().join(format!("{name}.args"));
        // What each was called with, one a line, and what was in its environment.
        let text = format!(
            "#!/bin/sh\nprintf '%s\\n' \"$@\" > {args}\nenv > {args}.env\n{text}\n",
            args = written.display()
        );
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let scripts: PathBuf = folder.path().into();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let place = Place::of(FakeGithub::start().await, |_, config| {
        config.public_url.clone_from(&address);
        config.kmp.public_url = address;
        config.kmp.allow_private_sources = true;
        config.kmp.builder = Builder::Local { scripts };
    })
    .await;
    place.app.serve_on(listener);
    place
}

/// How often something is looked at until it has happened, and how long is waited each time: together ten minutes, for a machine
/// that stands still.
pub(super) const LOOKS: usize = 60_000;
pub(super) const PAUSE: Duration = Duration::from_millis(10);

/// Goes on until the build is over, without the time of the registry passing.
pub(super) async fn until_over(place: &Place, build: &BuildRow) -> BuildRow {
    for _ in 0..LOOKS {
        let row = place.step(build).await;
        if !row.status.is_under_way() {
            return row;
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("it never ends: {:?}", place.read(build).await);
}

fn read(path: &Path, name: &str) -> String {
    fs::read_to_string(path.join(name)).unwrap()
}

#[tokio::test]
async fn the_scripts_are_told_the_library_and_no_secret() {
    let folder = TempDir::new().unwrap();
    let place = place(&folder, "exit 0", "echo the reason >&2; exit 12").await;
    // The Mac's half is not looked for.
    place.set_module(module(true, false).to_string());
    let build = place.build().await;
    let failed = until_over(&place, &build).await;
    assert_eq!(failed.status, BuildStatus::Failed);
    assert_eq!(failed.error.as_deref(), Some("the scripts have failed: the reason"));
    let source = place.github.file("x", "");
    let told = read(folder.path(), "build-npm.args");
    let told: Vec<&str> = told.lines().collect();
    assert_eq!(
        told[..14],
        [
            "--group",
            "com.example",
            "--artifact",
            "lib",
            "--version",
            "1.0.0",
            "--name",
            "@apps/lib",
            "--package-version",
            "1.0.0",
            "--repository",
            &source,
            "--repository",
            "https://repo.maven.apache.org/maven2",
        ]
    );
    let published = read(folder.path(), "publish.args");
    assert!(published.contains("--without") && published.contains("Mac"), "{published}");
    let environment = read(folder.path(), "build-npm.args.env");
    let names: Vec<&str> =
        environment.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    // What shells set by themselves is none of ours.
    let known = [
        "PATH",
        "HOME",
        "JAVA_HOME",
        "LANG",
        "LC_ALL",
        "TMPDIR",
        "GRANARY_KOTLIN_COMPILER",
        "GRANARY_ALLOW_PRIVATE_SOURCES",
        "GRANARY_URL",
        "GRANARY_BUILD_ID",
        "GRANARY_BUILD_TOKEN",
        "GRANARY_REPO_ID",
        "GITHUB_RUN_ID",
        "GITHUB_RUN_ATTEMPT",
        "PWD",
        "OLDPWD",
        "SHLVL",
        "_",
    ];
    assert!(names.iter().all(|name| known.contains(name)), "{names:?}");
    assert!(environment.lines().any(|line| line == "GRANARY_ALLOW_PRIVATE_SOURCES=true"));
    let token = environment.lines().find_map(|line| line.strip_prefix("GRANARY_BUILD_TOKEN=")).unwrap();
    assert!(token.starts_with("bld_"), "its own and no other");
    assert!(!failed.error.unwrap().contains(token));
}

#[tokio::test]
async fn scripts_that_hand_nothing_over_or_are_not_there_fail_the_build() {
    let folder = TempDir::new().unwrap();
    let quiet = place(&folder, "exit 0", "exit 0").await;
    let failed = until_over(&quiet, &quiet.build().await).await;
    assert!(failed.error.as_ref().unwrap().contains("handed nothing over"), "{failed:?}");
    fs::remove_file(folder.path().join("build-npm")).unwrap();
    let failed = until_over(&quiet, &quiet.build().await).await;
    assert!(failed.error.as_ref().unwrap().contains("build-npm cannot be started"), "{failed:?}");
}

#[tokio::test]
async fn what_only_a_mac_makes_fails_at_once() {
    let folder = TempDir::new().unwrap();
    let place = place(&folder, "exit 0", "exit 0").await;
    let build = place.build().await;
    place.write(&BuildRow { npm_published: true, ..build.clone() }).await;
    let failed = place.step(&build).await;
    assert_eq!(failed.status, BuildStatus::Failed);
    assert!(failed.error.unwrap().contains("takes a Mac"));
    assert!(failed.npm_published && !failed.swift_published);
    assert!(!folder.path().join("build-npm.args").exists());
    place.set_module(module(false, true).to_string());
    let failed = place.step(&place.build().await).await;
    assert!(failed.error.unwrap().contains("JavaScript"));
}

#[tokio::test]
async fn a_build_is_made_once_however_many_messages_there_are() {
    let folder = TempDir::new().unwrap();
    let count = folder.path().join("count");
    let script = format!("echo x >> {}; sleep 0.2", count.display());
    let place = place(&folder, &script, "exit 0").await;
    let build = place.build().await;
    futures::future::join_all((0..20).map(|_| place.hint(&build))).await;
    until_over(&place, &build).await;
    assert_eq!(fs::read_to_string(&count).unwrap().lines().count(), 1);
}

/// What another process was at is begun anew, under the next attempt and with the old deadline.
#[tokio::test]
async fn a_build_whose_process_has_died_begins_anew() {
    let folder = TempDir::new().unwrap();
    let place = place(&folder, "exit 0", "exit 0").await;
    let build = place.build().await;
    let deadline_at = place.app.state().now().millis() + 5 * MINUTE;
    let left = BuildRow {
        status: BuildStatus::Building,
        dispatch: Dispatch::Sent(place.app.state().now().millis()),
        claimed_by: Some((1, 1)),
        deadline_at,
        ..build.clone()
    };
    place.write(&left).await;
    let failed = until_over(&place, &build).await;
    assert_eq!(failed.attempt, 2);
    assert!(failed.error.unwrap().contains("handed nothing over"));
    // One that was only queued is taken as it is.
    let queued = place.build().await;
    place.write(&BuildRow { status: BuildStatus::Queued, deadline_at, ..queued.clone() }).await;
    assert_eq!(until_over(&place, &queued).await.attempt, 1);
}

#[tokio::test]
async fn scripts_that_never_end_are_ended_with_all_they_have_started() {
    let folder = TempDir::new().unwrap();
    let pid = folder.path().join("pid");
    let script = format!("sleep 3600 & echo $! > {}; wait", pid.display());
    let place = place(&folder, &script, "exit 0").await;
    let build = place.build().await;
    place.step(&build).await;
    let started = started(&pid).await;
    assert!(runs(started));
    assert!(place.step(&build).await.status.is_under_way());
    // The moment at which the build is given up, for the script only.
    tokio::time::pause();
    tokio::time::advance(place.app.state().config().kmp.deadline).await;
    tokio::time::resume();
    let failed = until_over(&place, &build).await;
    assert_eq!(failed.status, BuildStatus::Failed);
    assert!(failed.error.unwrap().contains("not done in time"));
    for _ in 0..LOOKS {
        if !runs(started) {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("what the script has started still runs");
}

/// The process whose number a script writes into a file, once it is there.
pub(super) async fn started(file: &Path) -> u32 {
    for _ in 0..LOOKS {
        let text = fs::read_to_string(file).unwrap_or_default();
        if text.ends_with('\n') {
            return text.trim().parse().unwrap();
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("the script was not started");
}

/// Whether a process runs. What has ended and was not waited for runs no more.
pub(super) fn runs(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    !status.is_empty() && !status.contains(") Z ")
}

/// What `build-npm` leaves, by the program `tar`.
const NPM_PACKAGE: &str = r#"
for last; do :; done
mkdir -p "$last/package" && cd "$last" || exit 1
printf '{"name":"@apps/lib","version":"1.0.0","main":"lib.mjs"}' > package/package.json
printf 'export const one = 1;' > package/lib.mjs
tar -czf lib-1.0.0.tgz package
printf '{"packageType":"npm","packageName":"@apps/lib","version":"1.0.0","file":"lib-1.0.0.tgz"}' > release.json
"#;

/// The real script that hands over, the real upload by presigned addresses, and the real publishing.
#[tokio::test]
async fn what_the_scripts_make_is_published() {
    let publish = format!("exec {}/../../infra/github/build/publish \"$@\"", env!("CARGO_MANIFEST_DIR"));
    let folder = TempDir::new().unwrap();
    let place = place(&folder, NPM_PACKAGE, &publish).await;
    let build = place.build_of("1.0.0", false).await;
    let done = until_over(&place, &build).await;
    assert_eq!((done.status, done.error.as_deref()), (BuildStatus::Success, None));
    assert!(done.npm_published && !done.swift_published);
    let ann = place.app.user("ann");
    let found = ann.get("/api/npm/apps/@apps%2flib").await;
    assert_eq!(found.status, 200, "{}", found.text());
    assert_eq!(found.json()["dist-tags"]["latest"], "1.0.0");
}

#[tokio::test]
async fn the_half_that_can_be_made_is_published_and_the_other_one_is_named() {
    let publish = format!("exec {}/../../infra/github/build/publish \"$@\"", env!("CARGO_MANIFEST_DIR"));
    let folder = TempDir::new().unwrap();
    let place = place(&folder, NPM_PACKAGE, &publish).await;
    let done = until_over(&place, &place.build().await).await;
    assert_eq!(done.status, BuildStatus::Failed);
    assert!(done.npm_published && !done.swift_published);
    assert!(done.error.unwrap().contains("takes a Mac"));
    assert_eq!(place.app.user("ann").get("/api/npm/apps/@apps%2flib").await.status, 200);
}

#[tokio::test]
async fn what_a_script_gives_as_its_reason_is_the_builds() {
    let publish = format!("exec {}/../../infra/github/build/publish \"$@\"", env!("CARGO_MANIFEST_DIR"));
    let folder = TempDir::new().unwrap();
    let script = "for last; do :; done; mkdir -p $last; echo 'nothing is exported' > $last/error.txt; exit 6";
    let place = place(&folder, script, &publish).await;
    let done = until_over(&place, &place.build().await).await;
    assert_eq!((done.status, done.error.as_deref()), (BuildStatus::Failed, Some("npm: nothing is exported")));
    assert_eq!(place.app.user("ann").get("/api/npm/apps/@apps%2flib").await.status, 404);
}
