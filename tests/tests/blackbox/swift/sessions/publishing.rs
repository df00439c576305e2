//! Publishing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;

/// Metadata that would change if it were decoded as its label says.
const METADATA: &str =
    "{\"description\": \"Größe=3D 测试\",\r\n \"licenseURL\": \"https://example.com/?a=3D\"}\n";

/// The first publish is a success that SwiftPM can report; others of the same release are refused, before their
/// bytes are sent.
pub(super) async fn published_once(version: Version) -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let mut session = Session::owner(&stage, version);
    let archive = HELLO.archive("acme.hello").await?;
    let form = Form::new(archive.clone(), Some(METADATA));
    let answer = session.publish("/acme/hello/1.0.0", &form).await?.expect(201)?;
    demands::check_version(&answer)?;
    let location = answer.field("location").context("no Location")?;
    ensure!(location == format!("{}acme/hello/1.0.0", stage.registry.url()), "{location}");
    let release = session.get("/acme/hello/1.0.0", Media::Json).await?;
    demands::checksum(&release)?;
    let metadata = &release.json()?["metadata"];
    ensure!(metadata["description"] == "Größe=3D 测试", "{metadata}");
    ensure!(metadata["licenseURL"] == "https://example.com/?a=3D", "{metadata}");

    let other = Form::new(Library { greeting: "other", ..HELLO }.archive("acme.hello").await?, None);
    for (form, release) in
        [(&form, "/acme/hello/1.0.0"), (&other, "/acme/hello/1.0.0"), (&other, "/ACME/Hello/1.0.0+x")]
    {
        let refused = session.refused(release, form).await?;
        ensure!(demands::problem(&refused, 409)?.contains("1.0.0"), "{refused}");
    }
    let checksum = session.checksum("/acme/hello/1.0.0").await?;
    ensure!(session.archive("/acme/hello/1.0.0", &checksum).await? == archive);
    Ok(())
}

/// Signatures are given out as they came, and the archive under them is not touched.
pub(super) async fn signed(version: Version) -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let mut session = Session::owner(&stage, version);
    let archive = HELLO.archive("acme.hello").await?;
    // Whether it is one is for those who trust somebody to find out.
    let (signature, of_metadata) = (noise("signature", 1_800), noise("signature of the metadata", 1_800));
    let form = Form {
        signature: Some(signature.clone()),
        metadata_signature: Some(of_metadata),
        ..Form::new(archive.clone(), Some(METADATA))
    };
    session.publish("/acme/hello/1.0.0", &form).await?.expect(201)?;
    let encoded = STANDARD.encode(signature);
    let release = session.get("/acme/hello/1.0.0", Media::Json).await?;
    let checksum = demands::checksum(&release)?;
    let signing = &release.json()?["resources"][0]["signing"];
    let expected = json!({"signatureBase64Encoded": encoded, "signatureFormat": "cms-1.0.0"});
    ensure!(*signing == expected, "{signing}");
    ensure!(session.archive("/acme/hello/1.0.0", &checksum).await? == archive, "the archive has other bytes");
    let headers = session.get("/acme/hello/1.0.0.zip", Media::Zip).await?;
    ensure!(headers.field("x-swift-package-signature-format") == Some("cms-1.0.0"), "{:?}", headers.fields);
    ensure!(headers.field("x-swift-package-signature") == Some(encoded.as_str()), "{:?}", headers.fields);
    Ok(())
}

/// libcurl waits for one second to be told to go on, and then sends all the same.
pub(super) async fn without_waiting(version: Version) -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let mut session = Session::owner(&stage, version);
    let form = Form::new(HELLO.archive("acme.hello").await?, Some(METADATA));
    let mut connection = session.publishing("/acme/hello/1.0.0", &form).await?;
    connection.send(&form.bytes()).await?;
    let mut answer = connection.answer(false).await?;
    if answer.status == 100 {
        answer = connection.answer(false).await?;
    }
    demands::check_version(&answer.expect(201)?)?;

    // The same when there is nothing to go on with: the answer is to be had before the connection breaks.
    let mut connection = session.publishing("/acme/hello/1.0.0", &form).await?;
    connection.send(&form.bytes()).await?;
    let mut refused = connection.answer(false).await?;
    if refused.status == 100 && session.gateway {
        refused = connection.answer(false).await?;
    }
    demands::problem(&refused, 409)?;
    Ok(())
}

/// A client that goes away in the middle of an archive leaves nothing, and does not stand in its own way later.
pub(super) async fn abandoned(version: Version) -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let mut session = Session::owner(&stage, version);
    let archive = HELLO.archive("acme.hello").await?;
    let form = Form::new(archive.clone(), Some(METADATA));
    let body = form.bytes();
    // The last one: the form's last line is not complete.
    for sent in [0, 1, archive.len(), body.len() - 5] {
        let mut connection = session.publishing("/acme/hello/1.0.0", &form).await?;
        connection.answer(false).await?.expect(100)?;
        connection.send(body.get(..sent).context("too short")?).await?;
        drop(connection);
        demands::problem(&session.get("/acme/hello", Media::Json).await?, 404)?;
    }
    session.published("/acme/hello/1.0.0", &archive).await?;
    Ok(())
}
