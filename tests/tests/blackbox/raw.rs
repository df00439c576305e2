//! Raw files with curl, in the words of the manual.

use anyhow::{Context, Result, ensure};
use granary_tests::api::{Api, Visibility};
use granary_tests::curl::Curl;
use granary_tests::instance::Instance;
use granary_tests::outcome::Outcome;
use granary_tests::package::noise;

mod licences;

/// Uploads of one file at the same time.
const RIVALS: usize = 20;

/// The manual's name for the repository. In what is sent, that of the repository is in its place.
const REPO: &str = "my-raw-repo";

/// A registry with one repository, and curl with the owner's token.
pub(crate) struct Stage {
    pub(crate) instance: Instance,
    admin: Api,
    pub(crate) curl: Curl,
}

impl Stage {
    pub(crate) async fn new(visibility: Visibility) -> Result<Self> {
        let instance = Instance::new().await?;
        let admin = instance.admin()?;
        admin.create(&instance.name(REPO), &["raw"], visibility).await?;
        Ok(Self { instance, admin, curl: Curl::new()? })
    }

    /// Runs a line with the owner's token; curl itself must succeed.
    async fn curl(&self, line: &str) -> Result<Outcome> {
        self.curl_as(self.admin.token(), line).await
    }

    async fn curl_as(&self, token: &str, line: &str) -> Result<Outcome> {
        let line = line.replace(REPO, &self.instance.name(REPO));
        self.curl.run(self.instance.url(), token, &line).await?.success()
    }

    /// Uploads a file of the folder to the version 1.0.0 of `my-tool`.
    pub(crate) async fn upload(&self, name: &str, content: &[u8]) -> Result<()> {
        self.curl.write(name, content)?;
        let line = format!(
            "curl -s -X PUT \"$BASE/api/raw/my-raw-repo/my-tool/1.0.0/{name}\" \
             -H \"Authorization: Bearer $TOKEN\" -H \"Content-Type: application/octet-stream\" \
             --data-binary \"@{name}\""
        );
        let answer = self.curl(&line).await?;
        ensure!(answer.json()?["ok"] == true, "{answer}");
        Ok(())
    }

    /// The status of a request with these arguments, with the owner's token unless they carry another one.
    pub(crate) async fn status(&self, arguments: &str) -> Result<String> {
        let line = format!("curl -s -o answer -w '%{{http_code}}' {arguments}");
        Ok(self.curl(&line).await?.stdout)
    }
}

/// Upload, list, download and delete, each as the manual says it.
#[tokio::test]
async fn the_manual_word_for_word() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let (zip, binary) = (noise("zip", 12_345), noise("binary", 400_000));
    stage.curl.write("my-tool.zip", &zip)?;
    let line = "curl -s -X PUT \
        \"$BASE/api/raw/my-raw-repo/my-tool/1.0.0/my-tool.zip\" \
        -H \"Authorization: Bearer $TOKEN\" \
        -H \"Content-Type: application/zip\" \
        --data-binary \"@my-tool.zip\" -w '%{stderr}%{http_code}'";
    let answer = stage.curl(line).await?;
    ensure!(answer.stderr.ends_with("201") && answer.json()?["ok"] == true, "{answer}");
    stage.upload("my-tool-linux-amd64", &binary).await?;

    let listed = stage
        .curl("curl -s \"$BASE/api/raw/my-raw-repo/my-tool\" -H \"Authorization: Bearer $TOKEN\"")
        .await?;
    let list = listed.json()?;
    ensure!(list["name"] == "my-tool" && list["latestVersion"] == "1.0.0", "{listed}");
    let [version] = list["versions"].as_array().context("no versions")?.as_slice() else {
        anyhow::bail!("not one version: {listed}");
    };
    ensure!(version["version"] == "1.0.0" && version["size"] == zip.len() + binary.len(), "{listed}");
    ensure!(version["publishedAt"].as_str().is_some_and(|time| time.ends_with('Z')), "{listed}");

    // The manual's words; -L for the one that the object store answers.
    for (name, bytes, follow) in [("my-tool.zip", &zip, ""), ("my-tool-linux-amd64", &binary, "-L")] {
        std::fs::remove_file(stage.curl.folder().join(name))?;
        let line = format!(
            "curl -s {follow} -O \"$BASE/api/raw/my-raw-repo/my-tool/1.0.0/{name}\" \
             -H \"Authorization: Bearer $TOKEN\""
        );
        stage.curl(&line).await?;
        ensure!(stage.curl.read(name)? == *bytes, "{name} has other bytes");
    }

    let delete = "curl -s -X DELETE \"$BASE/api/raw/my-raw-repo/my-tool/1.0.0/my-tool.zip\" \
        -H \"Authorization: Bearer $TOKEN\"";
    let deleted = stage.curl(delete).await?;
    ensure!(deleted.json()?["ok"] == true, "{deleted}");
    let gone = "\"$BASE/api/raw/my-raw-repo/my-tool/1.0.0/my-tool.zip\" -H \"Authorization: Bearer $TOKEN\"";
    ensure!(stage.status(gone).await? == "404");
    let kept = "-L \"$BASE/api/raw/my-raw-repo/my-tool/1.0.0/my-tool-linux-amd64\" -H \"Authorization: Bearer $TOKEN\"";
    ensure!(stage.status(kept).await? == "200");
    Ok(())
}

/// The upload form adds a file as a `PUT` does.
#[tokio::test]
async fn the_upload_form_word_for_word() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let zip = noise("zip", 300_000);
    stage.curl.write("my-tool.zip", &zip)?;
    let line = "curl -s \"$BASE/api/packages/upload\" \
        -X POST \
        -H \"Authorization: Bearer $TOKEN\" \
        -F \"repoId=my-raw-repo\" \
        -F \"packageName=my-tool\" \
        -F \"version=1.0.0\" \
        -F \"packageType=raw\" \
        -F \"description=My tool binary\" \
        -F \"file=@./my-tool.zip\" -w '%{stderr}%{http_code}'";
    let answer = stage.curl(line).await?;
    ensure!(answer.stderr.ends_with("201"), "{answer}");
    let file = "\"$BASE/api/raw/my-raw-repo/my-tool/1.0.0/my-tool.zip\" -H \"Authorization: Bearer $TOKEN\"";
    ensure!(stage.status(&format!("-L {file}")).await? == "200");
    ensure!(stage.curl.read("answer")? == zip, "other bytes came back");
    // It is the same file for the other way in: the same bytes are a success, others are not.
    stage.upload("my-tool.zip", &zip).await?;
    stage.curl.write("my-tool.zip", b"changed")?;
    let refused = stage.curl(line).await?;
    ensure!(refused.stderr.ends_with("409"), "{refused}");
    Ok(())
}

/// Of many different files for one path exactly one is accepted, and it is the one that is served.
#[tokio::test]
async fn one_winner_for_one_file() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let rival = |number: usize| noise(&format!("rival {number}"), 4_000);
    for number in 0..RIVALS {
        stage.curl.write(format!("rival-{number}"), &rival(number))?;
    }
    let file = "\"$BASE/api/raw/my-raw-repo/my-tool/1.0.0/tool.bin\" -H \"Authorization: Bearer $TOKEN\"";
    let line = format!(
        "number=0; while [ $number -lt {RIVALS} ]; do \
         curl -s -o /dev/null -w \"%{{http_code}} $number\\n\" -X PUT --data-binary @rival-$number {file} & \
         number=$((number + 1)); done; wait"
    );
    let told = stage.curl(&line).await?;
    let winners: Vec<&str> = told.stdout.lines().filter_map(|line| line.strip_prefix("201 ")).collect();
    let losers = told.stdout.lines().filter(|line| line.starts_with("409 ")).count();
    let [winner] = winners.as_slice() else { anyhow::bail!("{} won: {told}", winners.len()) };
    ensure!(losers == RIVALS - 1, "{told}");
    ensure!(stage.status(file).await? == "200");
    ensure!(stage.curl.read("answer")? == rival(winner.parse()?), "another one is served than {winner}");
    Ok(())
}

/// Headers, ranges and revalidation, for a file that is answered in place and one that is not.
#[tokio::test]
async fn headers_ranges_and_revalidation() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    for (name, size) in [("small.json", 2_000), ("large.json", 600_000)] {
        let bytes = noise(name, size);
        stage.upload(name, &bytes).await?;
        let file =
            format!("\"$BASE/api/raw/my-raw-repo/my-tool/1.0.0/{name}\" -H \"Authorization: Bearer $TOKEN\"");

        let head = stage.curl(&format!("curl -s -I {file}")).await?;
        let headers = head.stdout.to_lowercase();
        ensure!(headers.starts_with("http/1.1 200"), "{name}: {head}");
        for expected in [
            format!("content-length: {size}\r\n"),
            "content-type: application/json\r\n".into(),
            "content-disposition: attachment".into(),
            "etag: ".into(),
        ] {
            ensure!(headers.contains(&expected), "{name} lacks {expected}: {head}");
        }
        stage.curl(&format!("curl -s -L -o answer {file}")).await?;
        ensure!(stage.curl.read("answer")? == bytes, "{name} has other bytes");

        let part = stage.status(&format!("-L -r 100-299 {file}")).await?;
        ensure!(part == "206", "{name}: a range is answered with {part}");
        ensure!(
            stage.curl.read("answer")? == bytes.get(100..300).context("too short")?,
            "{name}: wrong part"
        );
        let end = stage.status(&format!("-L -r -50 {file}")).await?;
        let got = stage.curl.read("answer")?;
        ensure!(end == "206" && got.len() == 50 && bytes.ends_with(&got), "{name}: the end is {end}");
        let beyond = stage.status(&format!("-L -r 900000- {file}")).await?;
        ensure!(beyond == "416", "{name}: a range beyond the end is answered with {beyond}");

        // A download that broke off goes on where it stopped.
        stage.curl.write("resumed", bytes.get(..1_000).context("too short")?)?;
        stage.curl(&format!("curl -s -L -C - -o resumed {file}")).await?;
        ensure!(stage.curl.read("resumed")? == bytes, "{name} was not resumed");

        let tag = headers
            .lines()
            .find_map(|line| line.strip_prefix("etag: "))
            .context("no ETag")?
            .trim()
            .to_owned();
        let unchanged = stage.status(&format!("-L -H 'If-None-Match: {tag}' {file}")).await?;
        ensure!(unchanged == "304", "{name}: revalidation is answered with {unchanged}");
        let changed = stage.status(&format!("-L -H 'If-None-Match: \"other\"' {file}")).await?;
        ensure!(changed == "200", "{name}: another ETag is answered with {changed}");
    }
    Ok(())
}

/// A stranger downloads from a public repository and does nothing else; a private one asks who it is.
#[tokio::test]
async fn strangers() -> Result<()> {
    let stage = Stage::new(Visibility::Public).await?;
    let bytes = noise("public", 300_000);
    stage.upload("tool.bin", &bytes).await?;
    let file = "\"$BASE/api/raw/my-raw-repo/my-tool/1.0.0/tool.bin\"";
    ensure!(stage.status(&format!("-L {file}")).await? == "200");
    ensure!(stage.curl.read("answer")? == bytes);
    ensure!(stage.status("\"$BASE/api/raw/my-raw-repo/my-tool\"").await? == "200");
    let upload = "-X PUT --data-binary @tool.bin \"$BASE/api/raw/my-raw-repo/my-tool/1.0.0/other.bin\"";
    ensure!(stage.status(upload).await? == "401");
    ensure!(stage.status(&format!("-X DELETE {file}")).await? == "401");
    ensure!(stage.status("\"$BASE/api/raw/my-raw-repo/my-tool/1.0.0/other.bin\"").await? == "404");

    let closed = stage.instance.name("closed");
    stage.admin.create(&closed, &["raw"], Visibility::Private).await?;
    for path in ["my-tool", "my-tool/1.0.0/tool.bin"] {
        let status = stage.status(&format!("\"$BASE/api/raw/{closed}/{path}\"")).await?;
        ensure!(status == "401", "{path}: {status}");
    }
    Ok(())
}

/// Each token does what its scope says: reading, writing, deleting.
#[tokio::test]
async fn scopes() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    stage.upload("tool.bin", b"tool").await?;
    let owner = stage.admin.sign_in("admin").await?;
    let reader = owner.repo_token(&stage.instance.name(REPO), &["read"]).await?;
    let writer = owner.repo_token(&stage.instance.name(REPO), &["write"]).await?;
    let file = "\"$BASE/api/raw/my-raw-repo/my-tool/1.0.0/tool.bin\"";
    let other = "\"$BASE/api/raw/my-raw-repo/my-tool/1.0.0/other.bin\"";
    let cases = [
        (&reader, file.to_owned(), "200"),
        (&reader, format!("-X PUT --data-binary @tool.bin {other}"), "403"),
        (&reader, format!("-X DELETE {file}"), "403"),
        (&writer, format!("-X PUT --data-binary @tool.bin {other}"), "201"),
        (&writer, format!("-X DELETE {file}"), "403"),
    ];
    for (token, arguments, expected) in cases {
        let line =
            format!("curl -s -o answer -w '%{{http_code}}' -H \"Authorization: Bearer $TOKEN\" {arguments}");
        let status = stage.curl_as(token, &line).await?.stdout;
        ensure!(status == expected, "{arguments}: {status}, not {expected}");
    }
    Ok(())
}

/// A file keeps its bytes: the same again is a success, others are refused, also after it was deleted.
#[tokio::test]
async fn files_do_not_change() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    stage.upload("tool.bin", b"tool").await?;
    stage.upload("tool.bin", b"tool").await?;
    stage.curl.write("changed.bin", b"changed")?;
    let file = "\"$BASE/api/raw/my-raw-repo/my-tool/1.0.0/tool.bin\" -H \"Authorization: Bearer $TOKEN\"";
    let replace = format!("-X PUT --data-binary @changed.bin {file}");
    ensure!(stage.status(&replace).await? == "409");
    ensure!(stage.status(file).await? == "200" && stage.curl.read("answer")? == b"tool");
    ensure!(stage.status(&format!("-X DELETE {file}")).await? == "200");
    ensure!(stage.status(&replace).await? == "409");
    ensure!(stage.status(file).await? == "404");
    Ok(())
}
