//! Who gets nothing, and what they are told.

use anyhow::{Context, Result, ensure};
use granary_tests::composer::library::Library;
use granary_tests::composer::{Composer, Login, locked};
use granary_tests::seller::{Consumer, Seller};
use reqwest::header::{IF_MODIFIED_SINCE, LAST_MODIFIED};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::Stage;

impl Stage {
    /// Asks for a path of the server, or an address on it.
    async fn ask(&self, path: &str, login: Login<'_>) -> Result<Response> {
        let path = path.strip_prefix(self.instance.url()).unwrap_or(path);
        let request = self.seller.api().http().get(format!("{}{path}", self.instance.url()));
        Ok(request.basic_auth(login.0, Some(login.1)).send().await?)
    }

    /// The repository's root document.
    async fn root(&self, consumer: &Consumer) -> Result<Value> {
        let response = self.ask(&format!("{}/packages.json", self.url()), consumer.login()).await?;
        Ok(response.error_for_status()?.json().await?)
    }
}

/// The member of the root document with the address of something, filled in.
fn address(root: &Value, member: &str, hole: &str, filling: &str) -> Result<String> {
    let template = root[member].as_str().with_context(|| format!("no {member}: {root}"))?;
    Ok(template.replace(hole, filling))
}

/// A consumer whose permission is taken back cannot install what the lock file names, and reads why.
#[tokio::test]
async fn revoked_between_lock_and_install() -> Result<()> {
    let stage = Stage::new().await?;
    let package = stage.package("acme/hello", &["4.0.9", "5.1.0"]).await?;
    let consumer = stage.consumer(&[(package, "4.*")]).await?;
    let permission = stage.seller.permit(&consumer, package, "5.*").await?;
    let composer = stage.composer(&consumer)?;
    let project = composer.project("app", &[("acme/hello", "*")])?;
    composer.update(&project).await?.success()?;
    composer.check_installed(&project, &Library::new("acme/hello", "5.1.0")).await?;

    stage.seller.forbid(permission).await?;
    composer.forget(&project)?;
    let refused = composer.install(&project).await?.failure(&["403"])?;
    refused.says("does not cover")?;
    ensure!(!project.join("vendor/acme/hello").exists(), "it was installed");
    composer.update(&project).await?.success()?;
    composer.check_installed(&project, &Library::new("acme/hello", "4.0.9")).await?;
    Ok(())
}

/// Without a login, with a wrong password and with somebody else's there is nothing to be had.
#[tokio::test]
async fn wrong_logins_are_refused() -> Result<()> {
    let stage = Stage::new().await?;
    let package = stage.package("acme/hello", &["1.0.0"]).await?;
    let (one, two) = (stage.consumer(&[(package, "*")]).await?, stage.consumer(&[(package, "*")]).await?);
    let wrong: [Option<Login<'_>>; 4] = [
        None,
        Some((&one.public_key, "no-such-private-key")),
        Some((&one.public_key, &two.private_key)),
        Some((&one.private_key, &one.public_key)),
    ];
    for (number, login) in wrong.into_iter().enumerate() {
        let composer = Composer::new(&stage.url(), login)?;
        let project = composer.project("app", &[("acme/hello", "*")])?;
        let refused = composer.update(&project).await?;
        refused.failure(&["401", "invalid credentials"]).with_context(|| format!("login {number}"))?;
    }
    let composer = stage.composer(&two)?;
    let project = composer.project("app", &[("acme/hello", "*")])?;
    composer.update(&project).await?.success()?;
    Ok(())
}

/// The licence of another seller for a package of that name opens nothing here: the repository is not even there.
#[tokio::test]
async fn another_sellers_customers_find_nothing() -> Result<()> {
    let stage = Stage::new().await?;
    stage.package("acme/hello", &["1.0.0"]).await?;
    let instance = &stage.instance;
    let rival = Seller::new(&instance.admin()?, instance.url(), &instance.name("rival")).await?;
    let licence = rival.licence(&["acme/hello"], json!({})).await?;
    let mut refused = Vec::new();
    for url in [stage.url(), stage.url().replace("/shop", "/sham")] {
        let composer = Composer::new(&url, Some(("anybody", &licence.key)))?;
        let project = composer.project("app", &[("acme/hello", "*")])?;
        refused.push(composer.update(&project).await?.failure(&["404"])?);
    }
    let [known, unknown] = refused.as_slice() else { anyhow::bail!("two were tried") };
    known.same_failure("shop", unknown, "sham")
}

/// What another customer has bought is in no list, no search and no answer, and no attempt to get it tells it from
/// what is not there.
#[tokio::test]
async fn other_customers_packages_are_not_shown() -> Result<()> {
    let stage = Stage::new().await?;
    let (hello, other) =
        (stage.package("acme/hello", &["1.0.0"]).await?, stage.package("acme/other", &["1.0.0"]).await?);
    let (mine, theirs) =
        (stage.consumer(&[(hello, "*")]).await?, stage.consumer(&[(other, "*"), (hello, "*")]).await?);
    let composer = stage.composer(&mine)?;
    let project = composer.project("app", &[])?;
    for command in
        [&["search", "acme"][..], &["search", "-N", "acme"], &["show", "-a"], &["show", "-a", "acme/*"]]
    {
        let shown = composer.run(&project, command).await?.success()?;
        shown.says("acme/hello")?.without(&["acme/other"])?;
    }
    let known = composer.require(&project, "acme/other").await?;
    let unknown = composer.require(&project, "acme/ether").await?;
    known.same_failure("acme/other", &unknown, "acme/ether")?;

    let root = stage.root(&mine).await?;
    ensure!(!root.to_string().contains("acme/other"), "{root}");
    let theirs_file = stage.root(&theirs).await?;
    let theirs_file = address(&theirs_file, "metadata-url", "%package%", "acme/other")?;
    let document: Value = stage.ask(&theirs_file, theirs.login()).await?.error_for_status()?.json().await?;
    let dist = document["packages"]["acme/other"][0]["dist"]["url"].as_str().context("no dist")?.to_owned();
    ensure!(stage.ask(&dist, theirs.login()).await?.status() == StatusCode::OK, "{dist}");
    for path in [theirs_file.clone(), theirs_file.replace(".json", "~dev.json"), dist] {
        let (known, unknown) = (
            stage.ask(&path, mine.login()).await?,
            stage.ask(&path.replace("/other", "/ether"), mine.login()).await?,
        );
        ensure!(
            known.status() == StatusCode::NOT_FOUND && unknown.status() == StatusCode::NOT_FOUND,
            "{path}"
        );
        let (known, unknown) = (known.text().await?, unknown.text().await?);
        ensure!(known.replace("/other", "/ether") == unknown, "told apart: {known} {unknown}");
    }
    for (member, hole, filling) in [("search", "%query%", "other"), ("list", "", "")] {
        let found = address(&root, member, hole, filling)?.replace("%type%", "");
        let found = stage.ask(&found, mine.login()).await?.error_for_status()?.text().await?;
        ensure!(!found.contains("acme/other"), "{member}: {found}");
    }
    Ok(())
}

/// Nobody is told "not modified" who may not have what they hold, nor by a date that somebody else was given: the cache
/// of Composer is one for all logins.
#[tokio::test]
async fn cached_documents_are_not_confirmed_to_others() -> Result<()> {
    let stage = Stage::new().await?;
    let package = stage.package("acme/hello", &["1.0.0", "2.0.0"]).await?;
    let (one, two) = (stage.consumer(&[(package, "*")]).await?, stage.consumer(&[(package, "1.*")]).await?);
    let path = address(&stage.root(&one).await?, "metadata-url", "%package%", "acme/hello")?;
    let revalidate = async |login: Login<'_>, date: &str| -> Result<Response> {
        let request = stage.seller.api().http().get(format!("{}{path}", stage.instance.url()));
        Ok(request.basic_auth(login.0, Some(login.1)).header(IF_MODIFIED_SINCE, date).send().await?)
    };
    // There is no date while the last change is so young that a second one could hide in the same second.
    let mut date = None;
    for _ in 0..100 {
        let response = stage.ask(&path, one.login()).await?.error_for_status()?;
        date = response
            .headers()
            .get(LAST_MODIFIED)
            .map(|date| date.to_str().map(ToOwned::to_owned))
            .transpose()?;
        if date.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let date = date.context("there never was a Last-Modified")?;
    let unchanged = revalidate(one.login(), &date).await?;
    ensure!(unchanged.status() == StatusCode::NOT_MODIFIED, "{}", unchanged.status());
    ensure!(unchanged.bytes().await?.is_empty(), "a 304 with a body");
    let composer = stage.composer(&one)?;
    for (name, consumer, found) in [
        ("one", &one, "acme/hello 2.0.0"),
        ("two", &two, "acme/hello 1.0.0"),
        ("again", &one, "acme/hello 2.0.0"),
    ] {
        composer.log_in(consumer.login())?;
        let project = composer.project(name, &[("acme/hello", "*")])?;
        composer.update(&project).await?.success()?;
        ensure!(locked(&project)? == [found], "{:?}", locked(&project)?);
    }
    let others = revalidate(two.login(), &date).await?;
    ensure!(others.status() == StatusCode::OK, "{}", others.status());
    let others = others.text().await?;
    ensure!(others.contains("1.0.0") && !others.contains("2.0.0"), "{others}");

    stage.seller.publish(package, &Library::new("acme/hello", "3.0.0")).await?;
    let changed = revalidate(one.login(), &date).await?;
    ensure!(changed.status() == StatusCode::OK && changed.text().await?.contains("3.0.0"));
    Ok(())
}
