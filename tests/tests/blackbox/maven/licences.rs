//! Customers with the key of a licence as their password.

use anyhow::{Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::instance::Instance;
use granary_tests::maven::project::pom;
use granary_tests::maven::repository::{MavenRepository, texts};
use granary_tests::maven::{Maven, Version};
use granary_tests::seller::Seller;
use reqwest::StatusCode;
use serde_json::json;

use super::{jar, path, read};

/// What Maven prints when there is no such version.
const NO_SUCH_VERSION: &[&str] = &["could not find artifact"];

/// The newest version that the licence covers is the end of a range; a newer one is as unknown as one that was never
/// deployed, in the metadata, at its address and to the customer's Maven; and a customer deploys nothing.
pub(crate) async fn covered_versions_resolve(version: Version) -> Result<()> {
    let instance = Instance::new().await?;
    let seller = Seller::new(&instance.admin()?, instance.url(), &instance.name("seller")).await?;
    let repo = seller.api().create_maven_repo(&instance.name("shop"), Visibility::Private).await?;
    for (artifact, number) in [("paid", "1.0"), ("paid", "1.10"), ("paid", "2.0"), ("other", "1.0")] {
        let path = path(artifact, number);
        repo.deploy(&format!("{path}.jar"), &jar(artifact, number)).await?;
        repo.deploy(&format!("{path}.pom"), pom(artifact, number).as_bytes()).await?;
    }
    let limit = json!({"constraint": {"type": "version", "value": "(,2.0)"}});
    let licence = seller.licence(&["com.example:paid"], limit).await?;
    let customer = Maven::new(version, repo.url(), Some(&licence.key))?;

    let project = customer.consumer("ranged", &["com.example:paid:[1,)"])?;
    customer.resolve(&project, false).await?.success()?;
    ensure!(read(&project.join("target/dependency/paid-1.10.jar"))? == jar("paid", "1.10"));
    let project = customer.consumer("newer", &["com.example:paid:2.0"])?;
    customer.resolve(&project, false).await?.failure(NO_SUCH_VERSION)?;
    let project = customer.consumer("deploying", &[])?;
    let file = project.join("intruder.jar");
    std::fs::write(&file, jar("intruder", "1.0"))?;
    let refused = customer.deploy_file(&project, &file, "com.example:intruder:1.0:jar", &[]).await?;
    refused.failure(&["403", "forbidden"])?;
    ensure!(repo.status(&format!("{}.jar", path("intruder", "1.0"))).await? == StatusCode::NOT_FOUND);

    let seen = MavenRepository::new(repo.url(), Some(&licence.key), seller.api().http().clone());
    let metadata = seen.metadata("com/example/paid").await?;
    ensure!(texts(&texts(&metadata, "versions").concat(), "version") == ["1.0", "1.10"], "{metadata}");
    ensure!(texts(&metadata, "release") == ["1.10"] && texts(&metadata, "latest") == ["1.10"], "{metadata}");
    seen.check_serves(&format!("{}.jar", path("paid", "1.10")), &jar("paid", "1.10")).await?;
    for ending in [".jar", ".jar.sha1", ".pom"] {
        for (known, unknown) in
            [(path("paid", "2.0"), path("paid", "3.0")), (path("other", "1.0"), path("ether", "1.0"))]
        {
            let (one, other) = (
                seen.get(&format!("{known}{ending}")).await?,
                seen.get(&format!("{unknown}{ending}")).await?,
            );
            ensure!(
                one.status() == StatusCode::NOT_FOUND && other.status() == StatusCode::NOT_FOUND,
                "{known}{ending}"
            );
            let (one, other) = (one.text().await?, other.text().await?);
            ensure!(
                one.replace("2.0", "3.0").replace("other", "ether") == other,
                "told apart: {one} {other}"
            );
        }
    }
    Ok(())
}
