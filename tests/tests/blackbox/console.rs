//! The console over HTTP, as the one process and as the functions on AWS serve it.

use anyhow::{Result, ensure};
use granary_tests::browser::{Browser, csrf};
use granary_tests::instance::Instance;
use reqwest::Method;

/// From the first page to a repository that the interface knows, and every page on the way.
#[tokio::test]
async fn a_browser_signs_in_makes_a_repository_and_sees_everything_of_it() -> Result<()> {
    let instance = Instance::new().await?;
    let mut browser = Browser::new(instance.url())?;
    let (user, repo, org) = (instance.name("paula"), instance.name("shelf"), instance.name("acme"));
    let (status, page) = browser.open("/").await?;
    ensure!(status == 200 && page.contains("/api/auth/sign-in"), "{status} {page}");
    let (status, to) = browser.open("/ui").await?;
    ensure!(status == 303 && to.contains("/api/auth/sign-in?to="), "{status} {to}");

    let page = browser.sign_in_to("/ui", &user).await?;
    ensure!(page.contains("Your repositories"), "{page}");
    let csrf = csrf(&page)?;
    let fields = [("name", repo.as_str()), ("visibility", "private"), ("type", "npm"), ("csrf", &csrf)];
    let (status, to) = browser.send("/ui/new", &fields).await?;
    ensure!(status == 303 && to.contains(&format!("/ui/repos/{repo}")), "{status} {to}");
    let (status, to) = browser.send("/ui/orgs", &[("slug", &org), ("name", "Acme"), ("csrf", &csrf)]).await?;
    ensure!(status == 303 && to.contains(&format!("/ui/orgs/{org}")), "{status} {to}");

    for path in [
        "/".to_owned(),
        "/ui".into(),
        "/ui/new".into(),
        format!("/ui/repos/{repo}"),
        format!("/ui/repos/{repo}/members"),
        format!("/ui/repos/{repo}/tokens"),
        format!("/ui/repos/{repo}/settings"),
        format!("/ui/repos/{repo}/audit"),
        "/ui/account".into(),
        "/ui/orgs".into(),
        format!("/ui/orgs/{org}"),
        format!("/ui/orgs/{org}/members"),
        format!("/ui/orgs/{org}/tokens"),
        format!("/ui/orgs/{org}/audit"),
        "/ui/selling".into(),
        format!("/ui/selling?org={org}"),
        "/ui/selling/licences".into(),
        "/ui/selling/consumers".into(),
        "/ui/artifacts".into(),
        format!("/ui/artifacts?org={org}"),
        "/ui/health".into(),
        "/ui/api".into(),
        "/openapi.json".into(),
    ] {
        let (status, page) = browser.open(&path).await?;
        ensure!(status == 200, "{path}: {status} {page}");
        ensure!(page.len() < 100_000 || path == "/openapi.json", "{path} has {} bytes", page.len());
    }
    let (status, page) = browser.open(&format!("/ui/repos/{repo}/npm/left-pad")).await?;
    ensure!(status == 404, "{status} {page}");
    let (status, _) = browser.open("/ui/no/such/page").await?;
    ensure!(status == 404, "{status}");

    // The interface knows it, and whose it is.
    let admin = instance.admin()?;
    let owner = admin.sign_in(&user).await?;
    let (status, answer) = owner.send(Method::GET, &format!("/api/repos/{repo}"), None).await?;
    ensure!(status.is_success() && answer.contains(&format!("\"ownerId\":\"{user}\"")), "{status} {answer}");

    // Others are told nothing; and signed out, this browser is nobody.
    let mut other = Browser::new(instance.url())?;
    other.sign_in_to("/ui", &instance.name("stranger")).await?;
    let (status, page) = other.open(&format!("/ui/repos/{repo}")).await?;
    ensure!(status == 404 && !page.contains("left"), "{status} {page}");
    let (status, _) = browser.send("/ui/sign-out", &[("csrf", &csrf)]).await?;
    ensure!(status == 303, "{status}");
    let (status, to) = browser.open(&format!("/ui/repos/{repo}")).await?;
    ensure!(status == 303 && to.contains("/api/auth/sign-in"), "{status} {to}");
    Ok(())
}

/// A form that another page has sent changes nothing.
#[tokio::test]
async fn a_forged_form_is_refused() -> Result<()> {
    let instance = Instance::new().await?;
    let mut browser = Browser::new(instance.url())?;
    let user = instance.name("fay");
    browser.sign_in_to("/ui", &user).await?;
    let name = instance.name("forged");
    let fields = [("name", name.as_str()), ("visibility", "private"), ("type", "npm"), ("csrf", "guess")];
    let (status, page) = browser.send("/ui/new", &fields).await?;
    ensure!(status == 403 && page.contains("nothing was changed"), "{status} {page}");
    let owner = instance.admin()?.sign_in(&user).await?;
    let (status, answer) = owner.send(Method::GET, &format!("/api/repos/{name}"), None).await?;
    ensure!(status.as_u16() == 404, "{status} {answer}");
    Ok(())
}
