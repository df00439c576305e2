//! Logging in and resolving.

use super::*;

/// Size of an archive that is not answered in place where a request may only carry so much.
const LARGE: usize = 3_000_000;

/// Metadata that names the source.
const METADATA: &str =
    r#"{"repositoryURLs": ["https://example.com/mona/hello.git"], "description": "Größe"}"#;

/// Login, publish, list, metadata, both manifests, archive: in the order in which SwiftPM asks.
pub(super) async fn logged_in_and_resolved(version: Version) -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let library = Library { newer_manifest: true, ..HELLO };
    let archive = library.archive("acme.hello").await?;
    let mut author = Session::owner(&stage, version);
    author.login().await?.expect(200)?;
    author.published("/acme/hello/1.0.0", &archive).await?;

    let mut user = Session::new(&stage, version, Some(&stage.read_token().await?));
    user.login().await?.expect(200)?;
    ensure!(user.releases("/acme/hello").await? == ["1.0.0"]);
    let release = "/acme/hello/1.0.0";
    let checksum = user.checksum(release).await?;
    ensure!(checksum == hex::encode(Sha256::digest(&archive)), "{checksum} is another checksum");
    let (manifest, others) = user.manifest(release).await?;
    user.checksum_again(release, &checksum).await?;
    let [other] = others.as_slice() else { bail!("not one other manifest: {others:?}") };
    ensure!(other.filename == "Package@swift-5.9.swift" && other.tools_version == "5.9", "{other:?}");
    let newer = user.other_manifest(release, other).await?;
    let files = library.files();
    for (path, text) in [("Package.swift", &manifest), ("Package@swift-5.9.swift", &newer)] {
        ensure!(files.iter().any(|(name, content)| name == path && content == text), "{path} is {text}");
    }
    user.checksum_again(release, &checksum).await?;
    ensure!(user.archive(release, &checksum).await? == archive, "the archive has other bytes");
    Ok(())
}

/// An archive that may be elsewhere: those that would take their token along get it here.
pub(super) async fn large_archive(version: Version) -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let folder = TempDir::new()?;
    HELLO.write_to(&folder.path().join("acme.large"))?;
    std::fs::write(folder.path().join("acme.large/noise.bin"), noise("large", LARGE))?;
    let archive = zip(folder.path(), "acme.large").await?;
    let mut session = Session::owner(&stage, version);
    session.published("/acme/large/1.0.0", &archive).await?;
    let checksum = session.checksum("/acme/large/1.0.0").await?;
    ensure!(session.archive("/acme/large/1.0.0", &checksum).await? == archive, "the archive has other bytes");
    Ok(())
}

/// Whether the registry is there, and what it calls a package whose source is known.
pub(super) async fn availability_and_identifiers(version: Version) -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let mut session = Session::owner(&stage, version);
    session.availability().await?.expect(200)?;
    let form = Form::new(HELLO.archive("mona.hello").await?, Some(METADATA));
    session.publish("/mona/hello/1.0.0", &form).await?.expect(201)?;
    // Not encoded: a query may hold all of these.
    for address in ["https://example.com/mona/hello.git", "HTTPS://example.com/mona/hello"] {
        let answer = session.get(&format!("/identifiers?url={address}"), Media::Json).await?;
        demands::check_success(&answer, Media::Json)?;
        let identifiers = &answer.json()?["identifiers"];
        ensure!(*identifiers == serde_json::json!(["mona.hello"]), "{address}: {identifiers}");
    }
    let unknown = session.get("/identifiers?url=git@example.com:mona/unknown.git", Media::Json).await?;
    demands::problem(&unknown, 404)?;
    demands::problem(&session.get("/identifiers", Media::Json).await?, 400)?;
    Ok(())
}

/// A withdrawn release is in the list and not to be had; a version with build metadata is asked for with its plus
/// sign as it is.
pub(super) async fn withdrawn_and_unusual_versions(version: Version) -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let mut session = Session::owner(&stage, version);
    let archive = HELLO.archive("acme.hello").await?;
    for version in ["1.0.0", "2.0.0-rc.1+build.5"] {
        session.published(&format!("/acme/hello/{version}"), &archive).await?;
    }
    // The one that is withdrawn is also known by the address of its source, which goes with it.
    let form = Form::new(archive.clone(), Some(METADATA));
    session.publish("/acme/hello/1.1.0", &form).await?.expect(201)?;
    let source = "/identifiers?url=https://example.com/mona/hello";
    demands::check_success(&session.get(source, Media::Json).await?, Media::Json)?;
    stage.registry.withdraw("acme/hello/1.1.0").await?;
    demands::problem(&session.get(source, Media::Json).await?, 404)?;
    let mut releases = session.releases("/acme/hello").await?;
    releases.sort();
    ensure!(releases == ["1.0.0", "2.0.0-rc.1+build.5"], "{releases:?}");
    let unusual = "/acme/hello/2.0.0-rc.1+build.5";
    let checksum = session.checksum(unusual).await?;
    session.manifest(unusual).await?;
    ensure!(session.archive(unusual, &checksum).await? == archive);
    demands::problem(&session.get("/acme/hello/1.1.0", Media::Json).await?, 404)?;
    demands::problem(&session.get("/acme/hello/1.1.0/Package.swift", Media::Swift).await?, 404)?;
    demands::problem(&session.get("/acme/hello/1.1.0.zip", Media::Zip).await?, 404)?;
    Ok(())
}
