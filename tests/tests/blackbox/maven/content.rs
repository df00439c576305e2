//! Bytes come out as they went in.

use std::fs;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use granary_tests::api::Visibility;
use granary_tests::maven::Version;
use granary_tests::maven::project::pom;
use granary_tests::package::noise;
use reqwest::StatusCode;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use url::Url;

use super::{Stage, path, read};

/// More than what is answered in place: a client is sent to the object store for it.
const LARGE: usize = 1_500_000;

/// A jar that is delivered by redirect and a POM that is not UTF-8, deployed and resolved by the client.
pub(crate) async fn large_jar_and_latin_1_pom(version: Version) -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let author = stage.maven(version)?;
    let project = author.consumer("deploying", &[])?;
    let (jar_file, pom_file) = (project.join("large.jar"), project.join("large-pom.xml"));
    let jar = noise("large", LARGE);
    let pom = latin_1(
        &pom("large", "1.0")
            .replace("UTF-8", "ISO-8859-1")
            .replace("</version>", "</version><description>Größe, Höhe, déjà vu</description>"),
    );
    ensure!(String::from_utf8(pom.clone()).is_err(), "this POM would be UTF-8 as well");
    fs::write(&jar_file, &jar)?;
    fs::write(&pom_file, &pom)?;
    let with_pom = [format!("pomFile={}", pom_file.display())];
    author.deploy_file(&project, &jar_file, "com.example:large:1.0:jar", &with_pom).await?.success()?;

    let path = path("large", "1.0");
    stage.repo.check_serves(&format!("{path}.jar"), &jar).await?;
    stage.repo.check_serves(&format!("{path}.pom"), &pom).await?;
    let (large, small) =
        (stage.repo.get(&format!("{path}.jar")).await?, stage.repo.get(&format!("{path}.pom")).await?);
    ensure!(!large.url().as_str().starts_with(stage.repo.url()), "{} is no redirect", large.url());
    ensure!(small.url().as_str().starts_with(stage.repo.url()), "{} is a redirect", small.url());

    let user = stage.maven(version)?;
    let consumer = user.consumer("consumer", &["com.example:large:1.0"])?;
    user.resolve(&consumer, false).await?.success()?;
    ensure!(read(&user.local(&format!("{path}.jar")))? == jar, "the jar has other bytes");
    ensure!(read(&user.local(&format!("{path}.pom")))? == pom, "the POM has other bytes");
    Ok(())
}

/// A client that goes away in the middle of a file leaves nothing, and does not stand in its own way later.
#[tokio::test]
async fn abandoned_upload_leaves_nothing() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let bytes = noise("abandoned", 600_000);
    let place = format!("{}.jar", path("abandoned", "1.0"));
    let address = Url::parse(&format!("{}{place}", stage.repo.url()))?;
    let port = address.port().context("no port")?;
    let token = STANDARD.encode(format!("token:{}", stage.repo.token().context("no token")?));
    let head = format!(
        "PUT {} HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Basic {token}\r\n\
         Content-Length: {}\r\n\r\n",
        address.path(),
        bytes.len()
    );
    for sent in [0, 1, 300_000, bytes.len() - 1] {
        let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
        connection.write_all(head.as_bytes()).await?;
        connection.write_all(bytes.get(..sent).context("too short")?).await?;
        drop(connection);
        for name in [place.as_str(), "com/example/abandoned/maven-metadata.xml"] {
            let status = stage.repo.status(name).await?;
            ensure!(status == StatusCode::NOT_FOUND, "{name} is {status} after {sent} bytes");
        }
    }
    stage.repo.deploy(&place, &bytes).await?;
    stage.repo.check_serves(&place, &bytes).await
}

/// The text in ISO-8859-1, which has a byte for each of the first 256 characters.
fn latin_1(text: &str) -> Vec<u8> {
    text.chars().filter_map(|character| u8::try_from(u32::from(character)).ok()).collect()
}
