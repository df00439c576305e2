//! Refusals: each with a sentence that SwiftPM shows, and none that makes it wait.

use super::*;

/// What a session asks for, with what it expects to get.
const FILES: [(&str, Media); 5] = [
    ("/acme/hello", Media::Json),
    ("/acme/hello/1.0.0", Media::Json),
    ("/acme/hello/1.0.0/Package.swift", Media::Swift),
    ("/acme/hello/1.0.0.zip", Media::Zip),
    ("/identifiers?url=https://example.com/acme/hello", Media::Json),
];

/// Without a token, or with one that never was, a private repository asks who it is, whatever is asked for.
pub(super) async fn anonymous_and_unknown(version: Version) -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let archive = HELLO.archive("acme.hello").await?;
    Session::owner(&stage, version).published("/acme/hello/1.0.0", &archive).await?;
    for token in [None, Some(WRONG_TOKEN)] {
        let mut session = Session::new(&stage, version, token);
        for (path, media) in FILES {
            demands::problem(&session.get(path, media).await?, 401).with_context(|| path.to_owned())?;
        }
        demands::problem(&session.login().await?, 401)?;
        demands::problem(&session.availability().await?, 401)?;
        let form = Form::new(archive.clone(), None);
        demands::problem(&session.publish("/acme/hello/1.1.0", &form).await?, 401)?;
    }
    Ok(())
}

/// A token that may only read is told so before it sends anything.
pub(super) async fn reading_only(version: Version) -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let mut session = Session::new(&stage, version, Some(&stage.read_token().await?));
    let form = Form::new(HELLO.archive("acme.hello").await?, None);
    demands::problem(&session.refused("/acme/hello/1.0.0", &form).await?, 403)?;
    Ok(())
}

/// What is not there is not found, in words; it goes on with other packages then.
pub(super) async fn unknown_names(version: Version) -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let mut session = Session::owner(&stage, version);
    session.published("/acme/hello/1.0.0", &HELLO.archive("acme.hello").await?).await?;
    for (path, media) in [
        ("/acme/unknown", Media::Json),
        ("/unknown/hello", Media::Json),
        ("/acme/hello/1.0.1", Media::Json),
        ("/acme/hello/1.0.1/Package.swift", Media::Swift),
        ("/acme/hello/1.0.1/Package.swift?swift-version=6.0.0", Media::Swift),
        ("/acme/hello/1.0.1.zip", Media::Zip),
    ] {
        demands::problem(&session.get(path, media).await?, 404).with_context(|| path.to_owned())?;
    }
    // No manifest for this version: it is sent to the one for all, on the same host.
    let answer = session.get("/acme/hello/1.0.0/Package.swift?swift-version=4.2.0", Media::Swift).await?;
    let answer = answer.expect(303)?;
    demands::check_version(&answer)?;
    let expected = format!("{}acme/hello/1.0.0/Package.swift", stage.registry.url());
    ensure!(answer.field("location") == Some(expected.as_str()), "{answer}");
    Ok(())
}

/// Contents that nobody could use are refused when they have been read.
pub(super) async fn unusable_contents(version: Version) -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let mut session = Session::owner(&stage, version);
    let archive = HELLO.archive("acme.hello").await?;
    let folder = TempDir::new()?;
    write(
        &folder.path().join("two"),
        &[("a/Package.swift".into(), "x".into()), ("b/file".into(), "x".into())],
    )?;
    write(&folder.path().join("none"), &[("file".into(), "x".into())])?;
    let two = zip(&folder.path().join("two"), ".").await?;
    let none = zip(folder.path(), "none").await?;
    for (what, archive, metadata) in [
        ("no zip", b"PK and no more".to_vec(), None),
        ("two folders", two, None),
        ("no manifest", none, None),
        ("metadata is no JSON", archive.clone(), Some("{")),
        ("metadata is no object", archive.clone(), Some("[]")),
        ("an author without a name", archive, Some(r#"{"author": {"email": "a@example.com"}}"#)),
    ] {
        let answer = session.publish("/acme/hello/1.0.0", &Form::new(archive, metadata)).await?;
        demands::problem(&answer, 422).with_context(|| what.to_owned())?;
    }
    demands::problem(&session.get("/acme/hello", Media::Json).await?, 404)?;
    Ok(())
}
