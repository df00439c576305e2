//! Many builds at once.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use granary_tests::package::noise;
use granary_tests::settings;

use super::{Stage, form, put, versions};

/// Requests at the same time.
const RIVALS: usize = 20;

/// Runs a line for each number in `$number` at once, and gives what each was answered, as `status number`.
async fn at_once(stage: &Stage, line: &str) -> Result<Vec<(String, usize)>> {
    let line = line.replacen("curl ", "curl -s -o \"answer-$number\" -w \"%{http_code} $number\\n\" ", 1);
    let script =
        format!("number=0; while [ $number -lt {RIVALS} ]; do {line} & number=$((number + 1)); done; wait");
    let outcome = stage.curl.run(stage.instance.url(), &stage.admin, &script).await?.success()?;
    let answers = outcome.stdout.lines().map(|line| {
        let (status, number) = line.split_once(' ').with_context(|| format!("'{line}'"))?;
        Ok((status.to_owned(), number.parse()?))
    });
    let answers = answers.collect::<Result<Vec<_>>>()?;
    ensure!(answers.len() == RIVALS, "{outcome}");
    Ok(answers)
}

/// Of many different files for one version exactly one is accepted, and it is the one that is served.
#[tokio::test]
async fn one_winner_for_one_version() -> Result<()> {
    let stage = Stage::new().await?;
    stage.create("my-lib").await?;
    for round in 0..settings::rounds(2) {
        let rival = |number: usize| noise(&format!("{round} {number}"), 4_000);
        for number in 0..RIVALS {
            stage.curl.write(format!("rival-{number}"), &rival(number))?;
        }
        let version = format!("1.{round}");
        let answers = at_once(&stage, &form("my-lib", &version, "rival-$number")).await?;
        let winners: Vec<usize> =
            answers.iter().filter(|(status, _)| status == "201").map(|(_, number)| *number).collect();
        let [winner] = winners.as_slice() else { bail!("{} won: {answers:?}", winners.len()) };
        let losers = answers.iter().filter(|(status, _)| status == "400").count();
        ensure!(losers == RIVALS - 1, "{answers:?}");
        ensure!(stage.download(&stage.admin, "my-lib", &version).await? == rival(*winner), "another one's");
        let product = stage.product("my-lib").await?;
        let path = &product["versions"][&version]["path"];
        ensure!(*path == format!("products/my-lib/{version}/rival-{winner}"), "{product}");
    }
    Ok(())
}

/// A build that sends the same file many times makes one version, and is told of the others that the file is there.
#[tokio::test]
async fn the_same_file_many_times() -> Result<()> {
    let stage = Stage::new().await?;
    stage.create("my-lib").await?;
    stage.curl.write("a.bin", &noise("a", 4_000))?;
    let answers = at_once(&stage, &form("my-lib", "1", "a.bin")).await?;
    let made = answers.iter().filter(|(status, _)| status == "201").count();
    ensure!(made == 1, "{answers:?}");
    for (_, number) in answers.iter().filter(|(status, _)| status != "201") {
        let told = String::from_utf8(stage.curl.read(&format!("answer-{number}"))?)?;
        ensure!(told.contains("already uploaded, with this very file"), "{told}");
    }
    ensure!(stage.download(&stage.admin, "my-lib", "1").await? == noise("a", 4_000));
    Ok(())
}

/// Many versions of one product at once are all there.
#[tokio::test]
async fn many_versions_at_once() -> Result<()> {
    let stage = Stage::new().await?;
    stage.create("my-lib").await?;
    stage.curl.write("a.bin", &noise("a", 4_000))?;
    let answers = at_once(&stage, &form("my-lib", "1.$number", "a.bin")).await?;
    ensure!(answers.iter().all(|(status, _)| status == "201"), "{answers:?}");
    let product = stage.product("my-lib").await?;
    let found: BTreeSet<String> = versions(&product)?.into_iter().map(str::to_owned).collect();
    let expected: BTreeSet<String> = (0..RIVALS).map(|number| format!("1.{number}")).collect();
    ensure!(found == expected, "{product}");
    Ok(())
}

/// Of many products of one name one is made.
#[tokio::test]
async fn one_product_of_a_name() -> Result<()> {
    let stage = Stage::new().await?;
    let line = put("/api/product/create") + " -d '{\"name\": \"my-lib\"}'";
    let answers = at_once(&stage, &line).await?;
    let made = answers.iter().filter(|(status, _)| status == "201").count();
    let taken = answers.iter().filter(|(status, _)| status == "400").count();
    ensure!(made == 1 && taken == RIVALS - 1, "{answers:?}");
    Ok(())
}
