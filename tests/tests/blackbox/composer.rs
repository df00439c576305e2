//! Composer repositories: packages for sale, and the customers who install them.

use anyhow::Result;
use granary_tests::composer::Composer;
use granary_tests::composer::library::Library;
use granary_tests::instance::Instance;
use granary_tests::seller::{Consumer, Seller};

mod access;
mod installing;
mod licences;
mod seed;
mod versions;

/// A registry, and a seller with one Composer repository in it.
struct Stage {
    /// Held: dropping it ends its server.
    instance: Instance,
    seller: Seller,
    /// Name of the repository.
    repo: String,
}

impl Stage {
    async fn new() -> Result<Self> {
        let instance = Instance::new().await?;
        let seller = Seller::new(&instance.admin()?, instance.url(), &instance.name("seller")).await?;
        let repo = instance.name("shop");
        seller.create(&repo, &["composer"]).await?;
        Ok(Self { instance, seller, repo })
    }

    /// Address of the repository.
    fn url(&self) -> String {
        format!("{}/composer/{}", self.instance.url(), self.repo)
    }

    /// Puts a package up for sale and publishes these versions of it.
    async fn package(&self, name: &str, versions: &[&str]) -> Result<u64> {
        let package = self.seller.package(&self.repo, name).await?;
        for version in versions {
            self.seller.publish(package, &Library::new(name, version)).await?;
        }
        Ok(package)
    }

    /// A consumer with these permissions.
    async fn consumer(&self, permissions: &[(u64, &str)]) -> Result<Consumer> {
        let consumer = self.seller.consumer("one@example.com").await?;
        for (package, version) in permissions {
            self.seller.permit(&consumer, *package, version).await?;
        }
        Ok(consumer)
    }

    /// A Composer that is logged in as this consumer.
    fn composer(&self, consumer: &Consumer) -> Result<Composer> {
        Composer::new(&self.url(), Some(consumer.login()))
    }
}
