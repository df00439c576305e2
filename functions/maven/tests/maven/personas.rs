//! What real clients send, request by request, as it was recorded (reference: 1.1, 1.3).

use granary_testing::{Actor, TestApp};

use super::support::{
    LIB, artifact_metadata, at, build_file, check, file, jar, listed, pom, private, sums, texts, xml,
};

/// A client: how it authenticates, and what it takes for a success of a `PUT`.
struct Persona<'a> {
    app: &'a TestApp,
    with_credentials: Actor,
    /// Sends credentials only after a challenge, also with `PUT`.
    waits_for_challenge: bool,
    /// Statuses that count as success of a `PUT`.
    accepts: fn(u16) -> bool,
    agent: &'static str,
}

impl Persona<'_> {
    fn headers(&self) -> Vec<(&'static str, &'static str)> {
        vec![("user-agent", self.agent), ("cache-control", "no-cache, no-store"), ("pragma", "no-cache")]
    }

    /// A `PUT` of a file, then of its checksums.
    async fn put_with_sums(&self, path: &str, body: impl Into<Vec<u8>>, kinds: &[&str]) {
        let body = body.into();
        self.put(path, body.clone()).await;
        for kind in kinds {
            let (_, sum) = sums(&body).into_iter().find(|(name, _)| name == kind).unwrap();
            self.put(&format!("{path}.{kind}"), sum).await;
        }
    }

    async fn put(&self, path: &str, body: impl Into<Vec<u8>>) {
        let body = body.into();
        let headers = self.headers();
        if self.waits_for_challenge {
            let challenged = self.app.anonymous().request("PUT", path, &headers, body.clone()).await;
            assert_eq!(challenged.status, 401, "{path}");
            assert_eq!(challenged.header("www-authenticate"), "Basic realm=\"Granary\"");
        }
        let response = self.with_credentials.request("PUT", path, &headers, body).await;
        assert!((self.accepts)(response.status), "{path}: {} {}", response.status, response.text());
    }

    /// A `GET` after the challenge; the body, or `None` if it is not there.
    async fn get(&self, path: &str) -> Option<Vec<u8>> {
        let headers = self.headers();
        let challenged = self.app.anonymous().get_with(path, &headers).await;
        assert_eq!(challenged.status, 401, "{path}");
        let response = self.with_credentials.get_with(path, &headers).await;
        match response.status {
            200 => Some(response.body.to_vec()),
            404 => {
                assert!(!response.header("content-type").contains("problem+json"), "{path}");
                None
            }
            status => panic!("{path}: {status} {}", response.text()),
        }
    }

    /// Reads a file and compares it with its `.sha1`.
    async fn get_checked(&self, path: &str) -> Vec<u8> {
        let body = self.get(path).await.unwrap();
        let [_, (_, sha1), ..] = sums(&body);
        assert_eq!(self.get(&format!("{path}.sha1")).await.unwrap(), sha1.as_bytes(), "{path}");
        body
    }
}

/// Statuses that Wagon and Ivy know.
fn as_wagon(status: u16) -> bool {
    matches!(status, 200 | 201 | 202 | 204)
}

/// The document that a client makes of the one that it read, which the registry ignores.
fn merged(before: Option<Vec<u8>>, version: &str) -> String {
    let before = before.map(|bytes| String::from_utf8(bytes).unwrap()).unwrap_or_default();
    let mut versions = texts(&before, "version");
    versions.push(version.to_owned());
    let versions = versions.join("</version><version>");
    format!(
        "<metadata><versioning><versions><version>{versions}</version></versions></versioning></metadata>"
    )
}

async fn maven_release(persona: &Persona<'_>, version: &str) {
    const KINDS: [&str; 2] = ["sha1", "md5"];
    for (end, body) in [
        (".jar", jar(version)),
        (".pom", pom(version).into_bytes()),
        ("-sources.jar", format!("sources of {version}").into_bytes()),
    ] {
        persona.put_with_sums(&file(version, end), body, &KINDS).await;
    }
    let before = persona.get(&artifact_metadata()).await;
    if before.is_some() {
        persona.get_checked(&artifact_metadata()).await;
    }
    persona.put_with_sums(&artifact_metadata(), merged(before, version), &KINDS).await;
}

#[tokio::test]
async fn maven_3_8_deploys_releases_one_after_the_other() {
    let (app, ann) = private().await;
    let persona = Persona {
        app: &app,
        with_credentials: ann.clone(),
        waits_for_challenge: false,
        accepts: as_wagon,
        agent: "Apache-Maven/3.8.7 (Java 17)",
    };
    for version in ["1.0.0", "1.1.0"] {
        maven_release(&persona, version).await;
    }
    assert_eq!(listed(&ann).await, ["1.0.0", "1.1.0"]);
    assert_eq!(persona.get_checked(&file("1.1.0", ".pom")).await, pom("1.1.0").as_bytes());
    assert_eq!(persona.get_checked(&file("1.1.0", ".jar")).await, jar("1.1.0"));
    assert_eq!(check(&app).await.live.len(), 8);
}

#[tokio::test]
async fn maven_3_9_deploys_in_parallel_and_reads_checksums_from_headers() {
    let (app, ann) = private().await;
    let persona = Persona {
        app: &app,
        with_credentials: ann.clone(),
        waits_for_challenge: false,
        accepts: |status| (200..300).contains(&status),
        agent: "Apache-Maven/3.9.11 (Java 21)",
    };
    let kinds = ["sha1", "md5"];
    persona.put_with_sums(&file("1.0.0", ".jar"), jar("1.0.0"), &kinds).await;
    let (pom_path, sources, javadoc) =
        (file("1.0.0", ".pom"), file("1.0.0", "-sources.jar"), file("1.0.0", "-javadoc.jar"));
    let signature = file("1.0.0", ".jar.asc");
    futures::join!(
        persona.put_with_sums(&pom_path, pom("1.0.0"), &kinds),
        persona.put_with_sums(&sources, "sources", &kinds),
        persona.put_with_sums(&javadoc, "javadoc", &kinds),
        persona.put(&signature, "signature"),
    );
    let before = persona.get(&artifact_metadata()).await;
    persona.put_with_sums(&artifact_metadata(), merged(before, "1.0.0"), &kinds).await;
    // Resolving: one request for each file, because the checksum is in the answer.
    let accept = [("accept", "application/problem+json,*/*")];
    let response = ann.get_with(&file("1.0.0", ".jar"), &accept).await;
    let [_, (_, sha1), ..] = sums(&response.body);
    assert_eq!((response.status, response.header("x-checksum-sha1")), (200, sha1.as_str()));
    // Redeploying another build of a release.
    let refused = ann.request("PUT", &file("1.0.0", ".jar"), &accept, jar("x")).await;
    assert_eq!((refused.status, refused.header("content-type")), (409, "application/problem+json"));
    let missing = ann.get_with(&file("2.0.0", ".jar"), &accept).await;
    assert!(missing.status == 404 && missing.header("content-type").starts_with("text/plain"));
    check(&app).await;
}

#[tokio::test]
async fn maven_deploys_snapshots_with_the_next_build_number() {
    let (app, ann) = private().await;
    let persona = Persona {
        app: &app,
        with_credentials: ann.clone(),
        waits_for_challenge: false,
        accepts: as_wagon,
        agent: "Apache-Maven/3.8.7 (Java 17)",
    };
    let version = "1.0-SNAPSHOT";
    let metadata = at(&format!("{LIB}/{version}/maven-metadata.xml"));
    for (time, expected) in [("20261122.025620", 1), ("20261122.031000", 2)] {
        let before = persona.get(&metadata).await.map(|bytes| String::from_utf8(bytes).unwrap());
        let number = before.map_or(1, |text| texts(&text, "buildNumber")[0].parse::<u32>().unwrap() + 1);
        assert_eq!(number, expected);
        let build = format!("{time}-{number}");
        let kinds = ["sha1", "md5"];
        persona.put_with_sums(&build_file(version, &build, ".jar"), jar(&build), &kinds).await;
        persona.put_with_sums(&build_file(version, &build, ".pom"), pom(version), &kinds).await;
        let before = persona.get(&artifact_metadata()).await;
        persona.put_with_sums(&metadata, "<metadata/>", &kinds).await;
        persona.put_with_sums(&artifact_metadata(), merged(before, version), &kinds).await;
    }
    // Resolving: metadata, then the file that it names.
    let document = xml(&ann, &metadata).await;
    let value = texts(&document, "value")[0].clone();
    assert_eq!(value, "1.0-20261122.031000-2");
    let path = at(&format!("{LIB}/{version}/hello-lib-{value}.jar"));
    assert_eq!(persona.get_checked(&path).await, jar("20261122.031000-2"));
    check(&app).await;
}

#[tokio::test]
async fn gradle_publishes_with_four_checksums_for_every_file() {
    let (app, ann) = private().await;
    let persona = Persona {
        app: &app,
        with_credentials: ann.clone(),
        waits_for_challenge: false,
        accepts: |status| (200..400).contains(&status),
        agent: "Gradle/8.10 (Linux)",
    };
    let kinds = ["sha1", "md5", "sha256", "sha512"];
    for (end, body) in [
        (".jar", jar("1.0.0")),
        (".pom", pom("1.0.0").into_bytes()),
        (".module", b"{\"formatVersion\":\"1.1\"}".to_vec()),
        ("-sources.jar", b"sources".to_vec()),
        (".jar.asc", b"signature".to_vec()),
        (".module.asc", b"signature of the module".to_vec()),
        ("-kotlin-tooling-metadata.json", b"{}".to_vec()),
    ] {
        persona.put_with_sums(&file("1.0.0", end), body, &kinds).await;
    }
    let before = persona.get(&artifact_metadata()).await;
    persona.put_with_sums(&artifact_metadata(), merged(before, "1.0.0"), &kinds).await;
    // A retry after a lost answer is a success, or the build would fail.
    persona.put_with_sums(&file("1.0.0", ".jar"), jar("1.0.0"), &kinds).await;
    // Changing modules are looked at with HEAD.
    let (head, get) = (ann.head(&file("1.0.0", ".jar")).await, ann.get(&file("1.0.0", ".jar")).await);
    for name in ["etag", "last-modified", "x-checksum-sha1"] {
        assert!(!head.header(name).is_empty() && head.header(name) == get.header(name), "{name}");
    }
    assert_eq!(persona.get(&at(&format!("{LIB}/"))).await, None, "a list of a directory");
    check(&app).await;
}

#[tokio::test]
async fn ivy_asks_before_every_put_and_sends_literal_snapshots() {
    let (app, ann) = private().await;
    let persona = Persona {
        app: &app,
        with_credentials: ann.clone(),
        waits_for_challenge: true,
        accepts: as_wagon,
        agent: "Apache Ivy/2.5.2",
    };
    for version in ["1.0.0", "1.1-SNAPSHOT"] {
        for (path, body) in [
            (file(version, ".jar"), jar(version)),
            (file(version, ".pom"), pom(version).into_bytes()),
            (at(&format!("{LIB}/{version}/ivy-{version}.xml")), b"<ivy-module version=\"2.0\"/>".to_vec()),
        ] {
            let head = ann.head(&path).await;
            assert_eq!(head.status, 404, "{path}");
            persona.put_with_sums(&path, body, &["sha1", "md5"]).await;
            assert_eq!(ann.head(&path).await.status, 200);
        }
    }
    // Again with new bytes: the snapshot is replaced.
    persona.put_with_sums(&file("1.1-SNAPSHOT", ".jar"), "second build", &["sha1", "md5"]).await;
    assert_eq!(persona.get_checked(&file("1.1-SNAPSHOT", ".jar")).await, b"second build");
    // Ivy sends no metadata, and there is some all the same.
    assert_eq!(listed(&ann).await, ["1.0.0", "1.1-SNAPSHOT"]);
    assert_eq!(persona.get(&at(&format!("{LIB}/1.1-SNAPSHOT/maven-metadata.xml"))).await, None);
    check(&app).await;
}
