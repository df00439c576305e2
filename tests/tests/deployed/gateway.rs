//! Requests and answers on their way through the gateway: nothing is changed on it.

use std::io::Write;

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use granary_tests::api::{Api, Visibility};
use granary_tests::instance::Instance;
use granary_tests::maven::project::pom;
use granary_tests::package::{Package, noise};
use granary_tests::wire::{Answer, Connection};
use url::Url;

/// One request, written by hand.
async fn exchange(instance: &Instance, line: &str, fields: &str, body: &[u8]) -> Result<Answer> {
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    exchange_as_is(instance, line, &format!("{fields}{length}\r\n"), body).await
}

/// One request whose fields end the head by themselves.
async fn exchange_as_is(instance: &Instance, line: &str, fields: &str, body: &[u8]) -> Result<Answer> {
    let url = Url::parse(instance.url())?;
    let port = url.port().context("no port")?;
    let mut connection = Connection::open(([127, 0, 0, 1], port).into()).await?;
    let head = format!("{line} HTTP/1.1\r\nHost: localhost:{port}\r\n{fields}");
    connection.send(head.as_bytes()).await?;
    connection.send(body).await?;
    connection.answer(line.starts_with("HEAD ")).await
}

fn authorised(admin: &Api) -> String {
    format!("Authorization: Bearer {}\r\n", admin.token())
}

/// Bytes that are no text, text that is not UTF-8, and text that is.
#[tokio::test]
async fn bytes_in_both_directions() -> Result<()> {
    let instance = Instance::new().await?;
    let (admin, name) = (instance.admin()?, instance.name("bytes"));
    admin.create(&name, &["raw", "maven"], Visibility::Private).await?;
    let token = authorised(&admin);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(b"a file that is compressed and stays so")?;
    let latin_1 = pom("latin", "1.0")
        .replace("UTF-8", "ISO-8859-1")
        .replace("</version>", "</version><description>#</description>");
    let latin_1: Vec<u8> = latin_1.bytes().map(|byte| if byte == b'#' { 0xe9 } else { byte }).collect();
    for (path, kind, bytes) in [
        ("raw/@/tool/1.0/noise.bin", "application/octet-stream", noise("gateway", 200_000)),
        ("raw/@/tool/1.0/file.gz", "application/gzip", gzip.finish()?),
        ("raw/@/tool/1.0/text.txt", "text/plain; charset=utf-8", "Größe 測試 🐦\r\n".into()),
        ("raw/@/tool/1.0/replaced.json", "application/json", "\"\u{fffd} \u{feff}\"\r\n".into()),
        ("maven/@/com/example/latin/1.0/latin-1.0.pom", "application/octet-stream", latin_1),
    ] {
        let path = format!("/api/{}", path.replace('@', &name));
        let fields = format!("{token}Content-Type: {kind}\r\n");
        let sent = exchange(&instance, &format!("PUT {path}"), &fields, &bytes).await?;
        sent.expect(201).with_context(|| path.clone())?;
        let answer = exchange(&instance, &format!("GET {path}"), &token, b"").await?.expect(200)?;
        ensure!(answer.body == bytes, "{path}: {} of {} bytes", answer.body.len(), bytes.len());
        let head = exchange(&instance, &format!("HEAD {path}"), &token, b"").await?.expect(200)?;
        ensure!(head.field("content-length") == Some(bytes.len().to_string().as_str()), "{path}: {head}");
        ensure!(head.field("etag").is_some() && head.field("etag") == answer.field("etag"), "{path}: {head}");
    }
    Ok(())
}

/// The gateway takes bodies of some types for UTF-8 and damages what is not. Nothing damaged is kept, with a length or
/// without one, and the answer says how to send it.
#[tokio::test]
async fn bytes_under_the_wrong_type() -> Result<()> {
    let instance = Instance::new().await?;
    let (admin, name) = (instance.admin()?, instance.name("wrong"));
    admin.create(&name, &["raw", "maven"], Visibility::Private).await?;
    let token = authorised(&admin);
    // A byte that becomes three, and three that become three: the length alone would not tell.
    let (latin, cut) = (b"<caf\xe9/>".as_slice(), b"<\xf0\x9f\x90/>".as_slice());
    for (path, kind, bytes) in [
        ("raw/@/tool/1.0/latin.txt", "text/plain; charset=iso-8859-1", latin),
        ("raw/@/tool/1.0/cut.txt", "text/plain", cut),
        ("raw/@/tool/1.0/latin.json", "application/json", latin),
        ("maven/@/com/example/latin/1.0/latin-1.0.pom", "text/xml", latin),
        ("maven/@/com/example/latin/1.0/latin-1.0.xml", "application/xml", cut),
    ] {
        let line = format!("PUT /api/{}", path.replace('@', &name));
        let fields = format!("{token}Content-Type: {kind}\r\n");
        let refused = exchange(&instance, &line, &fields, bytes).await?.expect(400)?;
        ensure!(refused.to_string().contains("application/octet-stream"), "{refused}");
        let chunked = format!("{fields}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", bytes.len());
        let body = [bytes, b"\r\n0\r\n\r\n"].concat();
        let refused = exchange_as_is(&instance, &line, &chunked, &body).await?.expect(400)?;
        ensure!(refused.to_string().contains("application/octet-stream"), "{refused}");
        exchange(&instance, &line.replacen("PUT", "GET", 1), &token, b"").await?.expect(404)?;
    }
    Ok(())
}

/// A document that is compressed on its way, and one that is not.
#[tokio::test]
async fn compressed_documents() -> Result<()> {
    let instance = Instance::new().await?;
    let (admin, name) = (instance.admin()?, instance.name("gzip"));
    let registry = admin.create_repo(&name, Visibility::Private).await?;
    registry.publish(&Package::new("@acme/zipped", "1.0.0"), &["latest"]).await?.accepted()?;
    let line = format!("GET /api/npm/{name}/@acme%2fzipped");
    let plain = exchange(&instance, &line, &authorised(&admin), b"").await?.expect(200)?;
    ensure!(plain.field("content-encoding").is_none(), "{plain}");
    let fields = format!("{}Accept-Encoding: gzip\r\n", authorised(&admin));
    let zipped = exchange(&instance, &line, &fields, b"").await?.expect(200)?;
    ensure!(zipped.field("content-encoding") == Some("gzip"), "{:?}", zipped.fields);
    ensure!(zipped.json()? == plain.json()?, "{zipped}");
    let tag = zipped.field("etag").context("no ETag")?;
    let again = exchange(&instance, &line, &format!("{fields}If-None-Match: {tag}\r\n"), b"").await?;
    again.expect(304)?;
    Ok(())
}

/// Paths that two parties on the way could take for different things: they mean one thing here, or nothing.
#[tokio::test]
async fn unusual_paths() -> Result<()> {
    let instance = Instance::new().await?;
    let (admin, name) = (instance.admin()?, instance.name("paths"));
    let registry = admin.create_repo(&name, Visibility::Private).await?;
    registry.publish(&Package::new("@acme/path", "1.0.0"), &["latest"]).await?.accepted()?;
    admin.create(&instance.name("files"), &["raw"], Visibility::Private).await?;
    let token = authorised(&admin);
    for (path, status) in [
        ("@acme%2fpath", 200),
        ("@acme%2Fpath", 200),
        ("@acme/path", 200),
        ("%40acme%2fpath", 200),
        ("@acme%252fpath", 404),
        ("@acme/../path", 404),
        ("@acme//path", 404),
    ] {
        let answer = exchange(&instance, &format!("GET /api/npm/{name}/{path}"), &token, b"").await?;
        let fits = answer.status == status || status == 404 && answer.status == 400;
        ensure!(fits, "{path} is answered with {answer}");
    }
    let file = format!("/api/raw/{}/tool/1.0", instance.name("files"));
    exchange(&instance, &format!("PUT {file}/a%20b%2Bc.txt"), &token, b"spaces").await?.expect(201)?;
    for (path, status) in [("a%20b+c.txt", 200), ("a%20b%2bc.txt", 200), ("a+b+c.txt", 404)] {
        let answer = exchange(&instance, &format!("GET {file}/{path}"), &token, b"").await?;
        ensure!(answer.status == status, "{path} is answered with {answer}");
    }
    Ok(())
}

/// What only some answers have: a challenge, an address, a kind of their own, more than one of one name.
#[tokio::test]
async fn header_fields() -> Result<()> {
    let instance = Instance::new().await?;
    let (admin, name) = (instance.admin()?, instance.name("fields"));
    admin.create(&name, &["maven", "swift", "raw"], Visibility::Private).await?;
    let asked = exchange(&instance, &format!("GET /api/maven/{name}/a/b/1/b-1.jar"), "", b"").await?;
    let challenges: Vec<&str> = asked.all("www-authenticate").collect();
    ensure!(asked.status == 401 && challenges.concat().contains("Basic realm="), "{asked}");
    let path = format!("/api/swift/{name}/acme/nothing");
    let accept = "Accept: application/vnd.swift.registry.v1+json\r\n";
    let problem =
        exchange(&instance, &format!("GET {path}"), &format!("{}{accept}", authorised(&admin)), b"").await?;
    ensure!(problem.field("content-type") == Some("application/problem+json"), "{problem}");
    ensure!(problem.field("content-version") == Some("1"), "{problem}");

    let file = format!("/api/raw/{name}/tool/1.0/large.bin");
    let bytes = noise("large", 400_000);
    exchange(&instance, &format!("PUT {file}"), &authorised(&admin), &bytes).await?.expect(201)?;
    let sent = exchange(&instance, &format!("GET {file}"), &authorised(&admin), b"").await?;
    let target = Url::parse(sent.field("location").with_context(|| format!("no address: {sent}"))?)?;
    ensure!(target.host_str() != Some("localhost"), "a token would be sent along to {target}");
    let got = reqwest::Client::builder().no_proxy().build()?.get(target).send().await?;
    ensure!(got.bytes().await? == bytes, "the object store has other bytes");
    Ok(())
}
