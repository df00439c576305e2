//! Getting, using and giving up a token by the client's own commands.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::browser;
use granary_tests::package::Package;
use granary_tests::sandbox::Sandbox;
use granary_tests::session::Session;
use granary_tests::tool::{Manager, Tool};
use reqwest::StatusCode;

use super::Stage;

/// The client shows an address, the user signs in there with the browser, the client has a token; it works
/// until the logout.
pub(crate) async fn web_login(tool: Tool) -> Result<()> {
    let stage = Stage::new(tool, Visibility::Private).await?;
    let (user, _) = stage.member("ann", "write", "read").await?;
    let client = stage.other(None)?;
    let folder = client.consumer("elsewhere", &[])?;
    client.whoami(&folder).await?.failure(&["401", "login", "logged in", "No authentication"])?;

    let words: &[&str] = match tool.manager {
        Manager::YarnModern => &["npm", "login", "--web-login", "--always-auth"],
        _ => &["login"],
    };
    let mut session = client.session(&folder, words)?;
    if tool.manager == Manager::YarnModern {
        session.wait_for("open your browser").await?;
        session.type_line("n").await?;
    }
    let address = login_address(&mut session, stage.instance.url()).await?;
    browser::sign_in(&address, &user).await?;
    session.ended().await?.success()?;

    client.whoami(&folder).await?.success()?.says(&user)?;
    works_until_logout(&stage, &client, &folder).await
}

/// Waits for the address that the client shows.
async fn login_address(session: &mut Session, origin: &str) -> Result<String> {
    // Yarn names the registry itself first: the address is the last thing on a line with the origin.
    loop {
        session.wait_for(origin).await?;
        let text = session.wait_for("\n").await?;
        let found = text.lines().rev().find_map(|line| line.get(line.find(origin)?..));
        let address = found.context("no address")?.trim();
        if !address.contains("/api/npm/") || address.contains("login") {
            return Ok(address.to_owned());
        }
    }
}

/// A user name and, as the password, a token give the client a token of its own.
pub(crate) async fn password_login(tool: Tool) -> Result<()> {
    let stage = Stage::new(tool, Visibility::Private).await?;
    let (user, password) = stage.member("ann", "write", "write").await?;
    let client = stage.other(None)?;
    let folder = client.consumer("elsewhere", &[])?;

    for (secret, right) in [("art_no_such_token", false), (password.as_str(), true)] {
        let words: &[&str] = match tool.manager {
            Manager::YarnModern => &["npm", "login", "--always-auth"],
            _ => &["login", "--auth-type=legacy"],
        };
        let mut session = client.session(&folder, words)?;
        session.wait_for("Username:").await?;
        session.type_line(&user).await?;
        session.wait_for("Password:").await?;
        session.type_line(secret).await?;
        let outcome = session.ended().await?;
        ensure!((outcome.code == Some(0)) == right, "{outcome}");
    }
    client.whoami(&folder).await?.success()?.says(&user)?;
    works_until_logout(&stage, &client, &folder).await
}

async fn works_until_logout(stage: &Stage, client: &Sandbox, folder: &Path) -> Result<()> {
    let package = Package::new("@acme/by-login", "1.0.0");
    let source = super::write(client, &package)?;
    client.publish(&source, &[]).await?.success()?;
    let packument = stage.registry.packument(&package.name).await?;
    ensure!(packument["versions"]["1.0.0"].is_object());

    if client.tool.manager == Manager::YarnModern {
        // It only forgets the token itself.
        client.run(folder, &["npm", "logout"]).await?.success()?;
    } else {
        let token = token_in(&client.home())?;
        client.run(folder, &["logout"]).await?.success()?;
        // Not only forgotten by the client: ended.
        ensure!(
            status_with(stage, &token).await? == StatusCode::UNAUTHORIZED,
            "the token outlived the logout"
        );
    }
    client.whoami(folder).await?.failure(&["401", "login", "logged in", "No authentication"])?;
    Ok(())
}

/// The token that npm or pnpm has written into its configuration.
fn token_in(home: &Path) -> Result<String> {
    let files = [".npmrc", ".config/pnpm/auth.ini", ".config/pnpm/rc"].map(|name| home.join(name));
    files
        .iter()
        .filter_map(|file| std::fs::read_to_string(file).ok())
        .flat_map(|text| text.lines().map(ToOwned::to_owned).collect::<Vec<_>>())
        .find_map(|line| Some(line.split_once(":_authToken=")?.1.trim().trim_matches('"').to_owned()))
        .context("the client has saved no token")
}

/// `npm token`: create, use, list, revoke.
pub(crate) async fn token_commands(tool: Tool) -> Result<()> {
    let stage = Stage::new(tool, Visibility::Private).await?;
    let (_, token) = stage.member("ann", "write", "write").await?;
    let client = stage.other(Some(&token))?;
    let folder = client.consumer("elsewhere", &[])?;

    let before = listed(&client, &folder).await?;
    let words: &[&str] = if tool.major() >= 11 {
        &["token", "create", "--json", "--name", "from-npm"]
    } else {
        &["token", "create", "--json"]
    };
    let mut create = client.session(&folder, words)?;
    create.wait_for("password:").await?;
    create.type_line(&token).await?;
    let made = create.ended().await?.success()?;
    // The prompt stands before the document.
    let text = made.stdout.split_once('{').map(|(_, rest)| format!("{{{rest}")).context("no document")?;
    let made: serde_json::Value = serde_json::from_str(&text)?;
    let fresh = made["token"].as_str().context("no token")?;
    ensure!(status_with(&stage, fresh).await? == StatusCode::NOT_FOUND, "the new token does not read");

    // npm keeps the key to itself when it creates a token.
    let after = listed(&client, &folder).await?;
    let new: Vec<&String> = after.difference(&before).collect();
    let [key] = new.as_slice() else {
        anyhow::bail!("one token more than {before:?} was expected: {after:?}")
    };
    client.run(&folder, &["token", "revoke", key]).await?.success()?;
    ensure!(status_with(&stage, fresh).await? == StatusCode::UNAUTHORIZED, "the revoked token still works");
    ensure!(listed(&client, &folder).await? == before);
    ensure!(status_with(&stage, &token).await? == StatusCode::NOT_FOUND, "another token was revoked too");
    Ok(())
}

/// Keys of the tokens that `npm token list` shows. It must not show a whole token.
async fn listed(client: &Sandbox, folder: &Path) -> Result<BTreeSet<String>> {
    let list = client.run(folder, &["token", "list", "--json"]).await?.success()?.json()?;
    let tokens = list.as_array().context("no list")?;
    ensure!(
        tokens.iter().all(|token| token["token"].as_str().is_some_and(|shown| shown.len() < 20)),
        "{list}"
    );
    Ok(tokens.iter().filter_map(|token| token["key"].as_str()).map(ToOwned::to_owned).collect())
}

/// How the registry answers `token` about a package that does not exist.
async fn status_with(stage: &Stage, token: &str) -> Result<StatusCode> {
    Ok(stage.registry.with_token(Some(token)).read("plain-absent").await?.status)
}
