//! Files under the names that they were uploaded with, as a whole and in part.

use anyhow::{Context, Result, ensure};
use granary_tests::package::noise;
use granary_tests::wire::{Answer, Connection};
use url::Url;

use super::{Stage, get};

/// Names of files that are more than letters.
const NAMES: [&str; 7] = [
    "my lib 1.0 (final).tar.gz",
    "größe.zip",
    "測試 🐦.bin",
    "it's a 100% + more & less; really.txt",
    "a,b=c.d",
    "tool",
    ".config",
];

impl Stage {
    /// The answer to `GET` or `HEAD`, with its fields as they came.
    async fn head_of(&self, method: &str, path: &str) -> Result<Answer> {
        let port = Url::parse(self.instance.url())?.port().context("no port")?;
        let mut connection = Connection::open(([127, 0, 0, 1], port).into()).await?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nX-Api-Token: {}\r\n\r\n",
            self.admin
        );
        connection.send(head.as_bytes()).await?;
        connection.answer(method == "HEAD").await
    }
}

/// What a client makes of a disposition: the extended form goes before the other (RFC 6266).
fn file_name(disposition: &str) -> Result<String> {
    let rest = disposition.strip_prefix("attachment; ").with_context(|| format!("'{disposition}'"))?;
    if let Some((_, encoded)) = rest.split_once("filename*=UTF-8''") {
        let pairs = format!("name={}", encoded.replace('+', "%2B"));
        let url = Url::parse(&format!("http://localhost/?{pairs}"))?;
        let found = url.query_pairs().next().map(|(_, name)| name.into_owned());
        return found.with_context(|| format!("'{disposition}'"));
    }
    let quoted = rest.strip_prefix("filename=\"").and_then(|rest| rest.strip_suffix('"'));
    Ok(quoted.with_context(|| format!("'{disposition}'"))?.replace("\\\"", "\"").replace("\\\\", "\\"))
}

/// Names come back as they were sent, whatever is in them.
#[tokio::test]
async fn names_come_back() -> Result<()> {
    let stage = Stage::new().await?;
    stage.create("my-lib").await?;
    for (number, name) in NAMES.iter().enumerate() {
        let bytes = noise(name, 1_000);
        stage.curl.write(name, &bytes)?;
        stage.upload(&stage.admin, "my-lib", &number.to_string(), name).await?.empty("201")?;
        std::fs::remove_file(stage.curl.folder().join(name))?;

        let path = format!("/api/product/download/my-lib/{number}");
        let answer = stage.head_of("GET", &path).await?.expect(200)?;
        ensure!(answer.body == bytes, "{name}: other bytes");
        let disposition = answer.field("content-disposition").with_context(|| format!("{answer}"))?;
        ensure!(disposition.is_ascii(), "{name}: {disposition}");
        ensure!(file_name(disposition)? == *name, "{name}: {disposition}");
        if name.is_ascii() {
            // curl, which saves a file under the name that it is told.
            stage.told(&(get(&path) + " -L -OJ")).await?.expect("200")?;
            ensure!(stage.curl.read(name)? == bytes, "{name} was not saved");
        }
    }
    Ok(())
}

/// `HEAD`, ranges and revalidation, for a file that is answered in place and one that is not.
#[tokio::test]
async fn headers_ranges_and_revalidation() -> Result<()> {
    let stage = Stage::new().await?;
    stage.create("my-lib").await?;
    for (version, size) in [("small", 2_000), ("large", 600_000)] {
        let bytes = noise(version, size);
        stage.curl.write("a.bin", &bytes)?;
        stage.upload(&stage.admin, "my-lib", version, "a.bin").await?.empty("201")?;
        let path = format!("/api/product/download/my-lib/{version}");

        let head = stage.head_of("HEAD", &path).await?.expect(200)?;
        for (field, expected) in [
            ("content-length", size.to_string().as_str()),
            ("content-type", "application/octet-stream"),
            ("content-disposition", "attachment; filename=\"a.bin\""),
        ] {
            ensure!(head.field(field) == Some(expected), "{version}: {field}: {head}");
        }
        let tag = head.field("etag").context("no ETag")?.to_owned();

        ensure!(stage.download(&stage.admin, "my-lib", version).await? == bytes, "{version}: other bytes");
        for (range, status, part) in [
            ("100-299", "206", bytes.get(100..300)),
            ("-50", "206", bytes.get(size - 50..)),
            ("1000-", "206", bytes.get(1000..)),
            ("900000-", "416", None),
        ] {
            let line = format!("{} -L -r {range} -o part", get(&path));
            stage.told(&line).await?.expect(status)?;
            ensure!(
                part.is_none_or(|part| stage.curl.read("part").is_ok_and(|got| got == part)),
                "{version}: {range}"
            );
        }
        // A download that broke off goes on where it stopped.
        stage.curl.write("resumed", bytes.get(..1_000).context("too short")?)?;
        stage.told(&(get(&path) + " -L -C - -o resumed")).await?.expect("206")?;
        ensure!(stage.curl.read("resumed")? == bytes, "{version} was not resumed");

        let unchanged = format!("{} -L -o again -H 'If-None-Match: {tag}'", get(&path));
        stage.told(&unchanged).await?.expect("304")?;
        let changed = format!("{} -L -o again -H 'If-None-Match: \"other\"'", get(&path));
        stage.told(&changed).await?.expect("200")?;
    }
    Ok(())
}
