//! Many publishers at once.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use granary_tests::package::noise;
use granary_tests::settings;
use granary_tests::told::signed_put;
use serde_json::{Value, json};

use super::{Push, Stage, get, hash, names, send};

/// Requests at the same time.
const RIVALS: usize = 20;

/// What one of them was answered.
struct Answer {
    status: String,
    number: usize,
    document: Value,
}

impl Stage {
    /// Sends `body-<number>.json` of the folder to a path, all at once.
    async fn at_once(&self, path: &str) -> Result<Vec<Answer>> {
        let line = send("POST", path).replacen(
            "curl ",
            "curl -s -o answer-$number.json -w \"%{http_code} $number\\n\" -d @body-$number.json ",
            1,
        );
        let script = format!(
            "number=0; while [ $number -lt {RIVALS} ]; do {line} & number=$((number + 1)); done; wait"
        );
        let outcome = self.curl.run(self.instance.url(), &self.author, &script).await?.success()?;
        let mut answers = Vec::new();
        for line in outcome.stdout.lines() {
            let (status, number) = line.split_once(' ').with_context(|| format!("'{line}'"))?;
            let document = serde_json::from_slice(&self.curl.read(&format!("answer-{number}.json"))?)?;
            answers.push(Answer { status: status.into(), number: number.parse()?, document });
        }
        ensure!(answers.len() == RIVALS, "{outcome}");
        Ok(answers)
    }

    /// Goes the first step and sends a package for each of them, and writes the body of the second step.
    async fn prepare(
        &self,
        entity: &str,
        version: impl Fn(usize) -> String,
        salt: &str,
        force: bool,
    ) -> Result<()> {
        for number in 0..RIVALS {
            let bytes = noise(&format!("{salt} {number}"), 3_000);
            let (version, sources) =
                (version(number), if force { salt.to_owned() } else { format!("{salt} {number}") });
            let push = Push { force, ..Push::new(&version, &sources, &bytes) };
            let begun = self.begin(entity, &push).await?.document("200")?;
            self.put(&begun, &bytes).await?;
            self.write(number, &begun, &push)?;
        }
        Ok(())
    }

    fn write(&self, number: usize, begun: &Value, push: &Push<'_>) -> Result<()> {
        let body = json!({
            "storage_path": begun["package"]["storage_path"], "version": push.version,
            "source_hash": hash(push.sources), "file_size_bytes": push.package.len(), "force": push.force,
        });
        self.curl.write(format!("body-{number}.json"), body.to_string().as_bytes())
    }
}

fn count(answers: &[Answer], status: &str, word: &str) -> usize {
    answers
        .iter()
        .filter(|answer| answer.status == status && (word.is_empty() || answer.document["status"] == word))
        .count()
}

/// Twenty uploads of one version: one is the version, and its bytes are served.
#[tokio::test]
async fn one_winner_for_one_version() -> Result<()> {
    let stage = Stage::new().await?;
    let app = stage.entity("app", "my-app").await?;
    for round in 0..settings::rounds(1) {
        let version = format!("2026.11.30-12{:02}{:02}", round / 60 % 60, round % 60);
        let salt = format!("round {round}");
        stage.prepare(&app, |_| version.clone(), &salt, false).await?;
        let answers = stage.at_once(&format!("/api/entities/{app}/versions/confirm")).await?;
        ensure!(count(&answers, "409", "") == RIVALS - 1, "{:?}", statuses(&answers));
        let winners: Vec<&Answer> = answers.iter().filter(|answer| answer.status == "201").collect();
        let [winner] = winners.as_slice() else { bail!("{} won", winners.len()) };
        let bytes = noise(&format!("{salt} {}", winner.number), 3_000);
        ensure!(
            stage.download(&stage.author, &app, &version).await? == bytes,
            "another one's bytes are served"
        );
    }
    Ok(())
}

fn statuses(answers: &[Answer]) -> Vec<(&str, &Value)> {
    answers.iter().map(|answer| (answer.status.as_str(), &answer.document)).collect()
}

/// One upload that is confirmed twenty times is one version, and everybody is told which.
#[tokio::test]
async fn one_upload_confirmed_many_times() -> Result<()> {
    let stage = Stage::new().await?;
    let app = stage.entity("app", "my-app").await?;
    let push = Push::new("2026.11.30-120000", "sources", b"package");
    let begun = stage.begin(&app, &push).await?.document("200")?;
    stage.put(&begun, push.package).await?;
    for number in 0..RIVALS {
        stage.write(number, &begun, &push)?;
    }
    let answers = stage.at_once(&format!("/api/entities/{app}/versions/confirm")).await?;
    ensure!(count(&answers, "201", "created") == 1, "{:?}", statuses(&answers));
    ensure!(count(&answers, "200", "exists") == RIVALS - 1, "{:?}", statuses(&answers));
    let ids: BTreeSet<&str> =
        answers.iter().filter_map(|answer| answer.document["version"]["id"].as_str()).collect();
    ensure!(ids.len() == 1, "{ids:?}");
    ensure!(names(&stage.listed(&app).await?) == ["2026.11.30-120000"]);
    Ok(())
}

/// The same sources under twenty versions at once: one is made, and the others are told of it.
#[tokio::test]
async fn dedupe() -> Result<()> {
    let stage = Stage::new().await?;
    let app = stage.entity("app", "my-app").await?;
    let mut begun = Vec::new();
    for number in 0..RIVALS {
        let (version, bytes) = (format!("2026.11.30-1200{number:02}"), noise(&number.to_string(), 3_000));
        let push = Push::new(&version, "the same", &bytes);
        let answer = stage.begin(&app, &push).await?.document("200")?;
        stage.put(&answer, &bytes).await?;
        stage.write(number, &answer, &push)?;
        begun.push(answer);
    }
    let answers = stage.at_once(&format!("/api/entities/{app}/versions/confirm")).await?;
    ensure!(count(&answers, "201", "created") == 1, "{:?}", statuses(&answers));
    ensure!(count(&answers, "200", "exists") == RIVALS - 1, "{:?}", statuses(&answers));
    let told: BTreeSet<&str> =
        answers.iter().filter_map(|answer| answer.document["version"]["version"].as_str()).collect();
    let list = stage.listed(&app).await?;
    ensure!(told.len() == 1 && names(&list) == told.into_iter().collect::<Vec<_>>(), "{list}");
    Ok(())
}

/// Forced, all twenty are made.
#[tokio::test]
async fn force() -> Result<()> {
    let stage = Stage::new().await?;
    let app = stage.entity("app", "my-app").await?;
    let version = |number: usize| format!("2026.11.30-1200{number:02}");
    stage.prepare(&app, version, "the same", true).await?;
    let answers = stage.at_once(&format!("/api/entities/{app}/versions/confirm")).await?;
    ensure!(count(&answers, "201", "created") == RIVALS, "{:?}", statuses(&answers));
    let expected: Vec<String> = (0..RIVALS).rev().map(version).collect();
    ensure!(names(&stage.listed(&app).await?) == expected);
    for number in [0, RIVALS - 1] {
        let bytes = stage.download(&stage.author, &app, &version(number)).await?;
        ensure!(bytes == noise(&format!("the same {number}"), 3_000), "{number}: other bytes");
    }
    Ok(())
}

/// Whatever becomes active while versions are deleted, the active one is there.
#[tokio::test]
async fn the_active_version_is_live() -> Result<()> {
    let stage = Stage::new().await?;
    let app = stage.entity("app", "my-app").await?;
    for round in 0..settings::rounds(3) {
        let mut versions = Vec::new();
        for number in 0..2 {
            let version = format!("2026.{:02}.{:02}-12000{number}", 1 + round / 28 % 12, 1 + round % 28);
            stage.push(&app, Push::new(&version, &version, version.as_bytes())).await?;
            versions.push(version);
        }
        let [stays, goes] = versions.as_slice() else { bail!("not two") };
        let active = send("PUT", &format!("/api/entities/{app}/versions/active"));
        let set = |version: &str| format!("{active} -s -o /dev/null -d '{{\"versionId\": \"{version}\"}}'");
        let remove = format!(
            "curl -s -o /dev/null -w '%{{http_code}}' -X DELETE \"$BASE/api/entities/{app}/versions/{goes}\" \
             -H \"Authorization: Bearer $TOKEN\""
        );
        let script = format!("{} & {} & {remove} & wait", set(goes), set(stays));
        let outcome = stage.curl.run(stage.instance.url(), &stage.author, &script).await?.success()?;
        ensure!(matches!(outcome.stdout.as_str(), "204" | "409"), "{outcome}");
        let told =
            stage.told(&get(&format!("/api/entities/{app}/versions/active"))).await?.document("200")?;
        let name = told["version"]["version"].as_str().context("no version")?;
        ensure!(
            names(&stage.listed(&app).await?).contains(&name),
            "round {round}: {name} is active and gone"
        );
        stage.download(&stage.author, &app, name).await?;
        // The next round begins with none of these.
        stage.told(&set(stays)).await?.expect("200")?;
    }
    Ok(())
}

/// Shares that are made while others are taken back: none is lost, and none stays.
#[tokio::test]
async fn shares() -> Result<()> {
    let stage = Stage::new().await?;
    let app = stage.entity("app", "my-app").await?;
    for number in 0..RIVALS {
        let name = format!("friend{number}");
        stage.user(&name).await?;
        let body = json!({"emails": [stage.email(&name)]});
        stage.curl.write(format!("body-{number}.json"), body.to_string().as_bytes())?;
    }
    let path = format!("/api/entities/{app}/shares");
    let answers = stage.at_once(&path).await?;
    let made = answers.iter().filter(|answer| answer.document["shares"][0]["id"].is_string()).count();
    ensure!(made == RIVALS, "{:?}", statuses(&answers));
    let first = answers.first().context("no answer")?.document["shares"][0]["id"].clone();
    let listed = stage.told(&get(&path)).await?.document("200")?;
    let shares = listed["shares"].as_array().with_context(|| format!("no shares: {listed}"))?;
    ensure!(shares.len() == RIVALS && shares.iter().any(|share| share["id"] == first), "{listed}");
    let ids: Vec<&str> = shares.iter().filter_map(|share| share["id"].as_str()).collect();
    let line = format!(
        "for share in {}; do curl -s -o /dev/null -w '%{{http_code}}\\n' -X DELETE \"$BASE{path}/$share\" \
         -H \"Authorization: Bearer $TOKEN\" & done; wait",
        ids.join(" ")
    );
    let outcome = stage.curl.run(stage.instance.url(), &stage.author, &line).await?.success()?;
    ensure!(outcome.stdout == "204\n".repeat(RIVALS), "{outcome}");
    let listed = stage.told(&get(&path)).await?.document("200")?;
    ensure!(listed["shares"] == json!([]), "{listed}");
    Ok(())
}

/// One name for one entity, however many want it.
#[tokio::test]
async fn one_entity_of_a_slug() -> Result<()> {
    let stage = Stage::new().await?;
    for number in 0..RIVALS {
        let body = json!({"type": "app", "slug": stage.instance.name("wanted"), "name": number.to_string()});
        stage.curl.write(format!("body-{number}.json"), body.to_string().as_bytes())?;
    }
    let answers = stage.at_once("/api/entities").await?;
    ensure!(
        count(&answers, "201", "") == 1 && count(&answers, "409", "") == RIVALS - 1,
        "{:?}",
        statuses(&answers)
    );
    Ok(())
}

/// Two packages at the address of one version: what is confirmed is what was sent last, whole.
#[tokio::test]
async fn sent_twice() -> Result<()> {
    let stage = Stage::new().await?;
    let app = stage.entity("app", "my-app").await?;
    let push = Push::new("2026.11.30-120000", "sources", b"second");
    let begun = stage.begin(&app, &push).await?.document("200")?;
    stage.put(&begun, b"first, and longer").await?;
    stage.curl.write("package.zip", push.package)?;
    stage.told(&signed_put(&begun["package"], "upload_url", "package.zip")?).await?.expect("200")?;
    stage.confirm(&app, &begun, &push).await?.document("201")?;
    ensure!(stage.download(&stage.author, &app, push.version).await? == push.package);
    Ok(())
}
