//! Customers with the key of a licence as their token.

use anyhow::{Result, ensure};
use granary_tests::secured::Secured;
use granary_tests::seller::Seller;
use granary_tests::swift::project::Library;
use granary_tests::swift::registry::SwiftRegistry;
use granary_tests::swift::{Swift, resolved};
use reqwest::Method;
use serde_json::json;

use super::{HELLO, REPO};

/// The newest release that the licence covers is chosen; a newer one is as unknown as one that was never published; and
/// a customer publishes nothing.
#[tokio::test]
async fn covered_releases_resolve() -> Result<()> {
    let secured = Secured::new().await?;
    let instance = secured.instance();
    let admin = instance.admin()?.reached_by(secured.http()?);
    let seller = Seller::new(&admin, instance.url(), &instance.name("seller")).await?;
    let repo = instance.name(REPO);
    seller.create(&repo, &["swift"]).await?;
    let url = format!("{}/api/swift/{repo}/", secured.front().url());
    let owner = Swift::logged_in(&url, &secured.certificates(), seller.api().token()).await?;
    for (id, version, greeting) in [
        ("acme.hello", "1.0.0", "old"),
        ("acme.hello", "1.1.0", "fine"),
        ("acme.hello", "2.0.0", "new"),
        ("acme.other", "1.0.0", "other"),
    ] {
        let project = owner.library(&format!("{id}-{version}"), &Library { greeting, ..HELLO })?;
        owner.publish(&project, id, version, &[]).await?.success()?;
    }
    let limit = json!({"constraint": {"type": "version", "value": "<2.0.0"}});
    let licence = seller.licence(&["acme.hello"], limit).await?;

    let customer = Swift::logged_in(&url, &secured.certificates(), &licence.key).await?;
    let dependency = "id: \"acme.hello\", \"1.0.0\"..<\"3.0.0\"";
    let program = customer.program("program", dependency, "acme.hello", "Hello")?;
    customer.resolve(&program).await?.success()?;
    ensure!(resolved(&program)? == ["acme.hello 1.1.0"], "{:?}", resolved(&program)?);
    let newer = customer.program("newer", "id: \"acme.hello\", exact: \"2.0.0\"", "acme.hello", "Hello")?;
    customer.resolve(&newer).await?.failure(&["acme.hello"])?;
    let other = customer.program("other", "id: \"acme.other\", from: \"1.0.0\"", "acme.other", "Hello")?;
    customer.resolve(&other).await?.failure(&["package not found on registry"])?;
    let library = customer.library("intruder", &HELLO)?;
    customer.publish(&library, "acme.intruder", "1.0.0", &[]).await?.failure(&["server error 403: "])?;

    let seen = SwiftRegistry::new(&url, Some(&licence.key), admin.http().clone());
    let list = seen.document("acme/hello").await?;
    ensure!(!list.to_string().contains("2.0.0") && list["releases"]["1.1.0"].is_object(), "{list}");
    for (known, unknown) in [
        ("acme/hello/2.0.0", "acme/hello/3.0.0"),
        ("acme/hello/2.0.0.zip", "acme/hello/3.0.0.zip"),
        ("acme/hello/2.0.0/Package.swift", "acme/hello/3.0.0/Package.swift"),
        ("acme/other", "acme/ether"),
        ("acme/other/1.0.0.zip", "acme/ether/1.0.0.zip"),
    ] {
        let (one, two) = (seen.send(Method::GET, known).await?, seen.send(Method::GET, unknown).await?);
        ensure!(one.status() == 404 && two.status() == 404, "{known}: {} {}", one.status(), two.status());
        let (one, two) = (one.text().await?, two.text().await?);
        ensure!(one.replace("2.0.0", "3.0.0").replace("other", "ether") == two, "told apart: {one} {two}");
    }
    Ok(())
}
